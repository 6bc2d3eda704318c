//! What waits to be settled, and the batches that it makes.

use alloy::primitives::{Address, B256};
use expect_test::{Expect, expect};
use souk_schema::exchange::event::{BustCause, CloseCause, Fill, FillSide, ReduceCause};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, Event, FillNumber, GroupId, Instructions, Lots, MarketId, OrderId, OrderKind,
    Outcome, Rejection, Side, SignedOrder, Source, Ticks, UnixMillis,
};

use super::snapshot::another_life;
use crate::settler::batch::{Batch, BatchLimits, build, gas_bound};
use crate::settler::queue::{Queue, QueueError};

const GROUP: GroupId = GroupId(1);

fn signed(side: Side, nonce: u64, base: u128) -> SignedOrder {
    SignedOrder {
        account: Address::repeat_byte(nonce as u8),
        market: B256::ZERO,
        side,
        base_amount: Amount(base),
        limit_price: Amount(1),
        fee_cap: Amount(0),
        nonce,
        expiry_secs: 0,
        instructions: Instructions {
            kind: Default::default(),
            time_in_force: Default::default(),
            post_only: Default::default(),
            self_trade: Default::default(),
            display_amount: Amount(0),
            trigger_price: Amount(0),
            good_until_secs: 0,
            client_order_id: B256::ZERO,
        },
        signature: Signature([1; 65]),
        signer: Address::ZERO,
    }
}

/// The events of a group, made by hand.
struct Group {
    queue: Queue,
    command: u64,
    fill: u64,
}

impl Group {
    fn new() -> Group {
        Group {
            queue: Queue::new(),
            command: 0,
            fill: 0,
        }
    }

    fn outcome(&mut self, signed: Vec<SignedOrder>, events: Vec<Event>) -> Result<CommandNumber, QueueError> {
        self.command += 1;
        let number = CommandNumber(self.command);
        let outcome = Outcome {
            number,
            source: Source::Gateway {
                id: 1,
                position: self.command,
            },
            time: UnixMillis(self.command),
            signed,
            result: Ok(events),
        };
        let resumed = another_life(&self.queue);
        assert_eq!(resumed, self.queue);
        self.queue = resumed;
        self.queue.apply(&outcome)?;
        // Heard twice, it changes nothing.
        self.queue.apply(&outcome)?;
        Ok(number)
    }

    /// Places orders in one command.
    fn place(&mut self, orders: Vec<SignedOrder>) -> Vec<OrderId> {
        let number = CommandNumber(self.command + 1);
        let ids: Vec<OrderId> = (0..orders.len())
            .map(|place| OrderId::new(number, place as u8))
            .collect();
        let events = ids.iter().map(|&order| accepted(order)).collect();
        self.outcome(orders, events).unwrap();
        ids
    }

    fn trade(&mut self, buy: (OrderId, u64), sell: (OrderId, u64)) {
        self.fill += 1;
        let fill = fill(self.fill, buy, sell);
        self.outcome(vec![], vec![Event::Traded(Box::new(fill))]).unwrap();
    }

    fn say(&mut self, event: Event) {
        self.outcome(vec![], vec![event]).unwrap();
    }

    fn batch(&self, first: u64, limits: &BatchLimits) -> Option<Batch> {
        build(GROUP, &self.queue, FillNumber(first), limits)
    }
}

fn accepted(order: OrderId) -> Event {
    Event::OrderAccepted {
        order,
        account: AccountId(2),
        market: MarketId(0),
        side: Side::Buy,
        kind: OrderKind::Limit,
        price: Ticks(1),
        lots: Lots(1),
        hold: Amount(1),
        expires_at: UnixMillis(0),
    }
}

fn closed(order: OrderId) -> Event {
    Event::OrderClosed {
        order,
        lots: Lots(0),
        released: Amount(0),
        cause: CloseCause::Filled,
    }
}

fn fill(number: u64, buy: (OrderId, u64), sell: (OrderId, u64)) -> Fill {
    let side = |(order, signed_by): (OrderId, u64)| FillSide {
        order,
        signed_by: CommandNumber(signed_by),
        account: AccountId(2),
        fee: Amount(1),
        released: Amount(0),
    };
    Fill {
        number: FillNumber(number),
        market: MarketId(0),
        price: Ticks(1),
        lots: Lots(1),
        taker: Side::Buy,
        base: Amount(10),
        quote: Amount(100),
        royalty: Amount(2),
        buyer: side(buy),
        seller: side(sell),
    }
}

