//! How well edges are backed, as the view says for every block and the graph for every cut, against the rule read from the events
//! themselves; and the other views over what two tables say together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use souk_provenance::graph::{Cut, Direction, EdgeStatus, Graph, GraphHandle};
use souk_schema::caip::EvmAssetId;
use souk_schema::event::{DisputeOutcome, DomainEvent, ExecutionRequested};
use souk_schema::{TokenRef, TokenStandard};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;

use super::chain::{Chain, START};
use super::support::{CHAIN, Stand};
use super::world::{Deed, REGISTRY};

/// What happened, in order.
type Story = Vec<(u64, u32, DomainEvent)>;

async fn story(stand: &Stand) -> Story {
    let rows: Vec<(i64, i32, sqlx::types::Json<DomainEvent>)> = sqlx::query_as(
        "select block_number, log_index, body from souk.event order by block_number, log_index, ordinal",
    )
    .fetch_all(&stand.pool)
    .await
    .expect("reads the events");
    let event = |(block, log, event): (i64, i32, sqlx::types::Json<DomainEvent>)| {
        (block.cast_unsigned(), log.cast_unsigned(), event.0)
    };
    rows.into_iter().map(event).collect()
}

/// An edge: where it was declared, its child, its parent in the same registry, its status when it was declared.
type EdgeOf = (u64, u32, TokenRef, Option<TokenRef>, EdgeStatus);

fn edges(story: &Story) -> Vec<EdgeOf> {
    let edge = |(block, log, event): &(u64, u32, DomainEvent)| match event {
        DomainEvent::DerivationDeclared { child, parent, .. } => {
            Some((*block, *log, *child, Some(*parent), EdgeStatus::Declared))
        }
        DomainEvent::ForeignParentDeclared { child, .. } => Some((*block, *log, *child, None, EdgeStatus::Declared)),
        DomainEvent::AssetMirrored(e) => Some((*block, *log, e.mirror, None, EdgeStatus::Unconfirmed)),
        _ => None,
    };
    story.iter().filter_map(edge).collect()
}

fn used(request: &ExecutionRequested) -> BTreeSet<TokenRef> {
    request.datasets.iter().copied().chain([request.asset]).collect()
}

/// The status of an edge at the end of a block: the rule, read from the beginning.
fn status_at(story: &Story, (_, _, child, parent, declared): &EdgeOf, block: u64) -> EdgeStatus {
    let (mut disputes, mut requests) = (BTreeMap::new(), BTreeMap::new());
    let (mut outputs, mut challenges) = (BTreeMap::new(), BTreeMap::new());
    let (mut bases, mut updates) = (BTreeMap::new(), Vec::new());
    let mut backed = false;
    let is_parent = |token: &TokenRef| Some(*token) == *parent;
    for (at, _, event) in story.iter().take_while(|(at, ..)| *at <= block) {
        match event {
            DomainEvent::DisputeRaised(e) if e.asset == *child => _ = disputes.insert(e.dispute, None),
            DomainEvent::DisputeResolved(e) => {
                if let Some(outcome) = disputes.get_mut(&e.dispute) {
                    *outcome = Some(e.outcome);
                }
            }
            DomainEvent::ExecutionRequested(e) => _ = requests.insert(e.execution, used(e)),
            DomainEvent::ExecutionCompleted(e) if e.output == Some(*child) => {
                backed |= requests[&e.execution].iter().any(is_parent);
                outputs.insert(e.execution, ());
            }
            DomainEvent::ExecutionChallenged(e) => _ = challenges.insert(e.challenge, (e.execution, None)),
            DomainEvent::ChallengeResolved(e) => {
                // The resolution says which execution it is of.
                challenges.insert(e.challenge, (challenges[&e.challenge].0, Some((e.execution, e.upheld))));
            }
            DomainEvent::RoundOpened(e) => _ = bases.insert(e.round, e.asset),
            DomainEvent::UpdateSubmitted(e) => updates.push(e.clone()),
            DomainEvent::RoundAggregated(e) if e.output == Some(*child) => {
                let recorded = story.iter().filter(|(of, ..)| of == at);
                let counted = |participant, hash| {
                    e.first_contribution.is_none()
                        || recorded.clone().any(|(.., event)| {
                            matches!(event, DomainEvent::ContributionRecorded { contribution, asset, contributor, evidence_hash, .. }
                                if asset == child && *contributor == participant && *evidence_hash == hash
                                    && !voided_at(story, contribution, *at))
                        })
                };
                let used = updates.iter().filter(|update| update.round == e.round);
                let used = used.filter(|update| counted(update.participant, update.update_hash));
                backed |= is_parent(&bases[&e.round]);
                backed |= used
                    .filter_map(|update| update.dataset)
                    .any(|dataset| is_parent(&dataset));
            }
            _ => {}
        }
    }
    let disputed = disputes
        .values()
        .any(|outcome| outcome.is_none_or(|outcome| outcome == DisputeOutcome::Upheld));
    let upheld = challenges
        .values()
        .any(|(_, end)| end.is_some_and(|(execution, upheld)| upheld && outputs.contains_key(&execution)));
    let open = challenges.values().any(|(execution, end)| {
        end.is_none() && outputs.contains_key(execution) && requests[execution].iter().any(is_parent)
    });
    if disputed || upheld || open {
        EdgeStatus::Disputed
    } else if backed {
        EdgeStatus::Evidenced
    } else {
        *declared
    }
}

