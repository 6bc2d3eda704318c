//! A value with a history: who owns a token, what an account holds. Changes within one block collapse into one, so that no row is true
//! for no block at all.

use super::rows::At;

/// One key's value through a batch. `V` is absent where there is no row: no owner, a balance of zero.
#[derive(Clone, Debug)]
pub struct Held<V> {
    /// The row that is open at the end of the block before `pending`'s.
    open: Option<Span<V>>,
    /// What the block that is being applied has made of it so far.
    pending: Option<Pending<V>>,
}

#[derive(Clone, Debug)]
struct Span<V> {
    value: V,
    at: At,
    /// Whether the row is in the tables, or began in this batch.
    stored: bool,
}

#[derive(Clone, Debug)]
struct Pending<V> {
    value: Option<V>,
    at: At,
}

/// What a change of block makes of the rows of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<V> {
    /// A row that began in this batch, closed already if `until` is set.
    Insert {
        /// What is true.
        value: V,
        /// Since when.
        at: At,
        /// Until when (exclusive).
        until: Option<u64>,
    },
    /// A row of the tables ends.
    Close {
        /// The row's first block.
        from: u64,
        /// The block that ended it (exclusive).
        until: u64,
    },
}

impl<V> Default for Held<V> {
    fn default() -> Self {
        Held {
            open: None,
            pending: None,
        }
    }
}

impl<V: Clone + PartialEq> Held<V> {
    /// Fills in the open row that the tables hold.
    pub fn load(&mut self, value: V, from: u64) {
        // The log that made a stored row is in the tables and never written again.
        let at = At {
            block: from,
            log_index: 0,
        };
        self.open = Some(Span {
            value,
            at,
            stored: true,
        });
    }

    /// What is true now.
    pub fn current(&self) -> Option<&V> {
        match &self.pending {
            Some(pending) => pending.value.as_ref(),
            None => self.open.as_ref().map(|span| &span.value),
        }
    }

    /// Sets the value. Blocks never go backwards within a batch; entering a new one settles the one before.
    pub fn set(&mut self, value: Option<V>, at: At, mut emit: impl FnMut(Change<V>)) {
        if self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.at.block != at.block)
        {
            self.settle(&mut emit);
        }
        if self.current() != value.as_ref() {
            self.pending = Some(Pending { value, at });
        }
    }

    /// Ends the batch for this key.
    pub fn finish(mut self, mut emit: impl FnMut(Change<V>)) {
        self.settle(&mut emit);
        if let Some(Span {
            value,
            at,
            stored: false,
        }) = self.open
        {
            emit(Change::Insert { value, at, until: None });
        }
    }

    /// Turns what the last block made of the value into rows. A block that left it as it found it leaves no trace.
    fn settle(&mut self, emit: &mut impl FnMut(Change<V>)) {
        let Some(Pending { value, at }) = self.pending.take() else {
            return;
        };
        if self.open.as_ref().map(|span| &span.value) == value.as_ref() {
            return;
        }
        let until = at.block;
        match self.open.take() {
            Some(Span { at, stored: true, .. }) => emit(Change::Close { from: at.block, until }),
            Some(Span { value, at, .. }) => emit(Change::Insert {
                value,
                at,
                until: Some(until),
            }),
            None => {}
        }
        self.open = value.map(|value| Span {
            value,
            at,
            stored: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(block: u64, log_index: u32) -> At {
        At { block, log_index }
    }

    fn run(stored: Option<(u8, u64)>, sets: &[(Option<u8>, u64, u32)]) -> Vec<Change<u8>> {
        let mut held = Held::default();
        if let Some((value, from)) = stored {
            held.load(value, from);
        }
        let mut changes = Vec::new();
        for (value, block, log_index) in sets {
            held.set(*value, at(*block, *log_index), |change| changes.push(change));
        }
        held.finish(|change| changes.push(change));
        changes
    }

    #[test]
    fn changes_within_one_block_collapse_into_the_last() {
        let insert = |value, at, until| Change::Insert { value, at, until };
        assert_eq!(
            run(None, &[(Some(1), 5, 0), (Some(2), 5, 3)]),
            [insert(2, at(5, 3), None)]
        );
        assert_eq!(run(None, &[(Some(1), 5, 0), (None, 5, 3)]), []);
        assert_eq!(
            run(Some((1, 2)), &[(Some(2), 5, 0), (Some(1), 5, 1)]),
            [],
            "as it was found"
        );
        assert_eq!(
            run(Some((1, 2)), &[(Some(2), 5, 0), (Some(3), 5, 1)]),
            [Change::Close { from: 2, until: 5 }, insert(3, at(5, 1), None)]
        );
    }

    #[test]
    fn a_row_that_begins_and_ends_within_the_batch_is_inserted_closed() {
        let insert = |value, at, until| Change::Insert { value, at, until };
        assert_eq!(
            run(
                Some((1, 2)),
                &[(Some(2), 5, 0), (Some(2), 6, 0), (None, 7, 0), (Some(3), 9, 1)]
            ),
            [
                Change::Close { from: 2, until: 5 },
                insert(2, at(5, 0), Some(7)),
                insert(3, at(9, 1), None)
            ]
        );
        assert_eq!(
            run(Some((1, 2)), &[(None, 5, 0)]),
            [Change::Close { from: 2, until: 5 }]
        );
    }
}
