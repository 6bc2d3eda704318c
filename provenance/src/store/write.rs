//! Writes a batch: older rows are closed, new ones are copied in. Rows to close are looked up key by key, as they are loaded.

use souk_schema::{ChainId, TokenRef};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::encode::{TableRows, signed};
use super::{foreign, vault};
use crate::fold::Closed;

pub(super) fn keys<'a>(tokens: impl Iterator<Item = &'a TokenRef>) -> Vec<Vec<u8>> {
    tokens.map(|token| token.key().as_bytes().to_vec()).collect()
}

/// Closes rows that were open before the batch.
///
/// # Errors
/// Those of Postgres.
pub async fn close(connection: &mut PgConnection, chain: ChainId, closed: &Closed) -> sqlx::Result<()> {
    if !closed.owners.is_empty() {
        let query = sqlx::query(
            "update ownership t set valid_to = k.until
             from unnest($2::bytea[], $3::bigint[], $4::bigint[]) k(key, began, until)
             cross join lateral (
                 select ctid from ownership where chain_id = $1 and token_key = k.key and valid_from = k.began limit 1
             ) o
             where t.ctid = o.ctid",
        );
        let query = query
            .bind(signed(chain.0))
            .bind(keys(closed.owners.iter().map(|(token, ..)| token)));
        let query = query.bind(numbers(closed.owners.iter().map(|(_, from, _)| *from)));
        let query = query.bind(numbers(closed.owners.iter().map(|(.., until)| *until)));
        query.execute(&mut *connection).await?;
    }
    if !closed.balances.is_empty() {
        let accounts: Vec<&[u8]> = closed
            .balances
            .iter()
            .map(|(_, account, ..)| account.as_slice())
            .collect();
        let query = sqlx::query(
            "update balance t set valid_to = k.until
             from unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[]) k(key, account, began, until)
             cross join lateral (
                 select ctid from balance
                 where chain_id = $1 and token_key = k.key and account = k.account and valid_from = k.began limit 1
             ) o
             where t.ctid = o.ctid",
        );
        let query = query
            .bind(signed(chain.0))
            .bind(keys(closed.balances.iter().map(|(token, ..)| token)))
            .bind(accounts);
        let query = query.bind(numbers(closed.balances.iter().map(|(_, _, from, _)| *from)));
        let query = query.bind(numbers(closed.balances.iter().map(|(.., until)| *until)));
        query.execute(&mut *connection).await?;
    }
    close_once(connection, chain, &closed.series, ("license_series", "series_key")).await?;
    close_once(
        connection,
        chain,
        &closed.contributions,
        ("contribution", "contribution_key"),
    )
    .await?;
    vault::close(connection, chain, closed).await?;
    foreign::close(connection, chain, closed).await
}

/// Closes rows of a table that has one for each key, which is in `column`.
pub(super) async fn close_once(
    connection: &mut PgConnection,
    chain: ChainId,
    closed: &[(TokenRef, u64)],
    (table, column): (&'static str, &'static str),
) -> sqlx::Result<()> {
    if closed.is_empty() {
        return Ok(());
    }
    let statement = format!(
        "update {table} t set valid_to = k.until from unnest($2::bytea[], $3::bigint[]) k(key, until)
         cross join lateral (select ctid from {table} where chain_id = $1 and {column} = k.key limit 1) o
         where t.ctid = o.ctid"
    );
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(signed(chain.0))
        .bind(keys(closed.iter().map(|(token, _)| token)));
    let query = query.bind(numbers(closed.iter().map(|(_, until)| *until)));
    query.execute(connection).await.map(|_| ())
}

pub(super) fn numbers(numbers: impl Iterator<Item = u64>) -> Vec<i64> {
    numbers.map(signed).collect()
}

/// Copies rows into their table.
///
/// # Errors
/// Those of Postgres.
pub async fn insert(connection: &mut PgConnection, TableRows { target, buffer }: TableRows) -> sqlx::Result<()> {
    let statement = format!("copy {target} from stdin (format binary)");
    let mut copy = connection.copy_in_raw(&statement).await?;
    copy.send(buffer.finish()).await?;
    copy.finish().await.map(|_| ())
}

/// Tells whoever listens on [`super::CHANNEL`], once the transaction commits, that the chain's tables changed.
///
/// # Errors
/// Those of Postgres.
pub async fn notify(connection: &mut PgConnection, chain: ChainId) -> sqlx::Result<()> {
    sqlx::query("select pg_notify($1, $2)")
        .bind(super::CHANNEL)
        .bind(chain.to_string())
        .execute(connection)
        .await
        .map(|_| ())
}