fn described(batch: Option<Batch>, expected: Expect) {
    let text = batch.map_or("nothing".to_owned(), |batch| {
        let orders = batch.orders.iter().map(|signed| signed.order.nonce.to_string());
        let fills = batch.fills.iter().map(|fill| match fill.skip {
            true => "skip".to_owned(),
            false => format!("{}x{}", fill.buyOrder, fill.sellOrder),
        });
        let (orders, fills): (Vec<_>, Vec<_>) = (orders.collect(), fills.collect());
        format!(
            "{}..={} orders {} fills {} voided {}",
            batch.first,
            batch.last(),
            orders.join(" "),
            fills.join(" "),
            batch.voided()
        )
    });
    expected.assert_eq(&text);
}

#[test]
fn an_order_is_shown_once_and_forgotten_when_nothing_needs_it() {
    let mut group = Group::new();
    let quotes = group.place(vec![signed(Side::Sell, 1, 50), signed(Side::Sell, 2, 50)]);
    let taker = group.place(vec![signed(Side::Buy, 3, 20)])[0];
    group.trade((taker, 2), (quotes[0], 1));
    group.trade((taker, 2), (quotes[1], 1));
    group.say(closed(taker));
    described(
        group.batch(1, &BatchLimits::default()),
        expect!["1..=2 orders 3 1 2 fills 0x1 0x2 voided 0"],
    );
    described(group.batch(3, &BatchLimits::default()), expect!["nothing"]);
    assert_eq!(group.queue.signatures_kept(), 3);

    group.say(Event::FillsSettled { through: FillNumber(1) });
    described(
        group.batch(2, &BatchLimits::default()),
        expect!["2..=2 orders 3 2 fills 0x1 voided 0"],
    );
    assert_eq!(
        group.queue.signatures_kept(),
        3,
        "the taker for its second fill, both quotes because they are open"
    );
    group.say(Event::FillsSettled { through: FillNumber(2) });
    assert_eq!((group.queue.signatures_kept(), group.queue.is_empty()), (2, true));
    group.say(closed(quotes[0]));
    group.say(closed(quotes[1]));
    assert_eq!(group.queue.signatures_kept(), 0);
}

#[test]
fn a_fill_is_covered_by_the_signature_that_it_was_matched_under() {
    let mut group = Group::new();
    let sell = group.place(vec![signed(Side::Sell, 1, 50)])[0];
    let buy = group.place(vec![signed(Side::Buy, 2, 50)])[0];
    group.trade((buy, 2), (sell, 1));
    let reduced = Event::OrderReduced {
        order: buy,
        lots: Lots(1),
        released: Amount(0),
        cause: ReduceCause::Trader,
    };
    let amended = group.outcome(vec![signed(Side::Buy, 2, 30)], vec![reduced]).unwrap();
    group.trade((buy, amended.0), (sell, 1));
    let batch = group.batch(1, &BatchLimits::default());
    let amounts: Vec<u128> = batch
        .iter()
        .flat_map(|batch| &batch.orders)
        .map(|signed| signed.order.baseAmount)
        .collect();
    assert_eq!(amounts, [50, 50, 30]);
    described(batch, expect!["1..=2 orders 2 1 2 fills 0x1 2x1 voided 0"]);
    group.say(closed(buy));
    group.say(closed(sell));
    group.say(Event::FillsSettled { through: FillNumber(2) });
    assert_eq!(group.queue.signatures_kept(), 0);
}

#[test]
fn busted_fills_are_marked_and_need_no_order() {
    let mut group = Group::new();
    let sell = group.place(vec![signed(Side::Sell, 1, 50)])[0];
    let buy = group.place(vec![signed(Side::Buy, 2, 50)])[0];
    for _ in 0..3 {
        group.trade((buy, 2), (sell, 1));
    }
    let busted = |number, cause| Event::FillBusted {
        fill: Box::new(fill(number, (buy, 2), (sell, 1))),
        cause,
    };
    group.say(busted(1, BustCause::Skipped { reason: 13 }));
    group.say(busted(2, BustCause::Uncovered));
    described(group.batch(1, &BatchLimits::default()), expect!["nothing"]);
    described(
        group.batch(2, &BatchLimits::default()),
        expect!["2..=3 orders 2 1 fills skip 0x1 voided 1"],
    );
    group.say(Event::FillReinstated {
        fill: Box::new(fill(2, (buy, 2), (sell, 1))),
    });
    described(
        group.batch(2, &BatchLimits::default()),
        expect!["2..=3 orders 2 1 fills 0x1 0x1 voided 0"],
    );
}

