//! Random histories on several chains, ill-behaved registries included, against an oracle that keeps a list of facts and searches it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use souk_schema::ChainId;
use souk_schema::caip::AssetId;
use souk_schema::event::Relation;

use super::{derived, evm, standing};
use crate::graph::*;

const CHAINS: u64 = 3;
const ASSETS: u64 = 5;

/// A step of a history; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Block { chain: u64, time: u64, facts: Vec<Fact> },
    Revert { chain: u64, blocks: usize },
}

#[derive(Clone, Debug)]
enum Fact {
    Register(u64),
    Unregister(u64),
    Native(u64, u64),
    Claim(u64, u64, u64),
    ClaimText(u64, u8),
    /// What another protocol's log says of things wherever they are: a child and its parents, all in one log.
    Foreign(Thing, Vec<Thing>),
    End(usize),
    Status(usize, u8),
}

/// An asset of a chain, or a thing that has only a text.
#[derive(Clone, Debug)]
enum Thing {
    Asset(u64, u64),
    Text(u8),
}

impl Thing {
    fn id(&self) -> AssetId {
        match self {
            Thing::Asset(chain, id) => AssetId::Evm(evm(*chain, *id)),
            Thing::Text(text) => AssetId::Other(format!("hf:{text}")),
        }
    }
}

const STATUSES: [EdgeStatus; 4] = [
    EdgeStatus::Declared,
    EdgeStatus::Evidenced,
    EdgeStatus::Disputed,
    EdgeStatus::Unconfirmed,
];

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        3 => (0..CHAINS, 0..ASSETS).prop_map(|(chain, id)| Thing::Asset(chain, id)),
        1 => (0u8..2).prop_map(Thing::Text),
    ]
}

fn fact() -> impl Strategy<Value = Fact> {
    let id = 0..ASSETS;
    prop_oneof![
        3 => id.clone().prop_map(Fact::Register),
        1 => id.clone().prop_map(Fact::Unregister),
        5 => (id.clone(), id.clone()).prop_map(|(child, parent)| Fact::Native(child, parent)),
        5 => (id.clone(), 0..CHAINS, id.clone()).prop_map(|(child, chain, parent)| Fact::Claim(child, chain, parent)),
        1 => (id, 0u8..2).prop_map(|(child, text)| Fact::ClaimText(child, text)),
        4 => (thing(), proptest::collection::vec(thing(), 1..3)).prop_map(|(child, parents)| Fact::Foreign(child, parents)),
        2 => any::<usize>().prop_map(Fact::End),
        2 => (any::<usize>(), 0u8..4).prop_map(|(edge, status)| Fact::Status(edge, status)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..CHAINS, 0u64..40, proptest::collection::vec(fact(), 0..5)).prop_map(|(chain, time, facts)| Step::Block { chain, time, facts }),
        1 => (0..CHAINS, 1usize..4).prop_map(|(chain, blocks)| Step::Revert { chain, blocks }),
    ]
}

/// What holds: the blocks of each chain with their changes.
#[derive(Default)]
struct Histories(BTreeMap<u64, Vec<Vec<Change>>>);

struct OracleEdge {
    child: AssetId,
    parent: AssetId,
    claimed_at: Option<u64>,
    origin: Origin,
    to: Option<u64>,
    status: EdgeStatus,
}

