//! What may be seen of an engine from outside. Nothing here copies more than it hands out, or changes anything.

use alloy_primitives::{Address, B256};
use souk_schema::TokenRef;
use souk_schema::exchange::command::OpenGroup;
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FeeSchedule, FillNumber, InstrumentId, Lots, MarketId, MarketLimits, MarketSpec,
    MarketState, OrderId, OrderKind, Ppm, Side, Source, Ticks, TimeInForce, UnixMillis,
};

use crate::book::{Level, Slot};
use crate::engine::Engine;
use crate::market_data;
use crate::state::accounts::{Account, Funds};
use crate::state::market::Market;
use crate::state::settlement::{Deposit, InFlight, UnsettledFill};

/// What an account has of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What new orders may use, in base units. Negative for the account `deficit` alone.
    pub available: i128,
    /// What open orders reserve.
    pub held: Amount,
    /// What unsettled fills brought.
    pub pending_in: Amount,
    /// What unsettled fills took.
    pub pending_out: Amount,
    /// What may be withdrawn now.
    pub withdrawable: Amount,
}

/// A level of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// The price.
    pub price: Ticks,
    /// Lots that its orders show.
    pub lots: Lots,
    /// Number of orders.
    pub orders: u32,
}

/// A market.
#[derive(Clone, Copy)]
pub struct MarketView<'a> {
    engine: &'a Engine,
    market: &'a Market,
}

/// An account.
#[derive(Clone, Copy)]
pub struct AccountView<'a> {
    engine: &'a Engine,
    id: AccountId,
    account: &'a Account,
}

/// An open order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Its id.
    pub id: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// What makes it work.
    pub kind: OrderKind,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Where it works: the limit, or where a post-only order slid to.
    pub price: Ticks,
    /// The price that was signed.
    pub limit: Ticks,
    /// What is left, shown or not.
    pub left: Lots,
    /// All that was signed.
    pub lots: Lots,
    /// What was filled.
    pub filled: Lots,
    /// Most lots shown at a time; `None` shows all.
    pub display: Option<Lots>,
    /// Where a stop starts to work.
    pub trigger: Option<Ticks>,
    /// Whether it is a stop that waits for its trigger, off the book.
    pub waits: bool,
    /// Whether it came by a mass quote.
    pub is_quote: bool,
    /// Matches strictly before.
    pub expires_at: UnixMillis,
    /// Its nonce.
    pub nonce: u64,
    /// Chosen by the client; zero for none.
    pub client_order_id: B256,
    /// What it reserves: of the quote instrument for a buyer, of the base instrument for a seller.
    pub hold: Amount,
    /// Most fees over all its fills.
    pub fee_cap: Amount,
    /// Fees of its fills so far, a seller's royalty included.
    pub fees_paid: Amount,
    /// The fee rate that its hold can bear.
    pub rate: Ppm,
    /// The command whose signature counts.
    pub signed_by: CommandNumber,
    /// Who signed.
    pub signer: Address,
}

impl Engine {
    /// The last position heard from the source (the gateway or the chain; the position in the argument means nothing).
    pub fn source_position(&self, source: &Source) -> Option<u64> {
        self.sources.position(source)
    }

    /// What the group was opened with.
    pub fn group(&self) -> Option<&OpenGroup> {
        self.group.as_deref()
    }

    /// What all markets are limited to for the age of the oldest unsettled fill; `Open` for no limit.
    pub fn settlement_limit(&self) -> MarketState {
        self.limit
    }

