//! May an account use an asset for a purpose at a time, and by which licence.

use alloy_primitives::{Address, U256};

use super::compatibility::{look_above, offering};
use super::{Blocker, LicenseView, Purpose};

/// Why a licence that the account holds is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotUsable {
    /// It ended at this unix time in seconds.
    Expired(u64),
    /// The series was revoked.
    Revoked,
    /// Its terms do not allow the purpose, or are not known.
    TermsForbid,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// As the owner of the asset.
    AsOwner,
    /// By a licence: of those that would do, the one that lasts longest.
    Licensed {
        /// The series.
        series: U256,
        /// Unix time in seconds at which it ends, exclusive; `None` never.
        until: Option<u64>,
    },
    /// Not at all: nothing that the account holds would do.
    NoLicense {
        /// What it holds, and why that does not do; nothing if it holds none.
        held: Vec<(U256, NotUsable)>,
        /// Terms that the asset is offered under and that would do: a licence taken under them allows it. `None` where there are none.
        offered: Option<U256>,
    },
    /// Not at all: something above the asset stands in the way of everybody.
    Blocked {
        /// What does, nearer ancestors first.
        blockers: Vec<Blocker>,
    },
}

impl Access {
    /// Whether the account may.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Access::AsOwner | Access::Licensed { .. })
    }
}

/// Whether `account` may use `asset` for `purpose` at `at`, unix time in seconds of the block that the view is as of.
pub fn access(view: &impl LicenseView, account: Address, asset: U256, purpose: Purpose, at: u64) -> Access {
    let (_, blockers) = look_above(view, asset, purpose);
    if !blockers.is_empty() {
        return Access::Blocked { blockers };
    }
    if view.owner(asset) == Some(account) {
        return Access::AsOwner;
    }
    let mut best: Option<(u64, U256)> = None;
    let mut held = Vec::new();
    for id in view.held(account, asset) {
        let Some(series) = view.series(id).filter(|series| series.asset == asset) else {
            continue;
        };
        let allows = view
            .terms(series.terms_id)
            .is_some_and(|terms| purpose.allowed_by(&terms));
        let why_not = if series.revoked {
            NotUsable::Revoked
        } else if series.is_expired(at) {
            NotUsable::Expired(series.expires_at)
        } else if !allows {
            NotUsable::TermsForbid
        } else {
            let lasts = if series.expires_at == 0 {
                u64::MAX
            } else {
                series.expires_at
            };
            if best.is_none_or(|(longest, _)| lasts > longest) {
                best = Some((lasts, id));
            }
            continue;
        };
        held.push((id, why_not));
    }
    match best {
        Some((lasts, series)) => Access::Licensed {
            series,
            until: (lasts != u64::MAX).then_some(lasts),
        },
        None => Access::NoLicense {
            held,
            offered: offering(view, asset, purpose),
        },
    }
}
