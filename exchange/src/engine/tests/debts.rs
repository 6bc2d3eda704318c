//! What `deficit` bore for an account is repaid before the account has anything again.

use expect_test::expect;

use super::{check, check_open};

/// A co-signature is hoarded while an exit takes the same money out: when it has expired, what it comes back to is the debt.
#[test]
fn a_co_signed_withdrawal_is_hoarded_and_the_money_taken_by_an_exit() {
    check_open(
        "",
        "
            withdraw A1 100000 usd nonce=9 deadline=600
            exit A1 1
            exit-executed A1 1 100000 usd
            final 601
            balances A1
            balances deficit
            place A1 bid 1 @ 100
            deposit A1 100 usd
            place A1 bid 1 @ 100
        ",
        expect![[r#"
            withdraw A1 100000 usd nonce=9 deadline=600
                A1 -100000 usd (withdrawal)
                withdrawal 9 approved
            exit A1 1
                A1 stopped
            exit-executed A1 1 100000 usd
                A1 -100000 usd (exit)
                deficit bears 100000 usd of A1
                A1 resumed
            final 601
                A1 +100000 usd (withdrawal expired)
                A1 repays 100000 usd to deficit
            balances A1
                shares 0: 1000 available, 1000 withdrawable
            balances deficit
            place A1 bid 1 @ 100
                refused: InsufficientFunds { needed: Amount(100), available: Amount(0) }
            deposit A1 100 usd
                A1 +100 usd (deposit)
            place A1 bid 1 @ 100
                #1 accepted @ 100, holds 100
                #1 rests 1 @ 100
                bid 100: 1
        "#]],
    );
}

/// A group that was opened under the second rules goes on as it did: there the money is there twice.
#[test]
fn under_the_second_rules_nothing_is_repaid() {
    check(
        "
            open second-rules
            list m1
            deposit A1 100000 usd
            state m1 auction
            at 60
            tick
            withdraw A1 100000 usd nonce=9 deadline=600
            exit A1 1
            exit-executed A1 1 100000 usd
            final 601
            balances A1
            balances deficit
            place A1 bid 1 @ 100
        ",
        expect![[r#"
            open second-rules
            list m1
            deposit A1 100000 usd
                A1 opened
                A1 +100000 usd (deposit)
            state m1 auction
                market 0 Auction (Operator) until 60
            at 60
            tick
                auction crosses 0 @ 100
                market 0 Open (AuctionOver)
            withdraw A1 100000 usd nonce=9 deadline=600
                A1 -100000 usd (withdrawal)
                withdrawal 9 approved
            exit A1 1
                A1 stopped
            exit-executed A1 1 100000 usd
                A1 -100000 usd (exit)
                deficit bears 100000 usd of A1
                A1 resumed
            final 601
                A1 +100000 usd (withdrawal expired)
            balances A1
                usd: 100000 available, 100000 withdrawable
            balances deficit
                usd: -100000 available
            place A1 bid 1 @ 100
                #1 accepted @ 100, holds 100
                #1 rests 1 @ 100
                bid 100: 1
        "#]],
    );
}

/// The withdrawal is still good, and what comes meanwhile may be what it pays out: deposits and receipts repay, and are owed again where they
/// are undone.
#[test]
fn deposits_and_fills_repay_while_the_withdrawal_is_good() {
    check_open(
        "",
        "
            withdraw A1 1000 m1 nonce=9 deadline=600
            exit A1 1
            exit-executed A1 1 1000 m1
            deposit A1 100 m1 id=77
            place A2 ask 50 @ 100
            place A1 bid 50 @ 100
            place A1 ask 1 @ 100
            balances A1
            balances deficit
            skipped 1
            vanished 77
            balances deficit
            deposit A1 1000 m1 id=77
            withdrawn A1 9
            balances A1
            balances deficit
        ",
        expect![[r#"
            withdraw A1 1000 m1 nonce=9 deadline=600
                A1 -1000 shares 0 (withdrawal)
                withdrawal 9 approved
            exit A1 1
                A1 stopped
            exit-executed A1 1 1000 m1
                A1 -1000 shares 0 (exit)
                deficit bears 1000 shares 0 of A1
                A1 resumed
            deposit A1 100 m1 id=77
                A1 +100 shares 0 (deposit)
                A1 repays 100 shares 0 to deficit
            place A2 ask 50 @ 100
                #1 accepted @ 100, holds 50
                #1 rests 50 @ 100
                ask 100: 50
            place A1 bid 50 @ 100
                #2 accepted @ 100, holds 5000
                fill 1: #2 buys 50 @ 100 from #1
                A1 repays 50 shares 0 to deficit
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            place A1 ask 1 @ 100
                refused: InsufficientFunds { needed: Amount(1), available: Amount(0) }
            balances A1
                shares 0: 0 available, 50 coming
                usd: 95000 available, 5000 going, 95000 withdrawable
            balances deficit
                shares 0: -850 available
            skipped 1
                fill 1 busted (Skipped { reason: 7 })
                deficit bears 50 shares 0 of A1
            vanished 77
                A1 -100 shares 0 (deposit vanished)
                deficit bears 100 shares 0 of A1
                market 0 Halted (FinalityBroken)
            balances deficit
                shares 0: -1000 available
            deposit A1 1000 m1 id=77
                A1 +1000 shares 0 (deposit)
                A1 repays 1000 shares 0 to deficit
            withdrawn A1 9
                A1 withdrawal 9 executed
            balances A1
                usd: 100000 available, 100000 withdrawable
            balances deficit
        "#]],
    );
}

/// The chain goes back past finality: the exit is gone, then the withdrawal is, is credited back, and is paid out all the same.
#[test]
fn an_exit_that_vanishes_repays_what_was_borne_for_it() {
    check_open(
        "",
        "
            withdraw A1 100000 usd nonce=9 deadline=600
            exit A1 1
            exit-executed A1 1 100000 usd
            exit-vanished 1
            withdrawn A1 9
            balances A1
            balances deficit
            withdrawal-vanished A1 9
            final 601
            exit A1 2
            exit-executed A1 2 60000 usd
            withdrawn A1 9
            balances deficit
            exit-vanished 2
            balances A1
            balances deficit
        ",
        expect![[r#"
            withdraw A1 100000 usd nonce=9 deadline=600
                A1 -100000 usd (withdrawal)
                withdrawal 9 approved
            exit A1 1
                A1 stopped
            exit-executed A1 1 100000 usd
                A1 -100000 usd (exit)
                deficit bears 100000 usd of A1
                A1 resumed
            exit-vanished 1
                A1 +100000 usd (exit vanished)
                A1 repays 100000 usd to deficit
                market 0 Halted (FinalityBroken)
            withdrawn A1 9
                A1 withdrawal 9 executed
            balances A1
                shares 0: 1000 available, 1000 withdrawable
            balances deficit
            withdrawal-vanished A1 9
                A1 withdrawal 9 under way again
            final 601
                A1 +100000 usd (withdrawal expired)
            exit A1 2
                A1 stopped
            exit-executed A1 2 60000 usd
                A1 -60000 usd (exit)
                A1 resumed
            withdrawn A1 9
                A1 -100000 usd (withdrawal)
                A1 withdrawal 9 executed
                deficit bears 60000 usd of A1
            balances deficit
                usd: -60000 available
            exit-vanished 2
                A1 +60000 usd (exit vanished)
                A1 repays 60000 usd to deficit
            balances A1
                shares 0: 1000 available, 1000 withdrawable
            balances deficit
        "#]],
    );
}

/// Royalties that are owed are repaid from the next fill, right after it.
#[test]
fn a_royalty_account_repays_from_fills() {
    check_open(
        "",
        "
            rules m1 royalty=10000
            flushed m1 15
            place A2 ask 20 @ 100
            place A1 bid 10 @ 100
            place A1 bid 10 @ 100
            balances royalty
            balances deficit
        ",
        expect![[r#"
            rules m1 royalty=10000
                market 0 has other rules
            flushed m1 15
                royalty -15 usd (royalty flush)
                deficit bears 15 usd of royalty
            place A2 ask 20 @ 100
                #1 accepted @ 100, holds 20
                #1 rests 20 @ 100
                ask 100: 20
            place A1 bid 10 @ 100
                #2 accepted @ 100, holds 1000
                fill 1: #2 buys 10 @ 100 from #1, royalty 10
                royalty repays 10 usd to deficit
                #2 closed Filled
                ask 100: 10
            place A1 bid 10 @ 100
                #3 accepted @ 100, holds 1000
                fill 2: #3 buys 10 @ 100 from #1, royalty 10
                royalty repays 5 usd to deficit
                #1 closed Filled
                #3 closed Filled
                ask 100: 0
            balances royalty
                usd: 5 available, 20 coming
            balances deficit
        "#]],
    );
}

/// What the chain settles after all leaves less than was thought: what that leaves uncovered is busted at once, not when the vault skips it.
#[test]
fn a_fill_that_is_reinstated_busts_what_it_leaves_uncovered() {
    check_open(
        "",
        "
            place A1 ask 600 @ 100
            place A2 bid 600 @ 100
            exit A1 1
            exit-executed A1 1 1000 m1
            deposit A1 700 m1
            place A1 ask 700 @ 50
            place A3 bid 700 @ 50
            settled 1
            balances A1
        ",
        expect![[r#"
            place A1 ask 600 @ 100
                #1 accepted @ 100, holds 600
                #1 rests 600 @ 100
                ask 100: 600
            place A2 bid 600 @ 100
                #2 accepted @ 100, holds 60000
                fill 1: #2 buys 600 @ 100 from #1
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            exit A1 1
                A1 stopped
            exit-executed A1 1 1000 m1
                A1 -1000 shares 0 (exit)
                fill 1 busted (Uncovered)
                A1 resumed
            deposit A1 700 m1
                A1 +700 shares 0 (deposit)
            place A1 ask 700 @ 50
                #3 accepted @ 50, holds 700
                #3 rests 700 @ 50
                ask 50: 700
            place A3 bid 700 @ 50
                #4 accepted @ 50, holds 35000
                fill 2: #4 buys 700 @ 50 from #3
                #3 closed Filled
                #4 closed Filled
                ask 50: 0
            settled 1
                fill 1 reinstated
                settled through 1
                fill 2 busted (Uncovered)
            balances A1
                shares 0: 100 available, 100 withdrawable
                usd: 160000 available, 160000 withdrawable
        "#]],
    );
}
