//! Tasks: work for reward, what was submitted for it, what reviewers said, what was paid.

use async_graphql::{Enum, Object};
use souk_schema::{Address as RawAddress, TokenRef, TokenStandard};

use super::account::Account;
use super::asset::Asset;
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::contribution::Contribution;
use super::economy::{Around, RecordId, seconds};
use super::kinds::{ContributionRole, TaskMode};
use super::token::Token;
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};
use crate::store::tasks::{
    ReviewRow, ReviewsOf, RewardRow, RewardsOf, SubmissionByKey, SubmissionRow, SubmissionsOfTask, TaskByKey, TaskRow,
};

/// How far a task is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Work may be submitted.
    Open,
    /// As many submissions as it has places for were accepted.
    Full,
    /// Its deadline is past: reviewers may still judge what was submitted in time.
    Review,
    /// It is over, and what was left in escrow went back.
    Closed,
}

impl TaskState {
    /// The key of the tasks of a chain that are in the state.
    pub(super) fn key(self) -> Vec<u8> {
        vec![match self {
            TaskState::Open => 0,
            TaskState::Full => 1,
            TaskState::Review => 2,
            TaskState::Closed => 3,
        }]
    }
}

/// What became of a submission.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmissionState {
    /// Not enough reviewers have judged it.
    Open,
    /// It was accepted and paid.
    Accepted,
    /// It can be accepted no more.
    Rejected,
}

/// Work that was offered for a reward.
#[derive(Clone)]
pub struct Task {
    around: Around,
    /// By which the deadline is judged.
    time: i64,
    row: TaskRow,
}

impl Task {
    /// Makes tasks of rows, whose deadline is judged at a Unix time in seconds.
    pub(super) fn maker(around: &Around, time: i64) -> impl Fn(TaskRow) -> Task + use<> {
        let around = around.clone();
        move |row| Task {
            around: around.clone(),
            time,
            row,
        }
    }

    /// A task by its key, if it was posted as of the moment.
    pub(super) async fn load(around: &Around, key: Key) -> Result<Option<Task>, ApiError> {
        let scope = around.scope(key).await?;
        let time = scope.time;
        Ok(around.only(TaskByKey(scope)).await?.map(Task::maker(around, time)))
    }
}

/// Work on an asset that was offered for a reward, which is in escrow.
#[Object]
impl Task {
    /// The task's id, by which `task` finds it.
    async fn task_id(&self) -> RecordId {
        self.around.record(self.row.task_key)
    }

    /// The board that keeps it.
    async fn board(&self) -> Address {
        Address(self.row.task_key.0.contract)
    }

    /// Its number on the board.
    async fn number(&self) -> BigInt {
        self.row.task_key.0.id.into()
    }

