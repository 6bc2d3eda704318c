//! What people do with the assets of the tree once their lineage stands: shares, trades, licence sales, contributions, revenues, and a few
//! corrections. All drawn from the seed. Start at [`Market::new`].

use std::collections::BTreeMap;

use alloy::primitives::{B256, keccak256};
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha12Rng;
use souk_schema::event::{AssetKind, ContributionRole, RevenueReason};

use super::offers::{Offers, per_account};
use super::{Cast, stage};
use crate::action::{AccountNo, Action, Allotments, AssetNo, Contribution, Mint, Payment, Stage, Step, TermsNo};
use crate::family::Family;

const SHARE_SUPPLY: u64 = 1_000_000;
const PAYMENTS: usize = 800;
const TRADES: usize = 160;

/// The draws; [`Self::stages`] makes steps of them.
pub(super) struct Market {
    owners: Vec<AccountNo>,
    /// Per asset, the contributors' share in parts per 100,000,000.
    pub(super) contributor_shares_e8: Vec<u32>,
    /// Assets with further versions: the asset and the version's number, in order.
    pub(super) versioned: Vec<(usize, u32)>,
    contributions: Vec<Contribution>,
    issues: Vec<(AssetNo, Allotments)>,
    trades: Vec<(AccountNo, (AssetNo, AccountNo, u64))>,
    sales: Vec<Mint>,
    resales: Vec<(AccountNo, AssetNo, TermsNo, AccountNo)>,
    payments: Vec<(AccountNo, Payment)>,
    revoked: Vec<(AssetNo, TermsNo)>,
    sold_assets: Vec<(usize, AccountNo)>,
}

impl Market {
    pub(super) fn new(family: &Family, cast: &Cast, offers: &Offers, rng: &mut ChaCha12Rng) -> Self {
        let contributions = contributions(family, cast, rng);
        let issues = issues(family, cast, rng);
        let trades = trades(&issues, cast, rng);
        let sales = sales(offers, cast, rng);
        let resales = resales(&sales, offers, cast, rng);
        Self {
            owners: cast.owners.clone(),
            contributor_shares_e8: contributor_shares(family, &contributions, rng),
            versioned: versioned(family, rng),
            payments: payments(family, cast, rng),
            // Of an asset with several buyers, so that a revocation takes something away from somebody.
            revoked: sales.last().map(|sale| (sale.asset, sale.terms)).into_iter().collect(),
            sold_assets: sold_assets(family, cast, rng),
            contributions,
            issues,
            trades,
            sales,
            resales,
        }
    }

    /// Who was allotted which shares.
    pub(super) fn issues(&self) -> &[(AssetNo, Allotments)] {
        &self.issues
    }

    /// Owner of each asset once some of them changed hands.
    pub(super) fn last_owners(&self) -> Vec<AccountNo> {
        let mut owners = self.owners.clone();
        for &(asset, buyer) in &self.sold_assets {
            owners[asset] = buyer;
        }
        owners
    }

    /// Everything after lineage, in order.
    pub(super) fn stages(&mut self) -> Vec<Stage> {
        let owner = |asset: AssetNo| self.owners[asset as usize];
        let records = self
            .contributions
            .iter()
            .map(|made| (owner(made.asset), made.clone()))
            .collect();
        let issues = self
            .issues
            .iter()
            .map(|issue| (owner(issue.0), issue.clone()))
            .collect();
        let sales = self.sales.iter().map(|sale| (sale.receiver, sale.clone())).collect();
        let voided = self.contributions.iter().step_by(400).map(|made| {
            let reason = "recorded for the wrong asset".to_string();
            Step::new(
                owner(made.asset),
                Action::VoidContribution(made.asset, made.evidence, reason),
            )
        });
        let revoked = self.revoked.iter().map(|&(asset, terms)| {
            Step::new(
                owner(asset),
                Action::Revoke(asset, terms, "sold below the agreed price".into()),
            )
        });
        let resold = self
            .resales
            .iter()
            .map(|&(from, asset, terms, to)| Step::new(from, Action::PassLicences(asset, terms, to, 1)));
        let passed = self
            .sold_assets
            .iter()
            .map(|&(asset, to)| Step::new(self.owners[asset], Action::PassAsset(asset as AssetNo, to)));
        vec![
            stage("contributions", per_account(records, Action::Record)),
            stage("shares", per_account(issues, Action::IssueShares)),
            stage(
                "share trades",
                self.trades
                    .iter()
                    .map(|(from, trade)| Step::new(*from, Action::PassShares(vec![*trade])))
                    .collect(),
            ),
            stage("licence sales", per_account(sales, Action::MintLicences)),
            stage("revenues", per_account(self.payments.clone(), Action::Pay)),
            stage("licence resales", resold.collect()),
            stage("corrections", voided.chain(revoked).collect()),
            stage("owner tokens", passed.collect()),
        ]
    }
}

