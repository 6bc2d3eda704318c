//! Events that come with nearly every command, straight to their stored form; the others by way of [`put`](super::put).

use prost::Message;

use super::super::field;
use super::super::wire::Writer;
use super::put;
use crate::exchange::event::{Event, Fill, FillSide};

pub(super) fn event(out: &mut Writer, event: &Event) {
    match event {
        Event::OrderAccepted { .. } => out.nested(17, |out| accepted(out, event)),
        Event::OrderRested { order, price, lots } => out.nested(19, |out| {
            out.number(1, order.0);
            out.number(2, price.0);
            out.number(3, lots.0);
        }),
        Event::OrderReduced {
            order,
            lots,
            released,
            cause,
        } => out.nested(20, |out| {
            out.number(1, order.0);
            out.number(2, lots.0);
            out.amount(3, *released);
            out.choice(4, field::put_reduce_cause(*cause));
        }),
        Event::OrderAmended {
            order,
            price,
            lots,
            released,
            hold,
            expires_at,
        } => out.nested(21, |out| {
            out.number(1, order.0);
            out.number(2, price.0);
            out.number(3, lots.0);
            out.amount(4, *released);
            out.amount(5, *hold);
            out.number(6, expires_at.0);
        }),
        Event::Traded(traded) => out.nested(22, |out| fill(out, traded)),
        Event::OrderClosed {
            order,
            cause,
            lots,
            released,
        } => out.nested(23, |out| {
            out.number(1, order.0);
            out.choice(2, field::put_close_cause(*cause));
            out.number(3, lots.0);
            out.amount(4, *released);
        }),
        Event::LevelChanged {
            market,
            side,
            price,
            lots,
        } => out.nested(24, |out| {
            out.number(1, market.0);
            out.choice(2, field::put_side(*side));
            out.number(3, price.0);
            out.number(4, lots.0);
        }),
        rare => put::event(rare).encode_raw(out.buffer()),
    }
}

fn accepted(out: &mut Writer, event: &Event) {
    let Event::OrderAccepted {
        order,
        account,
        market,
        side,
        kind,
        price,
        lots,
        hold,
        expires_at,
    } = event
    else {
        return;
    };
    out.number(1, order.0);
    out.number(2, account.0);
    out.number(3, market.0);
    out.choice(4, field::put_side(*side));
    out.choice(5, field::put_order_kind(*kind));
    out.number(6, price.0);
    out.number(7, lots.0);
    out.amount(8, *hold);
    out.number(9, expires_at.0);
}

fn fill(out: &mut Writer, fill: &Fill) {
    out.number(1, fill.number.0);
    out.number(2, fill.market.0);
    out.number(3, fill.price.0);
    out.number(4, fill.lots.0);
    out.choice(5, field::put_side(fill.taker));
    out.amount(6, fill.base);
    out.amount(7, fill.quote);
    out.amount(8, fill.royalty);
    out.nested(9, |out| side(out, &fill.buyer));
    out.nested(10, |out| side(out, &fill.seller));
}

fn side(out: &mut Writer, side: &FillSide) {
    out.number(1, side.order.0);
    out.number(2, side.signed_by.0);
    out.number(3, side.account.0);
    out.amount(4, side.fee);
    out.amount(5, side.released);
}
