//! Rows as COPY buffers, one per table. The columns of every table stand here once, beside the values that fill them.

use souk_schema::caip::AssetId;
use souk_schema::event::{DomainEvent, LicenseTerms};
use souk_schema::{ChainId, U256};

use super::copy::CopyBuffer;
use crate::fold::{At, Fact, Writes};

/// A table's rows with the columns that they fill.
#[derive(Debug)]
pub struct TableRows {
    /// `table (columns…)`, as it stands in the COPY statement.
    pub target: &'static str,
    /// The rows.
    pub buffer: CopyBuffer,
}

macro_rules! tables {
    ($($field:ident: $columns:literal),+ $(,)?) => {
        #[derive(Debug, Default)]
        struct Buffers { $($field: CopyBuffer),+ }

        impl Buffers {
            fn into_tables(self) -> Vec<TableRows> {
                vec![$(TableRows { target: concat!(stringify!($field), " (chain_id, ", $columns, ")"), buffer: self.$field }),+]
            }
        }
    };
}

tables! {
    block: "number, hash, parent_hash, timestamp",
    event: "block_number, log_index, ordinal, transaction_hash, transaction_index, contract, name, subject_key, body",
    quarantine: "block_number, log_index, transaction_hash, contract, topics, data, reason, decoder_version",
    contract: "address, standard, factory, valid_from, valid_to, log_index",
    asset: "asset_key, registry, asset_id, kind, name, contributor_share_e8, valid_from, valid_to, log_index",
    asset_version: "asset_key, version, content_hash, metadata_uri, valid_from, valid_to, log_index",
    ownership: "token_key, owner, valid_from, valid_to, log_index",
    balance: "token_key, account, amount, valid_from, valid_to, log_index",
    license_terms: "registry, terms_id, commercial_use, derivatives_allowed, reciprocal, transferable, royalty_policy, \
        revenue_share_e8, minting_fee, currency, duration_secs, supply_cap, uri, spdx_id, valid_from, valid_to, log_index",
    terms_attachment: "asset_key, registry, terms_id, valid_from, valid_to, log_index",
    license_series: "series_key, asset_key, terms_id, expires_at, valid_from, valid_to, log_index",
    license_revocation: "series_key, revoked_by, reason, valid_from, valid_to, log_index",
    share_issue: "asset_key, shares_key, issuer, supply, valid_from, valid_to, log_index",
    contribution: "contribution_key, asset_key, contributor, role, weight, evidence_hash, recorded_by, valid_from, valid_to, log_index",
    derivation: "child_key, parent_key, parent_id, relation, license_id, status, valid_from, valid_to, log_index",
    revenue: "revenue_key, asset_key, payer, token, amount, reason, reference, valid_from, valid_to, log_index",
}

/// Encodes everything that is inserted; tables without rows are left out.
pub fn encode(chain: ChainId, writes: &Writes<'_>, decoder_version: u32) -> Vec<TableRows> {
    let mut encoder = Encoder {
        chain: signed(chain.0),
        buffers: Buffers::default(),
    };
    encoder.blocks(writes);
    encoder.events(writes);
    encoder.quarantine(writes, decoder_version);
    encoder.contracts(writes);
    for fact in &writes.facts {
        if fact.until != Some(fact.at.block) {
            encoder.fact(fact);
        }
    }
    encoder.owners(writes);
    encoder.balances(writes);
    let mut tables = encoder.buffers.into_tables();
    tables.retain(|table| table.buffer.rows() > 0);
    tables
}

/// A number as Postgres's `bigint`. Heights were checked when records were linked; a time beyond the range becomes its end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as Postgres's `integer`; what stands here is bounded by its contract or by a block's size.
fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

struct Encoder {
    chain: i64,
    buffers: Buffers,
}

impl CopyBuffer {
    fn begun(&mut self, columns: i16, chain: i64) -> &mut CopyBuffer {
        self.row(columns).int8(chain)
    }

    fn during(&mut self, at: At, until: Option<u64>) {
        self.int8(signed(at.block))
            .int8_or_null(until.map(signed))
            .int4(small(at.log_index));
    }
}

impl Encoder {
    fn blocks(&mut self, writes: &Writes<'_>) {
        for block in &writes.blocks {
            self.buffers
                .block
                .begun(5, self.chain)
                .int8(signed(block.number))
                .bytea(block.hash.as_slice())
                .bytea(block.parent_hash.as_slice())
                .int8(signed(block.timestamp));
        }
    }

    fn events(&mut self, writes: &Writes<'_>) {
        for row in &writes.events {
            let buffer = self
                .buffers
                .event
                .begun(10, self.chain)
                .int8(signed(row.block))
                .int4(small(row.log.log_index))
                .int4(small(row.ordinal))
                .bytea(row.log.transaction_hash.as_slice())
                .int4(small(row.log.transaction_index))
                .address(&row.log.address)
                .text(row.event.name());
            match row.event.subject() {
                Some(subject) => buffer.token(&subject),
                None => buffer.null(),
            };
            buffer.jsonb(row.event);
        }
    }

    fn quarantine(&mut self, writes: &Writes<'_>, decoder_version: u32) {
        for row in &writes.quarantine {
            self.buffers
                .quarantine
                .begun(9, self.chain)
                .int8(signed(row.block))
                .int4(small(row.log.log_index))
                .bytea(row.log.transaction_hash.as_slice())
                .address(&row.log.address)
                .bytea_array(&row.log.topics)
                .bytea(&row.log.data)
                .text(&row.reason)
                .int4(small(decoder_version));
        }
    }

    fn contracts(&mut self, writes: &Writes<'_>) {
        for row in &writes.contracts {
            self.buffers
                .contract
                .begun(7, self.chain)
                .address(&row.address)
                .text(row.standard.namespace())
                .address(&row.factory)
                .during(row.at, None);
        }
    }

    fn owners(&mut self, writes: &Writes<'_>) {
        for row in &writes.owners {
            let buffer = self.buffers.ownership.begun(6, self.chain);
            buffer.token(&row.token).address(&row.owner).during(row.at, row.until);
        }
    }

    fn balances(&mut self, writes: &Writes<'_>) {
        for row in &writes.balances {
            let buffer = self.buffers.balance.begun(7, self.chain);
            buffer
                .token(&row.token)
                .address(&row.account)
                .signed_numeric(row.amount);
            buffer.during(row.at, row.until);
        }
    }

    fn fact(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until } = *fact;
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
                    .text(&name(parent));
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
            _ => self.fact_of_rights(fact),
        }
    }

    /// Series, revocations, shares, contributions and revenues.
    fn fact_of_rights(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until } = *fact;
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
            other => debug_assert!(false, "{} makes no row of its own", other.name()),
        }
    }
}

/// `derivation.status`: the child's owner says so, and nothing else backs or disputes it.
const DECLARED: i16 = 0;

fn name(parent: &AssetId) -> String {
    parent.to_string()
}

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