/// A contribution that is voided in the block that recorded it was never true.
fn voided_at(story: &Story, contribution: &TokenRef, block: u64) -> bool {
    story.iter().any(|(at, _, event)| {
        *at == block
            && matches!(event, DomainEvent::ContributionVoided { contribution: voided, .. } if voided == contribution)
    })
}

async fn status_in_view(stand: &Stand, edge: &EdgeOf, block: u64) -> EdgeStatus {
    let (declared, log, child, _, before) = edge;
    let status: Option<i16> = sqlx::query_scalar(
        "select status from souk.derivation_status where chain_id = $1 and child_key = $2 and declared_block = $3
             and declared_log_index = $4 and valid_from <= $5 and (valid_to is null or $5 < valid_to)",
    )
    .bind(CHAIN.0.cast_signed())
    .bind(child.key().as_bytes())
    .bind(declared.cast_signed())
    .bind(log.cast_signed())
    .bind(block.cast_signed())
    .fetch_optional(&stand.pool)
    .await
    .expect("asks the view");
    status.map_or(*before, |status| {
        EdgeStatus::from_number(status).expect("a known status")
    })
}

fn status_in_graph(graph: &Graph, edge: &EdgeOf, block: u64) -> Option<EdgeStatus> {
    let (declared, log, child, ..) = edge;
    let child = EvmAssetId {
        chain: CHAIN,
        standard: TokenStandard::Erc721,
        token: *child,
    };
    let cut = Cut::head().and(CHAIN, block);
    let edges = graph.declared(graph.node(&child)?, Direction::Ancestors, &cut);
    let found = edges.iter().map(|edge| graph.edge_as_of(edge.edge, &cut));
    let mut found = found.filter(|edge| (edge.origin.place.block, edge.origin.place.log_index) == (*declared, *log));
    found.next().map(|edge| edge.status)
}

/// Compares what the rule, the view and the graph say of every edge as of every block; returns the statuses that came up.
async fn compare(seed: u32, stand: &Stand, graph: &GraphHandle) -> BTreeSet<EdgeStatus> {
    let story = story(stand).await;
    let head: i64 = sqlx::query_scalar("select head_number from souk.projection")
        .fetch_one(&stand.pool)
        .await
        .expect("a head");
    let head = head.cast_unsigned();
    let reached = tokio::time::timeout(Duration::from_secs(60), async {
        let mut positions = graph.positions();
        let sequence = stand
            .count("select next_sequence from souk.projection")
            .await
            .cast_unsigned();
        let there = positions.wait_for(|positions| {
            positions
                .get(&CHAIN)
                .is_some_and(|at| at.next_sequence == Some(sequence))
        });
        there.await.map(|_| ())
    });
    reached.await.expect("the graph follows").expect("the graph lives");
    let mut seen = BTreeSet::new();
    for edge in edges(&story) {
        for block in edge.0..=head {
            let expected = status_at(&story, &edge, block);
            let at = format!("{edge:?} as of {block}, seed {seed}");
            assert_eq!(status_in_view(stand, &edge, block).await, expected, "view: {at}");
            assert_eq!(
                status_in_graph(&graph.read(), &edge, block),
                Some(expected),
                "graph: {at}"
            );
            seen.insert(expected);
        }
    }
    seen
}

