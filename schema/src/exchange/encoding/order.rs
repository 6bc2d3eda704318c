//! `order.proto`: signed orders and markets.

use alloy_primitives::{Address, B256};

use super::field::{self, Result, put, put_amount, put_token, required};
use super::v1;
use super::wire::{Reader, Writer};
use crate::exchange::id::UnixMillis;
use crate::exchange::market::{FeeSchedule, MarketKind, MarketLimits, MarketSpec};
use crate::exchange::order::{Instructions, OrderKind, PostOnly, SelfTrade, Side, Signature, SignedOrder, TimeInForce};
use crate::exchange::quantity::{Lots, MarketUnits, Ppm, Ticks};

pub(super) fn put_order(order: &SignedOrder) -> v1::SignedOrder {
    let signer = if order.signer == order.account {
        bytes::Bytes::new()
    } else {
        put(order.signer.as_slice())
    };
    v1::SignedOrder {
        account: put(order.account.as_slice()),
        market: put(order.market.as_slice()),
        side: field::put_side(order.side),
        base_amount: put_amount(order.base_amount),
        limit_price: put_amount(order.limit_price),
        fee_cap: put_amount(order.fee_cap),
        nonce: order.nonce,
        expiry_secs: order.expiry_secs,
        instructions: Some(put_instructions(&order.instructions)),
        signature: put(&order.signature.0),
        signer,
    }
}

/// As [`put_order`], without the generated type between.
pub(super) fn write_order(out: &mut Writer, order: &SignedOrder) {
    out.bytes(1, order.account.as_slice());
    out.bytes(2, order.market.as_slice());
    out.choice(3, field::put_side(order.side));
    out.amount(4, order.base_amount);
    out.amount(5, order.limit_price);
    out.amount(6, order.fee_cap);
    out.number(7, order.nonce);
    out.number(8, order.expiry_secs);
    out.nested(9, |out| write_instructions(out, &order.instructions));
    out.bytes(10, &order.signature.0);
    if order.signer != order.account {
        out.bytes(11, order.signer.as_slice());
    }
}

fn write_instructions(out: &mut Writer, instructions: &Instructions) {
    out.choice(1, field::put_order_kind(instructions.kind));
    out.choice(2, field::put_time_in_force(instructions.time_in_force));
    out.choice(3, field::put_post_only(instructions.post_only));
    out.choice(4, field::put_self_trade(instructions.self_trade));
    out.amount(5, instructions.display_amount);
    out.amount(6, instructions.trigger_price);
    out.number(7, instructions.good_until_secs);
    if !instructions.client_order_id.is_zero() {
        out.bytes(8, instructions.client_order_id.as_slice());
    }
}

/// As [`order`], of an order that is stored as [`write_order`] writes it; `None` for anything else.
pub(super) fn read_order(bytes: &[u8]) -> Option<SignedOrder> {
    let mut from = Reader(bytes);
    let account = from.address(1)?;
    let order = SignedOrder {
        account,
        market: from.hash(2)?,
        side: from.choice(3, |number| match number {
            0 => Some(Side::Buy),
            1 => Some(Side::Sell),
            _ => None,
        })?,
        base_amount: from.amount(4)?,
        limit_price: from.amount(5)?,
        fee_cap: from.amount(6)?,
        nonce: from.number(7)?,
        expiry_secs: from.number(8)?,
        instructions: read_instructions(from.present_bytes(9)??)?,
        signature: Signature(from.bytes(10)?.try_into().ok()?),
        signer: match from.present_bytes(11)? {
            None => account,
            Some(signer) => Address::try_from(signer).ok()?,
        },
    };
    from.end()?;
    Some(order)
}

fn read_instructions(bytes: &[u8]) -> Option<Instructions> {
    let mut from = Reader(bytes);
    let instructions = Instructions {
        kind: from.choice(1, OrderKind::from_number)?,
        time_in_force: from.choice(2, TimeInForce::from_number)?,
        post_only: from.choice(3, PostOnly::from_number)?,
        self_trade: from.choice(4, SelfTrade::from_number)?,
        display_amount: from.amount(5)?,
        trigger_price: from.amount(6)?,
        good_until_secs: from.number(7)?,
        client_order_id: match from.present_bytes(8)? {
            None => B256::ZERO,
            Some(id) => B256::try_from(id).ok()?,
        },
    };
    from.end()?;
    Some(instructions)
}

pub(super) fn order(order: v1::SignedOrder) -> Result<SignedOrder> {
    let account = field::address("account", &order.account)?;
    let signer = if order.signer.is_empty() {
        account
    } else {
        field::address("signer", &order.signer)?
    };
    Ok(SignedOrder {
        account,
        market: field::hash("market", &order.market)?,
        side: field::side("side", order.side)?,
        base_amount: field::amount("base_amount", &order.base_amount)?,
        limit_price: field::amount("limit_price", &order.limit_price)?,
        fee_cap: field::amount("fee_cap", &order.fee_cap)?,
        nonce: order.nonce,
        expiry_secs: order.expiry_secs,
        instructions: instructions(required("instructions", order.instructions)?)?,
        signature: Signature(field::array("signature", &order.signature, "65")?),
        signer,
    })
}

