//! Events that come with nearly every command, written where they will lie.
//!
//! An event that is put together elsewhere and then copied costs several times as much as the writing of it: the copy reads large words
//! that small ones were just written to, and a processor waits for those. So a blank event is appended first, and then filled in.

use souk_schema::exchange::event::CloseCause;
use souk_schema::exchange::{AccountId, Amount, Event, Lots, MarketId, OrderId, OrderKind, Side, Ticks, UnixMillis};

const ACCEPTED: Event = Event::OrderAccepted {
    order: OrderId(0),
    account: AccountId(0),
    market: MarketId(0),
    side: Side::Buy,
    kind: OrderKind::Limit,
    price: Ticks(0),
    lots: Lots(0),
    hold: Amount::ZERO,
    expires_at: UnixMillis(0),
};

const RESTED: Event = Event::OrderRested {
    order: OrderId(0),
    price: Ticks(0),
    lots: Lots(0),
};

const AMENDED: Event = Event::OrderAmended {
    order: OrderId(0),
    price: Ticks(0),
    lots: Lots(0),
    released: Amount::ZERO,
    hold: Amount::ZERO,
    expires_at: UnixMillis(0),
};

const LEVEL_CHANGED: Event = Event::LevelChanged {
    market: MarketId(0),
    side: Side::Buy,
    price: Ticks(0),
    lots: Lots(0),
};

const CLOSED: Event = Event::OrderClosed {
    order: OrderId(0),
    cause: CloseCause::Filled,
    lots: Lots(0),
    released: Amount::ZERO,
};

/// `OrderRested`.
#[inline(always)]
pub(super) fn rested(events: &mut Vec<Event>, order: OrderId, price: Ticks, lots: Lots) {
    events.push(RESTED);
    if let Some(Event::OrderRested {
        order: to_order,
        price: to_price,
        lots: to_lots,
    }) = events.last_mut()
    {
        *to_order = order;
        *to_price = price;
        *to_lots = lots;
    }
}

/// `OrderAmended`.
#[inline(always)]
pub(super) fn amended(
    events: &mut Vec<Event>,
    order: OrderId,
    price: Ticks,
    lots: Lots,
    released: Amount,
    hold: Amount,
    expires_at: UnixMillis,
) {
    events.push(AMENDED);
    if let Some(Event::OrderAmended {
        order: to_order,
        price: to_price,
        lots: to_lots,
        released: to_released,
        hold: to_hold,
        expires_at: to_expires_at,
    }) = events.last_mut()
    {
        *to_order = order;
        *to_price = price;
        *to_lots = lots;
        *to_released = released;
        *to_hold = hold;
        *to_expires_at = expires_at;
    }
}

/// `OrderAccepted` of a limit order.
#[inline(always)]
pub(super) fn accepted(
    events: &mut Vec<Event>,
    order: OrderId,
    (account, market, side): (AccountId, MarketId, Side),
    (price, lots): (Ticks, Lots),
    hold: Amount,
    expires_at: UnixMillis,
) {
    events.push(ACCEPTED);
    if let Some(Event::OrderAccepted {
        order: to_order,
        account: to_account,
        market: to_market,
        side: to_side,
        price: to_price,
        lots: to_lots,
        hold: to_hold,
        expires_at: to_expires_at,
        ..
    }) = events.last_mut()
    {
        *to_order = order;
        *to_account = account;
        *to_market = market;
        *to_side = side;
        *to_price = price;
        *to_lots = lots;
        *to_hold = hold;
        *to_expires_at = expires_at;
    }
}

/// `LevelChanged`.
#[inline(always)]
pub(super) fn level_changed(events: &mut Vec<Event>, market: MarketId, side: Side, price: Ticks, lots: Lots) {
    events.push(LEVEL_CHANGED);
    if let Some(Event::LevelChanged {
        market: to_market,
        side: to_side,
        price: to_price,
        lots: to_lots,
    }) = events.last_mut()
    {
        *to_market = market;
        *to_side = side;
        *to_price = price;
        *to_lots = lots;
    }
}

/// `OrderClosed`.
#[inline(always)]
pub(super) fn closed(events: &mut Vec<Event>, order: OrderId, cause: CloseCause, lots: Lots, released: Amount) {
    events.push(CLOSED);
    if let Some(Event::OrderClosed {
        order: to_order,
        cause: to_cause,
        lots: to_lots,
        released: to_released,
    }) = events.last_mut()
    {
        *to_order = order;
        *to_cause = cause;
        *to_lots = lots;
        *to_released = released;
    }
}
