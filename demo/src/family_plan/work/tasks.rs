//! Tasks: what is to be done, who hands in what, who says what about it, and how they end.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use souk_schema::event::{AssetKind, ContributionRole, TaskMode};

use super::{BRIEF_SECS, MONTH_SECS, When, Working};
use crate::action::{AccountNo, AssetNo};
use crate::work::{Outcome, Review, Submission, Task, Venue, Work};

/// How a task goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// All places are taken, and the poster closes it.
    Complete,
    /// Some work is accepted, some rejected, some waits; it stays open.
    Open,
    /// Nobody comes, and the poster gets everything back after the deadline.
    Abandoned,
}

/// Dataset, what to do, what it is called, and the course. What is paid in shares is drawn from the datasets that have some.
const PAID: [(&str, ContributionRole, &str, Course); 6] = [
    (
        "oasst1",
        ContributionRole::Label,
        "Rank the replies of 500 conversations",
        Course::Open,
    ),
    (
        "coco",
        ContributionRole::Label,
        "Draw the masks of 200 kitchen photographs",
        Course::Complete,
    ),
    (
        "imagenet",
        ContributionRole::Review,
        "Check 1,000 labels of dog breeds",
        Course::Open,
    ),
    (
        "squad-v2",
        ContributionRole::Collect,
        "Write 300 questions that the text does not answer",
        Course::Open,
    ),
    (
        "dolly-15k",
        ContributionRole::Curate,
        "Take near-duplicates out of the brainstorming prompts",
        Course::Complete,
    ),
    (
        "natural-questions",
        ContributionRole::Label,
        "Mark long answers in 400 articles",
        Course::Abandoned,
    ),
];
const DUAL: [(&str, ContributionRole, &str, Course); 2] = [
    (
        "hh-rlhf",
        ContributionRole::Label,
        "Choose the more helpful of two answers, 800 times",
        Course::Open,
    ),
    (
        "helpsteer2",
        ContributionRole::Review,
        "Rate 300 answers on five scales",
        Course::Complete,
    ),
];
const COMMUNITY_TASKS: usize = 2;

/// Points that each poster of a dual reward makes for itself.
const POINTS: u64 = 1_000_000;
/// Places of a task that goes on, and submissions to it at most: there is always room.
const PLACES: u32 = 12;
const MOST_SUBMISSIONS: usize = 8;
const REVIEWERS: usize = 3;
const QUORUM: u8 = 2;
/// How the reviewers of a submission may vote, each a stage after the one before.
const VOTES: [&[bool]; 6] = [
    &[true, true],
    &[true, true],
    &[true, false, true],
    &[false, false],
    &[true],
    &[],
];

