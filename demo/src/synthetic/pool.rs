//! The assets that later ones may descend from: the newest, and the most popular of the older. Bounded, so a stream of any length fits.

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use souk_schema::event::AssetKind;

use crate::action::{AccountNo, AssetNo, TermsNo};

/// Most assets that are remembered.
pub(super) const CAPACITY: usize = 4_096;
/// How many are looked at when a parent is drawn: the one with most children wins.
const TOURNAMENT: usize = 8;

/// What a child needs to know about a parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ancestor {
    pub(super) asset: AssetNo,
    pub(super) owner: AccountNo,
    pub(super) kind: AssetKind,
    /// Its public licence.
    pub(super) public: TermsNo,
    /// Its commercial licence, if it sells one.
    pub(super) royalty: Option<TermsNo>,
    /// LAP royalties above it over all paths, in parts per 100,000,000.
    pub(super) lap_stack_e8: u64,
    pub(super) children: u64,
    /// Shares that people hold and may pass on.
    pub(super) holdings: Vec<(AccountNo, u64)>,
}

/// The remembered assets.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) ancestors: Vec<Ancestor>,
}

impl Pool {
    /// Remembers an asset, in place of the less popular of two if there is no room.
    pub(super) fn add(&mut self, ancestor: Ancestor, rng: &mut ChaCha12Rng) {
        if self.ancestors.len() < CAPACITY {
            self.ancestors.push(ancestor);
            return;
        }
        let (one, other) = (rng.random_range(0..CAPACITY), rng.random_range(0..CAPACITY));
        let forgotten = if self.ancestors[one].children <= self.ancestors[other].children {
            one
        } else {
            other
        };
        self.ancestors[forgotten] = ancestor;
    }

    /// Any remembered asset.
    pub(super) fn any(&self, rng: &mut ChaCha12Rng) -> Option<usize> {
        (!self.ancestors.is_empty()).then(|| rng.random_range(0..self.ancestors.len()))
    }

    /// A remembered asset, popular ones more often.
    pub(super) fn popular(&self, rng: &mut ChaCha12Rng) -> Option<&Ancestor> {
        let drawn = (0..TOURNAMENT)
            .filter_map(|_| self.any(rng))
            .map(|number| &self.ancestors[number]);
        drawn.max_by_key(|ancestor| ancestor.children)
    }

    pub(super) fn get(&self, number: usize) -> &Ancestor {
        &self.ancestors[number]
    }

    pub(super) fn get_mut(&mut self, number: usize) -> &mut Ancestor {
        &mut self.ancestors[number]
    }

    /// Notes that an asset, if still remembered, has children more.
    pub(super) fn count_children(&mut self, children: &std::collections::HashMap<AssetNo, u64>) {
        for ancestor in &mut self.ancestors {
            ancestor.children += children.get(&ancestor.asset).copied().unwrap_or(0);
        }
    }
}