impl Histories {
    /// Makes changes of facts, leaving out what a projector would never write: assets registered twice, ends of nothing.
    fn changes(&self, chain: u64, time: u64, facts: &[Fact]) -> Vec<Change> {
        let block = self.0.get(&chain).map_or(0, Vec::len) as u64;
        let mut changes = Vec::new();
        for (log, fact) in facts.iter().enumerate() {
            let place = Place {
                block,
                log_index: log as u32,
                ordinal: 0,
            };
            let so_far = || self.0.get(&chain).into_iter().flatten().flatten().chain(&changes);
            let registered = |id: u64| {
                so_far().any(|change| matches!(change, Change::Registered { asset, .. } if *asset == evm(chain, id)))
            };
            let ended = |id: u64| {
                so_far().any(|change| matches!(change, Change::Unregistered { asset, .. } if *asset == evm(chain, id)))
            };
            let open: Vec<Place> = so_far()
                .filter_map(|change| {
                    if let Change::Derived { place, .. } | Change::Claimed { place, .. } = change {
                        Some(*place)
                    } else {
                        None
                    }
                })
                .collect();
            let change = match fact {
                Fact::Register(id) if !registered(*id) => Change::Registered {
                    asset: evm(chain, *id),
                    place,
                },
                Fact::Unregister(id) if registered(*id) && !ended(*id) => Change::Unregistered {
                    asset: evm(chain, *id),
                    block,
                },
                Fact::Native(child, parent) => {
                    derived(evm(chain, *child), AssetId::Evm(evm(chain, *parent)), None, place)
                }
                Fact::Claim(child, other, parent) => derived(
                    evm(chain, *child),
                    AssetId::Evm(evm(*other, *parent)),
                    Some(time),
                    place,
                ),
                Fact::ClaimText(child, text) => derived(
                    evm(chain, *child),
                    AssetId::Other(format!("hf:{text}")),
                    Some(time),
                    place,
                ),
                Fact::Foreign(child, parents) => {
                    changes.extend((0..).zip(parents).map(|(ordinal, parent)| Change::Claimed {
                        child: child.id(),
                        parent: parent.id(),
                        relation: Relation::DerivedFrom,
                        claimed_at: time,
                        place: Place { ordinal, ..place },
                    }));
                    continue;
                }
                Fact::End(number) if !open.is_empty() => {
                    let place = open[number % open.len()];
                    if so_far().any(|change| matches!(change, Change::Ended { place: ended, .. } if *ended == place)) {
                        continue;
                    }
                    Change::Ended { place, block }
                }
                Fact::Status(number, status) if !open.is_empty() => {
                    let place = open[number % open.len()];
                    let again =
                        |change: &Change| matches!(change, Change::StatusChanged { place: of, .. } if *of == place);
                    if changes.iter().any(again) {
                        continue;
                    }
                    let status = STATUSES[usize::from(*status)];
                    Change::StatusChanged { place, block, status }
                }
                _ => continue,
            };
            changes.push(change);
        }
        changes
    }

    /// Every edge that is true as of the cut.
    fn edges(&self, cut: &Cut) -> Vec<OracleEdge> {
        let mut edges = Vec::new();
        for (chain, blocks) in &self.0 {
            let chain = ChainId(*chain);
            let until = cut.block(chain).unwrap_or(u64::MAX);
            let mut own: Vec<OracleEdge> = Vec::new();
            for change in blocks.iter().flatten() {
                match change {
                    Change::Derived {
                        child,
                        parent,
                        claimed_at,
                        place,
                        status,
                        ..
                    } if place.block <= until => {
                        let (child, parent, origin) =
                            (AssetId::Evm(*child), parent.clone(), Origin { chain, place: *place });
                        own.push(OracleEdge {
                            child,
                            parent,
                            claimed_at: *claimed_at,
                            origin,
                            to: None,
                            status: *status,
                        });
                    }
                    Change::Claimed {
                        child,
                        parent,
                        claimed_at,
                        place,
                        ..
                    } if place.block <= until => own.push(OracleEdge {
                        child: child.clone(),
                        parent: parent.clone(),
                        claimed_at: Some(*claimed_at),
                        origin: Origin { chain, place: *place },
                        to: None,
                        status: EdgeStatus::Declared,
                    }),
                    Change::StatusChanged { place, block, status } if *block <= until => {
                        own.iter_mut()
                            .filter(|edge| edge.origin.place == *place)
                            .for_each(|edge| edge.status = *status);
                    }
                    Change::Ended { place, block } if *block <= until => {
                        own.iter_mut()
                            .filter(|edge| edge.origin.place == *place)
                            .for_each(|edge| edge.to = Some(*block));
                    }
                    _ => {}
                }
            }
            edges.extend(own.into_iter().filter(|edge| edge.to.is_none()));
        }
        edges
    }

    fn registered(&self, asset: &AssetId, cut: &Cut) -> Option<Origin> {
        let AssetId::Evm(asset) = asset else { return None };
        let until = cut.block(asset.chain).unwrap_or(u64::MAX);
        let mut origin = None;
        for change in self
            .0
            .get(&asset.chain.0)?
            .iter()
            .flatten()
            .filter(|change| change.block() <= until)
        {
            match change {
                Change::Registered { asset: other, place } if other == asset => {
                    origin = Some(Origin {
                        chain: asset.chain,
                        place: *place,
                    })
                }
                Change::Unregistered { asset: other, .. } if other == asset => origin = None,
                _ => {}
            }
        }
        origin
    }

