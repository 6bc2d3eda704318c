//! Tests of the pure graph: scenes in a small text language, and random histories against a naive oracle.
//!
//! ```text
//! block 1/5 at 700: asset 1/2, 1/2 FINETUNED_FROM 1/1, 1/2 claims 2/7, end 4.1    logs 0, 1, … of block 5 of chain 1, at time 700
//! block 1/6: status 5.2 disputed                                                  what backs the edge of log 2 of block 5
//! revert 1/4                                                                      chain 1 back to block 4
//! ancestors 1/2 depth 1 limit 9 as of 1/5 2/3
//! paths 1/2 1/1
//! ```
//!
//! `1/2` is asset 2 of the registry of chain 1; other texts are foreign assets. Without `at`, a block's time is ten times its number.

mod oracle;
mod scenes;

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::Relation;
use souk_schema::{Address, B256, BlockRef, ChainId, TokenRef, TokenStandard, U256};

use super::*;

pub(super) fn evm(chain: u64, id: u64) -> EvmAssetId {
    let token = TokenRef::new(Address::repeat_byte(chain as u8), U256::from(id));
    EvmAssetId {
        chain: ChainId(chain),
        standard: TokenStandard::Erc721,
        token,
    }
}

/// A position whose hash follows from the block's number; `None` before the first block.
pub(super) fn standing(head: Option<u64>) -> ChainPosition {
    let head = head.map(|number| BlockRef {
        number,
        hash: B256::left_padding_from(&number.to_be_bytes()),
    });
    ChainPosition {
        head,
        ..ChainPosition::default()
    }
}

pub(super) fn derived(child: EvmAssetId, parent: AssetId, claimed_at: Option<u64>, place: Place) -> Change {
    let (relation, license, status) = (Relation::DerivedFrom, U256::ZERO, EdgeStatus::Declared);
    Change::Derived {
        child,
        parent,
        relation,
        license,
        status,
        claimed_at,
        place,
    }
}

fn read_asset(text: &str) -> AssetId {
    let short = text
        .split_once('/')
        .and_then(|(chain, id)| Some(evm(chain.parse().ok()?, id.parse().ok()?)));
    short.map_or_else(|| AssetId::Other(text.to_string()), AssetId::Evm)
}

fn read_block(text: &str) -> (ChainId, u64) {
    let (chain, block) = text.split_once('/').expect("chain/block");
    (
        ChainId(chain.parse().expect("a chain id")),
        block.parse().expect("a block number"),
    )
}

pub(super) fn show(graph: &Graph, node: NodeId) -> String {
    match graph.asset(node) {
        AssetId::Evm(id) => format!("{}/{}", id.chain, id.token.id),
        AssetId::Other(text) => text,
    }
}

fn show_edge(graph: &Graph, edge: EdgeId) -> String {
    let edge = graph.edge(edge);
    let place = edge.origin.place;
    format!(
        "{}>{} by {}:{}.{}",
        show(graph, edge.child),
        show(graph, edge.parent),
        edge.origin.chain,
        place.block,
        place.log_index
    )
}

/// Runs a scene; the answers are one line per question.
pub(super) fn run(scene: &str) -> String {
    let mut graph = Graph::new();
    let mut out = String::new();
    for line in scene.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answer = match command {
            "block" => apply_block(&mut graph, rest),
            "revert" => {
                let (chain, block) = read_block(rest);
                graph.revert(chain, standing(Some(block)));
                None
            }
            "forget" => {
                graph.forget(ChainId(rest.parse().expect("a chain id")));
                None
            }
            _ => Some(ask(&graph, command, rest)),
        };
        if let Some(answer) = answer {
            let answer = answer.trim_end().replace('\n', "\n  ");
            out += &format!("{line}\n  {}\n", if answer.is_empty() { "none" } else { &answer });
        }
    }
    out
}

/// Applies a line `chain/block [at time]: fact, fact`; an answer is an error.
fn apply_block(graph: &mut Graph, line: &str) -> Option<String> {
    let (head, facts) = line.split_once(':').unwrap_or((line, ""));
    let (place, time) = head.split_once(" at ").unwrap_or((head, ""));
    let (chain, block) = read_block(place);
    let time = time.parse().unwrap_or(block * 10);
    let facts = facts
        .split(',')
        .map(str::trim)
        .filter(|fact| !fact.is_empty())
        .enumerate();
    let changes = facts
        .map(|(log, fact)| {
            read_fact(
                fact,
                time,
                Place {
                    block,
                    log_index: log as u32,
                    ordinal: 0,
                },
            )
        })
        .collect();
    graph
        .apply(chain, changes, standing(Some(block)))
        .err()
        .map(|error| format!("{line}: {error}"))
}

