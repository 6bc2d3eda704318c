//! The paths of a line, one at a time, without recursion and without walking what leads nowhere.

use std::collections::HashMap;
use std::sync::Arc;

use alloy_primitives::U256;
use num_rational::BigRational;
use souk_schema::event::{Relation, RoyaltyPolicy};

use super::exact::Exact;
use super::{Explanation, integer, kept_part};
use crate::above::Above;
use crate::rule::{AssetNo, Edge, Lineage, Route, WHOLE};
use crate::state::Revenue;

/// A derivation on a path, with the terms that it was made under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathEdge {
    /// The derived asset.
    pub child: U256,
    /// What it was made from.
    pub parent: U256,
    /// How.
    pub relation: Relation,
    /// How the parent takes part.
    pub policy: RoyaltyPolicy,
    /// Its part in parts per 100,000,000.
    pub share: u32,
    /// The series that allowed it; 0 for none.
    pub license: U256,
    /// The terms of that series; 0 without one.
    pub terms: U256,
}

/// One way from the revenue to the line's asset.
#[derive(Clone, Debug)]
pub struct Path {
    /// From the asset that earned the revenue up; none for what that asset keeps, and for the fee.
    pub edges: Vec<PathEdge>,
    /// The share of the line's basis that comes to the recipient this way.
    pub share: BigRational,
    /// `basis · share`, exact.
    pub amount: BigRational,
}

/// The paths of a line, in the order in which parents were declared.
pub struct Paths {
    above: Arc<Above>,
    revenue: Arc<Revenue>,
    basis: U256,
    recipient_share: BigRational,
    route: Route,
    target: AssetNo,
    /// What the target keeps of what reaches it, in parts per 100,000,000; for a line without edges, its share of the basis.
    kept: u32,
    /// How many paths lead on to the target from an asset, up to 2^64 - 1. Without an entry, none.
    onward: HashMap<AssetNo, u64>,
    /// Where the search is: assets with the next edge to look at. Empty at the end.
    stack: Vec<(AssetNo, usize)>,
}

impl Paths {
    pub(super) fn new(above: Arc<Above>, revenue: Arc<Revenue>, explanation: &Explanation) -> Paths {
        let original = revenue.original(explanation.line.portion);
        let (route, target, kept) = match revenue.payee(original) {
            None => (Route::ProtocolFee, revenue.source, revenue.fee_share.parts()),
            Some(payee) if payee.route == Route::Own => {
                let own = revenue.plan.upstream.source_parts.iter().find(|part| part.payee == 0);
                (Route::Own, payee.asset, own.map_or(0, |part| part.weight))
            }
            Some(payee) if payee.route == Route::RoyaltyLrp => {
                (payee.route, payee.asset, kept_part(&revenue, original - 1))
            }
            Some(payee) => (payee.route, payee.asset, WHOLE),
        };
        let mut paths = Paths {
            above,
            basis: explanation.basis,
            recipient_share: explanation.recipient_share.clone(),
            route,
            target,
            kept,
            onward: HashMap::new(),
            stack: vec![(revenue.source, 0)],
            revenue,
        };
        if !paths.is_direct() {
            paths.count_onward();
        }
        paths
    }

    /// Leaves out the next `count` paths, or all that are left.
    pub fn skip_paths(&mut self, mut count: u64) {
        while count > 0 && !self.stack.is_empty() {
            if self.is_direct() {
                return self.stack.clear();
            }
            match self.step(|over| if over <= count { Some(over) } else { None }) {
                Step::Skipped(skipped) => count -= skipped,
                Step::Found => unreachable!("one path is never more than the paths to skip"),
                Step::Moved => {}
            }
        }
    }

    /// What the asset that earned the revenue has itself comes over no edge.
    fn is_direct(&self) -> bool {
        matches!(self.route, Route::Own | Route::ProtocolFee)
    }

