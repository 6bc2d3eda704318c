//! What the other parts of the process say about themselves, and how far each stage is behind the one before it.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::SimpleObject;
use serde::Serialize;
use souk_eventlog::{EventLog, StreamName};
use souk_provenance::graph::GraphHandle;
use sqlx::PgPool;

use crate::error::{ApiError, ErrorCode};
use crate::exchange::{Exchange, Group};
use crate::scalars::{ChainId, Long};
use crate::store::exchange::groups;
use crate::store::{ChainRow, Reader};

/// How long the event log may take to say where a stream ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the indexer of a chain reports.
#[derive(Clone, Debug, SimpleObject)]
pub struct IndexerReport {
    /// The chain.
    pub chain_id: ChainId,
    /// What it is doing, in a word or two.
    pub phase: String,
    /// The newest block that the node told of.
    pub node_head: Option<Long>,
    /// Blocks per second, lately.
    pub blocks_per_second: f64,
    /// Logs per second, lately.
    pub logs_per_second: f64,
    /// Seconds until it reaches the node's head, at this speed; null when it is there.
    pub seconds_left: Option<Long>,
    /// What keeps it from going on, if anything.
    pub problem: Option<String>,
}

/// Where to ask how things stand. Cheap to clone.
#[derive(Clone)]
pub struct StatusSources {
    /// The event log that projections read.
    pub log: Arc<dyn EventLog>,
    /// The indexers that run in this process, as of now.
    pub indexers: Arc<dyn Fn() -> Vec<IndexerReport> + Send + Sync>,
}

/// How far a chain's tables are behind.
#[derive(Clone, Debug, SimpleObject)]
pub struct ChainLag {
    /// The chain.
    pub chain_id: ChainId,
    /// The sequence that the stream's next record will have.
    pub stream_next_sequence: Long,
    /// Records of the stream that the tables do not hold yet.
    pub records: Long,
    /// Blocks that the node has and the tables do not; null where no indexer of the chain runs in this process.
    pub node_blocks: Option<Long>,
}

impl StatusSources {
    /// The report of a chain's indexer.
    pub fn report(&self, chain: souk_schema::ChainId) -> Option<IndexerReport> {
        (self.indexers)().into_iter().find(|report| report.chain_id.0 == chain)
    }

    /// How far a chain is behind.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the event log does not answer.
    pub async fn lag(&self, row: &ChainRow) -> Result<ChainLag, ApiError> {
        let next = self.next_sequence(&row.stream).await?;
        let records = i64::try_from(next)
            .unwrap_or(i64::MAX)
            .saturating_sub(row.next_sequence)
            .max(0);
        let node_head = self.report(row.chain.0).and_then(|report| report.node_head);
        let node_blocks = node_head.map(|head| Long((head.0 - row.head_number.unwrap_or(-1)).max(0)));
        Ok(ChainLag {
            chain_id: row.chain,
            stream_next_sequence: Long::saturating(next),
            records: Long(records),
            node_blocks,
        })
    }

    async fn next_sequence(&self, stream: &str) -> Result<u64, ApiError> {
        let unavailable = || {
            ApiError::new(
                ErrorCode::Unavailable,
                "the event log did not answer in time; try again",
            )
        };
        let name = StreamName::new(stream).map_err(ApiError::internal)?;
        match tokio::time::timeout(PATIENCE, self.log.next_sequence(&name)).await {
            Ok(Ok(next)) => Ok(next),
            Ok(Err(error)) => {
                tracing::warn!(%error, stream, "the event log did not say where a stream ends");
                Err(unavailable())
            }
            Err(_) => Err(unavailable()),
        }
    }
}

/// Whether the server can be relied on, and why not.
#[derive(Debug, Serialize)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// What is missing, for a person.
    pub waiting_for: Vec<String>,
    /// Each chain's place.
    pub chains: Vec<ChainReadiness>,
    /// Each group of the exchange.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchange: Vec<GroupReadiness>,
}

/// How a group of the exchange stands.
#[derive(Debug, Serialize)]
pub struct GroupReadiness {
    /// The group.
    pub group: u32,
    /// Why its engine does not serve, if it does not.
    pub problem: Option<String>,
    /// The last command that the engine decided.
    pub command: u64,
    /// Commands that the tables do not hold yet.
    pub tables_lag_commands: Option<u64>,
    /// Fills that are not settled for good.
    pub unsettled_fills: usize,
}

