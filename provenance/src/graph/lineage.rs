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
            first: seen, sorting, ..
        } = scratch;
        let links = view.links(direction);
        seen.start(self.names.bound());
        seen.mark(root);
        let mut reached = vec![root];
        let mut nodes = Vec::new();
        let (mut level, mut depth) = (0..1, 0);
        while depth < max_depth && !level.is_empty() {
            depth += 1;
            for at in level.clone() {
                for link in links.of(reached[at]) {
                    if view.passes(*link) && seen.mark(link.node) {
                        reached.push(link.node);
                    }
                }
            }
            level = level.end..reached.len();
            if nodes.len() < limit {
                self.sort_by_origin(&mut reached[level.clone()], view, sorting);
                let kept = level.len().min(limit - nodes.len());
                let new = reached[level.clone()][..kept].iter();
                nodes.extend(new.map(|node| LineageNode {
                    node: NodeId(*node),
                    depth,
                }));
            }
        }
        let total = reached.len() - 1;
        let truncated = nodes.len() < total;
        if truncated {
            seen.start(self.names.bound());
            reached.truncate(nodes.len() + 1);
            reached.iter().for_each(|node| _ = seen.mark(*node));
        }
        let mut edges = Vec::with_capacity(reached.len());
        for node in &reached {
            let among = links
                .of(*node)
                .iter()
                .filter(|link| seen.has(link.node) && view.passes(**link));
            edges.extend(among.map(|link| EdgeId(link.edge())));
        }
        Lineage {
            nodes,
            edges,
            total,
            truncated,
        }
    }

    fn sort_by_origin(&self, nodes: &mut [u32], view: &View<'_>, sorting: &mut Vec<(u128, u32)>) {
        sorting.clear();
        sorting.extend(nodes.iter().map(|node| (view.order(*node), *node)));
        sorting.sort_unstable();
        let unregistered = sorting.partition_point(|(order, _)| *order != u128::MAX);
        sorting[unregistered..].sort_by_cached_key(|(_, node)| self.names.id(*node).to_string());
        nodes
            .iter_mut()
            .zip(sorting.iter())
            .for_each(|(node, (_, sorted))| *node = *sorted);
    }
}
