//! What orders can be told, and what can be told about them.

use expect_test::expect;

use super::check_open;

#[test]
fn post_only() {
    check_open(
        "",
        "
            place A1 ask 3 @ 100
            place A2 bid 3 @ 100 post
            place A2 bid 3 @ 99 post
            place A2 bid 3 @ 105 slide
            place A2 ask 1 @ 90 slide
            place A3 ask 1 @ 1
            place A3 bid 3 @ 5 slide
        ",
        expect![[r#"
            place A1 ask 3 @ 100
                #1 accepted @ 100, holds 3
                #1 rests 3 @ 100
                ask 100: 3
            place A2 bid 3 @ 100 post
                refused: WouldTake
            place A2 bid 3 @ 99 post
                #2 accepted @ 99, holds 297
                #2 rests 3 @ 99
                bid 99: 3
            place A2 bid 3 @ 105 slide
                #3 accepted @ 99, holds 297
                #3 rests 3 @ 99
                bid 99: 6
            place A2 ask 1 @ 90 slide
                #4 accepted @ 100, holds 1
                #4 rests 1 @ 100
                ask 100: 4
            place A3 ask 1 @ 1
                #5 accepted @ 1, holds 1
                fill 1: #2 buys 1 @ 99 from #5
                #5 closed Filled
                bid 99: 5
            place A3 bid 3 @ 5 slide
                #6 accepted @ 5, holds 15
                #6 rests 3 @ 5
                bid 5: 3
        "#]],
    );
}

#[test]
fn no_price_left_to_slide_to() {
    check_open(
        "",
        "
            place A3 ask 1 @ 1
            place A1 bid 3 @ 5 slide
        ",
        expect![[r#"
            place A3 ask 1 @ 1
                #1 accepted @ 1, holds 1
                #1 rests 1 @ 1
                ask 1: 1
            place A1 bid 3 @ 5 slide
                refused: WouldTake
        "#]],
    );
}

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

/// By id, client id and nonce; all, or those of a market.
#[test]
fn cancelling() {
    check_open(
        "",
        "
            list m2 room=5
            deposit A1 10 m2
            place A1 bid 1 @ 90 cid=x
            place A1 bid 1 @ 91 nonce=77
            place A1 bid 1 @ 92
            place A1 bid 1 @ 92 in=m2
            place A1 bid 1 @ 93 in=m2
            cancel A1 cid=x
            cancel A1 nonce=77
            cancel A2 #3
            cancel A1 #3
            place A1 bid 1 @ 92
            cancel-all A1 in=m2
            cancel-all A1
        ",
        expect![[r#"
            list m2 room=5
            deposit A1 10 m2
                A1 +10 shares 2 (deposit)
            place A1 bid 1 @ 90 cid=x
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            place A1 bid 1 @ 91 nonce=77
                #2 accepted @ 91, holds 91
                #2 rests 1 @ 91
                bid 91: 1
            place A1 bid 1 @ 92
                #3 accepted @ 92, holds 92
                #3 rests 1 @ 92
                bid 92: 1
            place A1 bid 1 @ 92 in=m2
                #4 accepted @ 92, holds 92
                #4 rests 1 @ 92
                market 1 bid 92: 1
            place A1 bid 1 @ 93 in=m2
                #5 accepted @ 93, holds 93
                #5 rests 1 @ 93
                market 1 bid 93: 1
            cancel A1 cid=x
                #1 closed Cancelled with 1, frees 90
                bid 90: 0
            cancel A1 nonce=77
                #2 closed Cancelled with 1, frees 91
                bid 91: 0
            cancel A2 #3
                refused: UnknownOrder
            cancel A1 #3
                #3 closed Cancelled with 1, frees 92
                bid 92: 0
            place A1 bid 1 @ 92
                #6 accepted @ 92, holds 92
                #6 rests 1 @ 92
                bid 92: 1
            cancel-all A1 in=m2
                #4 closed Cancelled with 1, frees 92
                #5 closed Cancelled with 1, frees 93
                market 1 bid 92: 0
                market 1 bid 93: 0
            cancel-all A1
                #6 closed Cancelled with 1, frees 92
                bid 92: 0
        "#]],
    );
}

#[test]
fn reducing_keeps_the_place() {
    check_open(
        "",
        "
            place A1 bid 5 @ 90
            place A2 bid 5 @ 90
            reduce A1 #1 2
            reduce A1 #1 2
            reduce A1 #1 0
            place A3 ask 3 @ 90
        ",
        expect![[r#"
            place A1 bid 5 @ 90
                #1 accepted @ 90, holds 450
                #1 rests 5 @ 90
                bid 90: 5
            place A2 bid 5 @ 90
                #2 accepted @ 90, holds 450
                #2 rests 5 @ 90
                bid 90: 10
            reduce A1 #1 2
                #1 reduced to 2, frees 270
                bid 90: 7
            reduce A1 #1 2
                refused: NotSmaller { remaining: Lots(2) }
            reduce A1 #1 0
                refused: NotSmaller { remaining: Lots(2) }
            place A3 ask 3 @ 90
                #3 accepted @ 90, holds 3
                fill 1: #1 buys 2 @ 90 from #3
                #1 closed Filled
                fill 2: #2 buys 1 @ 90 from #3
                #3 closed Filled
                bid 90: 4
        "#]],
    );
}

/// Also of a partly filled order; the quantity counts what was filled.
#[test]
fn an_amendment_that_shrinks_keeps_the_place() {
    check_open(
        "",
        "
            place A1 bid 5 @ 90 nonce=7
            place A2 bid 5 @ 90
            place A3 ask 1 @ 90
            amend A1 bid 4 @ 90 nonce=7 cid=new
            amend A1 bid 1 @ 90 nonce=7
            cancel A1 cid=nothing
            place A3 ask 4 @ 90
        ",
        expect![[r#"
            place A1 bid 5 @ 90 nonce=7
                #1 accepted @ 90, holds 450
                #1 rests 5 @ 90
                bid 90: 5
            place A2 bid 5 @ 90
                #2 accepted @ 90, holds 450
                #2 rests 5 @ 90
                bid 90: 10
            place A3 ask 1 @ 90
                #3 accepted @ 90, holds 1
                fill 1: #1 buys 1 @ 90 from #3
                #3 closed Filled
                bid 90: 9
            amend A1 bid 4 @ 90 nonce=7 cid=new
                #1 reduced to 3, frees 90
                bid 90: 8
            amend A1 bid 1 @ 90 nonce=7
                refused: AmendmentMismatch { problem: Quantity }
            cancel A1 cid=nothing
                refused: UnknownOrder
            place A3 ask 4 @ 90
                #4 accepted @ 90, holds 4
                fill 2: #1 buys 3 @ 90 from #4
                #1 closed Filled
                fill 3: #2 buys 1 @ 90 from #4
                #4 closed Filled
                bid 90: 4
        "#]],
    );
}

#[test]
fn other_amendments_come_in_anew() {
    check_open(
        "",
        "
            place A1 bid 5 @ 90 nonce=7 cid=a
            place A2 bid 5 @ 90
            amend A1 bid 6 @ 90 nonce=7
            place A3 ask 3 @ 95 nonce=8
            amend A1 bid 6 @ 95 nonce=7
            amend A3 ask 3 @ 96 nonce=8
            amend A1 bid 6 @ 96 nonce=7 post
            amend A1 bid 6 @ 96 nonce=7 fok
            amend A1 bid 5 @ 97 nonce=7 ioc
        ",
        expect![[r#"
            place A1 bid 5 @ 90 nonce=7 cid=a
                #1 accepted @ 90, holds 450
                #1 rests 5 @ 90
                bid 90: 5
            place A2 bid 5 @ 90
                #2 accepted @ 90, holds 450
                #2 rests 5 @ 90
                bid 90: 10
            amend A1 bid 6 @ 90 nonce=7
                #1 amended 6 @ 90, frees 450, holds 540
                #1 rests 6 @ 90
                bid 90: 11
            place A3 ask 3 @ 95 nonce=8
                #3 accepted @ 95, holds 3
                #3 rests 3 @ 95
                ask 95: 3
            amend A1 bid 6 @ 95 nonce=7
                #1 amended 6 @ 95, frees 540, holds 570
                fill 1: #1 buys 3 @ 95 from #3
                #3 closed Filled
                #1 rests 3 @ 95
                bid 90: 5
                bid 95: 3
                ask 95: 0
            amend A3 ask 3 @ 96 nonce=8
                refused: UnknownOrder
            amend A1 bid 6 @ 96 nonce=7 post
                #1 amended 3 @ 96, frees 285, holds 288
                #1 rests 3 @ 96
                bid 95: 0
                bid 96: 3
            amend A1 bid 6 @ 96 nonce=7 fok
                refused: CannotFill
            amend A1 bid 5 @ 97 nonce=7 ioc
                #1 amended 2 @ 97, frees 288, holds 194
                #1 closed NotFilled with 2, frees 194
                bid 96: 0
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

/// All or none; the earlier ones leave first.
#[test]
fn quotes() {
    check_open(
        "",
        "
            quote A1 bid 5 @ 99 / ask 5 @ 101
            quote A1 bid 5 @ 100 / ask 5 @ 102
            place A1 bid 1 @ 98
            quote A1 bid 5 @ 102 / ask 5 @ 103
            quote A1 bid 5 @ 100 / ask 5 @ 100
            place A2 ask 1 @ 101
            quote A1 bid 5 @ 101 / ask 5 @ 102
            quote A1 bid 5 @ 101 slide / ask 5 @ 101 slide
            quote A1
        ",
        expect![[r#"
            quote A1 bid 5 @ 99 / ask 5 @ 101
                #1 accepted @ 99, holds 495
                #1 rests 5 @ 99
                #2 accepted @ 101, holds 5
                #2 rests 5 @ 101
                bid 99: 5
                ask 101: 5
            quote A1 bid 5 @ 100 / ask 5 @ 102
                #1 closed Requoted with 5, frees 495
                #2 closed Requoted with 5, frees 5
                #3 accepted @ 100, holds 500
                #3 rests 5 @ 100
                #4 accepted @ 102, holds 5
                #4 rests 5 @ 102
                bid 99: 0
                bid 100: 5
                ask 101: 0
                ask 102: 5
            place A1 bid 1 @ 98
                #5 accepted @ 98, holds 98
                #5 rests 1 @ 98
                bid 98: 1
            quote A1 bid 5 @ 102 / ask 5 @ 103
                #3 closed Requoted with 5, frees 500
                #4 closed Requoted with 5, frees 5
                #6 accepted @ 102, holds 510
                #6 rests 5 @ 102
                #7 accepted @ 103, holds 5
                #7 rests 5 @ 103
                bid 100: 0
                bid 102: 5
                ask 102: 0
                ask 103: 5
            quote A1 bid 5 @ 100 / ask 5 @ 100
                refused: WouldTake
            place A2 ask 1 @ 101
                #8 accepted @ 101, holds 1
                fill 1: #6 buys 1 @ 102 from #8
                #8 closed Filled
                bid 102: 4
            quote A1 bid 5 @ 101 / ask 5 @ 102
                #6 closed Requoted with 4, frees 408
                #7 closed Requoted with 5, frees 5
                #9 accepted @ 101, holds 505
                #9 rests 5 @ 101
                #10 accepted @ 102, holds 5
                #10 rests 5 @ 102
                bid 101: 5
                bid 102: 0
                ask 102: 5
                ask 103: 0
            quote A1 bid 5 @ 101 slide / ask 5 @ 101 slide
                #9 closed Requoted with 5, frees 505
                #10 closed Requoted with 5, frees 5
                #11 accepted @ 101, holds 505
                #11 rests 5 @ 101
                #12 accepted @ 102, holds 5
                #12 rests 5 @ 102
            quote A1
                #11 closed Requoted with 5, frees 505
                #12 closed Requoted with 5, frees 5
                bid 101: 0
                ask 102: 0
        "#]],
    );
}

#[test]
fn the_dead_man() {
    check_open(
        "",
        "
            deadman A1 30
            place A1 bid 1 @ 90
            place A2 bid 1 @ 90
            at 80
            deadman A1 30
            at 109
            tick
            at 110
            tick
            deadman A2 10
            deadman A2 0
        ",
        expect![[r#"
            deadman A1 30
                A1 dead man at 90
            place A1 bid 1 @ 90
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            place A2 bid 1 @ 90
                #2 accepted @ 90, holds 90
                #2 rests 1 @ 90
                bid 90: 2
            at 80
            deadman A1 30
                A1 dead man at 110
            at 109
            tick
            at 110
            tick
                #1 closed DeadMan with 1, frees 90
                A1 dead man off
                bid 90: 1
            deadman A2 10
                A2 dead man at 120
            deadman A2 0
                A2 dead man off
        "#]],
    );
}

/// By expiry, then by id.
#[test]
fn expiries() {
    check_open(
        "",
        "
            place A1 bid 1 @ 90 until=80
            place A1 bid 1 @ 91 until=75
            place A2 bid 1 @ 92 until=80
            place A2 bid 1 @ 93 until=81
            at 80
            tick
        ",
        expect![[r#"
            place A1 bid 1 @ 90 until=80
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            place A1 bid 1 @ 91 until=75
                #2 accepted @ 91, holds 91
                #2 rests 1 @ 91
                bid 91: 1
            place A2 bid 1 @ 92 until=80
                #3 accepted @ 92, holds 92
                #3 rests 1 @ 92
                bid 92: 1
            place A2 bid 1 @ 93 until=81
                #4 accepted @ 93, holds 93
                #4 rests 1 @ 93
                bid 93: 1
            at 80
            tick
                #2 closed Expired with 1, frees 91
                #1 closed Expired with 1, frees 90
                #3 closed Expired with 1, frees 92
                bid 90: 0
                bid 91: 0
                bid 92: 0
        "#]],
    );
}
