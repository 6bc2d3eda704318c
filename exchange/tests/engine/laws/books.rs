//! EX-1, first half: in a market that trades, the best bid is below the best ask at rest.

use souk_schema::exchange::MarketState;

use super::Broken;
use crate::machine::View;

/// # Errors
/// Names the market whose book is crossed though it trades, or whose sides are not in order.
pub fn check_books(view: &View) -> Result<(), Broken> {
    for (number, market) in view.markets.iter().enumerate() {
        let trades = matches!(market.state, MarketState::Open | MarketState::PostOnly);
        if let (true, Some(bid), Some(ask)) = (trades, market.bids.first(), market.asks.first())
            && bid.0 >= ask.0
        {
            return Err(format!("EX-1: market {number} is crossed at rest: {bid:?} {ask:?}"));
        }
        let falls = market.bids.windows(2).all(|pair| pair[0].0 > pair[1].0);
        let rises = market.asks.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !falls || !rises || market.bids.iter().chain(&market.asks).any(|level| level.1 == 0) {
            return Err(format!("EX-1: the book of market {number} is not in order: {market:?}"));
        }
        if market.state == MarketState::Closed && !(market.bids.is_empty() && market.asks.is_empty()) {
            return Err(format!("EX-1: market {number} is closed and has a book"));
        }
    }
    Ok(())
}
