//! The graph's memory and how it changes: blocks' facts go in by [`Graph::apply`] and come out by [`Graph::revert`].
//!
//! It answers nothing itself: see [`super::lineage`] and [`super::paths`]. Which edges count is decided in [`super::acyclic`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::Relation;
use souk_schema::{ChainId, U256};

use super::acyclic::Flips;
use super::cut::Cut;
use super::facts::{ChainPosition, Change, Edge, EdgeStatus, InvalidChange, Origin, Place};
use super::links::{Link, Links};
use super::names::Names;
use super::scratch::ScratchPool;

/// A node, by index. It is good for as long as the graph is not changed, which a guard of [`super::GraphHandle::read`] prevents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// An edge, by index. It is good for as long as the graph is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeId(pub(super) u32);

/// The exclusive end of what is still true.
pub(super) const OPEN: u64 = u64::MAX;

/// A node's place in the order of registrations, in one number: the index of its chain (16 bits above 32) and how many assets the
/// chain registered before. Blocks come and go at the end of a chain only, so it never changes while the registration lasts.
pub(super) mod order {
    /// Set while the registration is not true at the head.
    pub const ENDED: u64 = 1 << 63;

    /// Of a node that is not registered.
    pub const NONE: u64 = u64::MAX;

    pub fn of(chain: u16, index: u32) -> u64 {
        u64::from(chain) << 32 | u64::from(index)
    }

    #[inline]
    pub fn chain(order: u64) -> u16 {
        (order >> 32) as u16
    }

    #[inline]
    pub fn index(order: u64) -> u32 {
        order as u32
    }
}

#[derive(Clone, Copy)]
pub(super) struct Registration {
    pub from: u64,
    pub to: u64,
    pub log_index: u32,
    /// Index of the chain.
    pub chain: u16,
}

pub(super) struct EdgeRecord {
    pub license: U256,
    pub from: u64,
    pub to: u64,
    /// Time of the block for a claim, 0 for a native edge.
    pub claimed_at: u64,
    pub child: u32,
    pub parent: u32,
    pub log_index: u32,
    /// Index of the chain.
    pub chain: u16,
    pub relation: Relation,
    pub status: EdgeStatus,
    pub native: bool,
    /// Not settled: among all edges that ever were it closes a cycle.
    pub doubtful: bool,
}

/// What one chain brought, in the order of its logs, so that reverting takes from the end.
struct ChainFacts {
    id: ChainId,
    position: Option<ChainPosition>,
    assets: Vec<u32>,
    edges: Vec<u32>,
    /// Edges and nodes that ended, by the block that ended them.
    ended_edges: BTreeSet<(u64, u32)>,
    ended_assets: BTreeSet<(u64, u32)>,
}

impl ChainFacts {
    fn head(&self) -> Option<u64> {
        self.position.as_ref()?.head.map(|block| block.number)
    }
}

/// The provenance graph of all chains.
#[derive(Default)]
pub struct Graph {
    pub(super) names: Names,
    pub(super) registrations: Vec<Option<Registration>>,
    pub(super) edges: Vec<EdgeRecord>,
    /// For each node its edges to parents, and to children, by origin.
    pub(super) up: Links,
    pub(super) down: Links,
    /// Edges that are not settled; almost always none.
    pub(super) doubtful: BTreeSet<u32>,
    /// What differs at the heads from the judgement over all times.
    pub(super) head_flips: Flips,
    pub(super) scratch: ScratchPool,
    free_edges: Vec<u32>,
    chains: Vec<ChainFacts>,
    chain_numbers: HashMap<ChainId, u16>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// The node of an asset of an EVM chain: registered, or named as a foreign parent by some edge.
    pub fn node(&self, id: &EvmAssetId) -> Option<NodeId> {
        self.find(&AssetId::Evm(*id))
    }

    /// The node of any asset.
    pub fn find(&self, id: &AssetId) -> Option<NodeId> {
        self.names.find(id).map(NodeId)
    }

    /// Which asset a node is.
    ///
    /// # Panics
    /// When the node was taken from another state of the graph.
    pub fn asset(&self, node: NodeId) -> AssetId {
        self.names.id(node.0)
    }

    /// The event that registered an asset, as of the cut; `None` for one that is not indexed.
    pub fn registered(&self, node: NodeId, cut: &Cut) -> Option<Origin> {
        let registration = self.registrations.get(node.0 as usize)?.as_ref()?;
        let at = self.block_of(registration.chain, cut);
        let place = Place {
            block: registration.from,
            log_index: registration.log_index,
        };
        (registration.from <= at && at < registration.to).then(|| Origin {
            chain: self.chain_id(registration.chain),
            place,
        })
    }

