//! Projects a group anew into a schema beside the live one and swaps the rows in one transaction, so that readers see the old state or the
//! new one and nothing between. Law LOG-1 says that they are equal; a rebuild is for when a defect made them differ.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_eventlog::{EventLog, StreamName};
use souk_schema::exchange::GroupId;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::watch;

use super::error::ProjectError;
use super::follow::{Goal, follow};
use super::status::{LedgerStatus, Reporter};
use super::{LedgerConfig, Projector};
use crate::store::{self, CHANNEL};
use crate::tables::{INDEX_TABLE, Purpose, Schema, TABLES};

/// What a rebuild did.
#[derive(Clone, Copy, Debug)]
pub struct Rebuilt {
    /// Records that were applied.
    pub records: u64,
    /// How long it took, the swap included.
    pub took: Duration,
}

/// Projects a group's stream from its beginning and swaps the result in. A projector that runs meanwhile continues from it.
///
/// # Errors
/// [`ProjectError`]; the live tables are untouched then.
pub async fn rebuild(
    config: LedgerConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    status: watch::Sender<LedgerStatus>,
) -> Result<Rebuilt, ProjectError> {
    let started = Instant::now();
    let mut reporter = Reporter::new(config.group, status);
    let projector = Projector { config, log, pool };
    let (group, live) = (projector.config.group, &projector.config.schema);
    let beside = live.beside(Purpose::Rebuild, group);
    store::migrate(&projector.pool, live).await?;
    let mut connection = store::connect(&projector.pool, live).await?;
    if !store::lock(&mut connection, &beside).await? {
        return Err(ProjectError::RebuildRuns(group));
    }
    store::drop_schema(&projector.pool, &beside).await?;
    store::migrate(&projector.pool, &beside).await?;
    let stream = StreamName::new(group.event_stream())?;
    let records = loop {
        let goal = projector.log.next_sequence(&stream).await?;
        follow(&projector, &beside, Goal::Sequence(goal), &mut reporter).await?;
        if swap(&mut connection, live, &beside, group).await? {
            break goal;
        }
    };
    store::drop_schema(&projector.pool, &beside).await?;
    Ok(Rebuilt {
        records,
        took: started.elapsed(),
    })
}

/// Moves the group's rows from `beside` to `live`, unless they do not yet reach as far as those that they would replace.
async fn swap(
    connection: &mut PgConnection,
    live: &Schema,
    beside: &Schema,
    group: GroupId,
) -> Result<bool, ProjectError> {
    let mut transaction = connection.begin().await?;
    // Every projector begins a batch with this table, so that they all wait here and hold nothing that is waited for below. The group's
    // own then sees the new epoch and begins anew from there.
    let lock = format!("lock table {live}.projection in share row exclusive mode");
    transaction.execute(AssertSqlSafe(lock)).await?;
    let old = store::read_projection(&mut transaction, group).await?;
    sqlx::query("select set_config('search_path', $1, true)")
        .bind(beside.as_str())
        .execute(&mut *transaction)
        .await?;
    let new = store::read_projection(&mut transaction, group).await?;
    if new.next_sequence < old.next_sequence {
        return Ok(false);
    }
    // History is append-only to everybody else, and these rows passed the same triggers where they were made.
    for toggle in ["disable", "enable"] {
        for table in TABLES.iter().map(|table| table.name) {
            let statement = format!("alter table {live}.{table} {toggle} trigger user");
            transaction.execute(AssertSqlSafe(statement)).await?;
        }
        if toggle == "disable" {
            replace(&mut transaction, live, beside, group).await?;
        }
    }
    sqlx::query(AssertSqlSafe(format!(
        "insert into {live}.projection (group_id, next_sequence, last_number, epoch) values ($1, $2, $3, $4)
         on conflict (group_id) do update set
             next_sequence = excluded.next_sequence, last_number = excluded.last_number, epoch = excluded.epoch, updated_at = now()"
    )))
    .bind(i64::from(group.0))
    .bind(new.next_sequence.cast_signed())
    .bind(new.last_number.0.cast_signed())
    .bind((old.epoch + 1).cast_signed())
    .execute(&mut *transaction)
    .await?;
    sqlx::query("select pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(group.to_string())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

async fn replace(connection: &mut PgConnection, live: &Schema, beside: &Schema, group: GroupId) -> sqlx::Result<()> {
    for table in TABLES.iter().map(|table| table.name).chain([INDEX_TABLE]) {
        let delete = format!("delete from {live}.{table} where group_id = $1");
        let insert = format!("insert into {live}.{table} select * from {beside}.{table} where group_id = $1");
        for statement in [delete, insert] {
            sqlx::query(AssertSqlSafe(statement))
                .bind(i64::from(group.0))
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}
