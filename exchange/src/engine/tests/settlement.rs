//! Fills that the chain settles, late or not at all, and what is undone then.

use expect_test::{Expect, expect};

use super::{check, check_open};

/// Post-only from a third of the exit delay, nothing from half; stops wait for it to be over.
#[test]
fn late_settlement_limits_markets() {
    check_open(
        "",
        "
            place A1 ask 1 @ 100
            place A2 bid 1 @ 100
            place A3 bid 1 @ 120 stop=100 ioc
            place A2 bid 1 @ 100
            place A3 bid 1 @ 120 stop=100 ioc
            place A1 ask 1 @ 100
            at 259
            tick
            at 260
            tick
            place A2 bid 1 @ 90
            place A2 bid 1 @ 90 post
            place A2 bid 1 @ 120 stop-limit=100 post
            at 360
            tick
            place A2 bid 1 @ 90 post
            settled 2
            tick
        ",
        expect![[r#"
            place A1 ask 1 @ 100
                #1 accepted @ 100, holds 1
                #1 rests 1 @ 100
                ask 100: 1
            place A2 bid 1 @ 100
                #2 accepted @ 100, holds 100
                fill 1: #2 buys 1 @ 100 from #1
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            place A3 bid 1 @ 120 stop=100 ioc
                #3 accepted @ 120, holds 120
                #3 triggered
                #3 closed NotFilled with 1, frees 120
            place A2 bid 1 @ 100
                #4 accepted @ 100, holds 100
                #4 rests 1 @ 100
                bid 100: 1
            place A3 bid 1 @ 120 stop=100 ioc
                #5 accepted @ 120, holds 120
                #5 triggered
                #5 closed NotFilled with 1, frees 120
            place A1 ask 1 @ 100
                #6 accepted @ 100, holds 1
                fill 2: #4 buys 1 @ 100 from #6
                #4 closed Filled
                #6 closed Filled
                bid 100: 0
            at 259
            tick
            at 260
            tick
                settlement lags: PostOnly
            place A2 bid 1 @ 90
                refused: MarketNotTaking { state: PostOnly }
            place A2 bid 1 @ 90 post
                #7 accepted @ 90, holds 90
                #7 rests 1 @ 90
                bid 90: 1
            place A2 bid 1 @ 120 stop-limit=100 post
                #8 accepted @ 120, holds 120
            at 360
            tick
                settlement lags: Halted
            place A2 bid 1 @ 90 post
                refused: MarketNotTaking { state: Halted }
            settled 2
                settled through 2
            tick
                settlement lags: Open
                #8 triggered
                #8 rests 1 @ 120
                bid 120: 1
        "#]],
    );
}

/// A fill at 60, and then nothing until it is settled.
fn after_a_fill(options: &str) -> String {
    format!(
        "
            open {options}
            list m1
            deposit A1 10 m1
            deposit A2 1000 usd
            state m1 auction
            at 60
            tick
            place A1 ask 1 @ 100
            place A2 bid 1 @ 100
            at 119
            tick
            at 120
            tick
            at 149
            tick
            at 150
            tick
            settled 1
            tick
        "
    )
}

fn check_after_a_fill(options: &str, expected: Expect) {
    let run = |restored| {
        let transcript = super::language::run(&after_a_fill(options), restored);
        let (_, rest) = transcript.split_once("ask 100: 0\n").expect("they meet");
        rest.to_owned()
    };
    let straight = run(false);
    assert_eq!(run(true), straight, "a restored engine knows its rules");
    expected.assert_eq(&straight);
}

/// Post-only from two thirds of the settlement grace, nothing from all of it, where that is sooner.
#[test]
fn settlement_beyond_the_grace_limits_markets() {
    check_after_a_fill(
        "grace=90",
        expect![[r#"
            at 119
            tick
            at 120
            tick
                settlement lags: PostOnly
            at 149
            tick
            at 150
            tick
                settlement lags: Halted
            settled 1
                settled through 1
            tick
                settlement lags: Open
        "#]],
    );
}

/// The outcomes of a group that was opened before there was a second revision stay what they were.
#[test]
fn under_the_first_rules_the_grace_limits_nothing() {
    check_after_a_fill(
        "grace=90 first-rules",
        expect![[r#"
            at 119
            tick
            at 120
            tick
            at 149
            tick
            at 150
            tick
            settled 1
                settled through 1
            tick
        "#]],
    );
}

#[test]
fn an_auction_waits_for_settlement() {
    check_open(
        "",
        "
            place A1 ask 1 @ 100
            place A2 bid 1 @ 100
            state m1 auction
            at 400
            tick
            settled 1
            tick
        ",
        expect![[r#"
            place A1 ask 1 @ 100
                #1 accepted @ 100, holds 1
                #1 rests 1 @ 100
                ask 100: 1
            place A2 bid 1 @ 100
                #2 accepted @ 100, holds 100
                fill 1: #2 buys 1 @ 100 from #1
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            state m1 auction
                market 0 Auction (Operator) until 120
            at 400
            tick
                settlement lags: Halted
            settled 1
                settled through 1
            tick
                settlement lags: Open
                auction crosses 0 @ 100
                market 0 Open (AuctionOver)
        "#]],
    );
}

/// A2 buys with the proceeds of a sale that is skipped.
#[test]
fn a_skipped_fill_takes_those_with_it_that_it_paid_for() {
    check(
        "
            open
            list m1
            deposit A1 500 usd
            deposit A2 10 m1
            deposit A3 10 m1
            state m1 auction
            at 60
            tick
            place A1 bid 5 @ 100
            place A2 ask 5 @ 100
            place A3 ask 4 @ 100
            place A2 bid 4 @ 100
            place A2 bid 1 @ 100
            balances A2
            skipped 2
            skipped 1
            balances A1
            balances A2
            balances A3
            balances deficit
            skipped 2
            settled 1
        ",
        expect![[r#"
            open
            list m1
            deposit A1 500 usd
                A1 opened
                A1 +500 usd (deposit)
            deposit A2 10 m1
                A2 opened
                A2 +10 shares 0 (deposit)
            deposit A3 10 m1
                A3 opened
                A3 +10 shares 0 (deposit)
            state m1 auction
                market 0 Auction (Operator) until 60
            at 60
            tick
                auction crosses 0 @ 100
                market 0 Open (AuctionOver)
            place A1 bid 5 @ 100
                #1 accepted @ 100, holds 500
                #1 rests 5 @ 100
                bid 100: 5
            place A2 ask 5 @ 100
                #2 accepted @ 100, holds 5
                fill 1: #1 buys 5 @ 100 from #2
                #1 closed Filled
                #2 closed Filled
                bid 100: 0
            place A3 ask 4 @ 100
                #3 accepted @ 100, holds 4
                #3 rests 4 @ 100
                ask 100: 4
            place A2 bid 4 @ 100
                #4 accepted @ 100, holds 400
                fill 2: #4 buys 4 @ 100 from #3
                #3 closed Filled
                #4 closed Filled
                ask 100: 0
            place A2 bid 1 @ 100
                #5 accepted @ 100, holds 100
                #5 rests 1 @ 100
                bid 100: 1
            balances A2
                shares 0: 9 available, 4 coming, 5 going, 5 withdrawable
                usd: 0 available, 100 held, 500 coming, 400 going
            skipped 2
                refused: NotNextFill { expected: FillNumber(1) }
            skipped 1
                fill 1 busted (Skipped { reason: 7 })
                fill 2 busted (Uncovered)
                #5 closed Unfunded with 1, frees 100
                bid 100: 0
            balances A1
                usd: 500 available, 500 withdrawable
            balances A2
                shares 0: 10 available, 10 withdrawable
            balances A3
                shares 0: 10 available, 10 withdrawable
            balances deficit
            skipped 2
                settled through 2
            settled 1
                refused: NotNextFill { expected: FillNumber(3) }
        "#]],
    );
}

#[test]
fn a_fill_that_settles_after_all_is_reinstated() {
    check(
        "
            open
            list m1
            deposit A1 500 usd
            deposit A2 10 m1
            deposit A3 10 m1
            state m1 auction
            at 60
            tick
            place A1 bid 5 @ 100
            place A2 ask 5 @ 100
            place A3 ask 4 @ 100
            place A2 bid 4 @ 100
            skipped 1
            deposit A2 400 usd
            settled 2
            balances A2
            balances A3
            settled 2
        ",
        expect![[r#"
            open
            list m1
            deposit A1 500 usd
                A1 opened
                A1 +500 usd (deposit)
            deposit A2 10 m1
                A2 opened
                A2 +10 shares 0 (deposit)
            deposit A3 10 m1
                A3 opened
                A3 +10 shares 0 (deposit)
            state m1 auction
                market 0 Auction (Operator) until 60
            at 60
            tick
                auction crosses 0 @ 100
                market 0 Open (AuctionOver)
            place A1 bid 5 @ 100
                #1 accepted @ 100, holds 500
                #1 rests 5 @ 100
                bid 100: 5
            place A2 ask 5 @ 100
                #2 accepted @ 100, holds 5
                fill 1: #1 buys 5 @ 100 from #2
                #1 closed Filled
                #2 closed Filled
                bid 100: 0
            place A3 ask 4 @ 100
                #3 accepted @ 100, holds 4
                #3 rests 4 @ 100
                ask 100: 4
            place A2 bid 4 @ 100
                #4 accepted @ 100, holds 400
                fill 2: #4 buys 4 @ 100 from #3
                #3 closed Filled
                #4 closed Filled
                ask 100: 0
            skipped 1
                fill 1 busted (Skipped { reason: 7 })
                fill 2 busted (Uncovered)
            deposit A2 400 usd
                A2 +400 usd (deposit)
            settled 2
                fill 2 reinstated
                settled through 2
            balances A2
                shares 0: 14 available, 14 withdrawable
            balances A3
                shares 0: 6 available, 6 withdrawable
                usd: 400 available, 400 withdrawable
            settled 2
                refused: NotNextFill { expected: FillNumber(3) }
        "#]],
    );
}

/// Newest first; every market closes.
#[test]
fn escape() {
    check_open(
        "",
        "
            place A1 ask 2 @ 100
            place A2 bid 1 @ 100
            place A3 bid 2 @ 100
            escape
            escape
            balances A1
            settled 2
            escaped A1 99990 usd
            escaped A1 20 usd
            escaped A1 0 usd
            balances A1
            deposit A1 5 usd
        ",
        expect![[r#"
            place A1 ask 2 @ 100
                #1 accepted @ 100, holds 2
                #1 rests 2 @ 100
                ask 100: 2
            place A2 bid 1 @ 100
                #2 accepted @ 100, holds 100
                fill 1: #2 buys 1 @ 100 from #1
                #2 closed Filled
                ask 100: 1
            place A3 bid 2 @ 100
                #3 accepted @ 100, holds 200
                fill 2: #3 buys 1 @ 100 from #1
                #1 closed Filled
                #3 rests 1 @ 100
                bid 100: 1
                ask 100: 0
            escape
                fill 2 busted (Escape)
                fill 1 busted (Escape)
                market 0 Closed (Escape)
                #3 closed MarketClosed with 1, frees 100
                bid 100: 0
            escape
                refused: NothingToChange
            balances A1
                shares 0: 1000 available, 1000 withdrawable
                usd: 100000 available, 100000 withdrawable
            settled 2
                settled through 2
            escaped A1 99990 usd
                A1 -99990 usd (escape)
            escaped A1 20 usd
                A1 -20 usd (escape)
                deficit bears 10 usd of A1
            escaped A1 0 usd
                refused: ZeroAmount
            balances A1
                shares 0: 1000 available, 1000 withdrawable
            deposit A1 5 usd
                A1 +5 usd (deposit)
                A1 repays 5 usd to deficit
        "#]],
    );
}
