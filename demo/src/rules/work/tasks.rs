//! The task board's rules.

use std::collections::{HashMap, HashSet};

use alloy::primitives::B256;
use souk_schema::event::TaskMode;

use super::{SOON_SECS, YEAR_SECS};
use crate::action::AccountNo;
use crate::events::{EventCounts, EventKind};
use crate::rules::{Checked, Rules, ensure, take};
use crate::work::{Outcome, Review, Submission, Task, Venue, Work};

pub(super) struct Posted {
    task: Task,
    poster: AccountNo,
    accepted: u32,
    waiting: u32,
    closed: bool,
}

pub(super) struct HandedIn {
    task: B256,
    worker: AccountNo,
    reviewers: HashSet<AccountNo>,
    accepts: usize,
    rejects: usize,
    decided: bool,
}

impl Rules<'_> {
    pub(super) fn tasks(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
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
}

fn open_task<'t>(tasks: &'t mut HashMap<B256, Posted>, name: &B256) -> Checked<&'t mut Posted> {
    let posted = tasks.get_mut(name).ok_or("the task exists")?;
    ensure(!posted.closed, "the task is open")?;
    Ok(posted)
}