/// Roles that make sense for a kind of asset.
fn roles(kind: AssetKind) -> &'static [ContributionRole] {
    use ContributionRole::{Collect, Compute, Curate, Evaluate, Label, Review, Train};
    match kind {
        AssetKind::Dataset => &[Collect, Collect, Label, Label, Review, Curate],
        AssetKind::KnowledgeBase => &[Collect, Curate, Review],
        AssetKind::Model | AssetKind::Adapter => &[Train, Train, Evaluate, Compute, Review],
        AssetKind::Agent | AssetKind::Application => &[Evaluate, Review, Curate],
        AssetKind::Compute => &[Compute],
    }
}

fn contributions(family: &Family, cast: &Cast, rng: &mut ChaCha12Rng) -> Vec<Contribution> {
    let mut contributions = Vec::new();
    for (asset, entry) in family.entries().iter().enumerate() {
        for number in 0..rng.random_range(0..=6u32) {
            let people = cast.contributors.clone();
            let Some(&role) = roles(entry.kind).choose(rng) else {
                continue;
            };
            contributions.push(Contribution {
                asset: asset as AssetNo,
                contributor: rng.random_range(people),
                role,
                weight: rng.random_range(1..=100),
                evidence: keccak256(format!("evidence {number} for {}", entry.slug)),
            });
        }
    }
    contributions
}

/// Five to thirty per cent where somebody contributed.
fn contributor_shares(family: &Family, contributions: &[Contribution], rng: &mut ChaCha12Rng) -> Vec<u32> {
    let mut shares = vec![0; family.entries().len()];
    for contribution in contributions {
        let share = &mut shares[contribution.asset as usize];
        if *share == 0 {
            *share = rng.random_range(5..=30) * 1_000_000;
        }
    }
    shares
}

fn versioned(family: &Family, rng: &mut ChaCha12Rng) -> Vec<(usize, u32)> {
    let mut versions = Vec::new();
    for asset in 0..family.entries().len() {
        let last = if rng.random_ratio(1, 5) {
            rng.random_range(2..=4)
        } else {
            1
        };
        versions.extend((2..=last).map(|version| (asset, version)));
    }
    versions
}

fn issues(family: &Family, cast: &Cast, rng: &mut ChaCha12Rng) -> Vec<(AssetNo, Allotments)> {
    let mut issues = Vec::new();
    for asset in 0..family.entries().len() {
        if !rng.random_ratio(1, 4) {
            continue;
        }
        let mut investors: Vec<AccountNo> = cast.investors.clone().collect();
        investors.shuffle(rng);
        investors.truncate(rng.random_range(2..=5));
        let mut left = SHARE_SUPPLY;
        let mut allotments: Allotments = investors
            .into_iter()
            .map(|investor| {
                let shares = rng.random_range(10_000..=100_000);
                left -= shares;
                (investor, shares)
            })
            .collect();
        allotments.insert(0, (cast.owners[asset], left));
        issues.push((asset as AssetNo, allotments));
    }
    issues
}

/// Investors sell to one another what they hold at that time.
fn trades(
    issues: &[(AssetNo, Allotments)],
    cast: &Cast,
    rng: &mut ChaCha12Rng,
) -> Vec<(AccountNo, (AssetNo, AccountNo, u64))> {
    // What an investor holds before its trades of this stage: what it bought in between may arrive later, so it sells only this.
    let mut free: BTreeMap<(AssetNo, AccountNo), u64> = BTreeMap::new();
    for (asset, allotments) in issues {
        for &(holder, shares) in allotments.iter().filter(|(holder, _)| cast.investors.contains(holder)) {
            free.insert((*asset, holder), shares);
        }
    }
    let holdings: Vec<(AssetNo, AccountNo)> = free.keys().copied().collect();
    let mut trades = Vec::new();
    while trades.len() < TRADES && !holdings.is_empty() {
        let Some(&(asset, seller)) = holdings.choose(rng) else {
            break;
        };
        let buyer = rng.random_range(cast.investors.clone());
        let left = free.entry((asset, seller)).or_default();
        let shares = rng.random_range(1..=10_000).min(*left);
        if buyer != seller && shares > 0 {
            *left -= shares;
            trades.push((seller, (asset, buyer, shares)));
        }
    }
    trades
}