impl Readiness {
    /// Asks for the exchange too: that its engines have recovered and agree with what was published, and that the tables keep up.
    pub async fn add_exchange(&mut self, exchange: &Exchange, pool: &PgPool) {
        let most = exchange.limits().ready_lag_commands;
        self.exchange = exchange_readiness(exchange, pool).await;
        for group in &self.exchange {
            if let Some(problem) = &group.problem {
                self.waiting_for.push(format!("market group {} {problem}", group.group));
            }
            if group.tables_lag_commands.is_none_or(|lag| lag > most) {
                let behind = group
                    .tables_lag_commands
                    .map_or("an unknown number of".to_string(), |lag| lag.to_string());
                self.waiting_for.push(format!(
                    "market group {}: the tables are {behind} commands behind",
                    group.group
                ));
            }
        }
        self.ready = self.waiting_for.is_empty();
    }
}

/// How each group of the exchange stands.
pub async fn exchange_readiness(exchange: &Exchange, pool: &PgPool) -> Vec<GroupReadiness> {
    let tables = match Reader::begin(pool).await {
        Ok(reader) => groups::tables(&reader).await.ok(),
        Err(_) => None,
    };
    let of = |group: &Arc<Group>| {
        let (number, command) = (group.handle.group(), group.handle.status().borrow().command.0);
        let known = tables.as_ref().map(|tables| {
            tables
                .iter()
                .find(|tables| tables.group == number)
                .map_or(0, |tables| tables.command.0)
        });
        GroupReadiness {
            group: number.0,
            problem: Exchange::serves(group).err(),
            command,
            tables_lag_commands: known.map(|known| command.saturating_sub(known)),
            unsettled_fills: group.hub().map_or(0, |hub| hub.look().unsettled_fills().0),
        }
    };
    exchange.groups().map(of).collect()
}

/// How a chain stands.
#[derive(Debug, Serialize)]
pub struct ChainReadiness {
    /// As CAIP-2.
    pub chain: String,
    /// The tables' newest block.
    pub head: Option<i64>,
    /// Records of the stream that the tables do not hold yet.
    pub lag_records: Option<i64>,
    /// The graph's newest block.
    pub graph_head: Option<u64>,
}

/// Checks everything that answers depend on. `chains` are those that have to be projected; `most_records` is how many records the
/// tables may be behind their stream.
pub async fn readiness(
    pool: &PgPool,
    graph: &GraphHandle,
    status: &StatusSources,
    chains: &[souk_schema::ChainId],
    most_records: i64,
) -> Readiness {
    let mut waiting_for = Vec::new();
    let mut found = Vec::new();
    let positions = graph.position();
    if let Some(problem) = graph.status().problem {
        tracing::debug!(%problem, "not ready: the graph does not follow");
        waiting_for.push("the lineage graph does not follow the tables".to_string());
    }
    match Reader::begin(pool).await {
        Err(_) => waiting_for.push("the database does not answer".to_string()),
        Ok(reader) => {
            let missing = chains
                .iter()
                .filter(|chain| !reader.snapshot.chains.contains_key(chain));
            waiting_for.extend(missing.map(|chain| format!("chain eip155:{chain} is not projected yet")));
            if reader.snapshot.chains.is_empty() && chains.is_empty() {
                waiting_for.push("no chain is projected yet".to_string());
            }
            for row in reader.snapshot.chains.values() {
                let lag = status.lag(row).await.ok().map(|lag| lag.records.0);
                let graph_head = positions
                    .get(&row.chain.0)
                    .and_then(|position| position.head)
                    .map(|head| head.number);
                if lag.is_none_or(|lag| lag > most_records) {
                    let behind = lag.map_or("an unknown number of".to_string(), |lag| lag.to_string());
                    waiting_for.push(format!("chain {}: the tables are {behind} records behind", row.chain));
                }
                if graph_head.and_then(|head| i64::try_from(head).ok()) < row.head_number {
                    waiting_for.push(format!("chain {}: the lineage graph is behind the tables", row.chain));
                }
                found.push(ChainReadiness {
                    chain: row.chain.to_string(),
                    head: row.head_number,
                    lag_records: lag,
                    graph_head,
                });
            }
        }
    }
    Readiness {
        ready: waiting_for.is_empty(),
        waiting_for,
        chains: found,
        exchange: Vec::new(),
    }
}
