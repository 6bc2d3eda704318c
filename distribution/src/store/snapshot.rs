//! Snapshots: the newest two of each chain, in pieces. They save time and nothing else: what they hold can be folded again from the stream.

use sqlx::Row;

use super::{Store, big};

/// Bytes of one piece.
const PIECE_BYTES: usize = 4 << 20;

/// How many snapshots of a chain are kept.
const KEPT: i64 = 2;

/// What is known of a stored snapshot without its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heading {
    /// The next record of the stream, which the state has not seen.
    pub(crate) next_sequence: u64,
    bytes: usize,
}

impl Store {
    /// The snapshots of a stream, newest first.
    pub(crate) async fn snapshots(&self, stream: &str) -> Result<Vec<Heading>, sqlx::Error> {
        let rows = sqlx::query(
            "select next_sequence, bytes from payouts.snapshot where chain_id = $1 and stream = $2 order by next_sequence desc",
        )
        .bind(big(self.chain.0))
        .bind(stream)
        .fetch_all(&self.pool)
        .await?;
        let heading = |row: sqlx::postgres::PgRow| {
            let number = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
            Ok(Heading {
                next_sequence: number("next_sequence")?,
                bytes: usize::try_from(number("bytes")?).unwrap_or(usize::MAX),
            })
        };
        rows.into_iter().map(heading).collect()
    }

    /// The bytes of a snapshot; `None` if some are missing.
    pub(crate) async fn snapshot(&self, heading: &Heading) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let mut bytes = Vec::new();
        for piece in 0.. {
            let data: Option<Vec<u8>> = sqlx::query_scalar(
                "select data from payouts.snapshot_piece where chain_id = $1 and next_sequence = $2 and piece = $3",
            )
            .bind(big(self.chain.0))
            .bind(big(heading.next_sequence))
            .bind(piece)
            .fetch_optional(&self.pool)
            .await?;
            let Some(data) = data else { break };
            bytes.extend_from_slice(&data);
        }
        Ok((bytes.len() == heading.bytes).then_some(bytes))
    }

    /// Drops a snapshot that is of no use.
    pub(crate) async fn drop_snapshot(&self, heading: &Heading) -> Result<(), sqlx::Error> {
        sqlx::query("delete from payouts.snapshot where chain_id = $1 and next_sequence = $2")
            .bind(big(self.chain.0))
            .bind(big(heading.next_sequence))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Stores a snapshot as a whole and drops those beyond the newest two. It is not stored where the tables are of another stream by now, or
    /// not as far: who starts from it would not write the lines before it. Another process may have stored the same one.
    pub(crate) async fn save_snapshot(
        &self,
        stream: &str,
        next_sequence: u64,
        bytes: &[u8],
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let inserted = sqlx::query(
            "insert into payouts.snapshot (chain_id, stream, next_sequence, bytes)
             select $1, $2, $3, $4 from payouts.position
             where chain_id = $1 and stream = $2 and next_sequence >= $3 for share
             on conflict do nothing",
        )
        .bind(big(self.chain.0))
        .bind(stream)
        .bind(big(next_sequence))
        .bind(big(bytes.len() as u64))
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        for (piece, data) in (0_i32..).zip(bytes.chunks(PIECE_BYTES)) {
            sqlx::query("insert into payouts.snapshot_piece values ($1, $2, $3, $4)")
                .bind(big(self.chain.0))
                .bind(big(next_sequence))
                .bind(piece)
                .bind(data)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "delete from payouts.snapshot where chain_id = $1 and next_sequence not in
             (select next_sequence from payouts.snapshot where chain_id = $1 order by next_sequence desc limit $2)",
        )
        .bind(big(self.chain.0))
        .bind(KEPT)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}