    /// Everything that is or was registered or named.
    fn assets(&self) -> BTreeSet<AssetId> {
        let mut assets = BTreeSet::new();
        for change in self.0.values().flatten().flatten() {
            match change {
                Change::Registered { asset, .. } => _ = assets.insert(AssetId::Evm(*asset)),
                Change::Derived { child, parent, .. } => assets.extend([AssetId::Evm(*child), parent.clone()]),
                Change::Claimed { child, parent, .. } => assets.extend([child.clone(), parent.clone()]),
                _ => {}
            }
        }
        assets
    }
}

/// LIN-1 to the letter: in rank order, an edge counts unless its parent is or descends from its child.
fn counting(mut edges: Vec<OracleEdge>) -> (Vec<OracleEdge>, Vec<OracleEdge>) {
    edges.sort_by_key(|edge| (edge.claimed_at.is_some(), edge.claimed_at, edge.origin));
    let (mut counted, mut left_out): (Vec<OracleEdge>, Vec<OracleEdge>) = Default::default();
    for edge in edges {
        let mut above = BTreeSet::from([edge.parent.clone()]);
        let mut size = 0;
        while size < above.len() {
            size = above.len();
            let higher: Vec<_> = counted
                .iter()
                .filter(|other| above.contains(&other.child))
                .map(|other| other.parent.clone())
                .collect();
            above.extend(higher);
        }
        if above.contains(&edge.child) {
            left_out.push(edge)
        } else {
            counted.push(edge)
        }
    }
    (counted, left_out)
}

fn oracle_lineage(
    histories: &Histories,
    edges: &[OracleEdge],
    root: &AssetId,
    direction: Direction,
    cut: &Cut,
    depth: u32,
) -> (Vec<(AssetId, u32)>, Vec<Origin>) {
    let ends = |edge: &OracleEdge| match direction {
        Direction::Ancestors => (edge.child.clone(), edge.parent.clone()),
        Direction::Descendants => (edge.parent.clone(), edge.child.clone()),
    };
    let mut depths = BTreeMap::from([(root.clone(), 0)]);
    for level in 0..depth {
        let next: Vec<_> = edges
            .iter()
            .map(ends)
            .filter(|(near, far)| depths.get(near) == Some(&level) && !depths.contains_key(far))
            .collect();
        depths.extend(next.into_iter().map(|(_, far)| (far, level + 1)));
    }
    let mut nodes: Vec<(AssetId, u32)> = depths.into_iter().collect();
    nodes.sort_by_key(|(asset, depth)| {
        let origin = histories.registered(asset, cut);
        (*depth, origin.is_none(), origin, asset.to_string())
    });
    let mut among = Vec::new();
    for (node, _) in &nodes {
        let mut own: Vec<&OracleEdge> = edges.iter().filter(|edge| ends(edge).0 == *node).collect();
        own.sort_by_key(|edge| edge.origin);
        among.extend(
            own.iter()
                .filter(|edge| nodes.iter().any(|(other, _)| *other == ends(edge).1))
                .map(|edge| edge.origin),
        );
    }
    nodes.remove(0);
    (nodes, among)
}

fn oracle_paths(
    edges: &[OracleEdge],
    from: &AssetId,
    to: &AssetId,
    way: &mut Vec<Origin>,
    found: &mut Vec<Vec<Origin>>,
) {
    for edge in edges.iter().filter(|edge| edge.child == *from) {
        way.push(edge.origin);
        if edge.parent == *to {
            found.push(way.clone());
        } else {
            oracle_paths(edges, &edge.parent, to, way, found);
        }
        way.pop();
    }
}

fn origins(graph: &Graph, edges: &[EdgeId]) -> Vec<Origin> {
    edges.iter().map(|edge| graph.edge(*edge).origin).collect()
}

