//! The columns of rows that one event makes, as JSON.

use serde_json::{Value, json};
use souk_schema::TokenRef;
use souk_schema::event::DomainEvent;

pub fn hex(bytes: impl AsRef<[u8]>) -> Value {
    let digits: String = bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Value::String(format!("\\x{digits}"))
}

pub fn key(token: &TokenRef) -> Value {
    hex(token.key().as_bytes())
}

/// Rows of assets, licences, shares, contributions and revenues that one event makes and that nothing but time contradicts.
pub fn fields(event: &DomainEvent, (block, log): (u64, u32)) -> Option<(&'static str, String, Value)> {
    let place = format!("{block} {log}");
    let row = match event {
        DomainEvent::AssetRegistered {
            asset,
            kind,
            name,
            contributor_share,
            ..
        } => {
            let fields = json!({ "asset_key": key(asset), "registry": hex(asset.contract), "name": name,
                "asset_id": asset.id.to_string(), "kind": kind.number(),
                "contributor_share_e8": contributor_share.parts() });
            ("asset", format!("{asset:?}"), fields)
        }
        DomainEvent::AssetVersioned {
            asset,
            version,
            content_hash,
            metadata_uri,
        } => {
            let fields = json!({ "asset_key": key(asset), "version": version, "content_hash": hex(content_hash),
                "metadata_uri": metadata_uri });
            ("asset_version", place, fields)
        }
        DomainEvent::DerivationDeclared {
            child,
            parent,
            relation,
            license_id,
        } => {
            let fields = json!({ "child_key": key(child), "parent_key": key(parent), "relation": relation.number(),
                "license_id": license_id.to_string(), "status": 0 });
            ("derivation", place, fields)
        }
        DomainEvent::ForeignParentDeclared {
            child,
            parent,
            relation,
        } => {
            let fields = json!({ "child_key": key(child), "parent_id": parent.to_string(),
                "relation": relation.number(), "license_id": "0", "status": 0 });
            ("derivation", place, fields)
        }
        DomainEvent::LicenseTermsRegistered {
            registry,
            terms_id,
            terms,
        } => {
            let fields = json!({ "registry": hex(registry), "terms_id": terms_id.to_string(),
                "commercial_use": terms.commercial_use, "derivatives_allowed": terms.derivatives_allowed,
                "reciprocal": terms.reciprocal, "transferable": terms.transferable,
                "royalty_policy": terms.royalty_policy.number(), "revenue_share_e8": terms.revenue_share.parts(),
                "minting_fee": terms.minting_fee.to_string(), "currency": hex(terms.currency),
                "duration_secs": terms.duration_secs, "supply_cap": terms.supply_cap, "uri": terms.uri,
                "spdx_id": terms.spdx_id });
            ("license_terms", terms_id.to_string(), fields)
        }
        DomainEvent::LicenseTermsAttached {
            registry,
            asset,
            terms_id,
        } => {
            let fields =
                json!({ "asset_key": key(asset), "registry": hex(registry), "terms_id": terms_id.to_string() });
            ("terms_attachment", place, fields)
        }
        other => return fields_of_rights(other, place),
    };
    Some(row)
}

fn fields_of_rights(event: &DomainEvent, place: String) -> Option<(&'static str, String, Value)> {
    let row = match event {
        DomainEvent::LicenseMinted {
            series,
            asset,
            terms_id,
            expires_at,
            ..
        } => {
            let fields = json!({ "series_key": key(series), "asset_key": key(asset), "terms_id": terms_id.to_string(),
                "expires_at": expires_at });
            ("license_series", format!("{series:?}"), fields)
        }
        DomainEvent::SharesIssued {
            shares,
            asset,
            issuer,
            supply,
        } => {
            let fields = json!({ "asset_key": key(asset), "shares_key": key(shares), "issuer": hex(issuer),
                "supply": supply.to_string() });
            ("share_issue", place, fields)
        }
        DomainEvent::ContributionRecorded {
            contribution,
            asset,
            contributor,
            role,
            weight,
            evidence_hash,
            recorded_by,
        } => {
            let fields = json!({ "contribution_key": key(contribution), "asset_key": key(asset),
                "contributor": hex(contributor), "role": role.number(), "weight": weight.to_string(),
                "evidence_hash": hex(evidence_hash), "recorded_by": hex(recorded_by) });
            ("contribution", format!("{contribution:?}"), fields)
        }
        DomainEvent::RevenueReceived {
            revenue,
            asset,
            payer,
            token,
            amount,
            reason,
            reference,
        } => {
            let fields = json!({ "revenue_key": key(revenue), "asset_key": key(asset), "payer": hex(payer),
                "token": hex(token), "amount": amount.to_string(), "reason": reason.number(),
                "reference": hex(reference) });
            ("revenue", place, fields)
        }
        _ => return None,
    };
    Some(row)
}
