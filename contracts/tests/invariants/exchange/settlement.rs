//! What a fill moves, what keeps it from settling, and what makes a whole batch void.

use alloy::primitives::{B256, U256};
use souk_contracts::ExchangeVault::{self, FillSettled, MissingOrder, OnlyOperator, SettledFill, WrongNumber};
use souk_contracts::exchange::{BUY, MAX_FEE_PPM, Order, SELL, SkipReason};

use super::{DEPOSIT, Exchange, GROUP, NEITHER, fill, only, settle_call, trader};
use crate::world::{DEPLOYER, FEE_ACCOUNT, GRACE_SECS, OPERATOR, START_SECS};

impl Exchange {
    /// Balances of the first two traders, the fee account and the first market's royalty account: dollars, then shares.
    fn picture(&mut self) -> [(u128, u128); 4] {
        let royalties = souk_contracts::exchange::royalty_account(self.markets[0]);
        let (dollars, shares) = (self.dollars(), self.shares(1));
        [trader(0).address(), trader(1).address(), FEE_ACCOUNT, royalties]
            .map(|account| (self.balance(account, dollars), self.balance(account, shares)))
    }

    fn filled(&mut self, order: &Order) -> (u128, u128) {
        let call = ExchangeVault::filledOfCall {
            account: order.account,
            nonce: order.nonce,
        };
        let filled = self.world.view(self.world.vault, &call);
        (filled.base, filled.fees)
    }
}

#[test]
fn a_fill_moves_balances_inside_the_vault_and_calls_no_token() {
    let mut exchange = Exchange::new();
    let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
    let orders = vec![exchange.sign(&buy, &trader(0)), exchange.sign(&sell, &trader(1))];
    let fees = ExchangeVault::Fill {
        buyerFee: 7,
        sellerFee: 4,
        royalty: 2,
        ..fill()
    };
    let totals = [exchange.dollars(), exchange.shares(1)].map(|instrument| exchange.total(instrument));

    let (_, logs) = exchange.must(OPERATOR, &settle_call(1, orders, vec![fees]));
    let event: FillSettled = only(&logs);
    assert_eq!(logs.len(), 1, "no token said anything");
    assert_eq!(
        (event.group, event.number, event.market),
        (GROUP, 1, exchange.markets[0])
    );
    let expected = SettledFill {
        buyer: buy.account,
        seller: sell.account,
        buyNonce: 1,
        sellNonce: 1,
        baseAmount: 100,
        quoteAmount: 500,
        buyerFee: 7,
        sellerFee: 4,
        royalty: 2,
    };
    assert_eq!(event.fill, expected);
    let buyer = (DEPOSIT - 507, DEPOSIT + 100);
    let seller = (DEPOSIT + 494, DEPOSIT - 100);
    assert_eq!(exchange.picture(), [buyer, seller, (11, 0), (2, 0)]);
    assert_eq!((exchange.filled(&buy), exchange.filled(&sell)), ((100, 7), (100, 6)));
    assert_eq!(
        [exchange.dollars(), exchange.shares(1)].map(|instrument| exchange.total(instrument)),
        totals
    );
}

/// One flaw in a match that is otherwise good.
struct Flaw {
    reason: SkipReason,
    side: u8,
    mar: fn(&mut Order, &mut Order, &mut ExchangeVault::Fill),
}

