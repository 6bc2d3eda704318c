//! Facts about accounts: what goes in and out of the vault, keys, nonces, royalties.

use expect_test::expect;

use super::{check, check_open};

#[test]
fn withdrawals() {
    check_open(
        "",
        "
            withdraw A1 400 usd nonce=9 deadline=600
            withdraw A1 100001 usd
            place A1 ask 10 @ 100
            place A2 bid 10 @ 100
            withdraw A1 99601 usd
            withdraw A1 990 m1 nonce=12 deadline=500
            withdrawn A1 12
            withdrawn A1 12
            final 600
            final 601
            balances A1
        ",
        expect![[r#"
            withdraw A1 400 usd nonce=9 deadline=600
                A1 -400 usd (withdrawal)
                withdrawal 9 approved
            withdraw A1 100001 usd
                refused: NotWithdrawable { withdrawable: Amount(99600) }
            place A1 ask 10 @ 100
                #1 accepted @ 100, holds 10
                #1 rests 10 @ 100
                ask 100: 10
            place A2 bid 10 @ 100
                #2 accepted @ 100, holds 1000
                fill 1: #2 buys 10 @ 100 from #1
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            withdraw A1 99601 usd
                refused: NotWithdrawable { withdrawable: Amount(99600) }
            withdraw A1 990 m1 nonce=12 deadline=500
                A1 -990 shares 0 (withdrawal)
                withdrawal 12 approved
            withdrawn A1 12
                A1 withdrawal 12 executed
            withdrawn A1 12
                refused: NothingToChange
            final 600
            final 601
                A1 +400 usd (withdrawal expired)
            balances A1
                shares 0: 0 available, 10 going
                usd: 101000 available, 1000 coming, 100000 withdrawable
        "#]],
    );
}

/// A stopped account keeps no order and places none; it may withdraw.
#[test]
fn exits() {
    check_open(
        "",
        "
            place A1 bid 1 @ 90
            place A1 ask 1 @ 120 stop=80 ioc
            exit A1 2
            place A1 bid 1 @ 90
            withdraw A1 100 usd
            exit A1 1
            exit-cancelled A1 2
            exit-cancelled A1 2
            exit-executed A1 1 99000 usd
            place A1 bid 1 @ 90
            exit A9 3
            balances A1
        ",
        expect![[r#"
            place A1 bid 1 @ 90
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            place A1 ask 1 @ 120 stop=80 ioc
                #2 accepted @ 120, holds 1
            exit A1 2
                A1 stopped
                #1 closed AccountStopped with 1, frees 90
                #2 closed AccountStopped with 1, frees 1
                bid 90: 0
            place A1 bid 1 @ 90
                refused: AccountStopped
            withdraw A1 100 usd
                A1 -100 usd (withdrawal)
                withdrawal 4 approved
            exit A1 1
            exit-cancelled A1 2
            exit-cancelled A1 2
                refused: NothingToChange
            exit-executed A1 1 99000 usd
                A1 -99000 usd (exit)
                A1 resumed
            place A1 bid 1 @ 90
                #3 accepted @ 90, holds 90
                #3 rests 1 @ 90
                bid 90: 1
            exit A9 3
                A9 opened
                A9 stopped
            balances A1
                shares 0: 1000 available, 1000 withdrawable
                usd: 810 available, 90 held, 810 withdrawable
        "#]],
    );
}

#[test]
fn an_exit_that_pays_more_than_is_left() {
    check_open(
        "",
        "
            place A2 ask 990 @ 100
            place A1 bid 990 @ 100
            place A1 ask 500 @ 100
            place A3 bid 500 @ 100
            exit A1 1
            exit-executed A1 1 100000 usd
            balances A1
            balances A2
            balances A3
            balances deficit
        ",
        expect![[r#"
            place A2 ask 990 @ 100
                #1 accepted @ 100, holds 990
                #1 rests 990 @ 100
                ask 100: 990
            place A1 bid 990 @ 100
                #2 accepted @ 100, holds 99000
                fill 1: #2 buys 990 @ 100 from #1
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            place A1 ask 500 @ 100
                #3 accepted @ 100, holds 500
                #3 rests 500 @ 100
                ask 100: 500
            place A3 bid 500 @ 100
                #4 accepted @ 100, holds 50000
                fill 2: #4 buys 500 @ 100 from #3
                #3 closed Filled
                #4 closed Filled
                ask 100: 0
            exit A1 1
                A1 stopped
            exit-executed A1 1 100000 usd
                A1 -100000 usd (exit)
                fill 1 busted (Uncovered)
                A1 resumed
            balances A1
                shares 0: 500 available, 500 going, 500 withdrawable
                usd: 50000 available, 50000 coming
            balances A2
                shares 0: 1000 available, 1000 withdrawable
                usd: 100000 available, 100000 withdrawable
            balances A3
                shares 0: 1500 available, 500 coming, 1000 withdrawable
                usd: 50000 available, 50000 going, 50000 withdrawable
            balances deficit
        "#]],
    );
}

#[test]
fn a_deposit_vanishes_and_comes_again() {
    check(
        "
            open
            list m1
            deposit A1 500 usd
            deposit A2 10 m1
            state m1 auction
            at 60
            tick
            place A1 bid 2 @ 100
            place A1 bid 2 @ 90
            place A2 ask 1 @ 100
            vanished 1
            balances A1
            balances deficit
            deposit A1 500 usd id=1
            deposit A1 500 usd id=1
            vanished 9
            state m1 open
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
            state m1 auction
                market 0 Auction (Operator) until 60
            at 60
            tick
                auction crosses 0 @ 100
                market 0 Open (AuctionOver)
            place A1 bid 2 @ 100
                #1 accepted @ 100, holds 200
                #1 rests 2 @ 100
                bid 100: 2
            place A1 bid 2 @ 90
                #2 accepted @ 90, holds 180
                #2 rests 2 @ 90
                bid 90: 2
            place A2 ask 1 @ 100
                #3 accepted @ 100, holds 1
                fill 1: #1 buys 1 @ 100 from #3
                #3 closed Filled
                bid 100: 1
            vanished 1
                A1 -500 usd (deposit vanished)
                fill 1 busted (Uncovered)
                #2 closed Unfunded with 2, frees 180
                #1 closed Unfunded with 1, frees 100
                market 0 Halted (FinalityBroken)
                bid 90: 0
                bid 100: 0
            balances A1
            balances deficit
            deposit A1 500 usd id=1
                A1 +500 usd (deposit)
            deposit A1 500 usd id=1
                refused: NothingToChange
            vanished 9
                refused: NothingToChange
            state m1 open
                market 0 Open (Operator)
        "#]],
    );
}

#[test]
fn keys_and_nonces() {
    check_open(
        "",
        "
            key A1 K1
            key A1 K1
            place A1 bid 1 @ 90 by=K1 nonce=100
            place A1 bid 1 @ 91 nonce=101
            place A1 bid 1 @ 92 nonce=103
            place A1 bid 1 @ 93 by=K2
            revoke A1 K1
            place A1 bid 1 @ 93 by=K1
            invalidate A1 102 single=103
            place A1 bid 1 @ 93 nonce=101
            place A1 bid 1 @ 93 nonce=102
            key A9 K1
            invalidate A8 5
        ",
        expect![[r#"
            key A1 K1
                A1 has a key
            key A1 K1
                refused: NothingToChange
            place A1 bid 1 @ 90 by=K1 nonce=100
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            place A1 bid 1 @ 91 nonce=101
                #2 accepted @ 91, holds 91
                #2 rests 1 @ 91
                bid 91: 1
            place A1 bid 1 @ 92 nonce=103
                #3 accepted @ 92, holds 92
                #3 rests 1 @ 92
                bid 92: 1
            place A1 bid 1 @ 93 by=K2
                refused: SignerNotAuthorised
            revoke A1 K1
                A1 lost a key
                #1 closed Revoked with 1, frees 90
                bid 90: 0
            place A1 bid 1 @ 93 by=K1
                refused: SignerNotAuthorised
            invalidate A1 102 single=103
                #2 closed Revoked with 1, frees 91
                #3 closed Revoked with 1, frees 92
                bid 91: 0
                bid 92: 0
            place A1 bid 1 @ 93 nonce=101
                refused: NonceUsed
            place A1 bid 1 @ 93 nonce=102
                #4 accepted @ 93, holds 93
                #4 rests 1 @ 93
                bid 93: 1
            key A9 K1
                A9 opened
                A9 has a key
            invalidate A8 5
        "#]],
    );
}

#[test]
fn royalties_and_revoked_series() {
    check_open(
        "royalty=10000",
        "
            place A1 ask 10 @ 100
            place A2 bid 10 @ 100
            flushed m1 6
            flushed m1 6
            series-revoked m1
            series-revoked m1
            series-revoked m7
        ",
        expect![[r#"
            place A1 ask 10 @ 100
                #1 accepted @ 100, holds 10
                #1 rests 10 @ 100
                ask 100: 10
            place A2 bid 10 @ 100
                #2 accepted @ 100, holds 1000
                fill 1: #2 buys 10 @ 100 from #1, royalty 10
                #1 closed Filled
                #2 closed Filled
                ask 100: 0
            flushed m1 6
                royalty -6 usd (royalty flush)
            flushed m1 6
                royalty -6 usd (royalty flush)
                deficit bears 2 usd of royalty
            series-revoked m1
                market 0 Halted (SeriesRevoked)
            series-revoked m1
            series-revoked m7
                refused: UnknownInstrument
        "#]],
    );
}
