//! What happens in our own contracts.

use souk_contracts::{AssetRegistry, ContributionBook, LicenseRegistry, RevenueRouter};
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{
    AssetKind, ContributionRole, DistributorChanged, DomainEvent, LicenseTerms, Relation, RevenueReason, RoyaltyPolicy,
};
use souk_schema::record::RawLog;
use souk_schema::{ChainId, E8, TokenRef, TokenStandard, U256};

use super::{BOOK, COINS, Deed, LICENSES, Meaning, REGISTRY, ROUTER, account, amount, asset, hash, pick, raw};

pub fn registry(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let asset = asset(a);
    let metadata_uri = format!("ipfs://{b}/{c}");
    let (log, event) = match kind {
        0 => {
            let name = if c == 0 {
                "nul\0".to_string()
            } else {
                format!("asset \\ \"{a}\"\n\u{1f600}")
            };
            let log = AssetRegistry::AssetRegistered {
                assetId: asset.id,
                owner: account(b),
                kind: c % 7,
                name: name.clone(),
                contentHash: hash(b),
                metadataUri: metadata_uri.clone(),
                contributorShareE8: 100_000_000 >> c,
            };
            let event = DomainEvent::AssetRegistered {
                asset,
                owner: account(b),
                kind: pick(AssetKind::ALL, c),
                name,
                content_hash: hash(b),
                metadata_uri,
                contributor_share: E8::from_parts(100_000_000 >> c).expect("at most the whole"),
            };
            (raw(REGISTRY, &log), event)
        }
        1 => {
            let version = if c == 0 { u32::MAX } else { c.into() };
            let log = AssetRegistry::AssetVersioned {
                assetId: asset.id,
                version,
                contentHash: hash(b),
                metadataUri: metadata_uri.clone(),
            };
            let event = DomainEvent::AssetVersioned {
                asset,
                version,
                content_hash: hash(b),
                metadata_uri,
            };
            (raw(REGISTRY, &log), event)
        }
        2 => {
            let log = AssetRegistry::DerivationDeclared {
                childId: asset.id,
                parentId: U256::from(b),
                relation: c,
                licenseId: amount(c),
            };
            let event = DomainEvent::DerivationDeclared {
                child: asset,
                parent: super::asset(b),
                relation: pick(Relation::ALL, c),
                license_id: amount(c),
            };
            (raw(REGISTRY, &log), event)
        }
        _ => {
            let parent = if b == 0 {
                AssetId::Other("cosmos:cosmoshub-3/slip44:118".into())
            } else {
                AssetId::Evm(EvmAssetId {
                    chain: ChainId(10),
                    standard: TokenStandard::Erc721,
                    token: super::asset(b),
                })
            };
            let log = AssetRegistry::ForeignParentDeclared {
                childId: asset.id,
                caip19: parent.to_string(),
                relation: c,
            };
            let event = DomainEvent::ForeignParentDeclared {
                child: asset,
                parent,
                relation: pick(Relation::ALL, c),
            };
            (raw(REGISTRY, &log), event)
        }
    };
    (log, Meaning::Events(vec![event]))
}

pub fn licenses(deed: Deed) -> (RawLog, Meaning) {
    let Deed { kind, a, b, c } = deed;
    let (asset, terms_id) = (asset(a), U256::from(b));
    let series = TokenRef::new(LICENSES, U256::from(a));
    let (log, event) = match kind {
        4 => terms(deed),
        5 => {
            let log = LicenseRegistry::LicenseTermsAttached {
                assetId: asset.id,
                termsId: terms_id,
            };
            let registry = LICENSES;
            let event = DomainEvent::LicenseTermsAttached {
                registry,
                asset,
                terms_id,
            };
            (raw(LICENSES, &log), event)
        }
        6 => {
            let expires_at = if c == 7 { u64::MAX } else { c.into() };
            let log = LicenseRegistry::LicenseMinted {
                licenseId: series.id,
                assetId: asset.id,
                termsId: terms_id,
                minter: account(b),
                receiver: account(c),
                amount: amount(c),
                expiresAt: expires_at,
                feePaid: amount(b),
            };
            let event = DomainEvent::LicenseMinted {
                series,
                asset,
                terms_id,
                minter: account(b),
                receiver: account(c),
                amount: amount(c),
                expires_at,
                fee_paid: amount(b),
            };
            (raw(LICENSES, &log), event)
        }
        _ => {
            let reason = format!("reason {c}");
            let log = LicenseRegistry::LicenseRevoked {
                licenseId: series.id,
                revokedBy: account(b),
                reason: reason.clone(),
            };
            let event = DomainEvent::LicenseRevoked {
                series,
                revoked_by: account(b),
                reason,
            };
            (raw(LICENSES, &log), event)
        }
    };
    (log, Meaning::Events(vec![event]))
}

