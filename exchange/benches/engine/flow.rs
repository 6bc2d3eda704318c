//! Seeded flows of operations, the same for whatever is measured. Every operation on an order finds it open: a book is run along while the
//! flow is made.

use rand::distr::{Bernoulli, Distribution};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_schema::exchange::Side;

use crate::book_only::BookOnly;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A limit order that rests with what it does not fill.
    Add,
    /// A limit order that fills what it can at once.
    Take,
    /// An order is taken out.
    Cancel,
    /// An order goes to another price.
    Move,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// What.
    pub action: Action,
    /// Where, from 0.
    pub market: u32,
    /// Which order, counted from 0 over all markets.
    pub order: u32,
    /// Its side.
    pub side: Side,
    /// Its price, or its new one, in ticks.
    pub price: u64,
    /// Its lots; for a move, those it was added with.
    pub lots: u64,
}

/// Shares of the actions, in percent.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Limit orders that rest.
    pub add: u32,
    /// Immediate ones.
    pub take: u32,
    /// Cancels; what is left of the hundred moves.
    pub cancel: u32,
}

/// exchange-core's published mix: 9% good-til-cancelled, 3% immediate-or-cancel, 6% cancel, 82% move.
pub const EXCHANGE_CORE: Mix = Mix {
    add: 9,
    take: 3,
    cancel: 6,
};

/// Orders come, trade and go.
pub const ADD_CANCEL_MATCH: Mix = Mix {
    add: 50,
    take: 12,
    cancel: 38,
};

/// Operations: those that fill the books, then those that are measured.
pub struct Flow {
    /// Orders that stand before the measured part begins.
    pub setup: Vec<Op>,
    /// What is measured.
    pub ops: Vec<Op>,
    /// Number of markets.
    pub markets: u32,
}

const MID: u64 = 10_000;
const GONE: u32 = u32::MAX;

struct Generator {
    random: ChaCha8Rng,
    book: BookOnly,
    /// Open orders of each market, in no order.
    open: Vec<Vec<u32>>,
    /// Side, price, lots, market and place in `open` of every order.
    orders: Vec<(Side, u64, u64, u32, u32)>,
    /// Rising weights of the markets: a few have most of the flow (Pareto, shape 1.5).
    weights: Vec<f64>,
}

/// A flow of `count` operations over `markets`, each of which starts with `depth` orders.
pub fn flow(seed: u64, mix: Mix, markets: u32, depth: u32, count: usize) -> Flow {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut total = 0.0;
    let weights = (0..markets).map(|_| {
        total += (1.0 - random.random::<f64>()).powf(-1.0 / 1.5);
        total
    });
    let weights = weights.collect();
    let mut generator = Generator {
        random,
        book: BookOnly::new(markets as usize),
        open: vec![Vec::new(); markets as usize],
        orders: Vec::new(),
        weights,
    };
    let setup = (0..depth).flat_map(|_| 0..markets).collect::<Vec<u32>>();
    let setup = setup
        .into_iter()
        .map(|market| generator.add(market, Action::Add))
        .collect();
    let ops = (0..count).map(|_| generator.next(mix)).collect();
    Flow { setup, ops, markets }
}

impl Generator {
    fn next(&mut self, mix: Mix) -> Op {
        let total = self.weights.last().expect("a market");
        let drawn = self.random.random::<f64>() * total;
        let market = self.weights.partition_point(|weight| *weight <= drawn) as u32;
        let action = match self.random.random_range(0..100u32) {
            at if at < mix.add => Action::Add,
            at if at < mix.add + mix.take => Action::Take,
            at if at < mix.add + mix.take + mix.cancel => Action::Cancel,
            _ => Action::Move,
        };
        match action {
            _ if self.open[market as usize].is_empty() => self.add(market, Action::Add),
            Action::Add | Action::Take => self.add(market, action),
            Action::Cancel | Action::Move => self.change(market, action),
        }
    }

    /// Most stand behind the middle, the nearer the more; a few meet what is there.
    fn price(&mut self, side: Side, action: Action) -> u64 {
        let behind = 1 + (-(1.0 - self.random.random::<f64>()).ln() * 40.0) as u64;
        let crosses = Bernoulli::new(0.02).expect("a probability").sample(&mut self.random);
        let beyond = match (action, crosses) {
            (Action::Take, _) => 50,
            (_, true) => 3,
            (_, false) => 0,
        };
        match (side, beyond) {
            (Side::Buy, 0) => MID - behind.min(500),
            (Side::Buy, beyond) => MID + beyond,
            (Side::Sell, 0) => MID + behind.min(500),
            (Side::Sell, beyond) => MID - beyond,
        }
    }

    fn add(&mut self, market: u32, action: Action) -> Op {
        let side = if self.random.random::<bool>() {
            Side::Buy
        } else {
            Side::Sell
        };
        let op = Op {
            action,
            market,
            order: self.orders.len() as u32,
            side,
            price: self.price(side, action),
            lots: self.random.random_range(1..=10),
        };
        self.orders.push((side, op.price, op.lots, market, GONE));
        self.carry_out(op)
    }

    fn change(&mut self, market: u32, action: Action) -> Op {
        let open = &self.open[market as usize];
        let order = open[(self.random.next_u64() % open.len() as u64) as usize];
        let (side, price, lots, ..) = self.orders[order as usize];
        let mut new_price = price;
        while new_price == price && action == Action::Move {
            new_price = self.price(side, action);
        }
        self.carry_out(Op {
            action,
            market,
            order,
            side,
            price: new_price,
            lots,
        })
    }

    fn carry_out(&mut self, op: Op) -> Op {
        let mut gone = Vec::new();
        self.book.apply(&op, &mut |order| gone.push(order));
        for order in gone {
            self.close(order);
        }
        match op.action {
            Action::Cancel => self.close(op.order),
            Action::Add | Action::Move if self.book.is_open(op.order) => {
                let order = &mut self.orders[op.order as usize];
                order.1 = op.price;
                if order.4 == GONE {
                    order.4 = self.open[op.market as usize].len() as u32;
                    self.open[op.market as usize].push(op.order);
                }
            }
            _ => self.close(op.order),
        }
        op
    }

    fn close(&mut self, order: u32) {
        let (.., market, place) = self.orders[order as usize];
        if place == GONE {
            return;
        }
        self.orders[order as usize].4 = GONE;
        let open = &mut self.open[market as usize];
        open.swap_remove(place as usize);
        if let Some(moved) = open.get(place as usize) {
            self.orders[*moved as usize].4 = place;
        }
    }
}
