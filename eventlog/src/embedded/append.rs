//! One append: claim the positions, copy the rows, commit. All in one transaction, so it is all or nothing.

use std::time::Duration;

use bytes::BytesMut;
use sqlx::{Connection, PgConnection};

use super::binary;
use super::fault::classify;
use crate::record::NewRecord;
use crate::{LogError, StreamName};

/// Who appends, and where.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim {
    /// The fenced writer of this epoch, at this position and no other.
    Fenced { epoch: i64, first: i64 },
    /// One of many, wherever the tail is.
    Shared,
}

/// How long an append may take before its connection is given up. It is long: a slow disk writes a 64 MiB record in it.
const LIMIT: Duration = Duration::from_secs(120);

/// Rows are gathered to messages of about this size; a larger payload goes out by itself, in pieces of this size.
const MESSAGE_BYTES: usize = 256 * 1024;

/// Takes the stream's lock, moves its tail, makes this one commit durable whatever the connection's setting is, and announces it.
macro_rules! claim_sql {
    ($update:literal) => {
        concat!(
            $update,
            " RETURNING id, next_sequence,
                set_config('synchronous_commit',
                    CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true),
                pg_notify('souk_log', name)"
        )
    };
}

const CLAIM_FENCED: &str = claim_sql!(
    "UPDATE log.stream SET next_sequence = next_sequence + $2 WHERE name = $1 AND epoch = $3 AND next_sequence = $4"
);
const CLAIM_SHARED: &str = claim_sql!(
    "INSERT INTO log.stream AS s (name, epoch, next_sequence) VALUES ($1, 0, $2)
     ON CONFLICT (name) DO UPDATE SET next_sequence = s.next_sequence + $2 WHERE s.epoch = 0"
);

/// Gives an append up that takes too long; its connection is to be given up with it.
pub(super) async fn in_time<T>(appending: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
    let ended = tokio::time::timeout(LIMIT, appending).await;
    ended.map_err(|_| LogError::unavailable("the database took too long over an append"))?
}

/// Appends and returns the first sequence; `None` when the claim does not hold, with nothing written.
pub(super) async fn append(
    connection: &mut PgConnection,
    stream: &StreamName,
    claim: Claim,
    records: &[NewRecord],
) -> Result<Option<i64>, LogError> {
    let count = i64::try_from(records.len()).map_err(LogError::unavailable)?;
    let mut transaction = connection.begin().await.map_err(classify)?;
    let claimed: Option<(i64, i64)> = {
        let query = match claim {
            Claim::Fenced { epoch, first } => sqlx::query_as(CLAIM_FENCED)
                .bind(stream.as_str())
                .bind(count)
                .bind(epoch)
                .bind(first),
            Claim::Shared => sqlx::query_as(CLAIM_SHARED).bind(stream.as_str()).bind(count),
        };
        query.fetch_optional(&mut *transaction).await.map_err(classify)?
    };
    let Some((stream_id, next)) = claimed else {
        transaction.rollback().await.map_err(classify)?;
        return Ok(None);
    };
    let first = next - count;
    copy(&mut transaction, stream_id, first, records)
        .await
        .map_err(classify)?;
    transaction.commit().await.map_err(classify)?;
    Ok(Some(first))
}

async fn copy(connection: &mut PgConnection, stream_id: i64, first: i64, records: &[NewRecord]) -> sqlx::Result<()> {
    let statement = "COPY log.record (stream_id, sequence, headers, payload) FROM STDIN (FORMAT binary)";
    let mut copy = connection.copy_in_raw(statement).await?;
    let mut message = BytesMut::with_capacity(MESSAGE_BYTES);
    binary::put_start(&mut message);
    for (sequence, record) in (first..).zip(records) {
        binary::put_row_head(&mut message, stream_id, sequence, record);
        if record.payload.len() >= MESSAGE_BYTES {
            copy.send(&message[..]).await?;
            message.clear();
            for piece in record.payload.chunks(MESSAGE_BYTES) {
                copy.send(piece).await?;
            }
        } else {
            message.extend_from_slice(&record.payload);
        }
        if message.len() >= MESSAGE_BYTES {
            copy.send(&message[..]).await?;
            message.clear();
        }
    }
    binary::put_end(&mut message);
    copy.send(&message[..]).await?;
    copy.finish().await?;
    Ok(())
}
