//! A graph as of a cut: which links can be followed.

#![deny(clippy::disallowed_methods)]

use std::borrow::Cow;

use super::acyclic::Flips;
use super::cut::Cut;
use super::facts::{Declared, Direction};
use super::links::{Link, Links};
use super::store::{EdgeId, Graph, NodeId, OPEN, order};

/// A graph as of a cut.
pub(super) struct View<'a> {
    graph: &'a Graph,
    /// By chain index: the block as of which it is asked about; `OPEN - 1` at the head.
    blocks: Vec<u64>,
    /// By chain index: the chain's place when all are ordered by id.
    ranks: Vec<u16>,
    /// The chains' indexes ordered by id.
    by_rank: Vec<u16>,
    at_heads: bool,
    flips: Cow<'a, Flips>,
}

impl<'a> View<'a> {
    pub fn new(graph: &'a Graph, cut: &Cut) -> View<'a> {
        let chains = 0..graph.chain_count() as u16;
        let blocks: Vec<u64> = chains.clone().map(|number| graph.block_of(number, cut)).collect();
        let mut by_rank: Vec<u16> = chains.collect();
        by_rank.sort_by_key(|number| graph.chain_id(*number));
        let mut ranks = vec![0; by_rank.len()];
        for (rank, number) in by_rank.iter().enumerate() {
            ranks[usize::from(*number)] = rank as u16;
        }
        let at_heads = blocks.iter().all(|block| *block == OPEN - 1);
        let mut view = View {
            graph,
            blocks,
            ranks,
            by_rank,
            at_heads,
            flips: Cow::Borrowed(&graph.head_flips),
        };
        if !at_heads {
            view.flips = Cow::Owned(graph.flips(|edge| view.holds(edge)));
        }
        view
    }

    /// Whether the edge was true, whether or not it counts.
    pub fn holds(&self, edge: u32) -> bool {
        let record = &self.graph.edges[edge as usize];
        let block = self.blocks[usize::from(record.chain)];
        record.from <= block && block < record.to
    }

    /// Whether an edge that holds is left out because it would close a cycle (LIN-1).
    pub fn closes_cycle(&self, edge: u32) -> bool {
        match self.flips.get(&edge) {
            Some(counts) => !counts,
            None => self.graph.edges[edge as usize].doubtful,
        }
    }

    /// Whether a link can be followed.
    #[inline]
    pub fn passes(&self, link: Link) -> bool {
        if self.at_heads && !link.is_special() {
            return self.flips.is_empty() || !self.closes_cycle(link.edge());
        }
        self.holds(link.edge()) && !self.closes_cycle(link.edge())
    }

    /// The links of nodes in a direction.
    pub fn links(&self, direction: Direction) -> &'a Links {
        match direction {
            Direction::Ancestors => &self.graph.up,
            Direction::Descendants => &self.graph.down,
        }
    }

    /// A number that orders registered nodes by origin; `None` for all others. It is kept with links of either direction.
    #[inline]
    pub fn order(&self, links: &Links, node: u32) -> Option<u64> {
        let order = links.order(node);
        if order == order::NONE || self.at_heads && order & order::ENDED != 0 {
            return None;
        }
        if !self.at_heads {
            let registration = self.graph.registrations[node as usize].as_ref()?;
            let block = self.blocks[usize::from(registration.chain)];
            if block < registration.from || registration.to <= block {
                return None;
            }
        }
        let rank = self.ranks[usize::from(order::chain(order))];
        Some(order::of(rank, order::index(order)))
    }

    /// The node that an order is of.
    #[inline]
    pub fn ordered(&self, order: u64) -> u32 {
        self.graph
            .registered_at(self.by_rank[usize::from(order::chain(order))], order::index(order))
    }
}

impl Graph {
    /// The edges at a node as they were declared, by origin, those that are left out of lineage included.
    pub fn declared(&self, node: NodeId, direction: Direction, cut: &Cut) -> Vec<Declared> {
        let view = View::new(self, cut);
        let links = view
            .links(direction)
            .of(node.0)
            .iter()
            .map(|link| link.edge())
            .filter(|edge| view.holds(*edge));
        links
            .map(|edge| Declared {
                edge: EdgeId(edge),
                closes_cycle: view.closes_cycle(edge),
            })
            .collect()
    }

    /// The edges that are left out of lineage because they would close a cycle (LIN-1), by origin.
    pub fn left_out(&self, cut: &Cut) -> Vec<EdgeId> {
        let view = View::new(self, cut);
        let turned = view.flips.iter().filter(|(_, counts)| !**counts).map(|(edge, _)| *edge);
        let doubtful = self
            .doubtful
            .iter()
            .copied()
            .filter(|edge| view.holds(*edge) && view.closes_cycle(*edge));
        let mut edges: Vec<u32> = turned.chain(doubtful).collect();
        edges.sort_by_key(|edge| self.origin(*edge));
        edges.dedup();
        edges.into_iter().map(EdgeId).collect()
    }
}
