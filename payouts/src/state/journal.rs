//! Tables that remember what they were: every change notes the value before it, so that going back to any earlier position gives exactly
//! what was there. This is the whole of how a reorganisation is undone; nothing else in the state knows of one.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::codec::{Malformed, Reader, Stored, Writer};

/// A container whose every change is "this key has this value now".
pub trait Store {
    /// Names an entry.
    type Key: Clone;
    /// What an entry is.
    type Value;

    /// Sets or, with `None`, removes an entry; returns what was there.
    fn replace(&mut self, key: Self::Key, value: Option<Self::Value>) -> Option<Self::Value>;
}

/// A store that can go back. Read it as the store that it wraps.
#[derive(Clone, Debug)]
pub struct Journaled<S: Store> {
    store: S,
    journal: VecDeque<(S::Key, Option<S::Value>)>,
    /// Entries of the journal that were dropped at its front.
    dropped: u64,
}

impl<S: Store + Default> Default for Journaled<S> {
    fn default() -> Self {
        Journaled {
            store: S::default(),
            journal: VecDeque::new(),
            dropped: 0,
        }
    }
}

impl<S: Store> Deref for Journaled<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.store
    }
}

/// The journal is how the content came about, not what it is.
impl<S: Store + Hash> Hash for Journaled<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.store.hash(state);
    }
}

impl<S: Store> Journaled<S> {
    /// The store itself, for what is no change of its content: nothing that is done here is undone.
    pub fn unjournaled(&mut self) -> &mut S {
        &mut self.store
    }

    /// Sets or, with `None`, removes an entry.
    pub fn set(&mut self, key: S::Key, value: impl Into<Option<S::Value>>) {
        let before = self.store.replace(key.clone(), value.into());
        self.journal.push_back((key, before));
    }
}

/// The content alone: what was read back does not go back.
impl<S: Store + Stored> Stored for Journaled<S> {
    fn put(&self, out: &mut Writer) {
        self.store.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Journaled {
            store: S::take(input)?,
            journal: VecDeque::new(),
            dropped: 0,
        })
    }
}

/// What the state does with every table alike, whatever is in it.
pub trait Rewind {
    /// How many changes there were.
    fn position(&self) -> u64;

    /// Undoes every change after `position`, which was not forgotten.
    fn rewind(&mut self, position: u64);

    /// Forgets how to undo the changes up to `position`.
    fn forget(&mut self, position: u64);
}

impl<S: Store> Rewind for Journaled<S> {
    fn position(&self) -> u64 {
        self.dropped + self.journal.len() as u64
    }

    fn rewind(&mut self, position: u64) {
        assert!(position >= self.dropped, "what is final is not undone");
        while self.position() > position {
            let (key, before) = self.journal.pop_back().expect("a position after the last dropped");
            self.store.replace(key, before);
        }
    }

    fn forget(&mut self, position: u64) {
        while self.dropped < position && self.journal.pop_front().is_some() {
            self.dropped += 1;
        }
    }
}

impl<K: Ord + Clone, V> Store for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn replace(&mut self, key: K, value: Option<V>) -> Option<V> {
        match value {
            Some(value) => self.insert(key, value),
            None => self.remove(&key),
        }
    }
}

/// Entries that may be kept elsewhere, so that a state is the same with and without them.
#[derive(Clone, Debug)]
pub struct Apart<K, V>(pub BTreeMap<K, V>);

impl<K, V> Default for Apart<K, V> {
    fn default() -> Self {
        Apart(BTreeMap::new())
    }
}

impl<K, V> Hash for Apart<K, V> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl<K: Ord + Clone, V> Store for Apart<K, V> {
    type Key = K;
    type Value = V;

    fn replace(&mut self, key: K, value: Option<V>) -> Option<V> {
        self.0.replace(key, value)
    }
}

impl<K: Stored + Ord, V: Stored> Stored for Apart<K, V> {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Stored::take(input).map(Apart)
    }
}

/// Rows by number; the next number adds a row, and only the last row is ever removed.
impl<V> Store for Vec<V> {
    type Key = u32;
    type Value = V;

    fn replace(&mut self, row: u32, value: Option<V>) -> Option<V> {
        match value {
            Some(value) if row as usize == self.len() => {
                self.push(value);
                None
            }
            Some(value) => Some(std::mem::replace(&mut self[row as usize], value)),
            None => {
                assert_eq!(row as usize + 1, self.len(), "only the last row is removed");
                self.pop()
            }
        }
    }
}

/// A map per row. Rows at the end without entries do not exist, so equal contents are equal values.
#[derive(Clone, Debug, Hash)]
pub struct Nested<K, V>(Vec<Row<K, V>>);

/// Most assets have a few contributors and shareholders, and 10,000 such rows are read for one revenue: those lie side by side. A tree takes
/// over where there are many.
#[derive(Clone, Debug, Hash)]
enum Row<K, V> {
    /// By rising key, at most [`FEW`].
    Few(Vec<(K, V)>),
    /// More than that.
    Many(BTreeMap<K, V>),
}

const FEW: usize = 32;

