//! Every reason for refusal.

use expect_test::expect;

use super::{check, check_open};

#[test]
fn commands_need_an_open_group_and_a_new_position() {
    check(
        "
            tick
            open
            open
            tick
            again
        ",
        expect![[r#"
            tick
                refused: GroupNotOpen
            open
            open
                refused: GroupAlreadyOpen
            tick
            again
                refused: Duplicate
        "#]],
    );
}

#[test]
fn markets() {
    check_open(
        "",
        "
            list m1
            list m2 lot=0
            list m2 min=0
            list m2 min=5 max=4
            list m2 ref=0
            list m2 ref=2000000
            list m2 tick=9223372036854775807 top=18446744073709551615 max=1000
            list m2 max=1099511627776
            list m2 maker=30000 royalty=20001
            rules m1 taker=50001
            rules m2
            state m2 open
        ",
        expect![[r#"
            list m1
                refused: MarketAlreadyListed
            list m2 lot=0
                refused: InvalidMarket { problem: ZeroUnit }
            list m2 min=0
                refused: InvalidMarket { problem: LotBounds }
            list m2 min=5 max=4
                refused: InvalidMarket { problem: LotBounds }
            list m2 ref=0
                refused: InvalidMarket { problem: PriceBounds }
            list m2 ref=2000000
                refused: InvalidMarket { problem: PriceBounds }
            list m2 tick=9223372036854775807 top=18446744073709551615 max=1000
                refused: InvalidMarket { problem: TooLarge }
            list m2 max=1099511627776
                refused: InvalidMarket { problem: TooLarge }
            list m2 maker=30000 royalty=20001
                refused: InvalidMarket { problem: FeesTooHigh }
            rules m1 taker=50001
                refused: InvalidMarket { problem: FeesTooHigh }
            rules m2
                refused: UnknownMarket
            state m2 open
                refused: UnknownMarket
        "#]],
    );
}

#[test]
fn who() {
    check_open(
        "",
        "
            place A1 bid 1 @ 90 in=m2
            place A9 bid 1 @ 90
            place zero bid 1 @ 90
            deposit zero 5 usd
            place A1 bid 1 @ 90 by=A2
            cancel A9 #1
            cancel A1 #1
            cancel-all A9
            cancel-all A1 in=m9
            deadman A9 5
            withdraw A9 5 usd
            revoke A9 K
            exit-cancelled A9 1
        ",
        expect![[r#"
            place A1 bid 1 @ 90 in=m2
                refused: UnknownMarket
            place A9 bid 1 @ 90
                refused: UnknownAccount
            place zero bid 1 @ 90
                refused: UnknownAccount
            deposit zero 5 usd
                refused: UnknownAccount
            place A1 bid 1 @ 90 by=A2
                refused: SignerNotAuthorised
            cancel A9 #1
                refused: UnknownAccount
            cancel A1 #1
                refused: UnknownOrder
            cancel-all A9
                refused: UnknownAccount
            cancel-all A1 in=m9
                refused: UnknownMarket
            deadman A9 5
                refused: UnknownAccount
            withdraw A9 5 usd
                refused: UnknownAccount
            revoke A9 K
                refused: UnknownAccount
            exit-cancelled A9 1
                refused: UnknownAccount
        "#]],
    );
}

#[test]
fn instructions() {
    check_open(
        "",
        "
            place A1 bid 1 @ 90 market
            place A1 bid 1 @ 90 stop=95
            place A1 bid 1 @ 90 trigger=95
            place A1 bid 1 @ 90 stop=0 ioc
            place A1 bid 1 @ 90 post ioc
            place A1 bid 10 @ 90 show=2 ioc
            place A1 bid 10000 @ 90 show=9
            place A1 bid 1 @ 90 stop-limit=95 fok
            state m1 auction
            place A1 bid 1 @ 90 ioc
            quote A1 bid 1 @ 90 take
            quote A1 bid 1 @ 90 nonce=5 / bid 1 @ 91 nonce=5
            quote A1 bid 1 @ 90 cid=x / bid 1 @ 91 cid=x
        ",
        expect![[r#"
            place A1 bid 1 @ 90 market
                refused: InvalidInstructions { problem: MarketOrderRests }
            place A1 bid 1 @ 90 stop=95
                refused: InvalidInstructions { problem: MarketOrderRests }
            place A1 bid 1 @ 90 trigger=95
                refused: InvalidInstructions { problem: Trigger }
            place A1 bid 1 @ 90 stop=0 ioc
                refused: InvalidInstructions { problem: Trigger }
            place A1 bid 1 @ 90 post ioc
                refused: InvalidInstructions { problem: PostOnlyTakes }
            place A1 bid 10 @ 90 show=2 ioc
                refused: InvalidInstructions { problem: Display }
            place A1 bid 10000 @ 90 show=9
                refused: InvalidInstructions { problem: Display }
            place A1 bid 1 @ 90 stop-limit=95 fok
                refused: InvalidInstructions { problem: StopFillOrKill }
            state m1 auction
                market 0 Auction (Operator) until 120
            place A1 bid 1 @ 90 ioc
                refused: InvalidInstructions { problem: ImmediateInAuction }
            quote A1 bid 1 @ 90 take
                refused: InvalidInstructions { problem: Quote }
            quote A1 bid 1 @ 90 nonce=5 / bid 1 @ 91 nonce=5
                refused: InvalidInstructions { problem: Quote }
            quote A1 bid 1 @ 90 cid=x / bid 1 @ 91 cid=x
                refused: InvalidInstructions { problem: Quote }
        "#]],
    );
}

#[test]
fn numbers() {
    check_open(
        "",
        "
            list m2 lot=10 tick=25 min=2 max=100 top=400
            state m2 auction
            at 120
            tick
            place A1 bid 20 @ 26 in=m2
            place A1 bid 20 @ 0 in=m2
            place A1 bid 20 @ 2500 stop-limit=26 in=m2
            place A1 bid 20 @ 10025 in=m2
            place A1 bid 25 @ 2500 in=m2
            place A1 bid 10 @ 2500 in=m2
            place A1 bid 1010 @ 2500 in=m2
            place A1 bid 20 @ 2500 show=15 in=m2
        ",
        expect![[r#"
            list m2 lot=10 tick=25 min=2 max=100 top=400
            state m2 auction
                market 1 Auction (Operator) until 120
            at 120
            tick
                auction crosses 0 @ 100
                market 1 Open (AuctionOver)
            place A1 bid 20 @ 26 in=m2
                refused: PriceNotOnTick { tick_size: Amount(25) }
            place A1 bid 20 @ 0 in=m2
                refused: PriceNotOnTick { tick_size: Amount(25) }
            place A1 bid 20 @ 2500 stop-limit=26 in=m2
                refused: PriceNotOnTick { tick_size: Amount(25) }
            place A1 bid 20 @ 10025 in=m2
                refused: PriceTooHigh { max_price: Ticks(400) }
            place A1 bid 25 @ 2500 in=m2
                refused: QuantityNotOnLot { lot_size: Amount(10) }
            place A1 bid 10 @ 2500 in=m2
                refused: QuantityOutOfBounds { min_lots: Lots(2), max_lots: Lots(100) }
            place A1 bid 1010 @ 2500 in=m2
                refused: QuantityOutOfBounds { min_lots: Lots(2), max_lots: Lots(100) }
            place A1 bid 20 @ 2500 show=15 in=m2
                refused: InvalidInstructions { problem: Display }
        "#]],
    );
}

#[test]
fn band_time_nonce() {
    check_open(
        "band=50000",
        "
            place A1 bid 1 @ 106
            place A1 ask 1 @ 94
            place A1 bid 1 @ 106 stop-limit=101
            place A1 bid 1 @ 90 until=60
            place A1 bid 1 @ 90 expiry=60
            place A1 bid 1 @ 90 expiry=2592061
            place A1 bid 1 @ 90 nonce=500
            place A1 bid 1 @ 90 nonce=500
            place A1 bid 1 @ 90 nonce=244
            place A1 bid 1 @ 90 nonce=245
        ",
        expect![[r#"
            place A1 bid 1 @ 106
                refused: PriceOutsideBand { low: Ticks(95), high: Ticks(105) }
            place A1 ask 1 @ 94
                refused: PriceOutsideBand { low: Ticks(95), high: Ticks(105) }
            place A1 bid 1 @ 106 stop-limit=101
                #1 accepted @ 106, holds 106
            place A1 bid 1 @ 90 until=60
                refused: Expired
            place A1 bid 1 @ 90 expiry=60
                refused: Expired
            place A1 bid 1 @ 90 expiry=2592061
                refused: ExpiryTooFar { max_secs: 2592000 }
            place A1 bid 1 @ 90 nonce=500
                #2 accepted @ 90, holds 90
                #2 rests 1 @ 90
                bid 90: 1
            place A1 bid 1 @ 90 nonce=500
                refused: NonceUsed
            place A1 bid 1 @ 90 nonce=244
                refused: NonceTooOld { floor: 244 }
            place A1 bid 1 @ 90 nonce=245
                #3 accepted @ 90, holds 90
                #3 rests 1 @ 90
                bid 90: 2
        "#]],
    );
}

#[test]
fn funds_and_room() {
    check_open(
        "maker=10000 royalty=20000 room=3",
        "
            place A1 bid 10 @ 100 cap=9
            place A1 ask 10 @ 100 cap=29
            place A1 bid 990 @ 100
            place A1 bid 1 @ 100
            place A1 bid 1 @ 1 cid=x
            place A1 bid 1 @ 1 cid=x
            place A1 bid 1 @ 1
            place A1 bid 1 @ 1
            cancel A1 cid=x
            place A1 bid 1 @ 1 cid=x
        ",
        expect![[r#"
            place A1 bid 10 @ 100 cap=9
                refused: FeeCapTooLow { needed: Amount(10) }
            place A1 ask 10 @ 100 cap=29
                refused: FeeCapTooLow { needed: Amount(30) }
            place A1 bid 990 @ 100
                #1 accepted @ 100, holds 99990
                #1 rests 990 @ 100
                bid 100: 990
            place A1 bid 1 @ 100
                refused: InsufficientFunds { needed: Amount(101), available: Amount(10) }
            place A1 bid 1 @ 1 cid=x
                #2 accepted @ 1, holds 1
                #2 rests 1 @ 1
                bid 1: 1
            place A1 bid 1 @ 1 cid=x
                refused: DuplicateClientOrderId { order: OrderId(3840) }
            place A1 bid 1 @ 1
                #3 accepted @ 1, holds 1
                #3 rests 1 @ 1
                bid 1: 2
            place A1 bid 1 @ 1
                refused: TooManyOpenOrders { limit: 3 }
            cancel A1 cid=x
                #2 closed Cancelled with 1, frees 1
                bid 1: 1
            place A1 bid 1 @ 1 cid=x
                #4 accepted @ 1, holds 1
                #4 rests 1 @ 1
                bid 1: 2
        "#]],
    );
}

#[test]
fn amendments() {
    check_open(
        "",
        "
            place A1 bid 10 @ 100 nonce=7
            place A2 ask 4 @ 100
            list m2
            amend A1 bid 10 @ 100 nonce=8
            amend A1 ask 10 @ 100 nonce=7
            amend A1 bid 10 @ 100 nonce=7 in=m2
            amend A1 bid 10 @ 100 nonce=7 stop-limit=120
            amend A1 bid 4 @ 100 nonce=7
            amend A1 bid 10000 @ 100 nonce=7
        ",
        expect![[r#"
            place A1 bid 10 @ 100 nonce=7
                #1 accepted @ 100, holds 1000
                #1 rests 10 @ 100
                bid 100: 10
            place A2 ask 4 @ 100
                #2 accepted @ 100, holds 4
                fill 1: #1 buys 4 @ 100 from #2
                #2 closed Filled
                bid 100: 6
            list m2
            amend A1 bid 10 @ 100 nonce=8
                refused: UnknownOrder
            amend A1 ask 10 @ 100 nonce=7
                refused: AmendmentMismatch { problem: MarketOrSide }
            amend A1 bid 10 @ 100 nonce=7 in=m2
                refused: AmendmentMismatch { problem: MarketOrSide }
            amend A1 bid 10 @ 100 nonce=7 stop-limit=120
                refused: AmendmentMismatch { problem: Kind }
            amend A1 bid 4 @ 100 nonce=7
                refused: AmendmentMismatch { problem: Quantity }
            amend A1 bid 10000 @ 100 nonce=7
                refused: InsufficientFunds { needed: Amount(999600), available: Amount(99600) }
        "#]],
    );
}

#[test]
fn money() {
    check_open(
        "",
        "
            withdraw A1 0 usd
            withdraw A1 5 m9
            withdraw A1 5 usd deadline=60
            withdraw A1 5 usd deadline=2592061
            withdraw A1 100001 usd
            deposit A1 0 usd
            deposit A1 5 m9
            deposit A1 170141183460469231731687303715884105727 usd
            flushed m1 0
            flushed m9 1
            settled 1
            skipped 1
        ",
        expect![[r#"
            withdraw A1 0 usd
                refused: ZeroAmount
            withdraw A1 5 m9
                refused: UnknownInstrument
            withdraw A1 5 usd deadline=60
                refused: Expired
            withdraw A1 5 usd deadline=2592061
                refused: ExpiryTooFar { max_secs: 2592000 }
            withdraw A1 100001 usd
                refused: NotWithdrawable { withdrawable: Amount(100000) }
            deposit A1 0 usd
                refused: ZeroAmount
            deposit A1 5 m9
                refused: UnknownInstrument
            deposit A1 170141183460469231731687303715884105727 usd
                refused: Overflow
            flushed m1 0
                refused: ZeroAmount
            flushed m9 1
                refused: UnknownMarket
            settled 1
                refused: NotNextFill { expected: FillNumber(1) }
            skipped 1
                refused: NotNextFill { expected: FillNumber(1) }
        "#]],
    );
}

#[test]
fn room_in_the_group() {
    check(
        "
            open room=1
            list m1
            list m2
            deposit A1 1000 usd
            place A1 bid 1 @ 90
            place A1 bid 1 @ 90 in=m2
            quote A1 bid 1 @ 90 in=m2
        ",
        expect![[r#"
            open room=1
            list m1
            list m2
            deposit A1 1000 usd
                A1 opened
                A1 +1000 usd (deposit)
            place A1 bid 1 @ 90
                #1 accepted @ 90, holds 90
                #1 rests 1 @ 90
                bid 90: 1
            place A1 bid 1 @ 90 in=m2
                refused: TooManyOpenOrders { limit: 1 }
            quote A1 bid 1 @ 90 in=m2
                refused: TooManyOpenOrders { limit: 1 }
        "#]],
    );
}
