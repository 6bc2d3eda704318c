//! Whether a signed order is taken. Reasons are asked for in the order of [`Rejection`].

use souk_schema::exchange::rejection::{AmendmentProblem, InstructionProblem};
use souk_schema::exchange::{
    AccountId, Amount, Lots, MarketState, OrderId, OrderKind, PostOnly, Rejection, Side, SignedOrder, Ticks,
    TimeInForce, UnixMillis,
};

use super::state::{NonceState, part};
use super::{MAX_EXPIRY_SECS, Market, Oracle, Order, Place};

/// An iceberg has at most as many parts.
const MOST_PARTS: u128 = 1_000;

/// A signed order in the units of its market, found to be in order so far.
pub struct Terms {
    pub account: AccountId,
    pub market: u32,
    pub limit: u64,
    pub lots: u64,
    pub display: Option<u64>,
    pub trigger: Option<u64>,
    pub expires_at: UnixMillis,
    /// The order that an amendment is for.
    pub amended: Option<OrderId>,
    /// The amendment only shrinks that order, which keeps its place.
    pub shrinks: bool,
}

impl Oracle {
    /// Everything but funds and the book.
    pub(super) fn check(&self, signed: &SignedOrder, is_amendment: bool) -> Result<Terms, Rejection> {
        let market_id = self.known_market(signed.market)?;
        let market = &self.markets[market_id as usize];
        let account = self.known_account(signed.account)?;
        if self.is_stopped(account) {
            return Err(Rejection::AccountStopped);
        }
        let keys = &self.accounts[account.0 as usize].keys;
        if signed.signer != signed.account && !keys.contains(&signed.signer) {
            return Err(Rejection::SignerNotAuthorised);
        }
        let amended = match is_amendment {
            true => Some(
                self.order_by_nonce(account, signed.nonce)
                    .ok_or(Rejection::UnknownOrder)?,
            ),
            false => None,
        };
        let shrinks = amended.is_some_and(|order| self.only_shrinks(order, signed));
        let state = self.effective_state(market_id);
        if !takes(state, signed, shrinks) {
            return Err(Rejection::MarketNotTaking { state });
        }
        check_instructions(market, signed)?;
        let (limit, trigger) = check_prices(market, signed)?;
        let lots = check_lots(market, signed)?;
        check_band(market, signed, limit)?;
        let expires_at = self.check_expiry(signed)?;
        if amended.is_none() {
            self.check_nonce(account, signed.nonce)?;
        }
        self.check_identity(account, signed, amended)?;
        check_fee_cap(market, signed, limit, lots)?;
        self.check_room(account, market_id, amended)?;
        if let Some(order) = amended {
            check_amendment(order, signed, market, lots)?;
        }
        Ok(Terms {
            account,
            market: market_id,
            limit,
            lots,
            display: market
                .spec
                .units
                .lots(signed.instructions.display_amount)
                .map(|lots| lots.0)
                .filter(|lots| *lots != 0),
            trigger,
            expires_at,
            amended: amended.map(|order| order.id),
            shrinks,
        })
    }

    pub fn order_by_nonce(&self, account: AccountId, nonce: u64) -> Option<&Order> {
        self.orders
            .iter()
            .find(|order| order.account == account && order.signed.nonce == nonce)
    }

    /// Whether an amendment leaves an order as it is, save for fewer lots. (Another market or side is refused later, for that reason.)
    fn only_shrinks(&self, order: &Order, signed: &SignedOrder) -> bool {
        let (was, is) = (&order.signed.instructions, &signed.instructions);
        let market = &self.markets[order.market as usize];
        let filled = market.base(order.filled);
        order.signed.limit_price == signed.limit_price
            && (was.kind, was.time_in_force, was.post_only) == (is.kind, is.time_in_force, is.post_only)
            && (was.display_amount, was.trigger_price) == (is.display_amount, is.trigger_price)
            && signed.base_amount.0 > filled
            && signed.base_amount.0 <= filled + market.base(order.left)
    }

    fn check_expiry(&self, signed: &SignedOrder) -> Result<UnixMillis, Rejection> {
        let until = match signed.instructions.good_until_secs {
            0 => signed.expiry_secs,
            good_until => good_until.min(signed.expiry_secs),
        };
        self.check_deadline(until, signed.expiry_secs)?;
        Ok(UnixMillis(until * 1_000))
    }

