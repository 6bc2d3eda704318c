//! Blocks, reorganisations and rebuilds: the graph that follows equals the graph that is loaded.

use std::time::Instant;

use souk_provenance::graph::{Cut, Direction};
use souk_schema::ChainId;

use super::writer::{Log, Writer, positions};
use super::{ASSETS, Stand, asset, caught_up, picture};

fn native(child: u64, parent: u64) -> Log {
    Log::Native {
        child,
        parent,
        relation: 1,
        license: "0".into(),
    }
}

fn claim(child: u64, chain: u64, parent: u64) -> Log {
    Log::Claim {
        child,
        parent: asset(chain, parent).to_string(),
    }
}

#[tokio::test]
async fn lin_1_an_edge_read_from_the_tables_names_its_event_licence_and_relation() {
    let stand = Stand::new().await;
    let mut writer = Writer::open(&stand.pool, 1).await;
    let license = souk_schema::U256::MAX.to_string();
    let edge = Log::Native {
        child: 2,
        parent: 1,
        relation: 4,
        license: license.clone(),
    };
    // The hex of a claim may be in capitals, and a text need not name anything that we know.
    let upper = asset(2, 5).to_string().replace("0xa2", "0xA2");
    let odd = Log::Claim {
        child: 2,
        parent: "no CAIP-19 at all".into(),
    };
    writer
        .blocks(&[
            vec![Log::Asset(1)],
            vec![
                Log::Asset(2),
                edge,
                Log::Claim {
                    child: 2,
                    parent: upper,
                },
                odd,
            ],
        ])
        .await;
    let (handle, _following) = stand.graph().await;

    let graph = handle.read();
    let child = graph.node(&asset(1, 2)).expect("the asset is known");
    let declared = graph.declared(child, Direction::Ancestors, &Cut::head());
    let [first, second, third] = declared[..] else {
        panic!("three edges, not {declared:?}")
    };
    let first = graph.edge(first.edge);
    assert_eq!(graph.asset(first.parent).to_string(), asset(1, 1).to_string());
    assert_eq!(
        (first.relation.as_str(), first.license.to_string(), first.native),
        ("QUANTIZED_FROM", license, true)
    );
    let origin = first.origin;
    assert_eq!(
        (origin.chain, origin.place.block, origin.place.log_index),
        (ChainId(1), 1, 1)
    );
    assert_eq!(Some(graph.edge(second.edge).parent), graph.node(&asset(2, 5)));
    assert!(!graph.edge(second.edge).native);
    assert_eq!(
        graph.asset(graph.edge(third.edge).parent).to_string(),
        "no CAIP-19 at all"
    );
    assert!(graph.registered(graph.edge(second.edge).parent, &Cut::head()).is_none());
}

#[tokio::test]
async fn api_1_the_position_is_that_of_the_rows_and_a_commit_is_seen_at_once() {
    let stand = Stand::new().await;
    let mut writer = Writer::open(&stand.pool, 1).await;
    let (handle, following) = stand.graph().await;
    assert_eq!(handle.position(), positions([&writer]));

    let block = writer.block(&[Log::Asset(1), Log::Asset(2)]).await;
    let committed = Instant::now();
    assert!(
        tokio::time::timeout(super::PATIENCE, handle.wait_until(ChainId(1), block.number))
            .await
            .expect("in time")
    );
    let seen = committed.elapsed();
    assert!(seen.as_millis() < 900, "{seen:?} is no notification but the next poll");
    caught_up(&handle, &positions([&writer])).await;
    assert_eq!(handle.read().position(), positions([&writer]));

    writer.keep_silent();
    writer.block(&[native(2, 1)]).await;
    caught_up(&handle, &positions([&writer])).await;
    assert_eq!(handle.read().edge_count(), 1, "a lost notification is made up for");

    drop(following);
    assert!(
        !handle.wait_until(ChainId(1), 1_000).await,
        "nobody waits for a graph that follows no more"
    );
}

