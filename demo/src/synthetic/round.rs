//! One round of a synthetic economy: some assets, and everything that happens to them and to older ones. Start at [`Round::draw`].

use std::collections::{BTreeSet, HashMap};

use alloy::primitives::keccak256;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha12Rng;
use souk_schema::event::{AssetKind, ContributionRole, Relation, RevenueReason};

use super::pool::{Ancestor, Pool};
use super::{LABS, NON_COMMERCIAL, PEOPLE, PERMISSIVE, ROYALTIES, content_hash, metadata_uri};
use crate::action::{
    AccountNo, Action, Allotments, AssetNo, Contribution, Derivation, Edge, Mint, Payment, Step, TermsNo,
};

/// Items of one transaction at most.
const ITEMS_PER_STEP: usize = 50;
/// Highest sum of royalties that a child takes on, in parts per 100,000,000.
const HIGHEST_STACK_E8: u64 = 60_000_000;
const SHARE_SUPPLY: u64 = 1_000_000;
/// What a person receives of an issue, and passes on at a time at most.
const STAKE: u64 = 50_000;
const LARGEST_TRADE: u64 = 500;

/// An asset to come.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) asset: AssetNo,
    pub(super) owner: AccountNo,
    pub(super) kind: AssetKind,
    pub(super) contributor_share_e8: u32,
    public: TermsNo,
    royalty: Option<TermsNo>,
    edges: Vec<Edge>,
    lap_stack_e8: u64,
}

/// The assets of a round.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) drafts: Vec<Draft>,
    /// Whether the stage that registers them was handed out.
    pub(super) registered: bool,
}

impl Round {
    /// Draws `count` assets from `first` on, with parents among the remembered ones.
    pub(super) fn draw(first: AssetNo, count: u64, pool: &Pool, rng: &mut ChaCha12Rng) -> Self {
        let drafts = (first..first + count).map(|asset| draft(asset, pool, rng)).collect();
        Self {
            drafts,
            registered: false,
        }
    }

    /// Everything after registration; the assets are remembered then.
    pub(super) fn work(&self, pool: &mut Pool, rng: &mut ChaCha12Rng) -> Vec<Step> {
        let mut steps = Vec::new();
        for lab in labs() {
            let own: Vec<&Draft> = self.drafts.iter().filter(|draft| draft.owner == lab).collect();
            let offers = own.iter().flat_map(|draft| {
                std::iter::once(draft.public)
                    .chain(draft.royalty)
                    .map(|terms| (draft.asset, terms))
            });
            batched(&mut steps, lab, offers.collect(), Action::Attach);
            batched(&mut steps, lab, licences(lab, &own), Action::MintLicences);
            let derivations = own.iter().filter(|draft| !draft.edges.is_empty());
            let derivations = derivations.map(|draft| Derivation {
                child: draft.asset,
                edges: draft.edges.clone(),
            });
            batched(&mut steps, lab, derivations.collect(), Action::Derive);
            batched(&mut steps, lab, contributions(&own, rng), Action::Record);
            let versions = own.iter().filter(|_| rng.random_ratio(1, 10)).map(|draft| {
                let uri = metadata_uri(draft.asset, 2);
                (draft.asset, content_hash(&uri), uri)
            });
            batched(&mut steps, lab, versions.collect(), Action::AddVersions);
        }
        trade(&mut steps, self.drafts.len() / 3, pool, rng);
        pay(&mut steps, self.drafts.len() * 4, pool, rng);
        self.remember(&mut steps, pool, rng);
        steps
    }

