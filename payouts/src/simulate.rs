//! What if: the same rule on a revenue, terms or a derivation that do not exist, side by side under LAP, LRP and pro rata.
//!
//! It reads the state and changes nothing. *LAP* and *LRP* treat every edge that carries a royalty as if it were of that policy. *Pro rata*
//! knows no paths: the asset weighs 100%, each ancestor the sum of the shares of the edges to it, and all share by weight, so it never passes
//! the whole however many there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, U256};
use souk_schema::E8;
use souk_schema::event::{Relation, RoyaltyPolicy};

use crate::above::Above;
use crate::license::LicenseView;
use crate::rule::{
    Apportioner, AssetNo, Edge, Lineage, Overspent, Recipients, Role, Route, Splitter, Upstream, UpstreamBuilder, WHOLE,
};
use crate::state::{Refused, State};

/// A derivation that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupposedParent {
    /// What the asset would be derived from.
    pub parent: U256,
    /// How the parent would take part.
    pub policy: RoyaltyPolicy,
    /// Its part.
    pub share: E8,
}

/// What terms would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupposedTerms {
    /// The terms, which were registered.
    pub terms_id: U256,
    /// How the licensor would take part.
    pub policy: RoyaltyPolicy,
    /// Its part.
    pub share: E8,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// The asset that would earn the revenue; `None` for one that is yet to be registered.
    pub asset: Option<U256>,
    /// The revenue, in base units.
    pub amount: U256,
    /// The protocol's part; `None` for what it takes now.
    pub fee: Option<E8>,
    /// Further parents of the asset.
    pub parents: Vec<SupposedParent>,
    /// What terms would say on every edge that was made under them, each at most once.
    pub terms: Vec<SupposedTerms>,
}

/// What one recipient would get for one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedLine {
    /// The asset; `None` for one that is yet to be registered.
    pub asset: Option<U256>,
    /// How it would come to the asset; pro rata knows only [`Route::Own`] and, for ancestors, none.
    pub route: Option<Route>,
    /// Paths by that route, saturating as in the rule; for pro rata the number of edges to the asset.
    pub paths: u32,
    /// Who would be paid; `None` for whoever will have the asset that is yet to be registered.
    pub recipient: Option<Address>,
    /// As what.
    pub role: Role,
    /// How much, in base units; positive.
    pub amount: U256,
}

/// The lines of a split, or by how much it would pass the whole.
pub type Simulated = Result<Vec<SimulatedLine>, Overspent>;

/// The answers, side by side. The lines of each, and the fee, sum to the amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The protocol's part, the same in each.
    pub fee: U256,
    /// Under the policies that edges have.
    pub as_declared: Simulated,
    /// As if every royalty were a share of the revenue itself.
    pub lap: Simulated,
    /// As if every royalty were a share of what a child receives.
    pub lrp: Simulated,
    /// By weight, without paths.
    pub pro_rata: Vec<SimulatedLine>,
}

/// The graph as it would be.
struct Supposed<'a, L> {
    lineage: &'a L,
    source: AssetNo,
    is_new: bool,
    edges: Vec<Edge>,
    depth: u32,
    terms: &'a BTreeMap<U256, (RoyaltyPolicy, E8)>,
    policy: Option<RoyaltyPolicy>,
}

impl<L: Lineage> Lineage for Supposed<'_, L> {
    fn count(&self) -> usize {
        self.lineage.count() + usize::from(self.is_new)
    }

    fn id(&self, asset: AssetNo) -> U256 {
        // Ids rise, so one that is yet to come is above all others.
        if self.is_new && asset == self.source {
            U256::MAX
        } else {
            self.lineage.id(asset)
        }
    }

    fn depth(&self, asset: AssetNo) -> u32 {
        if asset == self.source {
            self.depth
        } else {
            self.lineage.depth(asset)
        }
    }

    fn edges(&self, asset: AssetNo) -> &[Edge] {
        if asset == self.source {
            &self.edges
        } else {
            self.lineage.edges(asset)
        }
    }

    fn royalty(&self, edge: &Edge) -> (RoyaltyPolicy, u32) {
        let (policy, share) = match self.terms.get(&edge.terms) {
            Some((policy, share)) if !edge.license.is_zero() => (*policy, share.parts()),
            _ => self.lineage.royalty(edge),
        };
        match self.policy {
            Some(supposed) if policy != RoyaltyPolicy::None => (supposed, share),
            _ => (policy, share),
        }
    }
}

