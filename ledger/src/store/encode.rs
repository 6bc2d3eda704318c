//! The rows that a batch makes many of, as COPY buffers. The columns of each table stand here once, beside the values that fill them.

use souk_schema::exchange::event::FillSide;
use souk_schema::exchange::{GroupId, Side, SignedOrder};
use souk_schema::pg_copy::CopyBuffer;

use super::signed;
use crate::fold::{Changes, NewFill, TouchedOrder};
use crate::posting::Transaction;

/// Rows that are copied in.
#[derive(Debug, Default)]
pub struct Encoded {
    /// Transactions, each with its postings.
    pub transactions: CopyBuffer,
    /// Fills.
    pub fills: CopyBuffer,
    /// Orders that are new.
    pub orders: CopyBuffer,
    /// Orders that were signed anew.
    pub orders_again: CopyBuffer,
    /// Where the things of accounts are.
    pub activity: CopyBuffer,
    /// Those, which have an older row.
    pub replaced_orders: Vec<i64>,
}

impl Encoded {
    pub(super) const TRANSACTION: &'static str =
        "transaction (group_id, number, time, kind, instrument, debited, credited, amount, reference)";
    pub(super) const ACTIVITY: &'static str =
        "account_activity (group_id, account, first_number, last_number, transactions, fills, orders)";
    pub(super) const FILL: &'static str = "fill (group_id, number, market, matched_by, time, price, lots, taker, base, quote, royalty, \
         buyer, buyer_order, buyer_signed_by, buyer_fee, seller, seller_order, seller_signed_by, seller_fee)";
    pub(super) const ORDER: &'static str = "exchange_order (group_id, id, account, market, side, kind, time_in_force, post_only, \
         self_trade, nonce, client_order_id, base_amount, limit_price, fee_cap, display_amount, trigger_price, expiry_secs, \
         good_until_secs, signer, signature, signed_by, placed_at, price, lots, remaining, expires_at, filled_lots, filled_quote, fees, \
         status, updated_at)";
}

/// Encodes what is copied in of a batch's changes.
pub fn encode(group: GroupId, changes: &Changes) -> Encoded {
    let group = i64::from(group.0);
    let mut encoded = Encoded::default();
    for transaction in &changes.transactions {
        encode_transaction(group, transaction, &mut encoded.transactions);
    }
    if let Some((first, last)) = changes.transactions.first().zip(changes.transactions.last()) {
        for (account, activity) in &changes.activity {
            encoded
                .activity
                .row(7)
                .int8(group)
                .int8(account.0.into())
                .int8(signed(first.number.0))
                .int8(signed(last.number.0))
                .int8_array(activity.transactions.iter().copied())
                .int8_array(activity.fills.iter().copied())
                .int8_array(activity.orders.iter().copied());
        }
    }
    for fill in &changes.fills {
        encode_fill(group, fill, &mut encoded.fills);
    }
    // By account, as the indexes are: one entry then goes beside the other.
    let mut orders: Vec<_> = changes.orders.iter().collect();
    orders.sort_unstable_by_key(|touched| (touched.state.account, touched.order));
    for touched in orders {
        if let Some(text) = &touched.state.signed {
            let buffer = if touched.state.is_new {
                &mut encoded.orders
            } else {
                encoded.replaced_orders.push(signed(touched.order.0));
                &mut encoded.orders_again
            };
            encode_order(group, touched, text, buffer);
        }
    }
    encoded
}

fn encode_transaction(group: i64, transaction: &Transaction, buffer: &mut CopyBuffer) {
    let postings = || transaction.postings.iter();
    buffer
        .row(9)
        .int8(group)
        .int8(signed(transaction.number.0))
        .int8(signed(transaction.time.0))
        .int2_array(postings().map(|posting| posting.kind.number().into()))
        .int8_array(postings().map(|posting| posting.instrument.0.into()))
        .int8_array(postings().map(|posting| posting.debited.code()))
        .int8_array(postings().map(|posting| posting.credited.code()))
        .numeric_array(postings().map(|posting| posting.amount.0))
        .int8_array(postings().map(|posting| posting.reference.cast_signed()));
}

fn number(side: Side) -> i16 {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

fn encode_fill(group: i64, new: &NewFill, buffer: &mut CopyBuffer) {
    let fill = &new.fill;
    buffer
        .row(19)
        .int8(group)
        .int8(signed(fill.number.0))
        .int8(fill.market.0.into())
        .int8(signed(new.matched_by.0))
        .int8(signed(new.time.0))
        .numeric_u128(fill.price.0.into())
        .numeric_u128(fill.lots.0.into())
        .int2(number(fill.taker))
        .numeric_u128(fill.base.0)
        .numeric_u128(fill.quote.0)
        .numeric_u128(fill.royalty.0);
    for FillSide {
        order,
        signed_by,
        account,
        fee,
        ..
    } in [fill.buyer, fill.seller]
    {
        buffer
            .int8(account.0.into())
            .int8(signed(order.0))
            .int8(signed(signed_by.0))
            .numeric_u128(fee.0);
    }
}

fn encode_order(group: i64, touched: &TouchedOrder, text: &SignedOrder, buffer: &mut CopyBuffer) {
    let (state, instructions) = (&touched.state, &text.instructions);
    buffer
        .row(31)
        .int8(group)
        .int8(signed(touched.order.0))
        .int8(state.account.0.into())
        .int8(state.market.0.into())
        .int2(number(state.side))
        .int2(instructions.kind.number().into())
        .int2(instructions.time_in_force.number().into())
        .int2(instructions.post_only.number().into())
        .int2(instructions.self_trade.number().into())
        .numeric_u128(text.nonce.into());
    if instructions.client_order_id.is_zero() {
        buffer.null();
    } else {
        buffer.bytea(instructions.client_order_id.as_slice());
    }
    buffer
        .numeric_u128(text.base_amount.0)
        .numeric_u128(text.limit_price.0)
        .numeric_u128(text.fee_cap.0)
        .numeric_u128(instructions.display_amount.0)
        .numeric_u128(instructions.trigger_price.0)
        .int8(signed(text.expiry_secs))
        .int8(signed(instructions.good_until_secs))
        .address(&text.signer)
        .bytea(&text.signature.0)
        .int8(signed(state.signed_by.0))
        .int8(signed(state.placed_at.0))
        .numeric_u128(state.price.0.into())
        .numeric_u128(state.lots.0.into())
        .numeric_u128(state.remaining.0.into())
        .int8(signed(state.expires_at.0))
        .numeric_u128(state.filled.lots.0.into())
        .numeric_u128(state.filled.quote.0)
        .numeric_u128(state.filled.fees.0)
        .text(&state.status.word())
        .int8(signed(state.updated_at.0));
}
