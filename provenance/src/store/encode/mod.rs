//! Rows as COPY buffers. The columns of every table stand here once, beside the values that fill them.
//!
//! Buffers are handed on as they fill, so that Postgres copies the first rows while the last are being encoded.

use souk_schema::pg_copy::CopyBuffer;
use souk_schema::{ChainId, TokenRef};

mod disputes;
mod executions;
mod facts;
mod foreign;
mod payouts;
mod work;

use crate::fold::{At, Writes};

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
            /// Hands on every buffer that has rows and is longer than `bytes`.
            fn hand_on(&mut self, bytes: usize, emit: &mut impl FnMut(TableRows)) {
                $(if self.$field.rows() > 0 && self.$field.len() > bytes {
                    let target = concat!(stringify!($field), " (chain_id, ", $columns, ")");
                    emit(TableRows { target, buffer: std::mem::take(&mut self.$field) });
                })+
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
    task: "task_key, asset_key, poster, mode, role, reward_token, reward, second_token, second_reward, places, quorum, deadline, \
        weight, reviewers, spec_hash, spec_uri, valid_from, valid_to, log_index",
    submission: "submission_key, task_key, asset_key, worker, content_hash, content_uri, valid_from, valid_to, log_index",
    submission_review: "submission_key, task_key, asset_key, reviewer, accepted, note_hash, valid_from, valid_to, log_index",
    submission_rejection: "submission_key, task_key, asset_key, worker, valid_from, valid_to, log_index",
    reward: "submission_key, task_key, asset_key, worker, token, amount, contribution_key, valid_from, valid_to, log_index",
    task_closing: "task_key, asset_key, accepted, refund, second_refund, valid_from, valid_to, log_index",
    execution: "execution_key, asset_key, requester, caller_key, parent_key, kind, license_id, provider, fee_token, fee, privacy, \
        epsilon_micros, dataset_keys, input_hash, deadline, valid_from, valid_to, log_index",
    execution_completion: "execution_key, asset_key, provider, output_key, output_hash, metered_units, revenue_key, \
        contribution_key, valid_from, valid_to, log_index",
    execution_cancellation: "execution_key, asset_key, refund, valid_from, valid_to, log_index",
    federated_round: "round_key, asset_key, coordinator, number, privacy, epsilon_micros, base_hash, deadline, valid_from, \
        valid_to, log_index",
    round_update: "round_key, asset_key, participant, dataset_key, update_hash, weight, valid_from, valid_to, log_index",
    round_aggregation: "round_key, asset_key, output_key, result_hash, first_contribution_key, participants, valid_from, \
        valid_to, log_index",
    challenge: "challenge_key, execution_key, asset_key, challenger, bond, evidence_hash, evidence_uri, valid_from, valid_to, \
        log_index",
    challenge_resolution: "challenge_key, execution_key, asset_key, upheld, bond_to, bond, voided_contribution_key, valid_from, \
        valid_to, log_index",
    dispute: "dispute_key, asset_key, challenger, tag, bond, evidence_hash, evidence_uri, valid_from, valid_to, log_index",
    dispute_judgement: "dispute_key, asset_key, judge, upheld, resolvable_at, ruling_hash, valid_from, valid_to, log_index",
    dispute_resolution: "dispute_key, asset_key, outcome, bond_to, bond, valid_from, valid_to, log_index",
    payout_root: "distributor, epoch, root, computed_number, computed_hash, finalisable_at, proposer, valid_from, valid_to, \
        log_index",
    payout_root_change: "distributor, epoch, root, change, account, bond, reason, valid_from, valid_to, log_index",
    payout_claim: "distributor, account, token, amount, cumulative, valid_from, valid_to, log_index",
    protocol_fee: "distributor, share_e8, fee_account, valid_from, valid_to, log_index",
    announcement: "gateway, announcement_id, asset_key, target_chain, content_hash, valid_from, valid_to, log_index",
    mirror: "gateway, announcement_id, mirror_key, origin_chain, origin_key, origin_gateway, content_hash, relayer, valid_from, \
        valid_to, log_index",
    vault_market: "vault, market, base_key, quote_key, asset_key, royalty_account, valid_from, valid_to, log_index",
    vault_fee_account: "vault, account, valid_from, valid_to, log_index",
    vault_balance: "vault, token_key, account, amount, valid_from, valid_to, log_index",
    foreign_asset: "asset_key, kind, subject_key, asset_id, owner, name, uri, valid_from, valid_to, log_index",
    foreign_account: "account, subject_key, asset_id, valid_from, valid_to, log_index",
    foreign_link: "child_key, slot, child_id, parent_id, relation, ordinal, valid_from, valid_to, log_index",
    attestation: "attestation_key, schema_uid, attester, recipient, subject_key, valid_from, valid_to, log_index",
    agent_feedback: "feedback_key, agent_key, client, feedback_index, value, value_decimals, tag1, tag2, endpoint, uri, hash, \
        valid_from, valid_to, log_index",
    foreign_dispute: "dispute_key, subject_key, initiator, evidence_hash, tag, valid_from, valid_to, log_index",
}