/// Compares every answer as of a cut.
fn compare(graph: &Graph, histories: &Histories, cut: &Cut, depth: u32, limit: usize) -> Result<(), TestCaseError> {
    let assets = histories.assets();
    let statuses: BTreeMap<Origin, EdgeStatus> = histories
        .edges(cut)
        .iter()
        .map(|edge| (edge.origin, edge.status))
        .collect();
    let (edges, left_out) = counting(histories.edges(cut));
    let left_out: BTreeSet<Origin> = left_out.iter().map(|edge| edge.origin).collect();
    prop_assert_eq!(
        origins(graph, &graph.left_out(cut)),
        left_out.into_iter().collect::<Vec<_>>(),
        "left out as of {:?}",
        cut
    );
    prop_assert_eq!(graph.node_count(), assets.len());
    for asset in &assets {
        let node = graph.find(asset);
        prop_assert!(node.is_some(), "{} is missing", asset);
        let node = node.unwrap_or(NodeId(0));
        prop_assert_eq!(graph.asset(node), asset.clone());
        prop_assert_eq!(
            graph.registered(node, cut),
            histories.registered(asset, cut),
            "registration of {} as of {:?}",
            asset,
            cut
        );
        for declared in graph.declared(node, Direction::Ancestors, cut) {
            let edge = graph.edge_as_of(declared.edge, cut);
            prop_assert_eq!(Some(&edge.status), statuses.get(&edge.origin), "status as of {:?}", cut);
        }
        for direction in [Direction::Ancestors, Direction::Descendants] {
            let (nodes, among) = oracle_lineage(histories, &edges, asset, direction, cut, depth);
            let lineage = graph.lineage(node, direction, Some(depth), cut, usize::MAX);
            let found: Vec<_> = lineage
                .nodes
                .iter()
                .map(|found| (graph.asset(found.node), found.depth))
                .collect();
            prop_assert_eq!(&found, &nodes, "{:?} of {} as of {:?}", direction, asset, cut);
            prop_assert_eq!(
                origins(graph, &lineage.edges),
                among,
                "edges of {:?} of {} as of {:?}",
                direction,
                asset,
                cut
            );
            let cropped = graph.lineage(node, direction, Some(depth), cut, limit);
            prop_assert_eq!(&cropped.nodes[..], &lineage.nodes[..limit.min(nodes.len())]);
            prop_assert_eq!((cropped.total, cropped.truncated), (nodes.len(), nodes.len() > limit));
        }
        for other in &assets {
            let mut found = Vec::new();
            if asset != other {
                oracle_paths(&edges, asset, other, &mut Vec::new(), &mut found);
            }
            found.sort_by_key(|path| (path.len(), path.clone()));
            let paths = graph.paths(node, graph.find(other).unwrap_or(node), cut, limit);
            prop_assert_eq!(
                (paths.total, paths.truncated),
                (found.len() as u64, found.len() > limit)
            );
            found.truncate(limit);
            let paths: Vec<_> = paths.paths.iter().map(|path| origins(graph, &path.edges)).collect();
            prop_assert_eq!(paths, found, "paths from {} to {} as of {:?}", asset, other, cut);
        }
    }
    Ok(())
}

fn from_scratch(histories: &Histories, order: impl Iterator<Item = u64>) -> Result<Graph, InvalidChange> {
    let mut graph = Graph::new();
    for chain in order {
        if let Some(blocks) = histories.0.get(&chain) {
            let head = (blocks.len() as u64).checked_sub(1);
            graph.apply(ChainId(chain), blocks.concat(), standing(head))?;
        }
    }
    Ok(graph)
}

fn doubtful(graph: &Graph) -> BTreeSet<Origin> {
    graph.doubtful.iter().map(|edge| graph.origin(*edge)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn lin_1_answers_equal_a_naive_search_through_adds_and_reverts(
        steps in proptest::collection::vec(step(), 1..14),
        cuts in proptest::collection::vec(proptest::collection::btree_map(0..CHAINS, 0u64..6, 0..3), 3),
        depth in 1u32..12,
        limit in 0usize..5,
    ) {
        let mut histories = Histories::default();
        let mut graph = Graph::new();
        for step in &steps {
            match step {
                Step::Block { chain, time, facts } => {
                    let changes = histories.changes(*chain, *time, facts);
                    let blocks = histories.0.entry(*chain).or_default();
                    blocks.push(changes.clone());
                    graph.apply(ChainId(*chain), changes, standing(Some(blocks.len() as u64 - 1))).map_err(|e| TestCaseError::fail(e.to_string()))?;
                }
                Step::Revert { chain, blocks } => {
                    let kept = histories.0.entry(*chain).or_default();
                    kept.truncate(kept.len().saturating_sub(*blocks));
                    graph.revert(ChainId(*chain), standing((kept.len() as u64).checked_sub(1)));
                }
            }
            compare(&graph, &histories, &Cut::head(), 40, limit)?;
        }
        let cuts: Vec<Cut> = cuts.iter().map(|cut| cut.iter().fold(Cut::head(), |all, (chain, block)| all.and(ChainId(*chain), *block))).collect();
        for order in [[0, 1, 2], [2, 1, 0]] {
            let fresh = from_scratch(&histories, order.into_iter()).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(doubtful(&fresh), doubtful(&graph), "the judgement must not depend on how the facts arrived");
            prop_assert_eq!((fresh.node_count(), fresh.edge_count()), (graph.node_count(), graph.edge_count()));
        }
        for cut in &cuts {
            compare(&graph, &histories, cut, depth, limit)?;
        }
    }
}