#[tokio::test]
async fn idx_1_after_every_reorganisation_the_graph_equals_one_that_is_loaded_afresh() {
    let stand = Stand::new().await;
    let mut writers = [
        Writer::open(&stand.pool, 1).await,
        Writer::open(&stand.pool, 2).await,
        Writer::open(&stand.pool, 3).await,
    ];
    let (handle, _following) = stand.graph().await;
    let seed = 0x5eed_2026;
    let mut dice = Dice(seed);
    for round in 0..60 {
        let writer = &mut writers[dice.roll(3) as usize];
        let blocks: Vec<Vec<Log>> = (0..dice.roll(3)).map(|_| Vec::new()).collect();
        let reverted = if dice.roll(3) == 0 {
            dice.roll(4).min(writer.position.head.map_or(0, |head| head.number + 1))
        } else {
            0
        };
        if reverted > 0 {
            let mut state = Known::read(
                &stand,
                writer.chain,
                Some(writer.position.head.map_or(0, |head| head.number + 1) - reverted),
            )
            .await;
            let blocks: Vec<_> = blocks.iter().map(|_| state.block(&mut dice)).collect();
            writer.reorganise(reverted, &blocks).await;
        } else {
            let mut state = Known::read(&stand, writer.chain, None).await;
            let block = state.block(&mut dice);
            writer.block(&block).await;
        }
        if dice.roll(2) == 0 {
            continue;
        }
        caught_up(&handle, &positions(&writers)).await;
        let (fresh, _loaded) = stand.graph().await;
        assert_eq!(
            picture(&handle.read()),
            picture(&fresh.read()),
            "seed {seed:#x}, round {round}"
        );
    }
    caught_up(&handle, &positions(&writers)).await;
    assert!(handle.read().edge_count() > 10, "the history is not trivial");
}

#[tokio::test]
async fn idx_1_rebuilt_generations_genesis_and_epochs_replace_the_chain_and_nothing_else() {
    let stand = Stand::new().await;
    let mut one = Writer::open(&stand.pool, 1).await;
    let mut two = Writer::open(&stand.pool, 2).await;
    one.blocks(&[vec![Log::Asset(1)], vec![Log::Asset(2), native(2, 1)]])
        .await;
    two.blocks(&[vec![Log::Asset(1), claim(1, 1, 2)]]).await;
    let (handle, _following) = stand.graph().await;
    caught_up(&handle, &positions([&one, &two])).await;

    let rows = [vec![Log::Asset(3)], vec![Log::Asset(2), native(2, 3)]];
    one.rebuild(|identity| identity.generation = 2, &rows).await;
    caught_up(&handle, &positions([&one, &two])).await;
    expect_ancestors(&handle, &[asset(1, 2), asset(1, 3)]);

    one.rebuild(
        |identity| identity.genesis_hash = souk_schema::B256::ZERO,
        &[vec![Log::Asset(2), Log::Asset(4), native(2, 4)]],
    )
    .await;
    caught_up(&handle, &positions([&one, &two])).await;
    expect_ancestors(&handle, &[asset(1, 2), asset(1, 4)]);

    one.rebuild(
        |identity| identity.epoch = 2,
        &[vec![Log::Asset(5), Log::Asset(2), native(2, 5)]],
    )
    .await;
    caught_up(&handle, &positions([&one, &two])).await;
    expect_ancestors(&handle, &[asset(1, 2), asset(1, 5)]);

    one.drop_chain().await;
    caught_up(&handle, &positions([&two])).await;
    expect_ancestors(&handle, &[asset(1, 2)]);
}

