//! Use of assets: executions, rounds of federated learning, and challenges of what a provider claims to have computed.
//!
//! Cancelling, challenging and what happens within a round name the execution or the round, not its asset.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use super::{ExecutionKind, PrivacyMode};
use crate::id::TokenRef;

/// Somebody asked for an execution and put its fee in escrow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRequested {
    /// The execution, by its id in its log.
    pub execution: TokenRef,
    /// The asset that is executed.
    pub asset: TokenRef,
    /// By whom.
    pub requester: Address,
    /// The asset that asked, where it was an agent.
    pub caller: Option<TokenRef>,
    /// The execution in the course of which it was asked for.
    pub parent: Option<TokenRef>,
    /// What is to be done.
    pub kind: ExecutionKind,
    /// The licence series under which the requester may; 0 where none is needed.
    #[serde(with = "crate::amount::decimal")]
    pub license_id: U256,
    /// Who is to do it.
    pub provider: Address,
    /// The ERC-20 that it is paid in.
    pub fee_token: Address,
    /// How much, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub fee: U256,
    /// How the data is kept private.
    pub privacy: PrivacyMode,
    /// What it costs each dataset in differential privacy, in millionths of an epsilon.
    pub epsilon_micros: u64,
    /// The datasets that it uses beside the asset.
    pub datasets: Vec<TokenRef>,
    /// Commitment to the input.
    pub input_hash: B256,
    /// Unix time in seconds after which it may be cancelled.
    pub deadline: u64,
}

/// A provider says that it did what was asked for, and was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionCompleted {
    /// The execution.
    pub execution: TokenRef,
    /// The asset that was executed.
    pub asset: TokenRef,
    /// By whom.
    pub provider: Address,
    /// The asset that came of it.
    pub output: Option<TokenRef>,
    /// Commitment to the output.
    pub output_hash: B256,
    /// How much was used, in the asset's own unit.
    pub metered_units: u64,
    /// The revenue that the fee became.
    pub revenue: Option<TokenRef>,
    /// The contribution to the output that was recorded for the provider.
    pub contribution: Option<TokenRef>,
}

/// An execution will not be done, and its fee went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionCancelled {
    /// The execution.
    pub execution: TokenRef,
    /// What went back to the requester, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub refund: U256,
}

/// A round of federated learning began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundOpened {
    /// The round, by its id in its log.
    pub round: TokenRef,
    /// The asset that is trained.
    pub asset: TokenRef,
    /// By whom.
    pub coordinator: Address,
    /// Its number among the asset's rounds.
    pub number: u32,
    /// How the data is kept private.
    pub privacy: PrivacyMode,
    /// What it costs each dataset in differential privacy, in millionths of an epsilon.
    pub epsilon_micros: u64,
    /// Commitment to what the round starts from.
    pub base_hash: B256,
    /// Unix time in seconds until which updates may be submitted.
    pub deadline: u64,
}

/// A participant of a round submitted what it learnt from a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSubmitted {
    /// The round.
    pub round: TokenRef,
    /// By whom.
    pub participant: Address,
    /// From which dataset, where that is an asset.
    pub dataset: Option<TokenRef>,
    /// Commitment to the update.
    pub update_hash: B256,
    /// The update's weight in the aggregate.
    #[serde(with = "crate::amount::decimal")]
    pub weight: U256,
}

/// The updates of a round became an asset, and its participants contributors to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundAggregated {
    /// The round.
    pub round: TokenRef,
    /// The asset that came of it.
    pub output: Option<TokenRef>,
    /// Commitment to the result.
    pub result_hash: B256,
    /// The first of the contributions that were recorded, one after the other, for the participants.
    pub first_contribution: Option<TokenRef>,
    /// How many participants there were.
    #[serde(with = "crate::amount::decimal")]
    pub participants: U256,
}

/// Somebody says, with a bond, that an execution was not what its provider claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionChallenged {
    /// The challenge, by its id in the execution log.
    pub challenge: TokenRef,
    /// The execution.
    pub execution: TokenRef,
    /// By whom.
    pub challenger: Address,
    /// What the challenger loses if wrong, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub bond: U256,
    /// Commitment to the evidence.
    pub evidence_hash: B256,
    /// Where the evidence is.
    pub evidence_uri: String,
}

/// A challenge was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeResolved {
    /// The challenge.
    pub challenge: TokenRef,
    /// The execution.
    pub execution: TokenRef,
    /// Whether the challenger was right.
    pub upheld: bool,
    /// Who got the bond.
    pub bond_to: Address,
    /// How much that was, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub bond: U256,
    /// The provider's contribution that was voided for it.
    pub voided_contribution: Option<TokenRef>,
}