fn terms(Deed { b, c, .. }: Deed) -> (RawLog, DomainEvent) {
    let terms = LicenseTerms {
        commercial_use: c & 1 == 1,
        derivatives_allowed: c & 2 == 2,
        reciprocal: c & 4 == 4,
        transferable: c & 1 == 0,
        royalty_policy: pick(RoyaltyPolicy::ALL, c),
        revenue_share: E8::from_parts(c.into()).expect("at most the whole"),
        minting_fee: amount(c),
        currency: COINS,
        duration_secs: u64::MAX >> c,
        supply_cap: u64::MAX << c,
        uri: format!("https://example.org/{c}"),
        spdx_id: if c == 3 { "\0".into() } else { "MIT".into() },
    };
    let log = LicenseRegistry::LicenseTermsRegistered {
        termsId: U256::from(b),
        terms: LicenseRegistry::LicenseTerms {
            commercialUse: terms.commercial_use,
            derivativesAllowed: terms.derivatives_allowed,
            reciprocal: terms.reciprocal,
            transferable: terms.transferable,
            royaltyPolicy: terms.royalty_policy.number(),
            revenueShareE8: terms.revenue_share.parts(),
            mintingFee: terms.minting_fee,
            currency: terms.currency,
            durationSecs: terms.duration_secs,
            supplyCap: terms.supply_cap,
            uri: terms.uri.clone(),
            spdxId: terms.spdx_id.clone(),
        },
    };
    let event = DomainEvent::LicenseTermsRegistered {
        registry: LICENSES,
        terms_id: U256::from(b),
        terms,
    };
    (raw(LICENSES, &log), event)
}

pub fn contributions(Deed { kind, a, b, c }: Deed) -> (RawLog, Meaning) {
    let contribution = TokenRef::new(BOOK, U256::from(a));
    let asset = asset(b);
    let (log, event) = if kind == 9 {
        let log = ContributionBook::ContributionRecorded {
            contributionId: contribution.id,
            assetId: asset.id,
            contributor: account(b),
            role: c % 7,
            weight: amount(c),
            evidenceHash: hash(c),
            recordedBy: account(a),
        };
        let event = DomainEvent::ContributionRecorded {
            contribution,
            asset,
            contributor: account(b),
            role: pick(ContributionRole::ALL, c),
            weight: amount(c),
            evidence_hash: hash(c),
            recorded_by: account(a),
        };
        (raw(BOOK, &log), event)
    } else {
        let reason = String::from("copied");
        let log = ContributionBook::ContributionVoided {
            contributionId: contribution.id,
            assetId: asset.id,
            voidedBy: account(c),
            reason: reason.clone(),
        };
        let event = DomainEvent::ContributionVoided {
            contribution,
            asset,
            voided_by: account(c),
            reason,
        };
        (raw(BOOK, &log), event)
    };
    (log, Meaning::Events(vec![event]))
}

/// A payment, or now and then another distributor that payments go to.
pub fn revenue(Deed { a, b, c, .. }: Deed) -> (RawLog, Meaning) {
    if a == 3 && c & 1 == 1 {
        let (previous, current) = (account(b), account(c));
        let log = RevenueRouter::DistributorChanged { previous, current };
        let event = DomainEvent::DistributorChanged(DistributorChanged {
            router: ROUTER,
            previous,
            current,
        });
        return (raw(ROUTER, &log), Meaning::Events(vec![event]));
    }
    let revenue = TokenRef::new(ROUTER, U256::from(b));
    let log = RevenueRouter::RevenueReceived {
        revenueId: revenue.id,
        assetId: U256::from(a),
        payer: account(b),
        token: COINS,
        amount: amount(c),
        reason: c % 7,
        r#ref: hash(c),
    };
    let event = DomainEvent::RevenueReceived {
        revenue,
        asset: asset(a),
        payer: account(b),
        token: COINS,
        amount: amount(c),
        reason: pick(RevenueReason::ALL, c),
        reference: hash(c),
    };
    (raw(ROUTER, &log), Meaning::Events(vec![event]))
}
