//! Lineage: derivations, everything above or below an asset, and the ways between two assets. All of it comes from the graph in
//! memory, held to the blocks of the request's view; nothing here walks tables.

use async_graphql::Object;
use futures::future::{BoxFuture, try_join_all};
use souk_provenance::graph::{Cut, Direction, Edge, EdgeId, EdgeStatus, Graph};
use souk_schema::TokenRef;
use souk_schema::caip::{self, EvmAssetId};

use super::asset::AssetRef;
use super::chain::Origin;
use super::connection::{Connection, PageArguments};
use super::economy::Around;
use super::execution::Use;
use super::kinds::{DerivationStatus, LineageDirection, Relation};
use super::license::LicenseSeries;
use crate::error::ApiError;
use crate::scalars::{BigInt, ChainId, Long};
use crate::session::{Pin, Session};
use crate::store::executions::EvidenceOf;
use crate::store::listing::SortType;
use crate::store::loaders::SeriesOfParent;

/// How many assets or paths one answer holds.
#[derive(Clone, Copy, Debug)]
pub struct LineageSize(pub i32);

impl LineageSize {
    const LARGEST: i32 = 1000;
    /// Paths that share their ends can be many and long: the steps of all paths of an answer.
    const MOST_STEPS: usize = 20_000;

    /// What an answer of this size costs.
    pub fn cost(self, child: usize) -> usize {
        let size = self.0.clamp(1, Self::LARGEST).unsigned_abs() as usize;
        child.saturating_mul(size).saturating_add(10)
    }

    fn checked(self) -> Result<usize, ApiError> {
        match self.0 {
            1..=Self::LARGEST => Ok(self.0.unsigned_abs() as usize),
            other => Err(ApiError::input(format!(
                "`limit` is {other}: ask for 1 to {}",
                Self::LARGEST
            ))),
        }
    }
}

/// A derivation as an answer holds it, independent of the graph that goes on changing.
#[derive(Clone, Debug)]
struct Facts {
    child: caip::AssetId,
    parent: caip::AssetId,
    edge: Edge,
    closes_cycle: bool,
}

fn facts(graph: &Graph, edge: EdgeId, cut: &Cut, closes_cycle: bool) -> Facts {
    let edge = graph.edge_as_of(edge, cut);
    Facts {
        child: graph.asset(edge.child),
        parent: graph.asset(edge.parent),
        edge,
        closes_cycle,
    }
}

/// That a child was made from a parent.
#[derive(Clone)]
pub struct Derivation {
    session: Session,
    pin: Pin,
    facts: Facts,
}

/// That a child was made from a parent, with the event that says so.
#[Object]
impl Derivation {
    /// The derived asset.
    async fn child(&self) -> AssetRef {
        AssetRef {
            session: self.session.clone(),
            pin: self.pin,
            id: self.facts.child.clone(),
        }
    }

    /// What it was made from.
    async fn parent(&self) -> AssetRef {
        AssetRef {
            session: self.session.clone(),
            pin: self.pin,
            id: self.facts.parent.clone(),
        }
    }

    /// How the child came from the parent.
    async fn relation(&self) -> Relation {
        self.facts.edge.relation.into()
    }

    /// How well it is backed.
    async fn status(&self) -> DerivationStatus {
        match self.facts.edge.status {
            EdgeStatus::Declared => DerivationStatus::Declared,
            EdgeStatus::Evidenced => DerivationStatus::Evidenced,
            EdgeStatus::Disputed => DerivationStatus::Disputed,
            EdgeStatus::Unconfirmed => DerivationStatus::Unconfirmed,
        }
    }

    /// The executions and rounds that back it, oldest first, 10 at most: they made the child, and used the parent.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn evidence(&self) -> Result<Vec<Use>, ApiError> {
        let (caip::AssetId::Evm(child), caip::AssetId::Evm(parent)) = (&self.facts.child, &self.facts.parent) else {
            return Ok(Vec::new());
        };
        // What backs it happened on one chain, and names both by their tokens there.
        let is_indexed = self.session.snapshot().await?.chains.contains_key(&child.chain);
        if child.chain != parent.chain || !is_indexed {
            return Ok(Vec::new());
        }
        let around = Around::new(&self.session, self.pin, ChainId(child.chain));
        let at = self.session.moment(self.pin, child.chain).await?.block;
        let key = |token: &TokenRef| token.key().as_bytes().to_vec();
        let rows = self
            .session
            .load(EvidenceOf((child.chain, key(&child.token), key(&parent.token), at)))
            .await?;
        let rows = rows.unwrap_or_default().into_iter();
        let found = rows.map(|row| {
            let around = &around;
            async move { Use::load(around, row.source_key, row.is_round).await }
        });
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    /// Whether the child's own registry checked the parent. False for a claim about an asset elsewhere.
    async fn native(&self) -> bool {
        self.facts.edge.native
    }

    /// Whether it would close a cycle. Such a claim is shown here and left out of lineage and paths.
    async fn closes_cycle(&self) -> bool {
        self.facts.closes_cycle
    }

