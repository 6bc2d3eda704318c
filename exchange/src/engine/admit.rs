//! Whether an order is taken: every reason against it, in the order of [`Rejection`].

use alloy_primitives::Address;
use souk_schema::exchange::order::OrderTerms;
use souk_schema::exchange::rejection::{AmendmentProblem, InstructionProblem};
use souk_schema::exchange::{
    AccountId, Amount, Instructions, Lots, MarketState, MarketUnits, OrderId, OrderKind, PostOnly, Ppm, Rejection,
    Side, SignedOrder, Ticks, TimeInForce, UnixMillis,
};

use super::Engine;
use crate::book::Slot;
use crate::state::accounts::{FundsIndex, SeatIndex};
use crate::state::market::{Market, part, quote};
use crate::state::nonces::NonceWindow;

/// An order's signed expiry is at most this far ahead.
pub(super) const MAX_EXPIRY_SECS: u64 = 30 * 24 * 3_600;

/// What an order is measured against; its own earlier self, or quotes that it replaces, are thought away.
pub(super) struct Standing<'a> {
    /// When it would come.
    pub(super) now: UnixMillis,
    /// `None` for an amendment, whose nonce is its order's.
    pub(super) nonces: Option<&'a NonceWindow>,
    /// Open orders in the market.
    pub(super) open_in_market: u32,
    /// Open orders in the group.
    pub(super) open_in_group: u32,
    /// Open orders that are thought away.
    pub(super) gone: &'a [(OrderId, Slot)],
    /// The balances that a buy (of the quote instrument) and a sell (of the base instrument) reserve from.
    pub(super) quote_funds: Option<FundsIndex>,
    pub(super) base_funds: Option<FundsIndex>,
    /// What is available to them beside, from orders that are thought away; negative where others came before.
    pub(super) quote_freed: i128,
    pub(super) base_freed: i128,
    /// The best prices, by side, where they are not those of the book.
    pub(super) best: Option<[Option<Ticks>; 2]>,
}

impl Standing<'_> {
    /// What is available to orders of a side beside the balance.
    #[inline]
    pub(super) fn freed_mut(&mut self, side: Side) -> &mut i128 {
        match side {
            Side::Buy => &mut self.quote_freed,
            Side::Sell => &mut self.base_freed,
        }
    }
}

/// An order that is taken, in the units of its market.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    pub(super) now: UnixMillis,
    pub(super) market: usize,
    pub(super) account: AccountId,
    pub(super) signer: u16,
    /// Whether it has nothing of what few orders have.
    pub(super) is_plain: bool,
    pub(super) terms: OrderTerms,
    /// Where it works: the limit, or where it slid to.
    pub(super) price: Ticks,
    /// What is left of it: less than all its lots where it amends a filled order.
    pub(super) left: Lots,
    pub(super) rate: Ppm,
    pub(super) hold: Amount,
    /// An amendment that keeps its place.
    pub(super) keeps_place: bool,
}

/// Whether instructions are nothing but what every order has. Most orders' are, and pass over all steps for what few orders have.
#[inline(always)]
pub(super) fn is_plain(instructions: &Instructions) -> bool {
    instructions.kind == OrderKind::Limit
        && instructions.post_only == PostOnly::No
        && instructions.display_amount.0 | instructions.trigger_price.0 == 0
        && instructions.client_order_id.is_zero()
}

/// Kinds that wait for a trigger.
pub(super) fn is_stop(kind: OrderKind) -> bool {
    matches!(kind, OrderKind::Stop | OrderKind::StopLimit)
}

/// Whether a price meets another from the opposite side.
pub(super) fn crosses(side: Side, price: Ticks, opposite: Ticks) -> bool {
    match side {
        Side::Buy => price >= opposite,
        Side::Sell => price <= opposite,
    }
}

/// The price one tick short of the opposite side's best; `None` where there is none.
pub(super) fn slid(side: Side, opposite: Ticks) -> Option<Ticks> {
    match side {
        Side::Buy => opposite.0.checked_sub(1).filter(|price| *price > 0).map(Ticks),
        Side::Sell => opposite.0.checked_add(1).map(Ticks),
    }
}

impl Engine {
    /// The market and account of an order, and who signed it.
    #[inline(always)]
    pub(super) fn authorise(&self, order: &SignedOrder) -> Result<(usize, AccountId, u16), Rejection> {
        let market = self.find_market(&order.market)?;
        let account = self.find_trader(&order.account)?;
        Ok((market, account, self.find_signer(account, order)?))
    }

    #[inline(always)]
    pub(super) fn find_trader(&self, address: &Address) -> Result<AccountId, Rejection> {
        let account = self.find_account(address)?;
        match self.accounts.get(account).is_stopped() {
            true => Err(Rejection::AccountStopped),
            false => Ok(account),
        }
    }

