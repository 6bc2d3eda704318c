//! The price levels of one side.
//!
//! Prices are dense around the best and may be anywhere else, so levels are found in two steps: a *leaf* holds 64 neighbouring prices (one word
//! says which are there), and leaves stand in an array sorted by price with the best at its end. Books of thousands of neighbouring levels
//! have tens of leaves; work happens at the array's end, so a new leaf moves few of them.
//!
//! Both sides are one code: a price's *rank* rises towards the better price (a bid's price itself, an ask's complement).

use souk_schema::exchange::{Lots, Side, Ticks};

use super::node::{NONE, Node, Slot};
use crate::ahead::{fetch, fetch_at};

/// The orders at one price, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// The price.
    pub price: Ticks,
    /// Lots that its orders show together.
    pub shown: u128,
    /// Number of orders.
    pub orders: u32,
    /// The oldest; in the list of free levels, the next one.
    pub head: Slot,
    /// The youngest.
    pub tail: Slot,
    /// The leaf that it is in.
    leaf: u32,
}

#[derive(Clone, Copy, Debug)]
struct Leaf {
    /// One bit for each of its prices that has a level.
    occupied: u64,
    /// The levels; the first is the next free leaf while this one is free.
    levels: [u32; 64],
}

/// One side of a book.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// All bits set for asks: what a price is combined with to give its rank.
    flip: u64,
    /// The upper 58 bits of the leaf's ranks, rising, and the leaf.
    order: Vec<(u64, u32)>,
    leaves: Vec<Leaf>,
    free_leaf: u32,
    levels: Vec<Level>,
    free_level: u32,
    best: u32,
}

impl Ladder {
    /// An empty side.
    pub fn new(side: Side) -> Ladder {
        Ladder {
            flip: match side {
                Side::Buy => 0,
                Side::Sell => u64::MAX,
            },
            order: Vec::new(),
            leaves: Vec::new(),
            free_leaf: NONE,
            levels: Vec::new(),
            free_level: NONE,
            best: NONE,
        }
    }

    /// The best level.
    #[inline]
    pub fn best(&self) -> Option<&Level> {
        (self.best != NONE).then(|| &self.levels[self.best as usize])
    }

    /// The level at a price.
    #[inline]
    pub fn at(&self, price: Ticks) -> Option<&Level> {
        let rank = price.0 ^ self.flip;
        let leaf = &self.leaves[self.find(rank >> 6).ok()?.1 as usize];
        (leaf.occupied >> (rank & 63) & 1 == 1).then(|| &self.levels[leaf.levels[rank as usize & 63] as usize])
    }