/// What a question is answered from: the graph above the asset as it would be, and who is paid for each of its assets now. It borrows nothing,
/// so the state is folded on while it is answered.
#[derive(Clone, Debug)]
pub struct Supposition {
    above: Above,
    recipients: HashMap<AssetNo, Arc<Recipients>>,
    question: WhatIf,
    terms: BTreeMap<U256, (RoyaltyPolicy, E8)>,
    fee_share: E8,
    source: AssetNo,
    edges: Vec<Edge>,
    depth: u32,
}

impl State {
    /// Answers a question with the state as of the head.
    ///
    /// # Errors
    /// As [`State::suppose`].
    pub fn simulate(&mut self, question: &WhatIf) -> Result<Comparison, Refused> {
        Ok(self.suppose(question)?.compare())
    }

    /// Copies what answers a question.
    ///
    /// # Errors
    /// [`Refused::UnknownAsset`] for the asset or a parent; [`Refused::DuplicateParent`], [`Refused::SelfAncestor`] and
    /// [`Refused::HasChildren`] for derivations that could not be declared; [`Refused::UnknownTerms`] and [`Refused::TermsTwice`] for terms.
    pub fn suppose(&mut self, question: &WhatIf) -> Result<Supposition, Refused> {
        let terms = self.supposed_terms(question)?;
        let (source, edges, depth) = self.supposed_edges(question)?;
        let mut above = Above::new(self, edges.iter().map(|edge| edge.parent)).expect("edges lead to known assets");
        if let Some(row) = self.row(source) {
            above.add(source, row);
        }
        let numbers: Vec<AssetNo> = above.numbers().collect();
        let recipients = numbers
            .into_iter()
            .map(|asset| (asset, self.shared_recipients(asset)))
            .collect();
        Ok(Supposition {
            above,
            recipients,
            question: question.clone(),
            terms,
            fee_share: question.fee.unwrap_or(self.fee().map_or(E8::ZERO, |fee| fee.share)),
            source,
            edges,
            depth,
        })
    }

    fn supposed_terms(&self, question: &WhatIf) -> Result<BTreeMap<U256, (RoyaltyPolicy, E8)>, Refused> {
        let mut terms = BTreeMap::new();
        for supposed in &question.terms {
            if self.terms(supposed.terms_id).is_none() {
                return Err(Refused::UnknownTerms(supposed.terms_id));
            }
            let royalty = (supposed.policy, supposed.share);
            if terms.insert(supposed.terms_id, royalty).is_some() {
                return Err(Refused::TermsTwice(supposed.terms_id));
            }
        }
        Ok(terms)
    }

    fn supposed_edges(&self, question: &WhatIf) -> Result<(AssetNo, Vec<Edge>, u32), Refused> {
        let find = |id| self.number(id).ok_or(Refused::UnknownAsset(id));
        let (source, mut edges, mut depth) = match question.asset {
            None => (self.lineage().count() as AssetNo, Vec::new(), 0),
            Some(id) => {
                let row = self.asset(id).ok_or(Refused::UnknownAsset(id))?;
                if row.has_children && !question.parents.is_empty() {
                    return Err(Refused::HasChildren(id));
                }
                (find(id)?, row.edges.to_vec(), row.depth)
            }
        };
        for supposed in &question.parents {
            let parent = find(supposed.parent)?;
            let child = question.asset.unwrap_or(U256::MAX);
            if parent == source {
                return Err(Refused::SelfAncestor {
                    child,
                    parent: supposed.parent,
                });
            }
            if edges.iter().any(|edge| edge.parent == parent) {
                return Err(Refused::DuplicateParent {
                    child,
                    parent: supposed.parent,
                });
            }
            depth = depth.max(self.lineage().depth(parent) + 1);
            edges.push(Edge {
                parent,
                relation: Relation::DerivedFrom,
                policy: supposed.policy,
                share: supposed.share.parts(),
                license: U256::ZERO,
                terms: U256::ZERO,
            });
        }
        Ok((source, edges, depth))
    }
}

