//! Executions: who asked whom to use an asset, on which data, what came of it, and who questions that.

use async_graphql::{Enum, Object, Union};
use souk_schema::TokenRef;

use super::account::Account;
use super::asset::{Asset, AssetRef};
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::contribution::{Contribution, Revenue};
use super::economy::{Around, RecordId, seconds};
use super::execution_round::FederatedRound;
use super::kinds::{ExecutionKind, PrivacyMode};
use crate::error::ApiError;
use crate::scalars::{Address, AssetId, BigInt, Bytes32, Key, Long};
use crate::store::executions::{CallsOf, ChallengeRow, ChallengesOf, ExecutionByKey, ExecutionRow};
use crate::store::payouts::RevenueByKey;

/// Which role an asset has in an execution.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionRole {
    /// It is what is executed.
    Runs,
    /// It came of it.
    Output,
    /// It is used as a dataset.
    Dataset,
    /// It asked for it: an agent that calls another.
    Caller,
}

/// Which role an account has in an execution.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountExecutionRole {
    /// It asked for it, and pays.
    Requester,
    /// It does it, and is paid.
    Provider,
}

/// How far an execution is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionState {
    /// It was asked for, and its fee is in escrow.
    Requested,
    /// The provider says that it is done, and was paid.
    Completed,
    /// It will not be done, and its fee went back.
    Cancelled,
}

/// What became of a challenge.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeState {
    /// It is not decided; what the execution earned is held.
    Open,
    /// The challenger was right: the output's derivations are disputed, and the provider's contribution is voided.
    Upheld,
    /// The challenger was wrong.
    Dismissed,
    /// Nobody decided it in time: the challenger has the bond back, and the execution stands.
    Lapsed,
}

/// What used data or backs a derivation.
#[derive(Union)]
pub enum Use {
    /// An execution.
    Execution(Box<Execution>),
    /// A round of federated learning.
    Round(Box<FederatedRound>),
}

impl Use {
    /// An execution or a round by its key.
    pub(super) async fn load(around: &Around, key: Key, is_round: bool) -> Result<Option<Use>, ApiError> {
        Ok(if is_round {
            let round = FederatedRound::load(around, key).await?;
            round.map(|round| Use::Round(Box::new(round)))
        } else {
            let execution = Execution::load(around, key).await?;
            execution.map(|execution| Use::Execution(Box::new(execution)))
        })
    }
}

/// A use of an asset.
#[derive(Clone)]
pub struct Execution {
    around: Around,
    row: ExecutionRow,
}

impl Execution {
    /// Makes executions of rows.
    pub(super) fn maker(around: &Around) -> impl Fn(ExecutionRow) -> Execution + use<> {
        let around = around.clone();
        move |row| Execution {
            around: around.clone(),
            row,
        }
    }

    /// An execution by its key, if it was asked for as of the moment.
    pub(super) async fn load(around: &Around, key: Key) -> Result<Option<Execution>, ApiError> {
        let row = around.only(ExecutionByKey(around.scope(key).await?)).await?;
        Ok(row.map(Execution::maker(around)))
    }
}

/// A use of an asset: training, fine-tuning, inference, evaluation.
#[Object]
impl Execution {
    /// The execution's id, by which `execution` finds it.
    async fn execution_id(&self) -> RecordId {
        self.around.record(self.row.execution_key)
    }

    /// The execution log that keeps it.
    async fn log(&self) -> Address {
        Address(self.row.execution_key.0.contract)
    }

    /// Its number in the log.
    async fn number(&self) -> BigInt {
        self.row.execution_key.0.id.into()
    }

    /// What is executed.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        self.around.asset(self.row.asset_key).await
    }

    /// What is done with it.
    async fn kind(&self) -> Result<ExecutionKind, ApiError> {
        ExecutionKind::from_table(self.row.kind)
    }

    /// How far it is.
    async fn state(&self) -> ExecutionState {
        if self.row.completed_block.is_some() {
            ExecutionState::Completed
        } else if self.row.cancelled_block.is_some() {
            ExecutionState::Cancelled
        } else {
            ExecutionState::Requested
        }
    }

    /// Who asked for it.
    async fn requester(&self) -> Account {
        self.around.account(self.row.requester)
    }

    /// The asset that asked for it; null where it was no agent.
    async fn caller(&self) -> Option<AssetRef> {
        Some(self.around.named(self.row.caller_key?.0))
    }

    /// The execution in the course of which it was asked for; null where it was none.
    async fn called_by(&self) -> Result<Option<Execution>, ApiError> {
        match self.row.parent_key {
            Some(key) => Execution::load(&self.around, key).await,
            None => Ok(None),
        }
    }

    /// The executions that were asked for in the course of it, newest first: agents that call agents.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn calls(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Execution>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let list = CallsOf(self.around.scope(self.row.execution_key).await?);
        Connection::of(&self.around.session, arguments, list, Execution::maker(&self.around)).await
    }

    /// Who is to do it.
    async fn provider(&self) -> Account {
        self.around.account(self.row.provider)
    }

    /// The number of the licence series under which the requester may; null where none is needed.
    async fn license_number(&self) -> Option<BigInt> {
        Some(self.row.license_id).filter(|license| !license.0.is_zero())
    }

    /// The ERC-20 that it is paid in, as CAIP-19.
    async fn fee_currency(&self) -> AssetId {
        self.around.erc20(self.row.fee_token)
    }

    /// What it costs, in base units of the currency.
    async fn fee(&self) -> BigInt {
        self.row.fee
    }

    /// The datasets that it uses beside the asset; 32 at most.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn datasets(&self) -> Vec<AssetRef> {
        let read = |key: &Vec<u8>| TokenRef::try_from(key.as_slice()).ok();
        let keys = self.row.dataset_keys.iter().filter_map(read);
        keys.map(|token| self.around.named(token)).collect()
    }

    /// How the data is kept private.
    async fn privacy(&self) -> Result<PrivacyMode, ApiError> {
        PrivacyMode::from_table(self.row.privacy)
    }

    /// What it costs each dataset in differential privacy, in millionths of an epsilon.
    async fn epsilon_micros(&self) -> BigInt {
        self.row.epsilon_micros
    }

    /// Commitment to the input.
    async fn input_hash(&self) -> Bytes32 {
        self.row.input_hash
    }

    /// Unix time in seconds after which it may be cancelled.
    async fn deadline(&self) -> Long {
        seconds(self.row.deadline)
    }

    /// What came of it; null until it is completed.
    async fn completion(&self) -> Option<ExecutionCompletion> {
        let row = &self.row;
        Some(ExecutionCompletion {
            around: self.around.clone(),
            output: row.output_key,
            output_hash: row.output_hash?,
            metered_units: row.metered_units?,
            revenue: row.revenue_key,
            contribution: row.contribution_key,
            block: row.completed_block?,
            log_index: row.completed_log_index?,
        })
    }

    /// What went back to the requester; null unless it was cancelled.
    async fn refund(&self) -> Option<BigInt> {
        self.row.refund
    }

    /// Who questions it, oldest first, and what became of that.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn challenges(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Challenge>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let list = ChallengesOf(self.around.scope(self.row.execution_key).await?);
        let around = self.around.clone();
        Connection::of(&self.around.session, arguments, list, move |row| Challenge {
            around: around.clone(),
            row,
        })
        .await
    }

    /// The log that asked for it.
    async fn requested(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }

    /// The log that cancelled it; null unless it was.
    async fn cancelled(&self) -> Option<Origin> {
        self.around
            .origin_of(self.row.cancelled_block, self.row.cancelled_log_index)
    }
}

