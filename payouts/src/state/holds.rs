//! Disputes over assets and challenges of executions: what they hold, and what their resolution does.
//!
//! A dispute holds the lines whose path contains its asset as source, hop or payee; a challenge holds the revenue that the execution earned.
//! What is in a finalised root is vested and not held any more. A dismissal releases; an upheld dispute takes the judged asset's claim out of
//! what it held, an upheld challenge the voided contribution. What a judged asset would have kept stays with the asset that earned the revenue;
//! what that asset itself may not keep goes to the protocol's account. Nobody else's lines change, so no innocent loses by a judgement.

use std::sync::Arc;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use super::revenue::Later;
use super::{Block, Change, Refused, Revenue, State};
use crate::codec::{Malformed, Reader, Stored, Writer, stored};
use crate::fact::Payment;
use crate::rule::{AssetNo, Recipients, Route};

/// What holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HoldKey {
    /// A dispute, by its id in the court.
    Dispute(U256),
    /// A challenge, by its id in the execution log.
    Challenge(U256),
}

/// A dispute or challenge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Id of the asset or of the execution.
    pub subject: U256,
    /// The block that raised it.
    pub since: u64,
    /// The block that resolved it, and whether the challenger was right.
    pub resolved: Option<(u64, bool)>,
}

stored!(Hold {
    subject,
    since,
    resolved
});

impl Stored for HoldKey {
    fn put(&self, out: &mut Writer) {
        let (is_dispute, id) = match self {
            HoldKey::Dispute(id) => (true, id),
            HoldKey::Challenge(id) => (false, id),
        };
        is_dispute.put(out);
        id.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let is_dispute = bool::take(input)?;
        let id = Stored::take(input)?;
        Ok(if is_dispute {
            HoldKey::Dispute(id)
        } else {
            HoldKey::Challenge(id)
        })
    }
}

impl Hold {
    /// Whether it held at the end of a block.
    pub(super) fn holds_at(&self, block: u64) -> bool {
        self.since <= block && self.resolved.is_none_or(|(resolved, _)| resolved > block)
    }
}

/// What a judgement takes away.
enum Judged {
    /// The claim of an asset.
    Asset(AssetNo),
    /// A contribution to an asset.
    Contribution { asset: AssetNo, id: U256 },
    /// Nothing: the hold ends.
    Nothing,
}

impl State {
    /// A dispute or challenge by its key.
    pub fn hold(&self, key: HoldKey) -> Option<&Hold> {
        self.tables.holds.get(&key)
    }

    pub(super) fn hold_raised(&mut self, key: HoldKey, subject: U256, block: &mut Block<'_>) -> Result<(), Refused> {
        if self.tables.holds.contains_key(&key) {
            return Err(Refused::HoldExists(key));
        }
        self.tables.holds.set(
            key,
            Hold {
                subject,
                since: block.number,
                resolved: None,
            },
        );
        self.tables.active.set(key, ());
        let open: Vec<Arc<Revenue>> = self.tables.open.values().cloned().collect();
        for revenue in open {
            let portions = self.portions_held_by(key, subject, &revenue)?;
            if !portions.is_empty() {
                let mut revenue = (*revenue).clone();
                portions
                    .iter()
                    .for_each(|portion| State::mark_held(&mut revenue, *portion, key, block));
                self.put_revenue(revenue);
            }
        }
        Ok(())
    }

    /// Marks what open disputes and challenges hold of a revenue that just arrived.
    pub(super) fn held_from_the_start(
        &mut self,
        mut revenue: Revenue,
        block: &mut Block<'_>,
    ) -> Result<Revenue, Refused> {
        if self.tables.active.is_empty() {
            return Ok(revenue);
        }
        let active: Vec<HoldKey> = self.tables.active.keys().copied().collect();
        for key in active {
            let subject = self.tables.holds[&key].subject;
            for portion in self.portions_held_by(key, subject, &revenue)? {
                State::mark_held(&mut revenue, portion, key, block);
            }
        }
        Ok(revenue)
    }

    /// The undecided portions of a revenue that a dispute or challenge covers.
    fn portions_held_by(&mut self, key: HoldKey, subject: U256, revenue: &Revenue) -> Result<Vec<u32>, Refused> {
        let mut portions = Vec::new();
        let mut found = |portion| {
            if revenue.is_undecided(portion) {
                portions.push(portion);
            }
        };
        match key {
            HoldKey::Dispute(_) => {
                let asset = self.known(subject)?;
                if asset == revenue.source || revenue.plan.upstream.has_ancestor(asset) {
                    let above = self.cache.upstream(&self.tables, asset)?;
                    revenue.portions_over(asset, &above, found);
                }
            }
            HoldKey::Challenge(_) => {
                if self.earned_by(&revenue.payment, subject) {
                    (0..revenue.portion_count()).for_each(&mut found);
                }
            }
        }
        Ok(portions)
    }

    /// The log pays the fee of an execution itself, with the execution's id as the reference.
    fn earned_by(&self, payment: &Payment, execution: U256) -> bool {
        Some(payment.payer) == self.contracts.executions && U256::from_be_bytes(payment.reference.0) == execution
    }

