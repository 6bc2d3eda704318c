//! The batches of the walk: whatever the operator claims to have matched, with orders however it came by them.

use alloy::signers::local::PrivateKeySigner;
use souk_contracts::ExchangeVault::Fill;
use souk_contracts::exchange::{self, BUY, Order, SELL};

use super::{STRANGER, Seen, Walk};
use crate::exchange::model::Signed;
use crate::exchange::ops::{Forgery, Match, Terms};
use crate::exchange::{CHAIN_ID, GROUP, LOT, outcomes, settle_call, trader};
use crate::property::Coverage;
use crate::world::OPERATOR;

impl Walk {
    /// An order as the operator has it, however it came by the signature.
    fn order(&self, terms: &Terms, side: u8, m: &Match) -> Signed {
        let market = self.market(if terms.other_market { m.market + 1 } else { m.market });
        let price = i64::try_from(m.price).expect("a small price");
        let limit = if side == BUY {
            price + terms.slack
        } else {
            price - terms.slack
        };
        let order = Order {
            account: self.account(terms.account),
            market,
            side: if terms.wrong_side { 1 - side } else { side },
            baseAmount: terms.base_amount,
            limitPrice: u128::try_from(limit.max(0)).expect("not negative"),
            feeCap: terms.fee_cap,
            nonce: terms.nonce,
            expiry: self.model.now.saturating_add_signed(terms.expires_in),
            ..Order::default()
        };
        let vault = self.exchange.world.vault;
        let (what, domain) = match terms.forgery {
            Forgery::None => (order.clone(), self.exchange.domain.clone()),
            Forgery::OtherChain => (order.clone(), exchange::domain(CHAIN_ID + 1, vault)),
            Forgery::OtherVault => (order.clone(), exchange::domain(CHAIN_ID, STRANGER)),
            Forgery::OtherOrder => (
                Order {
                    limitPrice: order.limitPrice + 1,
                    ..order.clone()
                },
                self.exchange.domain.clone(),
            ),
        };
        let signer: PrivateKeySigner = trader(terms.signer.unwrap_or(terms.account.min(3)));
        let signature = exchange::sign(exchange::digest(&what, &domain), &signer).expect("a signature");
        Signed { order, signature }
    }

    /// Settles a batch; whether it went through, and whether it should have. A batch with little gas may be void, but never do
    /// anything else than it would do with plenty.
    pub(super) fn settle(
        &mut self,
        off_by: i64,
        by_stranger: bool,
        matches: &[Match],
        gas: Option<u64>,
        coverage: &Coverage<Seen>,
    ) -> (bool, bool) {
        let lots = [LOT, 1, 1];
        let first_number = self.model.next_number.saturating_add_signed(off_by);
        let (mut orders, mut fills) = (Vec::new(), Vec::new());
        for m in matches {
            let quote = m.base_amount * m.price / lots[m.market];
            let fee = |ppm: u32| quote * u128::from(ppm) / 1_000_000;
            let place = u16::try_from(orders.len()).expect("a small batch");
            fills.push(Fill {
                buyOrder: place,
                sellOrder: place + 1,
                baseAmount: m.base_amount,
                quoteAmount: quote,
                buyerFee: fee(m.fees_ppm[0]),
                sellerFee: fee(m.fees_ppm[1]),
                royalty: fee(m.fees_ppm[2]),
                skip: m.skip,
            });
            orders.extend([self.order(&m.buy, BUY, m), self.order(&m.sell, SELL, m)]);
        }
        let signed = orders
            .iter()
            .map(|signed| exchange::signed_order(&signed.order, &signed.signature))
            .collect();
        let call = settle_call(first_number, signed, fills.clone());
        let from = if by_stranger { STRANGER } else { OPERATOR };
        let vault = self.exchange.world.vault;
        let logs = self
            .exchange
            .world
            .send_starved(from, vault, &call, gas.unwrap_or(50_000_000));
        let good = !self.model.escape && !by_stranger && off_by == 0;
        let Some(logs) = logs else {
            if good && gas.is_some() {
                coverage.saw(Seen::Starved);
                return (false, false);
            }
            return (false, good);
        };
        if good {
            self.model.heartbeat = self.model.now;
            let found = outcomes(&logs, GROUP, first_number);
            let pairs = orders.chunks(2).zip(&fills);
            let expected: Vec<_> = pairs
                .map(|(pair, fill)| self.model.settle(&pair[0], &pair[1], fill))
                .collect();
            assert_eq!(found, expected);
            for outcome in found {
                coverage.saw(outcome.map_or_else(|(reason, side)| Seen::Skipped(reason, side), |_| Seen::Settled));
            }
        }
        (true, good)
    }
}
