//! What an indexer knows of assets, licences and derivations: rebuilt from the logs, never from a call.
//!
//! [`State::take`] asserts with each log that the contracts were allowed to emit it; [`State::check`] asserts what must
//! hold at rest. Royalties are summed over paths one by one, the slow and obvious way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy::primitives::{Address, Log, U256};
use alloy::sol_types::SolEvent;
use souk_contracts::AssetRegistry::{AssetRegistered, DerivationDeclared};
use souk_contracts::LicenseRegistry::{
    LicenseMinted, LicenseRevoked, LicenseTerms, LicenseTermsAttached, LicenseTermsRegistered, TransferSingle,
};
use souk_contracts::{Addresses, AssetRegistry, ONE_E8, license_expiry, license_id};

use crate::world::World;

/// One declared edge above an asset.
#[derive(Clone, Debug)]
pub struct Edge {
    pub parent: u64,
    /// The terms it was made under; none between assets of one owner.
    pub terms: Option<U256>,
}

/// One licence series.
#[derive(Clone, Debug)]
pub struct Series {
    pub asset: u64,
    pub terms: U256,
    /// Unix seconds, exclusive, 0 for ever.
    pub expires_at: u64,
    pub revoked: bool,
}

impl Series {
    pub fn is_expired(&self, now_secs: u64) -> bool {
        self.expires_at != 0 && now_secs >= self.expires_at
    }

    pub fn is_valid(&self, now_secs: u64) -> bool {
        !self.revoked && !self.is_expired(now_secs)
    }
}

/// Everything that the logs said so far.
pub struct State {
    at: Addresses,
    pub owners: BTreeMap<u64, Address>,
    pub terms: BTreeMap<U256, LicenseTerms>,
    pub series: BTreeMap<U256, Series>,
    pub attached: BTreeSet<(u64, U256)>,
    /// Reciprocal terms that an asset must carry because of what it was derived from.
    pub binding: HashMap<u64, BTreeSet<U256>>,
    edges: HashMap<u64, Vec<Edge>>,
    children: HashMap<u64, usize>,
    held: HashMap<(U256, Address), u64>,
    minted: HashMap<(u64, U256), u64>,
}

impl State {
    pub fn new(world: &World) -> Self {
        Self {
            at: world.at,
            owners: BTreeMap::new(),
            terms: BTreeMap::new(),
            series: BTreeMap::new(),
            attached: BTreeSet::new(),
            binding: HashMap::new(),
            edges: HashMap::new(),
            children: HashMap::new(),
            held: HashMap::new(),
            minted: HashMap::new(),
        }
    }

    pub fn parents(&self, asset: u64) -> &[Edge] {
        self.edges.get(&asset).map_or(&[], Vec::as_slice)
    }

    pub fn child_count(&self, asset: u64) -> usize {
        self.children.get(&asset).copied().unwrap_or(0)
    }

    pub fn held(&self, license: U256, account: Address) -> u64 {
        self.held.get(&(license, account)).copied().unwrap_or(0)
    }

    pub fn minted(&self, asset: u64, terms: U256) -> u64 {
        self.minted.get(&(asset, terms)).copied().unwrap_or(0)
    }

    pub fn binding(&self, asset: u64) -> BTreeSet<U256> {
        self.binding.get(&asset).cloned().unwrap_or_default()
    }

    /// Share of an edge under one royalty policy.
    fn share_e8(&self, edge: &Edge, policy: u8) -> u64 {
        let terms = edge.terms.map(|id| &self.terms[&id]);
        terms
            .filter(|terms| terms.royaltyPolicy == policy)
            .map_or(0, |terms| terms.revenueShareE8.into())
    }

    /// Sum over all paths upwards of the LAP share of the path's last edge.
    pub fn lap_over_paths(&self, asset: u64) -> u64 {
        let over = |edge: &Edge| self.share_e8(edge, 1) + self.lap_over_paths(edge.parent);
        self.parents(asset).iter().map(over).sum()
    }

    /// Sum of the LRP shares of the asset's own edges.
    pub fn lrp_sum(&self, asset: u64) -> u64 {
        self.parents(asset).iter().map(|edge| self.share_e8(edge, 2)).sum()
    }

    /// Asserts what must hold between transactions.
    pub fn check(&self) {
        for &asset in self.owners.keys() {
            let owed = self.lap_over_paths(asset) + self.lrp_sum(asset);
            assert!(
                owed <= u64::from(ONE_E8),
                "asset {asset} owes {owed} parts of its revenue upstream"
            );
            for terms in self.binding(asset) {
                assert!(
                    self.attached.contains(&(asset, terms)),
                    "asset {asset} lacks reciprocal terms {terms}"
                );
            }
        }
        for (&(asset, id), &minted) in &self.minted {
            let cap = self.terms[&id].supplyCap;
            assert!(
                cap == 0 || minted <= cap,
                "{minted} licences of {asset} under a cap of {cap}"
            );
        }
    }

