use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use souk_schema::exchange::{OrderId, OrderKind, PostOnly, SelfTrade, TimeInForce, UnixMillis};

use super::*;

fn node(side: Side, price: u64, shown: u64) -> Node {
    Node {
        id: OrderId(0),
        price: Ticks(price),
        left: Lots(shown),
        shown: Lots(shown),
        expires_at: UnixMillis(0),
        next: NONE,
        prev: NONE,
        level: NONE,
        seat: 0,
        side,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: PostOnly::No,
        self_trade: SelfTrade::CancelTaker,
        waits: false,
        is_quote: false,
        is_listed: false,
    }
}

/// A book that is obviously right: a queue for each price.
type Model = BTreeMap<(Side, u64), VecDeque<Slot>>;

fn check_equal(book: &Book, nodes: &[Node], model: &Model) -> Result<(), TestCaseError> {
    for side in [Side::Buy, Side::Sell] {
        let mut levels: Vec<(u64, Vec<Slot>)> = model
            .iter()
            .filter(|((there, _), queue)| *there == side && !queue.is_empty())
            .map(|((_, price), queue)| (*price, queue.iter().copied().collect()))
            .collect();
        if side == Side::Buy {
            levels.reverse();
        }
        let found: Vec<(u64, Vec<Slot>)> = book
            .side(side)
            .iter()
            .map(|level| (level.price.0, Ladder::queue(nodes, level).collect()))
            .collect();
        prop_assert_eq!(&found, &levels);
        prop_assert_eq!(
            book.best(side).map(|level| level.price.0),
            levels.first().map(|level| level.0)
        );
        for (price, queue) in levels {
            let shown: u64 = queue.iter().map(|slot| nodes[*slot as usize].shown.0).sum();
            prop_assert_eq!(book.shown_at(side, Ticks(price)), u128::from(shown));
            prop_assert_eq!(
                book.side(side).at(Ticks(price)).expect("a level").orders as usize,
                queue.len()
            );
        }
    }
    Ok(())
}

proptest! {
    /// Prices near each other, far apart, and at both ends of what a price can be.
    #[test]
    fn is_a_queue_for_each_price(steps in proptest::collection::vec((0u8..4, any::<bool>(), 0u64..300, 0usize..64, 1u64..50), 1..300), stride in prop_oneof![Just(1u64), Just(40), Just(1 << 50)]) {
        let mut book = Book::default();
        let mut nodes = Vec::new();
        let mut model = Model::new();
        let mut live: Vec<Slot> = Vec::new();
        for (step, buys, price, pick, lots) in steps {
            let side = if buys { Side::Buy } else { Side::Sell };
            if step == 0 || live.is_empty() {
                let price = price.wrapping_mul(stride).wrapping_sub(100);
                let slot = nodes.len() as Slot;
                nodes.push(node(side, price, lots));
                book.push(&mut nodes, side, slot);
                model.entry((side, price)).or_default().push_back(slot);
                live.push(slot);
            } else {
                let at = pick % live.len();
                let slot = live[at];
                let (side, price) = (nodes[slot as usize].side, nodes[slot as usize].price.0);
                let queue = model.get_mut(&(side, price)).expect("the model has it");
                match step {
                    1 => {
                        book.remove(&mut nodes, side, slot);
                        queue.retain(|other| *other != slot);
                        live.swap_remove(at);
                    }
                    2 => {
                        book.send_back(&mut nodes, side, slot);
                        queue.retain(|other| *other != slot);
                        queue.push_back(slot);
                    }
                    _ => book.show(&mut nodes, side, slot, Lots(lots)),
                }
            }
            check_equal(&book, &nodes, &model)?;
        }
    }
}
