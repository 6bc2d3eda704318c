//! Work for reward: tasks, what was submitted for them, what reviewers said, what was paid.
//!
//! Only a task's posting names the asset; what follows names the task.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use super::{ContributionRole, TaskMode};
use crate::id::TokenRef;

/// Work on an asset was offered, and what it will be paid with put in escrow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPosted {
    /// The task, by its id on its board.
    pub task: TokenRef,
    /// The asset that it is done for.
    pub asset: TokenRef,
    /// Who pays.
    pub poster: Address,
    /// How.
    pub mode: TaskMode,
    /// As what the work is recorded in the asset's contributions.
    pub role: ContributionRole,
    /// What is paid: an ERC-20, or the contract of the shares.
    pub reward_token: Address,
    /// How much of it for each accepted submission, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub reward: U256,
    /// The second ERC-20 of a dual reward; else zero.
    pub second_token: Address,
    /// How much of that for each accepted submission, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub second_reward: U256,
    /// How many submissions may be accepted.
    pub places: u32,
    /// How many accepting reviews accept one.
    pub quorum: u8,
    /// Unix time in seconds until which work may be submitted.
    pub deadline: u64,
    /// The weight of each contribution that comes of it.
    #[serde(with = "crate::amount::decimal")]
    pub weight: U256,
    /// Who may review.
    pub reviewers: Vec<Address>,
    /// Commitment to the description.
    pub spec_hash: B256,
    /// Where the description is.
    pub spec_uri: String,
}

/// Somebody did the work of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionMade {
    /// The submission, by its id on the board.
    pub submission: TokenRef,
    /// The task.
    pub task: TokenRef,
    /// By whom.
    pub worker: Address,
    /// Commitment to the work.
    pub content_hash: B256,
    /// Where the work is.
    pub content_uri: String,
}

/// A reviewer judged a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionReviewed {
    /// The submission.
    pub submission: TokenRef,
    /// Its task.
    pub task: TokenRef,
    /// By whom.
    pub reviewer: Address,
    /// How.
    pub accepted: bool,
    /// Commitment to the reviewer's reasons.
    pub note_hash: B256,
}

/// A submission can be accepted no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionRejected {
    /// The submission.
    pub submission: TokenRef,
    /// Its task.
    pub task: TokenRef,
    /// Whose work it was.
    pub worker: Address,
}

/// An accepted submission was paid in one of its task's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardPaid {
    /// The submission.
    pub submission: TokenRef,
    /// Its task.
    pub task: TokenRef,
    /// Who was paid.
    pub worker: Address,
    /// In which token.
    pub token: Address,
    /// How much, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub amount: U256,
    /// The contribution that was recorded for the work.
    pub contribution: Option<TokenRef>,
}

/// A task is over, and what was left in escrow went back to its poster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskClosed {
    /// The task.
    pub task: TokenRef,
    /// How many submissions were accepted.
    pub accepted: u32,
    /// What went back of the reward, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub refund: U256,
    /// What went back of the second reward, in base units.
    #[serde(with = "crate::amount::decimal")]
    pub second_refund: U256,
}
