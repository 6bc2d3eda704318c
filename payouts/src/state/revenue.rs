//! A revenue and its portions: what it gives one asset by one route. A portion is what is held, released, recomputed and vested; all lines of a
//! portion have the same paths, so they share its fate.
//!
//! Portion 0 is the protocol's fee, then come the payees of the plan in their order, then what judgements put in the place of others. A revenue
//! keeps its plan and what happened to it, not its lines: those are made again when they are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{Address, U256};
use souk_schema::E8;

use super::{Block, Change, HoldKey, Line, Refused, State, Tables};
use crate::codec::stored;
use crate::fact::Payment;
use crate::rule::{AssetNo, Edge, Kind, Lineage, Payee, Plan, Recipients, Role, Route, Share, Splitter};

/// A revenue that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revenue {
    /// What the router told.
    pub payment: Payment,
    /// The asset that earned it.
    pub source: AssetNo,
    /// The block that it arrived in.
    pub block: u64,
    /// The log within the block.
    pub log_index: u32,
    /// The derivations of that asset at that log; those above it never change.
    pub edges: Arc<[Edge]>,
    /// The protocol's share.
    pub fee_share: E8,
    /// The protocol's part, rounded down.
    pub fee: U256,
    /// Whose that is; the payer where no fee was ever set.
    pub fee_account: Address,
    /// How the rest is split.
    pub plan: Arc<Plan>,
    /// Portions that judgements put in the place of others, after those of the plan.
    pub later: Vec<Later>,
    /// What happened to portions; nothing to those without a mark.
    pub marks: BTreeMap<u32, Mark>,
    /// The epoch that vested every portion at once, as most revenues are; none has a mark then.
    pub vested_whole: Option<u64>,
}

/// A portion that a judgement put in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Later {
    /// The portion that does not count any more.
    pub instead_of: u32,
    /// The block that put it there.
    pub since: u64,
    /// The asset that has it.
    pub asset: AssetNo,
    /// How it came there.
    pub route: Route,
    /// Paths of the portion that it replaces.
    pub paths: u32,
    /// How much.
    pub amount: U256,
    /// Whose it is.
    pub recipients: Arc<Recipients>,
}

/// What happened to a portion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Everything that ever held it, by rising key; [`super::Hold`] says from when until when.
    pub holds: Vec<HoldKey>,
    /// The block whose judgement ended it; it does not count from then on.
    pub until: Option<u64>,
    /// The epoch whose finalised root counts it. Nothing happens to it any more.
    pub vested: Option<u64>,
}

stored!(Revenue {
    payment,
    source,
    block,
    log_index,
    edges,
    fee_share,
    fee,
    fee_account,
    plan,
    later,
    marks,
    vested_whole
});

stored!(Later {
    instead_of,
    since,
    asset,
    route,
    paths,
    amount,
    recipients
});

stored!(Mark { holds, until, vested });

/// What one revenue gives one asset by one route.
#[derive(Clone, Debug)]
pub struct Portion<'a> {
    /// Its number in the revenue.
    pub number: u32,
    /// The asset.
    pub asset: AssetNo,
    /// The route.
    pub route: Route,
    /// Paths by that route.
    pub paths: u32,
    /// How much.
    pub amount: U256,
    /// Who has it; the protocol has its own.
    pub recipients: Option<&'a Arc<Recipients>>,
}

/// Whether a portion counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortionStatus {
    /// In the next root.
    Releasable,
    /// Not until these are over.
    Held(Vec<HoldKey>),
    /// Recomputed by the judgement of this block; another portion stands for it.
    Ended(u64),
    /// In the finalised root of this epoch.
    Vested(u64),
}

impl Revenue {
    /// What is left after the fee.
    pub fn net(&self) -> U256 {
        self.payment.amount - self.fee
    }

    /// The portions of the plan, after the fee's.
    fn planned(&self) -> u32 {
        self.plan.upstream.payees.len() as u32
    }

    /// The payee of a portion of the plan.
    pub fn payee(&self, portion: u32) -> Option<&Payee> {
        self.plan.upstream.payees.get((portion as usize).checked_sub(1)?)
    }

    /// The portion that was there before every judgement, for one that stands in its place.
    pub fn original(&self, mut portion: u32) -> u32 {
        while portion > self.planned() {
            portion = self.later[(portion - self.planned()) as usize - 1].instead_of;
        }
        portion
    }

    /// A portion that a judgement put there.
    pub fn later(&self, portion: u32) -> Option<&Later> {
        self.later
            .get((portion as usize).checked_sub(self.planned() as usize + 1)?)
    }

    /// How many portions there are, with amounts or without.
    pub fn portion_count(&self) -> u32 {
        1 + self.planned() + self.later.len() as u32
    }

