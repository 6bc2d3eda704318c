//! A part of the graph of assets by itself: some assets and everything above them, as it was at one moment.
//!
//! Copied out of a state, in time linear in its edges, it answers questions that take longer while the state is folded on: nothing of it is
//! borrowed, and the lists of derivations are shared.

use std::sync::Arc;

use alloy_primitives::U256;
use alloy_primitives::map::HashMap;
use alloy_primitives::map::hash_map::Entry;

use crate::rule::{AssetNo, Edge, Lineage};
use crate::state::{Asset, State};

/// Assets and all that is above them.
#[derive(Clone, Debug)]
pub struct Above {
    count: usize,
    nodes: HashMap<AssetNo, Node>,
}

#[derive(Clone, Debug)]
struct Node {
    id: U256,
    depth: u32,
    edges: Arc<[Edge]>,
}

impl From<&Asset> for Node {
    fn from(asset: &Asset) -> Node {
        Node {
            id: asset.id,
            depth: asset.depth,
            edges: Arc::clone(&asset.edges),
        }
    }
}

impl Above {
    /// These assets with everything above them; `None` if one of them is not known.
    pub(crate) fn new(state: &State, assets: impl IntoIterator<Item = AssetNo>) -> Option<Above> {
        let mut above = Above {
            count: state.lineage().count(),
            nodes: HashMap::default(),
        };
        let mut left: Vec<AssetNo> = assets.into_iter().collect();
        while let Some(number) = left.pop() {
            if let Entry::Vacant(place) = above.nodes.entry(number) {
                let node = place.insert(Node::from(state.row(number)?));
                left.extend(node.edges.iter().map(|edge| edge.parent));
            }
        }
        Some(above)
    }

    /// The assets, in no order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = AssetNo> {
        self.nodes.keys().copied()
    }

    /// Adds an asset without what is above it.
    pub(crate) fn add(&mut self, number: AssetNo, asset: &Asset) {
        self.nodes.entry(number).or_insert_with(|| Node::from(asset));
    }

    fn node(&self, asset: AssetNo) -> &Node {
        self.nodes.get(&asset).expect("whatever is above was copied")
    }
}

impl Lineage for Above {
    fn count(&self) -> usize {
        self.count
    }

    fn id(&self, asset: AssetNo) -> U256 {
        self.node(asset).id
    }

    fn depth(&self, asset: AssetNo) -> u32 {
        self.node(asset).depth
    }

    fn edges(&self, asset: AssetNo) -> &[Edge] {
        &self.node(asset).edges
    }
}
