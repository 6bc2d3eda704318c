//! What accounts do with the contracts of the economy: tasks, executions, federated rounds, disputes and the gateway.
//!
//! Ids on chain are the contracts' own counters, so everything here is named by a hash that the economy makes up: a task by that of its
//! specification, a submission by its content, an execution by its input, a round by its base, an objection by its evidence. Never does
//! I/O. Start at [`Work`].

#![deny(clippy::disallowed_methods)]

use std::fmt;

use alloy::primitives::{Address, B256};
use souk_schema::event::{AssetKind, ContributionRole, DisputeTag, ExecutionKind, PrivacyMode, TaskMode};

use crate::action::{AccountNo, AssetNo, TermsNo};
use crate::events::{EventCounts, EventKind};

/// A contract of the economy that takes money, records contributions, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Tasks.
    TaskBoard,
    /// Executions and rounds.
    ExecutionLog,
    /// Disputes.
    DisputeCourt,
}

/// A role that the contracts give to one account, whoever that is on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Office {
    /// Decides challenges of executions.
    Admin,
    /// Judges disputes.
    Judge,
    /// Mirrors assets of other chains.
    Relayer,
}

/// What a hash names, where only the chain knows the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// A task, by its specification.
    Task,
    /// A submission, by its content.
    Submission,
    /// An execution, by its input.
    Execution,
    /// A round, by its base.
    Round,
    /// A challenge, by its evidence.
    Challenge,
    /// A dispute, by its evidence.
    Dispute,
}

/// A task to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The dataset that the work is for; the sender owns it.
    pub asset: AssetNo,
    /// Commitment to the specification; unique in the economy.
    pub spec: B256,
    /// The specification.
    pub spec_uri: String,
    /// What is paid with.
    pub mode: TaskMode,
    /// What workers do.
    pub role: ContributionRole,
    /// For each accepted submission: millionths of a test dollar, or shares in a community task.
    pub reward: u64,
    /// For each accepted submission of a dual reward, points; else 0.
    pub points: u64,
    /// Submissions that can be accepted.
    pub places: u32,
    /// Reviews that accept a submission.
    pub quorum: u8,
    /// Weight of the contribution that an accepted submission becomes.
    pub weight: u64,
    /// Who reviews.
    pub reviewers: Vec<AccountNo>,
    /// How long submissions are taken, in seconds.
    pub open_secs: u64,
}

/// Work that is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Its task.
    pub task: B256,
    /// Commitment to the content; unique in the economy.
    pub content: B256,
    /// The content.
    pub content_uri: String,
}

/// What a review brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Waits,
    /// The quorum: the submission is paid, in this mode, and recorded.
    Accepts(TaskMode),
    /// The quorum can no more be reached.
    Rejects,
}

/// A review of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Of what.
    pub submission: B256,
    /// For or against.
    pub accepted: bool,
    /// Commitment to the reasons.
    pub note: B256,
    /// What it brings about.
    pub outcome: Outcome,
}

/// An execution to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// What is executed; its fee is this asset's revenue.
    pub asset: AssetNo,
    /// In the name of which asset.
    pub caller: Option<AssetNo>,
    /// As part of which execution, which the sender provides.
    pub parent: Option<B256>,
    /// What is done.
    pub kind: ExecutionKind,
    /// Terms of the licence of the asset that the sender holds.
    pub licence: Option<TermsNo>,
    /// Who does it.
    pub provider: AccountNo,
    /// Millionths of a test dollar; 0 for nothing.
    pub fee_micros: u64,
    /// How data stays private.
    pub privacy: PrivacyMode,
    /// What that costs, in millionths, under differential privacy; else 0.
    pub epsilon_micros: u64,
    /// Data that is used, by rising number.
    pub datasets: Vec<AssetNo>,
    /// Commitment to the input; unique in the economy.
    pub input: B256,
    /// How long the provider may take, in seconds.
    pub open_secs: u64,
}

