//! What people do with the contracts of the economy: tasks on well-known datasets, executions that made some of the tree's models, agents
//! that call agents, a federated round, disputes, and what is said of other chains.
//!
//! Who published what is as in the tree; that anybody posted, executed or disputed any of it is made up. Everything here comes behind
//! the rest of the economy and draws from a seed of its own, so a chain that has an older demo takes it as more of the same. Start at
//! [`Working::stages`].

mod calls;
mod chains;
mod disputes;
mod executions;
mod rounds;
mod tasks;

use alloy::primitives::{B256, keccak256};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use std::collections::{BTreeMap, BTreeSet};

use super::offers::Offers;
use super::{Cast, data_uri, stage};
use crate::action::{AccountNo, Action, Allotments, AssetNo, Stage, Step};
use crate::family::Family;
use crate::work::{Claim, Venue, Work};

/// How long most tasks, executions and rounds are open.
const MONTH_SECS: u64 = 30 * 86_400;
/// How long what ends with a missed deadline is open: the load waits for the end of it, and its transaction has to be mined before, on a busy
/// machine too.
const BRIEF_SECS: u64 = 8;

/// When something happens: a stage each, in this order. What needs an id or a decision of somebody else comes a stage later. The rulings
/// are early, so that nobody waits for the end of the appeals; what can only be done once a judge ruled is last, because a chain with
/// another judge never sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Consent,
    Claims,
    Brief,
    Rulings,
    Postings,
    Calls,
    CallsOfCalls,
    Work,
    FirstReviews,
    SecondReviews,
    ThirdReviews,
    Decisions,
    Closings,
    Resolutions,
}

impl When {
    fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent to tasks and executions",
            Self::Claims => "disputes and announcements",
            Self::Brief => "what nobody will take",
            Self::Rulings => "rulings and mirrors",
            Self::Postings => "tasks, executions and rounds",
            Self::Calls => "submissions, and calls of agents",
            Self::CallsOfCalls => "updates, and calls of calls",
            Self::Work => "executions, the innermost first",
            Self::FirstReviews => "first reviews",
            Self::SecondReviews => "second reviews",
            Self::ThirdReviews => "third reviews and challenges",
            Self::Decisions => "decisions of challenges",
            Self::Closings => "tasks closed, executions cancelled",
            Self::Resolutions => "disputes resolved",
        }
    }
}

/// What the parts draw from and write to.
pub(super) struct Working<'a> {
    edition: &'a str,
    family: &'a Family,
    cast: &'a Cast,
    offers: &'a Offers,
    issues: &'a [(AssetNo, Allotments)],
    /// Owner of each asset by now.
    owners: Vec<AccountNo>,
    rng: ChaCha12Rng,
    timetable: BTreeMap<When, Vec<Step>>,
    /// Who lets which contract take dollars.
    payers: BTreeSet<(AccountNo, u8)>,
    /// Which contract may record for which asset.
    recorders: BTreeSet<(AssetNo, u8)>,
}

/// What the parts drew.
pub(super) struct Drawn {
    /// In order.
    pub(super) stages: Vec<Stage>,
    /// Who creates the points, as its how-manieth step of these.
    pub(super) points: Option<(AccountNo, u64)>,
}

impl<'a> Working<'a> {
    pub(super) fn new(
        edition: &'a str,
        family: &'a Family,
        cast: &'a Cast,
        offers: &'a Offers,
        issues: &'a [(AssetNo, Allotments)],
        owners: Vec<AccountNo>,
    ) -> Self {
        Self {
            edition,
            family,
            cast,
            offers,
            issues,
            owners,
            rng: ChaCha12Rng::from_seed(keccak256(format!("{edition} work")).0),
            timetable: BTreeMap::new(),
            payers: BTreeSet::new(),
            recorders: BTreeSet::new(),
        }
    }

    /// Draws everything.
    pub(super) fn stages(mut self) -> Drawn {
        self.draw_tasks();
        self.draw_executions();
        self.draw_calls();
        self.draw_rounds();
        self.draw_disputes();
        self.draw_other_chains();
        let creates = |step: &Step| step.action == Action::Work(Work::CreatePoints);
        let consent = self.timetable.entry(When::Consent).or_default();
        let points = consent.iter().position(creates).map(|place| {
            let creator = consent[place].from;
            let before = consent[..place].iter().filter(|step| step.from == creator).count();
            (creator, before as u64)
        });
        let stages = self
            .timetable
            .into_iter()
            .map(|(when, steps)| stage(when.name(), steps))
            .collect();
        Drawn { stages, points }
    }

    fn at(&mut self, when: When, from: AccountNo, work: Work) {
        let steps = self.timetable.entry(when).or_default();
        steps.push(Step::new(from, Action::Work(work)));
    }

    /// Lets the contract take the account's dollars, if it may not yet.
    fn let_pay(&mut self, account: AccountNo, venue: Venue) {
        if self.payers.insert((account, venue as u8)) {
            self.at(When::Consent, account, Work::LetTakeDollars(venue));
        }
    }

    /// Lets the contract record for the asset, if it may not yet.
    fn let_record(&mut self, asset: AssetNo, venue: Venue) {
        if self.recorders.insert((asset, venue as u8)) {
            let owner = self.owner(asset);
            self.at(When::Consent, owner, Work::LetRecord(venue, vec![asset]));
        }
    }

    fn owner(&self, asset: AssetNo) -> AccountNo {
        self.owners[asset as usize]
    }

    fn find(&self, slug: &str) -> Option<AssetNo> {
        self.family.find(slug).map(|number| number as AssetNo)
    }

    fn slug(&self, asset: AssetNo) -> &'a str {
        &self.family.entries()[asset as usize].slug
    }

    /// A hash that nothing else of any economy has.
    fn hash(&self, what: &str) -> B256 {
        keccak256(format!("{what} of {}", self.edition))
    }

    /// A document that says what it is about, and its hash.
    fn document(&self, title: &str, about: &str) -> (B256, String) {
        let document = serde_json::json!({
            "about": about,
            "economy": self.edition,
            "note": "made up for the demo",
            "title": title,
        })
        .to_string();
        (keccak256(&document), data_uri(&document))
    }

    fn claim(&self, title: &str, about: &str) -> Claim {
        let (evidence, evidence_uri) = self.document(title, about);
        Claim { evidence, evidence_uri }
    }
}
