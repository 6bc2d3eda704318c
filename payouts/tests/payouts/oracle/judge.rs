//! What holds, what a judgement takes away, and what roots count: by looking at everything, at the end of every block.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use souk_payouts::Route;
use souk_payouts::state::HoldKey;

use super::{Oracle, Portion, Revenue};
use crate::economy::{DISTRIBUTOR, EXECUTIONS};

impl Oracle {
    pub(super) fn resolve(&mut self, key: HoldKey, upheld: bool, voided: Option<U256>) {
        let subject = self.holds.remove(&key).expect("it is open");
        let open = self.holds.clone();
        for revenue in self.revenues.values_mut() {
            for place in 0..revenue.portions.len() {
                let portion = revenue.portions[place].clone();
                if !portion.holds.contains(&key) || portion.ended || portion.vested {
                    continue;
                }
                revenue.portions[place].holds.remove(&key);
                if !upheld {
                    continue;
                }
                let source = revenue.payment.asset;
                let new = match key {
                    HoldKey::Dispute(_) if portion.asset == subject => match portion.route {
                        Route::RoyaltyLap | Route::RoyaltyLrp => {
                            let own = revenue
                                .portions
                                .iter()
                                .find(|portion| portion.route == Route::Own)
                                .expect("its own");
                            let payees = own.payees.clone().expect("not the protocol's");
                            Some(Portion {
                                asset: source,
                                route: Route::Returned,
                                lines: payees.lines(portion.amount),
                                payees: Some(payees),
                                paths: vec![vec![source]; portion.paths.len()],
                                ..portion.clone()
                            })
                        }
                        Route::Own | Route::Returned => {
                            let new = Oracle::protocol(source, Route::Forfeited, portion.amount, revenue.fee_account);
                            Some(Portion {
                                paths: vec![vec![source]; portion.paths.len()],
                                ..new
                            })
                        }
                        _ => None,
                    },
                    HoldKey::Challenge(_) => voided.and_then(|id| {
                        let mut payees = portion.payees.clone()?;
                        (self.contributions[&id].asset == portion.asset).then_some(())?;
                        payees.contributions.remove(&id)?;
                        if payees.contributor_share == 0 {
                            return None;
                        }
                        Some(Portion {
                            lines: payees.lines(portion.amount),
                            payees: Some(payees),
                            ..portion.clone()
                        })
                    }),
                    HoldKey::Dispute(_) => None,
                };
                if let Some(mut new) = new {
                    let others = &portion.holds;
                    new.holds = open
                        .iter()
                        .filter(|(other, subject)| {
                            **other != key
                                && others.contains(other)
                                && match other {
                                    HoldKey::Challenge(_) => true,
                                    HoldKey::Dispute(_) => new.paths.iter().any(|path| path.contains(subject)),
                                }
                        })
                        .map(|(other, _)| *other)
                        .collect();
                    new.replaced_by = None;
                    revenue.portions[place].ended = true;
                    revenue.portions[place].replaced_by = Some(revenue.portions.len());
                    revenue.portions.push(new);
                }
            }
        }
    }

    /// What counts now: nothing of what another distributor has.
    pub(super) fn counting(&self) -> BTreeSet<(U256, usize)> {
        let mut counting = BTreeSet::new();
        let ours = self.revenues.iter().filter(|(_, revenue)| revenue.is_ours());
        for (id, revenue) in ours {
            for (place, portion) in revenue.portions.iter().enumerate() {
                if !portion.ended && portion.holds.is_empty() {
                    counting.insert((*id, place));
                }
            }
        }
        counting
    }

    /// What of that a root at the end of `block` adds to those before it.
    fn added(&self, block: u64) -> Vec<(U256, usize)> {
        if self.finalised.is_some_and(|(_, last)| block < last) {
            return Vec::new();
        }
        let Some((_, counted)) = self.counted.range(..=block).next_back() else {
            return Vec::new();
        };
        counted
            .iter()
            .copied()
            .filter(|(id, place)| !self.revenues[id].portions[*place].vested)
            .collect()
    }

    pub fn entries(&self, block: u64) -> BTreeMap<(Address, Address), U256> {
        let mut sums = self.vested.clone();
        for (id, place) in self.added(block) {
            let revenue = &self.revenues[&id];
            for (account, _, amount) in &revenue.portions[place].lines {
                *sums.entry((*account, revenue.payment.token)).or_default() += *amount;
            }
        }
        sums
    }

    /// Whether the pending root counts what is held or recomputed by now.
    pub fn is_spoiled(&self) -> bool {
        let Some((_, block)) = self.pending else {
            return false;
        };
        let counting = self.counting();
        self.added(block).iter().any(|counted| !counting.contains(counted))
    }

    pub(super) fn finalise(&mut self) {
        let (epoch, block) = self.pending.take().expect("a pending root");
        for (id, place) in self.added(block) {
            let revenue = self.revenues.get_mut(&id).expect("counted");
            revenue.portions[place].vested = true;
            revenue.portions[place].ended = false;
            let mut next = revenue.portions[place].replaced_by.take();
            while let Some(place) = next {
                revenue.portions[place].ended = true;
                // It never counted: what it stood for is vested.
                self.counted
                    .values_mut()
                    .for_each(|counted| _ = counted.remove(&(id, place)));
                next = revenue.portions[place].replaced_by;
            }
            for (account, _, amount) in &revenue.portions[place].lines {
                *self.vested.entry((*account, revenue.payment.token)).or_default() += *amount;
            }
        }
        // A root at an older block added nothing, and what counts as the newest block stays.
        let newest = self.finalised.map_or(block, |(_, last)| block.max(last));
        self.finalised = Some((epoch, newest));
    }

    pub(super) fn raise(&mut self, key: HoldKey, subject: U256) {
        self.holds.insert(key, subject);
        self.raised += 1;
        for revenue in self.revenues.values_mut() {
            hold(revenue, key, subject);
        }
    }
}

impl Revenue {
    pub fn is_ours(&self) -> bool {
        self.went_to == DISTRIBUTOR
    }
}

pub(super) fn hold(revenue: &mut Revenue, key: HoldKey, subject: U256) {
    let execution = U256::from_be_bytes(revenue.payment.reference.0);
    let earned = revenue.payment.payer == EXECUTIONS && execution == subject;
    for portion in &mut revenue.portions {
        let covered = match key {
            HoldKey::Dispute(_) => portion.paths.iter().any(|path| path.contains(&subject)),
            HoldKey::Challenge(_) => earned,
        };
        if covered && !portion.ended && !portion.vested {
            portion.holds.insert(key);
        }
    }
}
