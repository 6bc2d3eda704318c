//! The rules of the contracts of the economy: tasks, executions, rounds, disputes, gateway. Time does not pass here: what a plan does
//! behind a deadline is only looked at for whether that deadline is a short one. Start at [`Rules::work`].

use std::collections::{HashMap, HashSet};

use alloy::primitives::{Address, B256};
use souk_schema::event::{PrivacyMode, TaskMode};

use super::{Checked, Rules, ensure, take};
use crate::action::{AccountNo, Action, AssetNo};
use crate::events::{EventCounts, EventKind};
use crate::work::{
    Aggregation, Completion, Execution, Office, Outcome, Review, Round, Submission, Task, Update, Venue, Work,
};

/// Of a dev chain, in millionths of a test dollar.
const BOND_MICROS: u64 = 10_000_000;
/// Deadlines that a load lives to see.
const SOON_SECS: u64 = 10;
const YEAR_SECS: u64 = 366 * 86_400;

struct Posted {
    task: Task,
    poster: AccountNo,
    accepted: u32,
    waiting: u32,
    closed: bool,
}

struct HandedIn {
    task: B256,
    worker: AccountNo,
    reviewers: HashSet<AccountNo>,
    accepts: usize,
    rejects: usize,
    decided: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Completed,
    Cancelled,
    Challenged,
    Refuted,
}

struct Requested {
    execution: Execution,
    requester: AccountNo,
    named: Option<AssetNo>,
    state: State,
    recorded: bool,
}

struct Opened {
    coordinator: AccountNo,
    updates: HashSet<AccountNo>,
    over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Open,
    Judged,
    Over,
}

/// State of these contracts.
#[derive(Default)]
pub(super) struct Boards {
    records: HashSet<(Venue, AssetNo)>,
    takes_dollars: HashSet<(Venue, AccountNo)>,
    takes_shares: HashSet<AccountNo>,
    takes_points: HashSet<AccountNo>,
    points_exist: bool,
    points: HashMap<AccountNo, u64>,
    tasks: HashMap<B256, Posted>,
    submissions: HashMap<B256, HandedIn>,
    executions: HashMap<B256, Requested>,
    rounds: HashMap<B256, Opened>,
    challenges: HashMap<B256, (B256, bool)>,
    disputes: HashMap<B256, (AccountNo, Case)>,
    announced: HashSet<(AssetNo, u64)>,
    mirrored: HashSet<(u64, Address, Address, u64)>,
}

