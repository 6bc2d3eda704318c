//! Where an answer comes from: the blocks it was computed at (API-1), how far behind they are, and what error codes mean.

use std::collections::BTreeMap;

use async_graphql::{Context, Object, SimpleObject, Value};
use souk_schema::exchange::GroupId;

use super::chain::BlockId;
use super::payout::snapshot::{PayoutSnapshot, payout_snapshots};
use crate::error::{ApiError, ErrorCode};
use crate::exchange::LiveGroup;
use crate::scalars::{ChainId, Long};
use crate::session::Session;
use crate::status::{ChainLag, StatusSources};
use crate::store::{ChainRow, Snapshot};

/// The place of one chain that an answer was computed at.
#[derive(Clone, Debug, SimpleObject)]
pub struct ChainSnapshot {
    /// The chain.
    pub chain_id: ChainId,
    /// The newest block that the answer knows; null before the first.
    pub block: Option<BlockId>,
    /// The event-log stream that the answer was made from.
    pub stream: String,
    /// The next record of the stream, which the answer does not know: all before it are in.
    pub next_sequence: Long,
}

impl From<&ChainRow> for ChainSnapshot {
    fn from(row: &ChainRow) -> ChainSnapshot {
        let block = row.head_number.zip(row.head_hash).map(|(number, hash)| BlockId {
            number: Long(number),
            hash,
        });
        ChainSnapshot {
            chain_id: row.chain,
            block,
            stream: row.stream.clone(),
            next_sequence: Long(row.next_sequence),
        }
    }
}

/// The snapshot as it stands in `extensions.snapshot` of an answer.
pub fn snapshot_extension(snapshot: &Snapshot) -> Value {
    let chain = |row: &ChainRow| {
        async_graphql::value!({
            "chainId": row.chain.to_string(),
            "block": row.head_number,
            "hash": row.head_hash.map(|hash| hash.to_string()),
            "stream": row.stream.clone(),
            "nextSequence": row.next_sequence,
        })
    };
    Value::List(snapshot.chains.values().map(chain).collect())
}

/// The place of one group of the exchange that an answer was computed at.
#[derive(Clone, Debug, SimpleObject)]
pub struct GroupSnapshot {
    /// The market group.
    group: Long,
    /// The last command that books, markets, balances and open orders of the answer know.
    command_number: Long,
    /// The last command that orders, fills, candles and statistics of the answer know: those are read from tables, which follow.
    tables_command_number: Long,
    /// The event-log stream that the tables were made from.
    stream: String,
    /// The next record of the stream, which the tables do not know.
    next_sequence: Long,
}

/// What an answer says of the exchange, as it stands in `extensions.exchange`; none where nothing was asked of it.
pub fn exchange_extension(session: &Session) -> Option<Value> {
    let (live, tables) = session.seen_exchange();
    if live.is_none() && tables.is_none() {
        return None;
    }
    let mut groups: BTreeMap<u32, (Option<u64>, Option<u64>)> = BTreeMap::new();
    for (group, live) in live.iter().flat_map(|live| &live.groups) {
        groups.entry(group.0).or_default().0 = Some(live.number.0);
    }
    for tables in tables.unwrap_or_default() {
        groups.entry(tables.group.0).or_default().1 = Some(tables.command.0);
    }
    let group = |(group, (live, tables)): (u32, (Option<u64>, Option<u64>))| {
        let mut entry = async_graphql::indexmap::IndexMap::new();
        entry.insert(async_graphql::Name::new("group"), Value::from(group));
        live.map(|live| entry.insert(async_graphql::Name::new("command"), Value::from(live)));
        tables.map(|tables| entry.insert(async_graphql::Name::new("tablesCommand"), Value::from(tables)));
        Value::Object(entry)
    };
    Some(Value::List(groups.into_iter().map(group).collect()))
}

/// What an error code means.
#[derive(Clone, Debug, SimpleObject)]
pub struct ErrorDescription {
    /// The code, as it is found in `extensions.code` of an error.
    code: ErrorCode,
    /// What it means.
    meaning: String,
}

/// Where answers come from.
pub struct Meta;

/// Where the answer to this request comes from.
#[Object]
impl Meta {
    /// What the answer was computed at: every field of one request sees these same blocks. Also found in `extensions.snapshot`.
    async fn snapshot(&self, ctx: &Context<'_>) -> Result<Vec<ChainSnapshot>, ApiError> {
        Ok(Session::of(ctx)
            .snapshot()
            .await?
            .chains
            .values()
            .map(Into::into)
            .collect())
    }

    /// What the answer was computed at as far as the exchange goes, per group; empty where none runs. Also found in `extensions.exchange` where
    /// something was asked of it.
    async fn exchange(&self, ctx: &Context<'_>) -> Result<Vec<GroupSnapshot>, ApiError> {
        let session = Session::of(ctx);
        if session.exchange().is_err() {
            return Ok(Vec::new());
        }
        let tables = session.exchange_tables().await?;
        let snapshot = |(group, live): (&GroupId, &LiveGroup)| {
            let tables = tables.iter().find(|tables| tables.group == *group);
            GroupSnapshot {
                group: Long::saturating(group.0.into()),
                command_number: Long::saturating(live.number.0),
                tables_command_number: tables.map_or(Long(0), |tables| Long::saturating(tables.command.0)),
                stream: group.event_stream(),
                next_sequence: tables.map_or(Long(0), |tables| Long::saturating(tables.next_sequence)),
            }
        };
        Ok(session.live()?.groups.iter().map(snapshot).collect())
    }

    /// What the answer was computed at as far as payouts go, per registry; empty where they are not followed. Also found in `extensions.payouts`
    /// where something was asked of them.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn payouts(&self, ctx: &Context<'_>) -> Result<Vec<PayoutSnapshot>, ApiError> {
        payout_snapshots(&Session::of(ctx)).await
    }

    /// The newest block that each chain's node told of, where an indexer of it runs in this process.
    async fn chain_heads(&self, ctx: &Context<'_>) -> Vec<ChainHead> {
        let reports = (ctx.data_unchecked::<StatusSources>().indexers)();
        reports
            .into_iter()
            .filter_map(|report| {
                Some(ChainHead {
                    chain_id: report.chain_id,
                    number: report.node_head?,
                })
            })
            .collect()
    }

    /// How far each chain's tables are behind.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn lag(&self, ctx: &Context<'_>) -> Result<Vec<ChainLag>, ApiError> {
        let session = Session::of(ctx);
        let status = ctx.data_unchecked::<StatusSources>();
        let rows = session.snapshot().await?.chains.values();
        futures::future::try_join_all(rows.map(|row| status.lag(row))).await
    }

    /// Every error code with its meaning.
    async fn error_codes(&self) -> Vec<ErrorDescription> {
        ErrorCode::ALL
            .iter()
            .map(|code| ErrorDescription {
                code: *code,
                meaning: code.meaning().into(),
            })
            .collect()
    }
}

/// The newest block that a chain's node told of.
#[derive(Clone, Debug, SimpleObject)]
pub struct ChainHead {
    /// The chain.
    chain_id: ChainId,
    /// The block's number.
    number: Long,
}