fn sales(offers: &Offers, cast: &Cast, rng: &mut ChaCha12Rng) -> Vec<Mint> {
    let mut sales = Vec::new();
    for &(asset, terms) in &offers.subscriptions {
        let mut customers: Vec<AccountNo> = cast.customers.clone().collect();
        customers.shuffle(rng);
        customers.truncate(rng.random_range(2..=6));
        for receiver in customers {
            sales.push(Mint {
                asset: asset as AssetNo,
                terms,
                amount: rng.random_range(1..=25),
                receiver,
            });
        }
    }
    sales
}

/// Some customers pass on a licence, each to another customer.
fn resales(
    sales: &[Mint],
    offers: &Offers,
    cast: &Cast,
    rng: &mut ChaCha12Rng,
) -> Vec<(AccountNo, AssetNo, TermsNo, AccountNo)> {
    let transferable = sales.iter().filter(|sale| offers.terms[sale.terms].transferable);
    transferable
        .step_by(12)
        .filter_map(|sale| {
            let buyer = rng.random_range(cast.customers.clone());
            (buyer != sale.receiver).then_some((sale.receiver, sale.asset, sale.terms, buyer))
        })
        .collect()
}

/// Customers pay mostly for what is used as it is: agents, applications and models.
fn payments(family: &Family, cast: &Cast, rng: &mut ChaCha12Rng) -> Vec<(AccountNo, Payment)> {
    let mut drawn_from: Vec<usize> = Vec::new();
    for (asset, entry) in family.entries().iter().enumerate() {
        let weight = match entry.kind {
            AssetKind::Agent | AssetKind::Application => 8,
            AssetKind::Model => 3,
            AssetKind::Adapter | AssetKind::Compute => 2,
            AssetKind::Dataset | AssetKind::KnowledgeBase => 1,
        };
        drawn_from.extend(std::iter::repeat_n(asset, weight));
    }
    let reasons = [
        RevenueReason::Usage,
        RevenueReason::Inference,
        RevenueReason::Inference,
        RevenueReason::Subscription,
        RevenueReason::Tip,
        RevenueReason::TradeRoyalty,
        RevenueReason::Other,
    ];
    (0..PAYMENTS)
        .filter_map(|number| {
            let payer = rng.random_range(cast.customers.clone());
            let asset = *drawn_from.choose(rng)? as AssetNo;
            let reason = *reasons.choose(rng)?;
            let amount_micros = amount_micros(rng);
            Some((
                payer,
                Payment {
                    asset,
                    amount_micros,
                    reason,
                    reference: reference(number),
                },
            ))
        })
        .collect()
}

/// From cents to thousands of dollars, small ones more often, and not round: remainders should show.
pub(crate) fn amount_micros(rng: &mut ChaCha12Rng) -> u64 {
    let magnitude = 10u64.pow(rng.random_range(5..=9));
    rng.random_range(magnitude / 10..magnitude * 3)
}

fn reference(number: usize) -> B256 {
    keccak256(format!("invoice {number}"))
}

/// A few assets that nobody built on change hands.
fn sold_assets(family: &Family, cast: &Cast, rng: &mut ChaCha12Rng) -> Vec<(usize, AccountNo)> {
    let sellable = |&asset: &usize| {
        let entry = &family.entries()[asset];
        let has_children =
            (0..family.entries().len()).any(|child| family.parents(child).iter().any(|&(parent, _)| parent == asset));
        matches!(entry.kind, AssetKind::Adapter | AssetKind::Application) && !has_children
    };
    let mut assets: Vec<usize> = (0..family.entries().len()).filter(sellable).collect();
    assets.shuffle(rng);
    assets.truncate(3);
    assets
        .into_iter()
        .map(|asset| (asset, rng.random_range(cast.investors.clone())))
        .collect()
}
