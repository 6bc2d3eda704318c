//! Who may do what: over a whole chain of derivations ([`compatibility`]), and by which licence ([`access`]).
//!
//! Pure functions over what a [`LicenseView`] knows as of some block; the time is passed in, because a licence expires without any event.
//! A revoked series takes along whatever was derived or licensed under it, all the way down. An expired one does not: what was derived while
//! it was good stays derived, but nothing further is used by it.

mod access;
mod compatibility;
mod mend;
#[cfg(test)]
mod tests;

use alloy_primitives::{Address, U256};

pub use crate::fact::Terms;
pub use access::{Access, NotUsable, access};
pub use compatibility::{Blocker, Compatibility, Why, compatibility};
pub use mend::{Admission, Mend, NewParent};

/// What somebody would do with an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Use it for anything that earns no money.
    Use,
    /// Earn money with it.
    Commercial,
    /// Derive another asset from it.
    Derive,
}

impl Purpose {
    /// Whether terms allow it.
    pub fn allowed_by(self, terms: &Terms) -> bool {
        match self {
            Purpose::Use => true,
            Purpose::Commercial => terms.commercial_use,
            Purpose::Derive => terms.derivatives_allowed,
        }
    }
}

/// A derivation, by the series that allowed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DerivedUnder {
    /// What the asset was derived from.
    pub parent: U256,
    /// The series; `None` where both had one owner and none was needed.
    pub series: Option<U256>,
}

/// A licence series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesView {
    /// The licensed asset.
    pub asset: U256,
    /// Its terms.
    pub terms_id: U256,
    /// Unix time in seconds at which it ends, exclusive; 0 never.
    pub expires_at: u64,
    /// Whether it was revoked itself.
    pub revoked: bool,
}

impl SeriesView {
    /// Whether it is over at a time.
    pub fn is_expired(&self, at: u64) -> bool {
        self.expires_at != 0 && at >= self.expires_at
    }
}

/// What is known of licences as of some block.
pub trait LicenseView {
    /// Who owns the asset; `None` if there is none.
    fn owner(&self, asset: U256) -> Option<Address>;

    /// What the asset was derived from.
    fn derived_from(&self, asset: U256) -> Vec<DerivedUnder>;

    /// A series.
    fn series(&self, series: U256) -> Option<SeriesView>;

    /// Terms.
    fn terms(&self, terms_id: U256) -> Option<Terms>;

    /// The terms that the asset is offered under, by rising id.
    fn offered(&self, asset: U256) -> Vec<U256>;

    /// Whether no licence of the asset is to be had under the terms any more: the series without end was revoked, and takes no mints.
    fn is_closed(&self, asset: U256, terms_id: U256) -> bool;

    /// The series of the asset that the account holds units of, those in the vault included; by rising id.
    fn held(&self, account: Address, asset: U256) -> Vec<U256>;
}
