//! Chains, blocks, and the place of a log: the facts behind every other fact.

use async_graphql::{ID, Object, SimpleObject};

use super::connection::{Connection, PageArguments, page_cost};
use super::event::{ProvenanceEvent, QuarantinedLog};
use super::nodes::GlobalId;
use crate::error::ApiError;
use crate::scalars::{Bytes32, ChainId, Long};
use crate::session::{AsOf, Pin, Session};
use crate::status::{ChainLag, IndexerReport, StatusSources};
use crate::store::ChainRow;
use crate::store::blocks::BlockRow;
use crate::store::events::{OfChain, Quarantined};
use crate::store::listing::Scope;
use crate::store::loaders::{BlockByNumber, EventsOfLog, QuarantineCount};

/// A chain that is indexed.
pub struct Chain {
    pub(super) session: Session,
    pub(super) row: ChainRow,
}

/// A chain that is indexed, and how far.
#[Object]
impl Chain {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Chain(self.row.chain).write()
    }

    /// The chain as CAIP-2.
    async fn chain_id(&self) -> ChainId {
        self.row.chain
    }

    /// The newest block that answers are made of; null before the first.
    async fn head(&self) -> Result<Option<Block>, ApiError> {
        match self.row.head_number {
            Some(number) => Block::load(&self.session, self.row.chain, number).await,
            None => Ok(None),
        }
    }

    /// The newest block that the chain promises to keep, as far as is known.
    async fn finalized(&self) -> Option<BlockId> {
        let (number, hash) = (self.row.finalized_number?, self.row.finalized_hash?);
        Some(BlockId {
            number: Long(number),
            hash,
        })
    }

    /// The first block that is indexed.
    async fn start_block(&self) -> Long {
        Long(self.row.start_block)
    }

    /// Hash of block 0, by which chains with the same number are told apart.
    async fn genesis_hash(&self) -> Bytes32 {
        self.row.genesis_hash
    }

    /// The event-log stream that holds the chain.
    async fn stream(&self) -> &str {
        &self.row.stream
    }

    /// The stream's number among those of the chain; a changed set of watched contracts begins a new one.
    async fn generation(&self) -> i32 {
        self.row.generation
    }

    /// The next record of the stream that the tables do not hold yet.
    async fn next_sequence(&self) -> Long {
        Long(self.row.next_sequence)
    }

    /// Which decoder made events of logs.
    async fn decoder_version(&self) -> i32 {
        self.row.decoder_version
    }

    /// How many watched logs could not be decoded.
    #[graphql(complexity = 5)]
    async fn quarantine_count(&self) -> Result<Long, ApiError> {
        Ok(Long(
            self.session.load(QuarantineCount(self.row.chain.0)).await?.unwrap_or(0),
        ))
    }

    /// How far the tables are behind the stream, and the stream behind the node.
    #[graphql(complexity = 5)]
    async fn lag(&self, ctx: &async_graphql::Context<'_>) -> Result<ChainLag, ApiError> {
        ctx.data_unchecked::<StatusSources>().lag(&self.row).await
    }

    /// What the indexer of this chain reports; null where none runs in this process.
    async fn indexer(&self, ctx: &async_graphql::Context<'_>) -> Option<IndexerReport> {
        ctx.data_unchecked::<StatusSources>().report(self.row.chain.0)
    }

    /// Everything that happened on the chain, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn events(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only what had happened then.")] as_of: Option<AsOf>,
    ) -> Result<Connection<ProvenanceEvent>, ApiError> {
        let scope = self.scope(as_of).await?;
        let (session, pin) = (self.session.clone(), Pin::Head);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            OfChain(scope),
            move |row| ProvenanceEvent {
                session: session.clone(),
                pin,
                row,
            },
        )
        .await
    }

    /// Watched logs that could not be decoded, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn quarantine(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<QuarantinedLog>, ApiError> {
        let scope = self.scope(None).await?;
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            Quarantined(scope),
            QuarantinedLog,
        )
        .await
    }
}

impl Chain {
    async fn scope(&self, as_of: Option<AsOf>) -> Result<Scope, ApiError> {
        let chain = self.row.chain.0;
        let moment = self.session.moment(Pin::Head.or(as_of, chain), chain).await?;
        Ok(Scope {
            chain,
            key: Vec::new(),
            at: moment.block,
            time: moment.time,
        })
    }
}

/// A block by number and hash.
#[derive(Clone, Debug, SimpleObject)]
pub struct BlockId {
    /// Height; the first block of a chain is 0.
    pub number: Long,
    /// Hash of the header.
    pub hash: Bytes32,
}

/// A canonical block.
pub struct Block {
    chain: ChainId,
    row: BlockRow,
}

impl Block {
    /// A block by number, if it is indexed.
    pub(super) async fn load(session: &Session, chain: ChainId, number: i64) -> Result<Option<Block>, ApiError> {
        let row = session.load(BlockByNumber((chain.0, number))).await?;
        Ok(row.map(|row| Block { chain, row }))
    }
}

/// A canonical block of a chain.
#[Object]
impl Block {
    /// The chain.
    async fn chain_id(&self) -> ChainId {
        self.chain
    }

    /// Height; the first block of a chain is 0.
    async fn number(&self) -> Long {
        self.row.number
    }

    /// Hash of the header.
    async fn hash(&self) -> Bytes32 {
        self.row.hash
    }

    /// Hash of the block before.
    async fn parent_hash(&self) -> Bytes32 {
        self.row.parent_hash
    }

    /// Unix time in seconds.
    async fn time(&self) -> Long {
        self.row.timestamp
    }
}

/// The log that made a fact true.
#[derive(Clone)]
pub struct Origin {
    pub(super) session: Session,
    pub(super) pin: Pin,
    pub(super) chain: ChainId,
    pub(super) block: Long,
    pub(super) log_index: i32,
}

/// The log that made a fact true: where to look it up on the chain.
#[Object]
impl Origin {
    /// The chain.
    async fn chain_id(&self) -> ChainId {
        self.chain
    }

    /// The number of its block.
    async fn block_number(&self) -> Long {
        self.block
    }

    /// Its index within the block.
    async fn log_index(&self) -> i32 {
        self.log_index
    }

    /// Its block.
    async fn block(&self) -> Result<Option<Block>, ApiError> {
        Block::load(&self.session, self.chain, self.block.0).await
    }

    /// The transaction that emitted it.
    async fn transaction_hash(&self) -> Result<Option<Bytes32>, ApiError> {
        let events = self
            .session
            .load(EventsOfLog((self.chain.0, self.block.0, self.log_index)))
            .await?;
        Ok(events.and_then(|events| events.first().map(|event| event.transaction_hash)))
    }

    /// The events that were decoded from it; several for a batch transfer.
    #[graphql(complexity = "1 + 2 * child_complexity")]
    async fn events(&self) -> Result<Vec<ProvenanceEvent>, ApiError> {
        let events = self
            .session
            .load(EventsOfLog((self.chain.0, self.block.0, self.log_index)))
            .await?;
        let event = |row| ProvenanceEvent {
            session: self.session.clone(),
            pin: self.pin,
            row,
        };
        Ok(events.unwrap_or_default().into_iter().map(event).collect())
    }
}