    pub(super) fn hold_resolved(
        &mut self,
        key: HoldKey,
        upheld: bool,
        voided: Option<U256>,
        block: &mut Block<'_>,
    ) -> Result<(), Refused> {
        if !self.tables.active.contains_key(&key) {
            return Err(Refused::HoldNotOpen(key));
        }
        let hold = Hold {
            resolved: Some((block.number, upheld)),
            ..self.tables.holds[&key].clone()
        };
        let judged = match (key, upheld, voided) {
            (HoldKey::Dispute(_), true, _) => Judged::Asset(self.known(hold.subject)?),
            (HoldKey::Challenge(_), true, Some(id)) => {
                let asset = self
                    .tables
                    .contribution_assets
                    .get(&id)
                    .ok_or(Refused::UnknownContribution(id))?;
                Judged::Contribution { asset: *asset, id }
            }
            _ => Judged::Nothing,
        };
        self.tables.active.set(key, None);
        self.tables.holds.set(key, hold);
        let held = |revenue: &&Arc<Revenue>| revenue.marks.values().any(|mark| mark.holds.contains(&key));
        let open: Vec<Arc<Revenue>> = self.tables.open.values().filter(held).cloned().collect();
        for revenue in open {
            self.carry_out(key, &judged, &revenue, block);
        }
        Ok(())
    }

    /// Releases what `key` held of a revenue, and recomputes what the judgement changes of it.
    fn carry_out(&mut self, key: HoldKey, judged: &Judged, revenue: &Revenue, block: &mut Block<'_>) {
        let id = revenue.payment.revenue;
        let mut changed = revenue.clone();
        for portion in revenue.portions(&mut self.splitter) {
            let number = portion.number;
            let is_held = revenue.marks.get(&number).is_some_and(|mark| mark.holds.contains(&key));
            if !is_held || !revenue.is_undecided(number) {
                continue;
            }
            block.output.change(id, number, Change::Released(key));
            let replaced = match judged {
                Judged::Asset(asset) if *asset == portion.asset => claim_taken(revenue, portion.route),
                Judged::Contribution { asset, id } if *asset == portion.asset && portion.route != Route::Forfeited => {
                    let kept = portion
                        .recipients
                        .and_then(|recipients| self.without(*asset, *id, revenue, recipients));
                    kept.map(|recipients| (*asset, portion.route, Arc::new(recipients)))
                }
                _ => None,
            };
            let Some((asset, route, recipients)) = replaced else {
                continue;
            };
            let later = Later {
                instead_of: number,
                since: block.number,
                asset,
                route,
                paths: portion.paths,
                amount: portion.amount,
                recipients,
            };
            self.replace(&mut changed, later, block);
        }
        self.tables.open.set(id, Arc::new(changed));
    }

    /// Ends a portion and puts another in its place, held by what else holds that.
    fn replace(&mut self, revenue: &mut Revenue, later: Later, block: &mut Block<'_>) {
        let (ended, number) = (later.instead_of, revenue.portion_count());
        let mark = revenue.marks.entry(ended).or_default();
        mark.until = Some(block.number);
        let left = matches!(later.route, Route::Returned | Route::Forfeited);
        let holding: Vec<HoldKey> = mark
            .holds
            .iter()
            .copied()
            .filter(|key| match (key, self.tables.active.get(key)) {
                (_, None) => false,
                (HoldKey::Challenge(_), _) => true,
                // What came back has left every path but that of the asset that earned the revenue.
                (HoldKey::Dispute(_), _) => !left || self.tables.holds[key].subject == revenue.payment.asset,
            })
            .collect();
        revenue.later.push(later);
        block.output.change(revenue.payment.revenue, ended, Change::Ended);
        let (tables, splitter, lines) = (&self.tables, &mut self.splitter, &mut block.output.lines);
        let portion = revenue.portions(splitter).pop().expect("the one just put there");
        portion.lines(revenue, tables, splitter, |line| lines.push(line));
        holding
            .iter()
            .for_each(|key| State::mark_held(revenue, number, *key, block));
    }

    /// The recipients of a portion without a contribution that had counted; `None` if it had not.
    fn without(&self, asset: AssetNo, id: U256, revenue: &Revenue, recipients: &Recipients) -> Option<Recipients> {
        let record = self.tables.contributions.get(asset, &id)?;
        let at = (revenue.block, revenue.log_index);
        let counted = record.recorded_at < at && record.voided_at.is_none_or(|voided_at| voided_at > at);
        counted.then(|| recipients.without(record.contributor, record.weight))?
    }
}

/// Where a portion of the judged asset goes: back to the asset that earned it, or from that one to the protocol's account.
fn claim_taken(revenue: &Revenue, route: Route) -> Option<(AssetNo, Route, Arc<Recipients>)> {
    let own = revenue.plan.recipients[0].clone();
    match route {
        Route::RoyaltyLap | Route::RoyaltyLrp => Some((revenue.source, Route::Returned, own)),
        Route::Own | Route::Returned => Some((revenue.source, Route::Forfeited, own)),
        Route::ProtocolFee | Route::Forfeited => None,
    }
}
