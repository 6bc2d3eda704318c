//! What a chain takes back that goes back past finality.

use expect_test::expect;

use super::check_open;

#[test]
fn settled_fills_are_unsettled_again() {
    check_open(
        "",
        "
            place A1 ask 30 @ 100
            place A2 bid 10 @ 100
            place A2 bid 10 @ 100
            place A2 bid 10 @ 100
            settled 1
            skipped 2 13
            settled 3
            fills-vanished 0
            fills-vanished 4
            fills-vanished 2
            balances A1
            withdraw A1 101900 usd
            settled 3
            balances A1
            fills-vanished 1
            settled 1
            skipped 2 1
            settled 3
            balances A2
        ",
        expect![[r#"
            place A1 ask 30 @ 100
                #1 accepted @ 100, holds 30
                #1 rests 30 @ 100
                ask 100: 30
            place A2 bid 10 @ 100
                #2 accepted @ 100, holds 1000
                fill 1: #2 buys 10 @ 100 from #1
                #2 closed Filled
                ask 100: 20
            place A2 bid 10 @ 100
                #3 accepted @ 100, holds 1000
                fill 2: #3 buys 10 @ 100 from #1
                #3 closed Filled
                ask 100: 10
            place A2 bid 10 @ 100
                #4 accepted @ 100, holds 1000
                fill 3: #4 buys 10 @ 100 from #1
                #1 closed Filled
                #4 closed Filled
                ask 100: 0
            settled 1
                settled through 1
            skipped 2 13
                fill 2 busted (Skipped { reason: 7 })
            settled 3
                settled through 3
            fills-vanished 0
                refused: NothingToChange
            fills-vanished 4
                refused: NothingToChange
            fills-vanished 2
                fill 3 unsettled
                settled only through 1
                market 0 Halted (FinalityBroken)
            balances A1
                shares 0: 980 available, 10 going, 980 withdrawable
                usd: 102000 available, 1000 coming, 101000 withdrawable
            withdraw A1 101900 usd
                refused: NotWithdrawable { withdrawable: Amount(101000) }
            settled 3
                fill 2 reinstated
                settled through 3
            balances A1
                shares 0: 970 available, 970 withdrawable
                usd: 103000 available, 103000 withdrawable
            fills-vanished 1
                fill 1 unsettled
                fill 2 unsettled
                fill 3 unsettled
                settled only through 0
            settled 1
                settled through 1
            skipped 2 1
                fill 2 busted (Skipped { reason: 7 })
            settled 3
                settled through 3
            balances A2
                shares 0: 1020 available, 1020 withdrawable
                usd: 98000 available, 98000 withdrawable
        "#]],
    );
}

/// What the lost deposit paid for is pending again before the deposit goes, so that it is busted and not borne.
#[test]
fn a_deposit_that_vanishes_with_what_it_paid_for_leaves_no_deficit() {
    check_open(
        "",
        "
            deposit A5 1000 usd id=77
            place A1 ask 10 @ 100
            place A5 bid 10 @ 100
            settled 1
            fills-vanished 1
            vanished 77
            balances A5
            balances A1
            deposit A5 1000 usd id=77
            settled 1
            balances A5
        ",
        expect![[r#"
            deposit A5 1000 usd id=77
                A5 opened
                A5 +1000 usd (deposit)
            place A1 ask 10 @ 100
                #1 accepted @ 100, holds 10
                #1 rests 10 @ 100
                ask 100: 10
            place A5 bid 10 @ 100
                #2 accepted @ 100, holds 1000
                fill 1: #2 buys 10 @ 100 from #1
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            settled 1
                settled through 1
            fills-vanished 1
                fill 1 unsettled
                settled only through 0
                market 0 Halted (FinalityBroken)
            vanished 77
                A5 -1000 usd (deposit vanished)
                fill 1 busted (Uncovered)
            balances A5
            balances A1
                shares 0: 1000 available, 1000 withdrawable
                usd: 100000 available, 100000 withdrawable
            deposit A5 1000 usd id=77
                A5 +1000 usd (deposit)
            settled 1
                fill 1 reinstated
                settled through 1
            balances A5
                shares 0: 10 available, 10 withdrawable
        "#]],
    );
}

#[test]
fn withdrawals_are_under_way_again() {
    check_open(
        "",
        "
            withdraw A1 400 usd nonce=9 deadline=600
            withdraw A1 300 usd nonce=10 deadline=600
            withdrawn A1 9
            final 601
            withdrawal-vanished A1 10
            withdrawal-vanished A1 9
            withdrawal-vanished A1 9
            withdrawn A1 9
            withdrawn A1 10
            withdrawn A1 10
            withdrawal-vanished A1 9
            final 602
            balances A1
        ",
        expect![[r#"
            withdraw A1 400 usd nonce=9 deadline=600
                A1 -400 usd (withdrawal)
                withdrawal 9 approved
            withdraw A1 300 usd nonce=10 deadline=600
                A1 -300 usd (withdrawal)
                withdrawal 10 approved
            withdrawn A1 9
                A1 withdrawal 9 executed
            final 601
                A1 +300 usd (withdrawal expired)
            withdrawal-vanished A1 10
                refused: NothingToChange
            withdrawal-vanished A1 9
                A1 withdrawal 9 under way again
                market 0 Halted (FinalityBroken)
            withdrawal-vanished A1 9
                refused: NothingToChange
            withdrawn A1 9
                A1 withdrawal 9 executed
            withdrawn A1 10
                A1 -300 usd (withdrawal)
                A1 withdrawal 10 executed
            withdrawn A1 10
                refused: NothingToChange
            withdrawal-vanished A1 9
                A1 withdrawal 9 under way again
            final 602
                A1 +400 usd (withdrawal expired)
            balances A1
                shares 0: 1000 available, 1000 withdrawable
                usd: 99700 available, 99700 withdrawable
        "#]],
    );
}

#[test]
fn exits_and_royalties_come_back() {
    check_open(
        "royalty=10000",
        "
            place A1 ask 10 @ 1000
            place A2 bid 10 @ 1000
            settled 1
            flushed m1 100
            flush-vanished m1 0
            flush-vanished m1 100
            flushed m1 60
            exit A2 1
            exit-executed A2 1 5000 usd
            exit-vanished 1
            exit-vanished 1
            exit A2 1
            exit-executed A2 1 5000 usd
            exit A2 2
            exit-executed A2 2 0 usd
            exit-vanished 2
            balances A2
        ",
        expect![[r#"
            place A1 ask 10 @ 1000
                #1 accepted @ 1000, holds 10
                #1 rests 10 @ 1000
                ask 1000: 10
            place A2 bid 10 @ 1000
                #2 accepted @ 1000, holds 10000
                fill 1: #2 buys 10 @ 1000 from #1, royalty 100
                #1 closed Filled
                #2 closed Filled
                ask 1000: 0
            settled 1
                settled through 1
            flushed m1 100
                royalty -100 usd (royalty flush)
            flush-vanished m1 0
                refused: ZeroAmount
            flush-vanished m1 100
                royalty +100 usd (flush vanished)
                market 0 Halted (FinalityBroken)
            flushed m1 60
                royalty -60 usd (royalty flush)
            exit A2 1
                A2 stopped
            exit-executed A2 1 5000 usd
                A2 -5000 usd (exit)
                A2 resumed
            exit-vanished 1
                A2 +5000 usd (exit vanished)
            exit-vanished 1
                refused: NothingToChange
            exit A2 1
                A2 stopped
            exit-executed A2 1 5000 usd
                A2 -5000 usd (exit)
                A2 resumed
            exit A2 2
                A2 stopped
            exit-executed A2 2 0 usd
                A2 resumed
            exit-vanished 2
                refused: NothingToChange
            balances A2
                shares 0: 1010 available, 1010 withdrawable
                usd: 85000 available, 85000 withdrawable
        "#]],
    );
}
