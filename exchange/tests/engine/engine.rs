//! The engine under test, as a [`Machine`].

use souk_exchange::Engine;
use souk_schema::exchange::Side;

use crate::machine::{AccountView, Machine, MarketView, OrderView, View};
use crate::oracle::Balance;

impl Machine for Engine {
    fn view(&self) -> View {
        let mut view = View {
            commands: self.commands().0,
            time: self.time(),
            limit: self.settlement_limit(),
            markets: self.markets().map(|market| market_view(&market)).collect(),
            pending: self
                .unsettled()
                .filter(|fill| !fill.busted())
                .map(|fill| fill.fill.number)
                .collect(),
            ..View::default()
        };
        for account in self.accounts() {
            view.accounts.push(AccountView {
                address: account.address(),
                is_stopped: account.stopped(),
                dead_man: account.dead_man(),
            });
            for (instrument, balance) in account.balances() {
                let balance = Balance {
                    available: balance.available,
                    held: balance.held.0,
                    pending_in: balance.pending_in.0,
                    pending_out: balance.pending_out.0,
                };
                if balance != Balance::default() {
                    view.balances.insert((account.id(), instrument), balance);
                }
            }
            for order in account.orders() {
                let order_view = OrderView {
                    account: order.account,
                    market: order.market.0,
                    side: order.side,
                    price: order.price.0,
                    left: order.left.0,
                    hold: order.hold.0,
                };
                view.orders.insert(order.id, order_view);
            }
        }
        view
    }
}

fn market_view(market: &souk_exchange::MarketView<'_>) -> MarketView {
    let side = |side| {
        market
            .levels(side, usize::MAX)
            .map(|level| (level.price.0, level.lots.0))
            .collect()
    };
    MarketView {
        state: market.state(),
        last: market.last_price().0,
        bids: side(Side::Buy),
        asks: side(Side::Sell),
    }
}
