//! What is owed above an asset, from the graph alone: path counts and royalty shares, summed once in topological order.
//!
//! It is linear in the edges above the asset (and one sort of its ancestors): a diamond with 2^64 paths costs as much as its edges. Nothing
//! recurses, so depth costs no stack. It depends on lineage only, which never changes above an asset that has children.

use alloy_primitives::U256;
use souk_schema::event::RoyaltyPolicy;

use super::{AssetNo, Lineage, MANY_PATHS, Overspent, Route, WHOLE};

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
    /// Per asset, the round in which it was last met, and then its place in `order`.
    met: Vec<(u32, u32)>,
    round: u32,
    order: Vec<AssetNo>,
    tallies: Vec<Tally>,
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

impl UpstreamBuilder {
    /// What is owed above `source`.
    ///
    /// # Errors
    /// [`Overspent`] where the registry's own rule was not kept: the royalties of an asset pass 100%.
    pub fn build<L: Lineage>(&mut self, lineage: &L, source: AssetNo) -> Result<Upstream, Overspent> {
        self.collect(lineage, source);
        self.count(lineage);
        let payees = self.number_payees();
        let source_parts = self.split_source(lineage)?;
        let (lrp_splits, lrp_parts) = self.split_lrp(lineage)?;
        let mut ancestors = self.order[1..].to_vec();
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
        self.order.clear();
        self.order.push(source);
        self.met[source as usize].0 = self.round;
        let mut next = 0;
        while let Some(&asset) = self.order.get(next) {
            next += 1;
            for edge in lineage.edges(asset) {
                let met = &mut self.met[edge.parent as usize].0;
                if *met != self.round {
                    *met = self.round;
                    self.order.push(edge.parent);
                }
            }
        }
        self.order[1..].sort_unstable_by_key(|asset| (u32::MAX - lineage.depth(*asset), *asset));
        for (place, asset) in self.order.iter().enumerate() {
            self.met[*asset as usize].1 = place as u32;
        }
    }

    fn place(&self, asset: AssetNo) -> usize {
        self.met[asset as usize].1 as usize
    }

    fn count<L: Lineage>(&mut self, lineage: &L) {
        self.tallies.clear();
        self.tallies.resize(self.order.len(), Tally::default());
        self.tallies[0].paths = 1;
        self.tallies[0].lrp_paths = 1;
        for place in 0..self.order.len() {
            let child = self.tallies[place];
            for edge in lineage.edges(self.order[place]) {
                let parent_place = self.place(edge.parent);
                assert!(parent_place > place, "a parent is less deep than its child");
                let parent = &mut self.tallies[parent_place];
                parent.paths = add_paths(parent.paths, child.paths);
                match lineage.royalty(edge) {
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
        let mut payees = Vec::with_capacity(self.order.len());
        for (place, (asset, tally)) in self.order.iter().zip(&mut self.tallies).enumerate() {
            let mut payee = |route, paths| {
                payees.push(Payee {
                    asset: *asset,
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
    fn split_source<L: Lineage>(&self, lineage: &L) -> Result<Box<[Part]>, Overspent> {
        let mut parts: Vec<(U256, Route, u32, u64)> = Vec::with_capacity(self.order.len());
        for (asset, tally) in self.order.iter().zip(&self.tallies).skip(1) {
            if tally.lap_weight != 0 {
                parts.push((lineage.id(*asset), Route::RoyaltyLap, tally.lap_payee, tally.lap_weight));
            }
        }
        for (parent, share) in lrp_edges(lineage, self.order[0]) {
            let payee = self.tallies[self.place(parent)].lrp_payee;
            parts.push((lineage.id(parent), Route::RoyaltyLrp, payee, share.into()));
        }
        let spent = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.3));
        let kept = self.kept(lineage, self.order[0], spent)?;
        parts.push((lineage.id(self.order[0]), Route::Own, 0, kept.into()));
        // Nearly in order already, as ids rise with numbers; the stable sort makes use of it.
        parts.sort_by_key(|part| (part.0, part.1));
        Ok(parts
            .iter()
            .map(|part| Part {
                payee: part.2,
                weight: part.3 as u32,
            })
            .collect())
    }

    fn split_lrp<L: Lineage>(&self, lineage: &L) -> Result<LrpSplits, Overspent> {
        let (mut splits, mut all) = (Vec::new(), Vec::new());
        let mut parts: Vec<(U256, Part)> = Vec::new();
        for (asset, tally) in self.order.iter().zip(&self.tallies).skip(1) {
            if tally.lrp_paths == 0 {
                continue;
            }
            parts.clear();
            let mut spent = 0;
            for (parent, share) in lrp_edges(lineage, *asset) {
                let payee = self.tallies[self.place(parent)].lrp_payee;
                parts.push((lineage.id(parent), Part { payee, weight: share }));
                spent += u64::from(share);
            }
            if parts.is_empty() {
                continue;
            }
            let weight = self.kept(lineage, *asset, spent)?;
            parts.push((
                lineage.id(*asset),
                Part {
                    payee: tally.lrp_payee,
                    weight,
                },
            ));
            parts.sort_by_key(|part| part.0);
            let first = all.len() as u32;
            all.extend(parts.iter().map(|part| part.1));
            let end = all.len() as u32;
            splits.push(LrpSplit {
                payee: tally.lrp_payee,
                first,
                end,
            });
        }
        Ok((splits.into(), all.into()))
    }

    fn kept<L: Lineage>(&self, lineage: &L, asset: AssetNo, spent: u64) -> Result<u32, Overspent> {
        match u64::from(WHOLE).checked_sub(spent) {
            Some(kept) => Ok(kept as u32),
            None => Err(Overspent {
                asset: lineage.id(asset),
                parts: spent,
            }),
        }
    }
}

/// [`Upstream::lrp_splits`] and [`Upstream::lrp_parts`].
type LrpSplits = (Box<[LrpSplit]>, Box<[Part]>);

/// LRP parents with positive shares.
fn lrp_edges<L: Lineage>(lineage: &L, child: AssetNo) -> impl Iterator<Item = (AssetNo, u32)> {
    lineage
        .edges(child)
        .iter()
        .filter_map(|edge| match lineage.royalty(edge) {
            (RoyaltyPolicy::Lrp, share @ 1..) => Some((edge.parent, share)),
            _ => None,
        })
}

fn add_paths(a: u32, b: u32) -> u32 {
    a.saturating_add(b).min(MANY_PATHS)
}
