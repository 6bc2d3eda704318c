//! What is owed in all: cumulative amounts per account and token, what a root counts, and what finalised roots vest.
//!
//! The root of an epoch counts what earlier finalised roots counted, and every portion that at the end of the block that it was computed at
//! had arrived, was not held and was not recomputed away. All of this follows from the log alone (PAY-3), later than the block as well: holds
//! and portions know from when until when. A finalised amount never falls.

use std::sync::Arc;

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, U256};
use souk_schema::id::BlockRef;

use super::tables::{Epoch, RootStatus};
use super::{Block, Change, Refused, Revenue, State, Tables};
use crate::snapshot::PlanDigests;

/// What an account may have claimed of a token in all, as of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The account.
    pub account: Address,
    /// The ERC-20.
    pub token: Address,
    /// Base units over all time; positive. More than 2^256 - 1, which only a false token can come to, counts as that.
    pub cumulative: U256,
}

/// A root that can still be disputed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRoot {
    /// Its epoch.
    pub epoch: u64,
    /// What was proposed.
    pub proposed: Epoch,
    /// Revenues and portions that it counts and that are held, or were recomputed, by now. If there are any, it is to be replaced.
    pub spoiled: Vec<(U256, u32)>,
}

impl Tables {
    /// Whether a root that was computed at the end of `block` counts the portion, earlier roots apart.
    fn counts(&self, revenue: &Revenue, portion: u32, block: u64) -> bool {
        if revenue.since(portion) > block {
            return false;
        }
        revenue.marks.get(&portion).is_none_or(|mark| {
            mark.until.is_none_or(|until| until > block)
                && !mark.holds.iter().any(|key| self.holds[key].holds_at(block))
        })
    }

    /// The last finalised epoch and its root.
    fn last_finalised(&self) -> Option<(u64, &Epoch)> {
        let mut epochs = self.epochs.iter().rev();
        epochs
            .find(|(_, epoch)| epoch.status == RootStatus::Finalised)
            .map(|(number, epoch)| (*number, epoch))
    }

    /// A root that was computed before an earlier one adds nothing to it: what it would count late may have been recomputed for that one.
    fn adds(&self, block: u64) -> bool {
        let mut finalised = self
            .epochs
            .values()
            .filter(|epoch| epoch.status == RootStatus::Finalised);
        finalised.all(|epoch| epoch.computed_at.number <= block)
    }
}

impl State {
    /// What a root computed at the end of `block` says, after the roots that are finalised by now; by rising account and token.
    pub fn entries(&mut self, block: u64) -> Vec<Entry> {
        let State { tables, splitter, .. } = self;
        let mut sums: HashMap<(Address, Address), U256> = tables.vested.iter().map(|(key, sum)| (*key, *sum)).collect();
        if tables.adds(block) {
            let arrived = tables.open.values().filter(|revenue| revenue.block <= block);
            for revenue in arrived {
                for portion in revenue.portions(splitter) {
                    let vested = revenue
                        .marks
                        .get(&portion.number)
                        .is_some_and(|mark| mark.vested.is_some());
                    if !vested && tables.counts(revenue, portion.number, block) {
                        portion.lines(revenue, tables, splitter, |line| {
                            let sum = sums.entry((line.recipient, line.token)).or_default();
                            *sum = sum.saturating_add(line.amount);
                        });
                    }
                }
            }
        }
        let entry = |((account, token), cumulative)| Entry {
            account,
            token,
            cumulative,
        };
        let mut entries: Vec<Entry> = sums.into_iter().map(entry).collect();
        entries.sort_unstable();
        entries
    }

    /// What finalised roots owe an account in a token.
    pub fn vested(&self, account: Address, token: Address) -> U256 {
        self.tables.vested.get(&(account, token)).copied().unwrap_or_default()
    }

    /// What an account was paid of a token.
    pub fn claimed(&self, account: Address, token: Address) -> U256 {
        self.tables.claimed.get(&(account, token)).copied().unwrap_or_default()
    }

    /// What an account was paid, by rising token.
    pub fn claims_of(&self, account: Address) -> impl Iterator<Item = (Address, U256)> {
        let tokens = (account, Address::ZERO)..=(account, Address::repeat_byte(0xff));
        let claims = self.tables.claimed.range(tokens);
        claims.map(|((_, token), cumulative)| (*token, *cumulative))
    }

    /// The last root proposed for an epoch, and what became of it.
    pub fn epoch(&self, epoch: u64) -> Option<&Epoch> {
        self.tables.epochs.get(&epoch)
    }

    /// The epoch of the last finalised root; 0 before the first.
    pub fn finalised_epoch(&self) -> u64 {
        self.tables.last_finalised().map_or(0, |(epoch, _)| epoch)
    }

    /// The root that is pending, with what must not be in it any more.
    pub fn pending_root(&self) -> Option<PendingRoot> {
        let (number, epoch) = self.tables.epochs.last_key_value()?;
        if epoch.status != RootStatus::Pending {
            return None;
        }
        Some(PendingRoot {
            epoch: *number,
            proposed: epoch.clone(),
            spoiled: self.spoiled(epoch.computed_at.number),
        })
    }

    /// Revenues and portions that a root computed at the end of `block` counts and that are held, or were recomputed, by now.
    pub fn spoiled(&self, block: u64) -> Vec<(U256, u32)> {
        let tables = &self.tables;
        let mut spoiled = Vec::new();
        if !tables.adds(block) {
            return spoiled;
        }
        for revenue in tables.open.values().filter(|revenue| revenue.block <= block) {
            for (portion, mark) in &revenue.marks {
                let held_now = mark.holds.iter().any(|key| tables.active.contains_key(key));
                let gone = mark.vested.is_none() && (held_now || mark.until.is_some());
                if gone && tables.counts(revenue, *portion, block) {
                    spoiled.push((revenue.payment.revenue, *portion));
                }
            }
        }
        spoiled
    }