/// Every flaw that a match can have by itself, in the order in which the vault asks; each that follows does not undo the one before.
const FLAWS: &[Flaw] = &[
    Flaw {
        reason: SkipReason::Voided,
        side: NEITHER,
        mar: |_, _, fill| fill.skip = true,
    },
    Flaw {
        reason: SkipReason::SelfTrade,
        side: NEITHER,
        mar: |buy, sell, _| sell.account = buy.account,
    },
    Flaw {
        reason: SkipReason::MarketMismatch,
        side: NEITHER,
        mar: |buy, _, _| buy.market = B256::repeat_byte(1),
    },
    Flaw {
        reason: SkipReason::EmptyFill,
        side: NEITHER,
        mar: |_, _, fill| fill.quoteAmount = 0,
    },
    Flaw {
        reason: SkipReason::WrongSide,
        side: BUY,
        mar: |buy, _, _| buy.side = SELL,
    },
    Flaw {
        reason: SkipReason::BadSignature,
        side: BUY,
        mar: |buy, _, _| buy.account = trader(2).address(),
    },
    Flaw {
        reason: SkipReason::Expired,
        side: BUY,
        mar: |buy, _, _| buy.expiry = START_SECS - GRACE_SECS - 1,
    },
    Flaw {
        reason: SkipReason::PriceOutsideLimit,
        side: BUY,
        mar: |buy, _, _| buy.limitPrice = 49,
    },
    Flaw {
        reason: SkipReason::FeeTooHigh,
        side: BUY,
        mar: |_, _, fill| fill.buyerFee = 26,
    },
    Flaw {
        reason: SkipReason::FeeCapExceeded,
        side: BUY,
        mar: |buy, _, fill| (buy.feeCap, fill.buyerFee) = (9, 10),
    },
    Flaw {
        reason: SkipReason::Overfilled,
        side: BUY,
        mar: |buy, _, _| buy.baseAmount = 99,
    },
    Flaw {
        reason: SkipReason::WrongSide,
        side: SELL,
        mar: |_, sell, _| sell.side = 2,
    },
    Flaw {
        reason: SkipReason::BadSignature,
        side: SELL,
        mar: |_, sell, _| sell.account = trader(2).address(),
    },
    Flaw {
        reason: SkipReason::Expired,
        side: SELL,
        mar: |_, sell, _| sell.expiry = 0,
    },
    Flaw {
        reason: SkipReason::PriceOutsideLimit,
        side: SELL,
        mar: |_, sell, _| sell.limitPrice = 51,
    },
    Flaw {
        reason: SkipReason::FeeTooHigh,
        side: SELL,
        mar: |_, _, fill| (fill.sellerFee, fill.royalty) = (13, 13),
    },
    Flaw {
        reason: SkipReason::FeeCapExceeded,
        side: SELL,
        mar: |_, sell, fill| (sell.feeCap, fill.sellerFee, fill.royalty) = (9, 5, 5),
    },
    Flaw {
        reason: SkipReason::Overfilled,
        side: SELL,
        mar: |_, sell, _| sell.baseAmount = 99,
    },
];

