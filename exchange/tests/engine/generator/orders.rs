//! What traders send: mostly what makes sense, some of what does not.

use alloy_primitives::{Address, B256};
use rand::RngExt;
use souk_schema::exchange::command::{MassQuote, OrderTarget, Withdraw};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    Amount, CommandBody, CommandNumber, Instructions, Lots, OrderId, OrderKind, PostOnly, SelfTrade, Side, SignedOrder,
    TimeInForce,
};

use super::{Generator, TRADERS, key, tokens, trader};
use crate::oracle::{MAX_EXPIRY_SECS, Oracle};

/// What an order is, before it is signed; prices and lots are those of its market.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub side: Side,
    pub price: u64,
    pub lots: u64,
    pub nonce: u64,
    pub expiry_secs: u64,
    pub fee_cap: u128,
}

/// A plain limit order, good til cancelled, signed by its account. The engine takes signatures as checked, so there is none.
pub fn signed_order(account: Address, market: &souk_schema::exchange::MarketSpec, style: Style) -> SignedOrder {
    SignedOrder {
        account,
        market: market.key,
        side: style.side,
        base_amount: Amount(market.units.lot_size.0.saturating_mul(u128::from(style.lots))),
        limit_price: Amount(market.units.tick_size.0.saturating_mul(u128::from(style.price))),
        fee_cap: Amount(style.fee_cap),
        nonce: style.nonce,
        expiry_secs: style.expiry_secs,
        instructions: Instructions {
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: PostOnly::No,
            self_trade: SelfTrade::CancelTaker,
            display_amount: Amount(0),
            trigger_price: Amount(0),
            good_until_secs: 0,
            client_order_id: B256::ZERO,
        },
        signature: Signature([0; 65]),
        signer: account,
    }
}

impl Generator {
    /// An order of anyone for any market.
    pub fn order(&mut self, oracle: &Oracle) -> SignedOrder {
        let account = self.account();
        let place = self.random.random_range(0..oracle.markets.len().max(1));
        let mut signed = self.order_for(oracle, account, place);
        if self.one_in(100) {
            signed.market = B256::repeat_byte(0x99);
        }
        signed
    }

    fn order_for(&mut self, oracle: &Oracle, account: Address, place: usize) -> SignedOrder {
        let market = match oracle.markets.get(place) {
            Some(market) => market.clone(),
            None => return signed_order(account, &super::market(0, tokens()[0], tokens()[2].contract), plain()),
        };
        let now = oracle.time.secs();
        let mut style = Style {
            side: self.pick(&[Side::Buy, Side::Sell]),
            // Three prices to either side, so that many of them meet.
            price: (market.last + 3).saturating_sub(self.random.random_range(0..7)),
            lots: self.random.random_range(1..9),
            nonce: self.nonce(oracle, account),
            expiry_secs: now + self.pick(&[2, 15, 60, 600, 100_000]),
            fee_cap: 0,
        };
        if !self.one_in(6) {
            self.fit_to_funds(oracle, account, place, &mut style);
        }
        if self.one_in(40) {
            style.expiry_secs = self.pick(&[0, now, now + MAX_EXPIRY_SECS, now + MAX_EXPIRY_SECS + 1, u64::MAX]);
        }
        if self.one_in(40) {
            style.lots = self.pick(&[0, 40, 41, 1 << 41, u64::MAX]);
        }
        if self.one_in(40) {
            style.price = self.pick(&[0, 1, 30, 31, u64::MAX]);
        }
        let mut signed = signed_order(account, &market.spec, style);
        self.instruct(&mut signed, &market);
        let quote = signed
            .limit_price
            .0
            .saturating_mul(u128::from(style.lots))
            .min(1 << 100);
        let royalty = match style.side {
            Side::Buy => 0,
            Side::Sell => quote * u128::from(market.spec.fees.royalty_ppm.0) / 1_000_000,
        };
        let needed = quote * u128::from(market.rate()) / 1_000_000 + royalty;
        signed.fee_cap = Amount(match self.random.random_range(0..30) {
            0 => needed.saturating_sub(1),
            1..16 => needed,
            16 => u128::MAX / 2,
            _ => needed * 2 + 3,
        });
        self.spoil(oracle, &mut signed);
        signed
    }

