//! All ancestors or all descendants of an asset, nearest first.

#![deny(clippy::disallowed_methods)]

use super::cut::Cut;
use super::facts::Direction;
use super::scratch::Scratch;
use super::store::{EdgeId, Graph, NodeId};
use super::view::View;

/// A node that lineage reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineageNode {
    /// The node.
    pub node: NodeId,
    /// The least number of edges from the asset that was asked about; at least 1.
    pub depth: u32,
}

/// The answer to [`Graph::lineage`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Ancestors or descendants, without the asset itself: by depth, then by the event that registered them, those not indexed last
    /// by their text.
    pub nodes: Vec<LineageNode>,
    /// All edges that count among these nodes and the asset itself, in the order of the nodes that they start from in the direction
    /// asked for, then by origin.
    pub edges: Vec<EdgeId>,
    /// How many nodes there are, returned or not.
    pub total: usize,
    /// Whether `nodes` holds fewer than `total`: the nearest are kept.
    pub truncated: bool,
}

impl Graph {
    /// Everything that `node` was made from, or that was made from it, as of `cut`: to `max_depth` edges away (`None`: any
    /// distance), at most `limit` nodes. Time is linear in the edges reached.
    pub fn lineage(
        &self,
        node: NodeId,
        direction: Direction,
        max_depth: Option<u32>,
        cut: &Cut,
        limit: usize,
    ) -> Lineage {
        let view = View::new(self, cut);
        self.scratch
            .with(|scratch| self.walk(node.0, direction, max_depth.unwrap_or(u32::MAX), &view, limit, scratch))
    }

    fn walk(
        &self,
        root: u32,
        direction: Direction,
        max_depth: u32,
        view: &View<'_>,
        limit: usize,
        scratch: &mut Scratch,
    ) -> Lineage {
        let Scratch {
            reached_set: seen,
            reached,
            fresh,
            orders,
            ..
        } = scratch;
        let links = view.links(direction);
        seen.grow_to(self.names.bound());
        reached.clear();
        reached.push(root);
        seen.insert(root);
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        let (mut level, mut depth) = (0..1, 0);
        while depth < max_depth && !level.is_empty() {
            depth += 1;
            // Beyond the limit only the number of nodes is wanted.
            let is_cropped = level.end - 1 > limit;
            let mut unregistered = Vec::new();
            orders.clear();
            // Levels are sorted before they are expanded, so edges come in the order of the answer, and memory is read forwards.
            for at in level.clone() {
                for link in links.of(reached[at]).iter().filter(|link| view.passes(**link)) {
                    if !is_cropped {
                        edges.push(EdgeId(link.edge()));
                    }
                    if seen.insert(link.node) {
                        fresh.push(link.node);
                    }
                }
            }
            // In a loop of its own, so that many nodes are waited for at a time.
            for node in fresh.drain(..) {
                match view.order(links, node) {
                    Some(order) => orders.push(order),
                    None => unregistered.push(node),
                }
            }
            if !is_cropped {
                orders.sort_unstable();
                unregistered.sort_by_cached_key(|node| self.names.id(*node).to_string());
            }
            reached.extend(orders.iter().map(|order| view.ordered(*order)));
            reached.append(&mut unregistered);
            level = level.end..reached.len();
            let kept = level.len().min(limit - nodes.len());
            let new = reached[level.clone()][..kept].iter();
            nodes.extend(new.map(|node| LineageNode {
                node: NodeId(*node),
                depth,
            }));
        }
        let total = reached.len() - 1;
        let truncated = nodes.len() < total;
        // The edges of every level but the last are collected, and all lead to nodes of the answer, unless it is cropped.
        let complete = if truncated { 0 } else { level.start };
        if truncated {
            reached.iter().for_each(|node| seen.clear_around(*node));
            reached.truncate(nodes.len() + 1);
            reached.iter().for_each(|node| _ = seen.insert(*node));
            edges.clear();
        }
        for node in &reached[complete..] {
            let among = links
                .of(*node)
                .iter()
                .filter(|link| seen.has(link.node) && view.passes(**link));
            edges.extend(among.map(|link| EdgeId(link.edge())));
        }
        reached.iter().for_each(|node| seen.clear_around(*node));
        Lineage {
            nodes,
            edges,
            total,
            truncated,
        }
    }
}
