//! What orders can be told, and what ends them.

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
