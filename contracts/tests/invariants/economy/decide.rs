//! Whether a transaction should go through, judged from what the logs said so far, and with which error if not: the
//! contracts' rules once more, in the contracts' order of precedence.

use std::collections::BTreeSet;

use alloy::primitives::U256;
use alloy::sol_types::SolError;
use souk_contracts::AssetRegistry::{
    DuplicateParent, HasChildren, LicenceRequired, NotAuthorised, RoyaltyStackTooHigh, SelfParent, TooManyParents,
};
use souk_contracts::LicenseRegistry::{
    DerivativesForbidden, ERC1155InsufficientBalance, ExpiredLicense, LicenseNotHeld, LicenseOfAnotherAsset,
    NotTransferable, RevokedLicense, SupplyCapExceeded, TermsAlreadyAttached, TermsNotAttached, UnknownLicense,
    ZeroAmount,
};
use souk_contracts::{ONE_E8, license_expiry, license_id};

use super::Outcome;
use super::state::State;
use super::tx::Tx;

const MAX_PARENTS: usize = 16;

/// Selector of the error with which the contracts must refuse.
type Verdict = Result<(), [u8; 4]>;

/// What must come up in a run of the property, as (transaction, error): success, and each refusal there is.
pub fn reachable() -> Vec<Outcome> {
    let declare = [
        NotAuthorised::SELECTOR,
        HasChildren::SELECTOR,
        TooManyParents::SELECTOR,
        SelfParent::SELECTOR,
        DuplicateParent::SELECTOR,
        LicenceRequired::SELECTOR,
        UnknownLicense::SELECTOR,
        LicenseOfAnotherAsset::SELECTOR,
        RevokedLicense::SELECTOR,
        ExpiredLicense::SELECTOR,
        LicenseNotHeld::SELECTOR,
        DerivativesForbidden::SELECTOR,
        RoyaltyStackTooHigh::SELECTOR,
    ];
    let mint = [
        ZeroAmount::SELECTOR,
        TermsNotAttached::SELECTOR,
        SupplyCapExceeded::SELECTOR,
        RevokedLicense::SELECTOR,
    ];
    let none = [0; 4];
    let mut all = vec![
        ("register", none),
        ("attach", none),
        ("attach", NotAuthorised::SELECTOR),
        ("attach", TermsAlreadyAttached::SELECTOR),
        ("mint", none),
        ("revoke", none),
        ("revoke", NotAuthorised::SELECTOR),
        ("revoke", RevokedLicense::SELECTOR),
        ("give", none),
        ("give", NotTransferable::SELECTOR),
        ("give", ERC1155InsufficientBalance::SELECTOR),
        ("hand over", none),
        ("declare", none),
    ];
    all.extend(declare.map(|selector| ("declare", selector)));
    all.extend(mint.map(|selector| ("mint", selector)));
    all
}

/// Judges one transaction at one time.
pub fn decide(state: &State, tx: &Tx, now_secs: u64) -> Verdict {
    match *tx {
        Tx::Register { .. } | Tx::HandOver { .. } | Tx::Pass(_) => Ok(()),
        Tx::Attach { by, asset, terms } => {
            refuse_if::<NotAuthorised>(state.owners[&asset] != by)?;
            refuse_if::<TermsAlreadyAttached>(state.attached.contains(&(asset, terms)))
        }
        Tx::Mint {
            asset, terms, amount, ..
        } => decide_mint(state, asset, terms, amount, now_secs),
        Tx::Revoke { by, series } => {
            let series = &state.series[&series];
            refuse_if::<NotAuthorised>(state.owners[&series.asset] != by)?;
            refuse_if::<RevokedLicense>(series.revoked)
        }
        Tx::Give {
            series, from, amount, ..
        } => {
            refuse_if::<NotTransferable>(!state.terms[&state.series[&series].terms].transferable)?;
            refuse_if::<ERC1155InsufficientBalance>(state.held(series, from) < amount)
        }
        Tx::Declare { by, child, ref parents } => {
            refuse_if::<NotAuthorised>(state.owners[&child] != by)?;
            refuse_if::<HasChildren>(state.child_count(child) != 0)?;
            refuse_if::<TooManyParents>(state.parents(child).len() + parents.len() > MAX_PARENTS)?;
            decide_edges(state, child, parents, now_secs)
        }
    }
}

fn decide_mint(state: &State, asset: u64, terms: U256, amount: u64, now_secs: u64) -> Verdict {
    refuse_if::<ZeroAmount>(amount == 0)?;
    refuse_if::<TermsNotAttached>(!state.attached.contains(&(asset, terms)))?;
    let cap = state.terms[&terms].supplyCap;
    refuse_if::<SupplyCapExceeded>(cap != 0 && state.minted(asset, terms) + amount > cap)?;
    let expires_at = license_expiry(now_secs, state.terms[&terms].durationSecs).expect("a near future");
    let id = license_id(U256::from(asset), terms, expires_at);
    refuse_if::<RevokedLicense>(state.series.get(&id).is_some_and(|series| series.revoked))
}

fn decide_edges(state: &State, child: u64, parents: &[(u64, U256)], now_secs: u64) -> Verdict {
    let owner = state.owners[&child];
    let mut declared: BTreeSet<u64> = state.parents(child).iter().map(|edge| edge.parent).collect();
    let mut owed = state.lap_over_paths(child) + state.lrp_sum(child);
    for &(parent, license) in parents {
        refuse_if::<SelfParent>(parent == child)?;
        refuse_if::<DuplicateParent>(!declared.insert(parent))?;
        refuse_if::<LicenceRequired>(license.is_zero() && state.owners[&parent] != owner)?;
        owed += state.lap_over_paths(parent);
        if license.is_zero() {
            continue;
        }
        let Some(series) = state.series.get(&license) else {
            return Err(UnknownLicense::SELECTOR);
        };
        refuse_if::<LicenseOfAnotherAsset>(series.asset != parent)?;
        refuse_if::<RevokedLicense>(series.revoked)?;
        refuse_if::<ExpiredLicense>(series.is_expired(now_secs))?;
        refuse_if::<LicenseNotHeld>(state.held(license, owner) == 0)?;
        let terms = &state.terms[&series.terms];
        refuse_if::<DerivativesForbidden>(!terms.derivativesAllowed)?;
        owed += u64::from(terms.revenueShareE8);
    }
    refuse_if::<RoyaltyStackTooHigh>(owed > u64::from(ONE_E8))
}

fn refuse_if<E: SolError>(condition: bool) -> Verdict {
    if condition { Err(E::SELECTOR) } else { Ok(()) }
}
