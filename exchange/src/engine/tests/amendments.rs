//! Orders that are made smaller, or signed anew.

use expect_test::expect;

use super::check_open;

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

/// More open orders than a market takes by now: what stands may stay, but is not signed anew.
#[test]
fn an_amendment_has_to_find_room() {
    check_open(
        "",
        "
            place A1 bid 5 @ 90 nonce=7
            place A1 bid 5 @ 91 nonce=8
            rules m1 room=2
            amend A1 bid 5 @ 92 nonce=7
            rules m1 room=1
            amend A1 bid 5 @ 93 nonce=7
        ",
        expect![[r#"
            place A1 bid 5 @ 90 nonce=7
                #1 accepted @ 90, holds 450
                #1 rests 5 @ 90
                bid 90: 5
            place A1 bid 5 @ 91 nonce=8
                #2 accepted @ 91, holds 455
                #2 rests 5 @ 91
                bid 91: 5
            rules m1 room=2
                market 0 has other rules
            amend A1 bid 5 @ 92 nonce=7
                #1 amended 5 @ 92, frees 450, holds 460
                #1 rests 5 @ 92
                bid 90: 0
                bid 92: 5
            rules m1 room=1
                market 0 has other rules
            amend A1 bid 5 @ 93 nonce=7
                refused: TooManyOpenOrders { limit: 1 }
        "#]],
    );
}

/// Time closes orders at ticks, and where takers meet them: until then an order whose time is over can be signed anew, and a preview says so.
#[test]
fn an_order_whose_time_is_over_is_amended_as_long_as_it_is_open() {
    check_open(
        "",
        "
            place A1 bid 5 @ 90 nonce=7 until=80
            at 90
            amend A1 bid 5 @ 91 nonce=7 until=100
        ",
        expect![[r#"
            place A1 bid 5 @ 90 nonce=7 until=80
                #1 accepted @ 90, holds 450
                #1 rests 5 @ 90
                bid 90: 5
            at 90
            amend A1 bid 5 @ 91 nonce=7 until=100
                #1 amended 5 @ 91, frees 450, holds 455
                #1 rests 5 @ 91
                bid 90: 0
                bid 91: 5
        "#]],
    );
}
