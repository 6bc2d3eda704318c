//! Rules shown one at a time, where a random walk would rarely or never pass.

mod assets;
mod licences;
mod transfers;
mod wiring;

use alloy::primitives::{Address, B256, U256};
use souk_contracts::AssetRegistry::ParentInput;
use souk_contracts::LicenseRegistry::LicenseTerms;
use souk_contracts::{AssetRegistry, LicenseRegistry, RevenueRouter};

use crate::world::{ACTORS, World};

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
const CAROL: Address = ACTORS[2];

fn declare(child: U256, parents: &[(U256, U256)]) -> AssetRegistry::declareParentsCall {
    let input = |&(parent, license): &(U256, U256)| ParentInput {
        parentId: parent,
        relation: 1,
        licenseId: license,
    };
    AssetRegistry::declareParentsCall {
        childId: child,
        parents: parents.iter().map(input).collect(),
    }
}

fn pay(asset: U256, token: Address, amount: u64) -> RevenueRouter::payCall {
    RevenueRouter::payCall {
        assetId: asset,
        token,
        amount: U256::from(amount),
        reason: 4,
        r#ref: B256::ZERO,
    }
}

impl World {
    /// Registers the terms and offers the asset under them; their id.
    fn offered(&mut self, asset: U256, terms: &LicenseTerms) -> U256 {
        let owner = self.view(self.at.asset_registry, &AssetRegistry::ownerOfCall { tokenId: asset });
        let register = LicenseRegistry::registerTermsCall { terms: terms.clone() };
        let terms_id = self.must(owner, self.at.license_registry, &register).value;
        let attach = LicenseRegistry::attachTermsCall {
            assetId: asset,
            termsId: terms_id,
        };
        self.must(owner, self.at.license_registry, &attach);
        terms_id
    }

    /// Offers the asset under the terms and mints one licence to `holder`; its id.
    fn licensed(&mut self, asset: U256, terms: &LicenseTerms, holder: Address) -> U256 {
        let terms_id = self.offered(asset, terms);
        let mint = LicenseRegistry::mintCall {
            assetId: asset,
            termsId: terms_id,
            amount: U256::ONE,
            receiver: holder,
            maxFee: U256::ZERO,
        };
        self.must(holder, self.at.license_registry, &mint).value
    }
}