    /// The asset that the work is for.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        self.around.asset(self.row.asset_key).await
    }

    /// Who pays.
    async fn poster(&self) -> Account {
        self.around.account(self.row.poster)
    }

    /// How far it is, as of what holds around this field: a deadline is judged by the block's time.
    async fn state(&self) -> TaskState {
        if self.row.closed_block.is_some() {
            TaskState::Closed
        } else if self.row.accepted >= self.row.places {
            TaskState::Full
        } else if self.time >= seconds(self.row.deadline).0 {
            TaskState::Review
        } else {
            TaskState::Open
        }
    }

    /// How accepted work is paid.
    async fn mode(&self) -> Result<TaskMode, ApiError> {
        TaskMode::from_table(self.row.mode)
    }

    /// As what the work is recorded in the asset's contributions.
    async fn role(&self) -> Result<ContributionRole, ApiError> {
        ContributionRole::from_table(self.row.role)
    }

    /// What is paid for each accepted submission: one amount, or two of a dual reward.
    async fn rewards(&self) -> Vec<Reward> {
        let row = &self.row;
        let second = (row.second_token.0 != RawAddress::ZERO).then_some((row.second_token, row.second_reward));
        let all = [(row.reward_token, row.reward)].into_iter().chain(second);
        all.map(|(contract, amount)| Reward::new(&self.around, row, contract, amount))
            .collect()
    }

    /// How many submissions may be accepted.
    async fn places(&self) -> Long {
        Long(self.row.places)
    }

    /// How many submissions were accepted.
    async fn accepted(&self) -> Long {
        Long(self.row.accepted)
    }

    /// How many accepting reviews accept a submission.
    async fn quorum(&self) -> i32 {
        self.row.quorum.into()
    }

    /// Unix time in seconds until which work may be submitted.
    async fn deadline(&self) -> Long {
        seconds(self.row.deadline)
    }

    /// The weight of each contribution that comes of it.
    async fn weight(&self) -> BigInt {
        self.row.weight
    }

    /// Who may review; 32 at most.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn reviewers(&self) -> Vec<Account> {
        let read = |bytes: &Vec<u8>| RawAddress::try_from(bytes.as_slice()).ok();
        let addresses = self.row.reviewers.iter().filter_map(read);
        addresses.map(|address| self.around.account(Address(address))).collect()
    }

    /// Commitment to the description.
    async fn spec_hash(&self) -> Bytes32 {
        self.row.spec_hash
    }

    /// Where the description is.
    async fn spec_uri(&self) -> &str {
        &self.row.spec_uri
    }

    /// What was submitted, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn submissions(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Submission>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let list = SubmissionsOfTask(self.around.scope(self.row.task_key).await?);
        Connection::of(&self.around.session, arguments, list, Submission::maker(&self.around)).await
    }

    /// What went back to the poster of the reward; null until it is closed.
    async fn refund(&self) -> Option<BigInt> {
        self.row.refund
    }

    /// What went back to the poster of the second reward; null until it is closed.
    async fn second_refund(&self) -> Option<BigInt> {
        self.row.second_refund
    }

    /// The log that posted it.
    async fn posted(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }

    /// The log that closed it; null until then.
    async fn closed(&self) -> Option<Origin> {
        self.around.origin_of(self.row.closed_block, self.row.closed_log_index)
    }
}

/// What is paid for accepted work.
#[derive(Clone)]
pub struct Reward {
    token: Token,
    amount: BigInt,
}

impl Reward {
    /// Of a task: shares are an id of their contract, which is the asset's number.
    fn new(around: &Around, task: &TaskRow, contract: Address, amount: BigInt) -> Reward {
        let is_shares = TaskMode::from_table(task.mode) == Ok(TaskMode::Community);
        let (standard, id) = if is_shares {
            (TokenStandard::Erc1155, task.asset_key.0.id)
        } else {
            (TokenStandard::Erc20, souk_schema::U256::ZERO)
        };
        Reward {
            token: Token::new(
                &around.session,
                around.pin,
                around.chain.0,
                standard,
                TokenRef::new(contract.0, id),
            ),
            amount,
        }
    }
}

/// What is paid for accepted work.
#[Object]
impl Reward {
    /// The token: an ERC-20, or the shares of the asset that the work is for.
    async fn token(&self) -> &Token {
        &self.token
    }

    /// How much, in base units.
    async fn amount(&self) -> BigInt {
        self.amount
    }
}

/// Work that was submitted for a task.
#[derive(Clone)]
pub struct Submission {
    around: Around,
    row: SubmissionRow,
}

impl Submission {
    /// Makes submissions of rows.
    pub(super) fn maker(around: &Around) -> impl Fn(SubmissionRow) -> Submission + use<> {
        let around = around.clone();
        move |row| Submission {
            around: around.clone(),
            row,
        }
    }
}

/// Work that was submitted for a task.
#[Object]
impl Submission {
    /// The submission's id.
    async fn submission_id(&self) -> RecordId {
        self.around.record(self.row.submission_key)
    }

    /// Its number on the board.
    async fn number(&self) -> BigInt {
        self.row.submission_key.0.id.into()
    }

    /// The task.
    async fn task(&self) -> Result<Option<Task>, ApiError> {
        Task::load(&self.around, self.row.task_key).await
    }

    /// Whose work it is.
    async fn worker(&self) -> Account {
        self.around.account(self.row.worker)
    }

