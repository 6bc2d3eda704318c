//! Auctions and market states.

use expect_test::expect;

use super::{check, check_open};

#[test]
fn the_price_that_fills_most() {
    check(
        "
            open
            list m1 maker=1000
            deposit A1 100000 usd
            deposit A2 1000 m1
            deposit A3 1000 m1
            place A1 bid 10 @ 105 post
            place A1 bid 10 @ 103
            place A2 ask 8 @ 101
            place A3 ask 7 @ 102
            place A3 ask 9 @ 104
            place A1 bid 1 @ 105 ioc
            state m1 open
            state m1 auction
            at 59
            tick
            at 60
            tick
        ",
        expect![[r#"
            open
            list m1 maker=1000
            deposit A1 100000 usd
                A1 opened
                A1 +100000 usd (deposit)
            deposit A2 1000 m1
                A2 opened
                A2 +1000 shares 0 (deposit)
            deposit A3 1000 m1
                A3 opened
                A3 +1000 shares 0 (deposit)
            place A1 bid 10 @ 105 post
                #1 accepted @ 105, holds 1051
                #1 rests 10 @ 105
                bid 105: 10
            place A1 bid 10 @ 103
                #2 accepted @ 103, holds 1031
                #2 rests 10 @ 103
                bid 103: 10
            place A2 ask 8 @ 101
                #3 accepted @ 101, holds 8
                #3 rests 8 @ 101
                ask 101: 8
            place A3 ask 7 @ 102
                #4 accepted @ 102, holds 7
                #4 rests 7 @ 102
                ask 102: 7
            place A3 ask 9 @ 104
                #5 accepted @ 104, holds 9
                #5 rests 9 @ 104
                ask 104: 9
            place A1 bid 1 @ 105 ioc
                refused: InvalidInstructions { problem: ImmediateInAuction }
            state m1 open
                refused: StateNotReachable { from: PreOpen, to: Open }
            state m1 auction
                market 0 Auction (Operator) until 60
            at 59
            tick
            at 60
            tick
                auction crosses 15 @ 102
                fill 1: #1 buys 8 @ 102 from #3, freed 25
                #3 closed Filled
                fill 2: #1 buys 2 @ 102 from #4, freed 6
                #1 closed Filled
                fill 3: #2 buys 5 @ 102 from #4, freed 6
                #4 closed Filled
                market 0 Open (AuctionOver)
                bid 103: 5
                bid 105: 0
                ask 101: 0
                ask 102: 0
        "#]],
    );
}

/// Least left over, then nearest to the last price, then lowest.
#[test]
fn ties() {
    check(
        "
            open
            list m1 ref=100
            deposit A1 100000 usd
            deposit A2 1000 m1
            place A1 bid 5 @ 110
            place A2 ask 5 @ 96
            state m1 auction
            at 60
            tick
            place A1 bid 5 @ 98
            state m1 auction
            place A2 ask 5 @ 94
            at 120
            tick
        ",
        expect![[r#"
            open
            list m1 ref=100
            deposit A1 100000 usd
                A1 opened
                A1 +100000 usd (deposit)
            deposit A2 1000 m1
                A2 opened
                A2 +1000 shares 0 (deposit)
            place A1 bid 5 @ 110
                #1 accepted @ 110, holds 550
                #1 rests 5 @ 110
                bid 110: 5
            place A2 ask 5 @ 96
                #2 accepted @ 96, holds 5
                #2 rests 5 @ 96
                ask 96: 5
            state m1 auction
                market 0 Auction (Operator) until 60
            at 60
            tick
                auction crosses 5 @ 96
                fill 1: #1 buys 5 @ 96 from #2, freed 70
                #1 closed Filled
                #2 closed Filled
                market 0 Open (AuctionOver)
                bid 110: 0
                ask 96: 0
            place A1 bid 5 @ 98
                #3 accepted @ 98, holds 490
                #3 rests 5 @ 98
                bid 98: 5
            state m1 auction
                market 0 Auction (Operator) until 120
            place A2 ask 5 @ 94
                #4 accepted @ 94, holds 5
                #4 rests 5 @ 94
                ask 94: 5
            at 120
            tick
                auction crosses 5 @ 94
                fill 2: #3 buys 5 @ 94 from #4, freed 20
                #3 closed Filled
                #4 closed Filled
                market 0 Open (AuctionOver)
                bid 98: 0
                ask 94: 0
        "#]],
    );
}

/// The younger order closes; an iceberg fills in its place.
#[test]
fn self_trades_and_icebergs() {
    check(
        "
            open
            list m1
            deposit A1 100000 usd
            deposit A1 1000 m1
            deposit A2 100000 usd
            deposit A3 1000 m1
            place A1 bid 5 @ 100
            place A2 bid 9 @ 100 show=2
            place A1 ask 3 @ 99
            place A3 ask 8 @ 99 show=1
            state m1 auction
            at 60
            tick
        ",
        expect![[r#"
            open
            list m1
            deposit A1 100000 usd
                A1 opened
                A1 +100000 usd (deposit)
            deposit A1 1000 m1
                A1 +1000 shares 0 (deposit)
            deposit A2 100000 usd
                A2 opened
                A2 +100000 usd (deposit)
            deposit A3 1000 m1
                A3 opened
                A3 +1000 shares 0 (deposit)
            place A1 bid 5 @ 100
                #1 accepted @ 100, holds 500
                #1 rests 5 @ 100
                bid 100: 5
            place A2 bid 9 @ 100 show=2
                #2 accepted @ 100, holds 900
                #2 rests 9 @ 100
                bid 100: 7
            place A1 ask 3 @ 99
                #3 accepted @ 99, holds 3
                #3 rests 3 @ 99
                ask 99: 3
            place A3 ask 8 @ 99 show=1
                #4 accepted @ 99, holds 8
                #4 rests 8 @ 99
                ask 99: 4
            state m1 auction
                market 0 Auction (Operator) until 60
            at 60
            tick
                auction crosses 11 @ 100
                #3 closed SelfTrade with 3, frees 3
                fill 1: #1 buys 5 @ 100 from #4
                #1 closed Filled
                fill 2: #2 buys 3 @ 100 from #4
                #4 closed Filled
                market 0 Open (AuctionOver)
                bid 100: 2
                ask 99: 0
        "#]],
    );
}

/// The older of two that are stopped closes first.
#[test]
fn fee_caps() {
    check(
        "
            open
            list m1 maker=10000
            deposit A1 100000 usd
            deposit A2 1000 m1
            place A1 bid 10 @ 100
            place A2 ask 10 @ 90 cap=9
            state m1 auction
            at 60
            tick
        ",
        expect![[r#"
            open
            list m1 maker=10000
            deposit A1 100000 usd
                A1 opened
                A1 +100000 usd (deposit)
            deposit A2 1000 m1
                A2 opened
                A2 +1000 shares 0 (deposit)
            place A1 bid 10 @ 100
                #1 accepted @ 100, holds 1010
                #1 rests 10 @ 100
                bid 100: 10
            place A2 ask 10 @ 90 cap=9
                #2 accepted @ 90, holds 10
                #2 rests 10 @ 90
                ask 90: 10
            state m1 auction
                market 0 Auction (Operator) until 60
            at 60
            tick
                auction crosses 10 @ 100
                #2 closed FeeCapReached with 10, frees 10
                market 0 Open (AuctionOver)
                ask 90: 0
        "#]],
    );
}

/// With nothing crossed the last price stays.
#[test]
fn stops_trigger_after_the_crossing() {
    check_open(
        "",
        "
            state m1 auction
            place A1 bid 2 @ 103
            place A2 ask 1 @ 102
            place A3 bid 1 @ 110 stop=103 ioc
            place A3 ask 1 @ 100 stop=103 ioc
            at 120
            tick
            state m1 auction
            at 180
            tick
        ",
        expect![[r#"
            state m1 auction
                market 0 Auction (Operator) until 120
            place A1 bid 2 @ 103
                #1 accepted @ 103, holds 206
                #1 rests 2 @ 103
                bid 103: 2
            place A2 ask 1 @ 102
                #2 accepted @ 102, holds 1
                #2 rests 1 @ 102
                ask 102: 1
            place A3 bid 1 @ 110 stop=103 ioc
                #3 accepted @ 110, holds 110
            place A3 ask 1 @ 100 stop=103 ioc
                #4 accepted @ 100, holds 1
            at 120
            tick
                auction crosses 1 @ 102
                fill 1: #1 buys 1 @ 102 from #2, freed 1
                #2 closed Filled
                market 0 Open (AuctionOver)
                #4 triggered
                fill 2: #1 buys 1 @ 103 from #4
                #1 closed Filled
                #4 closed Filled
                #3 triggered
                #3 closed NotFilled with 1, frees 110
                bid 103: 0
                ask 102: 0
            state m1 auction
                market 0 Auction (Operator) until 180
            at 180
            tick
                auction crosses 0 @ 103
                market 0 Open (AuctionOver)
        "#]],
    );
}

#[test]
fn states() {
    check_open(
        "",
        "
            place A1 bid 1 @ 90
            state m1 pre_open
            state m1 open
            state m1 post_only
            place A2 ask 1 @ 90
            place A2 ask 1 @ 91 post
            place A1 bid 2 @ 90 stop-limit=120
            cancel A1 #1
            place A1 bid 1 @ 90 post
            state m1 halted
            place A2 ask 1 @ 91 post
            reduce A2 #2 1
            state m1 auction
            state m1 auction
            place A2 ask 1 @ 90
            state m1 halted
            state m1 open
            state m1 post_only
            state m1 closed
            state m1 auction
            place A1 bid 1 @ 90
            quote A1
        ",
        expect![[r#"
            place A1 bid 1 @ 90
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            state m1 pre_open
                refused: StateNotReachable { from: Open, to: PreOpen }
            state m1 open
                refused: StateNotReachable { from: Open, to: Open }
            state m1 post_only
                market 0 PostOnly (Operator)
            place A2 ask 1 @ 90
                refused: MarketNotTaking { state: PostOnly }
            place A2 ask 1 @ 91 post
                #2 accepted @ 91, holds 1
                #2 rests 1 @ 91
                ask 91: 1
            place A1 bid 2 @ 90 stop-limit=120
                refused: MarketNotTaking { state: PostOnly }
            cancel A1 #1
                #1 closed Cancelled with 1, frees 90
                bid 90: 0
            place A1 bid 1 @ 90 post
                #3 accepted @ 90, holds 90
                #3 rests 1 @ 90
                bid 90: 1
            state m1 halted
                market 0 Halted (Operator)
            place A2 ask 1 @ 91 post
                refused: MarketNotTaking { state: Halted }
            reduce A2 #2 1
                refused: NotSmaller { remaining: Lots(1) }
            state m1 auction
                market 0 Auction (Operator) until 120
            state m1 auction
                refused: StateNotReachable { from: Auction, to: Auction }
            place A2 ask 1 @ 90
                #4 accepted @ 90, holds 1
                #4 rests 1 @ 90
                ask 90: 1
            state m1 halted
                market 0 Halted (Operator)
            state m1 open
                refused: StateNotReachable { from: Halted, to: Open }
            state m1 post_only
                refused: StateNotReachable { from: Halted, to: PostOnly }
            state m1 closed
                market 0 Closed (Operator)
                #2 closed MarketClosed with 1, frees 1
                #3 closed MarketClosed with 1, frees 90
                #4 closed MarketClosed with 1, frees 1
                bid 90: 0
                ask 90: 0
                ask 91: 0
            state m1 auction
                refused: StateNotReachable { from: Closed, to: Auction }
            place A1 bid 1 @ 90
                refused: MarketNotTaking { state: Closed }
            quote A1
        "#]],
    );
}

/// Only those that shrink.
#[test]
fn amendments_in_a_halt() {
    check_open(
        "",
        "
            place A1 bid 5 @ 90 nonce=7
            state m1 halted
            amend A1 bid 6 @ 90 nonce=7
            amend A1 bid 4 @ 91 nonce=7
            amend A1 bid 4 @ 90 nonce=7
            state m1 post_only
            amend A1 bid 4 @ 91 nonce=7
            amend A1 bid 4 @ 91 nonce=7 post
        ",
        expect![[r#"
            place A1 bid 5 @ 90 nonce=7
                #1 accepted @ 90, holds 450
                #1 rests 5 @ 90
                bid 90: 5
            state m1 halted
                market 0 Halted (Operator)
            amend A1 bid 6 @ 90 nonce=7
                refused: MarketNotTaking { state: Halted }
            amend A1 bid 4 @ 91 nonce=7
                refused: MarketNotTaking { state: Halted }
            amend A1 bid 4 @ 90 nonce=7
                #1 reduced to 4, frees 90
                bid 90: 4
            state m1 post_only
                market 0 PostOnly (Operator)
            amend A1 bid 4 @ 91 nonce=7
                refused: MarketNotTaking { state: PostOnly }
            amend A1 bid 4 @ 91 nonce=7 post
                #1 amended 4 @ 91, frees 360, holds 364
                #1 rests 4 @ 91
                bid 90: 0
                bid 91: 4
        "#]],
    );
}

/// The settlement grace, 600 seconds here, before.
#[test]
fn a_licence_market_closes_before_its_series_ends() {
    check_open(
        "ends=1540",
        "
            place A1 bid 1 @ 90
            at 939
            tick
            at 940
            tick
        ",
        expect![[r#"
            place A1 bid 1 @ 90
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            at 939
            tick
            at 940
            tick
                market 0 Closed (SeriesEnds)
                #1 closed MarketClosed with 1, frees 90
                bid 90: 0
        "#]],
    );
}
