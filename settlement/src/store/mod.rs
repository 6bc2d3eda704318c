//! Settlement's tables in Postgres: what was sent, for those who look, and how far old generations were told.
//!
//! Start at [`Store::connect`]. Everything about transactions is a projection of the settlement streams.

mod snapshots;

use std::collections::BTreeSet;

use alloy::primitives::B256;
use souk_ledger::settlement::{SettlementBatch, note_settlement};
use souk_schema::ChainId;
use souk_schema::exchange::{FillNumber, GroupId};
use sqlx::{PgConnection, PgPool};

use crate::settler::journal::{Entry, Purpose};

/// The tables.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
}

/// Numbers of records, fills and blocks stay far below 2^63.
fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store {
    /// Brings the schema `settlement` up to date.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn connect(pool: PgPool) -> Result<Store, sqlx::Error> {
        let mut migrator = sqlx::migrate!("../migrations/settlement");
        migrator.create_schema("settlement");
        migrator.dangerous_set_table_name("settlement.migration");
        // A connection of its own, which takes its lock along however this ends.
        let mut connection = pool.acquire().await?.detach();
        migrator.run_direct(None, &mut connection, false).await?;
        Ok(Store { pool })
    }

    /// How far a generation was told before the next one began, if that was written down.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn told_until(
        &self,
        group: GroupId,
        chain: ChainId,
        generation: u32,
    ) -> Result<Option<u64>, sqlx::Error> {
        let until: Option<i64> = sqlx::query_scalar(
            "select until from settlement.told_generation where group_id = $1 and chain_id = $2 and generation = $3",
        )
        .bind(i64::from(group.0))
        .bind(big(chain.0))
        .bind(i64::from(generation))
        .fetch_optional(&self.pool)
        .await?;
        Ok(until.map(i64::unsigned_abs))
    }

    /// Writes down how far a generation was told, before anything of the next one is; the first to write it has decided it.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn set_told_until(
        &self,
        group: GroupId,
        chain: ChainId,
        generation: u32,
        until: u64,
    ) -> Result<u64, sqlx::Error> {
        let decided: i64 = sqlx::query_scalar(
            "insert into settlement.told_generation (group_id, chain_id, generation, until) values ($1, $2, $3, $4)
             on conflict (group_id, chain_id, generation) do update set until = told_generation.until
             returning until",
        )
        .bind(i64::from(group.0))
        .bind(big(chain.0))
        .bind(i64::from(generation))
        .bind(big(until))
        .fetch_one(&self.pool)
        .await?;
        Ok(decided.unsigned_abs())
    }

    /// Writes entries of a group's journal to the table, all or nothing. The same entries again, from the first one on, give the same rows.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn project(&self, group: GroupId, entries: &[Entry]) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for entry in entries {
            project(&mut transaction, i64::from(group.0), entry).await?;
        }
        let ids = entries.iter().map(Entry::id).collect::<BTreeSet<u64>>();
        tell_ledger(&mut transaction, group, ids).await?;
        transaction.commit().await
    }
}

/// Whether there is a ledger to be told.
async fn has_ledger(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regclass('exchange.settlement') is not null")
        .fetch_one(connection)
        .await
}

/// Notes in the ledger, where there is one, in which transaction fills are settled.
async fn tell_ledger(connection: &mut PgConnection, group: GroupId, ids: BTreeSet<u64>) -> Result<(), sqlx::Error> {
    if !has_ledger(connection).await? {
        return Ok(());
    }
    let batches: Vec<(i64, i64, Vec<u8>, Option<i64>)> = sqlx::query_as(
        "select first_fill, last_fill, transaction_hash, block_number from settlement.transaction
         where group_id = $1 and id = any($2) and purpose = 'batch' and state in ('submitted', 'mined', 'final') order by id",
    )
    .bind(i64::from(group.0))
    .bind(ids.into_iter().map(big).collect::<Vec<i64>>())
    .fetch_all(&mut *connection)
    .await?;
    for (first_fill, last_fill, hash, block) in batches {
        let batch = SettlementBatch {
            group,
            first_fill: FillNumber(first_fill.unsigned_abs()),
            last_fill: FillNumber(last_fill.unsigned_abs()),
            transaction_hash: B256::try_from(&hash[..]).unwrap_or_default(),
            block_number: block.map(i64::unsigned_abs),
        };
        note_settlement(&mut *connection, &batch).await?;
    }
    Ok(())
}

async fn project(connection: &mut PgConnection, group: i64, entry: &Entry) -> Result<(), sqlx::Error> {
    let set_state = |id: u64, state: &'static str| {
        sqlx::query("update settlement.transaction set state = $3 where group_id = $1 and id = $2")
            .bind(group)
            .bind(big(id))
            .bind(state)
    };
    match entry {
        Entry::Planned(planned) => {
            let (purpose, fills, market) = match planned.purpose {
                Purpose::Batch { first, last, voided } => ("batch", Some((first.0, last.0, voided)), None),
                Purpose::Heartbeat => ("heartbeat", None, None),
                Purpose::Flush { market } => ("flush", None, Some(market.to_vec())),
            };
            sqlx::query(
                "insert into settlement.transaction
                 (group_id, id, purpose, first_fill, last_fill, voided_fills, market, nonce, state, attempts, transaction_hash)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, 'submitted', 1, $9)
                 on conflict (group_id, id) do update set state = excluded.state, attempts = excluded.attempts,
                     transaction_hash = excluded.transaction_hash, block_number = null, block_hash = null, gas_used = null",
            )
            .bind(group)
            .bind(big(planned.id))
            .bind(purpose)
            .bind(fills.map(|(first, _, _)| big(first)))
            .bind(fills.map(|(_, last, _)| big(last)))
            .bind(fills.map(|(_, _, voided)| i64::from(voided)))
            .bind(market)
            .bind(big(planned.nonce))
            .bind(planned.attempt.hash.as_slice())
        }
        Entry::Attempted { id, attempt } => sqlx::query(
            "update settlement.transaction set attempts = attempts + 1, transaction_hash = $3 where group_id = $1 and id = $2",
        )
        .bind(group)
        .bind(big(*id))
        .bind(attempt.hash.as_slice()),
        Entry::Mined { id, mined } => sqlx::query(
            "update settlement.transaction
             set state = $3, transaction_hash = $4, block_number = $5, block_hash = $6, gas_used = $7
             where group_id = $1 and id = $2",
        )
        .bind(group)
        .bind(big(*id))
        .bind(if mined.succeeded { "mined" } else { "failed" })
        .bind(mined.hash.as_slice())
        .bind(big(mined.block_number))
        .bind(mined.block_hash.as_slice())
        .bind(big(mined.gas_used)),
        Entry::Reverted { id } => sqlx::query(
            "update settlement.transaction set state = 'submitted', block_number = null, block_hash = null, gas_used = null
             where group_id = $1 and id = $2",
        )
        .bind(group)
        .bind(big(*id)),
        Entry::Voided { id } => set_state(*id, "voided"),
        // A failed one stays failed.
        Entry::Final { id } => sqlx::query(
            "update settlement.transaction set state = 'final' where group_id = $1 and id = $2 and state = 'mined'",
        )
        .bind(group)
        .bind(big(*id)),
    }
    .execute(connection)
    .await
    .map(drop)
}
