//! The live side of a group: its [`GroupView`], kept up with the engine's durable outcomes, and the channels that readers follow.
//!
//! One task applies outcomes and makes each message once, whoever listens. A channel of a book exists per market and depth from the first
//! time that somebody asks; accounts have channels while somebody follows them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use souk_schema::Address;
use souk_schema::exchange::{CommandNumber, Lots, MarketId, Outcome, Side, Ticks, UnixMillis};
use tokio::sync::{broadcast, watch};

use super::channel::{Channel, Listening, Numbered};
use super::levels::Top;
use super::order::OrderView;
use super::view::{Change, FillNews, GroupView, Unsettled};

/// Commands that changed something and can be asked for again by who follows an account.
const REMEMBERED: usize = 8_192;

/// Messages that may wait for one who follows an account.
const WAITING: usize = 1_024;

/// Messages whose trades one who begins to follow a market is told.
const RECENT: usize = 50;

/// What changed in a market's best levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookMessage {
    /// The command that changed them.
    pub sequence: u64,
    /// That of the message before.
    pub previous: u64,
    /// Engine time.
    pub time: UnixMillis,
    /// Levels to set; 0 lots for none.
    pub changes: Top,
    /// Of the best ten levels afterwards.
    pub checksum: u32,
}

/// A trade, as everybody may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The fill's number.
    pub number: u64,
    /// At.
    pub price: Ticks,
    /// How many.
    pub lots: Lots,
    /// What they cost, in quote base units.
    pub quote: u128,
    /// The side that came to the book.
    pub taker: Side,
    /// Engine time.
    pub time: UnixMillis,
    /// Whether it is reversed.
    pub busted: bool,
}

/// What was traded in a market by one command; a trade that was told before may come again as busted, or as not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradesMessage {
    /// The command.
    pub sequence: u64,
    /// That of the message before.
    pub previous: u64,
    /// In order.
    pub trades: Vec<Trade>,
}

impl Numbered for BookMessage {
    fn sequence(&self) -> u64 {
        self.sequence
    }
    fn previous(&self) -> u64 {
        self.previous
    }
}

impl Numbered for TradesMessage {
    fn sequence(&self) -> u64 {
        self.sequence
    }
    fn previous(&self) -> u64 {
        self.previous
    }
}

/// A book's channel, with what those who listen hold.
#[derive(Debug)]
struct Book {
    held: Top,
    channel: Channel<BookMessage>,
}

/// A book, and what comes after it.
pub struct BookListening {
    /// The best levels as they are after [`Listening::sequence`].
    pub held: Top,
    /// Engine time.
    pub time: UnixMillis,
    /// What was missed, and what comes.
    pub listening: Listening<BookMessage>,
}

/// What one who follows an account begins with.
pub struct AccountListening {
    /// Changes that were missed, oldest first; none where it has to begin anew.
    pub missed: Option<Vec<Arc<Change>>>,
    /// The last command before those to come.
    pub sequence: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// Open orders after that command, by id.
    pub orders: Vec<Arc<OrderView>>,
    /// Fills that were not settled for good then, by number.
    pub fills: Vec<Unsettled>,
    /// Those to come.
    pub coming: broadcast::Receiver<Arc<Change>>,
}

#[derive(Debug)]
struct State {
    view: GroupView,
    books: HashMap<(MarketId, usize), Book>,
    trades: HashMap<MarketId, Channel<TradesMessage>>,
    accounts: HashMap<Address, broadcast::Sender<Arc<Change>>>,
    /// Changes since the command in `remembered_from`, which is not in.
    remembered: VecDeque<(BTreeSet<Address>, Arc<Change>)>,
    remembered_from: CommandNumber,
}

/// The live side of a group.
#[derive(Debug)]
pub struct Hub {
    state: RwLock<State>,
    head: watch::Sender<CommandNumber>,
}

/// A look at the view; short, because outcomes wait for it.
pub struct Look<'a>(RwLockReadGuard<'a, State>);

impl std::ops::Deref for Look<'_> {
    type Target = GroupView;
    fn deref(&self) -> &GroupView {
        &self.0.view
    }
}

impl State {
    fn new(view: GroupView) -> State {
        State {
            remembered_from: view.number(),
            view,
            books: HashMap::new(),
            trades: HashMap::new(),
            accounts: HashMap::new(),
            remembered: VecDeque::new(),
        }
    }

    /// Tells those who follow what a command changed.
    fn tell(&mut self, change: Change) {
        for market in &change.books {
            self.tell_book(*market);
        }
        self.tell_trades(&change);
        let touched = self.touched(&change);
        if touched.is_empty() {
            return;
        }
        let change = Arc::new(change);
        for address in &touched {
            if let Some(sender) = self.accounts.get(address)
                && sender.send(change.clone()).is_err()
            {
                self.accounts.remove(address);
            }
        }
        if self.remembered.len() == REMEMBERED
            && let Some((_, oldest)) = self.remembered.pop_front()
        {
            self.remembered_from = oldest.number;
        }
        self.remembered.push_back((touched, change));
    }

    /// Sends every book of a market what changed since it was told last.
    fn tell_book(&mut self, market: MarketId) {
        let Some(now) = self.view.book(market) else { return };
        let (number, time) = (now.changed_by.0, self.view.time());
        let checksum = now.levels.checksum();
        for ((of, depth), book) in &mut self.books {
            if *of != market {
                continue;
            }
            let top = Top::of(&now.levels, *depth);
            let changes = top.changes_since(&book.held);
            if changes.is_empty() {
                continue;
            }
            book.held = top;
            let previous = book.channel.sequence();
            book.channel.send(BookMessage {
                sequence: number,
                previous,
                time,
                changes,
                checksum,
            });
        }
    }