/// The end of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Of what.
    pub execution: B256,
    /// The asset that came of it, which its requester named or the sender owns.
    pub output: Option<AssetNo>,
    /// Commitment to the output.
    pub output_hash: B256,
    /// Units of work; the weight of the contribution.
    pub metered_units: u64,
    /// Whether a fee becomes revenue.
    pub paid: bool,
    /// Whether the log may record on the output.
    pub recorded: bool,
}

/// A federated round to open for an asset of the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// What is trained.
    pub asset: AssetNo,
    /// How data stays private.
    pub privacy: PrivacyMode,
    /// What that costs each participant's data, in millionths.
    pub epsilon_micros: u64,
    /// Commitment to what participants begin with; unique in the economy.
    pub base: B256,
    /// How long updates are taken, in seconds.
    pub open_secs: u64,
}

/// A participant's update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Of which round.
    pub round: B256,
    /// The data behind it, where that is an asset of the sender.
    pub dataset: Option<AssetNo>,
    /// Commitment to the update.
    pub update: B256,
    /// How much it should count.
    pub weight: u64,
}

/// The end of a round, by who opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// Of which round.
    pub round: B256,
    /// The asset that came of it, which the sender owns and the log may record on.
    pub output: AssetNo,
    /// Commitment to the result.
    pub result: B256,
    /// Whose updates count.
    pub participants: Vec<AccountNo>,
}

/// A bonded claim that something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Commitment to the evidence; unique in the economy.
    pub evidence: B256,
    /// The evidence.
    pub evidence_uri: String,
}

/// An asset of another chain, to be registered here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// EIP-155 id of the other chain.
    pub origin_chain: u64,
    /// The gateway there.
    pub origin_gateway: Address,
    /// The registry there.
    pub origin_registry: Address,
    /// The asset's id there.
    pub origin_asset: u64,
    /// Who owns it here.
    pub owner: AccountNo,
    /// What it is.
    pub kind: AssetKind,
    /// Display name.
    pub name: String,
    /// Commitment to the metadata document.
    pub content_hash: B256,
    /// The metadata document.
    pub metadata_uri: String,
    /// Contributors' share in parts per 100,000,000.
    pub contributor_share_e8: u32,
}

/// What one transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Lets a contract record contributions to assets of the sender.
    LetRecord(Venue, Vec<AssetNo>),
    /// Lets a contract take the sender's dollars.
    LetTakeDollars(Venue),
    /// Lets the task board take the sender's shares.
    LetTakeShares,
    /// Lets the task board take the sender's points.
    LetTakePoints,
    /// Creates the points: a second token, for dual rewards.
    CreatePoints,
    /// Makes so many points for the sender.
    MakePoints(u64),
    /// Posts tasks.
    Post(Vec<Task>),
    /// Hands in work.
    Submit(Vec<Submission>),
    /// Reviews work.
    Review(Vec<Review>),
    /// Closes a task of the sender, of this mode; whether something is left to give back.
    CloseTask(B256, TaskMode, bool),
    /// Requests executions.
    Request(Vec<Execution>),
    /// Names the asset of the sender that comes of its execution.
    NameOutput(B256, AssetNo),
    /// Ends executions that the sender provides.
    Complete(Vec<Completion>),
    /// Cancels an execution with a fee that the sender requested, once its deadline is over.
    Cancel(B256),
    /// Opens a round.
    OpenRound(Round),
    /// Hands in an update.
    Update(Update),
    /// Ends a round.
    Aggregate(Aggregation),
    /// Challenges an execution, as long as that can be done.
    Challenge(B256, Claim),
    /// Decides the challenge with this evidence: whether it is upheld, and whether a contribution is voided by that.
    DecideChallenge(B256, bool, bool),
    /// Disputes an asset.
    Dispute(AssetNo, DisputeTag, Claim),
    /// Takes back a dispute of the sender that nobody judged.
    WithdrawDispute(B256),
    /// Judges the dispute with this evidence: whether it is upheld, and the commitment to the ruling.
    Judge(B256, bool, B256),
    /// Ends a dispute that was judged, once nobody can overrule that.
    Resolve(B256),
    /// Has an asset of the sender mirrored on the chain with this EIP-155 id.
    Announce(AssetNo, u64),
    /// Mirrors an asset of another chain.
    Mirror(Box<Mirror>),
}

