//! What readers see of a group, made of its durable events alone: markets, books, open orders, unsettled fills. Pure.
//!
//! A view begins from a [`Seed`], which is of one command, and takes every later outcome with [`GroupView::apply`], which tells what
//! changed. Nothing that is not durable is ever in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use souk_exchange::market_data::Replica;
use souk_schema::exchange::event::{BustCause, Fill};
use souk_schema::exchange::{
    AccountId, CommandNumber, FillNumber, GroupId, InstrumentId, MarketId, MarketSpec, MarketState, OrderId, Ticks,
    UnixMillis, Venue,
};
use souk_schema::{Address, B256, TokenRef};

use super::order::{OrderStatus, OrderView};

/// What a group settles on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Chain and vault.
    pub venue: Venue,
    /// The vault's exit delay.
    pub exit_delay_secs: u64,
    /// The vault's settlement grace.
    pub settlement_grace_secs: u64,
}

/// A group at one command. Levels of books may be missing: see [`GroupView::set_levels`].
#[derive(Clone, Debug)]
pub struct Seed {
    /// The last command that is in.
    pub number: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// The group.
    pub group: GroupId,
    /// As opened, once it is.
    pub opened: Option<Opened>,
    /// By number.
    pub instruments: Vec<TokenRef>,
    /// By number.
    pub markets: Vec<Arc<MarketView>>,
    /// Every account.
    pub accounts: Vec<(AccountId, Address)>,
    /// Open orders.
    pub orders: Vec<OrderView>,
    /// Fills that are not settled for good, the reversed ones among them.
    pub fills: Vec<Unsettled>,
    /// What all markets are limited to.
    pub settlement_limit: MarketState,
}

impl Seed {
    /// A group that has heard no command.
    pub fn empty(group: GroupId) -> Seed {
        Seed {
            number: CommandNumber(0),
            time: UnixMillis(0),
            group,
            opened: None,
            instruments: Vec::new(),
            markets: Vec::new(),
            accounts: Vec::new(),
            orders: Vec::new(),
            fills: Vec::new(),
            settlement_limit: MarketState::Open,
        }
    }
}

/// A market as readers see it.
#[derive(Clone, Debug)]
pub struct MarketView {
    /// Its number.
    pub id: MarketId,
    /// What is traded.
    pub base: InstrumentId,
    /// What pays.
    pub quote: InstrumentId,
    /// As listed, with the newest fees and limits.
    pub spec: Arc<MarketSpec>,
    /// Its own state.
    pub state: MarketState,
    /// When its auction crosses.
    pub auction_ends_at: Option<UnixMillis>,
    /// Price of the last fill.
    pub last_price: Option<Ticks>,
}

/// A market's shown levels.
#[derive(Clone, Debug, Default)]
pub struct BookView {
    /// Shown lots.
    pub levels: Replica,
    /// The command that changed them last.
    pub changed_by: CommandNumber,
}

/// A fill that is not settled for good.
#[derive(Clone, Debug)]
pub struct Unsettled {
    /// The fill.
    pub fill: Arc<Fill>,
    /// Engine time of the match.
    pub matched_at: UnixMillis,
    /// Why it was reversed, where it was.
    pub busted: Option<BustCause>,
}

/// What became of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillNews {
    /// Two orders met.
    Matched,
    /// Settled for good.
    Final,
    /// Reversed.
    Busted(BustCause),
    /// The chain settled it after all.
    Reinstated,
    /// The chain went back past finality and lost its settlement.
    Unsettled,
}

/// A fill, and what became of it.
#[derive(Clone, Debug)]
pub struct FillChange {
    /// The fill.
    pub fill: Arc<Fill>,
    /// Engine time of the match.
    pub matched_at: UnixMillis,
    /// What became of it.
    pub news: FillNews,
}

/// What one command changed for readers.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The command.
    pub number: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// Markets whose shown levels changed.
    pub books: BTreeSet<MarketId>,
    /// Markets whose state or rules changed.
    pub markets: BTreeSet<MarketId>,
    /// Orders that changed, as they stand after the command, by id.
    pub orders: BTreeMap<OrderId, Arc<OrderView>>,
    /// Fills that changed, in order.
    pub fills: Vec<FillChange>,
    /// Accounts whose balances changed.
    pub balances: BTreeSet<AccountId>,
}

/// A group as readers see it.
#[derive(Debug)]
pub struct GroupView {
    pub(super) number: CommandNumber,
    pub(super) time: UnixMillis,
    pub(super) group: GroupId,
    pub(super) opened: Option<Opened>,
    pub(super) instruments: Vec<TokenRef>,
    pub(super) markets: Vec<Arc<MarketView>>,
    pub(super) books: Vec<BookView>,
    pub(super) by_key: HashMap<B256, MarketId>,
    pub(super) addresses: HashMap<AccountId, Address>,
    pub(super) accounts: HashMap<Address, AccountId>,
    pub(super) orders: HashMap<OrderId, Arc<OrderView>>,
    pub(super) by_nonce: HashMap<(Address, u64), OrderId>,
    /// Orders that are over, and in which order they ended.
    pub(super) past: HashMap<OrderId, Arc<OrderView>>,
    pub(super) ended: VecDeque<OrderId>,
    pub(super) fills: BTreeMap<FillNumber, Unsettled>,
    /// When the fills that the newest settlement passed were matched.
    pub(super) passed: BTreeMap<FillNumber, UnixMillis>,
    pub(super) settlement_limit: MarketState,
}

