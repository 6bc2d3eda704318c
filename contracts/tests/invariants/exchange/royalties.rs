//! Royalties of trades go to the revenue router, by anyone, whatever else happens.

use alloy::primitives::{B256, U256};
use souk_contracts::ExchangeVault::{self, NothingToFlush, RoyaltyFlushed, UnknownMarket};
use souk_contracts::RevenueRouter::RevenueReceived;
use souk_contracts::exchange::{BUY, SELL, royalty_account};

use super::{Exchange, fill, only, trader};
use crate::world::{DISTRIBUTOR, ESCAPE_DELAY_SECS};

#[test]
fn the_royalties_of_a_market_become_revenue_of_its_asset() {
    for escape in [false, true] {
        let mut exchange = Exchange::new();
        let market = exchange.markets[0];
        let (dollars, stranger) = (exchange.dollars(), trader(3).address());
        let flush = ExchangeVault::flushRoyaltyCall { market };
        exchange.must_refuse::<NothingToFlush>(stranger, &flush);
        exchange.must_refuse::<UnknownMarket>(stranger, &ExchangeVault::flushRoyaltyCall { market: B256::ZERO });

        let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
        let with_royalty = ExchangeVault::Fill { royalty: 9, ..fill() };
        assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), with_royalty), None);
        if escape {
            exchange.world.pass(ESCAPE_DELAY_SECS + 1);
            exchange.must(stranger, &ExchangeVault::enterEscapeCall {});
        }
        let total = exchange.total(dollars);
        let (revenue, logs) = exchange.must(stranger, &flush);
        let flushed: RoyaltyFlushed = only(&logs);
        assert_eq!(
            (flushed.market, flushed.assetId, flushed.quote),
            (market, U256::from(1), dollars.0)
        );
        assert_eq!((flushed.amount, flushed.revenueId), (9, revenue));
        let received: RevenueReceived = only(&logs);
        assert_eq!(
            (received.revenueId, received.assetId, received.payer),
            (revenue, U256::from(1), exchange.world.vault)
        );
        assert_eq!((received.token, received.amount), (dollars.0, U256::from(9)));
        assert_eq!((received.reason, received.r#ref), (5, market));

        assert_eq!(exchange.world.balance(dollars.0, DISTRIBUTOR), U256::from(9));
        assert_eq!(exchange.balance(royalty_account(market), dollars), 0);
        assert_eq!(exchange.total(dollars), total - 9);
        assert_eq!(exchange.holdings(dollars), U256::from(total - 9));
        exchange.must_refuse::<NothingToFlush>(stranger, &flush);
    }
}
