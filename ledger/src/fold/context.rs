//! What earlier events said, as far as later ones rely on it.

use std::collections::BTreeMap;

use alloy_primitives::map::HashMap;
use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FillNumber, InstrumentId, MarketId, MarketUnits, OrderId,
};

use super::FoldError;
use super::orders::OrderState;

/// What a market's trades move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketParts {
    /// What is traded.
    pub base: InstrumentId,
    /// What pays.
    pub quote: InstrumentId,
    /// Receives royalties.
    pub royalty_account: AccountId,
    /// Lot and tick.
    pub units: MarketUnits,
}

/// A fill that is not settled: what its pending parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Where.
    pub market: MarketId,
    /// What the seller gives.
    pub base: Amount,
    /// What it costs.
    pub quote: Amount,
    /// To the market's royalty account.
    pub royalty: Amount,
    /// Who buys.
    pub buyer: AccountId,
    /// The buyer's fee.
    pub buyer_fee: Amount,
    /// Who sells.
    pub seller: AccountId,
    /// The seller's fee.
    pub seller_fee: Amount,
}

impl From<&Fill> for Unsettled {
    fn from(fill: &Fill) -> Unsettled {
        Unsettled {
            market: fill.market,
            base: fill.base,
            quote: fill.quote,
            royalty: fill.royalty,
            buyer: fill.buyer.account,
            buyer_fee: fill.buyer.fee,
            seller: fill.seller.account,
            seller_fee: fill.seller.fee,
        }
    }
}

impl Unsettled {
    /// What the buyer pays, what the seller receives, and what the fee account does; `None` where the numbers do not add up.
    pub fn shares(&self) -> Option<(Amount, Amount, Amount)> {
        let paid = self.quote.checked_add(self.buyer_fee)?;
        let proceeds = self.quote.checked_sub(self.seller_fee)?.checked_sub(self.royalty)?;
        Some((paid, proceeds, self.buyer_fee.checked_add(self.seller_fee)?))
    }
}

/// What earlier events said. Nothing iterates over the map of orders.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The last command that was applied.
    pub last_number: CommandNumber,
    /// Markets by their numbers, which have no gaps.
    pub markets: Vec<MarketParts>,
    /// Orders that are open, and until [`super::Changes`] are taken those that were closed meanwhile.
    pub orders: HashMap<OrderId, OrderState>,
    /// Fills beyond the last settled one, without those that were busted.
    pub unsettled: BTreeMap<FillNumber, Unsettled>,
}

impl Context {
    pub(super) fn market(&self, market: MarketId) -> Result<MarketParts, FoldError> {
        let parts = usize::try_from(market.0).ok().and_then(|index| self.markets.get(index));
        parts.copied().ok_or(FoldError::UnknownMarket(market))
    }

    pub(super) fn order(&self, order: OrderId) -> Result<&OrderState, FoldError> {
        self.orders.get(&order).ok_or(FoldError::UnknownOrder(order))
    }
}