/// EX-1: a number is consumed by a skipped fill too, and nothing else changes.
#[test]
fn each_flaw_skips_the_fill_with_its_reason() {
    for flaw in FLAWS {
        let mut exchange = Exchange::new();
        let (mut buy, mut sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
        let mut fill = fill();
        (flaw.mar)(&mut buy, &mut sell, &mut fill);
        let before = exchange.picture();
        let skipped = exchange.settle_one((&buy, 0), (&sell, 1), fill);
        assert_eq!(skipped, Some((flaw.reason, flaw.side)));
        assert_eq!(exchange.picture(), before, "{:?} moved something", flaw.reason);
        assert_eq!(exchange.filled(&buy), (0, 0));
    }
}

/// The reason that is reported is the first in the order of `SkipReason`, the buyer's before the seller's.
#[test]
fn of_several_flaws_the_first_is_reported() {
    for (place_of_first, first) in FLAWS.iter().enumerate() {
        for second in &FLAWS[place_of_first + 1..] {
            // A third flaw can come of two, as an order of another account is not signed by it: it must not hide the first.
            let mut exchange = Exchange::new();
            let (mut buy, mut sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
            let mut fill = fill();
            (second.mar)(&mut buy, &mut sell, &mut fill);
            (first.mar)(&mut buy, &mut sell, &mut fill);
            let found = exchange.settle_one((&buy, 0), (&sell, 1), fill).expect("two flaws");
            let place = FLAWS
                .iter()
                .position(|flaw| (flaw.reason, flaw.side) == found)
                .expect("a known reason");
            assert!(place <= place_of_first, "{found:?} instead of {:?}", first.reason);
        }
    }
}

#[test]
fn orders_meet_in_one_listed_market() {
    let mut exchange = Exchange::new();
    let in_market = |order: Order, market| Order {
        market,
        limitPrice: if order.side == BUY { u128::MAX } else { 0 },
        ..order
    };
    let ([first, second], unlisted) = (exchange.markets, B256::repeat_byte(1));
    for (of_buyer, of_seller) in [(first, second), (second, first), (unlisted, unlisted)] {
        let buy = in_market(exchange.order(0, BUY), of_buyer);
        let sell = in_market(exchange.order(1, SELL), of_seller);
        let skipped = exchange.settle_one((&buy, 0), (&sell, 1), fill());
        assert_eq!(skipped, Some((SkipReason::MarketMismatch, NEITHER)));
    }
    let buy = in_market(exchange.order(0, BUY), second);
    let sell = in_market(exchange.order(1, SELL), second);
    let empty = ExchangeVault::Fill {
        baseAmount: 0,
        ..fill()
    };
    let skipped = exchange.settle_one((&buy, 0), (&sell, 1), empty);
    assert_eq!(skipped, Some((SkipReason::EmptyFill, NEITHER)));
    assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), fill()), None);
}

#[test]
fn a_side_without_funds_skips_the_fill() {
    for (side, at_fault) in [(BUY, 0), (SELL, 1)] {
        let mut exchange = Exchange::new();
        let unlimited = |order: Order, limit| Order {
            baseAmount: u128::MAX,
            limitPrice: limit,
            feeCap: 50_000,
            ..order
        };
        let (buy, sell) = (
            unlimited(exchange.order(0, BUY), u128::MAX),
            unlimited(exchange.order(1, SELL), 0),
        );
        let all = if side == BUY {
            ExchangeVault::Fill {
                quoteAmount: DEPOSIT - 10_000,
                buyerFee: 10_000,
                ..fill()
            }
        } else {
            ExchangeVault::Fill {
                baseAmount: DEPOSIT,
                ..fill()
            }
        };
        let mut more = all.clone();
        if side == BUY {
            more.buyerFee += 1
        } else {
            more.baseAmount += 1
        }
        assert_eq!(
            exchange.settle_one((&buy, 0), (&sell, 1), more),
            Some((SkipReason::InsufficientBalance, side))
        );
        assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), all), None);
        let left = exchange.picture()[at_fault];
        assert_eq!(if side == BUY { left.0 } else { left.1 }, 0);
    }
}

#[test]
fn every_limit_is_inclusive() {
    let mut exchange = Exchange::new();
    assert_eq!(
        exchange
            .world
            .view(exchange.world.vault, &ExchangeVault::MAX_FEE_PPMCall {}),
        U256::from(MAX_FEE_PPM)
    );
    let at_limit = |order: Order| Order {
        feeCap: 25,
        expiry: START_SECS - GRACE_SECS,
        ..order
    };
    let (buy, sell) = (at_limit(exchange.order(0, BUY)), at_limit(exchange.order(1, SELL)));
    let dearest = ExchangeVault::Fill {
        buyerFee: 25,
        sellerFee: 20,
        royalty: 5,
        ..fill()
    };
    assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), dearest), None);
    assert_eq!((exchange.filled(&buy), exchange.filled(&sell)), ((100, 25), (100, 25)));

    let later = |order: &Order| Order {
        nonce: 2,
        ..order.clone()
    };
    exchange.world.pass(1);
    let late = exchange.settle_one((&later(&buy), 0), (&later(&sell), 1), fill());
    assert_eq!(late, Some((SkipReason::Expired, BUY)));
}

