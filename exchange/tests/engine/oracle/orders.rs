//! What traders ask for: placing, amending, reducing, cancelling, quoting, withdrawing.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use souk_schema::exchange::command::{MassQuote, OrderTarget, Withdraw};
use souk_schema::exchange::event::{CloseCause, DebitCause, ReduceCause};
use souk_schema::exchange::rejection::InstructionProblem;
use souk_schema::exchange::{
    AccountId, Amount, Event, Lots, MarketId, MarketState, OrderId, OrderKind, PostOnly, Rejection, SignedOrder, Ticks,
    TimeInForce, UnixMillis,
};

use super::check::Terms;
use super::{Oracle, Order, Place};

const MOST_QUOTES: usize = 32;

impl Oracle {
    pub(super) fn place(&mut self, signed: &SignedOrder, place: u8, is_quote: bool) -> Result<(), Rejection> {
        let terms = self.check(signed, false)?;
        let price = self.decide_price(&terms, signed, terms.lots, 0)?;
        let id = OrderId::new(self.command_number(), place);
        let market = &self.markets[terms.market as usize];
        let rate = market.rate();
        let hold = market.hold(signed.side, price, terms.lots, rate);
        let instrument = market.held_instrument(signed.side);
        let order = Order {
            id,
            account: terms.account,
            market: terms.market,
            side: signed.side,
            signed: signed.clone(),
            signed_by: self.command_number(),
            price,
            left: terms.lots,
            filled: 0,
            display: terms.display,
            shown: 0,
            trigger: terms.trigger,
            expires_at: terms.expires_at,
            rate,
            paid: 0,
            is_quote,
            place: match terms.trigger {
                Some(_) => Place::Waiting,
                None => Place::Taking,
            },
        };
        let accepted = Event::OrderAccepted {
            order: id,
            account: terms.account,
            market: MarketId(terms.market),
            side: signed.side,
            kind: signed.instructions.kind,
            price: Ticks(price),
            lots: Lots(terms.lots),
            hold: Amount(hold),
            expires_at: terms.expires_at,
        };
        self.accounts[terms.account.0 as usize].nonces.spend(signed.nonce);
        self.orders.push(order);
        self.add(terms.account, instrument, -(hold as i128));
        if signed.instructions.time_in_force == TimeInForce::FillOrKill && !self.fills_wholly(id) {
            return Err(Rejection::CannotFill);
        }
        self.emit(accepted);
        self.work(id);
        Ok(())
    }

    /// The price that an order works at, if the account can pay for it there.
    fn decide_price(&self, terms: &Terms, signed: &SignedOrder, left: u64, own_hold: u128) -> Result<u64, Rejection> {
        let market = &self.markets[terms.market as usize];
        let is_limit = signed.instructions.kind == OrderKind::Limit
            || terms.amended.is_some_and(|order| self.order(order).trigger.is_none());
        let meets = matches!(market.state, MarketState::Open | MarketState::PostOnly);
        let price = match is_limit && meets {
            true => self.making_price(terms.market, signed.side, terms.limit, signed.instructions.post_only),
            false => Some(terms.limit),
        };
        let needed = market.hold(signed.side, price.unwrap_or(terms.limit), left, market.rate());
        self.check_funds(terms.account, terms.market, signed.side, needed, own_hold)?;
        price.ok_or(Rejection::WouldTake)
    }

    /// Whether the book fills an order wholly, with nothing in the way. Tried on a copy.
    fn fills_wholly(&self, id: OrderId) -> bool {
        let mut trial = self.clone();
        trial.events.clear();
        trial.work(id);
        let smooth = trial.events.iter().all(|event| match event {
            Event::Traded(_) | Event::DeficitRepaid { .. } => true,
            Event::OrderClosed { cause, .. } => matches!(cause, CloseCause::Filled | CloseCause::Expired),
            _ => false,
        });
        smooth && trial.orders.iter().all(|order| order.id != id)
    }