    /// All levels, the best first.
    pub fn iter(&self) -> impl Iterator<Item = &Level> + '_ {
        self.order.iter().rev().flat_map(move |&(_, leaf)| {
            let leaf = &self.leaves[leaf as usize];
            let mut left = leaf.occupied;
            std::iter::from_fn(move || {
                let bit = 63u32.checked_sub(left.leading_zeros())?;
                left ^= 1 << bit;
                Some(&self.levels[leaf.levels[bit as usize] as usize])
            })
        })
    }

    /// The orders of a level, oldest first.
    pub fn queue<'a>(nodes: &'a [Node], level: &Level) -> impl Iterator<Item = Slot> + use<'a> {
        let mut next = level.head;
        std::iter::from_fn(move || {
            let slot = (next != NONE).then_some(next)?;
            next = nodes[slot as usize].next;
            Some(slot)
        })
    }

    /// Shown lots at a price whose level was this one: only where that is gone another has to be looked for.
    #[inline]
    pub(super) fn shown_near(&self, index: u32, price: Ticks) -> u128 {
        let level = &self.levels[index as usize];
        if level.price == price && level.orders > 0 {
            return level.shown;
        }
        self.at(price).map_or(0, |level| level.shown)
    }

    #[inline]
    pub(super) fn fetch_level(&self, index: u32) {
        fetch_at(&self.levels, index);
    }

    #[inline]
    pub(super) fn fetch(&self) {
        fetch(&self.flip);
        fetch(&self.best);
    }

    #[inline]
    pub(super) fn fetch_best(&self) {
        fetch_at(&self.levels, self.best);
    }

    #[inline]
    pub(super) fn fetch_leaves(&self) {
        if let Some(last) = self.order.last() {
            fetch(last);
        }
    }

    #[inline]
    pub(super) fn fetch_leaf(&self, price: Ticks) {
        let rank = price.0 ^ self.flip;
        if let Some(leaf) = self.guess_leaf(rank >> 6) {
            fetch(&leaf.occupied);
            fetch(&leaf.levels[rank as usize & 63]);
        }
    }

    #[inline]
    pub(super) fn guess_level(&self, price: Ticks) -> Option<&Level> {
        let rank = price.0 ^ self.flip;
        let leaf = self.guess_leaf(rank >> 6)?;
        self.levels.get(leaf.levels[rank as usize & 63] as usize)
    }

    /// The leaf that most likely has a price: near the best there are no gaps between leaves. Unlike a search, this takes the processor by no
    /// surprise.
    #[inline]
    fn guess_leaf(&self, key: u64) -> Option<&Leaf> {
        let last = self.order.len().checked_sub(1)?;
        let behind = self.order[last].0.wrapping_sub(key) as usize;
        let (_, leaf) = self.order.get(last.wrapping_sub(behind))?;
        self.leaves.get(*leaf as usize)
    }

    /// A level by its index.
    #[inline]
    pub fn level(&self, index: u32) -> &Level {
        &self.levels[index as usize]
    }

    #[inline]
    pub(super) fn push(&mut self, nodes: &mut [Node], slot: Slot) -> u128 {
        let (price, shown) = (nodes[slot as usize].price, nodes[slot as usize].shown);
        let index = self.level_for(price);
        let level = &mut self.levels[index as usize];
        let before = level.shown;
        level.shown += u128::from(shown.0);
        level.orders += 1;
        let node = &mut nodes[slot as usize];
        (node.level, node.prev, node.next) = (index, level.tail, NONE);
        match level.tail {
            NONE => level.head = slot,
            tail => nodes[tail as usize].next = slot,
        }
        level.tail = slot;
        before
    }

    #[inline]
    pub(super) fn remove(&mut self, nodes: &mut [Node], slot: Slot) {
        let node = &mut nodes[slot as usize];
        let (index, prev, next, shown) = (node.level, node.prev, node.next, node.shown);
        node.level = NONE;
        let level = &mut self.levels[index as usize];
        level.shown -= u128::from(shown.0);
        level.orders -= 1;
        match prev {
            NONE => level.head = next,
            prev => nodes[prev as usize].next = next,
        }
        match next {
            NONE => level.tail = prev,
            next => nodes[next as usize].prev = prev,
        }
        if level.orders == 0 {
            self.drop_level(index);
        }
    }

    #[inline]
    pub(super) fn show(&mut self, nodes: &mut [Node], slot: Slot, shown: Lots) {
        let node = &mut nodes[slot as usize];
        let level = &mut self.levels[node.level as usize];
        level.shown = level.shown - u128::from(node.shown.0) + u128::from(shown.0);
        node.shown = shown;
    }

    #[inline]
    pub(super) fn send_back(&mut self, nodes: &mut [Node], slot: Slot) {
        let (index, prev, next) = {
            let node = &nodes[slot as usize];
            (node.level, node.prev, node.next)
        };
        let level = &mut self.levels[index as usize];
        if next == NONE {
            return;
        }
        match prev {
            NONE => level.head = next,
            prev => nodes[prev as usize].next = next,
        }
        nodes[next as usize].prev = prev;
        let tail = level.tail;
        nodes[tail as usize].next = slot;
        let node = &mut nodes[slot as usize];
        (node.prev, node.next) = (tail, NONE);
        level.tail = slot;
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.order.capacity() * size_of::<(u64, u32)>()
            + self.leaves.capacity() * size_of::<Leaf>()
            + self.levels.capacity() * size_of::<Level>()
    }

    /// The place in the array and the leaf; or the place where it belongs.
    #[inline]
    fn find(&self, key: u64) -> Result<(usize, u32), usize> {
        // Most of what happens, happens near the best price.
        let mut at = self.order.len();
        for _ in 0..4 {
            let Some(&(there, leaf)) = at.checked_sub(1).map(|last| &self.order[last]) else {
                return Err(0);
            };
            if there == key {
                return Ok((at - 1, leaf));
            }
            if there < key {
                return Err(at);
            }
            at -= 1;
        }
        let found = self.order[..at].binary_search_by_key(&key, |&(key, _)| key);
        found.map(|at| (at, self.order[at].1))
    }

    #[inline]
    fn level_for(&mut self, price: Ticks) -> u32 {
        let rank = price.0 ^ self.flip;
        let (key, bit) = (rank >> 6, rank as usize & 63);
        let leaf_index = match self.find(key) {
            Ok((_, leaf)) => leaf,
            Err(at) => {
                let leaf = self.new_leaf();
                self.order.insert(at, (key, leaf));
                leaf
            }
        };
        let leaf = &self.leaves[leaf_index as usize];
        match leaf.occupied >> bit & 1 {
            1 => leaf.levels[bit],
            _ => self.new_level(price, leaf_index),
        }
    }

    fn new_level(&mut self, price: Ticks, leaf: u32) -> u32 {
        let level = Level {
            price,
            shown: 0,
            orders: 0,
            head: NONE,
            tail: NONE,
            leaf,
        };
        let index = match self.free_level {
            NONE => {
                self.levels.push(level);
                u32::try_from(self.levels.len() - 1).expect("fewer levels than slots")
            }
            free => {
                self.free_level = self.levels[free as usize].head;
                self.levels[free as usize] = level;
                free
            }
        };
        let rank = price.0 ^ self.flip;
        let leaf = &mut self.leaves[leaf as usize];
        leaf.occupied |= 1 << (rank & 63);
        leaf.levels[rank as usize & 63] = index;
        if self.best == NONE || rank > self.levels[self.best as usize].price.0 ^ self.flip {
            self.best = index;
        }
        index
    }

    fn new_leaf(&mut self) -> u32 {
        match self.free_leaf {
            NONE => {
                self.leaves.push(Leaf {
                    occupied: 0,
                    levels: [NONE; 64],
                });
                u32::try_from(self.leaves.len() - 1).expect("fewer leaves than slots")
            }
            free => {
                self.free_leaf = self.leaves[free as usize].levels[0];
                free
            }
        }
    }

    fn drop_level(&mut self, index: u32) {
        let rank = self.levels[index as usize].price.0 ^ self.flip;
        let leaf_index = self.levels[index as usize].leaf;
        let leaf = &mut self.leaves[leaf_index as usize];
        leaf.occupied ^= 1 << (rank & 63);
        if leaf.occupied == 0 {
            leaf.levels[0] = self.free_leaf;
            self.free_leaf = leaf_index;
            let (at, _) = self.find(rank >> 6).expect("a level has a leaf");
            self.order.remove(at);
        }
        self.levels[index as usize].head = self.free_level;
        self.free_level = index;
        if self.best == index {
            self.best = match self.order.last() {
                None => NONE,
                Some(&(_, leaf)) => {
                    let leaf = &self.leaves[leaf as usize];
                    leaf.levels[63 - leaf.occupied.leading_zeros() as usize]
                }
            };
        }
    }
}
