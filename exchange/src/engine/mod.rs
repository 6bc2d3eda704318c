//! The engine: its state, and one command after the other.
//!
//! Each command is decided in a file of its own, in two steps: first everything that could refuse it, on `&self`; then the effect, which
//! cannot fail. What a step of the rules means is said once, in `docs/exchange-rules.md`.

mod admin;
mod admit;
mod amend;
mod auction;
mod cancel;
mod facts;
mod foresee;
mod matching;
mod place;
mod plain;
pub mod preview;
mod quote;
mod stops;
mod tell;
mod tick;
mod walk;
mod withdraw;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use souk_schema::exchange::command::{OpenGroup, Rules};
use souk_schema::exchange::{
    AccountId, Amount, Command, CommandBody, CommandNumber, Event, Lots, MarketState, OrderId, Rejection, Side, Ticks,
    UnixMillis,
};

use crate::book::{NONE, Slot};
use crate::state::accounts::{Accounts, FundsIndex};
use crate::state::instruments::Instruments;
use crate::state::market::{Market, Markets};
use crate::state::orders::Orders;
use crate::state::settlement::Settlement;
use crate::state::sources::Sources;
use crate::state::timers::Timers;
use crate::views::shown;

/// The engine of one market group.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) group: Option<Box<OpenGroup>>,
    pub(crate) commands: CommandNumber,
    pub(crate) time: UnixMillis,
    pub(crate) sources: Sources,
    pub(crate) accounts: Accounts,
    pub(crate) instruments: Instruments,
    pub(crate) markets: Markets,
    pub(crate) orders: Orders,
    pub(crate) timers: Timers,
    pub(crate) settlement: Settlement,
    /// Dead-man timers: when, and whose.
    pub(crate) dead_men: BTreeSet<(UnixMillis, AccountId)>,
    /// What all markets are limited to for the age of the oldest unsettled fill.
    pub(crate) limit: MarketState,
    /// Whether the vault is in escape.
    pub(crate) escaped: bool,
    scratch: Scratch,
}

/// Lists that a command fills and empties; kept for their memory.
#[derive(Clone, Debug, Default)]
struct Scratch {
    /// Levels that the command touched, with what they showed at that time.
    levels: Vec<Touched>,
    /// Balances that the command took something from without asking what is there, or gave something back to.
    moved: Vec<FundsIndex>,
    /// Orders that the command is about to close.
    orders: Vec<(OrderId, Slot)>,
    /// Orders that expired.
    due: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Touched {
    market: u32,
    side: Side,
    price: Ticks,
    /// Where the ladder keeps it, or kept it.
    level: u32,
    /// Which of several touches of one level came first.
    order: u32,
    before: u128,
}

impl Touched {
    /// Which level; in the order in which levels are told of.
    #[inline]
    fn place(&self) -> (u32, Side, Ticks) {
        (self.market, self.side, self.price)
    }
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::new()
    }
}

impl Engine {
    /// An engine that waits for its first command, `OpenGroup`.
    pub fn new() -> Engine {
        Engine {
            group: None,
            commands: CommandNumber(0),
            time: UnixMillis(0),
            sources: Sources::default(),
            accounts: Accounts::default(),
            instruments: Instruments::default(),
            markets: Markets::default(),
            orders: Orders::default(),
            timers: Timers::default(),
            settlement: Settlement::default(),
            dead_men: BTreeSet::new(),
            limit: MarketState::Open,
            escaped: false,
            scratch: Scratch::default(),
        }
    }

    /// Number of the last command; 0 before the first.
    pub fn commands(&self) -> CommandNumber {
        self.commands
    }

    /// Engine time: the latest `at` so far.
    pub fn time(&self) -> UnixMillis {
        self.time
    }

    /// Decides and carries out one command. `at` is when its batch was written. Events are appended, in order.
    ///
    /// # Errors
    ///
    /// Why it was refused. Then nothing has changed but the number of commands, engine time and the source's position, and no event was
    /// appended.
    pub fn apply(&mut self, command: &Command, at: UnixMillis, events: &mut Vec<Event>) -> Result<(), Rejection> {
        self.commands.0 += 1;
        self.time = self.time.max(at);
        if !self.sources.hear(&command.source, self.time) {
            return Err(Rejection::Duplicate);
        }
        self.carry_out(&command.body, events)?;
        self.report_levels(events);
        Ok(())
    }

    /// All arms but three are rare, and functions of their own that are never inlined: the frame of this one stays small.
    #[inline]
    fn carry_out(&mut self, body: &CommandBody, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.group.is_none() && !matches!(body, CommandBody::OpenGroup(_)) {
            return Err(Rejection::GroupNotOpen);
        }
        match body {
            CommandBody::OpenGroup(open) => self.open_group(open, events),
            CommandBody::ListMarket(spec) => self.list_market(spec, events),
            CommandBody::SetMarketState { market, state } => self.set_market_state(market, *state, events),
            CommandBody::SetMarketRules { market, fees, limits } => {
                self.set_market_rules(market, *fees, *limits, events)
            }
            CommandBody::PlaceOrder(order) => self.place(order, events),
            CommandBody::CancelOrder { account, order } => self.cancel(account, *order, events),
            CommandBody::CancelAll { account, market } => self.cancel_all(account, market.as_ref(), events),
            CommandBody::ReduceOrder {
                account,
                order,
                remaining,
            } => self.reduce(account, *order, *remaining, events),
            CommandBody::AmendOrder(order) => self.amend(order, events),
            CommandBody::MassQuote(quote) => self.mass_quote(quote, events),
            CommandBody::SetDeadMan { account, timeout_secs } => self.set_dead_man(account, *timeout_secs, events),
            CommandBody::Withdraw(withdraw) => self.withdraw(withdraw, events),
            CommandBody::Fact(fact) => self.fact(fact, events),
            CommandBody::Tick => {
                self.tick(events);
                Ok(())
            }
        }
    }

