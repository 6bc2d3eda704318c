//! One batch, one transaction: rows and offset are written together (law LOG-2).

use souk_schema::exchange::GroupId;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::error::ProjectError;
use super::stage::Batch;
use crate::store::{self, CHANNEL, Offset};

pub(super) struct Writer {
    connection: PgConnection,
    group: GroupId,
    /// Where the tables are, if nobody else writes them.
    at: Offset,
    announce: bool,
}

impl Writer {
    /// A writer on a connection whose search path is the schema. Listeners are told of commits only if `announce` is set.
    pub(super) fn new(connection: PgConnection, group: GroupId, at: Offset, announce: bool) -> Writer {
        Writer {
            connection,
            group,
            at,
            announce,
        }
    }

    /// Writes a batch and returns where the tables are then.
    pub(super) async fn write(&mut self, batch: Batch) -> Result<Offset, ProjectError> {
        let to = (batch.next_sequence, batch.last_number);
        let mut transaction = self.connection.begin().await?;
        // First, because it takes the lock that keeps other projectors of the group out until this one commits.
        if !store::advance(&mut transaction, self.group, self.at, to).await? {
            return Err(ProjectError::Overtaken(self.group));
        }
        if batch.is_news {
            store::write(&mut transaction, self.group, &batch.changes, batch.encoded).await?;
        }
        if self.announce {
            sqlx::query("select pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(self.group.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        (self.at.next_sequence, self.at.last_number) = to;
        Ok(self.at)
    }
}
