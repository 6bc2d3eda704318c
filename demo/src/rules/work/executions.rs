//! The execution log's rules: executions, federated rounds, challenges.

use std::collections::{HashMap, HashSet};

use alloy::primitives::B256;

use super::{BOND_MICROS, SOON_SECS, YEAR_SECS};
use crate::action::{AccountNo, AssetNo};
use crate::events::{EventCounts, EventKind};
use crate::rules::{Checked, Rules, ensure};
use crate::work::{Aggregation, Completion, Execution, Round, Update, Venue, Work};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Completed,
    Cancelled,
    Challenged,
    Refuted,
}

pub(super) struct Requested {
    execution: Execution,
    requester: AccountNo,
    named: Option<AssetNo>,
    state: State,
    recorded: bool,
}

pub(super) struct Opened {
    coordinator: AccountNo,
    updates: HashSet<AccountNo>,
    over: bool,
}

impl Rules<'_> {
    pub(super) fn executions(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
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

    pub(super) fn rounds(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
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

    pub(super) fn challenges(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
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
}

fn open_execution<'t>(executions: &'t mut HashMap<B256, Requested>, name: &B256) -> Checked<&'t mut Requested> {
    let requested = executions.get_mut(name).ok_or("the execution exists")?;
    ensure(requested.state == State::Open, "the execution is open")?;
    Ok(requested)
}
