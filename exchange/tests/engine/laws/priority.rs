//! EX-1, second half: price-time priority. A reader of events keeps every book by itself; each fill has to be with the order that is first
//! there, and every `LevelChanged` has to say what this book says.

use std::collections::BTreeMap;

use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{Amount, CommandBody, Event, Lots, MarketId, OrderId, Side, SignedOrder};

use super::Broken;

/// The books as events tell them.
#[derive(Default)]
pub struct Priority {
    lot_sizes: Vec<Amount>,
    /// Open orders that were accepted: where they are, on which side, and how many lots they show at most.
    known: BTreeMap<OrderId, (MarketId, Side, u64)>,
    resting: BTreeMap<OrderId, Resting>,
    turn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    market: MarketId,
    side: Side,
    price: u64,
    left: u64,
    shown: u64,
    display: u64,
    turn: u64,
}

type Levels = BTreeMap<(MarketId, Side, u64), u64>;

impl Priority {
    /// # Errors
    /// Names the fill that passed over another order, or the level that is not what it is said to be.
    pub fn observe(&mut self, body: &CommandBody, events: &[Event]) -> Result<(), Broken> {
        let before = self.levels();
        let mut told = Vec::new();
        for (place, event) in events.iter().enumerate() {
            match event {
                Event::LevelChanged {
                    market,
                    side,
                    price,
                    lots,
                } => told.push(((*market, *side, price.0), lots.0)),
                // An amendment's own event is the first; later ones are of stops that slid.
                event => self.take(body, event, place == 0)?,
            }
        }
        let after = self.levels();
        let mut changed: Levels = before.keys().map(|key| (*key, 0)).collect();
        changed.extend(after);
        changed.retain(|key, lots| before.get(key).copied().unwrap_or(0) != *lots);
        if !changed
            .iter()
            .map(|(level, lots)| (*level, *lots))
            .eq(told.iter().copied())
        {
            return Err(format!("EX-1: the levels that changed are {changed:?}, not {told:?}"));
        }
        Ok(())
    }

    fn take(&mut self, body: &CommandBody, event: &Event, is_first: bool) -> Result<(), Broken> {
        match event {
            Event::MarketListed { spec, .. } => self.lot_sizes.push(spec.units.lot_size),
            Event::OrderAccepted {
                order, market, side, ..
            } => {
                let display = self.display(*market, signed_of(body, *order));
                self.known.insert(*order, (*market, *side, display));
            }
            Event::OrderAmended { order, .. } => {
                self.resting.remove(order);
                if let (CommandBody::AmendOrder(signed), true) = (body, is_first) {
                    let (market, side, _) = self.known[order];
                    let display = self.display(market, signed);
                    self.known.insert(*order, (market, side, display));
                }
            }
            Event::OrderRested { order, price, lots } => self.rest(*order, price.0, lots.0)?,
            Event::OrderReduced { order, lots, .. } => {
                if let Some(resting) = self.resting.get_mut(order) {
                    resting.left = lots.0;
                    resting.shown = resting.shown.min(lots.0);
                }
            }
            Event::OrderClosed { order, .. } => {
                self.resting.remove(order);
                self.known.remove(order);
            }
            Event::Traded(fill) => self.trade(fill)?,
            _ => {}
        }
        Ok(())
    }

    fn display(&self, market: MarketId, signed: &SignedOrder) -> u64 {
        match signed.instructions.display_amount.0 / self.lot_sizes[market.0 as usize].0 {
            0 => u64::MAX,
            lots => lots as u64,
        }
    }

    fn rest(&mut self, order: OrderId, price: u64, left: u64) -> Result<(), Broken> {
        let known = self
            .known
            .get(&order)
            .ok_or_else(|| format!("EX-1: {order} rests and is not open"))?;
        let (market, side, display) = *known;
        self.turn += 1;
        let resting = Resting {
            market,
            side,
            price,
            left,
            shown: left.min(display),
            display,
            turn: self.turn,
        };
        match self.resting.insert(order, resting) {
            Some(_) => Err(format!("EX-1: {order} rests twice")),
            None => Ok(()),
        }
    }

    /// The order that must be met first on a side.
    fn first(&self, market: MarketId, side: Side) -> Option<OrderId> {
        let book = self
            .resting
            .iter()
            .filter(|(_, resting)| (resting.market, resting.side) == (market, side));
        let first = book.min_by_key(|(_, resting)| match side {
            Side::Buy => (u64::MAX - resting.price, resting.turn),
            Side::Sell => (resting.price, resting.turn),
        });
        first.map(|(order, _)| *order)
    }

    fn trade(&mut self, fill: &Fill) -> Result<(), Broken> {
        let (taker, maker) = match fill.taker {
            Side::Buy => (fill.buyer.order, fill.seller.order),
            Side::Sell => (fill.seller.order, fill.buyer.order),
        };
        let in_auction = self.resting.contains_key(&taker);
        let mut meets = vec![(maker, fill.taker.opposite())];
        if in_auction {
            meets.push((taker, fill.taker));
        }
        for (order, side) in meets {
            if self.first(fill.market, side) != Some(order) {
                return Err(format!(
                    "EX-1: fill {} is not with the first order of its side",
                    fill.number
                ));
            }
            self.turn += 1;
            let turn = self.turn;
            let resting = self.resting.get_mut(&order).expect("it is the first");
            let enough = match in_auction {
                true => resting.left,
                false => resting.shown,
            };
            if fill.lots.0 > enough || !in_auction && fill.price.0 != resting.price || fill.lots == Lots(0) {
                return Err(format!(
                    "EX-1: fill {} does not fit what rests: {resting:?}",
                    fill.number
                ));
            }
            resting.left -= fill.lots.0;
            resting.shown = match in_auction {
                true => resting.left.min(resting.display),
                false => resting.shown - fill.lots.0,
            };
            if resting.shown == 0 && resting.left > 0 {
                resting.shown = resting.left.min(resting.display);
                resting.turn = turn;
            }
        }
        Ok(())
    }

    fn levels(&self) -> Levels {
        let mut levels = Levels::new();
        for resting in self.resting.values() {
            *levels.entry((resting.market, resting.side, resting.price)).or_default() += resting.shown;
        }
        levels
    }
}

/// The order of a command that the engine gave this id.
pub fn signed_of(body: &CommandBody, order: OrderId) -> &SignedOrder {
    match body {
        CommandBody::PlaceOrder(signed) | CommandBody::AmendOrder(signed) => signed,
        CommandBody::MassQuote(quotes) => &quotes.quotes[(order.0 & 0xff) as usize],
        other => panic!("{other:?} places no order"),
    }
}
