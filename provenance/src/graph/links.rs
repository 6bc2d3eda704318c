//! Adjacency lists: for each node its links in a fixed order, all in one block of memory.
//!
//! A list of n links lies in a block of the next power of two of n cells. Growing past it moves the list to a block of twice the
//! size, shrinking below half gives the upper half back; free blocks are kept per size and used again. That costs no allocation per
//! node, and walking a list reads consecutive memory.

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

#[derive(Clone, Copy, Default)]
struct List {
    start: u32,
    len: u32,
}

impl List {
    fn capacity(self) -> u32 {
        if self.len == 0 { 0 } else { self.len.next_power_of_two() }
    }
}

/// The lists of all nodes, by node index.
#[derive(Default)]
pub(super) struct Links {
    lists: Vec<List>,
    cells: Vec<Link>,
    /// Starts of free blocks, by the binary logarithm of their size.
    free: [Vec<u32>; 32],
}

impl Links {
    /// Makes room for nodes up to `count`.
    pub fn grow_to(&mut self, count: usize) {
        if self.lists.len() < count {
            self.lists.resize(count, List::default());
        }
    }

    /// A node's links in order.
    #[inline]
    pub fn of(&self, node: u32) -> &[Link] {
        let list = self.lists[node as usize];
        &self.cells[list.start as usize..(list.start + list.len) as usize]
    }

    /// A node's links, to tag them; their order and number stay.
    pub fn of_mut(&mut self, node: u32) -> &mut [Link] {
        let list = self.lists[node as usize];
        &mut self.cells[list.start as usize..(list.start + list.len) as usize]
    }

    /// Inserts a link so that `at` links come before it.
    pub fn insert(&mut self, node: u32, at: usize, link: Link) {
        let mut list = self.lists[node as usize];
        if list.len == list.capacity() {
            let wider = self.take_block((list.len + 1).next_power_of_two());
            let old = list.start as usize..(list.start + list.len) as usize;
            self.cells.copy_within(old, wider as usize);
            self.give_back(list.start, list.capacity());
            list.start = wider;
        }
        let (from, end) = (list.start as usize + at, (list.start + list.len) as usize);
        self.cells.copy_within(from..end, from + 1);
        self.cells[from] = link;
        list.len += 1;
        self.lists[node as usize] = list;
    }

    /// Removes the link that `at` links come before.
    pub fn remove(&mut self, node: u32, at: usize) {
        let list = self.lists[node as usize];
        let shorter = List {
            start: list.start,
            len: list.len - 1,
        };
        let (from, end) = (list.start as usize + at, (list.start + list.len) as usize);
        self.cells.copy_within(from + 1..end, from);
        if shorter.capacity() < list.capacity() {
            self.give_back(list.start + shorter.capacity(), list.capacity() - shorter.capacity());
        }
        self.lists[node as usize] = shorter;
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
        if size > 0 {
            self.free[size.trailing_zeros() as usize].push(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_equal_vectors(steps in proptest::collection::vec((0u32..6, any::<prop::sample::Index>(), 0u8..3), 1..400)) {
            let mut links = Links::default();
            links.grow_to(6);
            let mut plain = vec![Vec::new(); 6];
            for (number, (node, index, kind)) in steps.into_iter().enumerate() {
                let list: &mut Vec<Link> = &mut plain[node as usize];
                if kind == 0 && !list.is_empty() {
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
