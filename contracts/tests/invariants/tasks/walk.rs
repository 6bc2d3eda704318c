//! A random walk beside a naive model: escrow in is rewards and refunds out, in all three modes.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolEvent;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use souk_contracts::AssetRegistry::NotAuthorised;
use souk_contracts::TaskBoard::{
    AlreadyDecided, AlreadyReviewed, InvalidQuorum, NoPlacesLeft, NotARecorder, NotAReviewer, NotThePoster, RewardPaid,
    TaskInput, TaskIsClosed, UnknownSubmission, UnknownTask, WindowOver, WindowStillOpen, WorkByReviewer,
};

use super::{close, open, post, review, submit};
use crate::property::{Coverage, for_all};
use crate::wired::{Expected, REVIEW_SECS, ensure};
use crate::world::{ACTORS, START_BALANCE, World};

#[derive(Clone, Debug)]
struct Post {
    by: usize,
    asset: u64,
    mode: u8,
    reward: u64,
    places: u32,
    quorum: u8,
    reviewers: [bool; 4],
    secs: u64,
}

/// Who acts is one of the actors, or, with a higher number, whoever may. Tasks and submissions are numbers that are taken modulo how
/// many there are and one that there is not.
#[derive(Clone, Debug)]
enum Op {
    Post(Post),
    Submit {
        by: usize,
        task: usize,
    },
    Review {
        by: usize,
        submission: usize,
        accepted: bool,
    },
    Close {
        by: usize,
        task: usize,
    },
    Authorise {
        asset: u64,
        allowed: bool,
    },
    Pass {
        secs: u64,
    },
}

fn ops() -> impl Strategy<Value = Op> {
    let by = || 0..ACTORS.len();
    let allowed = prop_oneof![4 => Just(true), 1 => Just(false)];
    let reviewers = prop_oneof![
        any::<[bool; 4]>(),
        Just([true, true, true, false]),
        Just([true, false, true, false])
    ];
    let quorum = prop_oneof![1 => 0..4_u8, 4 => 1..3_u8];
    let posts = (
        0..3 * ACTORS.len(),
        1..3_u64,
        0..3_u8,
        1..50_u64,
        1..4_u32,
        quorum,
        reviewers,
        20..200_u64,
    );
    prop_oneof![
        3 => posts.prop_map(|(by, asset, mode, reward, places, quorum, reviewers, secs)| {
            let by = if by < ACTORS.len() { by } else { asset as usize - 1 };
            Op::Post(Post { by, asset, mode, reward, places, quorum, reviewers, secs })
        }),
        6 => (by(), 0..60_usize).prop_map(|(by, task)| Op::Submit { by, task }),
        16 => (by(), 0..60_usize, prop_oneof![3 => Just(true), 2 => Just(false)])
            .prop_map(|(by, submission, accepted)| Op::Review { by, submission, accepted }),
        3 => (0..3 * ACTORS.len(), 0..60_usize).prop_map(|(by, task)| Op::Close { by, task }),
        1 => (1..3_u64, allowed).prop_map(|(asset, allowed)| Op::Authorise { asset, allowed }),
        3 => (1..40_u64).prop_map(|secs| Op::Pass { secs }),
    ]
}

/// A token and an id, which is 0 but for shares.
type Instrument = (Address, u64);

struct Task {
    post: Post,
    rewards: Vec<(Instrument, u64)>,
    deadline: u64,
    accepted: u32,
    closed: bool,
}

struct Submission {
    task: usize,
    worker: Address,
    verdicts: BTreeMap<usize, bool>,
    decided: bool,
}

/// The board, the obvious way. Ids are places in the lists, from 1.
#[derive(Default)]
struct Model {
    tasks: Vec<Task>,
    submissions: Vec<Submission>,
    /// What each account gained by the board.
    gains: BTreeMap<(Address, Instrument), i64>,
    unrecorded: [bool; 3],
    contributions: u64,
}

#[test]
fn the_board_does_what_the_model_says() {
    let coverage = Coverage::new();
    for_all(160, &vec(ops(), 20..90), |ops| {
        let mut world = open();
        let mut model = Model::default();
        for op in &ops {
            let name = model.step(&mut world, op);
            if let Some(outcome) = name {
                coverage.saw(outcome);
            }
            model.compare(&mut world);
        }
        model.close_everything(&mut world);
    });
    let steps = [
        "post",
        "post dual",
        "post community",
        "submit",
        "accept",
        "reject",
        "close",
    ];
    coverage.require(&steps.map(|step| (step, true)));
    coverage.require(&["post", "submit", "accept", "reject", "close"].map(|step| (step, false)));
    coverage.require(&[
        ("paid", true),
        ("paid dual", true),
        ("paid community", true),
        ("rejected", true),
    ]);
    coverage.require(&[("paid unrecorded", true)]);
}

impl Post {
    fn names(&self) -> [&'static str; 2] {
        [
            ["post", "paid"],
            ["post dual", "paid dual"],
            ["post community", "paid community"],
        ][usize::from(self.mode)]
    }

