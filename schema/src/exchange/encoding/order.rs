//! `order.proto`: signed orders and markets.

use super::field::{self, Result, put, put_amount, put_token, required};
use super::v1;
use crate::exchange::id::UnixMillis;
use crate::exchange::market::{FeeSchedule, MarketKind, MarketLimits, MarketSpec};
use crate::exchange::order::{Instructions, Signature, SignedOrder};
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
