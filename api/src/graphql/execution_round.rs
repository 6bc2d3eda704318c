//! Rounds of federated learning: training where the data is, and gathering what was learnt.

use async_graphql::Object;

use super::account::Account;
use super::asset::{Asset, AssetRef};
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::contribution::Contribution;
use super::economy::{Around, RecordId, seconds};
use super::kinds::PrivacyMode;
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};
use crate::store::executions::{RoundByKey, RoundRow, UpdateRow, UpdatesOf};

/// A round of federated learning.
#[derive(Clone)]
pub struct FederatedRound {
    around: Around,
    row: RoundRow,
}

impl FederatedRound {
    /// Makes rounds of rows.
    pub(super) fn maker(around: &Around) -> impl Fn(RoundRow) -> FederatedRound + use<> {
        let around = around.clone();
        move |row| FederatedRound {
            around: around.clone(),
            row,
        }
    }

    /// A round by its key, if it was opened as of the moment.
    pub(super) async fn load(around: &Around, key: Key) -> Result<Option<FederatedRound>, ApiError> {
        let row = around.only(RoundByKey(around.scope(key).await?)).await?;
        Ok(row.map(FederatedRound::maker(around)))
    }
}

/// A round of federated learning: participants train where their data is, and a coordinator gathers what they learnt.
#[Object]
impl FederatedRound {
    /// The round's id, by which `federatedRound` finds it.
    async fn round_id(&self) -> RecordId {
        self.around.record(self.row.round_key)
    }

    /// The execution log that keeps it.
    async fn log(&self) -> Address {
        Address(self.row.round_key.0.contract)
    }

    /// Its number among the asset's rounds, from 1.
    async fn number(&self) -> Long {
        self.row.number
    }

    /// What is trained.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        self.around.asset(self.row.asset_key).await
    }

    /// Who gathers the updates.
    async fn coordinator(&self) -> Account {
        self.around.account(self.row.coordinator)
    }

    /// How the data is kept private.
    async fn privacy(&self) -> Result<PrivacyMode, ApiError> {
        PrivacyMode::from_table(self.row.privacy)
    }

    /// What it costs each dataset in differential privacy, in millionths of an epsilon.
    async fn epsilon_micros(&self) -> BigInt {
        self.row.epsilon_micros
    }

    /// Commitment to what the round starts from.
    async fn base_hash(&self) -> Bytes32 {
        self.row.base_hash
    }

    /// Unix time in seconds until which updates may be submitted.
    async fn deadline(&self) -> Long {
        seconds(self.row.deadline)
    }

    /// What participants submitted, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn updates(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<RoundUpdate>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let list = UpdatesOf(self.around.scope(self.row.round_key).await?);
        let around = self.around.clone();
        Connection::of(&self.around.session, arguments, list, move |row| RoundUpdate {
            around: around.clone(),
            row,
        })
        .await
    }

    /// What came of it; null until it is aggregated.
    async fn aggregation(&self) -> Option<RoundAggregation> {
        Some(RoundAggregation {
            around: self.around.clone(),
            output: self.row.output_key,
            result_hash: self.row.result_hash?,
            participants: self.row.participants?,
            block: self.row.aggregated_block?,
            log_index: self.row.aggregated_log_index?,
        })
    }

    /// The log that opened it.
    async fn opened(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }
}

/// What came of a round.
pub struct RoundAggregation {
    around: Around,
    output: Option<Key>,
    result_hash: Bytes32,
    participants: BigInt,
    block: Long,
    log_index: i32,
}

/// What came of a round.
#[Object]
impl RoundAggregation {
    /// The asset that came of it; null where none did.
    async fn output(&self) -> Option<AssetRef> {
        Some(self.around.named(self.output?.0))
    }

    /// Commitment to the result.
    async fn result_hash(&self) -> Bytes32 {
        self.result_hash
    }

    /// How many participants' updates went in.
    async fn participants(&self) -> BigInt {
        self.participants
    }

    /// The log that says so.
    async fn aggregated(&self) -> Origin {
        self.around.origin(self.block, self.log_index)
    }
}

/// What a participant of a round learnt.
pub struct RoundUpdate {
    around: Around,
    row: UpdateRow,
}

/// What a participant of a round learnt from its data.
#[Object]
impl RoundUpdate {
    /// Who learnt it.
    async fn participant(&self) -> Account {
        self.around.account(self.row.participant)
    }

    /// From which dataset; null where the data is no asset.
    async fn dataset(&self) -> Option<AssetRef> {
        Some(self.around.named(self.row.dataset_key?.0))
    }

    /// Commitment to the update.
    async fn update_hash(&self) -> Bytes32 {
        self.row.update_hash
    }

    /// The update's weight in the aggregate.
    async fn weight(&self) -> BigInt {
        self.row.weight
    }

    /// Whether it went into the aggregate; null until the round is aggregated.
    async fn is_aggregated(&self) -> Option<bool> {
        self.row.is_aggregated
    }

    /// The contribution that was recorded for it; null where none was, and where it was voided since.
    async fn contribution(&self) -> Result<Option<Contribution>, ApiError> {
        self.around.contribution(self.row.contribution_key).await
    }

    /// The log that submitted it.
    async fn submitted(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }
}
