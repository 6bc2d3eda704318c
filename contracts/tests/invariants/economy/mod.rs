//! Assets, licences and derivations under random transactions: who registers, offers, mints, revokes, hands over, derives,
//! and when.
//!
//! [`state`] is what an indexer would know, rebuilt from the logs alone, and asserts with each log that the contracts were
//! allowed to emit it. [`decide`] says from that state whether a transaction should go through, and with which error if
//! not. The contracts must agree with both, in every step. Start at [`run`].

mod decide;
mod ops;
mod state;
mod tx;

use alloy::primitives::U256;
use souk_contracts::{AssetRegistry, LicenseRegistry, terms_id};

use crate::property::{Coverage, for_all};
use crate::world::{ACTORS, World};
use decide::decide;
use ops::{Setup, setups};
use state::State;
use tx::Tx;

/// Enough that each rule is met and broken many times.
const CASES: u32 = 192;

/// Kind of transaction, and selector of the error with which it was refused (zero where it was not).
type Outcome = (&'static str, [u8; 4]);

/// Royalties never pass 100%, lineage has no cycle, no parent is added after a child, no licence that forbids derivatives,
/// has ended or is held by somebody else admits one, reciprocal terms are carried at any depth, caps hold, terms stay.
#[test]
fn derivations_and_licences_keep_their_rules() {
    let coverage = Coverage::new();
    for_all(CASES, &setups(), |setup| run(&setup, &coverage));
    coverage.require(&decide::reachable());
}

fn run(setup: &Setup, coverage: &Coverage<Outcome>) {
    let mut world = World::new();
    let mut state = State::new(&world);
    for terms in &setup.terms {
        let call = LicenseRegistry::registerTermsCall { terms: terms.clone() };
        let done = world.must(ACTORS[0], world.at.license_registry, &call);
        assert_eq!(done.value, terms_id(terms), "the id of terms is their hash");
        state.take(&done.logs, world.now_secs());
    }
    for op in &setup.ops {
        for tx in op.resolve(&state, world.now_secs()) {
            step(&mut world, &mut state, &tx, coverage);
        }
    }
    compare(&mut world, &state);
}

/// Sends one transaction: the contracts agree with what the logs so far imply, and the new logs with what must hold.
fn step(world: &mut World, state: &mut State, tx: &Tx, coverage: &Coverage<Outcome>) {
    let expected = decide(state, tx, world.now_secs());
    let outcome = tx.send(world);
    let got = outcome.as_ref().map(|_| ()).map_err(|refusal| refusal.selector());
    assert_eq!(got, expected, "{tx:?}");
    coverage.saw((tx.name(), got.err().unwrap_or_default()));
    if let Ok(logs) = outcome {
        state.take(&logs, world.now_secs());
        state.check();
    }
}

/// The contracts' own views say what the logs said: an indexer needs no call to know it.
fn compare(world: &mut World, state: &State) {
    let (assets, licenses) = (world.at.asset_registry, world.at.license_registry);
    for (&asset, owner) in &state.owners {
        let asset_id = U256::from(asset);
        assert_eq!(
            world.view(assets, &AssetRegistry::ownerOfCall { tokenId: asset_id }),
            *owner
        );
        let lap = world.view(assets, &AssetRegistry::lapStackCall { assetId: asset_id });
        assert_eq!(lap, U256::from(state.lap_over_paths(asset)), "LAP stack of {asset}");
        let lrp = world.view(assets, &AssetRegistry::lrpSumCall { assetId: asset_id });
        assert_eq!(lrp, U256::from(state.lrp_sum(asset)), "LRP sum of {asset}");
        let info = world.view(assets, &AssetRegistry::assetInfoCall { assetId: asset_id });
        assert_eq!(info.parentCount, U256::from(state.parents(asset).len()));
        assert_eq!(info.childCount, U256::from(state.child_count(asset)));
    }
    for (&id, series) in &state.series {
        let found = world.view(licenses, &LicenseRegistry::seriesOfCall { licenseId: id });
        assert_eq!(
            (found.assetId, found.termsId, found.expiresAt, found.revoked),
            (
                U256::from(series.asset),
                series.terms,
                series.expires_at,
                series.revoked
            )
        );
        let valid = world.view(licenses, &LicenseRegistry::isValidCall { licenseId: id });
        assert_eq!(valid, series.is_valid(world.now_secs()));
        for account in ACTORS {
            let units = world.view(licenses, &LicenseRegistry::balanceOfCall { account, id });
            assert_eq!(units, U256::from(state.held(id, account)));
        }
    }
    for (&id, terms) in &state.terms {
        let found = world.view(licenses, &LicenseRegistry::termsOfCall { termsId: id });
        assert_eq!(found, *terms, "terms never change");
        assert_eq!(terms_id(&found), id);
        let again = world.must(
            ACTORS[1],
            licenses,
            &LicenseRegistry::registerTermsCall { terms: found },
        );
        assert!(
            again.logs.is_empty() && again.value == id,
            "the same terms again change nothing"
        );
    }
}
