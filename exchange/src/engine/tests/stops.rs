//! Stops: how they wait, trigger, and are amended.

use expect_test::expect;

use super::check_open;

/// The lowest buy first, then the lowest id; sells after buys.
#[test]
fn stops_wait_and_trigger() {
    check_open(
        "",
        "
            place A1 ask 1 @ 100
            place A1 ask 5 @ 102
            place A2 bid 2 @ 110 stop=101 ioc
            place A2 bid 1 @ 103 stop-limit=100 nonce=50
            place A2 ask 1 @ 90 stop=99 ioc
            balances A2
            place A3 bid 1 @ 100 ioc
            place A3 ask 1 @ 95
            place A1 bid 1 @ 95
        ",
        expect![[r#"
            place A1 ask 1 @ 100
                #1 accepted @ 100, holds 1
                #1 rests 1 @ 100
                ask 100: 1
            place A1 ask 5 @ 102
                #2 accepted @ 102, holds 5
                #2 rests 5 @ 102
                ask 102: 5
            place A2 bid 2 @ 110 stop=101 ioc
                #3 accepted @ 110, holds 220
            place A2 bid 1 @ 103 stop-limit=100 nonce=50
                #4 accepted @ 103, holds 103
                #4 triggered
                fill 1: #4 buys 1 @ 100 from #1, freed 3
                #1 closed Filled
                #4 closed Filled
                ask 100: 0
            place A2 ask 1 @ 90 stop=99 ioc
                #5 accepted @ 90, holds 1
            balances A2
                shares 0: 1000 available, 1 held, 1 coming, 1000 withdrawable
                usd: 99680 available, 220 held, 100 going, 99680 withdrawable
            place A3 bid 1 @ 100 ioc
                #6 accepted @ 100, holds 100
                #6 closed NotFilled with 1, frees 100
            place A3 ask 1 @ 95
                #7 accepted @ 95, holds 1
                #7 rests 1 @ 95
                ask 95: 1
            place A1 bid 1 @ 95
                #8 accepted @ 95, holds 95
                fill 2: #8 buys 1 @ 95 from #7
                #7 closed Filled
                #8 closed Filled
                #5 triggered
                #5 closed NotFilled with 1, frees 1
                ask 95: 0
        "#]],
    );
}

#[test]
fn a_stop_whose_trigger_is_reached_works_at_once() {
    check_open(
        "",
        "
            place A1 ask 1 @ 101
            place A2 bid 2 @ 110 stop-limit=100
            place A2 bid 2 @ 110 stop-limit=150
            cancel A2 #3
        ",
        expect![[r#"
            place A1 ask 1 @ 101
                #1 accepted @ 101, holds 1
                #1 rests 1 @ 101
                ask 101: 1
            place A2 bid 2 @ 110 stop-limit=100
                #2 accepted @ 110, holds 220
                #2 triggered
                fill 1: #2 buys 1 @ 101 from #1, freed 9
                #1 closed Filled
                #2 rests 1 @ 110
                bid 110: 1
                ask 101: 0
            place A2 bid 2 @ 110 stop-limit=150
                #3 accepted @ 110, holds 220
            cancel A2 #3
                #3 closed Cancelled with 2, frees 220
        "#]],
    );
}

#[test]
fn an_expired_stop_does_not_trigger() {
    check_open(
        "",
        "
            place A2 bid 2 @ 110 stop=101 ioc until=70
            place A1 ask 1 @ 102
            at 70
            place A3 bid 1 @ 102
        ",
        expect![[r#"
            place A2 bid 2 @ 110 stop=101 ioc until=70
                #1 accepted @ 110, holds 220
            place A1 ask 1 @ 102
                #2 accepted @ 102, holds 1
                #2 rests 1 @ 102
                ask 102: 1
            at 70
            place A3 bid 1 @ 102
                #3 accepted @ 102, holds 102
                fill 1: #3 buys 1 @ 102 from #2
                #2 closed Filled
                #3 closed Filled
                #1 closed Expired with 2, frees 220
                ask 102: 0
        "#]],
    );
}

/// `Reject` closes where it would take, `Slide` moves.
#[test]
fn triggered_post_only_stops() {
    check_open(
        "",
        "
            place A1 ask 5 @ 102
            place A1 ask 1 @ 101
            place A2 bid 2 @ 103 stop-limit=101 post
            place A2 bid 2 @ 103 stop-limit=101 slide
            place A3 bid 1 @ 101
        ",
        expect![[r#"
            place A1 ask 5 @ 102
                #1 accepted @ 102, holds 5
                #1 rests 5 @ 102
                ask 102: 5
            place A1 ask 1 @ 101
                #2 accepted @ 101, holds 1
                #2 rests 1 @ 101
                ask 101: 1
            place A2 bid 2 @ 103 stop-limit=101 post
                #3 accepted @ 103, holds 206
            place A2 bid 2 @ 103 stop-limit=101 slide
                #4 accepted @ 103, holds 206
            place A3 bid 1 @ 101
                #5 accepted @ 101, holds 101
                fill 1: #5 buys 1 @ 101 from #2
                #2 closed Filled
                #5 closed Filled
                #3 triggered
                #3 closed WouldTake with 2, frees 206
                #4 triggered
                #4 amended 2 @ 101, frees 206, holds 202
                #4 rests 2 @ 101
                bid 101: 2
                ask 101: 0
        "#]],
    );
}

/// One that waits goes on waiting.
#[test]
fn amending_stops() {
    check_open(
        "",
        "
            place A1 bid 5 @ 110 stop-limit=105 nonce=7
            amend A1 bid 4 @ 110 stop-limit=105 nonce=7
            amend A1 bid 4 @ 110 stop-limit=101 nonce=7
            place A2 ask 1 @ 101
            place A3 bid 1 @ 101
            amend A1 bid 4 @ 112 stop-limit=101 nonce=7
            place A2 ask 9 @ 112
        ",
        expect![[r#"
            place A1 bid 5 @ 110 stop-limit=105 nonce=7
                #1 accepted @ 110, holds 550
            amend A1 bid 4 @ 110 stop-limit=105 nonce=7
                #1 reduced to 4, frees 110
            amend A1 bid 4 @ 110 stop-limit=101 nonce=7
                #1 amended 4 @ 110, frees 440, holds 440
            place A2 ask 1 @ 101
                #2 accepted @ 101, holds 1
                #2 rests 1 @ 101
                ask 101: 1
            place A3 bid 1 @ 101
                #3 accepted @ 101, holds 101
                fill 1: #3 buys 1 @ 101 from #2
                #2 closed Filled
                #3 closed Filled
                #1 triggered
                #1 rests 4 @ 110
                bid 110: 4
                ask 101: 0
            amend A1 bid 4 @ 112 stop-limit=101 nonce=7
                #1 amended 4 @ 112, frees 440, holds 448
                #1 rests 4 @ 112
                bid 110: 0
                bid 112: 4
            place A2 ask 9 @ 112
                #4 accepted @ 112, holds 9
                fill 2: #1 buys 4 @ 112 from #4
                #1 closed Filled
                #4 rests 5 @ 112
                bid 112: 0
                ask 112: 5
        "#]],
    );
}