impl<K: Ord, V> Row<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        match self {
            Row::Few(few) => few
                .binary_search_by(|(other, _)| other.cmp(key))
                .ok()
                .map(|place| &few[place].1),
            Row::Many(many) => many.get(key),
        }
    }

    fn replace(&mut self, key: K, value: Option<V>) -> Option<V> {
        match self {
            Row::Few(few) => match (few.binary_search_by(|(other, _)| other.cmp(&key)), value) {
                (Ok(place), Some(value)) => Some(std::mem::replace(&mut few[place].1, value)),
                (Ok(place), None) => Some(few.remove(place).1),
                (Err(_), None) => None,
                (Err(place), Some(value)) => {
                    few.insert(place, (key, value));
                    if few.len() > FEW {
                        *self = Row::Many(std::mem::take(few).into_iter().collect());
                    }
                    None
                }
            },
            Row::Many(many) => {
                let before = match value {
                    Some(value) => many.insert(key, value),
                    None => many.remove(&key),
                };
                if many.len() <= FEW {
                    *self = Row::Few(std::mem::take(many).into_iter().collect());
                }
                before
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many): (&[(K, V)], _) = match self {
            Row::Few(few) => (few, None),
            Row::Many(many) => (&[], Some(many)),
        };
        few.iter()
            .map(|(key, value)| (key, value))
            .chain(many.into_iter().flatten())
    }
}

impl<K: Stored + Ord, V: Stored> Stored for Nested<K, V> {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let rows: Vec<Row<K, V>> = Stored::take(input)?;
        match rows.last() {
            Some(Row::Few(few)) if few.is_empty() => Err(Malformed("rows that do not exist")),
            _ => Ok(Nested(rows)),
        }
    }
}

/// As a list, by rising key.
impl<K: Stored + Ord, V: Stored> Stored for Row<K, V> {
    fn put(&self, out: &mut Writer) {
        (self.iter().count() as u64).put(out);
        for (key, value) in self.iter() {
            key.put(out);
            value.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let entries: Vec<(K, V)> = Stored::take(input)?;
        if !entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Err(Malformed("a row"));
        }
        Ok(match entries.len() {
            ..=FEW => Row::Few(entries),
            _ => Row::Many(entries.into_iter().collect()),
        })
    }
}

impl<K, V> Default for Nested<K, V> {
    fn default() -> Self {
        Nested(Vec::new())
    }
}

impl<K: Ord, V> Nested<K, V> {
    /// The row's entries, by rising key.
    pub fn row(&self, row: u32) -> impl Iterator<Item = (&K, &V)> {
        self.0.get(row as usize).into_iter().flat_map(Row::iter)
    }

    /// One entry.
    pub fn get(&self, row: u32, key: &K) -> Option<&V> {
        self.0.get(row as usize)?.get(key)
    }
}

impl<K: Ord + Clone, V> Store for Nested<K, V> {
    type Key = (u32, K);
    type Value = V;

    fn replace(&mut self, (row, key): (u32, K), value: Option<V>) -> Option<V> {
        let row = row as usize;
        if value.is_some() && self.0.len() <= row {
            self.0.resize_with(row + 1, || Row::Few(Vec::new()));
        }
        let before = self.0.get_mut(row)?.replace(key, value);
        while matches!(self.0.last(), Some(Row::Few(few)) if few.is_empty()) {
            self.0.pop();
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_gives_what_was_there() {
        let mut map: Journaled<BTreeMap<u8, u8>> = Journaled::default();
        map.set(1, 10);
        let position = map.position();
        map.set(1, 11);
        map.set(2, 20);
        map.set(1, None);
        map.rewind(position);
        assert_eq!(*map, BTreeMap::from([(1, 10)]));
        map.forget(position);
        map.set(3, 30);
        map.rewind(position);
        assert_eq!(*map, BTreeMap::from([(1, 10)]));
    }

    #[test]
    fn a_row_of_many_entries_is_the_same_map() {
        let mut nested: Journaled<Nested<u32, u32>> = Journaled::default();
        let entries = |nested: &Nested<u32, u32>| nested.row(0).map(|(key, value)| (*key, *value)).collect::<Vec<_>>();
        let mut map = BTreeMap::new();
        let mut seen = Vec::new();
        for step in 0..200u32 {
            seen.push((nested.position(), map.clone()));
            // Scattered keys, some of them twice; the second half takes away.
            let (key, value) = (step * 37 % 61, (step < 100).then_some(step));
            nested.set((0, key), value);
            map.replace(key, value);
            assert!(
                entries(&nested)
                    .into_iter()
                    .eq(map.iter().map(|(key, value)| (*key, *value)))
            );
            assert_eq!(nested.get(0, &key), map.get(&key));
        }
        assert!(seen.iter().any(|(_, map)| map.len() > FEW));
        for (position, map) in seen.into_iter().rev() {
            nested.rewind(position);
            assert!(entries(&nested).into_iter().eq(map));
        }
    }

    #[test]
    fn rows_without_entries_leave_no_trace() {
        let mut nested: Journaled<Nested<u8, u8>> = Journaled::default();
        nested.set((3, 1), 1);
        nested.rewind(0);
        assert_eq!(nested.0.len(), 0);
    }
}
