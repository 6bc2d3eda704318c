//! Larger economies of the demo's shape, as a stream: memory stays the same however many events are asked for.
//!
//! Assets come in rounds. Those of a round descend from earlier ones, popular ones more often, and everything that an account does in a
//! round goes in a few batched transactions. Never does I/O. Start at [`Synthetic::new`].

#![deny(clippy::disallowed_methods)]

mod pool;
mod round;
mod work;

use alloy::primitives::{B256, keccak256};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use souk_contracts::Deployment;
use souk_schema::event::RoyaltyPolicy;

use crate::action::{AccountNo, Action, AssetNo, Economy, NewAsset, Stage, Step, TermsNo};
use crate::cast::Account;
use crate::events::EventCounts;
use crate::licences::{public_terms, royalty_terms};
use pool::Pool;
use round::{Draft, Round};
use work::Workshop;

/// What each account gets to spend, in millionths of a test dollar.
const PURSE_MICROS: u64 = 1_000_000_000_000_000_000;
/// Who registers everything, so that ids follow from one account's order.
const REGISTRAR: AccountNo = 0;
const LABS: usize = 32;
const PEOPLE: usize = 32;
/// Assets of a full round.
const ROUND_ASSETS: u64 = 2_048;
/// Events that an asset brings along, about; rounds are cut short by it near the end.
const EVENTS_PER_ASSET: u64 = 22;
const ASSETS_PER_STEP: usize = 64;

/// Terms by number: two public licences, then those that sell.
const PERMISSIVE: TermsNo = 0;
const NON_COMMERCIAL: TermsNo = 1;
const ROYALTIES: std::ops::Range<TermsNo> = 2..5;

/// A synthetic economy: an iterator of stages until so many events are made.
#[derive(Debug)]
pub struct Synthetic {
    economy: Economy,
    rng: ChaCha12Rng,
    events_target: u64,
    made: EventCounts,
    pool: Pool,
    next_asset: AssetNo,
    rounds: u64,
    pending: Option<Round>,
    opened: bool,
    workshop: Option<Workshop>,
}

impl Synthetic {
    /// The economy of a seed with at least `events_target` events. Another target gives another economy, with accounts of its own. Nobody
    /// posts tasks, executes or disputes.
    pub fn new(seed: u64, events_target: u64) -> Self {
        Self::of(format!("synthetic-{seed}-{events_target}"), events_target)
    }

    /// The same with a small share of tasks, executions and disputes.
    pub fn with_work(seed: u64, events_target: u64) -> Self {
        let mut synthetic = Self::of(format!("working-{seed}-{events_target}"), events_target);
        synthetic.workshop = Some(Workshop::new(&synthetic.economy.edition));
        synthetic
    }

    /// [`Self::with_work`] where the deployment has the contracts for it, else [`Self::new`].
    pub fn on(deployment: &Deployment, seed: u64, events_target: u64) -> Self {
        let to = &deployment.addresses;
        match (to.task_board, to.execution_log, to.dispute_court) {
            (Some(_), Some(_), Some(_)) => Self::with_work(seed, events_target),
            _ => Self::new(seed, events_target),
        }
    }

    fn of(edition: String, events_target: u64) -> Self {
        let labs = (1..=LABS).map(|number| format!("Lab {number}"));
        let people = (1..=PEOPLE).map(|number| format!("Person {number}"));
        let names = std::iter::once("Registrar".to_string()).chain(labs).chain(people);
        let accounts = names
            .enumerate()
            .map(|(number, name)| Account::derive(&edition, number, name))
            .collect::<Vec<_>>();
        // Both licences are in the table that a test checks against the tree.
        let public = ["Apache-2.0", "CC-BY-NC-4.0"]
            .into_iter()
            .filter_map(|licence| public_terms(licence).ok());
        let royalties = [
            royalty_terms(RoyaltyPolicy::Lap, 100_000, 2_000_000),
            royalty_terms(RoyaltyPolicy::Lap, 300_000, 1_000_000),
            royalty_terms(RoyaltyPolicy::Lrp, 3_000_000, 500_000),
        ];
        let rng = ChaCha12Rng::from_seed(keccak256(&edition).0);
        let mut synthetic = Self {
            economy: Economy {
                edition,
                officers: accounts.len()..accounts.len(),
                points: None,
                accounts,
                terms: public.chain(royalties).collect(),
                first_asset: (REGISTRAR, B256::ZERO),
                examples: Vec::new(),
            },
            rng,
            events_target,
            made: EventCounts::default(),
            pool: Pool::default(),
            next_asset: 0,
            rounds: 0,
            pending: None,
            opened: false,
            workshop: None,
        };
        // Drawn now, because the first asset is how the economy is found on a chain.
        let first = synthetic.draw_round();
        synthetic.economy.first_asset = (first.drafts[0].owner, content_hash(&metadata_uri(0, 1)));
        synthetic.economy.examples = vec![("the first asset".into(), 0)];
        synthetic.pending = Some(first);
        synthetic
    }

