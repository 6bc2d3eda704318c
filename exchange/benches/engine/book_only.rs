//! The book layer alone: orders found by id, queues, levels and matching; no owners, no money, no events.

use souk_exchange::book::{Book, NONE, Node, Slot};
use souk_exchange::{SlotTable, mix};
use souk_schema::exchange::{Lots, OrderId, OrderKind, PostOnly, SelfTrade, Side, Ticks, TimeInForce, UnixMillis};

use crate::flow::{Action, Op};

/// Books, and the orders in them.
#[derive(Clone)]
pub struct BookOnly {
    books: Vec<Book>,
    nodes: Vec<Node>,
    free: Slot,
    by_id: SlotTable,
    /// Lots traded.
    pub traded: u64,
    /// Fills.
    pub fills: u64,
}

fn hash(order: u32) -> u64 {
    mix(u64::from(order), 2)
}

impl BookOnly {
    /// Empty books.
    pub fn new(markets: usize) -> BookOnly {
        BookOnly {
            books: vec![Book::default(); markets],
            nodes: Vec::new(),
            free: NONE,
            by_id: SlotTable::default(),
            traded: 0,
            fills: 0,
        }
    }

    /// A market's book.
    pub fn book(&self, market: usize) -> &Book {
        &self.books[market]
    }

    /// Whether an order rests.
    pub fn is_open(&self, order: u32) -> bool {
        self.find(order).is_some()
    }

    fn find(&self, order: u32) -> Option<Slot> {
        self.by_id
            .find(hash(order), |slot| self.nodes[slot as usize].id.0 == u64::from(order))
    }

    /// Carries out an operation, and tells of makers that are used up.
    #[inline]
    pub fn apply(&mut self, op: &Op, gone: &mut impl FnMut(u32)) {
        match op.action {
            Action::Add => self.add(op, true, gone),
            Action::Take => self.add(op, false, gone),
            Action::Cancel => {
                let slot = self.find(op.order).expect("an open order");
                self.books[op.market as usize].remove(&mut self.nodes, op.side, slot);
                self.forget(slot);
            }
            Action::Move => {
                let slot = self.find(op.order).expect("an open order");
                self.books[op.market as usize].remove(&mut self.nodes, op.side, slot);
                let left = self.take(op.market, op.side, op.price, self.nodes[slot as usize].left.0, gone);
                if left == 0 {
                    self.forget(slot);
                    return;
                }
                let node = &mut self.nodes[slot as usize];
                (node.left, node.shown, node.price) = (Lots(left), Lots(left), Ticks(op.price));
                self.books[op.market as usize].push(&mut self.nodes, op.side, slot);
            }
        }
    }

    fn add(&mut self, op: &Op, rests: bool, gone: &mut impl FnMut(u32)) {
        let left = self.take(op.market, op.side, op.price, op.lots, gone);
        if left == 0 || !rests {
            return;
        }
        let node = Node {
            id: OrderId(u64::from(op.order)),
            price: Ticks(op.price),
            left: Lots(left),
            shown: Lots(left),
            expires_at: UnixMillis(0),
            next: NONE,
            prev: NONE,
            level: NONE,
            seat: 0,
            side: op.side,
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: PostOnly::No,
            self_trade: SelfTrade::CancelTaker,
            waits: false,
            is_quote: false,
            is_listed: false,
        };
        let slot = match self.free {
            NONE => {
                self.nodes.push(node);
                (self.nodes.len() - 1) as Slot
            }
            free => {
                self.free = self.nodes[free as usize].next;
                self.nodes[free as usize] = node;
                free
            }
        };
        self.by_id.insert(hash(op.order), slot);
        self.books[op.market as usize].push(&mut self.nodes, op.side, slot);
    }

    /// Fills what it can; gives what is left.
    #[inline]
    fn take(&mut self, market: u32, side: Side, price: u64, lots: u64, gone: &mut impl FnMut(u32)) -> u64 {
        let mut left = lots;
        let opposite = side.opposite();
        while left > 0 {
            let Some(level) = self.books[market as usize].best(opposite) else {
                break;
            };
            let crosses = match side {
                Side::Buy => price >= level.price.0,
                Side::Sell => price <= level.price.0,
            };
            if !crosses {
                break;
            }
            let maker = level.head;
            let node = &mut self.nodes[maker as usize];
            let filled = left.min(node.left.0);
            left -= filled;
            node.left.0 -= filled;
            let maker_left = node.left;
            let id = node.id.0 as u32;
            self.traded += filled;
            self.fills += 1;
            let book = &mut self.books[market as usize];
            if maker_left > Lots(0) {
                book.show(&mut self.nodes, opposite, maker, maker_left);
            } else {
                book.remove(&mut self.nodes, opposite, maker);
                self.forget(maker);
                gone(id);
            }
        }
        left
    }

    fn forget(&mut self, slot: Slot) {
        let order = self.nodes[slot as usize].id.0 as u32;
        self.by_id.remove(hash(order), slot);
        self.nodes[slot as usize].next = self.free;
        self.free = slot;
    }
}