    /// A time that has to be ahead, and one that must not be too far ahead; in unix seconds.
    pub(super) fn check_deadline(&self, until: u64, signed: u64) -> Result<(), Rejection> {
        let ms = |secs: u64| u128::from(secs) * 1_000;
        let now = u128::from(self.time.0);
        if ms(until) <= now {
            return Err(Rejection::Expired);
        }
        if ms(signed) > now + ms(MAX_EXPIRY_SECS) {
            return Err(Rejection::ExpiryTooFar {
                max_secs: MAX_EXPIRY_SECS,
            });
        }
        Ok(())
    }

    pub(super) fn check_nonce(&self, account: AccountId, nonce: u64) -> Result<(), Rejection> {
        match self.accounts[account.0 as usize].nonces.state(nonce) {
            NonceState::Fresh => Ok(()),
            NonceState::Used => Err(Rejection::NonceUsed),
            NonceState::TooOld { floor } => Err(Rejection::NonceTooOld { floor }),
        }
    }

    fn check_identity(
        &self,
        account: AccountId,
        signed: &SignedOrder,
        amended: Option<&Order>,
    ) -> Result<(), Rejection> {
        let wanted = signed.instructions.client_order_id;
        let taken = self.orders.iter().find(|order| {
            order.account == account
                && !wanted.is_zero()
                && order.signed.instructions.client_order_id == wanted
                && amended.is_none_or(|amended| amended.id != order.id)
        });
        match taken {
            Some(order) => Err(Rejection::DuplicateClientOrderId { order: order.id }),
            None => Ok(()),
        }
    }

    fn check_room(&self, account: AccountId, market: u32, amended: Option<&Order>) -> Result<(), Rejection> {
        let others: Vec<&Order> = self
            .orders
            .iter()
            .filter(|order| order.account == account && amended.is_none_or(|amended| amended.id != order.id))
            .collect();
        let in_market = others.iter().filter(|order| order.market == market).count();
        let limit = self.markets[market as usize].spec.limits.max_open_orders;
        if in_market >= limit as usize {
            return Err(Rejection::TooManyOpenOrders { limit });
        }
        let limit = self.group.as_ref().expect("the group is open").max_open_orders;
        if others.len() >= limit as usize {
            return Err(Rejection::TooManyOpenOrders { limit });
        }
        Ok(())
    }

    pub(super) fn check_funds(
        &self,
        account: AccountId,
        market: u32,
        side: Side,
        needed: u128,
        own_hold: u128,
    ) -> Result<(), Rejection> {
        let instrument = self.markets[market as usize].held_instrument(side);
        let available = self.balance(account, instrument).available.max(0) as u128 + own_hold;
        if needed > available {
            return Err(Rejection::InsufficientFunds {
                needed: Amount(needed),
                available: Amount(available),
            });
        }
        Ok(())
    }

    /// Where an order that only makes would rest; `None` where it would take.
    pub(super) fn making_price(&self, market: u32, side: Side, limit: u64, post_only: PostOnly) -> Option<u64> {
        let best = self.best(market, side.opposite()).map(|order| order.price);
        let Some(best) = best.filter(|best| crosses(side, limit, *best)) else {
            return Some(limit);
        };
        match (post_only, side) {
            (PostOnly::No, _) => Some(limit),
            (PostOnly::Reject, _) => None,
            (PostOnly::Slide, Side::Buy) => best.checked_sub(1).filter(|price| *price >= 1),
            (PostOnly::Slide, Side::Sell) => best.checked_add(1),
        }
    }

    /// The order that is met first on a side.
    pub fn best(&self, market: u32, side: Side) -> Option<&Order> {
        self.book(market, side).into_iter().next()
    }

    /// The orders of one side, best price first, then by turn.
    pub fn book(&self, market: u32, side: Side) -> Vec<&Order> {
        let resting = |order: &&Order| matches!(order.place, Place::Resting { .. });
        let mut orders: Vec<&Order> = self
            .orders
            .iter()
            .filter(|order| order.market == market && order.side == side)
            .filter(resting)
            .collect();
        orders.sort_by_key(|order| {
            let Place::Resting { turn } = order.place else {
                unreachable!("filtered")
            };
            match side {
                Side::Buy => (u64::MAX - order.price, turn),
                Side::Sell => (order.price, turn),
            }
        });
        orders
    }
}

/// Whether an order of `side` at `limit` meets one at `price`.
pub fn crosses(side: Side, limit: u64, price: u64) -> bool {
    match side {
        Side::Buy => limit >= price,
        Side::Sell => limit <= price,
    }
}

fn takes(state: MarketState, signed: &SignedOrder, shrinks: bool) -> bool {
    match state {
        MarketState::PreOpen | MarketState::Auction | MarketState::Open => true,
        MarketState::PostOnly => shrinks || signed.instructions.post_only != PostOnly::No,
        MarketState::Halted => shrinks,
        MarketState::Closed => false,
    }
}