    /// The number of the parent's licence series that allowed it; null where none was needed.
    async fn license_number(&self) -> Option<BigInt> {
        Some(self.facts.edge.license)
            .filter(|license| !license.is_zero())
            .map(Into::into)
    }

    /// The parent's licence series that allowed it; null where none was needed.
    async fn license(&self) -> Result<Option<LicenseSeries>, ApiError> {
        let (caip::AssetId::Evm(parent), false) = (&self.facts.parent, self.facts.edge.license.is_zero()) else {
            return Ok(None);
        };
        let key = (
            parent.chain,
            parent.token.key().as_bytes().to_vec(),
            self.facts.edge.license,
        );
        let Some(series) = self.session.load(SeriesOfParent(key)).await? else {
            return Ok(None);
        };
        let id = EvmAssetId {
            chain: parent.chain,
            standard: souk_schema::TokenStandard::Erc1155,
            token: series.0,
        };
        LicenseSeries::load(&self.session, self.pin, &id).await
    }

    /// The log that declared it.
    async fn declared(&self) -> Origin {
        let origin = self.facts.edge.origin;
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: ChainId(origin.chain),
            block: Long::saturating(origin.place.block),
            log_index: i32::try_from(origin.place.log_index).unwrap_or(i32::MAX),
        }
    }
}

fn direction_of(direction: LineageDirection) -> Direction {
    match direction {
        LineageDirection::Ancestors => Direction::Ancestors,
        LineageDirection::Descendants => Direction::Descendants,
    }
}

const DECLARED_SORT: &[(&str, SortType)] = &[
    ("chain", SortType::Integer),
    ("block", SortType::Integer),
    ("log", SortType::Integer),
];

/// The derivations that start or end at an asset, as declared, cycles included.
pub(super) async fn declared(
    session: &Session,
    pin: Pin,
    asset: &EvmAssetId,
    direction: LineageDirection,
    arguments: &PageArguments,
) -> Result<Connection<Derivation>, ApiError> {
    let name = match direction {
        LineageDirection::Ancestors => "parents",
        LineageDirection::Descendants => "children",
    };
    let page = arguments.page(name, DECLARED_SORT)?;
    let all: Vec<Facts> = session
        .with_graph(pin, |graph, cut| {
            let node = graph.node(asset);
            let declared = node
                .map(|node| graph.declared(node, direction_of(direction), cut))
                .unwrap_or_default();
            declared
                .into_iter()
                .map(|declared| facts(graph, declared.edge, cut, declared.closes_cycle))
                .collect()
        })
        .await?;
    let place = |facts: &Facts| {
        let origin = facts.edge.origin;
        [
            origin.chain.0.into(),
            i128::from(origin.place.block),
            i128::from(origin.place.log_index),
        ]
    };
    let bound = |cursor: &Option<Vec<String>>| -> Option<Vec<i128>> {
        cursor
            .as_ref()
            .map(|values| values.iter().filter_map(|value| value.parse().ok()).collect())
    };
    let (after, before) = (bound(&page.after), bound(&page.before));
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let mut rows: Vec<(Vec<String>, Facts)> = all
        .into_iter()
        .map(|facts| (place(&facts), facts))
        .filter(|(place, _)| {
            after.as_ref().is_none_or(|after| place[..] > after[..])
                && before.as_ref().is_none_or(|before| place[..] < before[..])
        })
        .map(|(place, facts)| (place.iter().map(ToString::to_string).collect(), facts))
        .collect();
    let size = usize::try_from(page.size).unwrap_or(0);
    let more = rows.len() > size;
    if page.backward {
        rows.drain(..rows.len().saturating_sub(size));
    } else {
        rows.truncate(size);
    }
    let derivation = |facts| Derivation {
        session: session.clone(),
        pin,
        facts,
    };
    let rows = rows.into_iter().map(|(values, facts)| (values, derivation(facts)));
    Ok(Connection::new(
        name,
        &page,
        rows,
        more,
        move || -> BoxFuture<'static, _> { Box::pin(async move { Ok(total) }) },
    ))
}

/// Everything above or below an asset.
#[derive(Clone)]
pub struct Lineage {
    session: Session,
    pin: Pin,
    nodes: Vec<(caip::AssetId, u32)>,
    edges: Vec<Facts>,
    total: usize,
    truncated: bool,
}

