//! Orders that meet.

use expect_test::expect;

use super::check_open;

/// The best price first, then the oldest order; a better price than the limit frees what was held.
#[test]
fn price_then_time() {
    check_open(
        "",
        "
            place A1 ask 4 @ 101
            place A2 ask 4 @ 100
            place A2 ask 4 @ 101
            place A3 bid 10 @ 102
            place A3 bid 3 @ 101 ioc
            balances A3
        ",
        expect![[r#"
            place A1 ask 4 @ 101
                #1 accepted @ 101, holds 4
                #1 rests 4 @ 101
                ask 101: 4
            place A2 ask 4 @ 100
                #2 accepted @ 100, holds 4
                #2 rests 4 @ 100
                ask 100: 4
            place A2 ask 4 @ 101
                #3 accepted @ 101, holds 4
                #3 rests 4 @ 101
                ask 101: 8
            place A3 bid 10 @ 102
                #4 accepted @ 102, holds 1020
                fill 1: #4 buys 4 @ 100 from #2, freed 8
                #2 closed Filled
                fill 2: #4 buys 4 @ 101 from #1, freed 4
                #1 closed Filled
                fill 3: #4 buys 2 @ 101 from #3, freed 2
                #4 closed Filled
                ask 100: 0
                ask 101: 2
            place A3 bid 3 @ 101 ioc
                #5 accepted @ 101, holds 303
                fill 4: #5 buys 2 @ 101 from #3
                #3 closed Filled
                #5 closed NotFilled with 1, frees 101
                ask 101: 0
            balances A3
                shares 0: 1012 available, 12 coming, 1000 withdrawable
                usd: 98792 available, 1208 going, 98792 withdrawable
        "#]],
    );
}

/// Maker 0.1%, taker 0.25%, royalty 1%.
#[test]
fn fees_round_down_and_royalties_come_out_of_the_proceeds() {
    check_open(
        "maker=1000 taker=2500 royalty=10000",
        "
            place A1 ask 7 @ 199
            place A2 bid 5 @ 200
            place A2 bid 2 @ 199 market ioc
            balances A1
            balances A2
            balances fees
            balances royalty
            settled 2
            balances A1
        ",
        expect![[r#"
            place A1 ask 7 @ 199
                #1 accepted @ 199, holds 7
                #1 rests 7 @ 199
                ask 199: 7
            place A2 bid 5 @ 200
                #2 accepted @ 200, holds 1002
                fill 1: #2 buys 5 @ 199 from #1, buyer's fee 2, royalty 9, freed 5
                #2 closed Filled
                ask 199: 2
            place A2 bid 2 @ 199 market ioc
                #3 accepted @ 199, holds 398
                fill 2: #3 buys 2 @ 199 from #1, royalty 3
                #1 closed Filled
                #3 closed Filled
                ask 199: 0
            balances A1
                shares 0: 993 available, 7 going, 993 withdrawable
                usd: 101381 available, 1381 coming, 100000 withdrawable
            balances A2
                shares 0: 1007 available, 7 coming, 1000 withdrawable
                usd: 98605 available, 1395 going, 98605 withdrawable
            balances fees
                usd: 2 available, 2 coming
            balances royalty
                usd: 12 available, 12 coming
            settled 2
                settled through 2
            balances A1
                shares 0: 993 available, 993 withdrawable
                usd: 101381 available, 101381 withdrawable
        "#]],
    );
}

#[test]
fn immediate_orders_never_rest() {
    check_open(
        "",
        "
            place A1 ask 4 @ 101
            place A2 bid 6 @ 101 ioc
            place A1 ask 4 @ 101
            place A2 bid 5 @ 101 fok
            place A2 bid 4 @ 105 fok
            place A2 bid 1 @ 105 market ioc
        ",
        expect![[r#"
            place A1 ask 4 @ 101
                #1 accepted @ 101, holds 4
                #1 rests 4 @ 101
                ask 101: 4
            place A2 bid 6 @ 101 ioc
                #2 accepted @ 101, holds 606
                fill 1: #2 buys 4 @ 101 from #1
                #1 closed Filled
                #2 closed NotFilled with 2, frees 202
                ask 101: 0
            place A1 ask 4 @ 101
                #3 accepted @ 101, holds 4
                #3 rests 4 @ 101
                ask 101: 4
            place A2 bid 5 @ 101 fok
                refused: CannotFill
            place A2 bid 4 @ 105 fok
                #4 accepted @ 105, holds 420
                fill 2: #4 buys 4 @ 101 from #3, freed 16
                #3 closed Filled
                #4 closed Filled
                ask 101: 0
            place A2 bid 1 @ 105 market ioc
                #5 accepted @ 105, holds 105
                #5 closed NotFilled with 1, frees 105
        "#]],
    );
}

/// Its own order, the band and a maker's fee cap are in its way; an expired maker is not.
#[test]
fn fill_or_kill_counts_nothing_but_fills() {
    check_open(
        "band=50000",
        "
            place A1 ask 2 @ 100 until=70
            place A2 ask 2 @ 100
            place A3 ask 2 @ 100
            at 70
            place A2 bid 4 @ 100 fok self=maker
            place A1 bid 4 @ 100 fok
            place A1 ask 5 @ 104 show=1
            place A3 bid 5 @ 104 fok
            place A1 ask 1 @ 106
            place A3 bid 1 @ 105 fok
            place A1 ask 5 @ 104 cap=0
            rules m1 royalty=10000 band=50000
            place A3 bid 5 @ 104 fok
            place A3 bid 5 @ 104
        ",
        expect![[r#"
            place A1 ask 2 @ 100 until=70
                #1 accepted @ 100, holds 2
                #1 rests 2 @ 100
                ask 100: 2
            place A2 ask 2 @ 100
                #2 accepted @ 100, holds 2
                #2 rests 2 @ 100
                ask 100: 4
            place A3 ask 2 @ 100
                #3 accepted @ 100, holds 2
                #3 rests 2 @ 100
                ask 100: 6
            at 70
            place A2 bid 4 @ 100 fok self=maker
                refused: CannotFill
            place A1 bid 4 @ 100 fok
                #4 accepted @ 100, holds 400
                #1 closed Expired with 2, frees 2
                fill 1: #4 buys 2 @ 100 from #2
                #2 closed Filled
                fill 2: #4 buys 2 @ 100 from #3
                #3 closed Filled
                #4 closed Filled
                ask 100: 0
            place A1 ask 5 @ 104 show=1
                #5 accepted @ 104, holds 5
                #5 rests 5 @ 104
                ask 104: 1
            place A3 bid 5 @ 104 fok
                #6 accepted @ 104, holds 520
                fill 3: #6 buys 1 @ 104 from #5
                fill 4: #6 buys 1 @ 104 from #5
                fill 5: #6 buys 1 @ 104 from #5
                fill 6: #6 buys 1 @ 104 from #5
                fill 7: #6 buys 1 @ 104 from #5
                #5 closed Filled
                #6 closed Filled
                ask 104: 0
            place A1 ask 1 @ 106
                #7 accepted @ 106, holds 1
                #7 rests 1 @ 106
                ask 106: 1
            place A3 bid 1 @ 105 fok
                refused: CannotFill
            place A1 ask 5 @ 104 cap=0
                #8 accepted @ 104, holds 5
                #8 rests 5 @ 104
                ask 104: 5
            rules m1 royalty=10000 band=50000
                market 0 has other rules
            place A3 bid 5 @ 104 fok
                refused: CannotFill
            place A3 bid 5 @ 104
                #9 accepted @ 104, holds 520
                #8 closed FeeCapReached with 5, frees 5
                #9 rests 5 @ 104
                bid 104: 5
                ask 104: 0
        "#]],
    );
}

#[test]
fn icebergs_go_to_the_back() {
    check_open(
        "",
        "
            place A1 ask 10 @ 100 show=2
            place A2 ask 3 @ 100
            place A3 bid 4 @ 100
            place A3 bid 8 @ 100
            reduce A1 #1 1
        ",
        expect![[r#"
            place A1 ask 10 @ 100 show=2
                #1 accepted @ 100, holds 10
                #1 rests 10 @ 100
                ask 100: 2
            place A2 ask 3 @ 100
                #2 accepted @ 100, holds 3
                #2 rests 3 @ 100
                ask 100: 5
            place A3 bid 4 @ 100
                #3 accepted @ 100, holds 400
                fill 1: #3 buys 2 @ 100 from #1
                fill 2: #3 buys 2 @ 100 from #2
                #3 closed Filled
                ask 100: 3
            place A3 bid 8 @ 100
                #4 accepted @ 100, holds 800
                fill 3: #4 buys 1 @ 100 from #2
                #2 closed Filled
                fill 4: #4 buys 2 @ 100 from #1
                fill 5: #4 buys 2 @ 100 from #1
                fill 6: #4 buys 2 @ 100 from #1
                fill 7: #4 buys 1 @ 100 from #1
                #4 closed Filled
                ask 100: 1
            reduce A1 #1 1
                refused: NotSmaller { remaining: Lots(1) }
        "#]],
    );
}

/// The taker's choice counts.
#[test]
fn self_trades() {
    check_open(
        "",
        "
            place A1 ask 3 @ 100
            place A1 bid 5 @ 100
            place A1 bid 5 @ 100 self=maker
            place A1 ask 2 @ 100 self=both
            place A1 ask 6 @ 100
            place A1 bid 4 @ 100 self=decrement
            place A1 bid 9 @ 100 self=decrement
        ",
        expect![[r#"
            place A1 ask 3 @ 100
                #1 accepted @ 100, holds 3
                #1 rests 3 @ 100
                ask 100: 3
            place A1 bid 5 @ 100
                #2 accepted @ 100, holds 500
                #2 closed SelfTrade with 5, frees 500
            place A1 bid 5 @ 100 self=maker
                #3 accepted @ 100, holds 500
                #1 closed SelfTrade with 3, frees 3
                #3 rests 5 @ 100
                bid 100: 5
                ask 100: 0
            place A1 ask 2 @ 100 self=both
                #4 accepted @ 100, holds 2
                #3 closed SelfTrade with 5, frees 500
                #4 closed SelfTrade with 2, frees 2
                bid 100: 0
            place A1 ask 6 @ 100
                #5 accepted @ 100, holds 6
                #5 rests 6 @ 100
                ask 100: 6
            place A1 bid 4 @ 100 self=decrement
                #6 accepted @ 100, holds 400
                #5 reduced to 2, frees 4
                #6 closed SelfTrade with 4, frees 400
                ask 100: 2
            place A1 bid 9 @ 100 self=decrement
                #7 accepted @ 100, holds 900
                #5 closed SelfTrade with 2, frees 2
                #7 reduced to 7, frees 200
                #7 rests 7 @ 100
                bid 100: 7
                ask 100: 0
        "#]],
    );
}

#[test]
fn an_iceberg_decrements_from_its_hidden_part() {
    check_open(
        "",
        "
            place A1 ask 10 @ 100 show=4
            place A1 bid 3 @ 100 self=decrement
            place A1 bid 5 @ 100 self=decrement
        ",
        expect![[r#"
            place A1 ask 10 @ 100 show=4
                #1 accepted @ 100, holds 10
                #1 rests 10 @ 100
                ask 100: 4
            place A1 bid 3 @ 100 self=decrement
                #2 accepted @ 100, holds 300
                #1 reduced to 7, frees 3
                #2 closed SelfTrade with 3, frees 300
            place A1 bid 5 @ 100 self=decrement
                #3 accepted @ 100, holds 500
                #1 reduced to 2, frees 5
                #3 closed SelfTrade with 5, frees 500
                ask 100: 2
        "#]],
    );
}

#[test]
fn expired_makers_close_when_they_are_met() {
    check_open(
        "",
        "
            place A1 ask 3 @ 100 until=90
            place A2 ask 3 @ 100
            at 90
            place A3 bid 3 @ 100
        ",
        expect![[r#"
            place A1 ask 3 @ 100 until=90
                #1 accepted @ 100, holds 3
                #1 rests 3 @ 100
                ask 100: 3
            place A2 ask 3 @ 100
                #2 accepted @ 100, holds 3
                #2 rests 3 @ 100
                ask 100: 6
            at 90
            place A3 bid 3 @ 100
                #3 accepted @ 100, holds 300
                #1 closed Expired with 3, frees 3
                fill 1: #3 buys 3 @ 100 from #2
                #2 closed Filled
                #3 closed Filled
                ask 100: 0
        "#]],
    );
}

/// Only stops may have limits beyond the band. What is left of a limit order rests, and crosses when the auction ends.
#[test]
fn leaving_the_band_starts_an_auction() {
    check_open(
        "band=50000",
        "
            place A1 ask 2 @ 101
            place A1 ask 3 @ 108
            place A1 ask 3 @ 94
            place A2 bid 5 @ 110 stop-limit=101
            place A3 bid 1 @ 101
            place A3 bid 1 @ 101
            at 120
            tick
        ",
        expect![[r#"
            place A1 ask 2 @ 101
                #1 accepted @ 101, holds 2
                #1 rests 2 @ 101
                ask 101: 2
            place A1 ask 3 @ 108
                #2 accepted @ 108, holds 3
                #2 rests 3 @ 108
                ask 108: 3
            place A1 ask 3 @ 94
                refused: PriceOutsideBand { low: Ticks(95), high: Ticks(105) }
            place A2 bid 5 @ 110 stop-limit=101
                #3 accepted @ 110, holds 550
            place A3 bid 1 @ 101
                #4 accepted @ 101, holds 101
                fill 1: #4 buys 1 @ 101 from #1
                #4 closed Filled
                #3 triggered
                fill 2: #3 buys 1 @ 101 from #1, freed 9
                #1 closed Filled
                market 0 Auction (Band) until 120
                #3 rests 4 @ 110
                bid 110: 4
                ask 101: 0
            place A3 bid 1 @ 101
                #5 accepted @ 101, holds 101
                #5 rests 1 @ 101
                bid 101: 1
            at 120
            tick
                auction crosses 3 @ 108
                fill 3: #3 buys 3 @ 108 from #2, freed 6
                #2 closed Filled
                market 0 Open (AuctionOver)
                bid 110: 1
                ask 108: 0
        "#]],
    );
}

/// The stop that comes next waits for the auction, and leaves the band again.
#[test]
fn leaving_the_band_closes_what_does_not_rest() {
    check_open(
        "band=50000",
        "
            place A1 ask 1 @ 101
            place A1 ask 3 @ 108
            place A2 bid 2 @ 110 stop=101 ioc
            place A2 bid 2 @ 109 stop=101 ioc
            place A3 bid 1 @ 101
            at 119
            tick
            at 120
            tick
        ",
        expect![[r#"
            place A1 ask 1 @ 101
                #1 accepted @ 101, holds 1
                #1 rests 1 @ 101
                ask 101: 1
            place A1 ask 3 @ 108
                #2 accepted @ 108, holds 3
                #2 rests 3 @ 108
                ask 108: 3
            place A2 bid 2 @ 110 stop=101 ioc
                #3 accepted @ 110, holds 220
            place A2 bid 2 @ 109 stop=101 ioc
                #4 accepted @ 109, holds 218
            place A3 bid 1 @ 101
                #5 accepted @ 101, holds 101
                fill 1: #5 buys 1 @ 101 from #1
                #1 closed Filled
                #5 closed Filled
                #3 triggered
                market 0 Auction (Band) until 120
                #3 closed Band with 2, frees 220
                ask 101: 0
            at 119
            tick
            at 120
            tick
                auction crosses 0 @ 101
                market 0 Open (AuctionOver)
                #4 triggered
                market 0 Auction (Band) until 180
                #4 closed Band with 2, frees 218
        "#]],
    );
}

/// A seller whose price is bettered pays more than its limit would have cost; makers close before takers.
#[test]
fn a_fee_cap_stops_the_fill_that_would_pass_it() {
    check_open(
        "maker=10000 taker=10000",
        "
            place A1 bid 10 @ 200
            place A2 ask 10 @ 100 cap=10
            place A2 ask 10 @ 100 cap=20
            rules m1 maker=20000 taker=20000
            place A1 ask 10 @ 300 cap=60
            rules m1 maker=50000 taker=20000
            place A3 bid 10 @ 300
        ",
        expect![[r#"
            place A1 bid 10 @ 200
                #1 accepted @ 200, holds 2020
                #1 rests 10 @ 200
                bid 200: 10
            place A2 ask 10 @ 100 cap=10
                #2 accepted @ 100, holds 10
                #2 closed FeeCapReached with 10, frees 10
            place A2 ask 10 @ 100 cap=20
                #3 accepted @ 100, holds 10
                fill 1: #1 buys 10 @ 200 from #3, buyer's fee 20, seller's fee 20
                #1 closed Filled
                #3 closed Filled
                bid 200: 0
            rules m1 maker=20000 taker=20000
                market 0 has other rules
            place A1 ask 10 @ 300 cap=60
                #4 accepted @ 300, holds 10
                #4 rests 10 @ 300
                ask 300: 10
            rules m1 maker=50000 taker=20000
                market 0 has other rules
            place A3 bid 10 @ 300
                #5 accepted @ 300, holds 3150
                fill 2: #5 buys 10 @ 300 from #4, buyer's fee 60, seller's fee 60, freed 90
                #4 closed Filled
                #5 closed Filled
                ask 300: 0
        "#]],
    );
}

/// An order pays at most the rate that its hold was made for.
#[test]
fn fees_that_rise_later_do_not_touch_open_orders() {
    check_open(
        "maker=10000 taker=10000",
        "
            place A1 bid 10 @ 100
            rules m1 maker=50000 taker=50000
            place A2 ask 10 @ 100
            balances A1
        ",
        expect![[r#"
            place A1 bid 10 @ 100
                #1 accepted @ 100, holds 1010
                #1 rests 10 @ 100
                bid 100: 10
            rules m1 maker=50000 taker=50000
                market 0 has other rules
            place A2 ask 10 @ 100
                #2 accepted @ 100, holds 10
                fill 1: #1 buys 10 @ 100 from #2, buyer's fee 10, seller's fee 50
                #1 closed Filled
                #2 closed Filled
                bid 100: 0
            balances A1
                shares 0: 1010 available, 10 coming, 1000 withdrawable
                usd: 98990 available, 1010 going, 98990 withdrawable
        "#]],
    );
}
