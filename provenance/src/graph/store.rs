//! The graph's memory: nodes and edges by number, what each chain brought, and the plain facts about one node or edge.
//!
//! How it changes is in [`super::change`], which edges count in [`super::acyclic`]; questions that walk are answered in
//! [`super::lineage`] and [`super::paths`].

#![deny(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::Relation;
use souk_schema::{ChainId, U256};

use super::acyclic::Flips;
use super::cut::Cut;
use super::facts::{ChainPosition, Edge, EdgeStatus, Origin, Place};
use super::links::Links;
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
    /// Among the edges of the log.
    pub ordinal: u32,
    /// Index of the chain.
    pub chain: u16,
    pub relation: Relation,
    /// At the chain's head.
    pub status: EdgeStatus,
    pub native: bool,
    /// Not settled: among all edges that ever were it closes a cycle.
    pub doubtful: bool,
}

/// What one chain brought, in the order of its logs, so that reverting takes from the end.
pub(super) struct ChainFacts {
    id: ChainId,
    pub position: Option<ChainPosition>,
    pub assets: Vec<u32>,
    pub edges: Vec<u32>,
    /// Edges and nodes that ended, by the block that ended them.
    pub ended_edges: BTreeSet<(u64, u32)>,
    pub ended_assets: BTreeSet<(u64, u32)>,
    /// Edges whose status changed, with the block that changed it.
    pub status_changes: Vec<(u64, u32)>,
}

impl ChainFacts {
    pub fn head(&self) -> Option<u64> {
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
    /// Of edges whose status changed: the blocks that changed it, rising, each with the status before. Almost no edge has any.
    pub(super) earlier_statuses: HashMap<u32, Vec<(u64, EdgeStatus)>>,
    pub(super) scratch: ScratchPool,
    pub(super) free_edges: Vec<u32>,
    pub(super) chains: Vec<ChainFacts>,
    pub(super) chain_numbers: HashMap<ChainId, u16>,
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
            ordinal: 0,
        };
        (registration.from <= at && at < registration.to).then(|| Origin {
            chain: self.chain_id(registration.chain),
            place,
        })
    }

    /// An edge with the event that declared it (LIN-1), with its status as of the cut.
    ///
    /// # Panics
    /// When the edge was taken from another state of the graph and is gone.
    pub fn edge_as_of(&self, edge: EdgeId, cut: &Cut) -> Edge {
        let at = self.block_of(self.edges[edge.0 as usize].chain, cut);
        let earlier = self.earlier_statuses.get(&edge.0).map_or(&[][..], Vec::as_slice);
        let now = self.edge(edge);
        let next = earlier.get(earlier.partition_point(|(block, _)| *block <= at));
        Edge {
            status: next.map_or(now.status, |(_, before)| *before),
            ..now
        }
    }

    /// An edge with the event that declared it (LIN-1), as it is at the head of its chain.
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
                ordinal: record.ordinal,
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

    pub(super) fn intern_chain(&mut self, chain: ChainId) -> u16 {
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
                status_changes: Vec::new(),
            });
            u16::try_from(chains.len() - 1).expect("at most 65,536 chains are configured")
        })
    }

    /// The node of an identity, new if there is none.
    pub(super) fn intern(&mut self, id: &AssetId) -> u32 {
        let node = self.names.intern(id);
        if self.registrations.len() < self.names.bound() {
            self.registrations.resize(self.names.bound(), None);
            self.up.grow_to(self.names.bound());
            self.down.grow_to(self.names.bound());
        }
        node
    }

    /// Where an edge is in a list, or where it would be.
    pub(super) fn link_position(&self, links: &Links, node: u32, edge: u32) -> Result<usize, usize> {
        let list = links.of(node);
        let origin = self.origin(edge);
        match list.last() {
            Some(last) if self.origin(last.edge()) < origin => Err(list.len()),
            _ => list.binary_search_by(|link| self.origin(link.edge()).cmp(&origin)),
        }
    }

    pub(super) fn tag_links(&mut self, edge: u32) {
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