    /// Applies the logs of one transaction.
    pub fn take(&mut self, logs: &[Log], now_secs: u64) {
        for log in logs {
            if log.address == self.at.asset_registry {
                self.take_asset_log(log, now_secs);
            } else if log.address == self.at.license_registry {
                self.take_license_log(log, now_secs);
            }
        }
    }

    fn take_asset_log(&mut self, log: &Log, now_secs: u64) {
        if let Ok(e) = AssetRegistered::decode_log(log) {
            let id = e.assetId.to::<u64>();
            assert_eq!(id, self.owners.len() as u64 + 1, "ids count from 1");
            self.owners.insert(id, e.owner);
        } else if let Ok(e) = AssetRegistry::Transfer::decode_log(log) {
            let before = self.owners.insert(e.tokenId.to(), e.to);
            assert!(before == Some(e.from) || (e.from.is_zero() && before == Some(e.to)));
        } else if let Ok(e) = DerivationDeclared::decode_log(log) {
            self.take_derivation(&e, now_secs);
        }
    }

    fn take_derivation(&mut self, e: &DerivationDeclared, now_secs: u64) {
        let (child, parent) = (e.childId.to::<u64>(), e.parentId.to::<u64>());
        let owner = self.owners[&child];
        assert_eq!(
            self.child_count(child),
            0,
            "{child} declares a parent although it has children"
        );
        assert!(!self.reaches(parent, child), "{child} → {parent} closes a cycle");
        let mut binding = self.binding(parent);
        let terms = if e.licenseId.is_zero() {
            assert_eq!(
                self.owners[&parent], owner,
                "{child} uses {parent} of another owner without a licence"
            );
            None
        } else {
            let series = &self.series[&e.licenseId];
            let terms = &self.terms[&series.terms];
            assert!(
                terms.derivativesAllowed,
                "a licence that forbids derivatives admitted one"
            );
            assert!(!series.revoked, "a revoked licence admitted a derivative");
            assert!(!series.is_expired(now_secs), "an expired licence admitted a derivative");
            assert_eq!(series.asset, parent, "a licence of another asset admitted a derivative");
            assert!(
                self.held(e.licenseId, owner) > 0,
                "a licence that the owner does not hold admitted a derivative"
            );
            if terms.reciprocal {
                binding.insert(series.terms);
            }
            Some(series.terms)
        };
        self.binding.entry(child).or_default().extend(binding);
        self.edges.entry(child).or_default().push(Edge { parent, terms });
        *self.children.entry(parent).or_default() += 1;
    }

    /// Whether `to` is `from` or one of its ancestors.
    fn reaches(&self, from: u64, to: u64) -> bool {
        from == to || self.parents(from).iter().any(|edge| self.reaches(edge.parent, to))
    }

    fn take_license_log(&mut self, log: &Log, now_secs: u64) {
        if let Ok(e) = LicenseTermsRegistered::decode_log(log) {
            assert!(
                self.terms.insert(e.termsId, e.terms.clone()).is_none(),
                "terms {} registered twice",
                e.termsId
            );
        } else if let Ok(e) = LicenseTermsAttached::decode_log(log) {
            assert!(
                self.attached.insert((e.assetId.to(), e.termsId)),
                "the same terms attached twice"
            );
        } else if let Ok(e) = LicenseMinted::decode_log(log) {
            self.take_mint(&e, now_secs);
        } else if let Ok(e) = LicenseRevoked::decode_log(log) {
            let series = self.series.get_mut(&e.licenseId).expect("a minted series");
            assert!(!std::mem::replace(&mut series.revoked, true), "a series revoked twice");
            assert_eq!(
                self.owners[&self.series[&e.licenseId].asset], e.revokedBy,
                "revoked by somebody else"
            );
        } else if let Ok(e) = TransferSingle::decode_log(log) {
            let units = e.value.to::<u64>();
            if !e.from.is_zero() {
                assert!(
                    self.terms[&self.series[&e.id].terms].transferable,
                    "a licence tied to its holder moved"
                );
                *self.held.entry((e.id, e.from)).or_default() -= units;
            }
            *self.held.entry((e.id, e.to)).or_default() += units;
        }
    }

    fn take_mint(&mut self, e: &LicenseMinted, now_secs: u64) {
        let asset = e.assetId.to::<u64>();
        let terms = &self.terms[&e.termsId];
        assert!(
            self.attached.contains(&(asset, e.termsId)),
            "minted under terms that the asset does not offer"
        );
        assert_eq!(
            license_expiry(now_secs, terms.durationSecs),
            Some(e.expiresAt),
            "rounded up to a day"
        );
        assert_eq!(
            license_id(e.assetId, e.termsId, e.expiresAt),
            e.licenseId,
            "the id is the hash of the series"
        );
        let series = Series {
            asset,
            terms: e.termsId,
            expires_at: e.expiresAt,
            revoked: false,
        };
        let series = self.series.entry(e.licenseId).or_insert(series);
        assert!(!series.revoked, "minted into a revoked series");
        *self.minted.entry((asset, e.termsId)).or_default() += e.amount.to::<u64>();
    }
}