    /// Who and under which terms.
    pub fn economy(&self) -> &Economy {
        &self.economy
    }

    /// Events of the stages so far.
    pub fn made(&self) -> EventCounts {
        self.made
    }

    fn draw_round(&mut self) -> Round {
        let missing = self.events_target.saturating_sub(self.made.total());
        let assets = (missing / EVENTS_PER_ASSET + 1).min(ROUND_ASSETS);
        let round = Round::draw(self.next_asset, assets, &self.pool, &mut self.rng);
        self.next_asset += assets;
        round
    }

    fn opening(&self) -> Vec<Step> {
        let purses = (0..self.economy.accounts.len()).flat_map(|account| {
            [
                Step::new(account, Action::MakeDollars(PURSE_MICROS)),
                Step::new(account, Action::ApproveRouter),
            ]
        });
        let terms = Action::RegisterTerms((0..self.economy.terms.len()).collect());
        let work = self.workshop.iter().flat_map(|_| Workshop::opening());
        purses.chain([Step::new(REGISTRAR, terms)]).chain(work).collect()
    }

    fn stage(&mut self, name: String, steps: Vec<Step>) -> Stage {
        for step in &steps {
            self.made += step.events(&self.economy.terms);
        }
        Stage {
            name,
            ordered: false,
            steps,
        }
    }
}

impl Iterator for Synthetic {
    type Item = Stage;

    /// First the accounts; then, for every round, its registrations and all the rest.
    fn next(&mut self) -> Option<Stage> {
        if !self.opened {
            self.opened = true;
            let steps = self.opening();
            return Some(self.stage("accounts".into(), steps));
        }
        if let Some(mut round) = self.pending.take() {
            if round.registered {
                let mut steps = round.work(&mut self.pool, &mut self.rng);
                if let Some(workshop) = &mut self.workshop {
                    steps.extend(workshop.round(&round, &self.pool));
                }
                self.rounds += 1;
                return Some(self.stage(format!("round {}, licences to revenues", self.rounds), steps));
            }
            round.registered = true;
            let steps = registrations(&round.drafts);
            self.pending = Some(round);
            return Some(self.stage(format!("round {}, assets", self.rounds + 1), steps));
        }
        if self.made.total() >= self.events_target {
            let left = self.workshop.as_mut().map(Workshop::left).unwrap_or_default();
            return (!left.is_empty()).then(|| self.stage("what the last round left to do".into(), left));
        }
        let round = self.draw_round();
        self.pending = Some(round);
        self.next()
    }
}

fn registrations(drafts: &[Draft]) -> Vec<Step> {
    let new = |draft: &Draft| {
        let uri = metadata_uri(draft.asset, 1);
        NewAsset {
            owner: draft.owner,
            kind: draft.kind,
            name: format!("{} {}", draft.kind.as_str(), draft.asset),
            content_hash: content_hash(&uri),
            metadata_uri: uri,
            contributor_share_e8: draft.contributor_share_e8,
        }
    };
    drafts
        .chunks(ASSETS_PER_STEP)
        .map(|chunk| Step::new(REGISTRAR, Action::Register(chunk.iter().map(new).collect())))
        .collect()
}