#[test]
fn a_batch_ends_at_the_first_bound() {
    let mut group = Group::new();
    for _ in 0..4 {
        let at = group.command + 1;
        let ids = group.place(vec![signed(Side::Sell, 2 * at, 9), signed(Side::Buy, 2 * at + 1, 9)]);
        group.trade((ids[1], at), (ids[0], at));
    }
    let limits = |max_fills, max_orders, max_gas| BatchLimits {
        max_fills,
        max_orders,
        max_gas,
    };
    let fills = |limits: BatchLimits| group.batch(1, &limits).unwrap().fills.len();
    assert_eq!(fills(BatchLimits::default()), 4);
    assert_eq!(fills(limits(3, 99, u64::MAX)), 3);
    assert_eq!(fills(limits(99, 5, u64::MAX)), 2);
    assert_eq!(fills(limits(99, 99, gas_bound(6, 3))), 3);
    assert_eq!(fills(limits(99, 99, 1)), 1, "one fill is always tried");
}

#[test]
fn fills_that_the_chain_lost_are_kept_when_asked_for() {
    let mut group = Group::new();
    group.queue = Queue::keeping_from(FillNumber(2));
    let sell = group.place(vec![signed(Side::Sell, 1, 50)])[0];
    let buy = group.place(vec![signed(Side::Buy, 2, 50)])[0];
    for _ in 0..3 {
        group.trade((buy, 2), (sell, 1));
    }
    group.say(Event::FillsSettled { through: FillNumber(3) });
    described(
        group.batch(2, &BatchLimits::default()),
        expect!["2..=3 orders 2 1 fills 0x1 0x1 voided 0"],
    );
    assert_eq!(group.queue.last_over(), FillNumber(3));
}

/// The vault may want a settled fill again long before the engine hears that its block is gone.
#[test]
fn a_fill_that_is_wanted_again_is_missed_until_the_events_are_read_anew() {
    let mut group = Group::new();
    let sell = group.place(vec![signed(Side::Sell, 1, 50)])[0];
    let buy = group.place(vec![signed(Side::Buy, 2, 50)])[0];
    for _ in 0..3 {
        group.trade((buy, 2), (sell, 1));
    }
    assert!(!group.queue.lacks(FillNumber(1)));
    group.say(Event::FillsSettled { through: FillNumber(2) });
    let lacks = |group: &Group| [1, 2, 3, 4].map(|number| group.queue.lacks(FillNumber(number)));
    assert_eq!(lacks(&group), [true, true, false, false]);
    group.say(Event::SettlementVanished { through: FillNumber(1) });
    assert_eq!(lacks(&group), [true, true, false, false], "its order may be forgotten");
    assert_eq!(group.queue.last_over(), FillNumber(1));
    group.say(Event::FillsSettled { through: FillNumber(3) });
    assert_eq!(lacks(&group), [true, true, true, false]);
}

#[test]
fn events_with_a_gap_are_refused() {
    let mut group = Group::new();
    group.command = 1;
    assert_eq!(
        group.outcome(vec![], vec![]),
        Err(QueueError::Gap { expected: 1, found: 2 })
    );
    let mut group = Group::new();
    let refused = Outcome {
        number: CommandNumber(1),
        source: Source::Gateway { id: 1, position: 1 },
        time: UnixMillis(1),
        signed: vec![],
        result: Err(Rejection::Duplicate),
    };
    group.queue.apply(&refused).unwrap();
    group.command = 1;
    let stranger = fill(1, (OrderId(99 << 8), 99), (OrderId(99 << 8), 99));
    assert_eq!(
        group.outcome(vec![], vec![Event::Traded(Box::new(stranger))]),
        Err(QueueError::UnknownSignature {
            fill: FillNumber(1),
            command: CommandNumber(99)
        })
    );
}
