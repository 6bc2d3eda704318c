//! What oracle and engine have in common: they can be looked at.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use souk_schema::exchange::{AccountId, FillNumber, InstrumentId, MarketState, OrderId, Side, UnixMillis};

use crate::oracle::{Balance, Oracle};

/// Something that takes commands, and is what they made of it.
pub trait Machine {
    /// Everything about it that anyone may know, in one form for all machines.
    fn view(&self) -> View;
}

/// The state of a group as its readers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub commands: u64,
    pub time: UnixMillis,
    pub limit: MarketState,
    /// Without balances that are all zero.
    pub balances: BTreeMap<(AccountId, InstrumentId), Balance>,
    pub accounts: Vec<AccountView>,
    pub orders: BTreeMap<OrderId, OrderView>,
    pub markets: Vec<MarketView>,
    /// Neither settled nor busted, by number.
    pub pending: Vec<FillNumber>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    pub address: Address,
    pub is_stopped: bool,
    pub dead_man: Option<UnixMillis>,
}

/// An open order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    pub account: AccountId,
    pub market: u32,
    pub side: Side,
    pub price: u64,
    pub left: u64,
    pub hold: u128,
}

/// A market and its book: price and shown lots, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketView {
    pub state: MarketState,
    pub last: u64,
    pub bids: Vec<(u64, u64)>,
    pub asks: Vec<(u64, u64)>,
}

impl Machine for Oracle {
    fn view(&self) -> View {
        let ids = |count: usize| 0..count as u32;
        let mut balances = BTreeMap::new();
        for account in ids(self.accounts.len()).map(AccountId) {
            for instrument in ids(self.instruments.len()).map(InstrumentId) {
                let balance = self.balance(account, instrument);
                if balance != Balance::default() {
                    balances.insert((account, instrument), balance);
                }
            }
        }
        let accounts = self.accounts.iter().map(|account| AccountView {
            address: account.address,
            is_stopped: !account.exits.is_empty(),
            dead_man: account.dead_man,
        });
        let orders = self.orders.iter().map(|order| {
            let view = OrderView {
                account: order.account,
                market: order.market,
                side: order.side,
                price: order.price,
                left: order.left,
                hold: self.hold_of(order),
            };
            (order.id, view)
        });
        View {
            commands: self.commands,
            time: self.time,
            limit: self.limit.0,
            balances,
            accounts: accounts.collect(),
            orders: orders.collect(),
            markets: ids(self.markets.len()).map(|market| self.market_view(market)).collect(),
            pending: self.pending().map(|record| record.fill.number).collect(),
        }
    }
}

impl Oracle {
    fn market_view(&self, market: u32) -> MarketView {
        let side = |side| {
            let levels = self.levels().into_iter();
            levels
                .filter(move |((of, on, _), _)| (*of, *on) == (market, side))
                .map(|((.., price), lots)| (price, lots))
        };
        let viewed = &self.markets[market as usize];
        MarketView {
            state: viewed.state,
            last: viewed.last,
            bids: side(Side::Buy).collect::<Vec<_>>().into_iter().rev().collect(),
            asks: side(Side::Sell).collect(),
        }
    }
}