impl Rules<'_> {
    pub(super) fn work(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let Action::Work(work) = action else {
            return Ok(None);
        };
        let office = work.office().map(|office| match office {
            Office::Admin => 0,
            Office::Judge => 1,
            Office::Relayer => 2,
        });
        let officers = &self.economy.officers;
        match office {
            Some(place) => ensure(from == officers.start + place, "only who holds the office does that")?,
            None => ensure(!officers.contains(&from), "officers do nothing else")?,
        }
        let made = match work {
            Work::Post(_) | Work::Submit(_) | Work::Review(_) | Work::CloseTask(..) => self.tasks(from, work)?,
            Work::Request(_) | Work::NameOutput(..) | Work::Complete(_) | Work::Cancel(_) => {
                self.executions(from, work)?
            }
            Work::OpenRound(_) | Work::Update(_) | Work::Aggregate(_) => self.rounds(from, work)?,
            Work::Challenge(..) | Work::DecideChallenge(..) => self.challenges(from, work)?,
            Work::Dispute(..) | Work::WithdrawDispute(_) | Work::Judge(..) | Work::Resolve(_) => {
                self.disputes(from, work)?
            }
            Work::Announce(..) | Work::Mirror(_) => self.gateway(from, work)?,
            _ => self.consent(from, work)?,
        };
        Ok(Some(made))
    }

    fn consent(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        let points_exist = self.boards.points_exist;
        Ok(match work {
            Work::LetRecord(venue, assets) => {
                for asset in assets {
                    self.owned(*asset, from)?;
                    self.boards.records.insert((*venue, *asset));
                }
                EventCounts::of(EventKind::RecorderAuthorised, assets.len())
            }
            Work::LetTakeDollars(venue) => {
                self.boards.takes_dollars.insert((*venue, from));
                EventCounts::of(EventKind::DollarsApproved, 1)
            }
            Work::LetTakeShares => {
                self.boards.takes_shares.insert(from);
                EventCounts::of(EventKind::SharesApproved, 1)
            }
            Work::CreatePoints => {
                ensure(!points_exist, "points are created once")?;
                let creator = self.economy.points.map(|(creator, _)| creator);
                ensure(creator == Some(from), "who the economy says creates the points")?;
                self.boards.points_exist = true;
                EventCounts::default()
            }
            Work::LetTakePoints => {
                ensure(points_exist, "the points exist")?;
                self.boards.takes_points.insert(from);
                EventCounts::of(EventKind::PointsApproved, 1)
            }
            Work::MakePoints(points) => {
                ensure(points_exist, "the points exist")?;
                *self.boards.points.entry(from).or_default() += points;
                EventCounts::of(EventKind::PointsTransferred, 1)
            }
            _ => return Err("there is no rule for this work".into()),
        })
    }

    fn tasks(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        let mut made = EventCounts::default();
        match work {
            Work::Post(tasks) => {
                for task in tasks {
                    made += self.post(from, task)?;
                }
            }
            Work::Submit(submissions) => {
                for submission in submissions {
                    self.submit(from, submission)?;
                    made += EventCounts::of(EventKind::SubmissionMade, 1);
                }
            }
            Work::Review(reviews) => {
                for review in reviews {
                    made += self.review(from, review)?;
                }
            }
            Work::CloseTask(name, mode, refunds) => {
                let posted = open_task(&mut self.boards.tasks, name)?;
                ensure(posted.poster == from, "the poster closes")?;
                let left = u64::from(posted.task.places - posted.accepted);
                let over = posted.task.open_secs <= SOON_SECS && posted.waiting == 0;
                ensure(left == 0 || over, "all places are taken, or the deadline is over")?;
                ensure(
                    (left > 0) == *refunds && posted.task.mode == *mode,
                    "it closes as planned",
                )?;
                posted.closed = true;
                made = made.and(EventKind::TaskClosed, 1);
                let task = posted.task.clone();
                if left > 0 {
                    made += self.reward(&task, from, left);
                }
            }
            _ => {}
        }
        Ok(made)
    }

    fn post(&mut self, from: AccountNo, task: &Task) -> Checked<EventCounts> {
        self.owned(task.asset, from)?;
        let records = self.boards.records.contains(&(Venue::TaskBoard, task.asset));
        ensure(records, "the board may record for the asset")?;
        ensure(
            task.reward > 0 && task.places > 0 && task.weight > 0,
            "reward, places and weight are positive",
        )?;
        ensure(
            (task.mode == TaskMode::DualReward) == (task.points > 0),
            "points go with a dual reward",
        )?;
        let reviewers: HashSet<_> = task.reviewers.iter().collect();
        ensure(
            reviewers.len() == task.reviewers.len() && reviewers.len() <= 32,
            "reviewers are told apart",
        )?;
        ensure(
            (1..=reviewers.len()).contains(&usize::from(task.quorum)),
            "a quorum of the reviewers",
        )?;
        ensure((1..=YEAR_SECS).contains(&task.open_secs), "a deadline in the future")?;
        let places = u64::from(task.places);
        let mut made = EventCounts::of(EventKind::TaskPosted, 1);
        if task.mode == TaskMode::Community {
            ensure(self.boards.takes_shares.contains(&from), "the board takes shares")?;
            take(
                &mut self.shares,
                (task.asset, from),
                task.reward * places,
                "the poster has the shares",
            )?;
            made = made.and(EventKind::SharesTransferred, 1);
        } else {
            self.hand_over(from, Venue::TaskBoard, task.reward * places)?;
            made = made.and(EventKind::DollarsTransferred, 1);
        }
        if task.mode == TaskMode::DualReward {
            ensure(self.boards.takes_points.contains(&from), "the board takes points")?;
            take(
                &mut self.boards.points,
                from,
                task.points * places,
                "the poster has the points",
            )?;
            made = made.and(EventKind::PointsTransferred, 1);
        }
        let posted = Posted {
            task: task.clone(),
            poster: from,
            accepted: 0,
            waiting: 0,
            closed: false,
        };
        ensure(
            self.boards.tasks.insert(task.spec, posted).is_none(),
            "a specification is unique",
        )?;
        Ok(made)
    }

    fn submit(&mut self, from: AccountNo, submission: &Submission) -> Checked {
        let posted = open_task(&mut self.boards.tasks, &submission.task)?;
        ensure(posted.task.open_secs > SOON_SECS, "the deadline is far")?;
        ensure(posted.accepted < posted.task.places, "there is a place")?;
        ensure(!posted.task.reviewers.contains(&from), "reviewers hand in nothing")?;
        posted.waiting += 1;
        let handed_in = HandedIn {
            task: submission.task,
            worker: from,
            reviewers: HashSet::new(),
            accepts: 0,
            rejects: 0,
            decided: false,
        };
        let fresh = self.boards.submissions.insert(submission.content, handed_in).is_none();
        ensure(fresh, "content is unique")
    }

    fn review(&mut self, from: AccountNo, review: &Review) -> Checked<EventCounts> {
        let submission = self
            .boards
            .submissions
            .get_mut(&review.submission)
            .ok_or("the submission exists")?;
        let posted = open_task(&mut self.boards.tasks, &submission.task)?;
        ensure(posted.task.reviewers.contains(&from), "reviewers review")?;
        ensure(
            !submission.decided && submission.reviewers.insert(from),
            "each once, until it is decided",
        )?;
        let mut made = EventCounts::of(EventKind::SubmissionReviewed, 1);
        let quorum = usize::from(posted.task.quorum);
        if !review.accepted {
            submission.rejects += 1;
            submission.decided = submission.rejects + quorum > posted.task.reviewers.len();
            if submission.decided {
                posted.waiting -= 1;
                made = made.and(EventKind::SubmissionRejected, 1);
            }
            ensure(
                (review.outcome == Outcome::Rejects) == submission.decided,
                "it rejects as planned",
            )?;
            return Ok(made);
        }
        ensure(posted.accepted < posted.task.places, "there is a place")?;
        submission.accepts += 1;
        submission.decided = submission.accepts == quorum;
        let planned = if submission.decided {
            Outcome::Accepts(posted.task.mode)
        } else {
            Outcome::Waits
        };
        ensure(review.outcome == planned, "it accepts as planned")?;
        if submission.decided {
            posted.accepted += 1;
            posted.waiting -= 1;
            let (task, worker) = (posted.task.clone(), submission.worker);
            let tokens = if task.mode == TaskMode::DualReward { 2 } else { 1 };
            made = (made + self.reward(&task, worker, 1))
                .and(EventKind::RewardPaid, tokens)
                .and(EventKind::ContributionRecorded, 1);
        }
        Ok(made)
    }

    /// Pays out so many rewards of the task.
    fn reward(&mut self, task: &Task, to: AccountNo, times: u64) -> EventCounts {
        let mut made = EventCounts::default();
        if task.mode == TaskMode::Community {
            *self.shares.entry((task.asset, to)).or_default() += task.reward * times;
            return made.and(EventKind::SharesTransferred, 1);
        }
        *self.dollars.entry(to).or_default() += task.reward * times;
        made = made.and(EventKind::DollarsTransferred, 1);
        if task.mode == TaskMode::DualReward {
            *self.boards.points.entry(to).or_default() += task.points * times;
            made = made.and(EventKind::PointsTransferred, 1);
        }
        made
    }

    fn executions(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        let mut made = EventCounts::default();
        match work {
            Work::Request(executions) => {
                for execution in executions {
                    made += self.request(from, execution)?;
                }
            }
            Work::NameOutput(name, output) => {
                self.owned(*output, from)?;
                let requested = open_execution(&mut self.boards.executions, name)?;
                ensure(requested.requester == from, "the requester names the output")?;
                requested.named = Some(*output);
            }
            Work::Complete(completions) => {
                for completion in completions {
                    made += self.complete(from, completion)?;
                }
            }
            Work::Cancel(name) => {
                let requested = open_execution(&mut self.boards.executions, name)?;
                let over = requested.execution.open_secs <= SOON_SECS;
                ensure(
                    requested.requester == from && over,
                    "the requester cancels behind the deadline",
                )?;
                ensure(requested.execution.fee_micros > 0, "a fee goes back")?;
                requested.state = State::Cancelled;
                *self.dollars.entry(from).or_default() += requested.execution.fee_micros;
                made = made
                    .and(EventKind::ExecutionCancelled, 1)
                    .and(EventKind::DollarsTransferred, 1);
            }
            _ => {}
        }
        Ok(made)
    }

    fn request(&mut self, from: AccountNo, execution: &Execution) -> Checked<EventCounts> {
        self.private(execution.privacy, execution.epsilon_micros)?;
        ensure(
            (1..=YEAR_SECS).contains(&execution.open_secs),
            "a deadline in the future",
        )?;
        self.exists(execution.asset)?;
        let mut speaks = false;
        if let Some(parent) = &execution.parent {
            let parent = open_execution(&mut self.boards.executions, parent)?;
            ensure(parent.execution.provider == from, "its provider calls on")?;
            speaks = Some(parent.execution.asset) == execution.caller;
        }
        match execution.caller {
            Some(caller) if !speaks => ensure(self.owned(caller, from).is_ok(), "its owner speaks for the caller")?,
            _ => {}
        }
        if let Some(terms) = execution.licence {
            let held = self.licences.get(&(execution.asset, terms, from)).copied().unwrap_or(0);
            ensure(
                held > 0 && !self.revoked.contains(&(execution.asset, terms)),
                "a good licence is held",
            )?;
        }
        ensure(
            execution.datasets.is_sorted_by(|one, other| one < other),
            "data by rising number",
        )?;
        ensure(execution.datasets.len() <= 32, "at most 32 datasets")?;
        for &dataset in &execution.datasets {
            self.exists(dataset)?;
        }
        let mut made = EventCounts::of(EventKind::ExecutionRequested, 1);
        if execution.fee_micros > 0 {
            self.hand_over(from, Venue::ExecutionLog, execution.fee_micros)?;
            made = made.and(EventKind::DollarsTransferred, 1);
        }
        let requested = Requested {
            execution: execution.clone(),
            requester: from,
            named: None,
            state: State::Open,
            recorded: false,
        };
        let fresh = self.boards.executions.insert(execution.input, requested).is_none();
        ensure(fresh, "an input is unique")?;
        Ok(made)
    }

    fn complete(&mut self, from: AccountNo, completion: &Completion) -> Checked<EventCounts> {
        let requested = open_execution(&mut self.boards.executions, &completion.execution)?;
        ensure(requested.execution.provider == from, "the provider completes")?;
        ensure(requested.execution.open_secs > SOON_SECS, "the deadline is far")?;
        let (requester, named) = (requested.requester, requested.named);
        let paid = requested.execution.fee_micros > 0;
        let mut records = false;
        if let Some(output) = completion.output {
            self.owned(output, if named == Some(output) { requester } else { from })?;
            records = self.boards.records.contains(&(Venue::ExecutionLog, output));
        }
        ensure(
            (paid, records) == (completion.paid, completion.recorded),
            "it ends as planned",
        )?;
        let requested = open_execution(&mut self.boards.executions, &completion.execution)?;
        requested.state = State::Completed;
        requested.recorded = records;
        let mut made = EventCounts::of(EventKind::ExecutionCompleted, 1);
        if records {
            made = made.and(EventKind::ContributionRecorded, 1);
        }
        if paid {
            for kind in [
                EventKind::DollarsApproved,
                EventKind::DollarsTransferred,
                EventKind::RevenueReceived,
            ] {
                made = made.and(kind, 1);
            }
        }
        Ok(made)
    }

    fn rounds(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        match work {
            Work::OpenRound(Round {
                asset,
                privacy,
                epsilon_micros,
                base,
                open_secs,
            }) => {
                self.owned(*asset, from)?;
                self.private(*privacy, *epsilon_micros)?;
                ensure((1..=YEAR_SECS).contains(open_secs), "a deadline in the future")?;
                let opened = Opened {
                    coordinator: from,
                    updates: HashSet::new(),
                    over: false,
                };
                ensure(self.boards.rounds.insert(*base, opened).is_none(), "a base is unique")?;
                Ok(EventCounts::of(EventKind::RoundOpened, 1))
            }
            Work::Update(Update {
                round, dataset, weight, ..
            }) => {
                if let Some(dataset) = dataset {
                    self.owned(*dataset, from)?;
                }
                let round = self.boards.rounds.get_mut(round).ok_or("the round exists")?;
                ensure(
                    !round.over && *weight > 0,
                    "the round takes updates that weigh something",
                )?;
                ensure(round.updates.insert(from), "one update for each")?;
                Ok(EventCounts::of(EventKind::UpdateSubmitted, 1))
            }
            Work::Aggregate(Aggregation {
                round,
                output,
                participants,
                ..
            }) => {
                self.owned(*output, from)?;
                let records = self.boards.records.contains(&(Venue::ExecutionLog, *output));
                ensure(records, "the log may record for the output")?;
                let round = self.boards.rounds.get_mut(round).ok_or("the round exists")?;
                ensure(round.coordinator == from && !round.over, "its coordinator ends it once")?;
                round.over = true;
                for participant in participants {
                    ensure(round.updates.remove(participant), "each participant counts once")?;
                }
                Ok(EventCounts::of(EventKind::RoundAggregated, 1)
                    .and(EventKind::ContributionRecorded, participants.len()))
            }
            _ => Err("there is no rule for this work".into()),
        }
    }

    fn challenges(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        let bond = EventCounts::of(EventKind::DollarsTransferred, 1);
        match work {
            Work::Challenge(name, claim) => {
                let requested = self.boards.executions.get_mut(name).ok_or("the execution exists")?;
                ensure(requested.state == State::Completed, "it was completed")?;
                requested.state = State::Challenged;
                let fresh = self.boards.challenges.insert(claim.evidence, (*name, true)).is_none();
                ensure(fresh, "evidence is unique")?;
                self.hand_over(from, Venue::ExecutionLog, BOND_MICROS)?;
                Ok(bond.and(EventKind::ExecutionChallenged, 1))
            }
            Work::DecideChallenge(name, upheld, voids) => {
                let (execution, open) = self.boards.challenges.get_mut(name).ok_or("the challenge exists")?;
                ensure(std::mem::take(open), "a challenge is decided once")?;
                let requested = self
                    .boards
                    .executions
                    .get_mut(execution)
                    .ok_or("the execution exists")?;
                requested.state = if *upheld { State::Refuted } else { State::Completed };
                ensure((*upheld && requested.recorded) == *voids, "it voids as planned")?;
                let voided = usize::from(*voids);
                Ok(bond
                    .and(EventKind::ChallengeResolved, 1)
                    .and(EventKind::ContributionVoided, voided))
            }
            _ => Err("there is no rule for this work".into()),
        }
    }

    fn disputes(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        let bond = EventCounts::of(EventKind::DollarsTransferred, 1);
        match work {
            Work::Dispute(asset, _, claim) => {
                self.exists(*asset)?;
                self.hand_over(from, Venue::DisputeCourt, BOND_MICROS)?;
                let fresh = self
                    .boards
                    .disputes
                    .insert(claim.evidence, (from, Case::Open))
                    .is_none();
                ensure(fresh, "evidence is unique")?;
                Ok(bond.and(EventKind::DisputeRaised, 1))
            }
            Work::Judge(name, ..) => {
                self.case(name, Case::Open, Case::Judged)?;
                Ok(EventCounts::of(EventKind::DisputeJudged, 1))
            }
            Work::Resolve(name) => {
                self.case(name, Case::Judged, Case::Over)?;
                Ok(bond.and(EventKind::DisputeResolved, 1))
            }
            Work::WithdrawDispute(name) => {
                ensure(
                    self.case(name, Case::Open, Case::Over)? == from,
                    "its challenger withdraws",
                )?;
                Ok(bond.and(EventKind::DisputeResolved, 1))
            }
            _ => Err("there is no rule for this work".into()),
        }
    }

    /// Moves a dispute on, and says who raised it.
    fn case(&mut self, name: &B256, before: Case, after: Case) -> Checked<AccountNo> {
        let (challenger, case) = self.boards.disputes.get_mut(name).ok_or("the dispute exists")?;
        ensure(*case == before, "the dispute is as far as that")?;
        *case = after;
        Ok(*challenger)
    }

    fn gateway(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        match work {
            Work::Announce(asset, chain) => {
                self.owned(*asset, from)?;
                ensure(
                    self.boards.announced.insert((*asset, *chain)),
                    "an asset is announced once",
                )?;
                Ok(EventCounts::of(EventKind::AssetAnnounced, 1))
            }
            Work::Mirror(mirror) => {
                let origin = (
                    mirror.origin_chain,
                    mirror.origin_gateway,
                    mirror.origin_registry,
                    mirror.origin_asset,
                );
                ensure(self.boards.mirrored.insert(origin), "an asset is mirrored once")?;
                Ok(EventCounts::of(EventKind::AssetMirrored, 1)
                    .and(EventKind::AssetRegistered, 1)
                    .and(EventKind::AssetTransferred, 1))
            }
            _ => Err("there is no rule for this work".into()),
        }
    }

    fn exists(&self, asset: AssetNo) -> Checked {
        ensure((asset as usize) < self.assets.len(), "the asset exists")
    }

    fn private(&self, privacy: PrivacyMode, epsilon_micros: u64) -> Checked {
        let differential = privacy == PrivacyMode::DifferentialPrivacy;
        ensure(
            differential == (epsilon_micros > 0),
            "differential privacy alone costs an epsilon",
        )
    }

    fn hand_over(&mut self, from: AccountNo, to: Venue, micros: u64) -> Checked {
        ensure(
            self.boards.takes_dollars.contains(&(to, from)),
            "the contract takes dollars",
        )?;
        take(&mut self.dollars, from, micros, "the payer has the money")
    }
}

fn open_task<'t>(tasks: &'t mut HashMap<B256, Posted>, name: &B256) -> Checked<&'t mut Posted> {
    let posted = tasks.get_mut(name).ok_or("the task exists")?;
    ensure(!posted.closed, "the task is open")?;
    Ok(posted)
}

fn open_execution<'t>(executions: &'t mut HashMap<B256, Requested>, name: &B256) -> Checked<&'t mut Requested> {
    let requested = executions.get_mut(name).ok_or("the execution exists")?;
    ensure(requested.state == State::Open, "the execution is open")?;
    Ok(requested)
}