fn put_instructions(instructions: &Instructions) -> v1::Instructions {
    let client_order_id = if instructions.client_order_id.is_zero() {
        bytes::Bytes::new()
    } else {
        put(instructions.client_order_id.as_slice())
    };
    v1::Instructions {
        kind: field::put_order_kind(instructions.kind),
        time_in_force: field::put_time_in_force(instructions.time_in_force),
        post_only: field::put_post_only(instructions.post_only),
        self_trade: field::put_self_trade(instructions.self_trade),
        display_amount: put_amount(instructions.display_amount),
        trigger_price: put_amount(instructions.trigger_price),
        good_until_secs: instructions.good_until_secs,
        client_order_id,
    }
}

fn instructions(stored: v1::Instructions) -> Result<Instructions> {
    let client_order_id = if stored.client_order_id.is_empty() {
        Default::default()
    } else {
        field::hash("client_order_id", &stored.client_order_id)?
    };
    Ok(Instructions {
        kind: field::order_kind("kind", stored.kind)?,
        time_in_force: field::time_in_force("time_in_force", stored.time_in_force)?,
        post_only: field::post_only("post_only", stored.post_only)?,
        self_trade: field::self_trade("self_trade", stored.self_trade)?,
        display_amount: field::amount("display_amount", &stored.display_amount)?,
        trigger_price: field::amount("trigger_price", &stored.trigger_price)?,
        good_until_secs: stored.good_until_secs,
        client_order_id,
    })
}

pub(super) fn put_spec(spec: &MarketSpec) -> v1::MarketSpec {
    use v1::market_spec::Kind;
    let kind = match spec.kind {
        MarketKind::Shares => Kind::Shares(v1::SharesMarket {}),
        MarketKind::Licence { expires_at } => Kind::Licence(v1::LicenceMarket {
            expires_at: expires_at.map(|at| at.0),
        }),
    };
    v1::MarketSpec {
        key: put(spec.key.as_slice()),
        base: Some(put_token(&spec.base)),
        quote: put(spec.quote.as_slice()),
        kind: Some(kind),
        lot_size: put_amount(spec.units.lot_size),
        tick_size: put_amount(spec.units.tick_size),
        fees: Some(put_fees(&spec.fees)),
        limits: Some(put_limits(&spec.limits)),
        reference_price_ticks: spec.reference_price.0,
    }
}

pub(super) fn spec(spec: v1::MarketSpec) -> Result<MarketSpec> {
    use v1::market_spec::Kind;
    let kind = match required("kind", spec.kind)? {
        Kind::Shares(v1::SharesMarket {}) => MarketKind::Shares,
        Kind::Licence(licence) => MarketKind::Licence {
            expires_at: licence.expires_at.map(UnixMillis),
        },
    };
    Ok(MarketSpec {
        key: field::hash("key", &spec.key)?,
        base: field::token("base", spec.base)?,
        quote: field::address("quote", &spec.quote)?,
        kind,
        units: MarketUnits {
            lot_size: field::amount("lot_size", &spec.lot_size)?,
            tick_size: field::amount("tick_size", &spec.tick_size)?,
        },
        fees: fees(spec.fees)?,
        limits: limits(spec.limits)?,
        reference_price: Ticks(spec.reference_price_ticks),
    })
}

pub(super) fn put_fees(fees: &FeeSchedule) -> v1::FeeSchedule {
    v1::FeeSchedule {
        maker_ppm: fees.maker_ppm.0,
        taker_ppm: fees.taker_ppm.0,
        royalty_ppm: fees.royalty_ppm.0,
    }
}

pub(super) fn fees(fees: Option<v1::FeeSchedule>) -> Result<FeeSchedule> {
    let fees = required("fees", fees)?;
    Ok(FeeSchedule {
        maker_ppm: Ppm(fees.maker_ppm),
        taker_ppm: Ppm(fees.taker_ppm),
        royalty_ppm: Ppm(fees.royalty_ppm),
    })
}

pub(super) fn put_limits(limits: &MarketLimits) -> v1::MarketLimits {
    v1::MarketLimits {
        min_lots: limits.min_lots.0,
        max_lots: limits.max_lots.0,
        max_price_ticks: limits.max_price.0,
        max_open_orders: limits.max_open_orders,
        band_ppm: limits.band_ppm.map(|band| band.0),
        auction_secs: limits.auction_secs,
    }
}

pub(super) fn limits(limits: Option<v1::MarketLimits>) -> Result<MarketLimits> {
    let limits = required("limits", limits)?;
    Ok(MarketLimits {
        min_lots: Lots(limits.min_lots),
        max_lots: Lots(limits.max_lots),
        max_price: Ticks(limits.max_price_ticks),
        max_open_orders: limits.max_open_orders,
        band_ppm: limits.band_ppm.map(Ppm),
        auction_secs: limits.auction_secs,
    })
}