    /// Issues shares of some assets, and makes all of them parents to come.
    fn remember(&self, steps: &mut Vec<Step>, pool: &mut Pool, rng: &mut ChaCha12Rng) {
        let mut children = HashMap::new();
        let mut issues: HashMap<AccountNo, Vec<(AssetNo, Allotments)>> = HashMap::new();
        for draft in &self.drafts {
            for edge in &draft.edges {
                *children.entry(edge.parent).or_default() += 1;
            }
        }
        pool.count_children(&children);
        for draft in &self.drafts {
            let mut holdings = Vec::new();
            if rng.random_ratio(1, 5) {
                let first = rng.random_range(0..PEOPLE);
                let count = rng.random_range(1..=4);
                holdings = (0..count)
                    .map(|next| (person((first + next) % PEOPLE), STAKE))
                    .collect();
                let mut allotments = vec![(draft.owner, SHARE_SUPPLY - STAKE * count as u64)];
                allotments.extend(&holdings);
                issues.entry(draft.owner).or_default().push((draft.asset, allotments));
            }
            let Draft {
                asset,
                owner,
                kind,
                public,
                royalty,
                lap_stack_e8,
                ..
            } = *draft;
            pool.add(
                Ancestor {
                    asset,
                    owner,
                    kind,
                    public,
                    royalty,
                    lap_stack_e8,
                    children: 0,
                    holdings,
                },
                rng,
            );
        }
        for lab in labs() {
            batched(steps, lab, issues.remove(&lab).unwrap_or_default(), Action::IssueShares);
        }
    }
}

pub(super) fn labs() -> std::ops::RangeInclusive<AccountNo> {
    1..=LABS
}

pub(super) fn person(number: usize) -> AccountNo {
    1 + LABS + number
}

fn batched<T: Clone>(steps: &mut Vec<Step>, from: AccountNo, items: Vec<T>, action: impl Fn(Vec<T>) -> Action) {
    steps.extend(
        items
            .chunks(ITEMS_PER_STEP)
            .map(|chunk| Step::new(from, action(chunk.to_vec()))),
    );
}

fn draft(asset: AssetNo, pool: &Pool, rng: &mut ChaCha12Rng) -> Draft {
    let owner = rng.random_range(labs());
    let kind = match rng.random_range(0..100u32) {
        0..30 => AssetKind::Dataset,
        30..70 => AssetKind::Model,
        70..82 => AssetKind::Adapter,
        82..90 => AssetKind::Agent,
        90..94 => AssetKind::KnowledgeBase,
        94..99 => AssetKind::Application,
        _ => AssetKind::Compute,
    };
    let wanted = match rng.random_range(0..100u32) {
        0..10 => 0,
        10..45 => 1,
        45..75 => 2,
        75..90 => 3,
        _ => 4,
    };
    let mut draft = Draft {
        asset,
        owner,
        kind,
        contributor_share_e8: rng.random_range(0..=20) * 1_000_000,
        public: if rng.random_ratio(7, 10) {
            PERMISSIVE
        } else {
            NON_COMMERCIAL
        },
        royalty: rng.random_ratio(3, 10).then(|| rng.random_range(ROYALTIES)),
        edges: Vec::new(),
        lap_stack_e8: 0,
    };
    let mut lrp_e8 = 0;
    // Some candidates do not fit; a few more are looked at than wanted.
    for _ in 0..wanted * 3 {
        if draft.edges.len() == wanted {
            break;
        }
        if let Some(parent) = pool.popular(rng) {
            descend(&mut draft, &mut lrp_e8, parent, rng);
        }
    }
    draft
}

/// Adds an edge to the parent, if their kinds go together and the royalties stay bearable.
fn descend(draft: &mut Draft, lrp_e8: &mut u64, parent: &Ancestor, rng: &mut ChaCha12Rng) {
    let Some(relation) = relation(draft.kind, parent.kind, rng) else {
        return;
    };
    if draft.edges.iter().any(|edge| edge.parent == parent.asset) {
        return;
    }
    let royalty = parent.royalty.filter(|_| rng.random_ratio(1, 2));
    let licence = (parent.owner != draft.owner).then(|| royalty.unwrap_or(parent.public));
    let (lap, lrp) = match licence {
        // As in the list of terms: two LAP, then one LRP.
        Some(2) => (100_000, 0),
        Some(3) => (300_000, 0),
        Some(4) => (0, 3_000_000),
        _ => (0, 0),
    };
    let lap = lap + parent.lap_stack_e8;
    if draft.lap_stack_e8 + lap + *lrp_e8 + lrp > HIGHEST_STACK_E8 {
        return;
    }
    draft.lap_stack_e8 += lap;
    *lrp_e8 += lrp;
    draft.edges.push(Edge {
        parent: parent.asset,
        relation,
        licence,
    });
}