    #[inline(always)]
    pub(super) fn find_signer(&self, account: AccountId, order: &SignedOrder) -> Result<u16, Rejection> {
        let signer = self.accounts.get(account).signer_number(&order.signer);
        signer.ok_or(Rejection::SignerNotAuthorised)
    }

    /// Whether the market takes an order now. `shrinks`: an amendment that makes an order smaller in its place.
    #[inline(always)]
    pub(super) fn check_taking(
        &self,
        market: usize,
        post_only: PostOnly,
        shrinks: impl FnOnce() -> bool,
    ) -> Result<(), Rejection> {
        let state = self.effective_state(&self.markets[market]);
        let takes = match state {
            MarketState::PreOpen | MarketState::Auction | MarketState::Open => true,
            MarketState::PostOnly => post_only != PostOnly::No || shrinks(),
            MarketState::Halted => shrinks(),
            MarketState::Closed => false,
        };
        if takes {
            Ok(())
        } else {
            Err(Rejection::MarketNotTaking { state })
        }
    }

    /// What an order is measured against, with nothing thought away.
    #[inline(always)]
    pub(super) fn standing(&self, market: usize, account: AccountId, seat: Option<SeatIndex>) -> Standing<'_> {
        let market = &self.markets[market];
        let trader = self.accounts.get(account);
        let (quote_funds, base_funds, open_in_market) = match seat {
            Some(seat) => {
                let seat = self.accounts.seat(seat);
                (Some(seat.quote), Some(seat.base), seat.open_orders)
            }
            None => {
                let find = |instrument| self.accounts.find_funds(account, instrument);
                (find(market.quote), find(market.base), 0)
            }
        };
        Standing {
            now: self.time,
            nonces: Some(&trader.nonces),
            open_in_market,
            open_in_group: trader.open_orders,
            gone: &[],
            quote_funds,
            base_funds,
            quote_freed: 0,
            base_freed: 0,
            best: None,
        }
    }

    /// What is available to an order of a side.
    #[inline(always)]
    fn available(&self, standing: &Standing<'_>, side: Side) -> i128 {
        let (funds, freed) = match side {
            Side::Buy => (standing.quote_funds, standing.quote_freed),
            Side::Sell => (standing.base_funds, standing.base_freed),
        };
        funds.map_or(0, |index| self.accounts.funds(index).available) + freed
    }

    /// The best price that an order of a side could meet.
    #[inline(always)]
    fn opposite(&self, market: usize, standing: &Standing<'_>, side: Side) -> Option<Ticks> {
        match &standing.best {
            Some(best) => best[side.opposite() as usize],
            None => self.markets[market].book.best(side.opposite()).map(|level| level.price),
        }
    }

    /// Everything that could refuse an order, from its instructions to post-only. Fill-or-kill is asked of the book afterwards.
    #[inline(always)]
    pub(super) fn admit(
        &self,
        (market_index, account, signer): (usize, AccountId, u16),
        order: &SignedOrder,
        amended: Option<Slot>,
        standing: &Standing<'_>,
    ) -> Result<Admitted, Rejection> {
        let market = &self.markets[market_index];
        let instructions = &order.instructions;
        let is_plain = is_plain(instructions);
        let terms = check_terms(market, order, is_plain)?;
        check_band(market, order.side, instructions.kind, terms.limit)?;
        check_expiry(standing.now, order, terms.expires_at)?;
        if let Some(nonces) = standing.nonces {
            nonces.check(order.nonce)?;
        }
        if !is_plain {
            self.check_client_id(account, order, standing.gone)?;
        }
        check_fee_cap(market, order, &terms)?;
        self.check_room(market, standing)?;
        let (left, keeps_place) = match amended {
            None => (terms.lots, false),
            Some(slot) => self.check_amendment(market_index, order, &terms, slot)?,
        };
        let mut admitted = Admitted {
            now: standing.now,
            market: market_index,
            account,
            signer,
            is_plain,
            terms,
            price: terms.limit,
            left,
            rate: market.rate(),
            hold: Amount::ZERO,
            keeps_place,
        };
        if keeps_place {
            return Ok(admitted);
        }
        let (mut would_take, mut slides_to) = (false, None);
        if !is_plain {
            // A stop is asked when it triggers, and an auction lets prices cross.
            let waits = is_stop(instructions.kind) && amended.is_none_or(|slot| self.orders.node(slot).waits);
            let opposite = match instructions.post_only {
                PostOnly::Reject | PostOnly::Slide if !waits && !market.gathers() => {
                    self.opposite(market_index, standing, order.side)
                }
                _ => None,
            };
            would_take = opposite.is_some_and(|best| crosses(order.side, terms.limit, best));
            slides_to = match (would_take, instructions.post_only, opposite) {
                (true, PostOnly::Slide, Some(best)) => slid(order.side, best),
                _ => None,
            };
            admitted.price = slides_to.unwrap_or(terms.limit);
        }
        admitted.hold = market.hold(order.side, admitted.price, left, admitted.rate);
        let available = self.available(standing, order.side);
        if i128::try_from(admitted.hold.0).expect("a hold is bounded") > available {
            return Err(Rejection::InsufficientFunds {
                needed: admitted.hold,
                available: Amount(u128::try_from(available).unwrap_or(0)),
            });
        }
        if would_take && slides_to.is_none() {
            return Err(Rejection::WouldTake);
        }
        Ok(admitted)
    }

    fn check_client_id(
        &self,
        account: AccountId,
        order: &SignedOrder,
        gone: &[(OrderId, Slot)],
    ) -> Result<(), Rejection> {
        let id = &order.instructions.client_order_id;
        let namesake = self.orders.find_client_id(&self.accounts, account, id);
        match namesake.filter(|slot| !gone.iter().any(|(_, gone)| gone == slot)) {
            None => Ok(()),
            Some(slot) => {
                let order = self.orders.node(slot).id;
                Err(Rejection::DuplicateClientOrderId { order })
            }
        }
    }

    #[inline(always)]
    fn check_room(&self, market: &Market, standing: &Standing<'_>) -> Result<(), Rejection> {
        let in_group = self.group.as_ref().expect("the group is open").max_open_orders;
        for (open, limit) in [
            (standing.open_in_market, market.limits().max_open_orders),
            (standing.open_in_group, in_group),
        ] {
            if open >= limit {
                return Err(Rejection::TooManyOpenOrders { limit });
            }
        }
        Ok(())
    }

    /// What is left of an amended order, and whether it keeps its place.
    #[inline(always)]
    fn check_amendment(
        &self,
        market: usize,
        order: &SignedOrder,
        terms: &OrderTerms,
        slot: Slot,
    ) -> Result<(Lots, bool), Rejection> {
        let (node, record) = (self.orders.node(slot), self.orders.record(slot));
        let mismatch = |problem| Err(Rejection::AmendmentMismatch { problem });
        if self.market_of(slot) != market || node.side != order.side {
            return mismatch(AmendmentProblem::MarketOrSide);
        }
        if node.kind != order.instructions.kind {
            return mismatch(AmendmentProblem::Kind);
        }
        if terms.lots <= record.filled {
            return mismatch(AmendmentProblem::Quantity);
        }
        let left = Lots(terms.lots.0 - record.filled.0);
        let keeps_place =
            left <= node.left && terms.limit == self.orders.limit(slot) && self.is_like(order, terms, slot);
        Ok((left, keeps_place))
    }

    /// Whether an amendment has all of its order's instructions that decide about its place.
    fn is_like(&self, order: &SignedOrder, terms: &OrderTerms, slot: Slot) -> bool {
        let (node, extra) = (self.orders.node(slot), self.orders.extra(slot));
        terms.display == extra.display
            && terms.trigger == extra.trigger
            && order.instructions.post_only == node.post_only
            && order.instructions.time_in_force == node.time_in_force
    }
}

