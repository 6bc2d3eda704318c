//! Executions that made or measured models of the tree, counted a dataset, or were forgotten.

use alloy::primitives::B256;
use rand::RngExt;
use souk_schema::event::{AssetKind, ExecutionKind, PrivacyMode, Relation};

use super::{BRIEF_SECS, MONTH_SECS, When, Working};
use crate::action::{AccountNo, AssetNo, TermsNo};
use crate::work::{Completion, Execution, Venue, Work};

/// Models whose training or fine-tuning is on record: what it cost in privacy, in millionths of epsilon, where that was kept.
const TRAINED: [(&str, u64); 13] = [
    ("zephyr-7b-beta", 0),
    ("neural-chat-7b", 0),
    ("tulu-2-7b", 0),
    ("openhermes-2.5-mistral", 0),
    ("vicuna-7b-v1.5", 4_000_000),
    ("metamath-7b", 0),
    ("dolphin-2.1-mistral", 0),
    ("distilbert-sst2", 2_500_000),
    ("smollm2-1.7b-instruct", 0),
    ("olmo-7b-instruct", 0),
    ("openr1-qwen-7b", 0),
    ("bloom", 0),
    ("distil-whisper-v3", 1_200_000),
];
/// Models and agents that somebody measured.
const MEASURED: [&str; 9] = [
    "tulu-2-dpo-7b",
    "tulu-3-8b",
    "mistral-7b-instruct",
    "s1-32b",
    "whisper-large-v3",
    "seamless-m4t",
    "swe-agent",
    "openhands",
    "memgpt",
];
/// Whose execution is said to be false: upheld, dismissed, not yet decided.
const CHALLENGED: [(&str, Option<bool>); 3] = [
    ("dolphin-2.1-mistral", Some(true)),
    ("tulu-2-7b", Some(false)),
    ("smollm2-1.7b-instruct", None),
];
/// A dataset that is only asked for statistics, each time for a part of its privacy budget.
const COUNTED: &str = "common-voice";
const COUNTS: [u64; 4] = [250_000, 400_000, 150_000, 700_000];

/// The part of an execution that its request leaves to its end.
pub(super) struct Asked {
    pub(super) input: B256,
    pub(super) provider: AccountNo,
    paid: bool,
}