    /// All markets, by id.
    pub fn markets(&self) -> impl Iterator<Item = MarketView<'_>> {
        self.markets.iter().map(|market| MarketView { engine: self, market })
    }

    /// A market.
    pub fn market(&self, id: MarketId) -> Option<MarketView<'_>> {
        self.markets.get(id).map(|market| MarketView { engine: self, market })
    }

    /// The market with this id in the vault.
    pub fn market_by_key(&self, key: B256) -> Option<MarketView<'_>> {
        self.market(MarketId(self.markets.find(&key)? as u32))
    }

    /// The account at an address.
    pub fn account(&self, address: Address) -> Option<AccountView<'_>> {
        self.account_by_id(self.accounts.find(&address)?)
    }

    /// An account.
    pub fn account_by_id(&self, id: AccountId) -> Option<AccountView<'_>> {
        let account = self.accounts.try_get(id)?;
        Some(AccountView {
            engine: self,
            id,
            account,
        })
    }

    /// All accounts, by id.
    pub fn accounts(&self) -> impl Iterator<Item = AccountView<'_>> {
        self.accounts.iter().map(|(id, account)| AccountView {
            engine: self,
            id,
            account,
        })
    }

    /// The address of an account; zero for `deficit`.
    pub fn address(&self, account: AccountId) -> Option<Address> {
        self.accounts.try_get(account).map(|account| account.address)
    }

    /// The token of an instrument.
    pub fn instrument(&self, instrument: InstrumentId) -> Option<TokenRef> {
        self.instruments.token(instrument)
    }

    /// The instrument of a token.
    pub fn instrument_of(&self, token: TokenRef) -> Option<InstrumentId> {
        self.instruments.find(&token)
    }

    /// Number of instruments; their ids count from 0.
    pub fn instruments(&self) -> u32 {
        self.instruments.len() as u32
    }

    /// An open order.
    pub fn order(&self, id: OrderId) -> Option<OrderView> {
        self.orders.find(id).map(|slot| self.view_order(slot))
    }

    /// Open orders of the group, stops included.
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// Bytes that the group's orders, books and indexes have on the heap.
    pub fn order_bytes(&self) -> usize {
        self.orders.bytes() + self.markets.iter().map(|market| market.book.bytes()).sum::<usize>()
    }

    /// Fills whose numbers the vault has not consumed, in number order; busted ones are among them.
    pub fn unsettled(&self) -> impl Iterator<Item = &UnsettledFill> {
        self.settlement.unsettled()
    }

    /// The last fill number that the vault consumed.
    pub fn settled(&self) -> FillNumber {
        self.settlement.settled
    }

    /// Withdrawals that were debited and are not over, by (account, nonce).
    pub fn withdrawals(&self) -> impl Iterator<Item = (AccountId, &InFlight)> {
        self.settlement
            .withdrawals
            .iter()
            .map(|((account, _), flight)| (*account, flight))
    }

    /// A deposit that was credited, and perhaps taken back since; `None` where none with the vault's number was.
    pub fn deposit(&self, deposit_id: u64) -> Option<&Deposit> {
        self.settlement.deposits.get(&deposit_id)
    }

    /// An account's withdrawals that were debited and are not over, by nonce.
    pub fn withdrawals_in_flight(&self, account: AccountId) -> impl Iterator<Item = &InFlight> {
        let all = (account, 0)..=(account, u64::MAX);
        self.settlement.withdrawals.range(all).map(|(_, flight)| flight)
    }

    pub(crate) fn view_order(&self, slot: Slot) -> OrderView {
        let (node, record, links, extra) = (
            self.orders.node(slot),
            self.orders.record(slot),
            self.orders.links(slot),
            self.orders.extra(slot),
        );
        let seat = self.accounts.seat(node.seat);
        let market = &self.markets[seat.market.0 as usize];
        OrderView {
            id: node.id,
            account: seat.account,
            market: seat.market,
            side: node.side,
            kind: node.kind,
            time_in_force: node.time_in_force,
            price: node.price,
            limit: self.orders.limit(slot),
            left: node.left,
            lots: links.lots,
            filled: record.filled,
            display: extra.display,
            trigger: extra.trigger,
            waits: node.waits,
            is_quote: node.is_quote,
            expires_at: node.expires_at,
            nonce: record.nonce,
            client_order_id: extra.client_order_id,
            hold: market.hold(node.side, node.price, node.left, record.rate),
            fee_cap: record.fee_cap,
            fees_paid: record.fees_paid,
            rate: record.rate,
            signed_by: record.signed_by,
            signer: self.accounts.get(seat.account).signer(links.signer),
        }
    }
}

impl<'a> MarketView<'a> {
    /// Its number.
    pub fn id(&self) -> MarketId {
        self.market.id
    }

