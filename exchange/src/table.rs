//! Hash tables from a key to a slot number, where the slot itself holds the key: an entry is 8 bytes, whatever the key is.
//!
//! The hash has a fixed seed, so that every machine does the same work. Nothing here can be iterated over, so nothing depends on its order.

use crate::ahead::fetch;

const EMPTY: u32 = u32::MAX;

/// Entries of a table that is small: half a megabyte.
const SMALL: usize = 1 << 16;

/// Open addressing with linear probing. Deletion shifts back instead of leaving marks, so a table at rest never has to be rebuilt.
#[derive(Clone, Debug, Default)]
pub struct SlotTable {
    /// A power of two of them, or none.
    entries: Vec<Entry>,
    used: usize,
    /// How many entries it takes before it grows.
    room: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The upper half of the hash: where the entry would like to be, and most of what tells it from others.
    tag: u32,
    /// [`EMPTY`] for none.
    slot: u32,
}

/// Mixes two words: the halves of their 128-bit product, folded.
#[inline]
pub fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    (product as u64) ^ (product >> 64) as u64
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Mixes a 20-byte address.
#[inline]
pub fn mix_address(address: &[u8; 20]) -> u64 {
    mix(word(address, 0) ^ word(address, 12).rotate_left(32), word(address, 8))
}

/// Mixes a 32-byte word.
#[inline]
pub fn mix_word(seed: u64, bytes: &[u8; 32]) -> u64 {
    let first = mix(word(bytes, 0) ^ seed, word(bytes, 8));
    mix(first, mix(word(bytes, 16), word(bytes, 24)))
}

impl SlotTable {
    /// The slot with this hash that `is_key` says yes to.
    #[inline]
    pub fn find(&self, hash: u64, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        if self.entries.is_empty() {
            return None;
        }
        let tag = (hash >> 32) as u32;
        let mask = self.entries.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let entry = self.entries[at];
            if entry.slot == EMPTY {
                return None;
            }
            if entry.tag == tag && is_key(entry.slot) {
                return Some(entry.slot);
            }
            at = (at + 1) & mask;
        }
    }

    /// Fetches what [`SlotTable::find`] will read first.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        let mask = self.entries.len().wrapping_sub(1);
        if let Some(entry) = self.entries.get((hash >> 32) as usize & mask) {
            fetch(entry);
        }
    }

    /// The slot that [`SlotTable::find`] will almost certainly give, without a look at it.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// Adds a slot, whose key must not be there yet.
    #[inline]
    pub fn insert(&mut self, hash: u64, slot: u32) {
        if self.used >= self.room {
            self.grow();
        }
        self.used += 1;
        self.put(Entry {
            tag: (hash >> 32) as u32,
            slot,
        });
    }

    /// Takes a slot out.
    ///
    /// # Panics
    ///
    /// Where it is not there.
    #[inline]
    pub fn remove(&mut self, hash: u64, slot: u32) {
        let mask = self.entries.len() - 1;
        let mut at = (hash >> 32) as usize & mask;
        while self.entries[at].slot != slot {
            assert_ne!(self.entries[at].slot, EMPTY, "slot {slot} is in its table");
            at = (at + 1) & mask;
        }
        self.used -= 1;
        // What was pushed beyond this place by collisions moves back into the gap.
        let mut gap = at;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry.slot == EMPTY {
                break;
            }
            let home = entry.tag as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.entries[gap] = entry;
                gap = at;
            }
        }
        self.entries[gap].slot = EMPTY;
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn put(&mut self, entry: Entry) {
        let mask = self.entries.len() - 1;
        let mut at = entry.tag as usize & mask;
        while self.entries[at].slot != EMPTY {
            at = (at + 1) & mask;
        }
        self.entries[at] = entry;
    }

    #[cold]
    fn grow(&mut self) {
        let larger = (self.entries.len() * 2).max(16);
        // A small table is kept a quarter full: it costs little, and what is looked for is nearly always where it would like to be, which the
        // processor guesses right.
        self.room = match larger {
            small if small < SMALL => small / 4,
            large => large / 4 * 3,
        };
        let empty = Entry { tag: 0, slot: EMPTY };
        let old = std::mem::replace(&mut self.entries, vec![empty; larger]);
        for entry in old.into_iter().filter(|entry| entry.slot != EMPTY) {
            self.put(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Few distinct hashes, so that every operation meets collisions.
        #[test]
        fn finds_what_was_put_in_and_nothing_else(steps in proptest::collection::vec((any::<bool>(), 0u32..200), 0..600), spread in 0u32..8) {
            let hash = |key: u32| u64::from(key >> spread) << 32;
            let mut table = SlotTable::default();
            let mut model = BTreeMap::new();
            for (insert, key) in steps {
                if insert && model.insert(key, ()).is_none() {
                    table.insert(hash(key), key);
                } else if !insert && model.remove(&key).is_some() {
                    table.remove(hash(key), key);
                }
                for key in 0..200 {
                    prop_assert_eq!(table.find(hash(key), |slot| slot == key).is_some(), model.contains_key(&key));
                }
            }
        }
    }
}
