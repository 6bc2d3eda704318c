//! The oracle: an engine that is obviously right and slow. It keeps one unsorted list of open orders and one list of all fills, and works out
//! everything else (books, holds, pending amounts, levels) from these whenever it is asked. It was written from `docs/exchange-rules.md`
//! alone and shares nothing with the engine but the vocabulary. Start with [`Oracle::apply`].

mod admin;
mod auction;
mod balances;
mod check;
mod facts;
mod matching;
mod orders;
mod state;
mod ticks;
mod vanished;

use std::collections::BTreeMap;

use souk_schema::exchange::command::OpenGroup;
use souk_schema::exchange::{
    AccountId, Command, CommandBody, CommandNumber, Event, InstrumentId, MarketState, Rejection, Side, Source,
    UnixMillis,
};
use souk_schema::{ChainId, TokenRef};

pub use admin::royalty_address;
pub use balances::Balance;
pub use state::{Account, Deposit, FillRecord, FillStatus, Market, Order, Place};

/// The longest that an order or a withdrawal may be signed for.
pub const MAX_EXPIRY_SECS: u64 = 30 * 24 * 60 * 60;

/// Who issues commands, without the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKey {
    /// A gateway's id.
    Gateway(u64),
    /// A chain.
    Chain(ChainId),
}

/// The whole state of a group.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub commands: u64,
    pub time: UnixMillis,
    /// The last position of each, and when a command with a new one was last heard.
    pub sources: BTreeMap<SourceKey, (u64, UnixMillis)>,
    pub group: Option<OpenGroup>,
    pub instruments: Vec<TokenRef>,
    pub markets: Vec<Market>,
    pub accounts: Vec<Account>,
    /// Every open order, in no order that matters.
    pub orders: Vec<Order>,
    /// Every fill there was: number `n` at place `n - 1`.
    pub fills: Vec<FillRecord>,
    /// The last fill number that the vault consumed.
    pub consumed: u64,
    pub deposits: BTreeMap<u64, Deposit>,
    /// By account and nonce.
    pub withdrawals: BTreeMap<(u32, u64), Withdrawal>,
    /// Those that are over, and whether they were paid out.
    pub over: BTreeMap<(u32, u64), (Withdrawal, bool)>,
    /// Exits that were debited.
    pub paid_exits: BTreeMap<u64, (AccountId, InstrumentId, u128)>,
    /// What `DEFICIT` bore and nobody repaid.
    pub debts: BTreeMap<(AccountId, InstrumentId), i128>,
    /// Fills up to this one are settled for ever: nobody remembers more than the newest 16,384.
    pub settled_for_ever: u64,
    pub limit: Limit,
    pub escaped: bool,
    /// What the next order that rests gets as its place in time.
    next_turn: u64,
    events: Vec<Event>,
}

/// Instrument, amount, deadline.
pub type Withdrawal = (InstrumentId, u128, u64);

/// What all markets are limited to while settlement lags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub MarketState);

impl Default for Limit {
    fn default() -> Limit {
        Limit(MarketState::Open)
    }
}

/// Shown lots by market, side and price.
type Levels = BTreeMap<(u32, Side, u64), u64>;

impl Oracle {
    /// A group that was not opened.
    pub fn new() -> Oracle {
        Oracle::default()
    }

    /// Takes a command at the time of its record; appends what came of it.
    pub fn apply(
        &mut self,
        command: &Command,
        written_at: UnixMillis,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.commands += 1;
        self.time = self.time.max(written_at);
        let (source, position) = match command.source {
            Source::Gateway { id, position } => (SourceKey::Gateway(id), position),
            Source::Chain { chain, position } => (SourceKey::Chain(chain), position),
        };
        if position <= self.sources.get(&source).map_or(0, |heard| heard.0) {
            return Err(Rejection::Duplicate);
        }
        self.sources.insert(source, (position, self.time));
        for market in &mut self.markets {
            market.band_last = market.last;
        }
        let before = self.clone();
        match self.decide(&command.body) {
            Ok(()) => {
                self.finish(&before);
                events.append(&mut self.events);
                Ok(())
            }
            Err(rejection) => {
                *self = before;
                Err(rejection)
            }
        }
    }

    fn decide(&mut self, body: &CommandBody) -> Result<(), Rejection> {
        if let CommandBody::OpenGroup(open) = body {
            return self.open_group(open);
        }
        if self.group.is_none() {
            return Err(Rejection::GroupNotOpen);
        }
        match body {
            CommandBody::OpenGroup(_) => unreachable!("decided above"),
            CommandBody::ListMarket(spec) => self.list_market(spec),
            CommandBody::SetMarketState { market, state } => self.set_market_state(*market, *state),
            CommandBody::SetMarketRules { market, fees, limits } => self.set_market_rules(*market, *fees, *limits),
            CommandBody::PlaceOrder(signed) => self.place(signed, 0, false),
            CommandBody::CancelOrder { account, order } => self.cancel(*account, *order),
            CommandBody::CancelAll { account, market } => self.cancel_all(*account, *market),
            CommandBody::ReduceOrder {
                account,
                order,
                remaining,
            } => self.reduce_order(*account, *order, *remaining),
            CommandBody::AmendOrder(signed) => self.amend(signed),
            CommandBody::MassQuote(quotes) => self.mass_quote(quotes),
            CommandBody::SetDeadMan { account, timeout_secs } => self.set_dead_man(*account, *timeout_secs),
            CommandBody::Withdraw(withdraw) => self.withdraw(withdraw),
            CommandBody::Fact(fact) => self.fact(fact),
            CommandBody::Tick => {
                self.tick();
                Ok(())
            }
        }
    }

    /// What every command ends with: stops, then the levels that are not what they were.
    fn finish(&mut self, before: &Oracle) {
        for market in 0..self.markets.len() as u32 {
            self.run_stops(market);
        }
        let (old, new) = (before.levels(), self.levels());
        let mut keys: Vec<_> = old.keys().chain(new.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let lots = new.get(&key).copied().unwrap_or(0);
            if old.get(&key).copied().unwrap_or(0) != lots {
                let (market, side, price) = key;
                self.events.push(Event::LevelChanged {
                    market: souk_schema::exchange::MarketId(market),
                    side,
                    price: souk_schema::exchange::Ticks(price),
                    lots: souk_schema::exchange::Lots(lots),
                });
            }
        }
    }

    /// The books as anyone sees them.
    pub fn levels(&self) -> Levels {
        let mut levels = Levels::new();
        for order in &self.orders {
            if let Place::Resting { .. } = order.place {
                *levels.entry((order.market, order.side, order.price)).or_default() += order.shown;
            }
        }
        levels
    }

    fn command_number(&self) -> CommandNumber {
        CommandNumber(self.commands)
    }

    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
}