/// Encodes everything that is inserted and hands it on in portions of a few mebibytes, each of one table.
pub fn encode(chain: ChainId, writes: &Writes<'_>, decoder_version: u32, emit: impl FnMut(TableRows)) {
    let mut encoder = Encoder {
        chain: signed(chain.0),
        buffers: Buffers::default(),
        emit,
        rows: 0,
    };
    encoder.events(writes);
    for fact in &writes.facts {
        if fact.until != Some(fact.at.block) {
            encoder.fact(fact);
            encoder.count();
        }
    }
    encoder.owners(writes);
    encoder.balances(writes);
    encoder.vaults(writes);
    encoder.foreign(writes);
    encoder.blocks(writes);
    encoder.quarantine(writes, decoder_version);
    encoder.contracts(writes);
    encoder.buffers.hand_on(0, &mut encoder.emit);
}

/// A number as Postgres's `bigint`. Heights were checked when records were linked; a time beyond the range becomes its end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as Postgres's `integer`; what stands here is bounded by its contract or by a block's size.
fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

struct Encoder<E> {
    chain: i64,
    buffers: Buffers,
    emit: E,
    rows: usize,
}

/// What rows of chains have in common.
trait ChainRow {
    fn begun(&mut self, columns: i16, chain: i64) -> &mut Self;

    /// A token's key, or NULL.
    fn some_token(&mut self, token: Option<&TokenRef>) -> &mut Self;

    /// When the row is true, and the log that made it.
    fn during(&mut self, at: At, until: Option<u64>);
}

impl ChainRow for CopyBuffer {
    fn begun(&mut self, columns: i16, chain: i64) -> &mut CopyBuffer {
        self.row(columns).int8(chain)
    }

    fn some_token(&mut self, token: Option<&TokenRef>) -> &mut CopyBuffer {
        match token {
            Some(token) => self.token(token),
            None => self.null(),
        }
    }

    fn during(&mut self, at: At, until: Option<u64>) {
        self.int8(signed(at.block))
            .int8_or_null(until.map(signed))
            .int4(small(at.log_index));
    }
}

impl<E: FnMut(TableRows)> Encoder<E> {
    /// Counts a row and now and then hands on what is long enough.
    fn count(&mut self) {
        const BETWEEN_LOOKS: usize = 256;
        // Postgres makes a thousand slots for rows at the beginning of a COPY and drops them at its end: a shorter one is mostly that.
        const PORTION_BYTES: usize = 4 << 20;
        self.rows += 1;
        if self.rows.is_multiple_of(BETWEEN_LOOKS) {
            self.buffers.hand_on(PORTION_BYTES, &mut self.emit);
        }
    }

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
            buffer.some_token(row.subject.as_ref()).jsonb(row.event);
            self.count();
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
                .text(row.kind.as_str())
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
            self.count();
        }
    }

    fn vaults(&mut self, writes: &Writes<'_>) {
        for row in &writes.fee_accounts {
            let buffer = self.buffers.vault_fee_account.begun(6, self.chain);
            buffer
                .address(&row.vault)
                .address(&row.account)
                .during(row.at, row.until);
        }
        for row in &writes.vault_balances {
            let buffer = self.buffers.vault_balance.begun(8, self.chain).address(&row.vault);
            let buffer = buffer.token(&row.token).address(&row.account);
            buffer.signed_numeric(row.amount).during(row.at, row.until);
            self.count();
        }
    }
}