impl Work {
    /// The office that may do it, if it takes one.
    pub fn office(&self) -> Option<Office> {
        match self {
            Self::DecideChallenge(..) => Some(Office::Admin),
            Self::Judge(..) => Some(Office::Judge),
            Self::Mirror(_) => Some(Office::Relayer),
            _ => None,
        }
    }

    /// The shortest time that it sets for others, in seconds.
    pub fn shortest_secs(&self) -> Option<u64> {
        match self {
            Self::Post(tasks) => tasks.iter().map(|task| task.open_secs).min(),
            Self::Request(executions) => executions.iter().map(|execution| execution.open_secs).min(),
            Self::OpenRound(round) => Some(round.open_secs),
            _ => None,
        }
    }

    /// The events that its transaction makes.
    pub fn events(&self) -> EventCounts {
        let of = EventCounts::of;
        match self {
            Self::LetRecord(_, assets) => of(EventKind::RecorderAuthorised, assets.len()),
            Self::LetTakeDollars(_) => of(EventKind::DollarsApproved, 1),
            Self::LetTakeShares => of(EventKind::SharesApproved, 1),
            Self::LetTakePoints => of(EventKind::PointsApproved, 1),
            Self::CreatePoints | Self::NameOutput(..) => EventCounts::default(),
            Self::MakePoints(_) => of(EventKind::PointsTransferred, 1),
            Self::Post(tasks) => sum(tasks, |task| moved(task.mode).and(EventKind::TaskPosted, 1)),
            Self::Submit(submissions) => of(EventKind::SubmissionMade, submissions.len()),
            Self::Review(reviews) => sum(reviews, Review::events),
            Self::CloseTask(_, mode, refunds) => {
                let refund = if *refunds { moved(*mode) } else { EventCounts::default() };
                refund.and(EventKind::TaskClosed, 1)
            }
            Self::Request(executions) => sum(executions, |execution| {
                let paid = usize::from(execution.fee_micros > 0);
                of(EventKind::ExecutionRequested, 1).and(EventKind::DollarsTransferred, paid)
            }),
            Self::Complete(completions) => sum(completions, |completion| {
                let paid = usize::from(completion.paid);
                of(EventKind::ExecutionCompleted, 1)
                    .and(EventKind::ContributionRecorded, usize::from(completion.recorded))
                    .and(EventKind::DollarsApproved, paid)
                    .and(EventKind::DollarsTransferred, paid)
                    .and(EventKind::RevenueReceived, paid)
            }),
            Self::Cancel(_) => of(EventKind::ExecutionCancelled, 1).and(EventKind::DollarsTransferred, 1),
            Self::OpenRound(_) => of(EventKind::RoundOpened, 1),
            Self::Update(_) => of(EventKind::UpdateSubmitted, 1),
            Self::Aggregate(round) => {
                of(EventKind::RoundAggregated, 1).and(EventKind::ContributionRecorded, round.participants.len())
            }
            Self::Challenge(..) => of(EventKind::ExecutionChallenged, 1).and(EventKind::DollarsTransferred, 1),
            Self::DecideChallenge(_, _, voids) => of(EventKind::ChallengeResolved, 1)
                .and(EventKind::DollarsTransferred, 1)
                .and(EventKind::ContributionVoided, usize::from(*voids)),
            Self::Dispute(..) => of(EventKind::DisputeRaised, 1).and(EventKind::DollarsTransferred, 1),
            Self::WithdrawDispute(_) | Self::Resolve(_) => {
                of(EventKind::DisputeResolved, 1).and(EventKind::DollarsTransferred, 1)
            }
            Self::Judge(..) => of(EventKind::DisputeJudged, 1),
            Self::Announce(..) => of(EventKind::AssetAnnounced, 1),
            Self::Mirror(_) => of(EventKind::AssetMirrored, 1)
                .and(EventKind::AssetRegistered, 1)
                .and(EventKind::AssetTransferred, 1),
        }
    }
}