fn expect_ancestors(handle: &souk_provenance::graph::GraphHandle, expected: &[souk_schema::caip::EvmAssetId]) {
    let graph = handle.read();
    let node = graph.node(&asset(2, 1)).expect("the asset of the other chain stays");
    let lineage = graph.lineage(node, Direction::Ancestors, None, &Cut::head(), 100);
    let found: Vec<String> = lineage
        .nodes
        .iter()
        .map(|node| graph.asset(node.node).to_string())
        .collect();
    assert_eq!(found, expected.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[tokio::test]
async fn idx_1_a_reorganisation_beyond_memory_and_a_shorter_chain_are_followed() {
    let stand = Stand::new().await;
    let mut writer = Writer::open(&stand.pool, 1).await;
    // More blocks than are remembered, more facts than a window has, and a block that alone is larger than a window.
    let long: Vec<Vec<Log>> = (0..4_300)
        .map(|number| {
            if number < 3 {
                vec![Log::Asset(number)]
            } else {
                Vec::new()
            }
        })
        .collect();
    writer.blocks(&long).await;
    let mut large: Vec<Log> = (0..4_500).map(|id| Log::Asset(100 + id)).collect();
    large.extend((1..4_500).map(|id| native(100 + id, 99 + id)));
    writer
        .blocks(&[vec![native(1, 0)], large, vec![native(2, 1), Log::End(4_300, 0)]])
        .await;
    let (handle, _following) = stand.graph().await;
    caught_up(&handle, &positions([&writer])).await;
    let deepest = |chain_length: u64| {
        let graph = handle.read();
        let node = graph
            .node(&asset(1, 100 + chain_length - 1))
            .expect("an asset of the long chain");
        graph.lineage(node, Direction::Ancestors, None, &Cut::head(), 10).total
    };
    assert_eq!((handle.read().edge_count(), deepest(4_500)), (4_501, 4_499));

    writer.reorganise(1, &[Vec::new(), vec![Log::End(4_300, 0)]]).await;
    caught_up(&handle, &positions([&writer])).await;
    let (fresh, _loaded) = stand.graph().await;
    assert_eq!(picture(&handle.read()), picture(&fresh.read()));

    // Down to the first block: nothing that is remembered is left.
    writer.reorganise(4_303, &[vec![Log::Asset(6), native(6, 0)]]).await;
    caught_up(&handle, &positions([&writer])).await;
    let (fresh, _loaded) = stand.graph().await;
    assert_eq!(picture(&handle.read()), picture(&fresh.read()));
    assert_eq!(handle.read().node_count(), 2);
}

/// A small generator: the same numbers from the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What the tables hold of a chain below a block, so that random logs fit.
struct Known {
    /// Assets that were registered, and those that still are.
    registered: Vec<u64>,
    present: Vec<u64>,
    open: Vec<(u64, u32)>,
    next: u64,
}

impl Known {
    async fn read(stand: &Stand, chain: u64, below: Option<u64>) -> Known {
        let limit = below.map_or(i64::MAX, |below| below as i64);
        let mut known = Known {
            registered: Vec::new(),
            present: Vec::new(),
            open: Vec::new(),
            next: 0,
        };
        for id in 0..ASSETS {
            let query = "select valid_to is null or valid_to >= $3 from asset where chain_id = $1 and asset_key = $2 and valid_from < $3";
            let key = asset(chain, id).token.key().as_bytes().to_vec();
            let query = sqlx::query_scalar::<_, bool>(query)
                .bind(chain as i64)
                .bind(key)
                .bind(limit);
            let Some(present) = query.fetch_optional(&stand.pool).await.expect("asks") else {
                continue;
            };
            known.registered.push(id);
            if present {
                known.present.push(id);
            }
        }
        let query = "select valid_from, log_index from derivation
                     where chain_id = $1 and valid_from < $2 and (valid_to is null or valid_to >= $2) order by 1, 2";
        let rows: Vec<(i64, i32)> = sqlx::query_as(query)
            .bind(chain as i64)
            .bind(limit)
            .fetch_all(&stand.pool)
            .await
            .expect("lists");
        known.open = rows
            .into_iter()
            .map(|(block, log)| (block as u64, log as u32))
            .collect();
        let head: Option<i64> = sqlx::query_scalar("select max(number) from block where chain_id = $1 and number < $2")
            .bind(chain as i64)
            .bind(limit)
            .fetch_one(&stand.pool)
            .await
            .expect("the head");
        known.next = head.map_or(0, |head| head as u64 + 1);
        known
    }

    fn block(&mut self, dice: &mut Dice) -> Vec<Log> {
        let mut logs = Vec::new();
        for log in 0..dice.roll(5) as u32 {
            let id = dice.roll(ASSETS);
            logs.push(match dice.roll(10) {
                0..4 if !self.registered.contains(&id) => {
                    self.registered.push(id);
                    self.present.push(id);
                    Log::Asset(id)
                }
                0 if !self.present.is_empty() => {
                    Log::Unregister(self.present.swap_remove(dice.roll(self.present.len() as u64) as usize))
                }
                0..6 => {
                    self.open.push((self.next, log));
                    native(id, dice.roll(ASSETS))
                }
                6..8 => {
                    self.open.push((self.next, log));
                    claim(id, 1 + dice.roll(3), dice.roll(ASSETS))
                }
                8 if !self.open.is_empty() => {
                    let (block, log) = self.open.swap_remove(dice.roll(self.open.len() as u64) as usize);
                    Log::End(block, log)
                }
                _ => {
                    self.open.push((self.next, log));
                    Log::Claim {
                        child: id,
                        parent: format!("hf:{}", dice.roll(3)),
                    }
                }
            });
        }
        self.next += 1;
        logs
    }
}