#[inline(always)]
fn check_band(market: &Market, side: Side, kind: OrderKind, limit: Ticks) -> Result<(), Rejection> {
    let band = market.band();
    let is_beyond = match side {
        Side::Buy => limit > band.high,
        Side::Sell => limit < band.low,
    };
    if is_beyond && !is_stop(kind) {
        let (low, high) = (band.low, band.high);
        return Err(Rejection::PriceOutsideBand { low, high });
    }
    Ok(())
}

#[inline(always)]
fn check_expiry(now: UnixMillis, order: &SignedOrder, expires_at: UnixMillis) -> Result<(), Rejection> {
    if expires_at <= now {
        return Err(Rejection::Expired);
    }
    if order.expiry_secs > now.secs().saturating_add(MAX_EXPIRY_SECS) {
        let max_secs = MAX_EXPIRY_SECS;
        return Err(Rejection::ExpiryTooFar { max_secs });
    }
    Ok(())
}

/// The order's numbers in the units of its market, as far as they are within its bounds.
/// The signed expiry or `good_until`, whichever is sooner.
#[inline]
pub(super) fn expires_at(order: &SignedOrder) -> UnixMillis {
    let until_secs = match order.instructions.good_until_secs {
        0 => order.expiry_secs,
        good_until => good_until.min(order.expiry_secs),
    };
    UnixMillis(until_secs.saturating_mul(1_000))
}

