//! Facts about assets: who owns them, has shares of them, contributed to them, and what they came from.

use alloy_primitives::{Address, U256};
use souk_schema::event::{Relation, RoyaltyPolicy};

use super::tables::{Asset, Contribution, Tables};
use super::{Block, Deferred, Refused, State, Step};
use crate::fact::Holding;
use crate::rule::{AssetNo, Edge, Overspent, Recipients, WHOLE};

impl State {
    pub(super) fn asset_registered(
        &mut self,
        id: U256,
        owner: Address,
        contributor_share: u32,
        block: &Block<'_>,
    ) -> Result<(), Refused> {
        if self.number(id).is_some() {
            return Err(Refused::AssetExists(id));
        }
        let number = AssetNo::try_from(self.tables.assets.len()).expect("fewer than 2^32 assets");
        self.tables.numbers.set(id, number);
        let asset = Asset {
            id,
            contributor_share,
            owner,
            registered_in: block.number,
            issued_in: None,
            depth: 0,
            lap_stack: 0,
            lrp_sum: 0,
            has_children: false,
            edges: [].into(),
        };
        self.tables.assets.set(number, asset);
        Ok(())
    }

    /// Like shares, an owner counts from the next block on, but for the block that registered the asset.
    pub(super) fn asset_moved(&mut self, id: U256, to: Address, block: &mut Block<'_>) -> Result<(), Refused> {
        let asset = self.known(id)?;
        if self.tables.assets[asset as usize].registered_in == block.number {
            self.change_owner(asset, to);
        } else {
            block.deferred.push(Deferred::Owner { asset, to });
        }
        Ok(())
    }

    /// Vault and task board keep no asset for anyone, so an asset sent there by mistake stays its last owner's as far as revenue goes.
    pub(super) fn change_owner(&mut self, asset: AssetNo, to: Address) {
        if self.contracts.is_custodian(to) {
            return;
        }
        self.change_asset(asset, |row| row.owner = to);
        self.cache.recipients_changed(asset);
    }

    /// The registry's own checks are made again: a log that passed them is folded, and nothing else may reach the rule.
    pub(super) fn derivation_declared(
        &mut self,
        child_id: U256,
        parent_id: U256,
        relation: Relation,
        license: U256,
    ) -> Result<(), Refused> {
        let (child, parent) = (self.known(child_id)?, self.known(parent_id)?);
        let own_ancestor = Refused::SelfAncestor {
            child: child_id,
            parent: parent_id,
        };
        if child == parent {
            return Err(own_ancestor);
        }
        let row = &self.tables.assets[child as usize];
        if row.has_children {
            // Only an asset that has children can be above its parent.
            let above = self.cache.upstream(&self.tables, parent)?;
            return Err(if above.has_ancestor(child) {
                own_ancestor
            } else {
                Refused::HasChildren(child_id)
            });
        }
        if row.edges.iter().any(|edge| edge.parent == parent) {
            return Err(Refused::DuplicateParent {
                child: child_id,
                parent: parent_id,
            });
        }
        let (policy, share, terms) = self.edge_terms(parent, license)?;
        let above = &self.tables.assets[parent as usize];
        let lap = match policy {
            RoyaltyPolicy::Lap => u64::from(share),
            _ => 0,
        };
        let lap_stack = u64::from(row.lap_stack) + u64::from(above.lap_stack) + lap;
        let lrp_sum = match policy {
            RoyaltyPolicy::Lrp => u64::from(row.lrp_sum) + u64::from(share),
            _ => u64::from(row.lrp_sum),
        };
        if lap_stack + lrp_sum > u64::from(WHOLE) {
            return Err(Overspent {
                asset: child_id,
                parts: lap_stack + lrp_sum,
            }
            .into());
        }
        let depth = row
            .depth
            .max(above.depth.checked_add(1).expect("fewer than 2^32 assets"));
        let edge = Edge {
            parent,
            relation,
            policy,
            share,
            license,
            terms,
        };
        self.change_asset(child, |row| {
            row.edges = row.edges.iter().cloned().chain([edge]).collect();
            row.lap_stack = lap_stack as u32;
            row.lrp_sum = lrp_sum as u32;
            row.depth = depth;
        });
        if !self.tables.assets[parent as usize].has_children {
            self.change_asset(parent, |row| row.has_children = true);
        }
        self.cache.lineage_changed(child);
        Ok(())
    }

