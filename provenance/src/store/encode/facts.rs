//! Rows that one event makes, each with the values of its event in the order of its table's columns.

use souk_schema::U256;
use souk_schema::event::{DomainEvent, LicenseTerms};
use souk_schema::pg_copy::CopyBuffer;

use super::{ChainRow, Encoder, TableRows, small};
use crate::fold::Fact;

impl<E: FnMut(TableRows)> Encoder<E> {
    pub(super) fn fact(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until, .. } = *fact;
        let (chain, buffers) = (self.chain, &mut self.buffers);
        match event {
            DomainEvent::AssetRegistered {
                asset,
                kind,
                name,
                content_hash,
                metadata_uri,
                contributor_share,
                owner: _,
            } => {
                let buffer = buffers.asset.begun(10, chain).token(asset).address(&asset.contract);
                let buffer = buffer.numeric(asset.id).int2(kind.number().into()).text(name);
                buffer.int4(small(contributor_share.parts())).during(at, until);
                let buffer = buffers.asset_version.begun(8, chain).token(asset).int4(1);
                buffer
                    .bytea(content_hash.as_slice())
                    .text(metadata_uri)
                    .during(at, until);
            }
            DomainEvent::AssetVersioned {
                asset,
                version,
                content_hash,
                metadata_uri,
            } => {
                let buffer = buffers.asset_version.begun(8, chain).token(asset).int4(small(*version));
                buffer
                    .bytea(content_hash.as_slice())
                    .text(metadata_uri)
                    .during(at, until);
            }
            DomainEvent::DerivationDeclared {
                child,
                parent,
                relation,
                license_id,
            } => {
                let buffer = buffers.derivation.begun(10, chain).token(child).token(parent).null();
                let buffer = buffer.int2(relation.number().into()).numeric(*license_id);
                buffer.int2(DECLARED).during(at, until);
            }
            DomainEvent::ForeignParentDeclared {
                child,
                parent,
                relation,
            } => {
                let buffer = buffers
                    .derivation
                    .begun(10, chain)
                    .token(child)
                    .null()
                    .text(&parent.to_string());
                let buffer = buffer.int2(relation.number().into()).numeric(U256::ZERO);
                buffer.int2(DECLARED).during(at, until);
            }
            DomainEvent::LicenseTermsRegistered {
                registry,
                terms_id,
                terms,
            } => {
                let buffer = buffers
                    .license_terms
                    .begun(18, chain)
                    .address(registry)
                    .numeric(*terms_id);
                write_terms(buffer, terms).during(at, until);
            }
            DomainEvent::LicenseTermsAttached {
                registry,
                asset,
                terms_id,
            } => {
                let buffer = buffers.terms_attachment.begun(7, chain).token(asset).address(registry);
                buffer.numeric(*terms_id).during(at, until);
            }
            DomainEvent::Foreign(event) => self.foreign_fact(fact, event),
            _ => self.fact_of_rights(fact),
        }
    }

    /// Series, revocations, shares, contributions and revenues.
    fn fact_of_rights(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until, .. } = *fact;
        let (chain, buffers) = (self.chain, &mut self.buffers);
        match event {
            DomainEvent::LicenseMinted {
                series,
                asset,
                terms_id,
                expires_at,
                ..
            } => {
                let buffer = buffers.license_series.begun(8, chain).token(series).token(asset);
                let buffer = buffer.numeric(*terms_id).numeric(U256::from(*expires_at));
                buffer.during(at, until);
            }
            DomainEvent::LicenseRevoked {
                series,
                revoked_by,
                reason,
            } => {
                let buffer = buffers.license_revocation.begun(7, chain).token(series);
                buffer.address(revoked_by).text(reason).during(at, until);
            }
            DomainEvent::SharesIssued {
                shares,
                asset,
                issuer,
                supply,
            } => {
                let buffer = buffers.share_issue.begun(8, chain).token(asset).token(shares);
                buffer.address(issuer).numeric(*supply).during(at, until);
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
                let buffer = buffers.contribution.begun(11, chain).token(contribution).token(asset);
                let buffer = buffer.address(contributor).int2(role.number().into()).numeric(*weight);
                let buffer = buffer.bytea(evidence_hash.as_slice()).address(recorded_by);
                buffer.during(at, until);
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
                let buffer = buffers.revenue.begun(11, chain).token(revenue).token(asset);
                let buffer = buffer.address(payer).address(token).numeric(*amount);
                let buffer = buffer.int2(reason.number().into()).bytea(reference.as_slice());
                buffer.during(at, until);
            }
            _ => self.fact_of_work(fact),
        }
    }
}

/// `derivation.status`: the child's owner says so, and nothing else backs or disputes it.
const DECLARED: i16 = 0;

/// `derivation.status`: a relayer says so, and the chain that would know is another.
pub(super) const UNCONFIRMED: i16 = 3;

fn write_terms<'b>(buffer: &'b mut CopyBuffer, terms: &LicenseTerms) -> &'b mut CopyBuffer {
    buffer
        .boolean(terms.commercial_use)
        .boolean(terms.derivatives_allowed)
        .boolean(terms.reciprocal)
        .boolean(terms.transferable)
        .int2(terms.royalty_policy.number().into())
        .int4(small(terms.revenue_share.parts()))
        .numeric(terms.minting_fee)
        .address(&terms.currency)
        .numeric(U256::from(terms.duration_secs))
        .numeric(U256::from(terms.supply_cap))
        .text(&terms.uri)
        .text(&terms.spdx_id)
}
