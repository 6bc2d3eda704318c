//! The part of a synthetic economy that tasks, executions and disputes have. Start at [`Workshop::round`].
//!
//! What needs an id of the chain comes a round later, in the stage that is there anyway: a stage of its own would cost a block, and a
//! dev chain computes its whole state root for every block.

use std::collections::BTreeMap;

use alloy::primitives::{B256, keccak256};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use souk_schema::event::{ContributionRole, DisputeTag, ExecutionKind, PrivacyMode, TaskMode};

use super::PEOPLE;
use super::pool::{Ancestor, Pool};
use super::round::{Round, labs, person};
use crate::action::{AccountNo, Action, AssetNo, Step};
use crate::work::{Claim, Completion, Execution, Outcome, Review, Submission, Task, Venue, Work};

/// Assets of a round for each task, execution and dispute.
const ASSETS_PER_TASK: usize = 64;
const ASSETS_PER_EXECUTION: usize = 12;
const ASSETS_PER_DISPUTE: usize = 512;
/// Items of one transaction at most.
const ITEMS_PER_STEP: usize = 25;
const SUBMISSIONS: usize = 4;
const MONTH_SECS: u64 = 30 * 86_400;

/// What goes on, round by round.
#[derive(Debug)]
pub(super) struct Workshop {
    edition: String,
    rng: ChaCha12Rng,
    /// Names given so far; each is unique.
    names: u64,
    /// Steps of the next round, and of the one behind it.
    next: Vec<Step>,
    behind: Vec<Step>,
}

/// Items by who sends them; those of an account go together.
type Batches<T> = BTreeMap<AccountNo, Vec<T>>;