/// Asks for the lineage of an asset.
pub(super) async fn lineage(
    session: &Session,
    pin: Pin,
    asset: &EvmAssetId,
    direction: LineageDirection,
    depth: Option<i32>,
    size: LineageSize,
) -> Result<Lineage, ApiError> {
    let limit = size.checked()?;
    let depth = match depth {
        None => None,
        Some(depth) if depth >= 1 => Some(depth.unsigned_abs()),
        Some(depth) => {
            return Err(ApiError::input(format!(
                "`depth` is {depth}: ask for 1 or more, or leave it out for any depth"
            )));
        }
    };
    let (nodes, edges, total, truncated) = session
        .with_graph(pin, |graph, cut| {
            let Some(node) = graph.node(asset) else {
                return Default::default();
            };
            let found = graph.lineage(node, direction_of(direction), depth, cut, limit);
            let nodes: Vec<_> = found
                .nodes
                .iter()
                .map(|reached| (graph.asset(reached.node), reached.depth))
                .collect();
            let edges: Vec<_> = found.edges.iter().map(|edge| facts(graph, *edge, cut, false)).collect();
            (nodes, edges, found.total, found.truncated)
        })
        .await?;
    Ok(Lineage {
        session: session.clone(),
        pin,
        nodes,
        edges,
        total,
        truncated,
    })
}

/// Everything that an asset was made from, or that was made from it.
#[Object]
impl Lineage {
    /// The assets, nearest first, without the one that was asked about.
    async fn nodes(&self) -> Vec<LineageNode> {
        let node = |(id, depth): &(caip::AssetId, u32)| LineageNode {
            depth: *depth,
            asset: AssetRef {
                session: self.session.clone(),
                pin: self.pin,
                id: id.clone(),
            },
        };
        self.nodes.iter().map(node).collect()
    }

    /// The derivations among these assets and the one that was asked about.
    async fn edges(&self) -> Vec<Derivation> {
        self.edges
            .iter()
            .map(|facts| Derivation {
                session: self.session.clone(),
                pin: self.pin,
                facts: facts.clone(),
            })
            .collect()
    }

    /// How many assets there are, whether or not they are in this answer.
    async fn total_count(&self) -> i32 {
        i32::try_from(self.total).unwrap_or(i32::MAX)
    }

    /// Whether `limit` left assets out.
    async fn truncated(&self) -> bool {
        self.truncated
    }
}

/// An asset that lineage reached.
#[derive(Clone)]
pub struct LineageNode {
    depth: u32,
    asset: AssetRef,
}

/// An asset that lineage reached.
#[Object]
impl LineageNode {
    /// The least number of derivations between it and the asset that was asked about.
    async fn depth(&self) -> i32 {
        i32::try_from(self.depth).unwrap_or(i32::MAX)
    }

    /// The asset.
    async fn asset(&self) -> &AssetRef {
        &self.asset
    }
}

/// The ways between two assets.
#[derive(Clone)]
pub struct LineagePaths {
    session: Session,
    pin: Pin,
    paths: Vec<Vec<Facts>>,
    total: u64,
    truncated: bool,
}

/// Asks for the paths from a descendant up to an ancestor.
pub(super) async fn paths(
    session: &Session,
    pin: Pin,
    from: &caip::AssetId,
    to: &caip::AssetId,
    size: LineageSize,
) -> Result<LineagePaths, ApiError> {
    let limit = size.checked()?;
    let (paths, total, truncated) = session
        .with_graph(pin, |graph, cut| {
            let (Some(from), Some(to)) = (graph.find(from), graph.find(to)) else {
                return Default::default();
            };
            let found = graph.paths(from, to, cut, limit);
            let mut steps = 0usize;
            let within = found.paths.iter().take_while(|path| {
                steps = steps.saturating_add(path.edges.len());
                steps <= LineageSize::MOST_STEPS
            });
            let paths: Vec<Vec<Facts>> = within
                .map(|path| path.edges.iter().map(|edge| facts(graph, *edge, cut, false)).collect())
                .collect();
            let truncated = (paths.len() as u64) < found.total;
            (paths, found.total, truncated)
        })
        .await?;
    Ok(LineagePaths {
        session: session.clone(),
        pin,
        paths,
        total,
        truncated,
    })
}

/// The ways from a descendant up to an ancestor.
#[Object]
impl LineagePaths {
    /// The ways, shortest first.
    async fn paths(&self) -> Vec<LineagePath> {
        self.paths
            .iter()
            .map(|steps| LineagePath {
                session: self.session.clone(),
                pin: self.pin,
                steps: steps.clone(),
            })
            .collect()
    }

    /// How many ways there are, whether or not they are in this answer; they can be very many.
    async fn total_count(&self) -> BigInt {
        souk_schema::U256::from(self.total).into()
    }

    /// Whether ways were left out.
    async fn truncated(&self) -> bool {
        self.truncated
    }
}

/// A way from a descendant up to an ancestor.
#[derive(Clone)]
pub struct LineagePath {
    session: Session,
    pin: Pin,
    steps: Vec<Facts>,
}

/// A way from a descendant up to an ancestor.
#[Object]
impl LineagePath {
    /// The number of derivations.
    async fn length(&self) -> i32 {
        i32::try_from(self.steps.len()).unwrap_or(i32::MAX)
    }

    /// The derivations, from the descendant on: each one's parent is the child of the next.
    async fn derivations(&self) -> Vec<Derivation> {
        self.steps
            .iter()
            .map(|facts| Derivation {
                session: self.session.clone(),
                pin: self.pin,
                facts: facts.clone(),
            })
            .collect()
    }
}