    /// What became of it.
    async fn state(&self) -> SubmissionState {
        if self.row.accepted_block.is_some() {
            SubmissionState::Accepted
        } else if self.row.rejected_block.is_some() {
            SubmissionState::Rejected
        } else {
            SubmissionState::Open
        }
    }

    /// Commitment to the work.
    async fn content_hash(&self) -> Bytes32 {
        self.row.content_hash
    }

    /// Where the work is.
    async fn content_uri(&self) -> &str {
        &self.row.content_uri
    }

    /// What reviewers said, oldest first; each of the task's reviewers says it once.
    #[graphql(complexity = "5 + 5 * child_complexity")]
    async fn reviews(&self) -> Result<Vec<Review>, ApiError> {
        let list = ReviewsOf(self.around.scope(self.row.submission_key).await?);
        let rows = self.around.all(list).await?.into_iter();
        Ok(rows.map(Review::maker(&self.around)).collect())
    }

    /// What was paid for it; empty unless it was accepted.
    #[graphql(complexity = "5 + 2 * child_complexity")]
    async fn paid(&self) -> Result<Vec<RewardPayment>, ApiError> {
        if self.row.accepted_block.is_none() {
            return Ok(Vec::new());
        }
        let Some(task) = Task::load(&self.around, self.row.task_key).await? else {
            return Ok(Vec::new());
        };
        let rows = self
            .around
            .all(RewardsOf(self.around.scope(self.row.submission_key).await?))
            .await?;
        let payment = |row: RewardRow| RewardPayment {
            reward: Reward::new(&self.around, &task.row, row.token, row.amount),
            paid: self.around.origin(row.valid_from, row.log_index),
        };
        Ok(rows.into_iter().map(payment).collect())
    }

    /// The contribution to the asset that was recorded for it; null unless it was accepted, and where it was voided since.
    async fn contribution(&self) -> Result<Option<Contribution>, ApiError> {
        self.around.contribution(self.row.contribution_key).await
    }

    /// The log that submitted it.
    async fn submitted(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }

    /// The log that first paid it; null unless it was accepted.
    async fn accepted(&self) -> Option<Origin> {
        self.around
            .origin_of(self.row.accepted_block, self.row.accepted_log_index)
    }

    /// The log that rejected it; null unless it was.
    async fn rejected(&self) -> Option<Origin> {
        self.around
            .origin_of(self.row.rejected_block, self.row.rejected_log_index)
    }
}

/// What was paid for an accepted submission in one token.
pub struct RewardPayment {
    reward: Reward,
    paid: Origin,
}

/// What was paid for an accepted submission in one token.
#[Object]
impl RewardPayment {
    /// Of what, and how much.
    async fn reward(&self) -> &Reward {
        &self.reward
    }

    /// The log that paid it.
    async fn paid(&self) -> &Origin {
        &self.paid
    }
}

/// What a reviewer said of a submission.
#[derive(Clone)]
pub struct Review {
    around: Around,
    row: ReviewRow,
}

impl Review {
    /// Makes reviews of rows.
    pub(super) fn maker(around: &Around) -> impl Fn(ReviewRow) -> Review + use<> {
        let around = around.clone();
        move |row| Review {
            around: around.clone(),
            row,
        }
    }
}

/// What a reviewer said of a submission.
#[Object]
impl Review {
    /// What was judged.
    async fn submission(&self) -> Result<Option<Submission>, ApiError> {
        let list = SubmissionByKey(self.around.scope(self.row.submission_key).await?);
        Ok(self.around.only(list).await?.map(Submission::maker(&self.around)))
    }

    /// Who judged.
    async fn reviewer(&self) -> Account {
        self.around.account(self.row.reviewer)
    }

    /// Whether it is to be accepted.
    async fn accepted(&self) -> bool {
        self.row.accepted
    }

    /// Commitment to the reasons.
    async fn note_hash(&self) -> Bytes32 {
        self.row.note_hash
    }

    /// The log of the review.
    async fn reviewed(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }
}