impl Workshop {
    pub(super) fn new(edition: &str) -> Self {
        Self {
            edition: edition.into(),
            rng: ChaCha12Rng::from_seed(keccak256(format!("{edition} work")).0),
            names: 0,
            next: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// Lets the contracts take everybody's dollars.
    pub(super) fn opening() -> impl Iterator<Item = Step> {
        let let_take = |account, venue| Step::new(account, Action::Work(Work::LetTakeDollars(venue)));
        let of_labs = labs().map(move |lab| let_take(lab, Venue::TaskBoard));
        let of_people = (0..PEOPLE)
            .map(person)
            .flat_map(move |person| [Venue::ExecutionLog, Venue::DisputeCourt].map(|venue| let_take(person, venue)));
        of_labs.chain(of_people)
    }

    /// What a round brings: the continuation of earlier ones, and what begins with it.
    pub(super) fn round(&mut self, round: &Round, pool: &Pool) -> Vec<Step> {
        let mut steps = self.left();
        self.tasks(&mut steps, round);
        self.executions(&mut steps, round.drafts.len().div_ceil(ASSETS_PER_EXECUTION), pool);
        self.disputes(&mut steps, round.drafts.len().div_ceil(ASSETS_PER_DISPUTE), pool);
        steps
    }

    /// The continuation alone; empty when nothing is left.
    pub(super) fn left(&mut self) -> Vec<Step> {
        std::mem::replace(&mut self.next, std::mem::take(&mut self.behind))
    }

    fn tasks(&mut self, steps: &mut Vec<Step>, round: &Round) {
        let (mut consent, mut posts): (Batches<AssetNo>, Batches<Task>) = Default::default();
        let (mut submissions, mut reviews): (Batches<Submission>, Batches<Review>) = Default::default();
        for draft in round.drafts.iter().step_by(ASSETS_PER_TASK) {
            let spec = self.name();
            let reviewer = self.rng.random_range(0..PEOPLE);
            let task = Task {
                asset: draft.asset,
                spec,
                spec_uri: format!("data:,task-{}", draft.asset),
                mode: TaskMode::Paid,
                role: *[
                    ContributionRole::Collect,
                    ContributionRole::Label,
                    ContributionRole::Curate,
                ]
                .choose(&mut self.rng)
                .unwrap_or(&ContributionRole::Label),
                reward: self.rng.random_range(1_000_000..=50_000_000),
                points: 0,
                places: SUBMISSIONS as u32,
                quorum: 1,
                weight: self.rng.random_range(1..=100),
                reviewers: vec![person(reviewer)],
                open_secs: MONTH_SECS,
            };
            consent.entry(draft.owner).or_default().push(draft.asset);
            posts.entry(draft.owner).or_default().push(task);
            for number in 0..SUBMISSIONS {
                let content = self.name();
                let worker = person((reviewer + 1 + number) % PEOPLE);
                submissions.entry(worker).or_default().push(Submission {
                    task: spec,
                    content,
                    content_uri: format!("data:,work-{}-{number}", draft.asset),
                });
                let accepted = self.rng.random_ratio(4, 5);
                let outcome = if accepted {
                    Outcome::Accepts(TaskMode::Paid)
                } else {
                    Outcome::Rejects
                };
                reviews.entry(person(reviewer)).or_default().push(Review {
                    submission: content,
                    accepted,
                    note: keccak256(content),
                    outcome,
                });
            }
        }
        batched(steps, consent, |assets| Work::LetRecord(Venue::TaskBoard, assets));
        batched(steps, posts, Work::Post);
        batched(&mut self.next, submissions, Work::Submit);
        batched(&mut self.behind, reviews, Work::Review);
    }

    /// People ask remembered assets; those who own them answer.
    fn executions(&mut self, steps: &mut Vec<Step>, count: usize, pool: &Pool) {
        let (mut requests, mut completions): (Batches<Execution>, Batches<Completion>) = Default::default();
        for _ in 0..count {
            let Some(&Ancestor { asset, owner, .. }) = pool.popular(&mut self.rng) else {
                return;
            };
            let input = self.name();
            let private = self.rng.random_ratio(1, 20);
            let kinds = [
                ExecutionKind::Inference,
                ExecutionKind::Inference,
                ExecutionKind::Evaluation,
            ];
            let execution = Execution {
                asset,
                caller: None,
                parent: None,
                kind: *kinds.choose(&mut self.rng).unwrap_or(&ExecutionKind::Inference),
                licence: None,
                provider: owner,
                fee_micros: self.rng.random_range(1_000..=5_000_000),
                privacy: if private {
                    PrivacyMode::DifferentialPrivacy
                } else {
                    PrivacyMode::None
                },
                epsilon_micros: if private {
                    self.rng.random_range(10_000..=2_000_000)
                } else {
                    0
                },
                datasets: if private { vec![asset] } else { Vec::new() },
                input,
                open_secs: MONTH_SECS,
            };
            let requester = person(self.rng.random_range(0..PEOPLE));
            requests.entry(requester).or_default().push(execution);
            completions.entry(owner).or_default().push(Completion {
                execution: input,
                output: None,
                output_hash: keccak256(input),
                metered_units: self.rng.random_range(1..=1_000),
                paid: true,
                recorded: false,
            });
        }
        batched(steps, requests, Work::Request);
        batched(&mut self.next, completions, Work::Complete);
    }

    /// People dispute remembered assets; half of them think better of it.
    fn disputes(&mut self, steps: &mut Vec<Step>, count: usize, pool: &Pool) {
        for _ in 0..count {
            let Some(number) = pool.any(&mut self.rng) else { return };
            let asset = pool.get(number).asset;
            let challenger = person(self.rng.random_range(0..PEOPLE));
            let evidence = self.name();
            let claim = Claim {
                evidence,
                evidence_uri: format!("data:,dispute-{asset}"),
            };
            let tag = *DisputeTag::ALL.choose(&mut self.rng).unwrap_or(&DisputeTag::Content);
            steps.push(Step::new(challenger, Action::Work(Work::Dispute(asset, tag, claim))));
            if self.rng.random_ratio(1, 2) {
                let withdraw = Action::Work(Work::WithdrawDispute(evidence));
                self.next.push(Step::new(challenger, withdraw));
            }
        }
    }

    fn name(&mut self) -> B256 {
        self.names += 1;
        keccak256(format!("work {} of {}", self.names, self.edition))
    }
}

fn batched<T: Clone>(steps: &mut Vec<Step>, batches: Batches<T>, work: impl Fn(Vec<T>) -> Work) {
    for (from, items) in batches {
        let chunks = items.chunks(ITEMS_PER_STEP);
        steps.extend(chunks.map(|chunk| Step::new(from, Action::Work(work(chunk.to_vec())))));
    }
}
