//! Snapshots in Postgres, schema `sequencer`: the newest two of each group. They save time and nothing else: what they hold can be made
//! again from the stream of commands.

use souk_exchange::Engine;
use souk_schema::B256;
use souk_schema::exchange::{CommandNumber, GroupId};
use sqlx::{PgPool, Row};
use tokio::sync::{mpsc, watch};

use crate::error::Unusable;
use crate::{GroupStatus, SequencerError};

/// Bytes of one piece.
const PIECE_BYTES: usize = 4 << 20;

/// How many snapshots of a group are kept.
const KEPT: i64 = 2;

/// A copy of an engine between two records of commands.
pub(crate) struct Taken {
    pub(crate) engine: Box<Engine>,
    /// Sequence of the last record that it has seen.
    pub(crate) command_sequence: u64,
}

/// A state as it is stored.
struct Snapshot {
    /// The last command that the state has seen.
    command: CommandNumber,
    /// Sequence of the record that this command was the last of.
    command_sequence: u64,
    state_hash: B256,
    bytes: Vec<u8>,
}

/// What is known of a stored snapshot without its bytes.
pub(crate) struct Heading {
    pub(crate) command: CommandNumber,
    pub(crate) command_sequence: u64,
    pub(crate) state_hash: B256,
    bytes: usize,
}

/// The snapshots of one group.
#[derive(Clone)]
pub(crate) struct Store {
    pool: PgPool,
    group: i64,
}

impl Store {
    /// Brings the schema up to date.
    pub(crate) async fn open(pool: PgPool, group: GroupId) -> Result<Store, SequencerError> {
        let mut migrator = sqlx::migrate!("../migrations/sequencer");
        migrator.create_schema("sequencer");
        migrator.dangerous_set_table_name("sequencer.migration");
        // A connection of its own, which takes its lock along however this ends.
        let mut connection = pool.acquire().await?.detach();
        migrator.run_direct(None, &mut connection, false).await?;
        Ok(Store {
            pool,
            group: group.0.into(),
        })
    }

    /// Newest first.
    pub(crate) async fn headings(&self) -> Result<Vec<Heading>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT command_number, command_sequence, state_hash, bytes FROM sequencer.snapshot
             WHERE group_id = $1 ORDER BY command_number DESC",
        )
        .bind(self.group)
        .fetch_all(&self.pool)
        .await?;
        let heading = |row: sqlx::postgres::PgRow| {
            let number = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
            Ok(Heading {
                command: CommandNumber(number("command_number")?),
                command_sequence: number("command_sequence")?,
                // A hash of another length matches no state.
                state_hash: B256::try_from(row.try_get::<&[u8], _>("state_hash")?).unwrap_or_default(),
                bytes: usize::try_from(number("bytes")?).unwrap_or(usize::MAX),
            })
        };
        rows.into_iter().map(heading).collect()
    }

    /// The bytes of a snapshot.
    pub(crate) async fn bytes(&self, heading: &Heading) -> Result<Result<Vec<u8>, Unusable>, sqlx::Error> {
        let mut bytes = Vec::new();
        for piece in 0.. {
            let data: Option<Vec<u8>> = sqlx::query_scalar(
                "SELECT data FROM sequencer.snapshot_piece WHERE group_id = $1 AND command_number = $2 AND piece = $3",
            )
            .bind(self.group)
            .bind(signed(heading.command.0))
            .bind(piece)
            .fetch_optional(&self.pool)
            .await?;
            let Some(data) = data else { break };
            bytes.extend_from_slice(&data);
        }
        Ok(if bytes.len() == heading.bytes {
            Ok(bytes)
        } else {
            Err(Unusable::Incomplete)
        })
    }

    /// Stores a snapshot as a whole, and drops those beyond the newest two. Another engine of the group may have stored the same one.
    async fn save(&self, snapshot: &Snapshot) -> Result<(), sqlx::Error> {
        let command = signed(snapshot.command.0);
        let mut transaction = self.pool.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO sequencer.snapshot (group_id, command_number, command_sequence, state_hash, bytes)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(self.group)
        .bind(command)
        .bind(signed(snapshot.command_sequence))
        .bind(snapshot.state_hash.as_slice())
        .bind(signed(snapshot.bytes.len() as u64))
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(());
        }
        for (piece, data) in (0_i32..).zip(snapshot.bytes.chunks(PIECE_BYTES)) {
            sqlx::query("INSERT INTO sequencer.snapshot_piece VALUES ($1, $2, $3, $4)")
                .bind(self.group)
                .bind(command)
                .bind(piece)
                .bind(data)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "DELETE FROM sequencer.snapshot WHERE group_id = $1 AND command_number NOT IN
             (SELECT command_number FROM sequencer.snapshot WHERE group_id = $1 ORDER BY command_number DESC LIMIT $2)",
        )
        .bind(self.group)
        .bind(KEPT)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }
}

/// Stores snapshots as they come, each once the events of all that it has seen are written: who starts from it would not write them again.
pub(crate) async fn keep(store: Store, mut taken: mpsc::Receiver<Taken>, status: watch::Sender<GroupStatus>) {
    let mut watching = status.subscribe();
    while let Some(taken) = taken.recv().await {
        let Ok(snapshot) = tokio::task::spawn_blocking(move || encode(&taken)).await else {
            tracing::error!("a snapshot could not be encoded");
            return;
        };
        let is_published = |status: &GroupStatus| status.published >= snapshot.command;
        if watching.wait_for(is_published).await.is_err() {
            return;
        }
        match store.save(&snapshot).await {
            Ok(()) => status.send_modify(|status| status.snapshot = Some(snapshot.command)),
            // The next one will do; a restart replays more until then.
            Err(error) => tracing::warn!(%error, command = %snapshot.command, "a snapshot was not stored"),
        }
    }
}

fn encode(taken: &Taken) -> Snapshot {
    Snapshot {
        command: taken.engine.commands(),
        command_sequence: taken.command_sequence,
        state_hash: taken.engine.state_hash(),
        bytes: taken.engine.snapshot(),
    }
}

/// Numbers of the log count from 0 or 1 and never reach 2^63.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
