//! What is owed above an asset, from the graph alone: path counts and royalty shares, summed once in topological order.
//!
//! It is linear in the edges above the asset (and one sort of its ancestors): a diamond with 2^64 paths costs as much as its edges. Nothing
//! recurses, so depth costs no stack. It depends on lineage only, which never changes above an asset that has children.

use alloy_primitives::U256;
use souk_schema::event::RoyaltyPolicy;

use super::{AssetNo, Lineage, MANY_PATHS, Overspent, Route, WHOLE};
use crate::codec::stored;

/// Somebody who has a part of the asset's revenue: an asset and the route by which the part reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Payee {
    /// The asset.
    pub asset: AssetNo,
    /// [`Route::Own`], [`Route::RoyaltyLap`] or [`Route::RoyaltyLrp`].
    pub route: Route,
    /// Paths that carry a share to it by this route; [`MANY_PATHS`] for any number above 10⁸.
    pub paths: u32,
}

/// A part of a split: whom it is for, and its weight of [`WHOLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Place in [`Upstream::payees`].
    pub payee: u32,
    /// In parts per 100,000,000.
    pub weight: u32,
}

/// The split of what one payee received by LRP between itself and its own LRP parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LrpSplit {
    /// The payee, whose own part is what it keeps.
    pub payee: u32,
    /// Its parts in [`Upstream::lrp_parts`]: from here to the next split's.
    pub first: u32,
    /// One past the last part.
    pub end: u32,
}

/// The shares of everybody above an asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// The asset itself first ([`Route::Own`]), then its ancestors in topological order, each route a payee.
    pub payees: Box<[Payee]>,
    /// The split of the revenue less the fee; weights sum to the whole. In the order that breaks ties: by asset id, then route.
    pub source_parts: Box<[Part]>,
    /// Splits of what payees receive by LRP, each after every split that gives to its payee.
    pub lrp_splits: Box<[LrpSplit]>,
    /// The parts of those splits, each split's in the order that breaks ties.
    pub lrp_parts: Box<[Part]>,
    /// Every asset above, owed or not, by rising number.
    pub ancestors: Box<[AssetNo]>,
}

stored!(Payee { asset, route, paths });
stored!(Part { payee, weight });
stored!(LrpSplit { payee, first, end });
stored!(Upstream {
    payees,
    source_parts,
    lrp_splits,
    lrp_parts,
    ancestors
});

impl Upstream {
    /// The asset that it is about.
    pub fn source(&self) -> AssetNo {
        self.payees[0].asset
    }

    /// Whether the asset is above the source.
    pub fn has_ancestor(&self, asset: AssetNo) -> bool {
        self.ancestors.binary_search(&asset).is_ok()
    }

    /// Calls `found` with the place of every payee that some path leads to over `asset`: those that a dispute over it holds. `above` is
    /// the upstream of `asset`.
    pub fn payees_over(&self, asset: AssetNo, above: &Upstream, mut found: impl FnMut(u32)) {
        debug_assert_eq!(above.source(), asset);
        if asset == self.source() {
            return (0..self.payees.len() as u32).for_each(found);
        }
        if !self.has_ancestor(asset) {
            return;
        }
        // A path by LAP follows any edges and ends with a LAP edge; one by LRP follows LRP edges only. So what is owed above the asset is
        // owed over it, by LRP only if LRP reaches the asset itself.
        let owed_above = |route| {
            let mut owed: Vec<AssetNo> = above
                .payees
                .iter()
                .filter(|payee| payee.route == route)
                .map(|p| p.asset)
                .collect();
            owed.sort_unstable();
            owed
        };
        let by_lap = owed_above(Route::RoyaltyLap);
        let reached = self
            .payees
            .iter()
            .any(|payee| payee.asset == asset && payee.route == Route::RoyaltyLrp);
        let by_lrp = if reached {
            owed_above(Route::RoyaltyLrp)
        } else {
            Vec::new()
        };
        for (place, payee) in self.payees.iter().enumerate() {
            let over = match payee.route {
                Route::RoyaltyLap => by_lap.binary_search(&payee.asset).is_ok(),
                Route::RoyaltyLrp => by_lrp.binary_search(&payee.asset).is_ok(),
                _ => false,
            };
            if over || payee.asset == asset {
                found(place as u32);
            }
        }
    }
}

