//! Order books without owners, money or events: who stands where. What the engine does with it is decided elsewhere.
//!
//! Orders are [`Node`]s in one slab that all books of a group share. A [`Book`] links those of one market into a queue for each price, and the
//! prices of each side into a [`Ladder`]. The best price is O(1), so is taking an order out of the middle of its queue, and neither
//! allocates.

mod ladder;
mod node;

pub use ladder::{Ladder, Level};
pub use node::{NONE, Node, Slot};

use souk_schema::exchange::{Lots, Side, Ticks};

/// The resting orders of one market.
#[derive(Clone, Debug)]
pub struct Book {
    sides: [Ladder; 2],
}

impl Default for Book {
    fn default() -> Book {
        Book {
            sides: [Ladder::new(Side::Buy), Ladder::new(Side::Sell)],
        }
    }
}

impl Book {
    /// One side.
    pub fn side(&self, side: Side) -> &Ladder {
        &self.sides[side as usize]
    }

    /// The best level of a side.
    #[inline]
    pub fn best(&self, side: Side) -> Option<&Level> {
        self.sides[side as usize].best()
    }

    /// Whether the best bid meets the best ask.
    pub fn is_crossed(&self) -> bool {
        match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Shown lots at a price; 0 where there is no level.
    pub fn shown_at(&self, side: Side, price: Ticks) -> u128 {
        self.sides[side as usize].at(price).map_or(0, |level| level.shown)
    }

    /// As [`Book::shown_at`], where the price had this level a moment ago.
    #[inline]
    pub fn shown_near(&self, side: Side, level: u32, price: Ticks) -> u128 {
        self.sides[side as usize].shown_near(level, price)
    }

    /// Puts an order at the back of its level: the node's price and shown lots count. Gives what the level showed before.
    #[inline]
    pub fn push(&mut self, nodes: &mut [Node], side: Side, slot: Slot) -> u128 {
        self.sides[side as usize].push(nodes, slot)
    }

    /// Takes an order out of its level.
    #[inline]
    pub fn remove(&mut self, nodes: &mut [Node], side: Side, slot: Slot) {
        self.sides[side as usize].remove(nodes, slot);
    }

    /// Changes what an order shows, in its place.
    #[inline]
    pub fn show(&mut self, nodes: &mut [Node], side: Side, slot: Slot, shown: Lots) {
        self.sides[side as usize].show(nodes, slot, shown);
    }

    /// Sends an order to the back of its level, which it stays in.
    #[inline]
    pub fn send_back(&mut self, nodes: &mut [Node], side: Side, slot: Slot) {
        self.sides[side as usize].send_back(nodes, slot);
    }

    /// The level that an order stands in.
    #[inline]
    pub fn level_of(&self, side: Side, node: &Node) -> &Level {
        self.sides[side as usize].level(node.level)
    }

    /// Fetches both sides, as far as they are no lists.
    #[inline]
    pub fn fetch(&self) {
        for side in &self.sides {
            side.fetch();
        }
    }

    /// Fetches the level that an order stands in.
    #[inline]
    pub fn fetch_level(&self, side: Side, level: u32) {
        self.sides[side as usize].fetch_level(level);
    }

    /// Fetches the best level of a side.
    #[inline]
    pub fn fetch_best(&self, side: Side) {
        self.sides[side as usize].fetch_best();
    }

    /// Fetches what leads to the leaves of a side.
    #[inline]
    pub fn fetch_leaves(&self, side: Side) {
        self.sides[side as usize].fetch_leaves();
    }

    /// Fetches what leads to the level of a price.
    #[inline]
    pub fn fetch_leaf(&self, side: Side, price: Ticks) {
        self.sides[side as usize].fetch_leaf(price);
    }

    /// The level that a price most likely has, if it has one.
    #[inline]
    pub fn guess_level(&self, side: Side, price: Ticks) -> Option<&Level> {
        self.sides[side as usize].guess_level(price)
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.sides.iter().map(Ladder::bytes).sum()
    }
}

#[cfg(test)]
mod tests;