/// A price that does not divide by the lot is compared as it is, without rounding.
#[test]
fn prices_are_compared_without_rounding() {
    let mut exchange = Exchange::new();
    let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
    let odd = |base, quote| ExchangeVault::Fill {
        baseAmount: base,
        quoteAmount: quote,
        ..fill()
    };
    let low = |order: &Order| Order {
        limitPrice: 0,
        ..order.clone()
    };
    let high = |order: &Order| Order {
        limitPrice: u128::MAX,
        ..order.clone()
    };
    // 3 base units at 55 a lot of 10 are 16.5: too little for the seller at 16, too much for the buyer at 17.
    let at_55 = |order: &Order| Order {
        limitPrice: 55,
        ..order.clone()
    };
    assert_eq!(
        exchange.settle_one((&high(&buy), 0), (&at_55(&sell), 1), odd(3, 16)),
        Some((SkipReason::PriceOutsideLimit, SELL))
    );
    assert_eq!(
        exchange.settle_one((&at_55(&buy), 0), (&low(&sell), 1), odd(3, 17)),
        Some((SkipReason::PriceOutsideLimit, BUY))
    );
    // 3 base units at 50 are 15.
    assert_eq!(
        exchange.settle_one((&buy, 0), (&low(&sell), 1), odd(3, 16)),
        Some((SkipReason::PriceOutsideLimit, BUY))
    );
    assert_eq!(
        exchange.settle_one((&high(&buy), 0), (&sell, 1), odd(3, 14)),
        Some((SkipReason::PriceOutsideLimit, SELL))
    );
    assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), odd(3, 15)), None);
    let seller_of_one = odd(1, 4);
    assert_eq!(
        exchange.settle_one((&high(&buy), 0), (&sell, 1), seller_of_one),
        Some((SkipReason::PriceOutsideLimit, SELL))
    );
}

#[test]
fn fills_count_against_account_and_nonce_whatever_was_signed_under_it() {
    let mut exchange = Exchange::new();
    let (buy, sell) = (
        exchange.order(0, BUY),
        Order {
            baseAmount: 1_000,
            feeCap: 100,
            ..exchange.order(1, SELL)
        },
    );
    let half = ExchangeVault::Fill {
        baseAmount: 50,
        quoteAmount: 250,
        buyerFee: 6,
        ..fill()
    };
    assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), half.clone()), None);

    let amended = Order {
        baseAmount: 90,
        limitPrice: 60,
        ..buy.clone()
    };
    assert_eq!(
        exchange.settle_one((&amended, 0), (&sell, 1), half.clone()),
        Some((SkipReason::Overfilled, BUY))
    );
    let dearer = Order {
        feeCap: 11,
        ..buy.clone()
    };
    assert_eq!(
        exchange.settle_one((&dearer, 0), (&sell, 1), half.clone()),
        Some((SkipReason::FeeCapExceeded, BUY))
    );
    let larger = Order {
        baseAmount: 150,
        ..buy.clone()
    };
    assert_eq!(exchange.settle_one((&larger, 0), (&sell, 1), half.clone()), None);
    assert_eq!(exchange.filled(&buy), (100, 12));
    assert_eq!(
        exchange.settle_one((&buy, 0), (&sell, 1), half.clone()),
        Some((SkipReason::Overfilled, BUY))
    );

    let others = Order {
        account: trader(2).address(),
        ..buy.clone()
    };
    assert_eq!(
        exchange.settle_one((&others, 2), (&sell, 1), half.clone()),
        None,
        "another account's nonce"
    );
    let next = Order { nonce: 2, ..buy };
    assert_eq!(exchange.settle_one((&next, 0), (&sell, 1), half), None, "another nonce");
}