async fn graph(stand: &Stand) -> (GraphHandle, tokio_util::sync::DropGuard) {
    let options = stand.pool.connect_options().as_ref().clone();
    let pool: PgPool = PgPoolOptions::new()
        .max_connections(3)
        .connect_with(options.options([("search_path", "souk")]))
        .await
        .expect("connects");
    let cancel = CancellationToken::new();
    let handle = GraphHandle::start(pool, cancel.clone()).await.expect("loads");
    (handle, cancel.drop_guard())
}

/// Deeds that edges and what backs them are made of.
const KINDS_OF_EDGES: [u8; 24] = [
    2, 2, 2, 2, 3, 9, 10, 27, 27, 28, 28, 28, 30, 31, 31, 32, 32, 33, 33, 34, 34, 35, 37, 41,
];

/// A history in which edges are declared, backed and doubted, with reorganisations now and then. Returns the statuses that came up.
async fn history(seed: u32) -> BTreeSet<EdgeStatus> {
    let stand = Stand::new().await;
    souk_provenance::store::migrate(&stand.pool, &souk_provenance::tables::Schema::live())
        .await
        .expect("migrates");
    let (followed, _following) = graph(&stand).await;
    let mut chain = Chain::new(1);
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as u8
    };
    let (mut recorded, mut seen) = (0, BTreeSet::new());
    for round in 0..4 {
        for _ in 0..5 {
            let deeds: Vec<Deed> = (0..next() % 8)
                .map(|_| Deed {
                    kind: KINDS_OF_EDGES[usize::from(next()) % KINDS_OF_EDGES.len()],
                    a: next() % 4,
                    b: next() % 4,
                    c: next() % 8,
                })
                .collect();
            chain.append(&deeds);
        }
        if round % 2 == 1 {
            chain.revert(usize::from(next() % 4));
        }
        stand.append(&chain.records[recorded..]).await;
        recorded = chain.records.len();
        stand.project(4).await.expect("projects");
        // One that followed through every reorganisation, and one that loads everything at once.
        seen.extend(compare(seed, &stand, &followed).await);
        let (loaded, _loading) = graph(&stand).await;
        compare(seed, &stand, &loaded).await;
    }
    seen
}

#[tokio::test]
async fn lin_1_the_rule_the_view_and_the_graph_agree_on_every_edge_as_of_every_block() {
    let mut seen = BTreeSet::new();
    for seed in [1, 2, 3, 4] {
        seen.extend(history(seed).await);
    }
    let all = [
        EdgeStatus::Declared,
        EdgeStatus::Evidenced,
        EdgeStatus::Disputed,
        EdgeStatus::Unconfirmed,
    ];
    assert_eq!(
        seen,
        BTreeSet::from(all),
        "histories in which nothing happens prove nothing"
    );
}

fn deed(kind: u8, a: u8, b: u8, c: u8) -> Deed {
    Deed { kind, a, b, c }
}

/// A life of an edge, block by block.
#[tokio::test]
async fn an_edge_is_declared_then_evidenced_then_disputed_and_released() {
    let stand = Stand::new().await;
    let mut chain = Chain::new(1);
    for deeds in [
        // Asset 1 declares that it comes of asset 2.
        vec![deed(2, 1, 2, 1)],
        // Execution 0 uses asset 2 and makes asset 1: kind 27 requests, kind 28 completes.
        vec![deed(27, 0, 2, 0), deed(28, 0, 0, 1)],
        // It is challenged, the challenge is dismissed.
        vec![deed(30, 0, 0, 0)],
        vec![deed(31, 0, 0, 2)],
        // A dispute over asset 1 is raised, withdrawn; a second is upheld.
        vec![deed(35, 0, 1, 0)],
        vec![deed(37, 0, 0, 2)],
        vec![deed(35, 1, 1, 0)],
        vec![deed(37, 1, 0, 1)],
    ] {
        chain.append(&deeds);
    }
    stand.append(&chain.records).await;
    stand.project(3).await.expect("projects");
    let story = story(&stand).await;
    let edge = edges(&story)[0];
    let mut said = Vec::new();
    for block in START..START + 8 {
        said.push(status_in_view(&stand, &edge, block).await);
    }
    use EdgeStatus::{Declared, Disputed, Evidenced};
    let expected = [
        Declared, Evidenced, Disputed, Evidenced, Disputed, Evidenced, Disputed, Disputed,
    ];
    assert_eq!(said, expected);
    assert_eq!(edge.2, TokenRef::new(REGISTRY, souk_schema::U256::from(1)));
}
