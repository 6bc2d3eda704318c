//! Adjacency lists: for each node its links in a fixed order.
//!
//! Each node has one cache line, which holds its links if they are few: walking the graph is waiting for memory, and so it waits once per
//! node. More links lie among the cells, in a block of the next power of two. Growing past it moves the list to a block of twice the
//! size, shrinking below half gives the upper half back; free blocks are kept per size and used again.

#![deny(clippy::disallowed_methods)]

use super::store::order;

/// One end of an edge as seen from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The node at the far end.
    pub node: u32,
    /// The edge's index, and [`Link::SPECIAL`].
    tagged: u32,
}

impl Link {
    /// Set while the edge's record must be asked even at the head: it ended, or it may close a cycle.
    const SPECIAL: u32 = 1 << 31;

    /// How many edges have an index.
    pub const MAX_EDGES: u32 = Link::SPECIAL;

    pub fn new(node: u32, edge: u32) -> Link {
        Link { node, tagged: edge }
    }

    /// The edge's index.
    pub fn edge(self) -> u32 {
        self.tagged & !Link::SPECIAL
    }

    pub fn is_special(self) -> bool {
        self.tagged & Link::SPECIAL != 0
    }

    pub fn set_special(&mut self, special: bool) {
        self.tagged = if special {
            self.tagged | Link::SPECIAL
        } else {
            self.edge()
        };
    }
}

/// What is kept per node and direction: one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    /// The node's place in the order of registrations. It is here because a walk needs it where it needs the links.
    order: u64,
    /// Where the links are among the cells, when they do not fit in here.
    start: u32,
    len: u32,
    inline: [Link; INLINE],
}

const INLINE: usize = 6;

const EMPTY: Slot = Slot {
    order: order::NONE,
    start: 0,
    len: 0,
    inline: [Link { node: 0, tagged: 0 }; INLINE],
};

/// How many cells a list of so many links has.
fn capacity(len: u32) -> u32 {
    if len as usize <= INLINE {
        0
    } else {
        len.next_power_of_two()
    }
}

/// The lists of all nodes, by node index.
#[derive(Default)]
pub(super) struct Links {
    slots: Vec<Slot>,
    cells: Vec<Link>,
    /// Starts of free blocks, by the binary logarithm of their size.
    free: [Vec<u32>; 32],
}

impl Links {
    /// Makes room for nodes up to `count`.
    pub fn grow_to(&mut self, count: usize) {
        if self.slots.len() < count {
            self.slots.resize(count, EMPTY);
        }
    }

    /// A node's place in the order of registrations.
    #[inline]
    pub fn order(&self, node: u32) -> u64 {
        self.slots[node as usize].order
    }

    pub fn set_order(&mut self, node: u32, order: u64) {
        self.slots[node as usize].order = order;
    }

    /// A node's links in order.
    #[inline]
    pub fn of(&self, node: u32) -> &[Link] {
        let slot = &self.slots[node as usize];
        match slot.inline.get(..slot.len as usize) {
            Some(links) => links,
            None => &self.cells[slot.start as usize..(slot.start + slot.len) as usize],
        }
    }

    /// A node's links, to tag them; their order and number stay.
    pub fn of_mut(&mut self, node: u32) -> &mut [Link] {
        let slot = &mut self.slots[node as usize];
        let (start, len) = (slot.start as usize, slot.len as usize);
        if len <= INLINE {
            &mut slot.inline[..len]
        } else {
            &mut self.cells[start..start + len]
        }
    }

    /// Inserts a link so that `at` links come before it.
    pub fn insert(&mut self, node: u32, at: usize, link: Link) {
        let len = self.slots[node as usize].len;
        self.resize(node, len + 1);
        let links = self.of_mut(node);
        links.copy_within(at..len as usize, at + 1);
        links[at] = link;
    }

    /// Removes the link that `at` links come before.
    pub fn remove(&mut self, node: u32, at: usize) {
        let links = self.of_mut(node);
        links.copy_within(at + 1.., at);
        let len = self.slots[node as usize].len;
        self.resize(node, len - 1);
    }

    /// Changes the length by one and moves the links that stay to where a list of that length is kept.
    fn resize(&mut self, node: u32, len: u32) {
        let Slot {
            start,
            len: old,
            mut inline,
            ..
        } = self.slots[node as usize];
        let (before, after) = (capacity(old), capacity(len));
        let from = start as usize;
        let mut moved = start;
        if before < after {
            moved = self.take_block(after);
            let to = moved as usize;
            if before == 0 {
                self.cells[to..to + old as usize].copy_from_slice(&inline[..old as usize]);
            } else {
                self.cells.copy_within(from..from + old as usize, to);
                self.give_back(start, before);
            }
        } else if after == 0 && before > 0 {
            inline.copy_from_slice(&self.cells[from..from + len as usize]);
            self.give_back(start, before);
        } else if after < before {
            self.give_back(start + after, before - after);
        }
        let slot = &mut self.slots[node as usize];
        (slot.start, slot.len, slot.inline) = (moved, len, inline);
    }

    fn take_block(&mut self, size: u32) -> u32 {
        if let Some(start) = self.free[size.trailing_zeros() as usize].pop() {
            return start;
        }
        let start = self.cells.len();
        self.cells.resize(start + size as usize, Link::new(0, 0));
        // Cells are at most four per edge of 2^31, and long before that memory ends.
        u32::try_from(start).expect("fewer than 2^32 links")
    }

    fn give_back(&mut self, start: u32, size: u32) {
        self.free[size.trailing_zeros() as usize].push(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_equal_vectors(steps in proptest::collection::vec((0u32..4, any::<prop::sample::Index>(), 0u8..9, any::<bool>()), 1..400)) {
            let mut links = Links::default();
            links.grow_to(6);
            let mut plain = vec![Vec::new(); 6];
            for (number, (node, index, dice, shrinks)) in steps.into_iter().enumerate() {
                let list: &mut Vec<Link> = &mut plain[node as usize];
                // Now and then mostly growing, now and then mostly shrinking.
                let removes = if shrinks && number % 100 > 50 { dice > 1 } else { dice < 3 };
                if removes && !list.is_empty() {
                    let at = index.index(list.len());
                    list.remove(at);
                    links.remove(node, at);
                } else {
                    let at = index.index(list.len() + 1);
                    let link = Link::new(node, number as u32);
                    list.insert(at, link);
                    links.insert(node, at, link);
                }
                for (node, list) in plain.iter().enumerate() {
                    prop_assert_eq!(links.of(node as u32), &list[..]);
                }
            }
        }
    }
}
