//! What a hostile operator and hostile traders try, at random.

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// Accounts: the traders 0 to 3, and the wallet.
pub const ACCOUNTS: usize = 5;
/// Instruments: dollars, the shares of two assets, and the token that takes a fee.
pub const INSTRUMENTS: usize = 4;
/// Nonces of orders and withdrawals: few, so that they come up again.
pub const NONCES: u64 = 3;

/// How an order is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    None,
    OtherChain,
    OtherVault,
    /// The signature is another order's.
    OtherOrder,
}

/// One side of a match.
#[derive(Clone, Debug)]
pub struct Terms {
    pub account: usize,
    /// Whose key signs; `None` for the account's own, which the wallet has not got.
    pub signer: Option<usize>,
    pub forgery: Forgery,
    pub nonce: u64,
    pub base_amount: u128,
    /// Added to the price of the match, in quote base units per lot, to the trader's advantage where positive.
    pub slack: i64,
    pub fee_cap: u128,
    /// Seconds from now.
    pub expires_in: i64,
    pub wrong_side: bool,
    pub other_market: bool,
}

/// A match that the operator claims.
#[derive(Clone, Debug)]
pub struct Match {
    /// 0 and 1 are listed, 2 is not.
    pub market: usize,
    pub buy: Terms,
    pub sell: Terms,
    pub base_amount: u128,
    /// Quote base units per lot.
    pub price: u128,
    /// Buyer's and seller's, and the royalty, in parts per million of the quote amount.
    pub fees_ppm: [u32; 3],
    pub skip: bool,
}

/// One step of the walk.
#[derive(Clone, Debug)]
pub enum Op {
    Deposit {
        by: usize,
        instrument: usize,
        amount: u128,
        to: usize,
    },
    Donate {
        by: usize,
        amount: u64,
    },
    Settle {
        number_is_off_by: i64,
        by_stranger: bool,
        matches: Vec<Match>,
        gas: Option<u64>,
    },
    Withdraw {
        account: usize,
        /// `None` for a call by the account itself.
        signer: Option<usize>,
        is_cosigned: bool,
        to_itself: bool,
        instrument: usize,
        amount: u128,
        nonce: u64,
        ends_in: i64,
    },
    RequestExit {
        by: usize,
        instrument: usize,
        amount: u128,
    },
    ExecuteExit {
        exit: u64,
    },
    CancelExit {
        by: usize,
        exit: u64,
    },
    RegisterKey {
        by: usize,
        key: usize,
    },
    RevokeKey {
        by: usize,
        key: usize,
    },
    VoidNonce {
        by: usize,
        nonce: u64,
    },
    VoidBelow {
        by: usize,
        nonce: u64,
    },
    Pass {
        secs: u64,
    },
    Heartbeat {
        by_stranger: bool,
    },
    /// After so many seconds of silence.
    EnterEscape {
        after: u64,
    },
    Escape {
        by: usize,
        instrument: usize,
    },
    Flush {
        market: usize,
    },
    Refuse {
        refuses: bool,
    },
}

fn account() -> impl Strategy<Value = usize> {
    0..ACCOUNTS
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![1 => Just(0_u128), 2 => 1..30_u128, 8 => 1..400_000_u128, 1 => 1_000_000..3_000_000_u128]
}

fn terms() -> impl Strategy<Value = Terms> {
    let forgery = prop_oneof![
        24 => Just(Forgery::None),
        1 => Just(Forgery::OtherChain),
        1 => Just(Forgery::OtherVault),
        1 => Just(Forgery::OtherOrder),
    ];
    let signer = prop_oneof![14 => Just(None), 2 => (0..4_usize).prop_map(Some)];
    let base_amount = prop_oneof![6 => Just(3_000_000_u128), 1 => 1..400_000_u128];
    let slack = prop_oneof![12 => 0..5_i64, 1 => -2..0_i64];
    let fee_cap = prop_oneof![6 => Just(1_000_000_u128), 1 => 0..20_000_u128];
    // Around the end of the grace, or far from it.
    let expires_in = prop_oneof![12 => Just(400_000_i64), 1 => -3_603..-3_596_i64, 1 => -7_000..0_i64];
    let flaws = (weighted(0.03), weighted(0.03));
    let who = (account(), signer, forgery, 0..NONCES);
    (who, base_amount, slack, fee_cap, expires_in, flaws).prop_map(
        |((account, signer, forgery, nonce), base_amount, slack, fee_cap, expires_in, flaws)| Terms {
            account,
            signer,
            forgery,
            nonce,
            base_amount,
            slack,
            fee_cap,
            expires_in,
            wrong_side: flaws.0,
            other_market: flaws.1,
        },
    )
}

