//! What readers see of a group, made of its durable events alone: markets, books, open orders, unsettled fills. Pure.
//!
//! A view begins from a [`Seed`], which is of one command, and takes every later outcome with [`GroupView::apply`], which tells what
//! changed. Nothing that is not durable is ever in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use souk_exchange::market_data::Replica;
use souk_schema::exchange::event::{BustCause, Event, Fill, Outcome, ReduceCause};
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FillNumber, GroupId, InstrumentId, MarketId, MarketSpec, MarketState, OrderId,
    SignedOrder, Ticks, UnixMillis, Venue,
};
use souk_schema::{Address, B256, TokenRef};

use super::order::{OrderStatus, OrderView};

/// Orders that are over and still found here, so that a retry meets its first try before the tables have it.
const REMEMBERED: usize = 8_192;

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
    number: CommandNumber,
    time: UnixMillis,
    group: GroupId,
    opened: Option<Opened>,
    instruments: Vec<TokenRef>,
    markets: Vec<Arc<MarketView>>,
    books: Vec<BookView>,
    by_key: HashMap<B256, MarketId>,
    addresses: HashMap<AccountId, Address>,
    accounts: HashMap<Address, AccountId>,
    orders: HashMap<OrderId, Arc<OrderView>>,
    by_nonce: HashMap<(Address, u64), OrderId>,
    /// Orders that are over, and in which order they ended.
    past: HashMap<OrderId, Arc<OrderView>>,
    ended: VecDeque<OrderId>,
    fills: BTreeMap<FillNumber, Unsettled>,
    /// When the fills that the newest settlement passed were matched.
    passed: BTreeMap<FillNumber, UnixMillis>,
    settlement_limit: MarketState,
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

    /// Takes an outcome in; none if it was in.
    pub fn apply(&mut self, outcome: &Outcome) -> Option<Change> {
        if outcome.number <= self.number {
            return None;
        }
        (self.number, self.time) = (outcome.number, outcome.time);
        let mut change = Change {
            number: outcome.number,
            time: outcome.time,
            ..Change::default()
        };
        if let Ok(events) = &outcome.result {
            let mut signed = outcome.signed.iter();
            for event in events {
                self.take(event, &mut signed, &mut change);
            }
        }
        for order in change.orders.values() {
            self.keep(order.clone());
        }
        Some(change)
    }

    /// Puts the final state of a changed order where it is found.
    fn keep(&mut self, order: Arc<OrderView>) {
        let (id, key) = (order.id, (order.account, order.signed.nonce));
        self.by_nonce.insert(key, id);
        if order.is_open() {
            self.orders.insert(id, order);
            return;
        }
        self.orders.remove(&id);
        if self.past.insert(id, order).is_none() {
            self.ended.push_back(id);
        }
        if self.ended.len() > REMEMBERED
            && let Some(forgotten) = self.ended.pop_front().and_then(|id| self.past.remove(&id))
        {
            let key = (forgotten.account, forgotten.signed.nonce);
            if self.by_nonce.get(&key) == Some(&forgotten.id) {
                self.by_nonce.remove(&key);
            }
        }
    }

    fn take<'a>(&mut self, event: &Event, signed: &mut impl Iterator<Item = &'a SignedOrder>, change: &mut Change) {
        match event {
            Event::OrderAccepted { .. }
            | Event::OrderTriggered { .. }
            | Event::OrderRested { .. }
            | Event::OrderReduced { .. }
            | Event::OrderAmended { .. }
            | Event::OrderClosed { .. } => self.take_order(event, signed, change),
            Event::Traded(_) | Event::FillsSettled { .. } | Event::FillBusted { .. } | Event::FillReinstated { .. } => {
                self.take_fill(event, change);
            }
            Event::Credited { account, .. } | Event::Debited { account, .. } | Event::DeficitTaken { account, .. } => {
                change.balances.insert(*account);
            }
            Event::AccountOpened { account, address } => {
                // `deficit` has no address that anybody could sign in with.
                if *account != AccountId::DEFICIT {
                    self.addresses.insert(*account, *address);
                    self.accounts.insert(*address, *account);
                }
            }
            Event::InstrumentListed { token, .. } => self.instruments.push(*token),
            Event::GroupOpened(opened) => {
                self.opened = Some(Opened {
                    venue: Venue {
                        chain: opened.chain,
                        vault: opened.vault,
                    },
                    exit_delay_secs: opened.exit_delay_secs,
                    settlement_grace_secs: opened.settlement_grace_secs,
                });
            }
            Event::SettlementLagged { limit } => {
                self.settlement_limit = *limit;
                change.markets.extend(self.markets.iter().map(|market| market.id));
            }
            Event::MarketListed { .. }
            | Event::MarketStateChanged { .. }
            | Event::MarketRulesChanged { .. }
            | Event::AuctionCrossed { .. }
            | Event::LevelChanged { .. } => self.take_market(event, change),
            Event::WithdrawalApproved(_)
            | Event::WithdrawalExecuted { .. }
            | Event::AccountStopped { .. }
            | Event::AccountResumed { .. }
            | Event::KeyRegistered { .. }
            | Event::KeyRevoked { .. }
            | Event::DeadManSet { .. } => {}
        }
    }

    fn take_market(&mut self, event: &Event, change: &mut Change) {
        if let Event::MarketListed {
            market,
            base,
            quote,
            spec,
            ..
        } = event
        {
            self.by_key.insert(spec.key, *market);
            self.books.push(BookView::default());
            self.markets.push(Arc::new(MarketView {
                id: *market,
                base: *base,
                quote: *quote,
                spec: Arc::new((**spec).clone()),
                state: MarketState::PreOpen,
                auction_ends_at: None,
                last_price: None,
            }));
            change.markets.insert(*market);
            return;
        }
        if let Event::LevelChanged {
            market,
            side,
            price,
            lots,
        } = event
        {
            if let Some(book) = self.books.get_mut(place(*market)) {
                book.levels.change(*side, *price, *lots);
                book.changed_by = change.number;
                change.books.insert(*market);
            }
            return;
        }
        let (Event::MarketStateChanged { market, .. }
        | Event::MarketRulesChanged { market, .. }
        | Event::AuctionCrossed { market, .. }) = event
        else {
            return;
        };
        let Some(view) = self.markets.get_mut(place(*market)).map(Arc::make_mut) else {
            return;
        };
        match event {
            Event::MarketStateChanged {
                state, auction_ends_at, ..
            } => {
                (view.state, view.auction_ends_at) = (*state, *auction_ends_at);
                change.markets.insert(*market);
            }
            Event::MarketRulesChanged { fees, limits, .. } => {
                let spec = Arc::make_mut(&mut view.spec);
                (spec.fees, spec.limits) = (*fees, **limits);
                change.markets.insert(*market);
            }
            Event::AuctionCrossed { price, lots, .. } if lots.0 > 0 => view.last_price = Some(*price),
            _ => {}
        }
    }

    fn take_order<'a>(
        &mut self,
        event: &Event,
        signed: &mut impl Iterator<Item = &'a SignedOrder>,
        change: &mut Change,
    ) {
        match event {
            Event::OrderAccepted {
                order,
                account,
                market,
                side: _,
                kind,
                price,
                lots,
                hold: _,
                expires_at,
            } => {
                let Some(signed) = signed.next() else { return };
                change.balances.insert(*account);
                let view = OrderView {
                    group: self.group,
                    id: *order,
                    account: signed.account,
                    market: *market,
                    signed: Arc::new(signed.clone()),
                    price: *price,
                    lots: *lots,
                    remaining: *lots,
                    filled: Default::default(),
                    cost: Amount::ZERO,
                    fees: Amount::ZERO,
                    status: OrderView::first_status(*kind),
                    placed_at: change.time,
                    updated_at: change.time,
                    expires_at: *expires_at,
                    updated_by: change.number,
                };
                change.orders.insert(*order, Arc::new(view));
            }
            Event::OrderTriggered { order } => {
                self.change_order(*order, change, |order| order.status = OrderStatus::Open);
            }
            Event::OrderRested { order, price, lots } => self.change_order(*order, change, |order| {
                (order.price, order.remaining) = (*price, *lots);
            }),
            Event::OrderReduced { order, lots, cause, .. } => {
                // An amendment that keeps the place replaces what was signed.
                let newer = (*cause == ReduceCause::Trader).then(|| signed.next()).flatten();
                self.change_order(*order, change, |order| {
                    order.lots.0 = order.lots.0.saturating_sub(order.remaining.0.saturating_sub(lots.0));
                    order.remaining = *lots;
                    if let Some(newer) = newer {
                        order.expires_at = expiry_of(newer);
                        order.signed = Arc::new(newer.clone());
                    }
                });
            }
            Event::OrderAmended {
                order,
                price,
                lots,
                expires_at,
                ..
            } => {
                let newer = signed.next();
                self.change_order(*order, change, |order| {
                    let filled = order.lots.0.saturating_sub(order.remaining.0);
                    (order.price, order.remaining, order.expires_at) = (*price, *lots, *expires_at);
                    order.lots.0 = filled.saturating_add(lots.0);
                    if let Some(newer) = newer {
                        order.signed = Arc::new(newer.clone());
                    }
                });
            }
            Event::OrderClosed { order, cause, lots, .. } => self.change_order(*order, change, |order| {
                (order.status, order.remaining) = (OrderStatus::Closed(*cause), *lots);
            }),
            _ => {}
        }
    }

    /// Changes an order, and notes that its account's balances may have changed too.
    fn change_order(&self, id: OrderId, change: &mut Change, with: impl FnOnce(&mut OrderView)) {
        let Some(known) = change.orders.get(&id).or_else(|| self.order(id)) else {
            return;
        };
        let mut order = (**known).clone();
        with(&mut order);
        (order.updated_at, order.updated_by) = (change.time, change.number);
        change.balances.extend(self.account(order.account));
        change.orders.insert(id, Arc::new(order));
    }

    fn take_fill(&mut self, event: &Event, change: &mut Change) {
        let (fill, news) = match event {
            Event::Traded(fill) => (fill, FillNews::Matched),
            Event::FillBusted { fill, cause } => (fill, FillNews::Busted(*cause)),
            Event::FillReinstated { fill } => (fill, FillNews::Reinstated),
            Event::FillsSettled { through } => return self.settle(*through, change),
            _ => return,
        };
        let fill = Arc::new((**fill).clone());
        // A reinstated fill was passed by the settlement that reinstates it.
        let known = self.fills.get(&fill.number).map(|unsettled| unsettled.matched_at);
        let matched_at = known
            .or_else(|| self.passed.get(&fill.number).copied())
            .unwrap_or(change.time);
        match news {
            FillNews::Matched => {
                if let Some(market) = self.markets.get_mut(place(fill.market)) {
                    Arc::make_mut(market).last_price = Some(fill.price);
                }
                let unsettled = Unsettled {
                    fill: fill.clone(),
                    matched_at,
                    busted: None,
                };
                self.fills.insert(fill.number, unsettled);
            }
            FillNews::Busted(cause) => {
                if let Some(unsettled) = self.fills.get_mut(&fill.number) {
                    unsettled.busted = Some(cause);
                }
            }
            FillNews::Final | FillNews::Reinstated => {}
        }
        self.count_fill(&fill, news, change);
        change.fills.push(FillChange { fill, matched_at, news });
    }

    /// Fills up to this one are over.
    fn settle(&mut self, through: FillNumber, change: &mut Change) {
        let open = self.fills.split_off(&FillNumber(through.0.saturating_add(1)));
        let over = std::mem::replace(&mut self.fills, open);
        self.passed.clear();
        for Unsettled {
            fill,
            matched_at,
            busted,
        } in over.into_values()
        {
            self.passed.insert(fill.number, matched_at);
            change.balances.extend([fill.buyer.account, fill.seller.account]);
            if busted.is_none() {
                let news = FillNews::Final;
                change.fills.push(FillChange { fill, matched_at, news });
            }
        }
    }

    /// Adds a fill to its two orders, or takes it out again, where they are known. What is left to fill shrinks by a match alone.
    fn count_fill(&self, fill: &Fill, news: FillNews, change: &mut Change) {
        for (side, royalty) in [(&fill.buyer, Amount::ZERO), (&fill.seller, fill.royalty)] {
            change.balances.insert(side.account);
            let fees = Amount(side.fee.0.saturating_add(royalty.0));
            self.change_order(side.order, change, |order| {
                order.fill(fill.lots, fill.quote, fees, matches!(news, FillNews::Busted(_)));
                if news == FillNews::Matched {
                    order.remaining.0 = order.remaining.0.saturating_sub(fill.lots.0);
                }
            });
        }
    }
}

fn place(market: MarketId) -> usize {
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

/// When an order stops to match: the sooner of its signed expiry and `goodUntil`.
pub fn expiry_of(order: &SignedOrder) -> UnixMillis {
    let secs = match order.instructions.good_until_secs {
        0 => order.expiry_secs,
        until => order.expiry_secs.min(until),
    };
    UnixMillis(secs.saturating_mul(1_000))
}
