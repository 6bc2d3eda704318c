//! What is kept in Postgres: lines and settled revenues, written with the position in the stream in one transaction and deleted with the blocks
//! that are reverted; the entries of proposed roots, and what their proposer sent last; and snapshots of what is owed.

mod lines;
mod roots;
mod sent;
mod settled;
mod snapshot;

use souk_schema::ChainId;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::fold::Changes;

pub use roots::KeptRoot;
pub(crate) use snapshot::Heading;

/// Records after which another snapshot is taken, of a chain that is followed at its end: some seconds of folding at most.
const SNAPSHOT_RECORDS: u64 = 5_000;

/// The tables of one chain.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    chain: ChainId,
    snapshot_records: u64,
}

/// Sequences, blocks and epochs stay far below 2^63.
fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store {
    /// Brings the schema `payouts` up to date.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn connect(pool: PgPool, chain: ChainId) -> Result<Store, sqlx::Error> {
        let mut migrator = sqlx::migrate!("../migrations/payouts");
        migrator.create_schema("payouts");
        migrator.dangerous_set_table_name("payouts.migration");
        // A connection of its own, which takes its lock along however this ends.
        let mut connection = pool.acquire().await?.detach();
        migrator.run_direct(None, &mut connection, false).await?;
        Ok(Store {
            pool,
            chain,
            snapshot_records: SNAPSHOT_RECORDS,
        })
    }

    /// Has snapshots taken after so many records.
    #[must_use]
    pub fn with_snapshots_after(mut self, records: u64) -> Store {
        self.snapshot_records = records;
        self
    }

    /// The number of records after which another snapshot is taken.
    pub(crate) fn snapshot_records(&self) -> u64 {
        self.snapshot_records
    }

    /// The next record of the stream that is to be written; 0 where nothing of that stream is.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn position(&self, stream: &str) -> Result<u64, sqlx::Error> {
        let next: Option<i64> =
            sqlx::query_scalar("select next_sequence from payouts.position where chain_id = $1 and stream = $2")
                .bind(big(self.chain.0))
                .bind(stream)
                .fetch_optional(&self.pool)
                .await?;
        Ok(next.unwrap_or(0).unsigned_abs())
    }

    /// The next record of the stream that is to be written. Rows of another stream of the chain, an older generation, are deleted first.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn begin(&self, stream: &str) -> Result<u64, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query("select stream, next_sequence from payouts.position where chain_id = $1 for update")
            .bind(big(self.chain.0))
            .fetch_optional(&mut *transaction)
            .await?;
        let found = row.map(|row| Ok::<_, sqlx::Error>((row.try_get::<String, _>(0)?, row.try_get::<i64, _>(1)?)));
        if let Some((found, next)) = found.transpose()?
            && found == stream
        {
            return Ok(next.unsigned_abs());
        }
        self.revert_from(&mut transaction, 0).await?;
        for statement in [
            "delete from payouts.plan where chain_id = $1",
            "delete from payouts.snapshot where chain_id = $1",
        ] {
            sqlx::query(statement)
                .bind(big(self.chain.0))
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "insert into payouts.position (chain_id, stream, next_sequence) values ($1, $2, 0)
             on conflict (chain_id) do update set stream = excluded.stream, next_sequence = 0",
        )
        .bind(big(self.chain.0))
        .bind(stream)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(0)
    }

    /// Writes what the records from `first` up to `next`, exclusive, changed. Returns false, and writes nothing, if somebody else is at
    /// another record of the stream.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn write(&self, stream: &str, first: u64, next: u64, changes: &Changes) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let moved = sqlx::query(
            "update payouts.position set next_sequence = $4 where chain_id = $1 and stream = $2 and next_sequence = $3",
        )
        .bind(big(self.chain.0))
        .bind(stream)
        .bind(big(first))
        .bind(big(next))
        .execute(&mut *transaction)
        .await?;
        if moved.rows_affected() != 1 {
            return Ok(false);
        }
        if let Some(number) = changes.reverted_from {
            self.revert_from(&mut transaction, number).await?;
        }
        self.insert_lines(&mut transaction, changes).await?;
        self.insert_portions(&mut transaction, changes).await?;
        self.insert_settled(&mut transaction, changes).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn revert_from(&self, connection: &mut PgConnection, number: u64) -> Result<(), sqlx::Error> {
        for statement in [
            "delete from payouts.line where chain_id = $1 and block_number >= $2",
            "delete from payouts.portion_change where chain_id = $1 and block_number >= $2",
            "delete from payouts.settled where chain_id = $1 and block_number >= $2",
        ] {
            sqlx::query(statement)
                .bind(big(self.chain.0))
                .bind(big(number))
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}