    /// An edge with the event that declared it (LIN-1).
    ///
    /// # Panics
    /// When the edge was taken from another state of the graph and is gone.
    pub fn edge(&self, edge: EdgeId) -> Edge {
        let record = &self.edges[edge.0 as usize];
        Edge {
            child: NodeId(record.child),
            parent: NodeId(record.parent),
            relation: record.relation,
            license: record.license,
            status: record.status,
            native: record.native,
            origin: self.origin(edge.0),
            valid_to: (record.to != OPEN).then_some(record.to),
        }
    }

    /// How far each chain is known (API-1).
    pub fn position(&self) -> BTreeMap<ChainId, ChainPosition> {
        self.chains
            .iter()
            .filter_map(|chain| Some((chain.id, chain.position.clone()?)))
            .collect()
    }

    /// How far one chain is known.
    pub fn chain_position(&self, chain: ChainId) -> Option<&ChainPosition> {
        self.chains[usize::from(*self.chain_numbers.get(&chain)?)]
            .position
            .as_ref()
    }

    /// How many nodes there are, foreign ones included.
    pub fn node_count(&self) -> usize {
        self.names.len()
    }

    /// How many edges there are, ended and left-out ones included.
    pub fn edge_count(&self) -> usize {
        self.edges.len() - self.free_edges.len()
    }

    /// Adds the facts of the blocks after the chain's head, up to `position.head`, and moves the chain there. The order of the changes
    /// does not matter.
    ///
    /// # Errors
    /// When a change does not fit; the graph is then as it was.
    pub fn apply(
        &mut self,
        chain: ChainId,
        mut changes: Vec<Change>,
        position: ChainPosition,
    ) -> Result<(), InvalidChange> {
        let number = self.intern_chain(chain);
        let before = self.chains[usize::from(number)].position.clone();
        let from = self.chains[usize::from(number)].head().map_or(-1, i128::from);
        let to = position.head.map_or(-1, |head| i128::from(head.number));
        if let Some(block) = changes
            .iter()
            .map(Change::block)
            .find(|block| !(from < i128::from(*block) && i128::from(*block) <= to))
        {
            return Err(InvalidChange::OutOfRange { chain, block, from, to });
        }
        // What begins comes before what ends: a fact may do both in one call.
        changes.sort_by_key(|change| match change {
            Change::Registered { place, .. } | Change::Derived { place, .. } => (place.block, false, place.log_index),
            Change::Unregistered { block, .. } | Change::Ended { block, .. } => (*block, true, 0),
        });
        for change in changes {
            if let Err(invalid) = self.apply_change(number, change) {
                self.revert_facts(
                    number,
                    before
                        .as_ref()
                        .and_then(|position| position.head)
                        .map(|head| head.number),
                );
                self.chains[usize::from(number)].position = before;
                return Err(invalid);
            }
        }
        self.chains[usize::from(number)].position = Some(position);
        self.head_flips = self.flips_at_head();
        Ok(())
    }

    /// Takes back the facts of the blocks after `position.head` (all of them if there is none), and moves the chain there: what began
    /// later is gone, what ended later is true again.
    pub fn revert(&mut self, chain: ChainId, position: ChainPosition) {
        let number = self.intern_chain(chain);
        self.revert_facts(number, position.head.map(|head| head.number));
        self.chains[usize::from(number)].position = Some(position);
        self.head_flips = self.flips_at_head();
    }

    /// Takes a chain out altogether. What other chains say of its assets stays, as claims about foreign ones.
    pub fn forget(&mut self, chain: ChainId) {
        if let Some(number) = self.chain_numbers.get(&chain).copied() {
            self.revert_facts(number, None);
            self.chains[usize::from(number)].position = None;
            self.head_flips = self.flips_at_head();
        }
    }

    pub(super) fn chain_id(&self, number: u16) -> ChainId {
        self.chains[usize::from(number)].id
    }

    /// The node that is at a place in the order of a chain's registrations.
    #[inline]
    pub(super) fn registered_at(&self, number: u16, index: u32) -> u32 {
        self.chains[usize::from(number)].assets[index as usize]
    }

    pub(super) fn chain_count(&self) -> usize {
        self.chains.len()
    }

    /// The block as of which a chain is asked about; beyond every block at the head.
    pub(super) fn block_of(&self, number: u16, cut: &Cut) -> u64 {
        let chain = &self.chains[usize::from(number)];
        match (cut.block(chain.id), chain.head()) {
            (Some(block), Some(head)) if block < head => block,
            _ => OPEN - 1,
        }
    }

