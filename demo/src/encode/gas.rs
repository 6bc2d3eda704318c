//! Gas limits: enough for every action, and within about twice of what it uses, so that many fit a block. A node cannot be asked, because
//! what an action stands on may still be on its way.

use crate::action::{Action, Step};

/// Gas of any transaction with the first touch of what it calls, and of a byte of calldata at its dearest.
const TRANSACTION_GAS: u64 = 80_000;
const CALLDATA_BYTE_GAS: u64 = 40;
/// Writing a fresh word of storage, with the access and what surrounds it.
pub(super) const WORD_GAS: u64 = 24_000;
/// An event, a call between contracts, and the arithmetic around them.
pub(super) const CALL_GAS: u64 = 15_000;
/// Words of storage of an asset beside its metadata URI, and of a version.
const ASSET_WORDS: usize = 7;
const VERSION_WORDS: usize = 4;

/// Gas limit of a step with so many bytes of calldata.
pub(super) fn limit(step: &Step, calldata_bytes: usize) -> u64 {
    TRANSACTION_GAS + calldata_bytes as u64 * CALLDATA_BYTE_GAS + of_action(step)
}

fn of_action(step: &Step) -> u64 {
    let words = |uri: &str| uri.len().div_ceil(32);
    match &step.action {
        Action::MakeDollars(_)
        | Action::ApproveRouter
        | Action::ApproveVaultDollars
        | Action::ApproveVaultShares
        | Action::ApproveVaultLicences
        | Action::VoidContribution(..)
        | Action::Revoke(..) => 2 * WORD_GAS + CALL_GAS,
        Action::DepositDollars(_) | Action::DepositShares(..) | Action::DepositLicences(..) => {
            4 * WORD_GAS + 4 * CALL_GAS
        }
        Action::PassLicences(..) | Action::PassAsset(..) => 3 * WORD_GAS + 2 * CALL_GAS,
        Action::Register(assets) => {
            let words: usize = assets
                .iter()
                .map(|asset| ASSET_WORDS + words(&asset.metadata_uri))
                .sum();
            words as u64 * WORD_GAS
        }
        Action::RegisterTerms(numbers) => each(numbers.len(), 14 * WORD_GAS + CALL_GAS),
        Action::Attach(offers) => each(offers.len(), WORD_GAS + 2 * CALL_GAS),
        Action::MintLicences(mints) => each(mints.len(), 8 * WORD_GAS + 4 * CALL_GAS),
        Action::Derive(derivations) => {
            let edges: usize = derivations.iter().map(|derivation| derivation.edges.len()).sum();
            each(derivations.len() + edges, 2 * WORD_GAS + 3 * CALL_GAS) + each(step.inherited_terms, 5 * WORD_GAS)
        }
        Action::DeriveForeign(_, parents) => each(parents.len(), 2 * CALL_GAS),
        Action::AddVersions(versions) => {
            let words: usize = versions.iter().map(|(_, _, uri)| VERSION_WORDS + words(uri)).sum();
            words as u64 * WORD_GAS
        }
        Action::IssueShares(issues) => {
            let receivers: usize = issues.iter().map(|(_, allotments)| allotments.len()).sum();
            each(receivers + 2 * issues.len(), WORD_GAS + CALL_GAS)
        }
        Action::PassShares(transfers) => each(transfers.len(), WORD_GAS + 2 * CALL_GAS),
        Action::Record(contributions) => each(contributions.len(), WORD_GAS + CALL_GAS),
        Action::Pay(payments) => 4 * WORD_GAS + each(payments.len(), 3 * CALL_GAS),
        Action::Work(work) => super::work::gas(work),
    }
}

fn each(count: usize, gas: u64) -> u64 {
    count as u64 * gas
}