    /// As it was listed.
    pub fn spec(&self) -> &'a MarketSpec {
        &self.market.spec
    }

    /// Fees now.
    pub fn fees(&self) -> FeeSchedule {
        *self.market.fees()
    }

    /// Bounds now.
    pub fn limits(&self) -> MarketLimits {
        *self.market.limits()
    }

    /// What is traded.
    pub fn base(&self) -> InstrumentId {
        self.market.base
    }

    /// What pays.
    pub fn quote(&self) -> InstrumentId {
        self.market.quote
    }

    /// Receives the royalties.
    pub fn royalty_account(&self) -> AccountId {
        self.market.royalty_account
    }

    /// What the operator, an auction or a halt made of it.
    pub fn state(&self) -> MarketState {
        self.market.state
    }

    /// What it does now, the settlement limit considered.
    pub fn effective_state(&self) -> MarketState {
        self.engine.effective_state(self.market)
    }

    /// The price of the last fill; before the first, the listing's reference.
    pub fn last_price(&self) -> Ticks {
        self.market.last_price()
    }

    /// Lowest and highest price at which it trades without an auction; `None` where there is no band.
    pub fn band(&self) -> Option<(Ticks, Ticks)> {
        let band = self.market.band();
        self.market.limits().band_ppm.map(|_| (band.low, band.high))
    }

    /// When the auction crosses, in the state auction.
    pub fn auction_ends_at(&self) -> Option<UnixMillis> {
        self.market.auction_ends_at
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<LevelView> {
        self.market.book.best(side).map(LevelView::of)
    }

    /// The check sum of the book, as a subscriber's replica has it.
    pub fn checksum(&self) -> u32 {
        let levels = |side| {
            self.levels(side, market_data::CHECKED_DEPTH)
                .map(|level| (level.price, level.lots))
        };
        market_data::checksum(levels(Side::Buy), levels(Side::Sell))
    }

    /// The first levels of a side, the best first.
    pub fn levels(&self, side: Side, depth: usize) -> impl Iterator<Item = LevelView> + 'a {
        self.market.book.side(side).iter().take(depth).map(LevelView::of)
    }
}

impl LevelView {
    fn of(level: &Level) -> LevelView {
        LevelView {
            price: level.price,
            lots: shown(level.shown),
            orders: level.orders,
        }
    }
}

/// Shown lots as they are told: more than a `u64` holds is told as the most it holds.
pub(crate) fn shown(lots: u128) -> Lots {
    Lots(u64::try_from(lots).unwrap_or(u64::MAX))
}

impl<'a> AccountView<'a> {
    /// Its number.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// Its address; zero for `deficit`.
    pub fn address(&self) -> Address {
        self.account.address
    }

    /// Whether it trades no more until its exits are over.
    pub fn stopped(&self) -> bool {
        self.account.is_stopped()
    }

    /// Exits that are requested and not over, by the vault's number.
    pub fn exits(&self) -> &'a [u64] {
        &self.account.exits
    }

    /// Keys that sign for it.
    pub fn keys(&self) -> impl Iterator<Item = Address> + 'a {
        self.account.keys.iter().copied().filter(|key| !key.is_zero())
    }

    /// Whether the account may use this nonce.
    pub fn is_nonce_free(&self, nonce: u64) -> bool {
        self.account.nonces.check(nonce).is_ok()
    }

    /// The highest nonce that it used.
    pub fn highest_nonce(&self) -> Option<u64> {
        self.account.nonces.parts().0
    }

    /// When all its orders are cancelled unless it says so again.
    pub fn dead_man(&self) -> Option<UnixMillis> {
        self.account.dead_man
    }

    /// Its balances, by instrument; those of which it has nothing are left out.
    pub fn balances(&self) -> impl Iterator<Item = (InstrumentId, Balance)> + 'a {
        let engine = self.engine;
        let all = self
            .account
            .funds()
            .into_iter()
            .map(move |(instrument, index)| (instrument, engine.accounts.funds(index)));
        all.filter(|(_, funds)| **funds != Funds::default())
            .map(|(instrument, funds)| (instrument, Balance::of(funds)))
    }

    /// What it has of an instrument.
    pub fn balance(&self, instrument: InstrumentId) -> Balance {
        let index = self.engine.accounts.find_funds(self.id, instrument);
        index.map_or(Balance::of(&Funds::default()), |index| {
            Balance::of(self.engine.accounts.funds(index))
        })
    }

    /// Its open orders, stops included, by id.
    pub fn orders(&self) -> impl Iterator<Item = OrderView> + 'a {
        let engine = self.engine;
        engine
            .orders_of(self.id)
            .into_iter()
            .map(move |(_, slot)| engine.view_order(slot))
    }

    /// Number of its open orders, stops included.
    pub fn open_orders(&self) -> u32 {
        self.account.open_orders
    }
}

impl Balance {
    fn of(funds: &Funds) -> Balance {
        Balance {
            available: funds.available,
            held: Amount(funds.held),
            pending_in: Amount(funds.pending_in),
            pending_out: Amount(funds.pending_out),
            withdrawable: Amount(funds.withdrawable()),
        }
    }
}
