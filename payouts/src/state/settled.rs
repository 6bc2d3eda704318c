//! Revenues that are settled: every line is vested or recomputed away. Nothing happens to them any more, so they need not be in memory: whoever
//! keeps them elsewhere has them forgotten here, once they are final.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::U256;

use super::{Block, Revenue, State};
use crate::codec::{Malformed, Reader, Stored, Writer};
use crate::snapshot::{Archived, PlanDigests};

/// Numbers of revenues, as ranges: a router numbers its revenues one after the other, so there are few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers(BTreeMap<U256, U256>);

impl Numbers {
    pub(super) fn contains(&self, number: U256) -> bool {
        let range = self.0.range(..=number).next_back();
        range.is_some_and(|(_, last)| *last >= number)
    }

    fn insert(&mut self, number: U256) {
        if self.contains(number) {
            return;
        }
        let before = number.checked_sub(U256::ONE);
        let joined = self
            .0
            .range(..number)
            .next_back()
            .filter(|(_, last)| Some(**last) == before);
        let first = joined.map_or(number, |(first, _)| *first);
        let after = number.checked_add(U256::ONE).and_then(|next| self.0.remove(&next));
        self.0.insert(first, after.unwrap_or(number));
    }
}

impl Stored for Numbers {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Stored::take(input).map(Numbers)
    }
}

impl State {
    /// Moves a revenue to those to which nothing happens any more.
    pub(super) fn settle(&mut self, revenue: Arc<Revenue>, digests: &mut PlanDigests, block: &mut Block<'_>) {
        let (id, archived) = (revenue.payment.revenue, Archived::new(&revenue, digests));
        let (count, sum) = self.tables.settled_sum.get(&()).copied().unwrap_or_default();
        let sum = sum.wrapping_add(archived.digest());
        self.tables.settled_sum.set((), (count + 1, sum));
        self.tables.open.set(id, None);
        self.tables.settled.set(id, (block.number, revenue));
        block.output.settled.push(archived);
    }

    /// How many revenues are settled, in memory or not.
    pub fn settled_count(&self) -> u64 {
        self.tables.settled_sum.get(&()).map_or(0, |(count, _)| *count)
    }

    /// How many of them are in memory.
    pub fn settled_in_memory(&self) -> usize {
        self.tables.settled.0.len()
    }

    /// Whether a revenue was settled and forgotten here: it is to be read from where it is kept.
    pub fn is_gone(&self, revenue: U256) -> bool {
        self.gone.contains(revenue)
    }

    /// Forgets the revenues that blocks up to `number`, inclusive, settled, as far as these are final: they are kept elsewhere.
    pub fn forget_settled(&mut self, number: u64) {
        // What can be reverted can come back.
        let first_open = self.blocks.front().map_or(u64::MAX, |applied| applied.block.number);
        let gone = &mut self.gone;
        self.tables.settled.unjournaled().0.retain(|id, (settled_in, _)| {
            let stays = *settled_in > number || *settled_in >= first_open;
            if !stays {
                gone.insert(*id);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_one_after_the_other_are_one_range() {
        let mut numbers = Numbers::default();
        for number in [5u64, 3, 4, 9, 1, 2, 5, 8] {
            numbers.insert(U256::from(number));
        }
        let ranges = [(1u64, 5u64), (8, 9)].map(|(first, last)| (U256::from(first), U256::from(last)));
        assert_eq!(numbers.0, BTreeMap::from(ranges));
        for (number, known) in [(0u64, false), (1, true), (5, true), (6, false), (8, true), (10, false)] {
            assert_eq!(numbers.contains(U256::from(number)), known, "{number}");
        }
        numbers.insert(U256::MAX);
        numbers.insert(U256::ZERO);
        assert!(numbers.contains(U256::MAX) && numbers.contains(U256::ZERO));
    }
}