/// What came of an execution.
pub struct ExecutionCompletion {
    around: Around,
    output: Option<Key>,
    output_hash: Bytes32,
    metered_units: BigInt,
    revenue: Option<Key>,
    contribution: Option<Key>,
    block: Long,
    log_index: i32,
}

/// What came of an execution, as its provider says.
#[Object]
impl ExecutionCompletion {
    /// The asset that came of it; null where none did.
    async fn output(&self) -> Option<AssetRef> {
        Some(self.around.named(self.output?.0))
    }

    /// Commitment to the output.
    async fn output_hash(&self) -> Bytes32 {
        self.output_hash
    }

    /// How much was used, in the asset's own unit.
    async fn metered_units(&self) -> BigInt {
        self.metered_units
    }

    /// The revenue that the fee became; null where there was no fee.
    async fn revenue(&self) -> Result<Option<Revenue>, ApiError> {
        let Some(key) = self.revenue else { return Ok(None) };
        let (around, key) = (&self.around, key.0.key().as_bytes().to_vec());
        // The router says so in the same transaction.
        let found = around
            .session
            .load(RevenueByKey((around.chain.0, self.block.0, key)))
            .await?;
        let revenue = Revenue::maker(&around.session, around.pin, around.chain);
        Ok(found.map(|earned| revenue(earned.revenue)))
    }

    /// The provider's contribution to the output; null where none was recorded, and where it was voided since.
    async fn contribution(&self) -> Result<Option<Contribution>, ApiError> {
        self.around.contribution(self.contribution).await
    }

    /// The log that says so.
    async fn completed(&self) -> Origin {
        self.around.origin(self.block, self.log_index)
    }
}

/// That somebody questions an execution.
pub struct Challenge {
    around: Around,
    row: ChallengeRow,
}

/// That somebody says, with a bond, that an execution was not what its provider claims.
#[Object]
impl Challenge {
    /// The challenge's id.
    async fn challenge_id(&self) -> RecordId {
        self.around.record(self.row.challenge_key)
    }

    /// Its number in the execution log.
    async fn number(&self) -> BigInt {
        self.row.challenge_key.0.id.into()
    }

    /// Who says so.
    async fn challenger(&self) -> Account {
        self.around.account(self.row.challenger)
    }

    /// What became of it.
    async fn state(&self) -> ChallengeState {
        match self.row.upheld {
            None => ChallengeState::Open,
            Some(true) => ChallengeState::Upheld,
            Some(false) if self.row.bond_to == Some(self.row.challenger) => ChallengeState::Lapsed,
            Some(false) => ChallengeState::Dismissed,
        }
    }

    /// What the challenger loses if wrong, in base units.
    async fn bond(&self) -> BigInt {
        self.row.bond
    }

    /// Who got the bond; null until it is resolved.
    async fn bond_to(&self) -> Option<Account> {
        Some(self.around.account(self.row.bond_to?))
    }

    /// Commitment to the evidence.
    async fn evidence_hash(&self) -> Bytes32 {
        self.row.evidence_hash
    }

    /// Where the evidence is.
    async fn evidence_uri(&self) -> &str {
        &self.row.evidence_uri
    }

    /// The contribution that was voided for it; null where none was.
    async fn voided_contribution_id(&self) -> Option<RecordId> {
        Some(self.around.record(self.row.voided_contribution_key?))
    }

    /// The log that raised it.
    async fn raised(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }

    /// The log that resolved it; null until then.
    async fn resolved(&self) -> Option<Origin> {
        self.around
            .origin_of(self.row.resolved_block, self.row.resolved_log_index)
    }
}