impl Supposition {
    /// The answers, side by side.
    pub fn compare(&self) -> Comparison {
        let fee = self.fee_share.floor_of(self.question.amount).0;
        let net = self.question.amount - fee;
        let split = |policy| self.lines_of(&self.graph(policy), net);
        Comparison {
            fee,
            as_declared: split(None),
            lap: split(Some(RoyaltyPolicy::Lap)),
            lrp: split(Some(RoyaltyPolicy::Lrp)),
            pro_rata: self.pro_rata(&self.graph(None), net),
        }
    }

    /// The graph as it would be, with the royalties that it has or all of one policy.
    fn graph(&self, policy: Option<RoyaltyPolicy>) -> Supposed<'_, Above> {
        Supposed {
            lineage: &self.above,
            source: self.source,
            is_new: self.question.asset.is_none(),
            edges: self.edges.clone(),
            depth: self.depth,
            terms: &self.terms,
            policy,
        }
    }

    fn lines_of<L: Lineage>(&self, graph: &Supposed<'_, L>, net: U256) -> Simulated {
        let upstream = UpstreamBuilder::default().build(graph, graph.source)?;
        let mut splitter = Splitter::default();
        let amounts = splitter.amounts(&upstream, net).to_vec();
        let mut lines = Vec::new();
        for (payee, amount) in upstream.payees.iter().zip(amounts) {
            self.share_out(
                graph,
                payee.asset,
                (Some(payee.route), payee.paths),
                amount,
                &mut splitter,
                &mut lines,
            );
        }
        Ok(lines)
    }

    fn pro_rata<L: Lineage>(&self, graph: &Supposed<'_, L>, net: U256) -> Vec<SimulatedLine> {
        // The graph alone, whatever its royalties come to.
        let bare = Supposed {
            policy: Some(RoyaltyPolicy::None),
            edges: graph.edges.clone(),
            ..*graph
        };
        let above: Upstream = UpstreamBuilder::default()
            .build(&bare, graph.source)
            .expect("nothing is owed");
        // By asset id, which breaks ties: weight and number of edges.
        let mut weights: BTreeMap<U256, (AssetNo, u128, u32)> = BTreeMap::new();
        weights.insert(graph.id(graph.source), (graph.source, WHOLE.into(), 1));
        for asset in above.ancestors.iter().copied().chain([graph.source]) {
            for edge in graph.edges(asset) {
                let (policy, share) = graph.royalty(edge);
                if policy != RoyaltyPolicy::None && share != 0 {
                    let entry = weights.entry(graph.id(edge.parent)).or_insert((edge.parent, 0, 0));
                    entry.1 += u128::from(share);
                    entry.2 += 1;
                }
            }
        }
        let total: u128 = weights.values().map(|(_, weight, _)| weight).sum();
        let mut parts = Vec::new();
        Apportioner::default().split(
            net,
            weights.values().map(|entry| U256::from(entry.1)),
            U256::from(total),
            &mut parts,
        );
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for ((asset, _, edges), amount) in weights.into_values().zip(parts) {
            let route = (asset == graph.source).then_some(Route::Own);
            self.share_out(graph, asset, (route, edges), amount, &mut splitter, &mut lines);
        }
        lines
    }

    fn share_out<L: Lineage>(
        &self,
        graph: &Supposed<'_, L>,
        asset: AssetNo,
        (route, paths): (Option<Route>, u32),
        amount: U256,
        splitter: &mut Splitter,
        lines: &mut Vec<SimulatedLine>,
    ) {
        if graph.is_new && asset == graph.source {
            if !amount.is_zero() {
                lines.push(SimulatedLine {
                    asset: None,
                    route,
                    paths,
                    recipient: None,
                    role: Role::Owner,
                    amount,
                });
            }
            return;
        }
        let recipients = self
            .recipients
            .get(&asset)
            .expect("those of every asset of the graph were copied");
        splitter.split_one(recipients, amount, |share| {
            lines.push(SimulatedLine {
                asset: Some(graph.id(asset)),
                route,
                paths,
                recipient: Some(share.recipient),
                role: share.role,
                amount: share.amount,
            });
        });
    }
}