impl GroupView {
    /// As seeded.
    pub fn new(seed: Seed) -> GroupView {
        let orders: HashMap<OrderId, Arc<OrderView>> = seed
            .orders
            .into_iter()
            .map(|order| (order.id, Arc::new(order)))
            .collect();
        let by_nonce = orders
            .values()
            .map(|order| ((order.account, order.signed.nonce), order.id))
            .collect();
        GroupView {
            number: seed.number,
            time: seed.time,
            group: seed.group,
            opened: seed.opened,
            instruments: seed.instruments,
            by_key: seed.markets.iter().map(|market| (market.spec.key, market.id)).collect(),
            books: vec![BookView::default(); seed.markets.len()],
            markets: seed.markets,
            addresses: seed.accounts.iter().copied().collect(),
            accounts: seed
                .accounts
                .iter()
                .map(|(account, address)| (*address, *account))
                .collect(),
            orders,
            by_nonce,
            past: HashMap::new(),
            ended: VecDeque::new(),
            fills: seed
                .fills
                .into_iter()
                .map(|unsettled| (unsettled.fill.number, unsettled))
                .collect(),
            passed: BTreeMap::new(),
            settlement_limit: seed.settlement_limit,
        }
    }

    /// The last command that is in.
    pub fn number(&self) -> CommandNumber {
        self.number
    }

    /// Engine time.
    pub fn time(&self) -> UnixMillis {
        self.time
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// As opened, once it is.
    pub fn opened(&self) -> Option<Opened> {
        self.opened
    }

    /// Markets, by number.
    pub fn markets(&self) -> &[Arc<MarketView>] {
        &self.markets
    }

    /// A market by its number.
    pub fn market(&self, market: MarketId) -> Option<&Arc<MarketView>> {
        self.markets.get(place(market))
    }

    /// A market by its id in the vault.
    pub fn market_by_key(&self, key: B256) -> Option<&Arc<MarketView>> {
        self.market(*self.by_key.get(&key)?)
    }

    /// A market's book.
    pub fn book(&self, market: MarketId) -> Option<&BookView> {
        self.books.get(place(market))
    }

    /// What all markets are limited to while settlement lags; `Open` for no limit.
    pub fn settlement_limit(&self) -> MarketState {
        self.settlement_limit
    }

    /// An instrument's token.
    pub fn instrument(&self, instrument: InstrumentId) -> Option<TokenRef> {
        self.instruments.get(instrument.0 as usize).copied()
    }

    /// Every instrument, by number.
    pub fn instruments(&self) -> &[TokenRef] {
        &self.instruments
    }

    /// An address by its number.
    pub fn address(&self, account: AccountId) -> Option<Address> {
        self.addresses.get(&account).copied()
    }

    /// An account's number.
    pub fn account(&self, address: Address) -> Option<AccountId> {
        self.accounts.get(&address).copied()
    }

    /// An order that is open or lately over.
    pub fn order(&self, order: OrderId) -> Option<&Arc<OrderView>> {
        self.orders.get(&order).or_else(|| self.past.get(&order))
    }

    /// The order of an account with a nonce, open or lately over.
    pub fn order_by_nonce(&self, account: Address, nonce: u64) -> Option<&Arc<OrderView>> {
        self.order(*self.by_nonce.get(&(account, nonce))?)
    }

    /// Open orders of an account, by id.
    pub fn open_orders(&self, account: Address) -> Vec<Arc<OrderView>> {
        let mut orders: Vec<_> = self
            .orders
            .values()
            .filter(|order| order.account == account)
            .cloned()
            .collect();
        orders.sort_unstable_by_key(|order| order.id);
        orders
    }

    /// How many orders of a market can be filled, stops that wait not among them.
    pub fn working_orders(&self, market: MarketId) -> usize {
        let works = |order: &&Arc<OrderView>| order.market == market && order.status == OrderStatus::Open;
        self.orders.values().filter(works).count()
    }

    /// Fills of an account that are not settled for good, by number.
    pub fn unsettled(&self, account: AccountId) -> Vec<Unsettled> {
        let of = |fill: &Fill| fill.buyer.account == account || fill.seller.account == account;
        self.fills
            .values()
            .filter(|unsettled| of(&unsettled.fill))
            .cloned()
            .collect()
    }

    /// How many fills are not settled for good, and the oldest.
    pub fn unsettled_fills(&self) -> (usize, Option<FillNumber>) {
        (self.fills.len(), self.fills.keys().next().copied())
    }

    /// Puts a market's shown levels in, as they are after the newest command.
    pub fn set_levels(&mut self, market: MarketId, levels: Replica) {
        let changed_by = self.number;
        if let Some(book) = self.books.get_mut(place(market)) {
            *book = BookView { levels, changed_by };
        }
    }
}

/// Where a market is in lists by number.
pub(super) fn place(market: MarketId) -> usize {
    market.0 as usize
}

/// What a market does with orders: its own state, or what settlement limits it to.
pub fn effective_state(own: MarketState, limit: MarketState) -> MarketState {
    match (own, limit) {
        (MarketState::Open, limit) => limit,
        (MarketState::PostOnly, MarketState::Halted) => MarketState::Halted,
        (own, _) => own,
    }
}