fn matches() -> impl Strategy<Value = Match> {
    let fee = || prop_oneof![3 => Just(0_u32), 5 => 0..20_000_u32, 1 => 20_000..60_000_u32];
    let market = prop_oneof![12 => Just(0_usize), 6 => Just(1), 1 => Just(2)];
    let base = prop_oneof![1 => Just(0_u128), 20 => 1..200_000_u128, 4 => 900_000..2_500_000_u128];
    let price = prop_oneof![3 => 1..60_u128, 2 => Just(1_u128)];
    let amounts = (base, price, [fee(), fee(), fee()]);
    // Of the buyer, the next accounts in turn; the last of them is the buyer again.
    let seller = prop_oneof![16 => 1..ACCOUNTS, 1 => Just(ACCOUNTS)];
    (market, terms(), terms(), amounts, weighted(0.05), seller).prop_map(
        |(market, buy, sell, amounts, skip, seller)| Match {
            market,
            sell: Terms {
                account: (buy.account + seller) % ACCOUNTS,
                ..sell
            },
            buy,
            base_amount: amounts.0,
            price: amounts.1,
            fees_ppm: amounts.2,
            skip,
        },
    )
}

fn settle() -> impl Strategy<Value = Op> {
    let off = prop_oneof![20 => Just(0_i64), 1 => Just(-1), 1 => Just(1)];
    let gas = prop_oneof![4 => Just(None), 1 => (21_000..900_000_u64).prop_map(Some)];
    (off, weighted(0.03), vec(matches(), 0..5), gas).prop_map(|(number_is_off_by, by_stranger, matches, gas)| {
        Op::Settle {
            number_is_off_by,
            by_stranger,
            matches,
            gas,
        }
    })
}

fn withdraw() -> impl Strategy<Value = Op> {
    let signer = prop_oneof![Just(None), (0..4_usize).prop_map(Some)];
    let ends_in = prop_oneof![4 => 0..100_i64, 1 => -3..0_i64];
    let flags = (weighted(0.8), any::<bool>());
    (account(), signer, flags, 0..INSTRUMENTS, amount(), 0..NONCES, ends_in).prop_map(
        |(account, signer, (is_cosigned, to_itself), instrument, amount, nonce, ends_in)| Op::Withdraw {
            account,
            // Mostly somebody who may.
            signer: signer.map(|other| if amount % 3 == 0 { other } else { account.min(3) }),
            is_cosigned,
            to_itself,
            instrument,
            amount,
            nonce,
            ends_in,
        },
    )
}

/// A step.
pub fn ops() -> impl Strategy<Value = Op> {
    let instrument = || 0..INSTRUMENTS;
    let secs =
        prop_oneof![4 => 1..10_000_u64, 3 => 80_000..90_000_u64, 1 => Just(86_400_u64), 1 => 200_000..300_000_u64];
    prop_oneof![
        4 => (account(), instrument(), amount(), account())
            .prop_map(|(by, instrument, amount, to)| Op::Deposit { by, instrument, amount, to }),
        1 => (account(), 1..1_000_u64).prop_map(|(by, amount)| Op::Donate { by, amount }),
        20 => settle(),
        5 => withdraw(),
        7 => (account(), instrument(), amount())
            .prop_map(|(by, instrument, amount)| Op::RequestExit { by, instrument, amount }),
        6 => (0..6_u64).prop_map(|exit| Op::ExecuteExit { exit }),
        4 => (account(), 0..6_u64).prop_map(|(by, exit)| Op::CancelExit { by, exit }),
        3 => (account(), 0..4_usize).prop_map(|(by, key)| Op::RegisterKey { by, key }),
        3 => (account(), 0..4_usize).prop_map(|(by, key)| Op::RevokeKey { by, key }),
        4 => (account(), 0..NONCES).prop_map(|(by, nonce)| Op::VoidNonce { by, nonce }),
        4 => (account(), 0..NONCES + 1).prop_map(|(by, nonce)| Op::VoidBelow { by, nonce }),
        7 => secs.prop_map(|secs| Op::Pass { secs }),
        2 => weighted(0.2).prop_map(|by_stranger| Op::Heartbeat { by_stranger }),
        1 => prop_oneof![Just(0_u64), Just(259_200), Just(259_201)].prop_map(|after| Op::EnterEscape { after }),
        2 => (account(), instrument()).prop_map(|(by, instrument)| Op::Escape { by, instrument }),
        2 => (0..3_usize).prop_map(|market| Op::Flush { market }),
        1 => any::<bool>().prop_map(|refuses| Op::Refuse { refuses }),
    ]
}