    fn edges(&self, asset: AssetNo) -> &[Edge] {
        // Only the asset that earned the revenue may have declared parents since.
        if asset == self.revenue.source {
            &self.revenue.edges
        } else {
            self.above.edges(asset)
        }
    }

    /// Whether a path may follow the edge, and whether it ends with it.
    fn follows(&self, edge: &Edge) -> (bool, bool) {
        let paid = edge.share != 0;
        let (lap, lrp) = (
            edge.policy == RoyaltyPolicy::Lap && paid,
            edge.policy == RoyaltyPolicy::Lrp && paid,
        );
        let at_target = edge.parent == self.target;
        match self.route {
            Route::RoyaltyLap => (true, lap && at_target),
            _ => (lrp, lrp && at_target),
        }
    }

    fn count_onward(&mut self) {
        let ancestors = &self.revenue.plan.upstream.ancestors;
        let mut order: Vec<AssetNo> = ancestors.iter().copied().chain([self.revenue.source]).collect();
        order.sort_by_cached_key(|asset| self.above.depth(*asset));
        for asset in order {
            let mut count = 0u64;
            for edge in self.edges(asset) {
                let (followed, ends) = self.follows(edge);
                if followed {
                    let onward = self.onward.get(&edge.parent).copied().unwrap_or(0);
                    count = count.saturating_add(onward).saturating_add(u64::from(ends));
                }
            }
            if count != 0 {
                self.onward.insert(asset, count);
            }
        }
    }

    /// Looks at the next edge. `skip` says, for the number of paths over it, whether to leave them out.
    fn step(&mut self, skip: impl FnOnce(u64) -> Option<u64>) -> Step {
        let (asset, place) = *self.stack.last().expect("not at the end");
        let Some(edge) = self.edges(asset).get(place) else {
            self.stack.pop();
            return Step::Moved;
        };
        let parent = edge.parent;
        let (followed, ends) = self.follows(edge);
        self.stack.last_mut().expect("not at the end").1 += 1;
        let onward = self.onward.get(&parent).copied().unwrap_or(0);
        // Nothing leads from the target back to itself, so a path either ends with the edge or goes on.
        let over = if !followed {
            0
        } else {
            onward.saturating_add(u64::from(ends))
        };
        if over == 0 {
            return Step::Moved;
        }
        if let Some(skipped) = skip(over) {
            return Step::Skipped(skipped);
        }
        if ends {
            return Step::Found;
        }
        self.stack.push((parent, 0));
        Step::Moved
    }

    fn path(&self, edges: Vec<PathEdge>) -> Path {
        let share = match self.route {
            Route::RoyaltyLap => Exact::one().times(edges.last().map_or(0, |edge| edge.share)),
            _ => edges
                .iter()
                .fold(Exact::one().times(self.kept), |share, edge| share.times(edge.share)),
        };
        let share = share.ratio() * &self.recipient_share;
        let amount = BigRational::from(integer(self.basis)) * &share;
        Path { edges, share, amount }
    }
}

enum Step {
    /// Paths were left out.
    Skipped(u64),
    /// The edges on the stack are a path.
    Found,
    /// Neither.
    Moved,
}

impl Iterator for Paths {
    type Item = Path;

    fn next(&mut self) -> Option<Path> {
        if self.is_direct() {
            self.stack.pop()?;
            return Some(self.path(Vec::new()));
        }
        while !self.stack.is_empty() {
            if let Step::Found = self.step(|_| None) {
                let id = |asset| self.above.id(asset);
                let taken = |&(asset, next): &(AssetNo, usize)| {
                    let edge = &self.edges(asset)[next - 1];
                    PathEdge {
                        child: id(asset),
                        parent: id(edge.parent),
                        relation: edge.relation,
                        policy: edge.policy,
                        share: edge.share,
                        license: edge.license,
                        terms: edge.terms,
                    }
                };
                return Some(self.path(self.stack.iter().map(taken).collect()));
            }
        }
        None
    }
}