    /// Chooses a side that the account can pay for, and no more lots than it can: what fills brought is spent again before it is settled.
    fn fit_to_funds(&mut self, oracle: &Oracle, account: Address, place: usize, style: &mut Style) {
        let Some(account) = oracle.account_id(account) else {
            return;
        };
        let market = &oracle.markets[place];
        let affords = |side: Side, lots: u64| {
            let available = oracle.balance(account, market.held_instrument(side)).available;
            available >= market.hold(side, style.price.max(1), lots, market.rate()) as i128
        };
        let side = match affords(style.side, 1) {
            true => style.side,
            false => style.side.opposite(),
        };
        let most = (1..=style.lots).rev().find(|lots| affords(side, *lots));
        style.lots = most.unwrap_or(style.lots);
        style.side = side;
    }

    /// Kind, time in force and the rest: combinations that go together, save for one in thirty.
    fn instruct(&mut self, signed: &mut SignedOrder, market: &crate::oracle::Market) {
        use OrderKind::{Limit, Market, Stop, StopLimit};
        use TimeInForce::{FillOrKill, GoodTilCancelled, ImmediateOrCancel};
        let units = market.spec.units;
        let chosen = &mut signed.instructions;
        chosen.self_trade = self.pick(&[
            SelfTrade::CancelTaker,
            SelfTrade::CancelMaker,
            SelfTrade::CancelBoth,
            SelfTrade::Decrement,
        ]);
        (chosen.kind, chosen.time_in_force) = match self.random.random_range(0..20) {
            0 | 1 => (Market, self.pick(&[ImmediateOrCancel, FillOrKill])),
            2 => (Limit, ImmediateOrCancel),
            3 => (Limit, FillOrKill),
            4 => (Stop, ImmediateOrCancel),
            5 | 6 => (
                StopLimit,
                self.pick(&[GoodTilCancelled, GoodTilCancelled, ImmediateOrCancel]),
            ),
            _ => (Limit, GoodTilCancelled),
        };
        let rests = chosen.time_in_force == GoodTilCancelled;
        if rests && self.one_in(4) {
            chosen.post_only = self.pick(&[PostOnly::Reject, PostOnly::Slide]);
        }
        if rests && self.one_in(4) {
            chosen.display_amount = Amount(units.lot_size.0 * self.random.random_range(1..5));
        }
        if matches!(chosen.kind, Stop | StopLimit) {
            let trigger = (market.last + 3).saturating_sub(self.random.random_range(0..7)).max(1);
            chosen.trigger_price = Amount(units.tick_size.0 * u128::from(trigger));
        }
        if self.one_in(12) {
            chosen.good_until_secs = signed.expiry_secs.saturating_sub(self.random.random_range(0..20));
        }
        if self.one_in(5) {
            chosen.client_order_id = B256::with_last_byte(self.random.random_range(1..8));
        }
        if self.one_in(30) {
            chosen.kind = self.pick(&[Limit, Market, Stop, StopLimit]);
            chosen.time_in_force = self.pick(&[GoodTilCancelled, ImmediateOrCancel, FillOrKill]);
            chosen.trigger_price = Amount(self.pick(&[0, units.tick_size.0 * 9, 1]));
            chosen.post_only = self.pick(&[PostOnly::No, PostOnly::Reject]);
            chosen.display_amount = Amount(self.pick(&[0, 1, units.lot_size.0, u128::MAX]));
        }
    }

    /// Amounts off their grid, forged signers, keys.
    fn spoil(&mut self, oracle: &Oracle, signed: &mut SignedOrder) {
        let account = oracle
            .account_id(signed.account)
            .map(|account| &oracle.accounts[account.0 as usize]);
        let known_key = account.and_then(|account| account.keys.first().copied());
        let chance = self.random.random_range(0..60);
        match chance {
            0..3 if self.calm => {}
            0 => signed.base_amount = Amount(self.pick(&[0, 1, u128::MAX, signed.base_amount.0.saturating_add(1)])),
            1 => signed.limit_price = Amount(self.pick(&[0, 1, u128::MAX, signed.limit_price.0.saturating_add(1)])),
            2 => signed.signer = trader(self.random.random_range(0..TRADERS)),
            3 => signed.signer = Address::ZERO,
            4 => signed.signer = key(self.random.random_range(0..TRADERS)),
            5..20 => signed.signer = known_key.unwrap_or(signed.signer),
            _ => {}
        }
    }

