//! The JSON form of events, as tables and subscribers keep it: one specimen of each, read back from a golden file.

mod foreign;
mod more;

use super::*;

/// One of each.
fn specimens() -> Vec<DomainEvent> {
    [
        of_assets(),
        of_licences(),
        of_rights_and_money(),
        more::of_work(),
        more::of_executions(),
        more::of_rounds_and_challenges(),
        more::of_disputes(),
        more::of_payouts(),
        more::of_vaults(),
        more::of_gateways(),
        foreign::of_assets(),
        foreign::of_story(),
        foreign::of_agents(),
        foreign::of_attestations(),
        foreign::of_data(),
        foreign::of_claims(),
    ]
    .concat()
}

const ALICE: Address = Address::repeat_byte(1);
const BOB: Address = Address::repeat_byte(2);
const HASH: B256 = B256::repeat_byte(3);

fn token(contract: u8, id: u64) -> TokenRef {
    TokenRef::new(Address::repeat_byte(contract), U256::from(id))
}

fn of_assets() -> Vec<DomainEvent> {
    let asset = token(0xaa, 7);
    vec![
        DomainEvent::AssetRegistered {
            asset,
            owner: ALICE,
            kind: AssetKind::KnowledgeBase,
            name: "facts \"and\" 事実".into(),
            content_hash: HASH,
            metadata_uri: "ipfs://1".into(),
            contributor_share: E8::WHOLE,
        },
        DomainEvent::AssetVersioned {
            asset,
            version: 2,
            content_hash: HASH,
            metadata_uri: "ipfs://2".into(),
        },
        DomainEvent::DerivationDeclared {
            child: asset,
            parent: token(0xaa, 1),
            relation: Relation::FinetunedFrom,
            license_id: U256::MAX,
        },
        DomainEvent::ForeignParentDeclared {
            child: asset,
            parent: "cosmos:cosmoshub-3/nft:thing/1".parse().unwrap(),
            relation: Relation::MirrorOf,
        },
    ]
}

fn of_licences() -> Vec<DomainEvent> {
    let asset = token(0xaa, 7);
    let terms = LicenseTerms {
        commercial_use: true,
        derivatives_allowed: true,
        reciprocal: false,
        transferable: true,
        royalty_policy: RoyaltyPolicy::Lap,
        revenue_share: E8::from_parts(5_000_000).unwrap(),
        minting_fee: U256::MAX,
        currency: ALICE,
        duration_secs: 86_400,
        supply_cap: u64::MAX,
        uri: "ipfs://terms".into(),
        spdx_id: "MIT".into(),
    };
    vec![
        DomainEvent::LicenseTermsRegistered {
            registry: BOB,
            terms_id: U256::from(9),
            terms,
        },
        DomainEvent::LicenseTermsAttached {
            registry: BOB,
            asset,
            terms_id: U256::from(9),
        },
        DomainEvent::LicenseMinted {
            series: token(0xbb, 5),
            asset,
            terms_id: U256::from(9),
            minter: ALICE,
            receiver: BOB,
            amount: U256::from(3),
            expires_at: 1_700_000_000,
            fee_paid: U256::from(1_000_000),
        },
        DomainEvent::LicenseRevoked {
            series: token(0xbb, 5),
            revoked_by: ALICE,
            reason: "breach".into(),
        },
    ]
}

fn of_rights_and_money() -> Vec<DomainEvent> {
    let asset = token(0xaa, 7);
    vec![
        DomainEvent::SharesIssued {
            shares: token(0xcc, 7),
            asset,
            issuer: ALICE,
            supply: U256::from(1_000),
        },
        DomainEvent::ContributionRecorded {
            contribution: token(0xdd, 1),
            asset,
            contributor: BOB,
            role: ContributionRole::Curate,
            weight: U256::from(10),
            evidence_hash: HASH,
            recorded_by: ALICE,
        },
        DomainEvent::ContributionVoided {
            contribution: token(0xdd, 1),
            asset,
            voided_by: ALICE,
            reason: String::new(),
        },
        DomainEvent::RevenueReceived {
            revenue: token(0xee, 1),
            asset,
            payer: BOB,
            token: ALICE,
            amount: U256::from(5),
            reason: RevenueReason::TradeRoyalty,
            reference: HASH,
        },
        DomainEvent::TokenTransferred {
            token: asset,
            standard: TokenStandard::Erc721,
            from: ALICE,
            to: BOB,
            amount: U256::ONE,
        },
    ]
}

/// `SOUK_WRITE_GOLDEN=1` writes the file; a change to it is a change of what every consumer of events reads.
#[test]
fn the_json_of_every_event_is_the_golden_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1/events.json");
    let events = specimens();
    let json = format!("{}\n", serde_json::to_string_pretty(&events).unwrap());
    if std::env::var_os("SOUK_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &json).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(json, golden);
    assert_eq!(serde_json::from_str::<Vec<DomainEvent>>(&golden).unwrap(), events);
    let named: Vec<&str> = events.iter().map(DomainEvent::name).collect();
    for (event, name) in events.iter().zip(&named) {
        assert_eq!(serde_json::to_value(event).unwrap()["type"], *name);
    }
    let distinct: std::collections::BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(distinct.len(), named.len(), "one of each");
}

#[test]
fn numbers_name_the_values_that_contracts_use() {
    assert_eq!(Relation::try_from(9), Ok(Relation::PoweredBy));
    assert_eq!(Relation::ALL.len(), 13);
    assert_eq!(AssetKind::try_from(7).unwrap_err().to_string(), "7 is no AssetKind");
    for (number, relation) in Relation::ALL.iter().enumerate() {
        assert_eq!(usize::from(relation.number()), number);
    }
}

/// What follows the posting of a task, or the opening of a round, does not name the asset: then it is about the task or the round.
#[test]
fn every_event_is_about_an_asset_a_token_or_what_names_one() {
    let about = |wanted: &str| {
        let found = specimens().into_iter().find(|event| event.name() == wanted);
        found.unwrap().subject()
    };
    assert_eq!(about("task_posted"), Some(token(0xaa, 7)));
    assert_eq!(about("reward_paid"), Some(token(0x71, 3)));
    assert_eq!(about("execution_completed"), Some(token(0xaa, 7)));
    assert_eq!(about("challenge_resolved"), Some(token(0x72, 4)));
    assert_eq!(about("update_submitted"), Some(token(0x72, 2)));
    assert_eq!(about("dispute_judged"), Some(token(0xaa, 7)));
    assert_eq!(about("asset_mirrored"), Some(token(0xaa, 8)));
    assert_eq!(about("vault_debited"), Some(token(0xcc, 7)));
    assert_eq!(about("vault_filled"), None);
    assert_eq!(about("root_finalised"), None);
}
