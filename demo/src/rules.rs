//! The contracts' rules, naively, in memory: what the tests hold plans against. Written from the contracts, shares nothing with the
//! generators. Start at [`Rules::apply`].

mod work;

use std::collections::{BTreeSet, HashMap, HashSet};

use alloy::primitives::B256;
use souk_schema::event::{RevenueReason, RoyaltyPolicy};

use crate::action::{AccountNo, Action, AssetNo, Economy, Edge, Step, TermsNo};
use crate::events::{EventCounts, EventKind};
use work::Boards;

const ONE_E8: u64 = 100_000_000;

#[derive(Default)]
struct Asset {
    owner: AccountNo,
    children: u64,
    parents: HashSet<AssetNo>,
    lap_stack_e8: u64,
    lrp_sum_e8: u64,
    attached: HashSet<TermsNo>,
    binding: BTreeSet<TermsNo>,
    shares_issued: bool,
}

/// State of all contracts; series are told apart by terms alone, as if everything happened on one day.
pub(crate) struct Rules<'a> {
    economy: &'a Economy,
    assets: Vec<Asset>,
    terms: HashSet<TermsNo>,
    licences: HashMap<(AssetNo, TermsNo, AccountNo), u64>,
    minted: HashMap<(AssetNo, TermsNo), u64>,
    revoked: HashSet<(AssetNo, TermsNo)>,
    shares: HashMap<(AssetNo, AccountNo), u64>,
    contributions: HashMap<B256, (AssetNo, AccountNo, bool)>,
    dollars: HashMap<AccountNo, u64>,
    approved: HashSet<AccountNo>,
    /// Who lets the vault take what.
    vault_takes: HashSet<(AccountNo, EventKind)>,
    boards: Boards,
}

type Checked<T = ()> = Result<T, String>;

fn ensure(holds: bool, rule: &str) -> Checked {
    if holds { Ok(()) } else { Err(rule.to_string()) }
}

impl<'a> Rules<'a> {
    pub(crate) fn new(economy: &'a Economy) -> Self {
        Self {
            economy,
            assets: Vec::new(),
            terms: HashSet::new(),
            licences: HashMap::new(),
            minted: HashMap::new(),
            revoked: HashSet::new(),
            shares: HashMap::new(),
            contributions: HashMap::new(),
            dollars: HashMap::new(),
            approved: HashSet::new(),
            vault_takes: HashSet::new(),
            boards: Boards::default(),
        }
    }

    /// Carries out a step and counts its events, or says which rule it breaks.
    pub(crate) fn apply(&mut self, step: &Step) -> Checked<EventCounts> {
        for part in [
            Self::money,
            Self::registry,
            Self::licensing,
            Self::shares,
            Self::contributions,
            Self::exchange,
            Self::work,
        ] {
            if let Some(made) = part(self, step.from, &step.action)? {
                return Ok(made);
            }
        }
        Err("there is no rule for this action".into())
    }