impl Working<'_> {
    pub(super) fn draw_tasks(&mut self) {
        for (slug, role, title, course) in PAID {
            if let Some(asset) = self.find(slug) {
                self.draw_task(asset, TaskMode::Paid, role, title, course);
            }
        }
        self.draw_points();
        for (slug, role, title, course) in DUAL {
            if let Some(asset) = self.find(slug) {
                self.draw_task(asset, TaskMode::DualReward, role, title, course);
            }
        }
        for asset in self.datasets_with_shares() {
            let title = "Collect 50 further records, for a part of the whole";
            self.draw_task(
                asset,
                TaskMode::Community,
                ContributionRole::Collect,
                title,
                Course::Open,
            );
        }
    }

    /// The first poster of a dual reward creates the points; each makes some.
    fn draw_points(&mut self) {
        let posters: Vec<AccountNo> = DUAL
            .iter()
            .filter_map(|(slug, ..)| Some(self.owner(self.find(slug)?)))
            .collect();
        let Some(&creator) = posters.first() else { return };
        self.at(When::Consent, creator, Work::CreatePoints);
        for poster in posters {
            // The token is there a stage later, and its address from the beginning.
            self.at(When::Claims, poster, Work::MakePoints(POINTS));
            self.at(When::Claims, poster, Work::LetTakePoints);
        }
    }

    fn datasets_with_shares(&mut self) -> Vec<AssetNo> {
        let kind = |asset: AssetNo| self.family.entries()[asset as usize].kind;
        let issued = self.issues.iter().map(|(asset, _)| *asset);
        let mut datasets: Vec<AssetNo> = issued.filter(|&asset| kind(asset) == AssetKind::Dataset).collect();
        datasets.shuffle(&mut self.rng);
        datasets.truncate(COMMUNITY_TASKS);
        for &asset in &datasets {
            let owner = self.owner(asset);
            self.at(When::Consent, owner, Work::LetTakeShares);
        }
        datasets
    }

    fn draw_task(&mut self, asset: AssetNo, mode: TaskMode, role: ContributionRole, title: &str, course: Course) {
        let poster = self.owner(asset);
        let mut people: Vec<AccountNo> = self.cast.contributors.clone().collect();
        people.shuffle(&mut self.rng);
        let reviewers: Vec<AccountNo> = people.drain(..REVIEWERS).collect();
        let submissions = match course {
            Course::Complete => 4,
            Course::Open => self.rng.random_range(5..=MOST_SUBMISSIONS),
            Course::Abandoned => 0,
        };
        let slug = self.slug(asset);
        let (spec, spec_uri) = self.document(title, slug);
        let task = Task {
            asset,
            spec,
            spec_uri,
            mode,
            role,
            reward: match mode {
                TaskMode::Community => self.rng.random_range(10..=60),
                TaskMode::Paid | TaskMode::DualReward => self.rng.random_range(5_000_000..=250_000_000),
            },
            points: if mode == TaskMode::DualReward {
                self.rng.random_range(50..=500)
            } else {
                0
            },
            places: if course == Course::Complete {
                submissions as u32
            } else {
                PLACES
            },
            quorum: QUORUM,
            weight: self.rng.random_range(5..=60),
            reviewers: reviewers.clone(),
            open_secs: if course == Course::Abandoned {
                BRIEF_SECS
            } else {
                MONTH_SECS
            },
        };
        self.let_record(asset, Venue::TaskBoard);
        if mode != TaskMode::Community {
            self.let_pay(poster, Venue::TaskBoard);
        }
        let posted = if course == Course::Abandoned {
            When::Brief
        } else {
            When::Postings
        };
        self.at(posted, poster, Work::Post(vec![task]));
        for number in 0..submissions {
            // People may hand in more than once.
            let worker = people[number % people.len()];
            self.draw_submission(
                spec,
                (mode, course),
                &format!("{title}: {slug}, piece {number}"),
                worker,
                &reviewers,
            );
        }
        if course != Course::Open {
            let refunds = course == Course::Abandoned;
            self.at(When::Closings, poster, Work::CloseTask(spec, mode, refunds));
        }
    }

    fn draw_submission(
        &mut self,
        task: alloy::primitives::B256,
        (mode, course): (TaskMode, Course),
        title: &str,
        worker: AccountNo,
        reviewers: &[AccountNo],
    ) {
        let (content, content_uri) = self.document(title, "a submission");
        let submission = Submission {
            task,
            content,
            content_uri,
        };
        self.at(When::Calls, worker, Work::Submit(vec![submission]));
        let votes = match course {
            Course::Complete => VOTES[0],
            Course::Open | Course::Abandoned => *VOTES.choose(&mut self.rng).unwrap_or(&VOTES[0]),
        };
        let stages = [When::FirstReviews, When::SecondReviews, When::ThirdReviews];
        for (number, &accepted) in votes.iter().enumerate() {
            let review = Review {
                submission: content,
                accepted,
                note: self.hash(&format!("note {number} on {title}")),
                outcome: outcome(&votes[..=number], mode),
            };
            self.at(stages[number], reviewers[number], Work::Review(vec![review]));
        }
    }
}

/// What the last of these votes brings about.
fn outcome(votes: &[bool], mode: TaskMode) -> Outcome {
    let alike = votes.iter().filter(|&vote| Some(vote) == votes.last()).count();
    match votes.last() {
        Some(true) if alike == usize::from(QUORUM) => Outcome::Accepts(mode),
        Some(false) if alike > REVIEWERS - usize::from(QUORUM) => Outcome::Rejects,
        _ => Outcome::Waits,
    }
}