impl Working<'_> {
    /// Executions with an output: what was declared about it when it was registered matches what they say.
    pub(super) fn draw_executions(&mut self) {
        for (slug, epsilon_micros) in TRAINED {
            if let Some(child) = self.find(slug) {
                self.draw_training(child, epsilon_micros);
            }
        }
        for slug in MEASURED {
            if let Some(child) = self.find(slug) {
                self.draw_evaluation(child);
            }
        }
        self.draw_counts();
        self.draw_missed();
    }

    fn draw_training(&mut self, child: AssetNo, epsilon_micros: u64) {
        let parents = self.family.parents(child as usize);
        let kind = |number: usize| self.family.entries()[number].kind;
        let base = parents
            .iter()
            .position(|&(parent, _)| matches!(kind(parent), AssetKind::Model | AssetKind::Compute));
        let Some(edge) = base else { return };
        let base = parents[edge].0 as AssetNo;
        let (kind, provider) = match kind(base as usize) {
            AssetKind::Compute => (ExecutionKind::Training, self.owner(base)),
            _ => (ExecutionKind::FineTuning, self.draw_cloud()),
        };
        let trained_on = parents.iter().filter(|(_, relation)| *relation == Relation::TrainedOn);
        let mut datasets: Vec<AssetNo> = trained_on.map(|&(parent, _)| parent as AssetNo).collect();
        datasets.sort_unstable();
        let fee_micros = self.rng.random_range(40_000_000..=900_000_000);
        let mut execution = self.execution(
            &format!("making {}", self.slug(child)),
            kind,
            base,
            provider,
            fee_micros,
        );
        execution.licence = self.licence(child, edge);
        execution.datasets = datasets;
        private(&mut execution, epsilon_micros);
        self.draw_output(child, execution, &[When::Calls, When::Work]);
        self.draw_challenge(child);
    }

    fn draw_evaluation(&mut self, child: AssetNo) {
        let parents = self.family.parents(child as usize);
        let Some(edge) = parents
            .iter()
            .position(|(_, relation)| *relation == Relation::EvaluatedOn)
        else {
            return;
        };
        let benchmark = parents[edge].0 as AssetNo;
        let provider = self.owner(benchmark);
        let title = format!("measuring {}", self.slug(child));
        let fee_micros = self.rng.random_range(1_000_000..=20_000_000);
        let mut execution = self.execution(&title, ExecutionKind::Evaluation, benchmark, provider, fee_micros);
        execution.licence = self.licence(child, edge);
        execution.datasets = vec![benchmark];
        self.draw_output(child, execution, &[When::Calls, When::FirstReviews]);
    }

    /// The child's owner requests, names the child, and lets its maker be recorded there.
    fn draw_output(&mut self, child: AssetNo, execution: Execution, [named, done]: &[When; 2]) {
        let requester = self.owner(child);
        self.let_record(child, Venue::ExecutionLog);
        let asked = self.draw_request(When::Postings, requester, execution);
        self.at(*named, requester, Work::NameOutput(asked.input, child));
        self.draw_completion(*done, &asked, Some(child));
    }

    fn draw_challenge(&mut self, child: AssetNo) {
        let slug = self.slug(child);
        let Some(&(_, upheld)) = CHALLENGED.iter().find(|(challenged, _)| *challenged == slug) else {
            return;
        };
        let challenger = self.rng.random_range(self.cast.investors.clone());
        let claim = self.claim(
            &format!("The weights of {slug} do not follow from the input"),
            "a challenge",
        );
        let execution = self.hash(&format!("making {slug}"));
        let challenge = claim.evidence;
        self.let_pay(challenger, Venue::ExecutionLog);
        self.at(When::ThirdReviews, challenger, Work::Challenge(execution, claim));
        if let Some(upheld) = upheld {
            let admin = self.cast.officers.start;
            self.at(When::Decisions, admin, Work::DecideChallenge(challenge, upheld, upheld));
        }
    }

    /// Statistics of one dataset, under differential privacy.
    fn draw_counts(&mut self) {
        let Some(dataset) = self.find(COUNTED) else { return };
        for (number, epsilon_micros) in COUNTS.into_iter().enumerate() {
            let customer = self.rng.random_range(self.cast.customers.clone());
            let title = format!("count {number} of {COUNTED}");
            let fee_micros = self.rng.random_range(500_000..=5_000_000);
            let provider = self.owner(dataset);
            let mut execution = self.execution(&title, ExecutionKind::Evaluation, dataset, provider, fee_micros);
            execution.datasets = vec![dataset];
            private(&mut execution, epsilon_micros);
            let asked = self.draw_request(When::Postings, customer, execution);
            self.draw_completion(When::Work, &asked, None);
        }
    }

    /// A request that its provider forgets about, until the customer takes the fee back.
    fn draw_missed(&mut self) {
        let Some(asset) = self.find("bloom") else { return };
        let customer = self.cast.customers.start;
        let provider = self.owner(asset);
        let mut execution = self.execution(
            "a forgotten request",
            ExecutionKind::Inference,
            asset,
            provider,
            750_000,
        );
        execution.open_secs = BRIEF_SECS;
        let asked = self.draw_request(When::Brief, customer, execution);
        self.at(When::Closings, customer, Work::Cancel(asked.input));
    }

    pub(super) fn draw_request(&mut self, when: When, requester: AccountNo, execution: Execution) -> Asked {
        let asked = Asked {
            input: execution.input,
            provider: execution.provider,
            paid: execution.fee_micros > 0,
        };
        self.let_pay(requester, Venue::ExecutionLog);
        self.at(when, requester, Work::Request(vec![execution]));
        asked
    }

    pub(super) fn draw_completion(&mut self, when: When, asked: &Asked, output: Option<AssetNo>) {
        let completion = Completion {
            execution: asked.input,
            output,
            output_hash: self.hash(&format!("output of {}", asked.input)),
            metered_units: self.rng.random_range(1..=500),
            paid: asked.paid,
            recorded: output.is_some(),
        };
        self.at(when, asked.provider, Work::Complete(vec![completion]));
    }

    /// Who has machines to let.
    fn draw_cloud(&mut self) -> AccountNo {
        let computers = ["jean-zay", "lumi"]
            .into_iter()
            .filter_map(|slug| Some(self.owner(self.find(slug)?)));
        let clouds: Vec<AccountNo> = computers.chain([self.cast.customers.start]).collect();
        clouds[self.rng.random_range(0..clouds.len())]
    }

    /// Terms of the licence that the child's owner holds for the edge.
    fn licence(&self, child: AssetNo, edge: usize) -> Option<TermsNo> {
        self.offers.edge_licences[child as usize][edge]
    }

    /// With nothing private, of no data, for nobody else, and with a month's time.
    pub(super) fn execution(
        &self,
        title: &str,
        kind: ExecutionKind,
        asset: AssetNo,
        provider: AccountNo,
        fee_micros: u64,
    ) -> Execution {
        Execution {
            asset,
            caller: None,
            parent: None,
            kind,
            licence: None,
            provider,
            fee_micros,
            privacy: PrivacyMode::None,
            epsilon_micros: 0,
            datasets: Vec::new(),
            input: self.hash(title),
            open_secs: MONTH_SECS,
        }
    }
}

fn private(execution: &mut Execution, epsilon_micros: u64) {
    if epsilon_micros > 0 {
        execution.privacy = PrivacyMode::DifferentialPrivacy;
        execution.epsilon_micros = epsilon_micros;
    }
}