    /// Whether the group goes by this revision of the rules, or by a later one.
    pub(crate) fn goes_by(&self, rules: Rules) -> bool {
        self.group.as_ref().is_some_and(|group| group.rules >= rules)
    }

    /// What a market does now: its own state, or what the settlement limit leaves of it.
    pub(crate) fn effective_state(&self, market: &Market) -> MarketState {
        match (self.limit, market.state) {
            (
                MarketState::Halted,
                MarketState::PreOpen | MarketState::Auction | MarketState::Open | MarketState::PostOnly,
            ) => MarketState::Halted,
            (MarketState::PostOnly, MarketState::PreOpen | MarketState::Auction | MarketState::Open) => {
                MarketState::PostOnly
            }
            (_, own) => own,
        }
    }

    #[inline(always)]
    fn find_market(&self, key: &B256) -> Result<usize, Rejection> {
        self.markets.find(key).ok_or(Rejection::UnknownMarket)
    }

    #[inline(always)]
    fn find_account(&self, address: &Address) -> Result<AccountId, Rejection> {
        self.accounts.find(address).ok_or(Rejection::UnknownAccount)
    }

    /// The open orders of an account in all markets, by id.
    pub(crate) fn orders_of(&self, account: AccountId) -> Vec<(OrderId, Slot)> {
        let mut orders = Vec::new();
        self.gather_orders(account, &mut orders);
        orders
    }

    fn gather_orders(&self, account: AccountId, into: &mut Vec<(OrderId, Slot)>) {
        for seat in self.accounts.get(account).seats() {
            let first = self.accounts.seat(*seat).first_order;
            into.extend(self.orders.from(first).map(|slot| (self.orders.node(slot).id, slot)));
        }
        into.sort_unstable();
    }

    /// What an order reserves now.
    #[inline(always)]
    fn hold_of(&self, market: usize, slot: Slot) -> Amount {
        let node = self.orders.node(slot);
        match node.left {
            Lots(0) => Amount::ZERO,
            left => self.markets[market].hold(node.side, node.price, left, self.orders.record(slot).rate),
        }
    }

    /// The market that an order is in.
    fn market_of(&self, slot: Slot) -> usize {
        self.accounts.seat(self.orders.node(slot).seat).market.0 as usize
    }

    /// Takes note of what the level of a standing order shows before it changes.
    #[inline]
    fn touch(&mut self, market: usize, slot: Slot) {
        let node = self.orders.node(slot);
        let before = self.markets[market].book.level_of(node.side, node).shown;
        self.touch_showing(market, slot, before);
    }

    /// As [`Engine::touch`], where it is known what the level showed.
    #[inline]
    fn touch_showing(&mut self, market: usize, slot: Slot, before: u128) {
        let node = self.orders.node(slot);
        let levels = &mut self.scratch.levels;
        let is_it = |touched: &Touched| touched.place() == (market as u32, node.side, node.price);
        // A taker meets one level many times in a row; whatever escapes this is sorted out at the end.
        if levels.last().is_some_and(is_it) {
            return;
        }
        levels.push(Touched {
            market: market as u32,
            side: node.side,
            price: node.price,
            level: node.level,
            order: levels.len() as u32,
            before,
        });
    }

    /// Tells of the levels that show something else than before the command.
    #[inline]
    fn report_levels(&mut self, events: &mut Vec<Event>) {
        let levels = &mut self.scratch.levels;
        match &mut levels[..] {
            [] => return,
            [_] => {}
            // Two different levels is what most commands touch.
            [one, other] if one.place() < other.place() => {}
            [one, other] if one.place() > other.place() => std::mem::swap(one, other),
            many => {
                many.sort_unstable_by_key(|touched| (touched.place(), touched.order));
                levels.dedup_by_key(|touched| touched.place());
            }
        }
        for touched in levels.iter() {
            let market = &self.markets[touched.market as usize];
            let now = market.book.shown_near(touched.side, touched.level, touched.price);
            if now != touched.before {
                tell::level_changed(events, market.id, touched.side, touched.price, shown(now));
            }
        }
        levels.clear();
    }

    /// Takes an order out of the book, where it stands in it.
    #[inline]
    fn take_from_book(&mut self, market: usize, slot: Slot) {
        let node = self.orders.node(slot);
        if node.level == NONE {
            return;
        }
        let side = node.side;
        self.touch(market, slot);
        self.markets[market].book.remove(self.orders.nodes_mut(), side, slot);
    }
}