fn relation(child: AssetKind, parent: AssetKind, rng: &mut ChaCha12Rng) -> Option<Relation> {
    use AssetKind::{Adapter, Agent, Application, Compute, Dataset, KnowledgeBase, Model};
    Some(match (child, parent) {
        (Dataset, Dataset) | (KnowledgeBase, Dataset | KnowledgeBase) => Relation::DerivedFrom,
        (Dataset | KnowledgeBase, Model) => Relation::DistilledFrom,
        (Dataset, KnowledgeBase) => Relation::LabelledFrom,
        (Model | Adapter, Dataset | KnowledgeBase) => Relation::TrainedOn,
        (Model, Model) => match rng.random_range(0..6u32) {
            0..3 => Relation::FinetunedFrom,
            3 => Relation::QuantizedFrom,
            4 => Relation::MergedFrom,
            _ => Relation::DistilledFrom,
        },
        (Adapter, Model) => Relation::AdapterOf,
        (Model, Compute) | (Agent | Application, Model | Adapter | Agent | Application) => Relation::PoweredBy,
        (Agent | Application, Dataset | KnowledgeBase) => Relation::GroundedIn,
        _ => return None,
    })
}

/// One licence of each parent and terms that the lab's derivations take.
fn licences(lab: AccountNo, own: &[&Draft]) -> Vec<Mint> {
    let edges = own.iter().flat_map(|draft| &draft.edges);
    let needed: BTreeSet<(AssetNo, TermsNo)> = edges.filter_map(|edge| Some((edge.parent, edge.licence?))).collect();
    needed
        .into_iter()
        .map(|(asset, terms)| Mint {
            asset,
            terms,
            amount: 1,
            receiver: lab,
        })
        .collect()
}

fn contributions(own: &[&Draft], rng: &mut ChaCha12Rng) -> Vec<Contribution> {
    let mut contributions = Vec::new();
    for draft in own {
        for number in 0..rng.random_range(0..=6u32) {
            let Some(&role) = ContributionRole::ALL.choose(rng) else {
                continue;
            };
            contributions.push(Contribution {
                asset: draft.asset,
                contributor: person(rng.random_range(0..PEOPLE)),
                role,
                weight: rng.random_range(1..=100),
                evidence: keccak256([draft.asset.to_be_bytes(), u64::from(number).to_be_bytes()].concat()),
            });
        }
    }
    contributions
}

/// People pass on shares of remembered assets.
fn trade(steps: &mut Vec<Step>, count: usize, pool: &mut Pool, rng: &mut ChaCha12Rng) {
    let mut trades: HashMap<AccountNo, Vec<(AssetNo, AccountNo, u64)>> = HashMap::new();
    for _ in 0..count {
        let Some(number) = pool.any(rng) else { return };
        let ancestor = pool.get_mut(number);
        let asset = ancestor.asset;
        let Some((seller, left)) = ancestor.holdings.first_mut() else {
            continue;
        };
        let shares = rng.random_range(1..=LARGEST_TRADE).min(*left);
        let buyer = person(rng.random_range(0..PEOPLE));
        if shares > 0 && buyer != *seller {
            *left -= shares;
            trades.entry(*seller).or_default().push((asset, buyer, shares));
        }
    }
    for number in 0..PEOPLE {
        let seller = person(number);
        batched(
            steps,
            seller,
            trades.remove(&seller).unwrap_or_default(),
            Action::PassShares,
        );
    }
}

/// People pay for remembered assets.
fn pay(steps: &mut Vec<Step>, count: usize, pool: &Pool, rng: &mut ChaCha12Rng) {
    let mut payments: HashMap<AccountNo, Vec<Payment>> = HashMap::new();
    for _ in 0..count {
        let Some(number) = pool.any(rng) else { return };
        let reason = match rng.random_range(0..10u32) {
            0..5 => RevenueReason::Inference,
            5..8 => RevenueReason::Usage,
            8 => RevenueReason::Subscription,
            _ => RevenueReason::Tip,
        };
        let payment = Payment {
            asset: pool.get(number).asset,
            amount_micros: rng.random_range(10_000..=100_000_000),
            reason,
            reference: keccak256(rng.random::<u64>().to_be_bytes()),
        };
        payments
            .entry(person(rng.random_range(0..PEOPLE)))
            .or_default()
            .push(payment);
    }
    for number in 0..PEOPLE {
        let payer = person(number);
        batched(steps, payer, payments.remove(&payer).unwrap_or_default(), Action::Pay);
    }
}