#[test]
fn one_bad_fill_is_no_matter_to_the_next() {
    let mut exchange = Exchange::new();
    let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
    let orders = vec![
        exchange.sign(&buy, &trader(0)),
        exchange.sign(&sell, &trader(1)),
        exchange.sign(&sell, &trader(2)),
    ];
    let half = ExchangeVault::Fill {
        baseAmount: 50,
        quoteAmount: 250,
        ..fill()
    };
    let forged = ExchangeVault::Fill {
        sellOrder: 2,
        ..half.clone()
    };
    let void = ExchangeVault::Fill {
        skip: true,
        buyOrder: 9,
        sellOrder: 9,
        ..half.clone()
    };
    let found = exchange.settle(orders, vec![half.clone(), forged, void, half.clone(), half]);
    let over = (SkipReason::Overfilled, BUY);
    assert_eq!(
        found,
        [
            None,
            Some((SkipReason::BadSignature, SELL)),
            Some((SkipReason::Voided, NEITHER)),
            None,
            Some(over)
        ]
    );
    assert_eq!(exchange.filled(&buy), (100, 0));
}

#[test]
fn a_batch_begins_at_the_next_number_of_its_group_or_is_void() {
    let mut exchange = Exchange::new();
    let orders = || vec![];
    let voided = || vec![ExchangeVault::Fill { skip: true, ..fill() }; 2];
    for wrong in [0, 2, u64::MAX] {
        exchange.must_refuse::<WrongNumber>(OPERATOR, &settle_call(wrong, orders(), voided()));
    }
    exchange.must(OPERATOR, &settle_call(1, orders(), voided()));
    exchange.must_refuse::<WrongNumber>(OPERATOR, &settle_call(1, orders(), voided()));
    exchange.must_refuse::<WrongNumber>(OPERATOR, &settle_call(2, orders(), voided()));
    exchange.must(OPERATOR, &settle_call(3, orders(), vec![]));
    assert_eq!(exchange.next_number(GROUP), 3, "an empty batch consumes nothing");
    let other = ExchangeVault::settleCall {
        group: GROUP + 1,
        ..settle_call(1, orders(), voided())
    };
    exchange.must(OPERATOR, &other);
    assert_eq!((exchange.next_number(GROUP), exchange.next_number(GROUP + 1)), (3, 3));
    exchange.must_refuse::<OnlyOperator>(DEPLOYER, &settle_call(3, orders(), voided()));
}

#[test]
fn a_fill_of_an_order_that_the_batch_lacks_voids_the_batch() {
    let mut exchange = Exchange::new();
    let orders = vec![
        exchange.sign(&exchange.order(0, BUY), &trader(0)),
        exchange.sign(&exchange.order(1, SELL), &trader(1)),
    ];
    for (buy_order, sell_order) in [(2, 1), (0, 2), (u16::MAX, 0)] {
        let missing = ExchangeVault::Fill {
            buyOrder: buy_order,
            sellOrder: sell_order,
            ..fill()
        };
        let call = settle_call(1, orders.clone(), vec![fill(), missing]);
        exchange.must_refuse::<MissingOrder>(OPERATOR, &call);
    }
    assert_eq!(exchange.next_number(GROUP), 1);
    assert_eq!(exchange.picture()[0], (DEPOSIT, DEPOSIT));
}

/// EX-1: whatever gas a batch is given, it does all that it would do with more, or nothing.
#[test]
fn a_starved_batch_is_void_and_never_skips() {
    let mut exchange = Exchange::new();
    let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
    let orders = vec![exchange.sign(&buy, &trader(0)), exchange.sign(&sell, &trader(1))];
    let half = ExchangeVault::Fill {
        baseAmount: 50,
        quoteAmount: 250,
        buyerFee: 1,
        sellerFee: 1,
        royalty: 1,
        ..fill()
    };
    let call = settle_call(1, orders, vec![half.clone(), half]);
    let vault = exchange.world.vault;
    let before = exchange.picture();
    let mut gas = 21_000;
    let logs = loop {
        match exchange.world.send_starved(OPERATOR, vault, &call, gas) {
            Some(logs) => break logs,
            None => assert_eq!(
                (exchange.picture(), exchange.next_number(GROUP)),
                (before, 1),
                "with {gas} gas"
            ),
        }
        gas += 997;
    };
    let asked: u64 = exchange.world.view(vault, &ExchangeVault::MIN_STEP_GASCall {}).to();
    assert!(gas > 21_000 + asked, "the last step had less than what is asked for");
    assert!(
        super::outcomes(&logs, GROUP, 1).iter().all(Result::is_ok),
        "with {gas} gas"
    );
    assert_eq!(exchange.filled(&buy), (100, 2));
}