    fn rewards(&self, world: &World) -> Vec<(Instrument, u64)> {
        let dollars = (world.at.test_usd, 0);
        match self.mode {
            0 => vec![(dollars, self.reward)],
            1 => vec![(dollars, self.reward), ((world.reentrant_token, 0), 2 * self.reward)],
            _ => vec![((world.at.asset_shares, self.asset), self.reward)],
        }
    }

    fn reviewers(&self) -> Vec<Address> {
        let chosen = ACTORS.into_iter().zip(self.reviewers);
        chosen.filter_map(|(actor, chosen)| chosen.then_some(actor)).collect()
    }

    fn input(&self, world: &World) -> TaskInput {
        let rewards = self.rewards(world);
        let second = rewards.get(1).copied().unwrap_or_default();
        TaskInput {
            assetId: U256::from(self.asset),
            mode: self.mode,
            rewardToken: rewards[0].0.0,
            reward: U256::from(self.reward),
            secondToken: second.0.0,
            secondReward: U256::from(second.1),
            places: self.places,
            quorum: self.quorum,
            deadline: world.now_secs() + self.secs,
            reviewers: self.reviewers(),
            ..world.task()
        }
    }
}

impl Model {
    /// Takes a step; what it led to, if it is worth counting.
    fn step(&mut self, world: &mut World, op: &Op) -> Option<(&'static str, bool)> {
        match op {
            Op::Post(post) => Some(self.post(world, post)),
            Op::Submit { by, task } => {
                let task = &(task % (self.tasks.len() + 1));
                let expected = self.may_submit(world, *by, *task);
                let call = submit(U256::from(task + 1));
                let went = world.expect(ACTORS[*by], world.board(), &call, expected).is_some();
                if went {
                    self.submissions.push(Submission {
                        task: *task,
                        worker: ACTORS[*by],
                        verdicts: BTreeMap::new(),
                        decided: false,
                    });
                }
                Some(("submit", went))
            }
            Op::Review {
                by,
                submission,
                accepted,
            } => {
                let submission = submission % (self.submissions.len() + 1);
                Some(self.review(world, *by, submission, *accepted))
            }
            Op::Close { by, task } => {
                let task = &(task % (self.tasks.len() + 1));
                let poster = self.tasks.get(*task).map_or(0, |task| task.post.by);
                let by = ACTORS.get(*by).copied().unwrap_or(ACTORS[poster]);
                let expected = self.may_close(world, by, *task);
                let call = close(U256::from(task + 1));
                let went = world.expect(by, world.board(), &call, expected).is_some();
                if went {
                    self.close(*task);
                }
                Some(("close", went))
            }
            Op::Authorise { asset, allowed } => {
                world.authorise_board(ACTORS[*asset as usize - 1], *asset, *allowed);
                self.unrecorded[*asset as usize] = !allowed;
                None
            }
            Op::Pass { secs } => {
                world.pass(*secs);
                None
            }
        }
    }

    fn post(&mut self, world: &mut World, wanted: &Post) -> (&'static str, bool) {
        let reviewers = wanted.reviewers().len();
        let expected = ensure::<NotAuthorised>(wanted.by + 1 == wanted.asset as usize)
            .and(ensure::<InvalidQuorum>(
                (1..=reviewers).contains(&usize::from(wanted.quorum)),
            ))
            .and(ensure::<NotARecorder>(!self.unrecorded[wanted.asset as usize]));
        let input = wanted.input(world);
        let deadline = input.deadline;
        let went = world
            .expect(ACTORS[wanted.by], world.board(), &post(input), expected)
            .is_some();
        if !went {
            return ("post", false);
        }
        let rewards = wanted.rewards(world);
        for &(instrument, amount) in &rewards {
            self.gain(
                ACTORS[wanted.by],
                instrument,
                -(amount as i64) * i64::from(wanted.places),
            );
        }
        self.tasks.push(Task {
            post: wanted.clone(),
            rewards,
            deadline,
            accepted: 0,
            closed: false,
        });
        (wanted.names()[0], true)
    }

    fn open(&self, task: usize) -> Expected {
        ensure::<UnknownTask>(task < self.tasks.len()).and_then(|()| ensure::<TaskIsClosed>(!self.tasks[task].closed))
    }

    fn may_submit(&self, world: &World, by: usize, task: usize) -> Expected {
        self.open(task)?;
        let found = &self.tasks[task];
        ensure::<WindowOver>(world.now_secs() < found.deadline)?;
        ensure::<NoPlacesLeft>(found.accepted < found.post.places)?;
        ensure::<WorkByReviewer>(!found.post.reviewers[by])
    }

    fn may_close(&self, world: &World, by: Address, task: usize) -> Expected {
        self.open(task)?;
        let found = &self.tasks[task];
        ensure::<NotThePoster>(by == ACTORS[found.post.by])?;
        let waits = self
            .submissions
            .iter()
            .any(|submission| submission.task == task && !submission.decided);
        let end = found.deadline + if waits { REVIEW_SECS } else { 0 };
        ensure::<WindowStillOpen>(found.accepted == found.post.places || world.now_secs() >= end)
    }