    pub(super) fn origin(&self, edge: u32) -> Origin {
        let record = &self.edges[edge as usize];
        Origin {
            chain: self.chain_id(record.chain),
            place: Place {
                block: record.from,
                log_index: record.log_index,
            },
        }
    }

    /// Whether any edge ended, on any chain.
    pub(super) fn any_edge_ended(&self) -> bool {
        self.chains.iter().any(|chain| !chain.ended_edges.is_empty())
    }

    /// Says whether an edge is settled, and tags its links accordingly.
    pub(super) fn set_doubtful(&mut self, edge: u32, doubtful: bool) {
        self.edges[edge as usize].doubtful = doubtful;
        if doubtful {
            self.doubtful.insert(edge);
        } else {
            self.doubtful.remove(&edge);
        }
        self.tag_links(edge);
    }

    fn intern_chain(&mut self, chain: ChainId) -> u16 {
        let Graph {
            chains, chain_numbers, ..
        } = self;
        *chain_numbers.entry(chain).or_insert_with(|| {
            let (ended_edges, ended_assets) = Default::default();
            chains.push(ChainFacts {
                id: chain,
                position: None,
                assets: Vec::new(),
                edges: Vec::new(),
                ended_edges,
                ended_assets,
            });
            u16::try_from(chains.len() - 1).expect("at most 65,536 chains are configured")
        })
    }

    fn intern(&mut self, id: &AssetId) -> u32 {
        let node = self.names.intern(id);
        if self.registrations.len() < self.names.bound() {
            self.registrations.resize(self.names.bound(), None);
            self.up.grow_to(self.names.bound());
            self.down.grow_to(self.names.bound());
        }
        node
    }

    fn apply_change(&mut self, number: u16, change: Change) -> Result<(), InvalidChange> {
        let chain = self.chain_id(number);
        let own = |asset: &EvmAssetId| {
            if asset.chain == chain {
                Ok(AssetId::Evm(*asset))
            } else {
                Err(InvalidChange::OtherChain {
                    chain,
                    found: asset.chain,
                })
            }
        };
        match change {
            Change::Registered { asset, place } => {
                let node = self.intern(&own(&asset)?);
                if self.registrations[node as usize].is_some() {
                    return Err(InvalidChange::Duplicate {
                        chain,
                        block: place.block,
                        log_index: place.log_index,
                    });
                }
                let registration = Registration {
                    from: place.block,
                    to: OPEN,
                    log_index: place.log_index,
                    chain: number,
                };
                let assets = &mut self.chains[usize::from(number)].assets;
                self.registrations[node as usize] = Some(registration);
                let order = order::of(number, assets.len() as u32);
                assets.push(node);
                self.set_order(node, order);
            }
            Change::Unregistered { asset, block } => {
                let node = self
                    .names
                    .find(&own(&asset)?)
                    .ok_or(InvalidChange::Unknown { chain, block })?;
                let registration = self.registrations[node as usize]
                    .as_mut()
                    .filter(|registration| registration.to == OPEN);
                registration.ok_or(InvalidChange::Unknown { chain, block })?.to = block;
                self.set_order(node, self.up.order(node) | order::ENDED);
                self.chains[usize::from(number)].ended_assets.insert((block, node));
            }
            Change::Derived {
                child,
                parent,
                relation,
                license,
                status,
                claimed_at,
                place,
            } => {
                let last = self.chains[usize::from(number)]
                    .edges
                    .last()
                    .map(|edge| self.origin(*edge).place);
                if last.is_some_and(|last| last >= place) {
                    return Err(InvalidChange::Duplicate {
                        chain,
                        block: place.block,
                        log_index: place.log_index,
                    });
                }
                let child = self.intern(&own(&child)?);
                let parent = self.intern(&parent);
                self.add_edge(EdgeRecord {
                    license,
                    from: place.block,
                    to: OPEN,
                    claimed_at: claimed_at.unwrap_or(0),
                    child,
                    parent,
                    log_index: place.log_index,
                    chain: number,
                    relation,
                    status,
                    native: claimed_at.is_none(),
                    doubtful: false,
                });
            }
            Change::Ended { place, block } => {
                let edge = self
                    .edge_at(number, place)
                    .filter(|edge| self.edges[*edge as usize].to == OPEN);
                let edge = edge.ok_or(InvalidChange::Unknown { chain, block })?;
                self.edges[edge as usize].to = block;
                self.tag_links(edge);
                self.chains[usize::from(number)].ended_edges.insert((block, edge));
            }
        }
        Ok(())
    }

