//! This engine's outcomes beside those in the stream of events. Pure: batches in, the first difference out.

use std::collections::VecDeque;
use std::sync::Arc;

use souk_schema::B256;
use souk_schema::exchange::encoding::encode_outcomes;
use souk_schema::exchange::{CommandNumber, OutcomeBatch};

/// What differs between this engine and the events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The outcomes of a command, or the states after it.
    Outcome {
        command: CommandNumber,
        problem: &'static str,
    },
    /// The events leave commands out.
    Gap { after: CommandNumber, found: CommandNumber },
}

/// Outcomes of this engine that are not known to be in the stream of events, and events that this engine has not come to.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The last command whose outcome is in the stream and, where this engine decided it, equal to its own.
    published: CommandNumber,
    /// By rising number, without gaps, from `published + 1` on; the first batch may begin before.
    own: VecDeque<Arc<OutcomeBatch>>,
    /// Outcomes in `own`, to bound them.
    own_outcomes: usize,
    theirs: VecDeque<OutcomeBatch>,
}

impl Comparison {
    /// Begins with an engine whose outcomes up to a command are in the stream.
    pub(crate) fn new(published: CommandNumber) -> Comparison {
        Comparison {
            published,
            own: VecDeque::new(),
            own_outcomes: 0,
            theirs: VecDeque::new(),
        }
    }

    pub(crate) fn published(&self) -> CommandNumber {
        self.published
    }

    /// Outcomes of this engine that wait for their like in the stream.
    pub(crate) fn unpublished(&self) -> usize {
        self.own_outcomes
    }

    /// Whether events wait for this engine to come to them.
    pub(crate) fn is_behind(&self) -> bool {
        !self.theirs.is_empty()
    }

    /// What this engine decided next.
    pub(crate) fn decided(&mut self, batch: Arc<OutcomeBatch>) -> Result<(), Difference> {
        self.own_outcomes += batch.outcomes.len();
        self.own.push_back(batch);
        self.compare()
    }

    /// Whether this engine's next batch, as it would be written, is what the stream of events has next. Then it counts as compared: equal
    /// bytes are equal outcomes and states, and need not be taken apart. `false` says nothing, and changes nothing.
    pub(crate) fn is_written_alike(&mut self, stored: &[u8]) -> bool {
        let Some(batch) = self.own.front().filter(|_| self.theirs.is_empty()) else {
            return false;
        };
        let (first, last) = (batch.outcomes.first(), batch.outcomes.last());
        let is_whole = first.is_some_and(|first| first.number.0 == self.published.0 + 1);
        let is_alike = is_whole && encode_outcomes(batch)[..] == *stored;
        if let (true, Some(last)) = (is_alike, last) {
            let reached = last.number;
            self.published = reached;
            self.drop_own_until(reached);
        }
        is_alike
    }

    /// What the stream of events says next.
    pub(crate) fn read(&mut self, batch: OutcomeBatch) -> Result<(), Difference> {
        self.theirs.push_back(batch);
        self.compare()
    }

    /// This engine's first batches that are not in the stream, together at most so many outcomes, at least one batch if there is any. A batch
    /// of which the stream has a part goes without that part.
    pub(crate) fn to_publish(&self, most: usize) -> Vec<Arc<OutcomeBatch>> {
        let mut outcomes = 0;
        let fitting = self.own.iter().take_while(|batch| {
            let is_first = outcomes == 0;
            outcomes += batch.outcomes.len();
            is_first || outcomes <= most
        });
        fitting.map(|batch| self.rest_of(batch)).collect()
    }

    /// The stream has the first so many batches now.
    pub(crate) fn published_batches(&mut self, count: usize) {
        for batch in self.own.drain(..count) {
            self.own_outcomes -= batch.outcomes.len();
            if let Some(last) = batch.outcomes.last() {
                self.published = last.number;
            }
        }
    }

    fn rest_of(&self, batch: &Arc<OutcomeBatch>) -> Arc<OutcomeBatch> {
        let seen = batch
            .outcomes
            .partition_point(|outcome| outcome.number <= self.published);
        if seen == 0 {
            return Arc::clone(batch);
        }
        let mut rest = OutcomeBatch::clone(batch);
        rest.outcomes.drain(..seen);
        Arc::new(rest)
    }

    fn compare(&mut self) -> Result<(), Difference> {
        while let Some(theirs) = self.theirs.front() {
            let (reached, result) = self.compare_with(theirs);
            let is_done = theirs.outcomes.last().is_none_or(|last| last.number <= reached);
            self.published = reached;
            result?;
            self.drop_own_until(reached);
            if !is_done {
                return Ok(());
            }
            self.theirs.pop_front();
        }
        Ok(())
    }

    /// Compares as far as this engine has come: the last command that is equal, and what is not.
    fn compare_with(&self, theirs: &OutcomeBatch) -> (CommandNumber, Result<(), Difference>) {
        let mut reached = self.published;
        let last = theirs.outcomes.last().map(|outcome| outcome.number);
        let mut own = self.own.iter().flat_map(|batch| {
            let last = batch.outcomes.last().map(|outcome| outcome.number);
            batch
                .outcomes
                .iter()
                .map(move |outcome| (outcome, batch.state_hash.filter(|_| Some(outcome.number) == last)))
        });
        for outcome in &theirs.outcomes {
            if outcome.number <= reached {
                // Written twice by two primaries: readers skip what they have seen.
                continue;
            }
            if outcome.number.0 != reached.0 + 1 {
                let found = outcome.number;
                return (reached, Err(Difference::Gap { after: reached, found }));
            }
            let Some((mine, my_hash)) = own.find(|(mine, _)| mine.number == outcome.number) else {
                return (reached, Ok(()));
            };
            let command = outcome.number;
            let their_hash = theirs.state_hash.filter(|_| Some(command) == last);
            if mine != outcome {
                let problem = "the outcomes differ";
                return (reached, Err(Difference::Outcome { command, problem }));
            }
            if differ(my_hash, their_hash) {
                let problem = "the states after it differ";
                return (reached, Err(Difference::Outcome { command, problem }));
            }
            reached = command;
        }
        (reached, Ok(()))
    }

    fn drop_own_until(&mut self, reached: CommandNumber) {
        while let Some(batch) = self.own.front()
            && batch.outcomes.last().is_none_or(|last| last.number <= reached)
        {
            self.own_outcomes -= batch.outcomes.len();
            self.own.pop_front();
        }
    }
}

fn differ(mine: Option<B256>, theirs: Option<B256>) -> bool {
    mine.zip(theirs).is_some_and(|(mine, theirs)| mine != theirs)
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