/// Computes [`Upstream`]s; it keeps its memory from one to the next.
#[derive(Clone, Debug, Default)]
pub struct UpstreamBuilder {
    /// Per asset, the round in which it was last met, and then its place in `found`.
    met: Vec<(u32, u32)>,
    round: u32,
    /// The asset and its ancestors, in topological order once all are found.
    found: Vec<Found>,
    /// Their edges. What matters of the graph is copied here once, and is near when it is needed again.
    links: Vec<Link>,
    tallies: Vec<Tally>,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    asset: AssetNo,
    depth: u32,
    /// Its edges: from here to `end`.
    first: u32,
    end: u32,
    id: U256,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    parent: AssetNo,
    policy: RoyaltyPolicy,
    share: u32,
}

/// What was counted for an asset; paths saturate at [`MANY_PATHS`].
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Paths from the source to the asset, over edges of any kind.
    paths: u32,
    /// Paths that end with a LAP edge to the asset, and the shares of those edges, each times its paths.
    lap_paths: u32,
    lap_weight: u64,
    /// Paths over LRP edges only.
    lrp_paths: u32,
    lap_payee: u32,
    lrp_payee: u32,
}

/// [`Upstream::lrp_splits`] and [`Upstream::lrp_parts`].
type LrpSplits = (Box<[LrpSplit]>, Box<[Part]>);

impl UpstreamBuilder {
    /// What is owed above `source`.
    ///
    /// # Errors
    /// [`Overspent`] where the registry's own rule was not kept: the royalties of an asset pass 100%.
    pub fn build<L: Lineage>(&mut self, lineage: &L, source: AssetNo) -> Result<Upstream, Overspent> {
        self.collect(lineage, source);
        self.count();
        let payees = self.number_payees();
        let source_parts = self.split_source()?;
        let (lrp_splits, lrp_parts) = self.split_lrp()?;
        let mut ancestors: Vec<AssetNo> = self.found[1..].iter().map(|found| found.asset).collect();
        ancestors.sort_unstable();
        Ok(Upstream {
            payees,
            source_parts,
            lrp_splits,
            lrp_parts,
            ancestors: ancestors.into(),
        })
    }

