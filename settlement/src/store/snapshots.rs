//! Snapshots, of following facts and of settling. They save time and nothing else: any of them may be deleted at any time.

use alloy::primitives::B256;
use souk_schema::ChainId;
use souk_schema::exchange::GroupId;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{Store, big};
use crate::facts::StoredSnapshot;
use crate::settler::StoredSettling;

/// A hash in a column; what is no hash fits to nothing.
fn hash(row: &PgRow, column: &str) -> Result<B256, sqlx::Error> {
    Ok(B256::try_from(row.try_get::<&[u8], _>(column)?).unwrap_or_default())
}

impl Store {
    /// The last snapshot of following a chain's facts for a group.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn fact_snapshot(&self, group: GroupId, chain: ChainId) -> Result<Option<StoredSnapshot>, sqlx::Error> {
        let row = sqlx::query(
            "select version, config_hash, body_hash, body from settlement.fact_snapshot where group_id = $1 and chain_id = $2",
        )
        .bind(i64::from(group.0))
        .bind(big(chain.0))
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StoredSnapshot {
            version: row.try_get::<i32, _>("version")?.unsigned_abs(),
            config_hash: hash(&row, "config_hash")?,
            body_hash: hash(&row, "body_hash")?,
            body: row.try_get("body")?,
        }))
    }

    /// Replaces the snapshot of following a chain's facts for a group.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn set_fact_snapshot(
        &self,
        group: GroupId,
        chain: ChainId,
        snapshot: &StoredSnapshot,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into settlement.fact_snapshot (group_id, chain_id, version, config_hash, body_hash, body)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (group_id, chain_id) do update set version = excluded.version, config_hash = excluded.config_hash,
                 body_hash = excluded.body_hash, body = excluded.body, written_at = now()",
        )
        .bind(i64::from(group.0))
        .bind(big(chain.0))
        .bind(snapshot.version.cast_signed())
        .bind(snapshot.config_hash.as_slice())
        .bind(snapshot.body_hash.as_slice())
        .bind(&snapshot.body)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// The last snapshot of settling a group.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn settler_snapshot(&self, group: GroupId) -> Result<Option<StoredSettling>, sqlx::Error> {
        let row = sqlx::query("select version, body_hash, body from settlement.settler_snapshot where group_id = $1")
            .bind(i64::from(group.0))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StoredSettling {
            version: row.try_get::<i32, _>("version")?.unsigned_abs(),
            body_hash: hash(&row, "body_hash")?,
            body: row.try_get("body")?,
        }))
    }

    /// Replaces the snapshot of settling a group.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn set_settler_snapshot(&self, group: GroupId, snapshot: &StoredSettling) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into settlement.settler_snapshot (group_id, version, body_hash, body) values ($1, $2, $3, $4)
             on conflict (group_id) do update set version = excluded.version, body_hash = excluded.body_hash, body = excluded.body,
                 written_at = now()",
        )
        .bind(i64::from(group.0))
        .bind(snapshot.version.cast_signed())
        .bind(snapshot.body_hash.as_slice())
        .bind(&snapshot.body)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// Whether the tables have a group's transactions up to this one, as far as their newest rows tell: whoever starts from a snapshot writes
    /// no older ones.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn has_through(&self, group: GroupId, last_id: u64) -> Result<bool, sqlx::Error> {
        let newest: Option<i64> = sqlx::query_scalar("select max(id) from settlement.transaction where group_id = $1")
            .bind(i64::from(group.0))
            .fetch_one(&self.pool)
            .await?;
        if newest.unwrap_or(0) < big(last_id) {
            return Ok(false);
        }
        if !super::has_ledger(&mut *self.pool.acquire().await?).await? {
            return Ok(true);
        }
        sqlx::query_scalar(
            "select coalesce((
                 select (select last_fill >= t.last_fill from exchange.settlement
                         where group_id = $1 and first_fill <= t.last_fill order by first_fill desc limit 1) is true
                 from settlement.transaction t
                 where group_id = $1 and id <= $2 and purpose = 'batch' and state = 'final' order by id desc limit 1
             ), true)",
        )
        .bind(i64::from(group.0))
        .bind(big(last_id))
        .fetch_one(&self.pool)
        .await
    }
}
