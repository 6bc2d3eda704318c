//! Facts about licences: terms, series, who holds units.

use alloy_primitives::{Address, U256};

use super::tables::Series;
use super::{Refused, State, Step};
use crate::fact::{Holding, Terms};
use crate::license::{DerivedUnder, LicenseView, SeriesView};

impl State {
    pub(super) fn terms_attached(&mut self, asset: U256, terms_id: U256) -> Result<(), Refused> {
        let asset = self.known(asset)?;
        if !self.tables.terms.contains_key(&terms_id) {
            return Err(Refused::UnknownTerms(terms_id));
        }
        self.tables.attached.set((asset, terms_id), ());
        Ok(())
    }

    /// The first mint makes the series; later ones join it.
    pub(super) fn license_minted(
        &mut self,
        id: U256,
        asset_id: U256,
        terms_id: U256,
        expires_at: u64,
    ) -> Result<(), Refused> {
        let asset = self.known(asset_id)?;
        if !self.tables.terms.contains_key(&terms_id) {
            return Err(Refused::UnknownTerms(terms_id));
        }
        match self.tables.series.get(&id) {
            None => {
                let series = Series {
                    asset,
                    terms_id,
                    expires_at,
                    revoked: false,
                };
                self.tables.series.set(id, series);
                self.tables.series_of.set((asset, id), ());
                Ok(())
            }
            Some(series) if (series.asset, series.terms_id, series.expires_at) == (asset, terms_id, expires_at) => {
                Ok(())
            }
            Some(_) => Err(Refused::SeriesOfAnotherAsset {
                series: id,
                asset: asset_id,
            }),
        }
    }

    pub(super) fn license_revoked(&mut self, id: U256) -> Result<(), Refused> {
        let mut series = self.tables.series.get(&id).ok_or(Refused::UnknownSeries(id))?.clone();
        series.revoked = true;
        self.tables.series.set(id, series);
        Ok(())
    }

    pub(super) fn change_licenses(&mut self, series: U256, account: Address, change: Step) -> Result<(), Refused> {
        let has = self
            .tables
            .licenses
            .get(&(series, account))
            .copied()
            .unwrap_or_default();
        let amount = change.of(has, Holding::License(series), account, series)?;
        self.tables
            .licenses
            .set((series, account), (!amount.is_zero()).then_some(amount));
        Ok(())
    }
}

/// As of the head.
impl LicenseView for State {
    fn owner(&self, asset: U256) -> Option<Address> {
        self.asset(asset).map(|row| row.owner)
    }

    fn derived_from(&self, asset: U256) -> Vec<DerivedUnder> {
        let edges = self.asset(asset).map(|row| row.edges.clone()).unwrap_or_default();
        let derived = |edge: &crate::rule::Edge| DerivedUnder {
            parent: self.tables.assets[edge.parent as usize].id,
            series: (!edge.license.is_zero()).then_some(edge.license),
        };
        edges.iter().map(derived).collect()
    }

    fn series(&self, series: U256) -> Option<SeriesView> {
        let row = self.tables.series.get(&series)?;
        Some(SeriesView {
            asset: self.tables.assets[row.asset as usize].id,
            terms_id: row.terms_id,
            expires_at: row.expires_at,
            revoked: row.revoked,
        })
    }

    fn terms(&self, terms_id: U256) -> Option<Terms> {
        self.tables.terms.get(&terms_id).copied()
    }

    fn offered(&self, asset: U256) -> Vec<U256> {
        let number = self.number(asset).unwrap_or(u32::MAX);
        self.tables
            .attached
            .row(number)
            .map(|(terms_id, ())| *terms_id)
            .collect()
    }

    fn is_closed(&self, asset: U256, terms_id: U256) -> bool {
        let number = self.number(asset).unwrap_or(u32::MAX);
        let mut series = self.tables.series_of.row(number).map(|(series, ())| series);
        series.any(|series| {
            let series = &self.tables.series[series];
            series.terms_id == terms_id && series.expires_at == 0 && series.revoked
        })
    }

    fn held(&self, account: Address, asset: U256) -> Vec<U256> {
        let number = self.number(asset).unwrap_or(u32::MAX);
        let series = self.tables.series_of.row(number).map(|(series, ())| *series);
        series
            .filter(|series| self.tables.licenses.contains_key(&(*series, account)))
            .collect()
    }
}