fn read_fact(fact: &str, time: u64, place: Place) -> Change {
    let words: Vec<&str> = fact.split_whitespace().collect();
    let own = |text: &str| match read_asset(text) {
        AssetId::Evm(id) => id,
        AssetId::Other(text) => panic!("{text} is no asset of a chain"),
    };
    match words[..] {
        ["asset", id] => Change::Registered { asset: own(id), place },
        ["unregister", id] => Change::Unregistered {
            asset: own(id),
            block: place.block,
        },
        ["end", at] => {
            let (block, log_index) = at.split_once('.').expect("block.log");
            let ended = Place {
                block: block.parse().expect("a block"),
                log_index: log_index.parse().expect("a log"),
                ordinal: 0,
            };
            Change::Ended {
                place: ended,
                block: place.block,
            }
        }
        ["status", at, status] => {
            let (block, log_index) = at.split_once('.').expect("block.log");
            let all = [EdgeStatus::Declared, EdgeStatus::Evidenced, EdgeStatus::Disputed];
            let named = |known: &EdgeStatus| format!("{known:?}").to_lowercase() == status;
            Change::StatusChanged {
                place: Place {
                    block: block.parse().expect("a block"),
                    log_index: log_index.parse().expect("a log"),
                    ordinal: 0,
                },
                block: place.block,
                status: all.into_iter().find(named).expect("a status"),
            }
        }
        [child, "claims", parent] => derived(own(child), read_asset(parent), Some(time), place),
        [child, _, parent] => derived(own(child), read_asset(parent), None, place),
        _ => panic!("no fact: {fact}"),
    }
}

fn statuses(graph: &Graph, node: NodeId, cut: &Cut) -> String {
    let declared = graph.declared(node, Direction::Ancestors, cut).into_iter();
    let show = |d: Declared| {
        format!(
            "{} {:?}",
            show_edge(graph, d.edge),
            graph.edge_as_of(d.edge, cut).status
        )
    };
    declared.map(show).collect::<Vec<_>>().join(", ")
}

fn ask(graph: &Graph, question: &str, rest: &str) -> String {
    let (rest, cut) = rest.split_once("as of ").unwrap_or((rest, ""));
    let cut = cut
        .split_whitespace()
        .map(read_block)
        .fold(Cut::head(), |cut, (chain, block)| cut.and(chain, block));
    let words: Vec<&str> = rest.split_whitespace().collect();
    let option = |name| {
        words
            .iter()
            .position(|word| *word == name)
            .map(|at| words[at + 1].parse::<usize>().expect("a number"))
    };
    let find = |at: usize| words.get(at).and_then(|text| graph.find(&read_asset(text)));
    let limit = option("limit").unwrap_or(usize::MAX);
    match question {
        "ancestors" | "descendants" => {
            let direction = if question == "ancestors" {
                Direction::Ancestors
            } else {
                Direction::Descendants
            };
            let Some(node) = find(0) else { return "unknown".into() };
            let lineage = graph.lineage(node, direction, option("depth").map(|depth| depth as u32), &cut, limit);
            let nodes: Vec<_> = lineage
                .nodes
                .iter()
                .map(|n| format!("{}@{}", show(graph, n.node), n.depth))
                .collect();
            let edges: Vec<_> = lineage.edges.iter().map(|edge| show_edge(graph, *edge)).collect();
            let cropped = if lineage.truncated {
                format!(" of {}", lineage.total)
            } else {
                String::new()
            };
            format!("[{}]{cropped}\n{}", nodes.join(" "), edges.join(", "))
        }
        "paths" => {
            let (Some(from), Some(to)) = (find(0), find(1)) else {
                return "unknown".into();
            };
            let paths = graph.paths(from, to, &cut, limit);
            let path = |path: &Path| {
                path.edges
                    .iter()
                    .map(|edge| show_edge(graph, *edge))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let lines: Vec<_> = paths.paths.iter().map(path).collect();
            format!(
                "{} in all{}\n{}",
                paths.total,
                if paths.truncated { ", cropped" } else { "" },
                lines.join("\n")
            )
        }
        "left-out" => graph
            .left_out(&cut)
            .into_iter()
            .map(|edge| show_edge(graph, edge))
            .collect::<Vec<_>>()
            .join(", "),
        "declared" => {
            let Some(node) = find(0) else { return "unknown".into() };
            let declared = graph.declared(node, Direction::Ancestors, &cut).into_iter();
            let show = |d: Declared| {
                format!(
                    "{}{}",
                    show_edge(graph, d.edge),
                    if d.closes_cycle { " closes a cycle" } else { "" }
                )
            };
            declared.map(show).collect::<Vec<_>>().join(", ")
        }
        "statuses" => find(0).map_or("unknown".into(), |node| statuses(graph, node, &cut)),
        "registered" => match find(0).map(|node| graph.registered(node, &cut)) {
            Some(Some(origin)) => format!("by {}:{}.{}", origin.chain, origin.place.block, origin.place.log_index),
            Some(None) => "not".into(),
            None => "unknown".into(),
        },
        "size" => format!("{} nodes, {} edges", graph.node_count(), graph.edge_count()),
        _ => panic!("no question: {question}"),
    }
}