impl Review {
    fn events(&self) -> EventCounts {
        let reviewed = EventCounts::of(EventKind::SubmissionReviewed, 1);
        match self.outcome {
            Outcome::Waits => reviewed,
            Outcome::Rejects => reviewed.and(EventKind::SubmissionRejected, 1),
            Outcome::Accepts(mode) => {
                let payments = if mode == TaskMode::DualReward { 2 } else { 1 };
                (reviewed + moved(mode))
                    .and(EventKind::ContributionRecorded, 1)
                    .and(EventKind::RewardPaid, payments)
            }
        }
    }
}

/// Transfers that bring a task's reward in or out.
fn moved(mode: TaskMode) -> EventCounts {
    match mode {
        TaskMode::Paid => EventCounts::of(EventKind::DollarsTransferred, 1),
        TaskMode::DualReward => EventCounts::of(EventKind::DollarsTransferred, 1).and(EventKind::PointsTransferred, 1),
        TaskMode::Community => EventCounts::of(EventKind::SharesTransferred, 1),
    }
}

fn sum<T>(items: &[T], events: impl Fn(&T) -> EventCounts) -> EventCounts {
    items
        .iter()
        .map(events)
        .fold(EventCounts::default(), |sum, made| sum + made)
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TaskBoard => "task board",
            Self::ExecutionLog => "execution log",
            Self::DisputeCourt => "dispute court",
        })
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LetRecord(venue, assets) => write!(f, "let the {venue} record for {} assets", assets.len()),
            Self::LetTakeDollars(venue) => write!(f, "let the {venue} take test dollars"),
            Self::LetTakeShares => write!(f, "let the task board take shares"),
            Self::LetTakePoints => write!(f, "let the task board take points"),
            Self::CreatePoints => write!(f, "create points"),
            Self::MakePoints(points) => write!(f, "make {points} points"),
            Self::Post(tasks) => write!(f, "post {} tasks", tasks.len()),
            Self::Submit(submissions) => write!(f, "hand in {} submissions", submissions.len()),
            Self::Review(reviews) => write!(f, "review {} submissions", reviews.len()),
            Self::CloseTask(task, ..) => write!(f, "close the task {task}"),
            Self::Request(executions) => write!(f, "request {} executions", executions.len()),
            Self::NameOutput(execution, output) => write!(f, "name asset {output} as what {execution} gives"),
            Self::Complete(completions) => write!(f, "complete {} executions", completions.len()),
            Self::Cancel(execution) => write!(f, "cancel the execution {execution}"),
            Self::OpenRound(round) => write!(f, "open a round of asset {}", round.asset),
            Self::Update(update) => write!(f, "hand in an update of the round {}", update.round),
            Self::Aggregate(round) => write!(f, "aggregate the round {}", round.round),
            Self::Challenge(execution, _) => write!(f, "challenge the execution {execution}"),
            Self::DecideChallenge(challenge, ..) => write!(f, "decide the challenge {challenge}"),
            Self::Dispute(asset, tag, _) => write!(f, "dispute asset {asset} for {}", tag.as_str()),
            Self::WithdrawDispute(dispute) => write!(f, "withdraw the dispute {dispute}"),
            Self::Judge(dispute, ..) => write!(f, "judge the dispute {dispute}"),
            Self::Resolve(dispute) => write!(f, "resolve the dispute {dispute}"),
            Self::Announce(asset, chain) => write!(f, "announce asset {asset} to chain {chain}"),
            Self::Mirror(mirror) => write!(f, "mirror {} of chain {}", mirror.name, mirror.origin_chain),
        }
    }
}
