//! Random transactions. An [`Op`] speaks of assets, terms and series by numbers that wrap around, so that any sequence of
//! ops makes sense and shrinks well; [`Op::resolve`] turns it into a transaction for the state at hand.

use alloy::primitives::{Address, U256};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use souk_contracts::LicenseRegistry::LicenseTerms;
use souk_contracts::{license_expiry, license_id};

use super::state::{Series, State};
use super::tx::Tx;
use crate::world::ACTORS;

/// Terms to be registered at the start, and what happens then.
#[derive(Clone, Debug)]
pub struct Setup {
    pub terms: Vec<LicenseTerms>,
    pub ops: Vec<Op>,
}

/// Where a parent's licence comes from.
#[derive(Clone, Copy, Debug)]
pub enum Pick {
    /// None: the child's owner should own the parent.
    Own,
    /// Some series that the child's owner holds; it says what the parent is.
    Held(u8),
    /// Some series of the parent, whoever holds it.
    OfParent(u8),
    /// Any series at all.
    Any(u8),
    /// A series that nobody minted.
    Unknown,
}

/// Something that happens; each number wraps around at what exists.
#[derive(Clone, Debug)]
pub enum Op {
    Register {
        owner: u8,
    },
    Attach {
        by_owner: bool,
        asset: u8,
        terms: u8,
    },
    Mint {
        offered: bool,
        asset: u8,
        terms: u8,
        amount: u8,
        receiver: u8,
    },
    Revoke {
        by_owner: bool,
        series: u8,
    },
    Give {
        series: u8,
        from: u8,
        to: u8,
        amount: u8,
    },
    HandOver {
        asset: u8,
        to: u8,
    },
    Declare {
        by_owner: bool,
        newest: bool,
        child: u8,
        parents: Vec<(u8, Pick)>,
    },
    /// What one does who follows the rules: get a licence of a recent asset, register another, declare the edge.
    Derive {
        owner: u8,
        parent: u8,
        terms: u8,
    },
    Pass {
        hours: u8,
    },
}

/// Sets of terms and sequences of ops.
pub fn setups() -> impl Strategy<Value = Setup> {
    (vec(terms(), 3..7), vec(ops(), 20..90)).prop_map(|(terms, ops)| Setup { terms, ops })
}

fn terms() -> impl Strategy<Value = LicenseTerms> {
    let share_percent = prop_oneof![0..12_u32, 20..60_u32, 90..101_u32];
    let duration_hours = prop_oneof![0..1_u64, 1..30_u64, 24..25_u64, 500..900_u64];
    let flags = (any::<bool>(), 0..5_u8, 0..3_u8, any::<bool>());
    (flags, 0..3_u8, share_percent, duration_hours, 0..7_u64, any::<u8>()).prop_map(
        |((commercial, derivatives, reciprocal, transferable), policy, percent, hours, cap, nonce)| LicenseTerms {
            commercialUse: commercial,
            derivativesAllowed: derivatives != 0,
            reciprocal: reciprocal == 0 && derivatives != 0,
            transferable,
            royaltyPolicy: policy,
            revenueShareE8: if policy == 0 { 0 } else { percent * 1_000_000 },
            mintingFee: U256::ZERO,
            currency: Address::ZERO,
            durationSecs: hours * 3_600,
            supplyCap: cap,
            uri: format!("https://terms.example/{nonce}"),
            spdxId: String::new(),
        },
    )
}

fn ops() -> impl Strategy<Value = Op> {
    let mostly = || (0..8_u8).prop_map(|n| n != 0);
    let pick = prop_oneof![
        3 => Just(Pick::Own),
        8 => any::<u8>().prop_map(Pick::Held),
        2 => any::<u8>().prop_map(Pick::OfParent),
        1 => any::<u8>().prop_map(Pick::Any),
        1 => Just(Pick::Unknown),
    ];
    let parents = prop_oneof![
        12 => vec((any::<u8>(), pick), 1..4),
        1 => vec((any::<u8>(), Just(Pick::Own)), 16..20),
    ];
    let n = any::<u8>;
    prop_oneof![
        3 => n().prop_map(|owner| Op::Register { owner }),
        3 => (mostly(), n(), n()).prop_map(|(by_owner, asset, terms)| Op::Attach { by_owner, asset, terms }),
        6 => (mostly(), n(), n(), 0..4_u8, n())
            .prop_map(|(offered, asset, terms, amount, receiver)| Op::Mint { offered, asset, terms, amount, receiver }),
        1 => (mostly(), n()).prop_map(|(by_owner, series)| Op::Revoke { by_owner, series }),
        2 => (n(), n(), n(), 0..3_u8).prop_map(|(series, from, to, amount)| Op::Give { series, from, to, amount }),
        1 => (n(), n()).prop_map(|(asset, to)| Op::HandOver { asset, to }),
        8 => (mostly(), mostly(), n(), parents)
            .prop_map(|(by_owner, newest, child, parents)| Op::Declare { by_owner, newest, child, parents }),
        4 => (n(), n(), n()).prop_map(|(owner, parent, terms)| Op::Derive { owner, parent, terms }),
        1 => n().prop_map(|hours| Op::Pass { hours }),
    ]
}

fn actor(n: u8) -> Address {
    ACTORS[usize::from(n) % ACTORS.len()]
}

/// Element `n` of what there is, wrapping around.
fn nth<T>(n: u8, mut among: impl ExactSizeIterator<Item = T>) -> Option<T> {
    let len = among.len();
    (len > 0).then(|| among.nth(usize::from(n) % len)).flatten()
}