    /// Every portion, those that do not count included.
    pub fn portions(&self, splitter: &mut Splitter) -> Vec<Portion<'_>> {
        let amounts = splitter.amounts(&self.plan.upstream, self.net());
        let fee = Portion {
            number: 0,
            asset: self.source,
            route: Route::ProtocolFee,
            paths: 1,
            amount: self.fee,
            recipients: None,
        };
        let planned = self.plan.upstream.payees.iter().zip(amounts).zip(&self.plan.recipients);
        let planned = planned.zip(1..).map(|(((payee, amount), recipients), number)| Portion {
            number,
            asset: payee.asset,
            route: payee.route,
            paths: payee.paths,
            amount: *amount,
            recipients: Some(recipients),
        });
        let later = self
            .later
            .iter()
            .zip(1 + self.planned()..)
            .map(|(later, number)| Portion {
                number,
                asset: later.asset,
                route: later.route,
                paths: later.paths,
                amount: later.amount,
                recipients: Some(&later.recipients),
            });
        [fee].into_iter().chain(planned).chain(later).collect()
    }

    /// The block from which the portion counts.
    pub(super) fn since(&self, portion: u32) -> u64 {
        self.later(portion).map_or(self.block, |later| later.since)
    }

    /// Whether neither a judgement nor a finalised root settled the portion's fate yet.
    pub(super) fn is_undecided(&self, portion: u32) -> bool {
        self.marks
            .get(&portion)
            .is_none_or(|mark| mark.until.is_none() && mark.vested.is_none())
    }

    /// Calls `found` with the portions that some path leads to over `asset`. `above` is the upstream of that asset.
    pub(super) fn portions_over(&self, asset: AssetNo, above: &crate::rule::Upstream, mut found: impl FnMut(u32)) {
        // The fee's path is the asset that earned it.
        if asset == self.source {
            return (0..self.portion_count()).for_each(found);
        }
        let mut over = Vec::new();
        self.plan
            .upstream
            .payees_over(asset, above, |place| over.push(place + 1));
        over.iter().copied().for_each(&mut found);
        for (number, later) in (1 + self.planned()..).zip(&self.later) {
            // What came back to the asset that earned the revenue has left every path; what was only recomputed has not.
            let left = matches!(later.route, Route::Returned | Route::Forfeited);
            if !left && over.binary_search(&self.original(number)).is_ok() {
                found(number);
            }
        }
    }
}

impl Portion<'_> {
    /// Calls `emit` with the part of each recipient; `revenue` is the one that it is a portion of.
    pub fn shares(&self, revenue: &Revenue, splitter: &mut Splitter, mut emit: impl FnMut(Share)) {
        match (self.recipients, self.route) {
            (Some(recipients), Route::Own | Route::RoyaltyLap | Route::RoyaltyLrp | Route::Returned) => {
                splitter.split_one(recipients, self.amount, emit);
            }
            _ if self.amount.is_zero() => {}
            _ => emit(Share {
                recipient: revenue.fee_account,
                role: Role::Protocol,
                amount: self.amount,
            }),
        }
    }

    /// Calls `emit` with each line.
    pub(crate) fn lines(
        &self,
        revenue: &Revenue,
        lineage: &impl Lineage,
        splitter: &mut Splitter,
        mut emit: impl FnMut(Line),
    ) {
        self.shares(revenue, splitter, |share| {
            emit(Line {
                revenue: revenue.payment.revenue,
                portion: self.number,
                asset: lineage.id(self.asset),
                kind: Kind {
                    route: self.route,
                    role: share.role,
                },
                paths: self.paths,
                recipient: share.recipient,
                token: revenue.payment.token,
                amount: share.amount,
            });
        });
    }
}

impl Tables {
    fn revenue(&self, id: U256) -> Option<&Arc<Revenue>> {
        let settled = || self.settled.0.get(&id).map(|(_, revenue)| revenue);
        self.open.get(&id).or_else(settled)
    }
}

impl State {
    pub(super) fn revenue_received(&mut self, payment: &Payment, block: &mut Block<'_>) -> Result<(), Refused> {
        let source = self.known(payment.asset)?;
        let id = payment.revenue;
        if self.revenue(id).is_some() || self.gone.contains(id) || self.tables.elsewhere.contains_key(&id) {
            return Err(Refused::RevenueExists(id));
        }
        if let Some(ours) = self.contracts.distributor {
            let paid = *self.tables.paid.get(&()).ok_or(Refused::UnknownDistributor(id))?;
            if paid != ours {
                self.tables.elsewhere.set(id, paid);
                return Ok(());
            }
        }
        let (fee_share, fee_account) = match self.tables.fee.get(&()) {
            Some(fee) => (fee.share, fee.account),
            None => (E8::ZERO, payment.payer),
        };
        let revenue = Revenue {
            payment: payment.clone(),
            source,
            block: block.number,
            log_index: block.log_index,
            edges: self.tables.assets[source as usize].edges.clone(),
            fee_share,
            fee: fee_share.floor_of(payment.amount).0,
            fee_account,
            plan: self.cache.plan(&self.tables, source)?,
            later: Vec::new(),
            marks: BTreeMap::new(),
            vested_whole: None,
        };
        self.emit_first(&revenue, block);
        let revenue = self.held_from_the_start(revenue, block)?;
        self.tables.open.set(payment.revenue, Arc::new(revenue));
        Ok(())
    }