    pub(super) fn amend(&mut self, signed: &SignedOrder) -> Result<(), Rejection> {
        let terms = self.check(signed, true)?;
        let id = terms.amended.expect("an amendment names an order");
        let signed_by = self.command_number();
        let left = terms.lots - self.order(id).filled;
        let replace = |order: &mut Order| {
            order.signed = signed.clone();
            order.signed_by = signed_by;
            order.expires_at = terms.expires_at;
        };
        if terms.shrinks {
            let released = self.change(id, |order| {
                replace(order);
                order.left = left;
                order.shown = order.shown.min(left);
            });
            self.emit_reduced(id, released, ReduceCause::Trader);
            return Ok(());
        }
        // Its own place in the book is not in its own way.
        let at = self.place_of(id);
        let (waits, own_hold) = (self.orders[at].place == Place::Waiting, self.hold_of(&self.orders[at]));
        self.orders[at].place = if waits { Place::Waiting } else { Place::Taking };
        let price = self.decide_price(&terms, signed, left, own_hold)?;
        let rate = self.markets[terms.market as usize].rate();
        self.change(id, |order| {
            replace(order);
            order.left = left;
            order.price = price;
            order.rate = rate;
            order.display = terms.display;
            order.trigger = terms.trigger.filter(|_| waits);
        });
        if signed.instructions.time_in_force == TimeInForce::FillOrKill && !self.fills_wholly(id) {
            return Err(Rejection::CannotFill);
        }
        self.emit_amended(id, own_hold);
        self.work(id);
        Ok(())
    }

    pub(super) fn emit_amended(&mut self, id: OrderId, released: u128) {
        let order = self.order(id);
        self.emit(Event::OrderAmended {
            order: id,
            price: Ticks(order.price),
            lots: Lots(order.left),
            released: Amount(released),
            hold: Amount(self.hold_of(order)),
            expires_at: order.expires_at,
        });
    }

    fn emit_reduced(&mut self, id: OrderId, released: i128, cause: ReduceCause) {
        let lots = Lots(self.order(id).left);
        self.emit(Event::OrderReduced {
            order: id,
            lots,
            released: Amount(released as u128),
            cause,
        });
    }

    /// Takes lots off an order, hidden ones first.
    pub(super) fn shrink(&mut self, id: OrderId, by: u64, cause: ReduceCause) {
        let released = self.change(id, |order| {
            order.left -= by;
            order.shown = order.shown.min(order.left);
        });
        self.emit_reduced(id, released, cause);
    }

    pub(super) fn reduce_order(
        &mut self,
        account: Address,
        target: OrderTarget,
        remaining: Lots,
    ) -> Result<(), Rejection> {
        let id = self.target(account, target)?;
        let left = self.order(id).left;
        if remaining.0 == 0 || remaining.0 >= left {
            return Err(Rejection::NotSmaller { remaining: Lots(left) });
        }
        self.shrink(id, left - remaining.0, ReduceCause::Trader);
        Ok(())
    }

    fn target(&self, account: Address, target: OrderTarget) -> Result<OrderId, Rejection> {
        let account = self.known_account(account)?;
        let found = self.orders.iter().find(|order| {
            order.account == account
                && match target {
                    OrderTarget::Id(id) => order.id == id,
                    OrderTarget::Nonce(nonce) => order.signed.nonce == nonce,
                    OrderTarget::ClientId(id) => !id.is_zero() && order.signed.instructions.client_order_id == id,
                }
        });
        found.map(|order| order.id).ok_or(Rejection::UnknownOrder)
    }

    pub(super) fn cancel(&mut self, account: Address, target: OrderTarget) -> Result<(), Rejection> {
        let id = self.target(account, target)?;
        self.close(id, CloseCause::Cancelled);
        Ok(())
    }

    pub(super) fn cancel_all(&mut self, account: Address, market: Option<B256>) -> Result<(), Rejection> {
        let market = market.map(|key| self.known_market(key)).transpose()?;
        let account = self.known_account(account)?;
        self.close_all(CloseCause::Cancelled, |order| {
            order.account == account && market.is_none_or(|market| order.market == market)
        });
        Ok(())
    }

