//! Decoded events, and logs that could not be decoded.

use async_graphql::{Json, Object};

use super::asset::Asset;
use super::chain::Block;
use super::connection::write_cursor;
use super::token::Token;
use crate::error::ApiError;
use crate::scalars::{Address, Bytes, Bytes32, ChainId, Long};
use crate::session::{Pin, Session};
use crate::store::events::{EventRow, QuarantineRow};

/// Something that happened.
#[derive(Clone)]
pub struct ProvenanceEvent {
    pub(super) session: Session,
    pub(super) pin: Pin,
    pub(super) row: EventRow,
}

/// Something that happened on a chain, as a contract's log tells it.
#[Object]
impl ProvenanceEvent {
    /// What happened: `asset_registered`, `derivation_declared`, `token_transferred` and so on.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// The chain.
    async fn chain_id(&self) -> ChainId {
        self.row.chain
    }

    /// The number of the block.
    async fn block_number(&self) -> Long {
        self.row.block_number
    }

    /// The index of the log within the block.
    async fn log_index(&self) -> i32 {
        self.row.log_index
    }

    /// Which event of the log: a batch transfer holds several.
    async fn ordinal(&self) -> i32 {
        self.row.ordinal
    }

    /// Where the event is in the list of an asset's events.
    async fn cursor(&self) -> String {
        write_cursor(
            "events",
            &[
                self.row.block_number.0.to_string(),
                self.row.log_index.to_string(),
                self.row.ordinal.to_string(),
            ],
        )
    }

    /// The block.
    async fn block(&self) -> Result<Option<Block>, ApiError> {
        Block::load(&self.session, self.row.chain, self.row.block_number.0).await
    }

    /// The transaction that emitted the log.
    async fn transaction_hash(&self) -> Bytes32 {
        self.row.transaction_hash
    }

    /// The contract that emitted the log.
    async fn contract(&self) -> Address {
        self.row.contract
    }

    /// The asset that it is about; null where it is about another token, or none.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        match self.row.subject_key {
            Some(key) => Asset::by_key(&self.session, self.pin, self.row.chain.0, key.0).await,
            None => Ok(None),
        }
    }

    /// The token that it is about; null where it is about none.
    async fn token(&self) -> Option<Token> {
        let standard = match (
            self.row.name.as_str(),
            self.row.body.get("standard").and_then(|standard| standard.as_str()),
        ) {
            (_, Some("erc20")) => souk_schema::TokenStandard::Erc20,
            (_, Some("erc1155")) | ("license_revoked", _) => souk_schema::TokenStandard::Erc1155,
            _ => souk_schema::TokenStandard::Erc721,
        };
        let key = self.row.subject_key?;
        Some(Token::new(&self.session, self.pin, self.row.chain.0, standard, key.0))
    }

    /// Everything that it says. Amounts and ids are strings of decimal digits, addresses and hashes are hex.
    async fn body(&self) -> Json<serde_json::Value> {
        Json(self.row.body.clone())
    }
}

/// A watched log that no adapter could decode.
#[derive(Clone)]
pub struct QuarantinedLog(pub QuarantineRow);

/// A watched log that no adapter could decode. It is kept until a newer decoder can.
#[Object]
impl QuarantinedLog {
    /// The chain.
    async fn chain_id(&self) -> ChainId {
        self.0.chain
    }

    /// The number of its block.
    async fn block_number(&self) -> Long {
        self.0.block_number
    }

    /// Its index within the block.
    async fn log_index(&self) -> i32 {
        self.0.log_index
    }

    /// The transaction that emitted it.
    async fn transaction_hash(&self) -> Bytes32 {
        self.0.transaction_hash
    }

    /// The contract that emitted it.
    async fn contract(&self) -> Address {
        self.0.contract
    }

    /// Its topics.
    async fn topics(&self) -> Vec<Bytes> {
        self.0.topics.iter().cloned().map(Bytes).collect()
    }

    /// Its data.
    async fn data(&self) -> &Bytes {
        &self.0.data
    }

    /// Why it could not be decoded.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Which decoder tried.
    async fn decoder_version(&self) -> i32 {
        self.0.decoder_version
    }
}