    /// The lines of a revenue that just arrived; they sum to it (PAY-1).
    fn emit_first(&mut self, revenue: &Revenue, block: &mut Block<'_>) {
        let Payment { revenue: id, token, .. } = revenue.payment;
        let lines = &mut block.output.lines;
        let mut sum = U256::ZERO;
        if !revenue.fee.is_zero() {
            sum = revenue.fee;
            lines.push(Line {
                revenue: id,
                portion: 0,
                asset: revenue.payment.asset,
                kind: Kind {
                    route: Route::ProtocolFee,
                    role: Role::Protocol,
                },
                paths: 1,
                recipient: revenue.fee_account,
                token,
                amount: revenue.fee,
            });
        }
        let payees = &revenue.plan.upstream.payees;
        let assets = &self.tables.assets;
        self.splitter.split(&revenue.plan, revenue.net(), |place, share| {
            let payee = &payees[place as usize];
            // Below the amount as long as the law holds, and noticed below if not.
            sum = sum.wrapping_add(share.amount);
            lines.push(Line {
                revenue: id,
                portion: place + 1,
                asset: assets[payee.asset as usize].id,
                kind: Kind {
                    route: payee.route,
                    role: share.role,
                },
                paths: payee.paths,
                recipient: share.recipient,
                token,
                amount: share.amount,
            });
        });
        assert_eq!(
            sum, revenue.payment.amount,
            "PAY-1: the lines of revenue {id} sum to it"
        );
    }

    /// A revenue, settled or not, that is in memory; see [`State::is_gone`].
    pub fn revenue(&self, id: U256) -> Option<&Arc<Revenue>> {
        self.tables.revenue(id)
    }

    /// The distributor that a revenue went to, if it is not ours: it owes what that revenue is to pay, and no line or root here has any of it.
    pub fn paid_elsewhere(&self, revenue: U256) -> Option<Address> {
        self.tables.elsewhere.get(&revenue).copied()
    }

    /// Every revenue of which not every line is vested, by number.
    pub fn open_revenues(&self) -> impl Iterator<Item = &Revenue> {
        self.tables.open.values().map(|revenue| &**revenue)
    }

    /// What became of a portion of a revenue, as of the head.
    pub fn portion_status(&self, revenue: &Revenue, portion: u32) -> PortionStatus {
        if let Some(epoch) = revenue.vested_whole {
            return PortionStatus::Vested(epoch);
        }
        let Some(mark) = revenue.marks.get(&portion) else {
            return PortionStatus::Releasable;
        };
        if let Some(epoch) = mark.vested {
            return PortionStatus::Vested(epoch);
        }
        if let Some(block) = mark.until {
            return PortionStatus::Ended(block);
        }
        let holding: Vec<HoldKey> = mark
            .holds
            .iter()
            .copied()
            .filter(|key| self.tables.active.contains_key(key))
            .collect();
        match holding.is_empty() {
            true => PortionStatus::Releasable,
            false => PortionStatus::Held(holding),
        }
    }

    /// The lines of a revenue that count or are held, as of the head: they sum to it (PAY-1).
    pub fn lines(&mut self, revenue: U256) -> Vec<Line> {
        let mut lines = Vec::new();
        let State { tables, splitter, .. } = self;
        if let Some(revenue) = tables.revenue(revenue) {
            for portion in revenue.portions(splitter) {
                if revenue
                    .marks
                    .get(&portion.number)
                    .is_none_or(|mark| mark.until.is_none())
                {
                    portion.lines(revenue, tables, splitter, |line| lines.push(line));
                }
            }
        }
        lines
    }

    /// Sets a revenue's marks or portions anew.
    pub(super) fn put_revenue(&mut self, revenue: Revenue) {
        self.tables.open.set(revenue.payment.revenue, Arc::new(revenue));
    }

    /// Says that `key` holds a portion.
    pub(super) fn mark_held(revenue: &mut Revenue, portion: u32, key: HoldKey, block: &mut Block<'_>) {
        let holds = &mut revenue.marks.entry(portion).or_default().holds;
        if let Err(place) = holds.binary_search(&key) {
            holds.insert(place, key);
            block.output.change(revenue.payment.revenue, portion, Change::Held(key));
        }
    }
}