/// The gas that is asked for before each step is more than the dearest step takes: every slot is written for the first time.
#[test]
fn the_gas_asked_for_covers_the_dearest_fill() {
    let mut exchange = Exchange::new();
    let newcomer = trader(2);
    let (dollars, vault) = (exchange.dollars(), exchange.world.vault);
    let withdraw_shares = ExchangeVault::requestExitCall {
        token: exchange.world.at.asset_shares,
        id: U256::from(1),
        amount: DEPOSIT,
        group: GROUP,
    };
    let (exit, _) = exchange.must(newcomer.address(), &withdraw_shares);
    let spend = exchange.balance(trader(1).address(), dollars);
    let withdraw_dollars = ExchangeVault::requestExitCall {
        token: dollars.0,
        id: U256::ZERO,
        amount: spend,
        group: GROUP,
    };
    let (other_exit, _) = exchange.must(trader(1).address(), &withdraw_dollars);
    exchange.world.pass(crate::world::EXIT_DELAY_SECS);
    for exit in [exit, other_exit] {
        exchange.must(DEPLOYER, &ExchangeVault::executeExitCall { exitId: exit });
    }
    let expiry = exchange.world.now_secs();
    let buy = Order {
        expiry,
        account: newcomer.address(),
        ..exchange.order(2, BUY)
    };
    let sell = Order {
        expiry,
        ..exchange.order(1, SELL)
    };
    let orders = vec![exchange.sign(&buy, &newcomer), exchange.sign(&sell, &trader(1))];
    let dearest = ExchangeVault::Fill {
        buyerFee: 1,
        sellerFee: 1,
        royalty: 1,
        ..fill()
    };
    let asked: u64 = exchange.world.view(vault, &ExchangeVault::MIN_STEP_GASCall {}).to();
    let with = exchange
        .world
        .gas_of(OPERATOR, vault, &settle_call(1, orders.clone(), vec![dearest]));
    let without = exchange.world.gas_of(OPERATOR, vault, &settle_call(1, orders, vec![]));
    assert!(with - without < asked, "{} of {asked}", with - without);
    assert!(with - without > 100_000, "the dearest fill is dear");
}

/// Fees are credited after the trade's own balances, so a fee account that trades gets what it is due.
#[test]
fn the_fee_account_may_trade() {
    for (side, n) in [(BUY, 0), (SELL, 1)] {
        let mut exchange = Exchange::new();
        exchange.must(
            DEPLOYER,
            &ExchangeVault::setFeeAccountCall {
                newFeeAccount: trader(n).address(),
            },
        );
        let (buy, sell) = (exchange.order(0, BUY), exchange.order(1, SELL));
        let fees = ExchangeVault::Fill {
            buyerFee: 7,
            sellerFee: 4,
            ..fill()
        };
        assert_eq!(exchange.settle_one((&buy, 0), (&sell, 1), fees), None);
        let [buyer, seller, ..] = exchange.picture();
        let fee_of = |of| if of == side { 11 } else { 0 };
        assert_eq!(
            (buyer.0, seller.0),
            (DEPOSIT - 507 + fee_of(BUY), DEPOSIT + 496 + fee_of(SELL))
        );
    }
}