/// A document of a few bytes, which fits one word of storage with its URI.
fn metadata_uri(asset: AssetNo, version: u32) -> String {
    format!(r#"data:,{{"no":{asset},"v":{version}}}"#)
}

/// The commitment to the document within the URI.
fn content_hash(uri: &str) -> B256 {
    keccak256(uri.trim_start_matches("data:,"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventKind;
    use crate::rules::Rules;

    #[test]
    fn the_contracts_rules_admit_every_step() {
        let sizes = [(1, 60_000), (2, 100), (3, 1), (4, 35_000)];
        let plain = sizes.map(|(seed, target)| (Synthetic::new(seed, target), target));
        let working = sizes.map(|(seed, target)| (Synthetic::with_work(seed, target), target));
        for (mut synthetic, target) in plain.into_iter().chain(working) {
            let economy = synthetic.economy().clone();
            let mut rules = Rules::new(&economy);
            let mut total = EventCounts::default();
            for stage in &mut synthetic {
                for step in &stage.steps {
                    let made = rules
                        .apply(step)
                        .unwrap_or_else(|broken| panic!("{}: {broken}", step.action));
                    assert_eq!(made, step.events(&economy.terms));
                    total += made;
                }
            }
            assert!(total.total() >= target);
            assert_eq!(total, synthetic.made());
        }
    }

    #[test]
    fn a_seed_gives_one_economy_to_the_byte() {
        let fingerprint = |seed| {
            let mut all = Vec::new();
            for stage in Synthetic::with_work(seed, 5_000) {
                all.extend(format!("{stage:?}").into_bytes());
            }
            keccak256(all)
        };
        assert_eq!(fingerprint(1), fingerprint(1));
        assert_ne!(fingerprint(1), fingerprint(2));
    }

    #[test]
    fn work_is_a_small_share_of_all_and_comes_to_its_end() {
        let mut synthetic = Synthetic::with_work(1, 150_000);
        assert!(synthetic.by_ref().count() > 4);
        let made = synthetic.made();
        let work: u64 = EventKind::ALL[EventKind::TaskPosted as usize..]
            .iter()
            .map(|kind| made.get(*kind))
            .sum();
        assert!((20..100).contains(&(made.total() / work)), "{made:?}");
        assert_eq!(
            made.get(EventKind::ExecutionRequested),
            made.get(EventKind::ExecutionCompleted)
        );
        assert_eq!(
            made.get(EventKind::SubmissionMade),
            made.get(EventKind::SubmissionReviewed)
        );
        let (raised, resolved) = (made.get(EventKind::DisputeRaised), made.get(EventKind::DisputeResolved));
        assert!(0 < resolved && resolved < raised, "{made:?}");
        assert_eq!(Synthetic::new(1, 5_000).fold(0, |sum, stage| sum + works(&stage)), 0);
    }

    fn works(stage: &Stage) -> usize {
        let work = stage.steps.iter().filter(|step| matches!(step.action, Action::Work(_)));
        work.count()
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_events() {
        let mut synthetic = Synthetic::with_work(1, 400_000);
        let mut largest_stage = 0;
        for stage in &mut synthetic {
            largest_stage = largest_stage.max(stage.steps.len());
        }
        assert!(
            synthetic.pool.ancestors.len() <= pool::CAPACITY,
            "{}",
            synthetic.pool.ancestors.len()
        );
        assert!(
            synthetic.next_asset > 4 * pool::CAPACITY as u64,
            "the pool was never full"
        );
        assert!(largest_stage < 1_000, "{largest_stage}");
    }

    #[test]
    fn some_assets_are_much_more_popular_than_most() {
        let mut children = std::collections::HashMap::<AssetNo, u64>::new();
        let mut edges = 0;
        for stage in Synthetic::new(1, 200_000) {
            for step in stage.steps {
                let Action::Derive(derivations) = step.action else {
                    continue;
                };
                for edge in derivations.iter().flat_map(|derivation| &derivation.edges) {
                    *children.entry(edge.parent).or_default() += 1;
                    edges += 1;
                }
            }
        }
        let mut counts: Vec<u64> = children.into_values().collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let top: u64 = counts.iter().take(counts.len() / 10).sum();
        assert!(top * 3 > edges, "the top tenth of parents has {top} of {edges} edges");
    }
}
