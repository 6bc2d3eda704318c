//! Seeded random dossiers: any kind, lists of any length from none, hostile text among the plain, ids that refer to nothing.

use alloy_primitives::U256;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use souk_exports::dossier::*;
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{AssetKind, ContributionRole, ExecutionKind, PrivacyMode, Relation, RevenueReason};

use crate::dossiers::{HOSTILE, account, asset, bare, edge, event, execution, full, hash, license, token};

const NAMES: [&str; 6] = [
    "Weather",
    "  ",
    "模型",
    "MIT",
    "GPL-2.0-only WITH Classpath-exception-2.0",
    "https://example.org/x",
];

/// Makes dossiers, the same of the same seed.
pub struct Maker(ChaCha12Rng);

impl Maker {
    /// The maker of a seed.
    pub fn new(seed: u64) -> Maker {
        Maker(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A random dossier of a kind.
    pub fn dossier(&mut self, kind: AssetKind) -> Dossier {
        let mut dossier = if self.chance(0.2) { full(kind) } else { bare(kind) };
        dossier.asset.name = self.text();
        dossier.asset.description = self.some(Maker::text);
        dossier.asset.stated_licence = self.some(Maker::text);
        dossier.asset.page = self.some(Maker::text);
        dossier.asset.owner = self.some(|maker| account(maker.number()));
        dossier.asset.versions = self.list(4, Maker::version);
        // Numbers of versions are unique, whatever else is wrong.
        dossier
            .asset
            .versions
            .iter_mut()
            .zip(1..)
            .for_each(|(version, number)| version.number = number);
        dossier.licenses = self.list(4, |maker| license(maker.number(), &maker.text(), &maker.text()));
        dossier.licenses.sort_by_key(|license| license.terms_id);
        dossier.licenses.dedup_by_key(|license| license.terms_id);
        dossier.contributions = self.list(6, Maker::contribution);
        dossier.contributions.sort_by_key(|contribution| contribution.id);
        dossier.contributions.dedup_by_key(|contribution| contribution.id);
        dossier.lineage.truncated = self.chance(0.5);
        dossier.lineage.nodes = self.list(8, Maker::node);
        dossier.lineage.nodes.sort();
        dossier.lineage.nodes.dedup_by(|a, b| a.id == b.id);
        dossier.lineage.edges = self.list(20, Maker::edge);
        dossier.executions = self.list(6, Maker::execution);
        dossier.executions.sort();
        dossier.executions.dedup_by_key(|execution| execution.id);
        dossier.tasks = self.list(3, Maker::task);
        dossier.tasks.sort();
        dossier.tasks.dedup_by_key(|task| task.id);
        dossier.revenues = self.list(5, Maker::revenue);
        dossier.revenues.sort();
        dossier.revenues.dedup_by_key(|revenue| revenue.id);
        dossier
    }

    /// The dossier with its lists in another order.
    pub fn shuffle(&mut self, dossier: &mut Dossier) {
        dossier.asset.versions.shuffle(&mut self.0);
        dossier.licenses.shuffle(&mut self.0);
        dossier.contributions.shuffle(&mut self.0);
        dossier.lineage.nodes.shuffle(&mut self.0);
        dossier.lineage.edges.shuffle(&mut self.0);
        dossier.executions.shuffle(&mut self.0);
        dossier.tasks.shuffle(&mut self.0);
        dossier.revenues.shuffle(&mut self.0);
        if let Some(shares) = &mut dossier.shares {
            shares.holders.shuffle(&mut self.0);
        }
        for version in &mut dossier.asset.versions {
            version.files.shuffle(&mut self.0);
        }
        for execution in &mut dossier.executions {
            execution.datasets.shuffle(&mut self.0);
            execution.challenges.shuffle(&mut self.0);
        }
        for task in &mut dossier.tasks {
            task.submissions.shuffle(&mut self.0);
        }
    }

    fn chance(&mut self, of: f64) -> bool {
        self.0.random_bool(of)
    }

    fn number(&mut self) -> u64 {
        self.0.random_range(1..12)
    }

    fn some<T>(&mut self, mut make: impl FnMut(&mut Maker) -> T) -> Option<T> {
        self.chance(0.6).then(|| make(self))
    }

    fn list<T>(&mut self, most: usize, mut make: impl FnMut(&mut Maker) -> T) -> Vec<T> {
        let length = self.0.random_range(0..=most);
        (0..length).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        let words: &[&str] = if self.chance(0.5) { &HOSTILE } else { &NAMES };
        let mut text = words.choose(&mut self.0).expect("words").to_string();
        if self.chance(0.3) {
            text.push(self.0.random());
        }
        text
    }

    fn event(&mut self) -> EventRef {
        event(self.0.random_range(1..1_000_000))
    }

    fn version(&mut self) -> Version {
        Version {
            number: 0,
            content_hash: hash(self.number()),
            metadata_uri: self.text(),
            files: self.list(4, |maker| ContentFile {
                name: maker.text(),
                url: maker.text(),
                sha256: maker.some(|maker| hash(maker.number())),
                media_type: maker.some(Maker::text),
                size_bytes: maker.some(Maker::number),
            }),
            declared: self.event(),
        }
    }

    fn contribution(&mut self) -> Contribution {
        Contribution {
            id: token(self.number()),
            contributor: account(self.number()),
            role: *ContributionRole::ALL.choose(&mut self.0).expect("roles"),
            weight: U256::from(self.number()),
            evidence_hash: hash(self.number()),
            recorded: self.event(),
        }
    }

    fn asset_id(&mut self) -> AssetId {
        match self.chance(0.9) {
            true => AssetId::Evm(asset(self.number())),
            false => AssetId::Other(self.text()),
        }
    }

    fn node(&mut self) -> Node {
        Node {
            id: self.asset_id(),
            kind: self.some(|maker| *AssetKind::ALL.choose(&mut maker.0).expect("kinds")),
            name: self.some(Maker::text),
            version: self.some(|maker| maker.0.random()),
            content_hash: self.some(|maker| hash(maker.number())),
            metadata_uri: self.some(Maker::text),
        }
    }

    fn edge(&mut self) -> Derivation {
        let relation = *Relation::ALL.choose(&mut self.0).expect("relations");
        let mut edge = edge(1, 1, relation);
        (edge.child, edge.parent) = (self.asset_id(), self.asset_id());
        edge.execution = self.some(|maker| token(maker.number()));
        edge.declared = self.event();
        edge
    }

    fn execution(&mut self) -> Execution {
        let kind = *ExecutionKind::ALL.choose(&mut self.0).expect("kinds");
        let outcome = match self.0.random_range(0..3) {
            0 => Outcome::Pending,
            1 => Outcome::Cancelled {
                cancelled: self.event(),
            },
            _ => Outcome::Completed {
                output: self.some(|maker| asset(maker.number())),
                output_hash: hash(self.number()),
                metered_units: self.0.random(),
                completed: self.event(),
            },
        };
        let mut execution = execution(self.number(), self.number(), kind, outcome);
        execution.privacy = *PrivacyMode::ALL.choose(&mut self.0).expect("modes");
        execution.caller = self.some(|maker| asset(maker.number()));
        execution.parent = self.some(|maker| token(maker.number()));
        execution.datasets = self.list(3, |maker| -> EvmAssetId { asset(maker.number()) });
        execution.challenges = self.list(2, |maker| Challenge {
            id: token(maker.0.random_range(100..u64::MAX)),
            challenger: account(maker.number()),
            raised: maker.event(),
            resolved: maker.some(|maker| Resolution {
                upheld: maker.chance(0.5),
                event: maker.event(),
            }),
        });
        execution
    }

    fn task(&mut self) -> Task {
        Task {
            id: token(self.number()),
            poster: account(self.number()),
            role: ContributionRole::Collect,
            spec_hash: hash(self.number()),
            spec_uri: self.text(),
            posted: self.event(),
            closed: self.some(Maker::event),
            submissions: self.list(3, |maker| Submission {
                id: token(maker.0.random_range(100..u64::MAX)),
                worker: account(maker.number()),
                content_hash: hash(maker.number()),
                content_uri: maker.text(),
                accepted: maker.some(|maker| maker.chance(0.5)),
                submitted: maker.event(),
            }),
        }
    }

    fn revenue(&mut self) -> Revenue {
        Revenue {
            id: token(self.number()),
            payer: account(self.number()),
            token: account(self.number()),
            amount: U256::from(self.0.random::<u128>()),
            reason: RevenueReason::Tip,
            received: self.event(),
        }
    }
}