    /// Policy, share and terms of an edge that the series of the parent allowed.
    fn edge_terms(&self, parent: AssetNo, license: U256) -> Result<(RoyaltyPolicy, u32, U256), Refused> {
        if license.is_zero() {
            return Ok((RoyaltyPolicy::None, 0, U256::ZERO));
        }
        let series = self
            .tables
            .series
            .get(&license)
            .ok_or(Refused::UnknownSeries(license))?;
        if series.asset != parent {
            let asset = self.tables.assets[parent as usize].id;
            return Err(Refused::SeriesOfAnotherAsset { series: license, asset });
        }
        let terms = self
            .tables
            .terms
            .get(&series.terms_id)
            .ok_or(Refused::UnknownTerms(series.terms_id))?;
        Ok((terms.policy, terms.share.parts(), series.terms_id))
    }

    pub(super) fn shares_issued(&mut self, id: U256, block: &Block<'_>) -> Result<(), Refused> {
        let asset = self.known(id)?;
        if self.tables.assets[asset as usize].issued_in.is_some() {
            return Err(Refused::SharesExist(id));
        }
        let number = block.number;
        self.change_asset(asset, |row| row.issued_in = Some(number));
        self.cache.recipients_changed(asset);
        Ok(())
    }

    pub(super) fn change_shares(&mut self, asset: AssetNo, account: Address, change: Step) -> Result<(), Refused> {
        let id = self.tables.assets[asset as usize].id;
        let has = self.tables.shares.get(asset, &account).copied().unwrap_or_default();
        let amount = change.of(has, Holding::Shares(id), account, id)?;
        // All holdings are split by together. Below 2^192 each, no number of them passes 2^256.
        if amount.bit_len() > 192 {
            let mut others = self.tables.shares.row(asset).filter(|(other, _)| **other != account);
            others
                .try_fold(amount, |sum, (_, held)| sum.checked_add(*held))
                .ok_or(Refused::TooLarge(id))?;
        }
        self.tables
            .shares
            .set((asset, account), (!amount.is_zero()).then_some(amount));
        self.cache.recipients_changed(asset);
        Ok(())
    }

    pub(super) fn contribution_recorded(
        &mut self,
        contribution: U256,
        asset_id: U256,
        contributor: Address,
        weight: U256,
        block: &Block<'_>,
    ) -> Result<(), Refused> {
        let asset = self.known(asset_id)?;
        if self.tables.contribution_assets.contains_key(&contribution) {
            return Err(Refused::ContributionExists(contribution));
        }
        // The contract's own bound; 2^64 such weights still fit the splits.
        if u128::try_from(weight).is_err() {
            return Err(Refused::TooLarge(asset_id));
        }
        let recorded_at = (block.number, block.log_index);
        self.tables.contribution_assets.set(contribution, asset);
        let record = Contribution {
            contributor,
            weight,
            recorded_at,
            voided_at: None,
        };
        self.tables.contributions.set((asset, contribution), record);
        self.cache.recipients_changed(asset);
        Ok(())
    }

    pub(super) fn contribution_voided(
        &mut self,
        contribution: U256,
        asset_id: U256,
        block: &Block<'_>,
    ) -> Result<(), Refused> {
        let asset = self.known(asset_id)?;
        let record = self.tables.contributions.get(asset, &contribution);
        let mut record = record.ok_or(Refused::UnknownContribution(contribution))?.clone();
        if record.voided_at.is_some() {
            return Err(Refused::ContributionExists(contribution));
        }
        record.voided_at = Some((block.number, block.log_index));
        self.tables.contributions.set((asset, contribution), record);
        self.cache.recipients_changed(asset);
        Ok(())
    }

    fn change_asset(&mut self, asset: AssetNo, change: impl FnOnce(&mut Asset)) {
        let mut row = self.tables.assets[asset as usize].clone();
        change(&mut row);
        self.tables.assets.set(asset, row);
    }
}

/// Memory for [`Tables::recipients`].
#[derive(Clone, Debug, Default)]
pub struct RecipientsScratch {
    contributors: Vec<(Address, U256)>,
    holders: Vec<(Address, U256)>,
}

impl Tables {
    /// Who has what the asset keeps or receives now: contributions as of the last log, shares as of the last block's end.
    pub(super) fn recipients(&self, asset: AssetNo, scratch: &mut RecipientsScratch) -> Recipients {
        let RecipientsScratch { contributors, holders } = scratch;
        let row = &self.assets[asset as usize];
        contributors.clear();
        let records = self.contributions.row(asset).map(|(_, record)| record);
        let counting = records.filter(|record| record.voided_at.is_none() && !record.weight.is_zero());
        contributors.extend(counting.map(|record| (record.contributor, record.weight)));
        contributors.sort_unstable_by_key(|(account, _)| *account);
        contributors.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.1 += next.1;
            }
            same
        });
        holders.clear();
        holders.extend(self.shares.row(asset).map(|(account, amount)| (*account, *amount)));
        Recipients::new(row.contributor_share, contributors, holders, row.owner)
            .expect("weights of 128 bits, and holdings that were summed")
    }
}