    pub fn nonce(&mut self, oracle: &Oracle, account: Address) -> u64 {
        let account = oracle
            .account_id(account)
            .map(|account| &oracle.accounts[account.0 as usize]);
        let highest = account.and_then(|account| account.nonces.highest()).unwrap_or(0);
        match self.random.random_range(0..160) {
            0 => highest,
            1 | 2 => highest.saturating_sub(self.random.random_range(0..400)),
            3 => highest.saturating_add(self.pick(&[100, 255, 256, 300])),
            _ => highest.saturating_add(1),
        }
    }

    /// An open order of the account, if there is one.
    fn open_order<'a>(&mut self, oracle: &'a Oracle) -> Option<&'a crate::oracle::Order> {
        match oracle.orders.len() {
            0 => None,
            orders => Some(&oracle.orders[self.random.random_range(0..orders)]),
        }
    }

    pub fn amendment(&mut self, oracle: &Oracle) -> CommandBody {
        let Some(order) = self.open_order(oracle) else {
            return CommandBody::AmendOrder(Box::new(self.order(oracle)));
        };
        let mut signed = order.signed.clone();
        let units = oracle.markets[order.market as usize].spec.units;
        let lots = order.left + order.filled;
        match self.random.random_range(0..12) {
            // Fewer or as many lots, and nothing else.
            0..4 => {
                let fewer = self.random.random_range(0..=order.left);
                signed.base_amount = Amount(units.lot_size.0 * u128::from(lots - fewer));
            }
            4 => signed.side = signed.side.opposite(),
            5 => signed.market = self.market_key(oracle),
            6 => {
                let display = self.random.random_range(0..4);
                signed.instructions.display_amount = Amount(units.lot_size.0 * display);
            }
            7 => {
                signed.instructions.time_in_force =
                    self.pick(&[TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill]);
            }
            8 => {
                let price = self.random.random_range(4..16);
                signed.instructions.trigger_price = match order.is_stop() {
                    true => Amount(units.tick_size.0 * price),
                    false => Amount(0),
                };
            }
            _ => {
                let price = (order.price + 4).saturating_sub(self.random.random_range(0..9)).max(1);
                signed.limit_price = Amount(units.tick_size.0 * u128::from(price));
                let lots = lots + self.random.random_range(0..4);
                signed.base_amount = Amount(units.lot_size.0 * u128::from(lots));
            }
        }
        if self.one_in(2) {
            signed.expiry_secs = oracle.time.secs() + self.random.random_range(0..900);
            signed.instructions.good_until_secs = 0;
        }
        if self.one_in(3) {
            signed.fee_cap = Amount(signed.fee_cap.0.saturating_mul(2).saturating_add(8));
        }
        if self.one_in(12) {
            (signed.instructions.kind, signed.instructions.trigger_price) = match signed.instructions.kind {
                OrderKind::Limit => (OrderKind::StopLimit, signed.limit_price),
                _ => (OrderKind::Limit, Amount(0)),
            };
        }
        if self.one_in(6) {
            signed.instructions.client_order_id = B256::with_last_byte(self.random.random_range(0..8));
        }
        if self.one_in(20) {
            signed.nonce = self.nonce(oracle, signed.account);
        }
        self.spoil(oracle, &mut signed);
        CommandBody::AmendOrder(Box::new(signed))
    }

    fn target(&mut self, oracle: &Oracle) -> (Address, OrderTarget, u64) {
        let Some(order) = self.open_order(oracle).filter(|_| true) else {
            return (self.account(), OrderTarget::Id(OrderId::new(CommandNumber(1), 0)), 0);
        };
        let account = oracle.accounts[order.account.0 as usize].address;
        let client_id = order.signed.instructions.client_order_id;
        let target = match self.random.random_range(0..3) {
            0 => OrderTarget::Id(order.id),
            1 => OrderTarget::Nonce(order.signed.nonce),
            _ if client_id.is_zero() && !self.one_in(20) => OrderTarget::Id(order.id),
            _ => OrderTarget::ClientId(client_id),
        };
        match self.one_in(10) {
            true => (self.account(), target, order.left),
            false => (account, target, order.left),
        }
    }

    pub fn reduction(&mut self, oracle: &Oracle) -> CommandBody {
        let (account, order, left) = self.target(oracle);
        CommandBody::ReduceOrder {
            account,
            order,
            remaining: Lots(self.random.random_range(0..left + 2)),
        }
    }

    pub fn cancellation(&mut self, oracle: &Oracle) -> CommandBody {
        let (account, order, _) = self.target(oracle);
        CommandBody::CancelOrder { account, order }
    }

    pub fn mass_quote(&mut self, oracle: &Oracle) -> CommandBody {
        let account = self.account();
        let place = self.random.random_range(0..oracle.markets.len().max(1));
        let count = if self.one_in(40) {
            33
        } else {
            self.random.random_range(0..4u64)
        };
        let first = self.nonce(oracle, account);
        let mut quotes = Vec::new();
        for number in 0..count {
            let mut quote = self.order_for(oracle, account, place);
            quote.nonce = first.saturating_add(number);
            quote.instructions.kind = OrderKind::Limit;
            quote.instructions.time_in_force = TimeInForce::GoodTilCancelled;
            quote.instructions.post_only = self.pick(&[PostOnly::Slide, PostOnly::Slide, PostOnly::Reject]);
            quote.instructions.display_amount = Amount(0);
            quote.instructions.trigger_price = Amount(0);
            // A bid below and an ask above, so that most of the pairs can stand together.
            let market = oracle
                .markets
                .get(place)
                .map(|market| (market.last, market.spec.units.tick_size.0));
            if let Some((last, tick)) = market.filter(|_| !self.one_in(6)) {
                let away = self.random.random_range(1..4);
                let price = match quote.side {
                    Side::Buy => last.saturating_sub(away).max(1),
                    Side::Sell => last + away,
                };
                quote.limit_price = Amount(tick * u128::from(price));
                quote.fee_cap = Amount(quote.fee_cap.0.saturating_mul(4));
            }
            if self.one_in(40) {
                quote.instructions.time_in_force = TimeInForce::ImmediateOrCancel;
            }
            quotes.push(quote);
        }
        let market = match oracle.markets.get(place) {
            Some(market) => market.spec.key,
            None => B256::repeat_byte(0x99),
        };
        CommandBody::MassQuote(MassQuote {
            account,
            market,
            quotes,
        })
    }

    pub fn withdrawal(&mut self, oracle: &Oracle) -> CommandBody {
        let account = self.account();
        let token = match self.one_in(20) {
            true => souk_schema::TokenRef::new(Address::repeat_byte(0x44), alloy_primitives::U256::ZERO),
            false => self.pick(&tokens()),
        };
        let known = oracle.account_id(account).zip(oracle.instrument_of(token));
        let most = known.map_or(9, |(account, instrument)| oracle.withdrawable(account, instrument));
        let amount = match self.random.random_range(0..8) {
            0 => self.pick(&[0, most + 1, u128::MAX]),
            1 => most,
            _ => self.random.random_range(0..=most.min(400)),
        };
        let now = oracle.time.secs();
        let nonce = self.nonce(oracle, account);
        CommandBody::Withdraw(Withdraw {
            account,
            token,
            amount: Amount(amount),
            receiver: account,
            nonce,
            deadline_secs: match self.one_in(12) {
                true => self.pick(&[0, now, now + MAX_EXPIRY_SECS + 1, u64::MAX]),
                false => now + self.random.random_range(1..120),
            },
        })
    }
}

fn plain() -> Style {
    Style {
        side: Side::Buy,
        price: 1,
        lots: 1,
        nonce: 1,
        expiry_secs: u64::MAX,
        fee_cap: 0,
    }
}