    /// Whether a root computed at the end of `block` counts a portion that no finalised one does. Sums nothing, so the portion may be of no
    /// amount, and [`State::entries`] as they were.
    pub fn has_news(&self, block: u64) -> bool {
        let tables = &self.tables;
        let is_new = |revenue: &Revenue, portion: u32| {
            let mark = revenue.marks.get(&portion);
            mark.is_none_or(|mark| mark.vested.is_none()) && tables.counts(revenue, portion, block)
        };
        let mut arrived = tables.open.values().filter(|revenue| revenue.block <= block);
        tables.adds(block)
            && arrived.any(|revenue| (0..revenue.portion_count()).any(|portion| is_new(revenue, portion)))
    }

    pub(super) fn root_proposed(&mut self, epoch: u64, root: B256, computed_at: BlockRef) {
        self.tables.epochs.set(
            epoch,
            Epoch {
                root,
                computed_at,
                status: RootStatus::Pending,
            },
        );
    }

    pub(super) fn root_dropped(&mut self, number: u64) -> Result<(), Refused> {
        let epoch = self.pending(number)?;
        self.tables.epochs.set(
            number,
            Epoch {
                status: RootStatus::Dropped,
                ..epoch
            },
        );
        Ok(())
    }

    fn pending(&self, number: u64) -> Result<Epoch, Refused> {
        let epoch = self
            .tables
            .epochs
            .get(&number)
            .filter(|epoch| epoch.status == RootStatus::Pending);
        epoch.cloned().ok_or(Refused::NoPendingRoot(number))
    }

    pub(super) fn root_finalised(&mut self, number: u64, root: B256, block: &mut Block<'_>) -> Result<(), Refused> {
        let epoch = self.pending(number)?;
        if epoch.root != root {
            return Err(Refused::NoPendingRoot(number));
        }
        let at = epoch.computed_at.number;
        let adds = self.tables.adds(at);
        self.tables.epochs.set(
            number,
            Epoch {
                status: RootStatus::Finalised,
                ..epoch
            },
        );
        if adds {
            let arrived = self.tables.open.values().filter(|revenue| revenue.block <= at);
            let arrived: Vec<Arc<Revenue>> = arrived.cloned().collect();
            let (mut sums, mut digests) = (HashMap::default(), PlanDigests::default());
            for revenue in arrived {
                self.vest(&revenue, (number, at), &mut sums, &mut digests, block);
            }
            // Each account is set once, in order, so that the journal is the same everywhere.
            let mut sums: Vec<_> = sums.into_iter().collect();
            sums.sort_unstable();
            for ((account, token), sum) in sums {
                let vested = self.vested(account, token).saturating_add(sum);
                self.tables.vested.set((account, token), vested);
            }
        }
        Ok(())
    }

    /// Vests what a root that was computed at the end of block `at` counts of a revenue.
    fn vest(
        &mut self,
        revenue: &Revenue,
        (epoch, at): (u64, u64),
        sums: &mut HashMap<(Address, Address), U256>,
        digests: &mut PlanDigests,
        block: &mut Block<'_>,
    ) {
        let id = revenue.payment.revenue;
        let mut changed = revenue.clone();
        // Most revenues were never held, and a mark for each of their portions would say the same.
        let whole = revenue.marks.is_empty();
        changed.vested_whole = whole.then_some(epoch);
        if whole {
            block.output.change(id, None, Change::Vested(epoch));
        }
        for portion in revenue.portions(&mut self.splitter) {
            let (number, mark) = (portion.number, revenue.marks.get(&portion.number));
            if mark.is_some_and(|mark| mark.vested.is_some()) || !self.tables.counts(revenue, number, at) {
                continue;
            }
            if !whole {
                let mark = changed.marks.entry(number).or_default();
                mark.vested = Some(epoch);
                if mark.until.take().is_some() {
                    block.output.change(id, number, Change::Restored);
                    cancel(&mut changed, number, block);
                }
            }
            if !whole {
                block.output.change(id, number, Change::Vested(epoch));
            }
            portion.lines(revenue, &self.tables, &mut self.splitter, |line| {
                let sum: &mut U256 = sums.entry((line.recipient, line.token)).or_default();
                *sum = sum.saturating_add(line.amount);
            });
        }
        let settled = |mark: &super::Mark| mark.vested.is_some() || mark.until.is_some();
        let is_settled =
            whole || (0..changed.portion_count()).all(|number| changed.marks.get(&number).is_some_and(settled));
        let changed = Arc::new(changed);
        match is_settled {
            true => self.settle(changed, digests, block),
            false => self.tables.open.set(id, changed),
        }
    }
}

/// A finalised root counts what a later judgement took away. It is vested, so what stood in its place never counts, not even as of a block in
/// between. None of that is vested: an earlier root was computed before this one, and so before the judgement.
fn cancel(revenue: &mut Revenue, portion: u32, block: &mut Block<'_>) {
    let mut replaced = portion;
    let first = revenue.portion_count() - revenue.later.len() as u32;
    for number in first..revenue.portion_count() {
        let since = revenue.since(number);
        if revenue.later(number).is_some_and(|later| later.instead_of == replaced) {
            let mark = revenue.marks.entry(number).or_default();
            if mark.until.replace(since).is_none() {
                block.output.change(revenue.payment.revenue, number, Change::Ended);
            }
            replaced = number;
        }
    }
}