    pub(super) fn close(&mut self, id: OrderId, cause: CloseCause) {
        let place = self.place_of(id);
        let released = self.hold_of(&self.orders[place]);
        let order = self.orders.remove(place);
        let instrument = self.markets[order.market as usize].held_instrument(order.side);
        self.add(order.account, instrument, released as i128);
        self.emit(Event::OrderClosed {
            order: id,
            cause,
            lots: Lots(order.left),
            released: Amount(released),
        });
    }

    /// Closes the orders that are meant, by id.
    pub(super) fn close_all(&mut self, cause: CloseCause, meant: impl Fn(&Order) -> bool) {
        let meant = self.orders.iter().filter(|order| meant(order)).map(|order| order.id);
        for id in meant.collect::<BTreeSet<_>>() {
            self.close(id, cause);
        }
    }

    pub(super) fn mass_quote(&mut self, quotes: &MassQuote) -> Result<(), Rejection> {
        let market = self.known_market(quotes.market)?;
        let account = self.known_account(quotes.account)?;
        if self.is_stopped(account) {
            return Err(Rejection::AccountStopped);
        }
        let state = self.effective_state(market);
        if !quotes.quotes.is_empty() && matches!(state, MarketState::Halted | MarketState::Closed) {
            return Err(Rejection::MarketNotTaking { state });
        }
        if !fit_together(quotes) {
            return Err(Rejection::InvalidInstructions {
                problem: InstructionProblem::Quote,
            });
        }
        self.close_all(CloseCause::Requoted, |order| {
            order.account == account && order.market == market && order.is_quote
        });
        for (place, quote) in quotes.quotes.iter().enumerate() {
            self.place(quote, place as u8, true)?;
        }
        Ok(())
    }

    pub(super) fn set_dead_man(&mut self, account: Address, timeout_secs: u32) -> Result<(), Rejection> {
        let account = self.known_account(account)?;
        let fires_at = match timeout_secs {
            0 => None,
            secs => Some(UnixMillis(self.time.0 + u64::from(secs) * 1_000)),
        };
        self.dead_man(account, fires_at);
        Ok(())
    }

    pub(super) fn dead_man(&mut self, account: AccountId, fires_at: Option<UnixMillis>) {
        self.accounts[account.0 as usize].dead_man = fires_at;
        self.emit(Event::DeadManSet { account, fires_at });
    }

    pub(super) fn withdraw(&mut self, withdraw: &Withdraw) -> Result<(), Rejection> {
        let account = self.known_account(withdraw.account)?;
        self.check_deadline(withdraw.deadline_secs, withdraw.deadline_secs)?;
        self.check_nonce(account, withdraw.nonce)?;
        if withdraw.amount.0 == 0 {
            return Err(Rejection::ZeroAmount);
        }
        let instrument = self.instrument_of(withdraw.token).ok_or(Rejection::UnknownInstrument)?;
        let withdrawable = self.withdrawable(account, instrument);
        if withdraw.amount.0 > withdrawable {
            return Err(Rejection::NotWithdrawable {
                withdrawable: Amount(withdrawable),
            });
        }
        let nonce = withdraw.nonce;
        self.accounts[account.0 as usize].nonces.spend(nonce);
        let terms = (instrument, withdraw.amount.0, withdraw.deadline_secs);
        self.withdrawals.insert((account.0, nonce), terms);
        self.debit(account, instrument, withdraw.amount.0, DebitCause::Withdrawal { nonce });
        self.emit(Event::WithdrawalApproved(Box::new(withdraw.clone())));
        Ok(())
    }
}

/// Post-only limit orders of the account and market, shown whole, with nonces and client ids that differ.
fn fit_together(quotes: &MassQuote) -> bool {
    let mut nonces = BTreeSet::new();
    let mut client_ids = BTreeSet::new();
    quotes.quotes.len() <= MOST_QUOTES
        && quotes.quotes.iter().all(|quote| {
            let instructions = &quote.instructions;
            quote.account == quotes.account
                && quote.market == quotes.market
                && instructions.kind == OrderKind::Limit
                && instructions.time_in_force == TimeInForce::GoodTilCancelled
                && instructions.post_only != PostOnly::No
                && instructions.display_amount.0 == 0
                && nonces.insert(quote.nonce)
                && (instructions.client_order_id.is_zero() || client_ids.insert(instructions.client_order_id))
        })
}