fn check_instructions(market: &Market, signed: &SignedOrder) -> Result<(), Rejection> {
    let instructions = &signed.instructions;
    let (kind, time) = (instructions.kind, instructions.time_in_force);
    let is_stop = matches!(kind, OrderKind::Stop | OrderKind::StopLimit);
    let may_rest = matches!(kind, OrderKind::Limit | OrderKind::StopLimit) && time == TimeInForce::GoodTilCancelled;
    let gathers = matches!(market.state, MarketState::PreOpen | MarketState::Auction);
    let enough = instructions.display_amount.0.saturating_mul(MOST_PARTS) >= signed.base_amount.0;
    let whole_display = enough && market.spec.units.lots(instructions.display_amount).is_some();
    let problem = if matches!(kind, OrderKind::Market | OrderKind::Stop) && time == TimeInForce::GoodTilCancelled {
        InstructionProblem::MarketOrderRests
    } else if is_stop != (instructions.trigger_price.0 != 0) {
        InstructionProblem::Trigger
    } else if instructions.post_only != PostOnly::No && !may_rest {
        InstructionProblem::PostOnlyTakes
    } else if instructions.display_amount.0 != 0 && !(may_rest && whole_display) {
        InstructionProblem::Display
    } else if is_stop && time == TimeInForce::FillOrKill {
        InstructionProblem::StopFillOrKill
    } else if gathers && !is_stop && !may_rest {
        InstructionProblem::ImmediateInAuction
    } else {
        return Ok(());
    };
    Err(Rejection::InvalidInstructions { problem })
}

fn check_prices(market: &Market, signed: &SignedOrder) -> Result<(u64, Option<u64>), Rejection> {
    let units = &market.spec.units;
    let off_tick = Rejection::PriceNotOnTick {
        tick_size: units.tick_size,
    };
    let ticks = |amount| units.ticks(amount).filter(|ticks: &Ticks| ticks.0 != 0).ok_or(off_tick);
    let limit = ticks(signed.limit_price)?;
    let trigger = match signed.instructions.trigger_price {
        Amount(0) => None,
        trigger => Some(ticks(trigger)?),
    };
    let max_price = market.spec.limits.max_price;
    if limit > max_price || trigger.is_some_and(|trigger| trigger > max_price) {
        return Err(Rejection::PriceTooHigh { max_price });
    }
    Ok((limit.0, trigger.map(|trigger| trigger.0)))
}

fn check_lots(market: &Market, signed: &SignedOrder) -> Result<u64, Rejection> {
    let lots = market.spec.units.lots(signed.base_amount);
    let lots = lots.ok_or(Rejection::QuantityNotOnLot {
        lot_size: market.spec.units.lot_size,
    })?;
    let limits = &market.spec.limits;
    let (min_lots, max_lots) = (limits.min_lots, limits.max_lots);
    if lots < min_lots || lots > max_lots {
        return Err(Rejection::QuantityOutOfBounds { min_lots, max_lots });
    }
    Ok(lots.0)
}

fn check_band(market: &Market, signed: &SignedOrder, limit: u64) -> Result<(), Rejection> {
    let is_stop = signed.instructions.trigger_price.0 != 0;
    let Some((low, high)) = market.band().filter(|_| !is_stop) else {
        return Ok(());
    };
    let beyond = match signed.side {
        Side::Buy => limit > high,
        Side::Sell => limit < low,
    };
    match beyond {
        true => Err(Rejection::PriceOutsideBand {
            low: Ticks(low),
            high: Ticks(high),
        }),
        false => Ok(()),
    }
}

fn check_fee_cap(market: &Market, signed: &SignedOrder, limit: u64, lots: u64) -> Result<(), Rejection> {
    let quote = market.quote(limit, lots);
    let royalty = match signed.side {
        Side::Buy => 0,
        Side::Sell => part(quote, market.spec.fees.royalty_ppm.0),
    };
    let needed = Amount(part(quote, market.rate()) + royalty);
    match signed.fee_cap < needed {
        true => Err(Rejection::FeeCapTooLow { needed }),
        false => Ok(()),
    }
}

fn check_amendment(order: &Order, signed: &SignedOrder, market: &Market, lots: u64) -> Result<(), Rejection> {
    let problem = if order.signed.market != market.spec.key || order.side != signed.side {
        AmendmentProblem::MarketOrSide
    } else if order.signed.instructions.kind != signed.instructions.kind {
        AmendmentProblem::Kind
    } else if Lots(lots) <= Lots(order.filled) {
        AmendmentProblem::Quantity
    } else {
        return Ok(());
    };
    Err(Rejection::AmendmentMismatch { problem })
}