    fn tell_trades(&mut self, change: &Change) {
        let mut by_market: HashMap<MarketId, Vec<Trade>> = HashMap::new();
        for told in change.fills.iter().filter(|told| told.news != FillNews::Final) {
            by_market.entry(told.fill.market).or_default().push(Trade {
                number: told.fill.number.0,
                price: told.fill.price,
                lots: told.fill.lots,
                quote: told.fill.quote.0,
                taker: told.fill.taker,
                time: change.time,
                busted: matches!(told.news, FillNews::Busted(_)),
            });
        }
        for (market, trades) in by_market {
            let channel = self.trades.entry(market).or_insert_with(|| Channel::new(0));
            channel.send(TradesMessage {
                sequence: change.number.0,
                previous: channel.sequence(),
                trades,
            });
        }
    }

    fn touched(&self, change: &Change) -> BTreeSet<Address> {
        let fills = change
            .fills
            .iter()
            .flat_map(|told| [told.fill.buyer.account, told.fill.seller.account]);
        let accounts = fills.chain(change.balances.iter().copied());
        accounts
            .filter_map(|account| self.view.address(account))
            .chain(change.orders.values().map(|order| order.account))
            .collect()
    }
}

impl Hub {
    /// Begins with a view.
    pub fn new(view: GroupView) -> Hub {
        Hub {
            head: watch::Sender::new(view.number()),
            state: RwLock::new(State::new(view)),
        }
    }

    /// Looks at the view.
    pub fn look(&self) -> Look<'_> {
        Look(self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes outcomes in, and tells those who follow.
    pub fn apply(&self, outcomes: &[Outcome]) {
        let head = self.change(|state| {
            for outcome in outcomes {
                if let Some(change) = state.view.apply(outcome) {
                    state.tell(change);
                }
            }
            state.view.number()
        });
        self.head.send_replace(head);
    }

    /// Begins anew after outcomes were missed. Books go on with one message that leads from what was told to what is; everybody else is
    /// sent away, and comes back to a fresh beginning.
    pub fn restart(&self, view: GroupView) {
        let head = view.number();
        self.change(|state| {
            let books = std::mem::take(&mut state.books);
            *state = State::new(view);
            state.books = books;
            let markets: BTreeSet<MarketId> = state.books.keys().map(|(market, _)| *market).collect();
            markets.into_iter().for_each(|market| state.tell_book(market));
        });
        self.head.send_replace(head);
    }

    /// Waits until a command's outcome is in the view; false after `patience`.
    pub async fn reached(&self, number: CommandNumber, patience: Duration) -> bool {
        let mut head = self.head.subscribe();
        let waiting = head.wait_for(|head| *head >= number);
        tokio::time::timeout(patience, waiting)
            .await
            .is_ok_and(|reached| reached.is_ok())
    }

    /// Follows the best so many levels of a market's book.
    pub fn listen_book(&self, market: MarketId, depth: usize, after: Option<u64>) -> Option<BookListening> {
        self.change(|state| {
            let now = state.view.book(market)?;
            let book = state.books.entry((market, depth)).or_insert_with(|| Book {
                held: Top::of(&now.levels, depth),
                channel: Channel::new(now.changed_by.0),
            });
            Some(BookListening {
                held: book.held.clone(),
                time: state.view.time(),
                listening: book.channel.listen(after),
            })
        })
    }

    /// Follows a market's trades. With what is to come are the trades that are still kept, where it has to begin anew.
    pub fn listen_trades(
        &self,
        market: MarketId,
        after: Option<u64>,
    ) -> Option<(Vec<Trade>, Listening<TradesMessage>)> {
        self.change(|state| {
            state.view.market(market)?;
            let channel = state.trades.entry(market).or_insert_with(|| Channel::new(0));
            // What was told of a trade last counts.
            let newest = channel
                .kept()
                .rev()
                .take(RECENT)
                .flat_map(|message| message.trades.iter().rev());
            let mut recent: BTreeMap<u64, Trade> = BTreeMap::new();
            for trade in newest {
                recent.entry(trade.number).or_insert(*trade);
            }
            Some((recent.into_values().collect(), channel.listen(after)))
        })
    }

    /// Follows what commands change for an account.
    pub fn listen_account(&self, address: Address, after: Option<CommandNumber>) -> AccountListening {
        self.change(|state| {
            let sequence = state.view.number();
            let kept = after.filter(|after| (state.remembered_from..=sequence).contains(after));
            let missed = kept.map(|after| {
                let missed = state
                    .remembered
                    .iter()
                    .filter(|(touched, change)| change.number > after && touched.contains(&address));
                missed.map(|(_, change)| change.clone()).collect()
            });
            let sender = state
                .accounts
                .entry(address)
                .or_insert_with(|| broadcast::Sender::new(WAITING));
            AccountListening {
                missed,
                sequence,
                time: state.view.time(),
                orders: state.view.open_orders(address),
                fills: state
                    .view
                    .account(address)
                    .map(|account| state.view.unsettled(account))
                    .unwrap_or_default(),
                coming: sender.subscribe(),
            }
        })
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