/// Any account but `not`.
fn other(not: Address) -> Address {
    if not == ACTORS[0] { ACTORS[1] } else { ACTORS[0] }
}

impl Op {
    /// The transactions that this op means now; none while what it speaks of does not exist.
    pub fn resolve(&self, state: &State, now_secs: u64) -> Vec<Tx> {
        match *self {
            Self::Derive { owner, parent, terms } => {
                resolve_derivation(state, actor(owner), parent, terms, now_secs).unwrap_or_default()
            }
            _ => self.resolve_one(state).into_iter().collect(),
        }
    }

    fn resolve_one(&self, state: &State) -> Option<Tx> {
        let asset = |n: u8| nth(n, state.owners.keys().copied());
        let signer = |asset: u64, by_owner: bool| {
            let owner = state.owners[&asset];
            if by_owner { owner } else { other(owner) }
        };
        Some(match *self {
            Self::Register { owner } => Tx::Register { owner: actor(owner) },
            Self::Attach {
                by_owner,
                asset: n,
                terms,
            } => {
                let asset = asset(n)?;
                let terms = nth(terms, state.terms.keys().copied())?;
                Tx::Attach {
                    by: signer(asset, by_owner),
                    asset,
                    terms,
                }
            }
            Self::Mint {
                offered,
                asset: n,
                terms,
                amount,
                receiver,
            } => {
                let (asset, terms) = if offered {
                    nth(n, state.attached.iter().copied())?
                } else {
                    (asset(n)?, nth(terms, state.terms.keys().copied())?)
                };
                Tx::Mint {
                    by: actor(n),
                    asset,
                    terms,
                    amount: amount.into(),
                    receiver: actor(receiver),
                }
            }
            Self::Revoke { by_owner, series } => {
                let (&series, of) = nth(series, state.series.iter())?;
                Tx::Revoke {
                    by: signer(of.asset, by_owner),
                    series,
                }
            }
            Self::Give {
                series,
                from,
                to,
                amount,
            } => {
                let series = nth(series, state.series.keys().copied())?;
                Tx::Give {
                    series,
                    from: actor(from),
                    to: actor(to),
                    amount: amount.into(),
                }
            }
            Self::HandOver { asset: n, to } => {
                let asset = asset(n)?;
                Tx::HandOver {
                    by: state.owners[&asset],
                    asset,
                    to: actor(to),
                }
            }
            Self::Declare {
                by_owner,
                newest,
                child,
                ref parents,
            } => resolve_declaration(state, by_owner, newest, child, parents)?,
            Self::Derive { .. } => return None,
            Self::Pass { hours } => Tx::Pass(u64::from(hours) * 3_600),
        })
    }
}

/// Among how many of the newest assets the parent is chosen, so that lines of descent grow long.
const RECENT: u64 = 5;

fn resolve_derivation(state: &State, owner: Address, parent: u8, terms: u8, now_secs: u64) -> Option<Vec<Tx>> {
    let count = state.owners.len() as u64;
    let parent = count.checked_sub(u64::from(parent) % RECENT).filter(|&id| id > 0)?;
    let terms = nth(terms, state.terms.keys().copied())?;
    let expires_at = license_expiry(now_secs, state.terms[&terms].durationSecs)?;
    let license = license_id(U256::from(parent), terms, expires_at);
    let (by, child) = (state.owners[&parent], count + 1);
    let attach = Tx::Attach {
        by,
        asset: parent,
        terms,
    };
    let mint = Tx::Mint {
        by: owner,
        asset: parent,
        terms,
        amount: 1,
        receiver: owner,
    };
    let declare = Tx::Declare {
        by: owner,
        child,
        parents: vec![(parent, license)],
    };
    let is_offered = state.attached.contains(&(parent, terms));
    let mut all = if is_offered { vec![] } else { vec![attach] };
    all.extend([mint, Tx::Register { owner }, declare]);
    Some(all)
}

fn resolve_declaration(state: &State, by_owner: bool, newest: bool, child: u8, parents: &[(u8, Pick)]) -> Option<Tx> {
    let asset = |n: u8| nth(n, state.owners.keys().copied());
    // Mostly an asset that is young enough to have no children yet.
    let child = if newest {
        (state.owners.len() as u64).checked_sub(u64::from(child % 3))?
    } else {
        asset(child)?
    };
    let owner = *state.owners.get(&child)?;
    let parents = parents
        .iter()
        .filter_map(|&(n, pick)| pick.resolve(state, asset(n)?, owner))
        .collect();
    let by = if by_owner { owner } else { other(owner) };
    Some(Tx::Declare { by, child, parents })
}

impl Pick {
    /// The parent and the licence series to name; `parent` is a suggestion.
    fn resolve(self, state: &State, parent: u64, owner: Address) -> Option<(u64, U256)> {
        let series_of = |wanted: &dyn Fn(U256, &Series) -> bool| -> Vec<_> {
            let matching = state.series.iter().filter(|(id, series)| wanted(**id, series));
            matching.map(|(&id, series)| (series.asset, id)).collect()
        };
        match self {
            Self::Own => Some((parent, U256::ZERO)),
            Self::Held(n) => nth(n, series_of(&|id, _| state.held(id, owner) > 0).into_iter()),
            Self::OfParent(n) => nth(n, series_of(&|_, series| series.asset == parent).into_iter()),
            Self::Any(n) => nth(n, state.series.keys().map(|&id| (parent, id))),
            Self::Unknown => Some((parent, U256::from(12_345))),
        }
    }
}
