//! Where an answer comes from: the blocks it was computed at (API-1), how far behind they are, and what error codes mean.

use async_graphql::{Context, Object, SimpleObject, Value};

use super::chain::BlockId;
use crate::error::{ApiError, ErrorCode};
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
