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
        expect![[r#""#]],
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
        expect![[r#""#]],
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
        expect![[r#""#]],
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
        expect![[r#""#]],
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
        expect![[r#""#]],
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
        expect![[r#""#]],
    );
}