#[inline(always)]
fn check_terms(market: &Market, order: &SignedOrder, is_plain: bool) -> Result<OrderTerms, Rejection> {
    let instructions = &order.instructions;
    let display = match is_plain {
        true => None,
        false => check_instructions(market, order)?,
    };
    check_gathering(market, order)?;
    let units = &market.units;
    let not_on_tick = Rejection::PriceNotOnTick {
        tick_size: units.tick_size,
    };
    let price = |amount: Amount| {
        whole(amount, units.tick_size)
            .filter(|ticks| *ticks > 0)
            .map(Ticks)
            .ok_or(not_on_tick)
    };
    let limit = price(order.limit_price)?;
    let trigger = is_stop(instructions.kind)
        .then(|| price(instructions.trigger_price))
        .transpose()?;
    let max_price = market.limits().max_price;
    if limit > max_price || trigger.is_some_and(|trigger| trigger > max_price) {
        return Err(Rejection::PriceTooHigh { max_price });
    }
    let not_on_lot = Rejection::QuantityNotOnLot {
        lot_size: units.lot_size,
    };
    let lots = whole(order.base_amount, units.lot_size).map(Lots).ok_or(not_on_lot)?;
    let (min_lots, max_lots) = (market.limits().min_lots, market.limits().max_lots);
    if lots < min_lots || lots > max_lots {
        return Err(Rejection::QuantityOutOfBounds { min_lots, max_lots });
    }
    Ok(OrderTerms {
        limit,
        lots,
        display,
        trigger,
        expires_at: expires_at(order),
    })
}

/// An iceberg shows at least this part of its quantity: what it shows is what a fill can be, and one command makes all the fills of a taker.
const MOST_SLICES: u128 = 1_000;

/// Whether instructions go together; gives the lots that an iceberg shows.
fn check_instructions(market: &Market, order: &SignedOrder) -> Result<Option<Lots>, Rejection> {
    let instructions = &order.instructions;
    let invalid = |problem| Err(Rejection::InvalidInstructions { problem });
    let (kind, time_in_force) = (instructions.kind, instructions.time_in_force);
    let never_rests = matches!(kind, OrderKind::Market | OrderKind::Stop);
    let rests = !never_rests && time_in_force == TimeInForce::GoodTilCancelled;
    if never_rests && time_in_force == TimeInForce::GoodTilCancelled {
        return invalid(InstructionProblem::MarketOrderRests);
    }
    if is_stop(kind) != (instructions.trigger_price != Amount::ZERO) {
        return invalid(InstructionProblem::Trigger);
    }
    if instructions.post_only != PostOnly::No && !rests {
        return invalid(InstructionProblem::PostOnlyTakes);
    }
    let display = match instructions.display_amount {
        Amount::ZERO => None,
        amount => match MarketUnits::lots(&market.units, amount) {
            Some(lots) if rests && amount.0 >= order.base_amount.0.div_ceil(MOST_SLICES) => Some(lots),
            _ => return invalid(InstructionProblem::Display),
        },
    };
    if is_stop(kind) && time_in_force == TimeInForce::FillOrKill {
        return invalid(InstructionProblem::StopFillOrKill);
    }
    Ok(display)
}

/// Whether an order can be worked where orders are gathered, if they are.
#[inline(always)]
fn check_gathering(market: &Market, order: &SignedOrder) -> Result<(), Rejection> {
    let instructions = &order.instructions;
    let is_immediate = instructions.time_in_force != TimeInForce::GoodTilCancelled && !is_stop(instructions.kind);
    if is_immediate && market.gathers() {
        let problem = InstructionProblem::ImmediateInAuction;
        return Err(Rejection::InvalidInstructions { problem });
    }
    Ok(())
}

#[inline(always)]
fn check_fee_cap(market: &Market, order: &SignedOrder, terms: &OrderTerms) -> Result<(), Rejection> {
    let cost = quote(&market.units, terms.limit, terms.lots);
    let royalty = match order.side {
        Side::Buy => Amount::ZERO,
        Side::Sell => part(cost, market.fees().royalty_ppm),
    };
    let needed = Amount(part(cost, market.rate()).0 + royalty.0);
    if order.fee_cap < needed {
        return Err(Rejection::FeeCapTooLow { needed });
    }
    Ok(())
}

/// How often a unit goes into an amount; `None` where it is not whole, or too often. As [`MarketUnits::ticks`] and [`MarketUnits::lots`], with
/// one 64-bit division where that is enough.
#[inline(always)]
pub(super) fn whole(amount: Amount, unit: Amount) -> Option<u64> {
    if let (Ok(amount), Ok(unit)) = (u64::try_from(amount.0), u64::try_from(unit.0)) {
        let times = amount / unit;
        return (times * unit == amount).then_some(times);
    }
    let times = amount.0 / unit.0;
    if times * unit.0 != amount.0 {
        return None;
    }
    u64::try_from(times).ok()
}
