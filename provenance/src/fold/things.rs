//! Things that are made once and that later events speak of: tasks, submissions, executions, rounds, challenges, disputes, and how each
//! of them ended. An event about a thing that was never made cannot be true, nor one that makes a thing again.
//!
//! Every thing belongs to an asset. Later events mostly do not name it, so it is looked up with the thing.

use souk_schema::TokenRef;
use souk_schema::event::{
    ChallengeResolved, DisputeJudged, DisputeRaised, DisputeResolved, DomainEvent, ExecutionCancelled,
    ExecutionChallenged, ExecutionCompleted, ExecutionRequested, RewardPaid, RoundAggregated, RoundOpened,
    SubmissionMade, SubmissionRejected, SubmissionReviewed, TaskClosed, TaskPosted, UpdateSubmitted,
};

/// A kind of thing. Each has a table with one row per thing, under the key of the task, execution, … that it is or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A posted task.
    Task,
    /// Work that was submitted.
    Submission,
    /// The end of a task.
    Closing,
    /// A requested execution.
    Execution,
    /// The end of an execution that was done.
    Completion,
    /// The end of one that was not.
    Cancellation,
    /// A round of federated learning.
    Round,
    /// The end of a round.
    Aggregation,
    /// A challenge of an execution.
    Challenge,
    /// The end of a challenge.
    ChallengeResolution,
    /// A dispute over an asset.
    Dispute,
    /// The end of a dispute.
    DisputeResolution,
}

impl Thing {
    /// The table that holds it, and the column with its key. The table's `asset_key` is the asset that it belongs to.
    pub fn table(self) -> (&'static str, &'static str) {
        match self {
            Thing::Task => ("task", "task_key"),
            Thing::Submission => ("submission", "submission_key"),
            Thing::Closing => ("task_closing", "task_key"),
            Thing::Execution => ("execution", "execution_key"),
            Thing::Completion => ("execution_completion", "execution_key"),
            Thing::Cancellation => ("execution_cancellation", "execution_key"),
            Thing::Round => ("federated_round", "round_key"),
            Thing::Aggregation => ("round_aggregation", "round_key"),
            Thing::Challenge => ("challenge", "challenge_key"),
            Thing::ChallengeResolution => ("challenge_resolution", "challenge_key"),
            Thing::Dispute => ("dispute", "dispute_key"),
            Thing::DisputeResolution => ("dispute_resolution", "dispute_key"),
        }
    }

    /// What it is and what was done when it was made.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Thing::Task => ("task", "posted"),
            Thing::Submission => ("submission", "made"),
            Thing::Closing => ("task", "closed"),
            Thing::Execution => ("execution", "requested"),
            Thing::Completion => ("execution", "completed"),
            Thing::Cancellation => ("execution", "cancelled"),
            Thing::Round => ("round", "opened"),
            Thing::Aggregation => ("round", "aggregated"),
            Thing::Challenge => ("challenge", "raised"),
            Thing::ChallengeResolution => ("challenge", "resolved"),
            Thing::Dispute => ("dispute", "raised"),
            Thing::DisputeResolution => ("dispute", "resolved"),
        }
    }

    /// Why a thing cannot be made again.
    pub(super) fn made_already(self, key: &TokenRef) -> String {
        let (what, done) = self.words();
        format!("{what} {} is {done} already", key.id)
    }

    /// Why nothing can be said of a thing.
    pub(super) fn never_made(self, key: &TokenRef) -> String {
        let (what, done) = self.words();
        format!("{what} {} was never {done}", key.id)
    }
}

/// What an event has to do with things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mention {
    /// What it makes.
    pub makes: Option<(Thing, TokenRef)>,
    /// What it is about: a thing that was made before.
    pub of: Option<(Thing, TokenRef)>,
    /// The asset that it names itself.
    pub asset: Option<TokenRef>,
}

fn first(thing: Thing, key: TokenRef, asset: TokenRef) -> Mention {
    Mention {
        makes: Some((thing, key)),
        of: None,
        asset: Some(asset),
    }
}

fn then(makes: Option<(Thing, TokenRef)>, thing: Thing, key: TokenRef) -> Mention {
    Mention {
        makes,
        of: Some((thing, key)),
        asset: None,
    }
}

/// The things that an event mentions.
pub(super) fn mentioned(event: &DomainEvent) -> Mention {
    match *event {
        DomainEvent::TaskPosted(TaskPosted { task, asset, .. }) => first(Thing::Task, task, asset),
        DomainEvent::SubmissionMade(SubmissionMade { submission, task, .. }) => {
            then(Some((Thing::Submission, submission)), Thing::Task, task)
        }
        DomainEvent::SubmissionReviewed(SubmissionReviewed { submission, .. })
        | DomainEvent::SubmissionRejected(SubmissionRejected { submission, .. })
        | DomainEvent::RewardPaid(RewardPaid { submission, .. }) => then(None, Thing::Submission, submission),
        DomainEvent::TaskClosed(TaskClosed { task, .. }) => then(Some((Thing::Closing, task)), Thing::Task, task),
        DomainEvent::ExecutionRequested(ExecutionRequested { execution, asset, .. }) => {
            first(Thing::Execution, execution, asset)
        }
        DomainEvent::ExecutionCompleted(ExecutionCompleted { execution, .. }) => {
            then(Some((Thing::Completion, execution)), Thing::Execution, execution)
        }
        DomainEvent::ExecutionCancelled(ExecutionCancelled { execution, .. }) => {
            then(Some((Thing::Cancellation, execution)), Thing::Execution, execution)
        }
        DomainEvent::RoundOpened(RoundOpened { round, asset, .. }) => first(Thing::Round, round, asset),
        DomainEvent::UpdateSubmitted(UpdateSubmitted { round, .. }) => then(None, Thing::Round, round),
        DomainEvent::RoundAggregated(RoundAggregated { round, .. }) => {
            then(Some((Thing::Aggregation, round)), Thing::Round, round)
        }
        DomainEvent::ExecutionChallenged(ExecutionChallenged {
            challenge, execution, ..
        }) => then(Some((Thing::Challenge, challenge)), Thing::Execution, execution),
        DomainEvent::ChallengeResolved(ChallengeResolved { challenge, .. }) => then(
            Some((Thing::ChallengeResolution, challenge)),
            Thing::Challenge,
            challenge,
        ),
        DomainEvent::DisputeRaised(DisputeRaised { dispute, asset, .. }) => first(Thing::Dispute, dispute, asset),
        DomainEvent::DisputeJudged(DisputeJudged { dispute, .. }) => then(None, Thing::Dispute, dispute),
        DomainEvent::DisputeResolved(DisputeResolved { dispute, .. }) => {
            then(Some((Thing::DisputeResolution, dispute)), Thing::Dispute, dispute)
        }
        _ => Mention::default(),
    }
}
