//! The indexes that only readers need. A table that is filled for the first time is filled without them, and gets them all at once when
//! that is done: sorting a whole column costs less than finding the place of each of its values as it comes, and two are made at a time.
//!
//! What the projector itself looks things up by, primary keys and what serves a revert, the migrations make.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Executor};

use super::migrate::connect;
use crate::tables::Schema;

/// Their names and what they are on; those that take longest come first.
const READ_INDEXES: [(&str, &str); 36] = [
    (
        "event_by_subject",
        "event (chain_id, subject_key, block_number, log_index, ordinal) where subject_key is not null",
    ),
    (
        "balance_by_account",
        "balance (chain_id, account, token_key, valid_from)",
    ),
    (
        "contribution_by_asset",
        "contribution (chain_id, asset_key, valid_from, log_index)",
    ),
    (
        "contribution_by_contributor",
        "contribution (chain_id, contributor, valid_from, log_index)",
    ),
    (
        "ownership_by_owner",
        "ownership (chain_id, owner, token_key, valid_from)",
    ),
    ("derivation_by_child", "derivation (chain_id, child_key)"),
    (
        "derivation_by_parent",
        "derivation (chain_id, parent_key) where parent_key is not null",
    ),
    (
        "revenue_by_asset",
        "revenue (chain_id, asset_key, valid_from, log_index)",
    ),
    ("license_series_by_asset", "license_series (chain_id, asset_key)"),
    (
        "attestation_by_subject",
        "attestation (chain_id, subject_key) where subject_key is not null",
    ),
    ("block_by_time", "block (chain_id, timestamp, number)"),
    (
        "vault_balance_by_account",
        "vault_balance (chain_id, account, token_key, valid_from)",
    ),
    (
        "vault_balance_by_token",
        "vault_balance (chain_id, token_key, valid_from)",
    ),
    (
        "execution_by_asset",
        "execution (chain_id, asset_key, valid_from, log_index)",
    ),
    (
        "execution_by_provider",
        "execution (chain_id, provider, valid_from, log_index)",
    ),
    (
        "execution_by_requester",
        "execution (chain_id, requester, valid_from, log_index)",
    ),
    (
        "execution_by_caller",
        "execution (chain_id, caller_key) where caller_key is not null",
    ),
    ("execution_by_dataset", "execution using gin (dataset_keys)"),
    (
        "round_by_asset",
        "federated_round (chain_id, asset_key, valid_from, log_index)",
    ),
    (
        "round_update_by_dataset",
        "round_update (chain_id, dataset_key) where dataset_key is not null",
    ),
    ("task_by_asset", "task (chain_id, asset_key, valid_from, log_index)"),
    ("task_by_poster", "task (chain_id, poster, valid_from, log_index)"),
    (
        "submission_review_by_reviewer",
        "submission_review (chain_id, reviewer, valid_from, log_index)",
    ),
    (
        "submission_by_task",
        "submission (chain_id, task_key, valid_from, log_index)",
    ),
    (
        "submission_review_by_submission",
        "submission_review (chain_id, submission_key)",
    ),
    ("reward_by_worker", "reward (chain_id, worker, valid_from, log_index)"),
    (
        "payout_claim_by_account",
        "payout_claim (chain_id, account, valid_from, log_index)",
    ),
    ("announcement_by_id", "announcement (chain_id, announcement_id)"),
    ("announcement_by_asset", "announcement (chain_id, asset_key)"),
    ("mirror_by_asset", "mirror (chain_id, mirror_key)"),
    ("mirror_by_origin", "mirror (origin_chain, origin_key)"),
    (
        "submission_by_worker",
        "submission (chain_id, worker, valid_from, log_index)",
    ),
    (
        "submission_rejection_by_submission",
        "submission_rejection (chain_id, submission_key)",
    ),
    ("reward_by_task", "reward (chain_id, task_key, submission_key)"),
    (
        "execution_by_parent",
        "execution (chain_id, parent_key) where parent_key is not null",
    ),
    (
        "dispute_judgement_by_dispute",
        "dispute_judgement (chain_id, dispute_key)",
    ),
];

/// Indexes made at the same time, each by a connection of its own.
const AT_ONCE: usize = 2;

/// Whether every index that readers need is there.
///
/// # Errors
/// Those of Postgres.
pub async fn has_read_indexes(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let names: Vec<&str> = READ_INDEXES.iter().map(|(name, _)| *name).collect();
    let found: i64 = sqlx::query_scalar(
        "select count(*) from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'i' and relname = any($1)",
    )
    .bind(&names)
    .fetch_one(connection)
    .await?;
    Ok(found.unsigned_abs() == names.len() as u64)
}

/// Makes those that are missing. Tables can be read meanwhile, and are written to afterwards.
///
/// # Errors
/// Those of Postgres; what was made until then stays.
pub async fn build_read_indexes(pool: &PgPool, schema: &Schema) -> sqlx::Result<()> {
    let mut turn = connect(pool, schema).await?;
    // Two projectors that have both caught up: the second waits here, and finds them there. The lock ends with the connection.
    sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))")
        .bind(format!("souk indexes {schema}"))
        .execute(&mut turn)
        .await?;
    let next = AtomicUsize::new(0);
    let build = async || {
        let mut connection = connect(pool, schema).await?;
        // With the least write-ahead log, a small index too is synced as a file and not written to that log, compressed page by page.
        connection.execute("set wal_skip_threshold = 0").await?;
        while let Some((name, on)) = READ_INDEXES.get(next.fetch_add(1, Ordering::Relaxed)) {
            let statement = format!("create index if not exists {name} on {on}");
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        Ok(())
    };
    futures::future::try_join_all((0..AT_ONCE).map(|_| build()))
        .await
        .map(drop)
}