    fn money(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let mut made = EventCounts::default();
        let mut emit = |kind| made = made.and(kind, 1);
        match action {
            Action::MakeDollars(micros) => {
                *self.dollars.entry(from).or_default() += micros;
                emit(EventKind::DollarsTransferred);
            }
            Action::ApproveRouter => {
                self.approved.insert(from);
                emit(EventKind::DollarsApproved);
            }
            Action::Pay(payments) => {
                for payment in payments {
                    ensure(payment.reason != RevenueReason::SaleOfLicence, "sales are minted")?;
                    ensure((payment.asset as usize) < self.assets.len(), "the paid asset exists")?;
                    self.spend(from, payment.amount_micros)?;
                    emit(EventKind::RevenueReceived);
                    emit(EventKind::DollarsTransferred);
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(made))
    }

    fn registry(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let mut made = EventCounts::default();
        let mut emit = |kind| made = made.and(kind, 1);
        match action {
            Action::Register(assets) => {
                for asset in assets {
                    ensure(
                        u64::from(asset.contributor_share_e8) <= ONE_E8,
                        "contributor share at most 100%",
                    )?;
                    self.assets.push(Asset {
                        owner: asset.owner,
                        ..Asset::default()
                    });
                    emit(EventKind::AssetRegistered);
                    emit(EventKind::AssetTransferred);
                }
            }
            Action::Derive(derivations) => {
                for derivation in derivations {
                    for _ in 0..self.derive(from, derivation.child, &derivation.edges)? {
                        emit(EventKind::TermsAttached);
                    }
                    derivation
                        .edges
                        .iter()
                        .for_each(|_| emit(EventKind::DerivationDeclared));
                }
            }
            Action::DeriveForeign(child, parents) => {
                ensure(self.owned(*child, from)?.children == 0, "a parent declares nothing")?;
                for (id, _) in parents {
                    ensure((1..=256).contains(&id.len()), "foreign id of 1 to 256 bytes")?;
                    emit(EventKind::ForeignParentDeclared);
                }
            }
            Action::AddVersions(versions) => {
                for (asset, ..) in versions {
                    self.owned(*asset, from)?;
                    emit(EventKind::AssetVersioned);
                }
            }
            Action::PassAsset(asset, receiver) => {
                self.owned(*asset, from)?.owner = *receiver;
                emit(EventKind::AssetTransferred);
            }
            _ => return Ok(None),
        }
        Ok(Some(made))
    }

    fn licensing(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let mut made = EventCounts::default();
        let mut emit = |kind| made = made.and(kind, 1);
        match action {
            Action::RegisterTerms(numbers) => {
                for number in numbers {
                    let terms = &self.economy.terms[*number];
                    let share = u64::from(terms.revenue_share_e8);
                    ensure(
                        share == 0 || terms.royalty_policy != RoyaltyPolicy::None,
                        "share needs a policy",
                    )?;
                    ensure(
                        share <= ONE_E8 && (!terms.reciprocal || terms.derivatives_allowed),
                        "terms are sound",
                    )?;
                    ensure(self.terms.insert(*number), "terms are new")?;
                    emit(EventKind::TermsRegistered);
                }
            }
            Action::Attach(offers) => {
                for &(asset, terms) in offers {
                    ensure(self.terms.contains(&terms), "attached terms are registered")?;
                    ensure(
                        self.owned(asset, from)?.attached.insert(terms),
                        "terms are attached once",
                    )?;
                    emit(EventKind::TermsAttached);
                }
            }
            Action::MintLicences(mints) => {
                for mint in mints {
                    let paid = self.mint(from, mint)?;
                    emit(EventKind::LicenceMinted);
                    emit(EventKind::LicenceTransferred);
                    if paid {
                        emit(EventKind::RevenueReceived);
                        emit(EventKind::DollarsTransferred);
                    }
                }
            }
            Action::Revoke(asset, terms, _) => {
                self.owned(*asset, from)?;
                ensure(self.minted.contains_key(&(*asset, *terms)), "the series exists")?;
                ensure(self.revoked.insert((*asset, *terms)), "a series is revoked once")?;
                emit(EventKind::LicenceRevoked);
            }
            Action::PassLicences(asset, terms, receiver, amount) => {
                ensure(self.economy.terms[*terms].transferable, "the licence may change hands")?;
                take(
                    &mut self.licences,
                    (*asset, *terms, from),
                    *amount,
                    "the seller holds the licence",
                )?;
                *self.licences.entry((*asset, *terms, *receiver)).or_default() += amount;
                emit(EventKind::LicenceTransferred);
            }
            _ => return Ok(None),
        }
        Ok(Some(made))
    }

    fn shares(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let mut made = EventCounts::default();
        let mut emit = |kind| made = made.and(kind, 1);
        match action {
            Action::IssueShares(issues) => {
                for (asset, allotments) in issues {
                    let issued = &mut self.owned(*asset, from)?.shares_issued;
                    ensure(!std::mem::replace(issued, true), "shares are issued once")?;
                    emit(EventKind::SharesIssued);
                    for &(receiver, shares) in allotments {
                        ensure(shares > 0, "nobody receives nothing")?;
                        *self.shares.entry((*asset, receiver)).or_default() += shares;
                        emit(EventKind::SharesTransferred);
                    }
                }
            }
            Action::PassShares(transfers) => {
                for &(asset, receiver, shares) in transfers {
                    take(&mut self.shares, (asset, from), shares, "the seller holds the shares")?;
                    *self.shares.entry((asset, receiver)).or_default() += shares;
                    emit(EventKind::SharesTransferred);
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(made))
    }

    fn contributions(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let mut made = EventCounts::default();
        let mut emit = |kind| made = made.and(kind, 1);
        match action {
            Action::Record(contributions) => {
                for made in contributions {
                    self.owned(made.asset, from)?;
                    ensure(made.weight > 0, "a weight is positive")?;
                    let fresh = self
                        .contributions
                        .insert(made.evidence, (made.asset, from, false))
                        .is_none();
                    ensure(fresh, "evidence is unique")?;
                    emit(EventKind::ContributionRecorded);
                }
            }
            Action::VoidContribution(asset, evidence, _) => {
                let known = self.contributions.get_mut(evidence).ok_or("the contribution exists")?;
                ensure(
                    (known.0, known.1, known.2) == (*asset, from, false),
                    "its recorder voids it once",
                )?;
                known.2 = true;
                emit(EventKind::ContributionVoided);
            }
            _ => return Ok(None),
        }
        Ok(Some(made))
    }

    fn exchange(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let approval = match action {
            Action::ApproveVaultDollars => Some(EventKind::DollarsApproved),
            Action::ApproveVaultShares => Some(EventKind::SharesApproved),
            Action::ApproveVaultLicences => Some(EventKind::LicencesApproved),
            _ => None,
        };
        if let Some(kind) = approval {
            self.vault_takes.insert((from, kind));
            return Ok(Some(EventCounts::of(kind, 1)));
        }
        let held = "the depositor has it";
        let (approval, moved) = match action {
            Action::DepositDollars(micros) => {
                take(&mut self.dollars, from, *micros, held)?;
                (EventKind::DollarsApproved, EventKind::DollarsTransferred)
            }
            Action::DepositShares(asset, shares) => {
                take(&mut self.shares, (*asset, from), *shares, held)?;
                (EventKind::SharesApproved, EventKind::SharesTransferred)
            }
            Action::DepositLicences(asset, terms, licences) => {
                ensure(self.economy.terms[*terms].transferable, "the licence may change hands")?;
                take(&mut self.licences, (*asset, *terms, from), *licences, held)?;
                (EventKind::LicencesApproved, EventKind::LicenceTransferred)
            }
            _ => return Ok(None),
        };
        ensure(
            self.vault_takes.contains(&(from, approval)),
            "the depositor approved the vault",
        )?;
        Ok(Some(EventCounts::of(moved, 1).and(EventKind::Deposited, 1)))
    }

    fn owned(&mut self, asset: AssetNo, account: AccountNo) -> Checked<&mut Asset> {
        let asset = self.assets.get_mut(asset as usize).ok_or("the asset exists")?;
        ensure(asset.owner == account, "the sender owns the asset")?;
        Ok(asset)
    }

    fn spend(&mut self, account: AccountNo, micros: u64) -> Checked {
        ensure(
            micros > 0 && self.approved.contains(&account),
            "the payer approved the router",
        )?;
        take(&mut self.dollars, account, micros, "the payer has the money")
    }

    /// Whether a fee was paid.
    fn mint(&mut self, from: AccountNo, mint: &crate::action::Mint) -> Checked<bool> {
        let terms = &self.economy.terms[mint.terms];
        let asset = self.assets.get(mint.asset as usize).ok_or("the asset exists")?;
        ensure(
            mint.amount > 0 && asset.attached.contains(&mint.terms),
            "the asset is offered under the terms",
        )?;
        ensure(
            !self.revoked.contains(&(mint.asset, mint.terms)),
            "the series is not revoked",
        )?;
        let minted = self.minted.entry((mint.asset, mint.terms)).or_default();
        *minted += mint.amount;
        ensure(terms.supply_cap == 0 || *minted <= terms.supply_cap, "the cap holds")?;
        *self
            .licences
            .entry((mint.asset, mint.terms, mint.receiver))
            .or_default() += mint.amount;
        let fee = terms.minting_fee_micros * mint.amount;
        if fee > 0 {
            self.spend(from, fee)?;
        }
        Ok(fee > 0)
    }

    /// Number of terms that were attached on the way.
    fn derive(&mut self, from: AccountNo, child: AssetNo, edges: &[Edge]) -> Checked<usize> {
        ensure(self.owned(child, from)?.children == 0, "a parent declares nothing")?;
        let (mut lap, mut lrp, mut attached) = (0, 0, 0);
        for edge in edges {
            ensure(edge.parent != child, "nothing is its own parent")?;
            let parent = self.assets.get_mut(edge.parent as usize).ok_or("the parent exists")?;
            parent.children += 1;
            lap += parent.lap_stack_e8;
            let mut binds = parent.binding.clone();
            match edge.licence {
                None => ensure(parent.owner == from, "without a licence one account owns both")?,
                Some(number) => {
                    let terms = &self.economy.terms[number];
                    let held = self.licences.get(&(edge.parent, number, from)).copied().unwrap_or(0);
                    ensure(
                        held > 0 && !self.revoked.contains(&(edge.parent, number)),
                        "a good licence is held",
                    )?;
                    ensure(terms.derivatives_allowed, "the licence allows derivatives")?;
                    match terms.royalty_policy {
                        RoyaltyPolicy::Lap => lap += u64::from(terms.revenue_share_e8),
                        RoyaltyPolicy::Lrp => lrp += u64::from(terms.revenue_share_e8),
                        RoyaltyPolicy::None => {}
                    }
                    if terms.reciprocal {
                        binds.insert(number);
                    }
                }
            }
            let child = &mut self.assets[child as usize];
            ensure(
                child.parents.insert(edge.parent) && child.parents.len() <= 16,
                "a pair has one edge, at most 16",
            )?;
            for terms in binds {
                child.binding.insert(terms);
                attached += usize::from(child.attached.insert(terms));
            }
            ensure(child.binding.len() <= 16, "at most 16 terms bind")?;
        }
        let child = &mut self.assets[child as usize];
        child.lap_stack_e8 += lap;
        child.lrp_sum_e8 += lrp;
        ensure(
            child.lap_stack_e8 + child.lrp_sum_e8 <= ONE_E8,
            "royalties are at most 100%",
        )?;
        Ok(attached)
    }
}

fn take<K: Eq + std::hash::Hash>(held: &mut HashMap<K, u64>, key: K, amount: u64, rule: &str) -> Checked {
    let held = held.entry(key).or_default();
    *held = held.checked_sub(amount).ok_or(rule)?;
    Ok(())
}