    /// Finds every ancestor and puts them in topological order: a child is deeper than its parents.
    fn collect<L: Lineage>(&mut self, lineage: &L, source: AssetNo) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.met.fill((0, 0));
            self.round = 1;
        }
        self.met.resize(self.met.len().max(lineage.count()), (0, 0));
        self.found.clear();
        self.links.clear();
        self.meet(lineage, source);
        let mut next = 0;
        while let Some(&Found { asset, .. }) = self.found.get(next) {
            self.found[next].first = self.links.len() as u32;
            for edge in lineage.edges(asset) {
                let (policy, share) = lineage.royalty(edge);
                self.links.push(Link {
                    parent: edge.parent,
                    policy,
                    share,
                });
                if self.met[edge.parent as usize].0 != self.round {
                    self.meet(lineage, edge.parent);
                }
            }
            self.found[next].end = self.links.len() as u32;
            next += 1;
        }
        // Nearly in order already where layers are even; the stable sort makes use of it.
        self.found[1..].sort_by_key(|found| (u32::MAX - found.depth, found.asset));
        for (place, found) in self.found.iter().enumerate() {
            self.met[found.asset as usize].1 = place as u32;
        }
    }

    fn meet<L: Lineage>(&mut self, lineage: &L, asset: AssetNo) {
        self.met[asset as usize].0 = self.round;
        let (depth, id) = (lineage.depth(asset), lineage.id(asset));
        self.found.push(Found {
            asset,
            depth,
            first: 0,
            end: 0,
            id,
        });
    }

    fn place(&self, asset: AssetNo) -> usize {
        self.met[asset as usize].1 as usize
    }

    fn count(&mut self) {
        let UpstreamBuilder {
            met,
            found,
            links,
            tallies,
            ..
        } = self;
        tallies.clear();
        tallies.resize(found.len(), Tally::default());
        tallies[0].paths = 1;
        tallies[0].lrp_paths = 1;
        for (place, found) in found.iter().enumerate() {
            let child = tallies[place];
            for link in &links[found.first as usize..found.end as usize] {
                let parent_place = met[link.parent as usize].1 as usize;
                assert!(parent_place > place, "a parent is less deep than its child");
                let parent = &mut tallies[parent_place];
                parent.paths = add_paths(parent.paths, child.paths);
                match (link.policy, link.share) {
                    (_, 0) | (RoyaltyPolicy::None, _) => {}
                    (RoyaltyPolicy::Lap, share) => {
                        parent.lap_paths = add_paths(parent.lap_paths, child.paths);
                        let weight = u64::from(share) * u64::from(child.paths);
                        parent.lap_weight = parent.lap_weight.saturating_add(weight);
                    }
                    (RoyaltyPolicy::Lrp, _) => parent.lrp_paths = add_paths(parent.lrp_paths, child.lrp_paths),
                }
            }
        }
    }

    fn number_payees(&mut self) -> Box<[Payee]> {
        let mut payees = Vec::with_capacity(self.found.len());
        for (place, (found, tally)) in self.found.iter().zip(&mut self.tallies).enumerate() {
            let mut payee = |route, paths| {
                payees.push(Payee {
                    asset: found.asset,
                    route,
                    paths,
                });
                payees.len() as u32 - 1
            };
            if place == 0 {
                tally.lrp_payee = payee(Route::Own, 1);
                continue;
            }
            if tally.lap_weight != 0 {
                tally.lap_payee = payee(Route::RoyaltyLap, tally.lap_paths);
            }
            if tally.lrp_paths != 0 {
                tally.lrp_payee = payee(Route::RoyaltyLrp, tally.lrp_paths);
            }
        }
        payees.into()
    }

    /// LAP shares of every ancestor, LRP shares of the source's own parents, and what the source keeps.
    fn split_source(&self) -> Result<Box<[Part]>, Overspent> {
        let source = &self.found[0];
        let mut parts: Vec<(U256, Route, u32, u64)> = Vec::with_capacity(self.found.len());
        for (found, tally) in self.found.iter().zip(&self.tallies).skip(1) {
            if tally.lap_weight != 0 {
                parts.push((found.id, Route::RoyaltyLap, tally.lap_payee, tally.lap_weight));
            }
        }
        for (parent, share) in self.lrp_links(source) {
            parts.push((
                self.found[parent].id,
                Route::RoyaltyLrp,
                self.tallies[parent].lrp_payee,
                share.into(),
            ));
        }
        let spent = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.3));
        parts.push((source.id, Route::Own, 0, kept(source, spent)?.into()));
        parts.sort_by_key(|part| (part.0, part.1));
        Ok(parts
            .iter()
            .map(|part| Part {
                payee: part.2,
                weight: part.3 as u32,
            })
            .collect())
    }

    fn split_lrp(&self) -> Result<LrpSplits, Overspent> {
        let (mut splits, mut all) = (Vec::new(), Vec::new());
        let mut parts: Vec<(U256, Part)> = Vec::new();
        for (found, tally) in self.found.iter().zip(&self.tallies).skip(1) {
            if tally.lrp_paths == 0 {
                continue;
            }
            parts.clear();
            for (parent, share) in self.lrp_links(found) {
                let payee = self.tallies[parent].lrp_payee;
                parts.push((self.found[parent].id, Part { payee, weight: share }));
            }
            if parts.is_empty() {
                continue;
            }
            let spent = parts.iter().map(|(_, part)| u64::from(part.weight)).sum();
            parts.push((
                found.id,
                Part {
                    payee: tally.lrp_payee,
                    weight: kept(found, spent)?,
                },
            ));
            parts.sort_by_key(|part| part.0);
            let first = all.len() as u32;
            all.extend(parts.iter().map(|part| part.1));
            splits.push(LrpSplit {
                payee: tally.lrp_payee,
                first,
                end: all.len() as u32,
            });
        }
        Ok((splits.into(), all.into()))
    }

    /// Places of LRP parents, with their shares, which are positive.
    fn lrp_links(&self, child: &Found) -> impl Iterator<Item = (usize, u32)> {
        let links = &self.links[child.first as usize..child.end as usize];
        let is_paid = |link: &&Link| link.policy == RoyaltyPolicy::Lrp && link.share != 0;
        links
            .iter()
            .filter(is_paid)
            .map(|link| (self.place(link.parent), link.share))
    }
}

/// What is left of the whole after `spent`.
fn kept(found: &Found, spent: u64) -> Result<u32, Overspent> {
    match u64::from(WHOLE).checked_sub(spent) {
        Some(kept) => Ok(kept as u32),
        None => Err(Overspent {
            asset: found.id,
            parts: spent,
        }),
    }
}

fn add_paths(a: u32, b: u32) -> u32 {
    a.saturating_add(b).min(MANY_PATHS)
}