    fn edge_at(&self, number: u16, place: Place) -> Option<u32> {
        let edges = &self.chains[usize::from(number)].edges;
        edges
            .binary_search_by_key(&place, |edge| self.origin(*edge).place)
            .ok()
            .map(|at| edges[at])
    }

    fn add_edge(&mut self, record: EdgeRecord) {
        let (child, parent, number) = (record.child, record.parent, record.chain);
        let edge = match self.free_edges.pop() {
            Some(edge) => {
                self.edges[edge as usize] = record;
                edge
            }
            None => {
                self.edges.push(record);
                let edge = u32::try_from(self.edges.len() - 1)
                    .ok()
                    .filter(|edge| *edge < Link::MAX_EDGES);
                edge.expect("fewer than 2^31 edges fit in memory")
            }
        };
        let verdict = self.judge_new(edge);
        let at = self.link_position(&self.up, child, edge).unwrap_or_else(|at| at);
        self.up.insert(child, at, Link::new(parent, edge));
        let at = self.link_position(&self.down, parent, edge).unwrap_or_else(|at| at);
        self.down.insert(parent, at, Link::new(child, edge));
        self.chains[usize::from(number)].edges.push(edge);
        self.settle_new(edge, verdict);
    }

    fn revert_facts(&mut self, number: u16, head: Option<u64>) {
        let after = |block: u64| head.is_none_or(|head| block > head);
        let unsettled = self.unsettled_region();
        while let Some(edge) = pop_last_if(&mut self.chains[usize::from(number)].ended_edges, after) {
            self.edges[edge as usize].to = OPEN;
            self.tag_links(edge);
        }
        while let Some(node) = pop_last_if(&mut self.chains[usize::from(number)].ended_assets, after) {
            if let Some(registration) = &mut self.registrations[node as usize] {
                registration.to = OPEN;
                self.set_order(node, self.up.order(node) & !order::ENDED);
            }
        }
        while let Some(edge) = self.chains[usize::from(number)]
            .edges
            .last()
            .copied()
            .filter(|edge| after(self.edges[*edge as usize].from))
        {
            self.chains[usize::from(number)].edges.pop();
            self.remove_edge(edge);
        }
        while let Some(node) = self.chains[usize::from(number)].assets.last().copied() {
            if self.registrations[node as usize].is_some_and(|registration| !after(registration.from)) {
                break;
            }
            self.chains[usize::from(number)].assets.pop();
            self.registrations[node as usize] = None;
            self.set_order(node, order::NONE);
            self.release_if_unused(node);
        }
        self.settle_region(&unsettled);
    }

    fn remove_edge(&mut self, edge: u32) {
        let EdgeRecord { child, parent, .. } = self.edges[edge as usize];
        if let Ok(at) = self.link_position(&self.up, child, edge) {
            self.up.remove(child, at);
        }
        if let Ok(at) = self.link_position(&self.down, parent, edge) {
            self.down.remove(parent, at);
        }
        self.doubtful.remove(&edge);
        self.free_edges.push(edge);
        self.release_if_unused(child);
        self.release_if_unused(parent);
    }

    fn set_order(&mut self, node: u32, order: u64) {
        self.up.set_order(node, order);
        self.down.set_order(node, order);
    }

    fn release_if_unused(&mut self, node: u32) {
        if self.registrations[node as usize].is_none() && self.up.of(node).is_empty() && self.down.of(node).is_empty() {
            self.names.release(node);
        }
    }

    /// Where an edge is in a list, or where it would be.
    fn link_position(&self, links: &Links, node: u32, edge: u32) -> Result<usize, usize> {
        let list = links.of(node);
        let origin = self.origin(edge);
        match list.last() {
            Some(last) if self.origin(last.edge()) < origin => Err(list.len()),
            _ => list.binary_search_by(|link| self.origin(link.edge()).cmp(&origin)),
        }
    }

    fn tag_links(&mut self, edge: u32) {
        let EdgeRecord {
            child,
            parent,
            to,
            doubtful,
            ..
        } = self.edges[edge as usize];
        let special = doubtful || to != OPEN;
        if let Ok(at) = self.link_position(&self.up, child, edge) {
            self.up.of_mut(child)[at].set_special(special);
        }
        if let Ok(at) = self.link_position(&self.down, parent, edge) {
            self.down.of_mut(parent)[at].set_special(special);
        }
    }
}

/// Takes the last entry if its block satisfies the condition.
fn pop_last_if(ended: &mut BTreeSet<(u64, u32)>, condition: impl Fn(u64) -> bool) -> Option<u32> {
    let (block, _) = ended.last()?;
    if condition(*block) {
        ended.pop_last().map(|(_, index)| index)
    } else {
        None
    }
}