    fn may_review(&self, world: &World, by: usize, submission: usize, accepted: bool) -> Expected {
        ensure::<UnknownSubmission>(submission < self.submissions.len())?;
        let found = &self.submissions[submission];
        let task = &self.tasks[found.task];
        ensure::<TaskIsClosed>(!task.closed)?;
        ensure::<NotAReviewer>(task.post.reviewers[by])?;
        ensure::<WindowOver>(world.now_secs() < task.deadline + REVIEW_SECS)?;
        ensure::<AlreadyDecided>(!found.decided)?;
        ensure::<AlreadyReviewed>(!found.verdicts.contains_key(&by))?;
        ensure::<NoPlacesLeft>(!accepted || task.accepted < task.post.places)
    }

    fn review(&mut self, world: &mut World, by: usize, submission: usize, accepted: bool) -> (&'static str, bool) {
        let expected = self.may_review(world, by, submission, accepted);
        let call = review(U256::from(submission + 1), accepted);
        let name = if accepted { "accept" } else { "reject" };
        let Some(done) = world.expect(ACTORS[by], world.board(), &call, expected) else {
            return (name, false);
        };
        let found = &mut self.submissions[submission];
        found.verdicts.insert(by, accepted);
        let of = |verdict: bool| found.verdicts.values().filter(|&&said| said == verdict).count();
        let task = &mut self.tasks[found.task];
        let (quorum, reviewers) = (usize::from(task.post.quorum), task.post.reviewers().len());
        let paid: Vec<_> = done
            .logs
            .iter()
            .filter_map(|log| RewardPaid::decode_log(log).ok())
            .collect();
        if of(true) == quorum {
            found.decided = true;
            task.accepted += 1;
            let (worker, rewards, post) = (found.worker, task.rewards.clone(), task.post.clone());
            let unrecorded = self.unrecorded[post.asset as usize];
            self.contributions += u64::from(!unrecorded);
            let contribution = U256::from(if unrecorded { 0 } else { self.contributions });
            assert_eq!(paid.len(), rewards.len());
            for (event, (instrument, amount)) in paid.iter().zip(rewards) {
                assert_eq!((event.token, event.amount), (instrument.0, U256::from(amount)));
                assert_eq!((event.worker, event.contributionId), (worker, contribution));
                self.gain(worker, instrument, amount as i64);
            }
            return (if unrecorded { "paid unrecorded" } else { post.names()[1] }, true);
        }
        assert!(paid.is_empty(), "paid before its time");
        if of(true) + (reviewers - found.verdicts.len()) < quorum {
            found.decided = true;
            return ("rejected", true);
        }
        (name, true)
    }

    fn close(&mut self, task: usize) {
        let found = &mut self.tasks[task];
        found.closed = true;
        let (poster, left) = (ACTORS[found.post.by], i64::from(found.post.places - found.accepted));
        for (instrument, amount) in found.rewards.clone() {
            self.gain(poster, instrument, amount as i64 * left);
        }
    }

    fn gain(&mut self, account: Address, instrument: Instrument, amount: i64) {
        *self.gains.entry((account, instrument)).or_default() += amount;
    }

    fn compare(&self, world: &mut World) {
        let board = world.board();
        let (dollars, other, shares) = (world.at.test_usd, world.reentrant_token, world.at.asset_shares);
        for instrument in [(dollars, 0), (other, 0), (shares, 1), (shares, 2)] {
            let mut all = 0;
            for actor in ACTORS {
                let gain = self.gains.get(&(actor, instrument)).copied().unwrap_or_default();
                let start = match instrument {
                    (_, 0) => START_BALANCE as i64,
                    (_, asset) if ACTORS[asset as usize - 1] == actor => super::SHARES as i64,
                    _ => 0,
                };
                assert_eq!(held(world, actor, instrument), start + gain, "{actor} {instrument:?}");
                all += gain;
            }
            let open = self.tasks.iter().filter(|task| !task.closed);
            let owed: i64 = open
                .flat_map(|task| task.rewards.iter().map(move |reward| (task, reward)))
                .filter(|(_, (of, _))| *of == instrument)
                .map(|(task, (_, amount))| *amount as i64 * i64::from(task.post.places - task.accepted))
                .sum();
            assert_eq!(
                held(world, board, instrument),
                owed,
                "the board holds what open places are owed"
            );
            assert_eq!(all + owed, 0, "nothing is made or lost");
        }
        assert_eq!(world.contributions(), U256::from(self.contributions));
    }

    /// After all deadlines every poster gets out what nobody earned, and the board is empty.
    fn close_everything(&mut self, world: &mut World) {
        world.pass(1_000);
        for task in 0..self.tasks.len() {
            if !self.tasks[task].closed {
                world.must(
                    ACTORS[self.tasks[task].post.by],
                    world.board(),
                    &close(U256::from(task + 1)),
                );
                self.close(task);
            }
        }
        self.compare(world);
        assert!(self.tasks.iter().all(|task| task.accepted <= task.post.places));
    }
}

fn held(world: &mut World, account: Address, (token, id): Instrument) -> i64 {
    let balance = if id == 0 {
        world.balance(token, account)
    } else {
        world.shares(account, id)
    };
    balance.to()
}
