//! Lines in Postgres: written with the position in the stream in one transaction, deleted with the blocks that are reverted.

use souk_payouts::Entry;
use souk_payouts::state::{Change, HoldKey};
use souk_schema::{Address, B256, ChainId, U256};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::fold::Changes;

/// The tables of one chain.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    chain: ChainId,
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
        migrator.run(&pool).await?;
        Ok(Store { pool, chain })
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
        transaction.commit().await?;
        Ok(true)
    }

    /// The entries of a root that this installation proposed; none for a root of somebody else.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn root_entries(&self, registry: Address, epoch: u64, root: B256) -> Result<Vec<Entry>, sqlx::Error> {
        let rows: Vec<(Vec<u8>, Vec<u8>, String)> = sqlx::query_as(
            "select account, token, cumulative::text from payouts.root_entry
             where chain_id = $1 and registry = $2 and epoch = $3 and root = $4 order by account, token",
        )
        .bind(big(self.chain.0))
        .bind(registry.as_slice())
        .bind(big(epoch))
        .bind(root.as_slice())
        .fetch_all(&self.pool)
        .await?;
        let entry = |(account, token, cumulative): (Vec<u8>, Vec<u8>, String)| {
            Some(Entry {
                account: Address::try_from(&account[..]).ok()?,
                token: Address::try_from(&token[..]).ok()?,
                cumulative: cumulative.parse().ok()?,
            })
        };
        let damaged = || sqlx::Error::Decode("payouts.root_entry holds what is no entry".into());
        rows.into_iter().map(|row| entry(row).ok_or_else(damaged)).collect()
    }

    /// Keeps the entries of a root before it is proposed. The same again changes nothing.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn keep_root(
        &self,
        registry: Address,
        epoch: u64,
        root: B256,
        entries: &[Entry],
    ) -> Result<(), sqlx::Error> {
        let accounts: Vec<&[u8]> = entries.iter().map(|entry| entry.account.as_slice()).collect();
        let tokens: Vec<&[u8]> = entries.iter().map(|entry| entry.token.as_slice()).collect();
        let amounts: Vec<String> = entries.iter().map(|entry| entry.cumulative.to_string()).collect();
        sqlx::query(
            "insert into payouts.root_entry (chain_id, registry, epoch, root, account, token, cumulative)
             select $1, $2, $3, $4, account, token, cumulative::numeric
             from unnest($5::bytea[], $6::bytea[], $7::text[]) as entry (account, token, cumulative)
             on conflict do nothing",
        )
        .bind(big(self.chain.0))
        .bind(registry.as_slice())
        .bind(big(epoch))
        .bind(root.as_slice())
        .bind(accounts)
        .bind(tokens)
        .bind(amounts)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn revert_from(&self, connection: &mut PgConnection, number: u64) -> Result<(), sqlx::Error> {
        for statement in [
            "delete from payouts.line where chain_id = $1 and block_number >= $2",
            "delete from payouts.portion_change where chain_id = $1 and block_number >= $2",
        ] {
            sqlx::query(statement)
                .bind(big(self.chain.0))
                .bind(big(number))
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    async fn insert_lines(&self, connection: &mut PgConnection, changes: &Changes) -> Result<(), sqlx::Error> {
        let lines = &changes.lines;
        if lines.is_empty() {
            return Ok(());
        }
        let text = |number: &U256| number.to_string();
        sqlx::query(
            "insert into payouts.line
                 (chain_id, registry, revenue, portion, asset, route, role, paths, recipient, token, amount, block_number)
             select $1, registry, revenue::numeric, portion, asset::numeric, route, role, paths, recipient, token, amount::numeric, block
             from unnest($2::bytea[], $3::text[], $4::bigint[], $5::text[], $6::smallint[], $7::smallint[], $8::bigint[], $9::bytea[],
                         $10::bytea[], $11::text[], $12::bigint[])
                 as line (registry, revenue, portion, asset, route, role, paths, recipient, token, amount, block)",
        )
        .bind(big(self.chain.0))
        .bind(lines.iter().map(|(registry, ..)| registry.as_slice()).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| text(&line.revenue)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| i64::from(line.portion)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| text(&line.asset)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.kind.route as i16).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.kind.role as i16).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| i64::from(line.paths)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.recipient.as_slice()).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.token.as_slice()).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| text(&line.amount)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(_, block, _)| big(*block)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn insert_portions(&self, connection: &mut PgConnection, changes: &Changes) -> Result<(), sqlx::Error> {
        let portions = &changes.portions;
        if portions.is_empty() {
            return Ok(());
        }
        let told: Vec<Told> = portions
            .iter()
            .map(|(.., portion)| Told::from(portion.change))
            .collect();
        sqlx::query(
            "insert into payouts.portion_change (chain_id, registry, revenue, portion, change, hold, hold_id, epoch, block_number)
             select $1, registry, revenue::numeric, portion, change, hold, hold_id::numeric, epoch, block
             from unnest($2::bytea[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[])
                 with ordinality as portion (registry, revenue, portion, change, hold, hold_id, epoch, block, place)
             order by place",
        )
        .bind(big(self.chain.0))
        .bind(portions.iter().map(|(registry, ..)| registry.as_slice()).collect::<Vec<_>>())
        .bind(portions.iter().map(|(.., portion)| portion.revenue.to_string()).collect::<Vec<_>>())
        .bind(portions.iter().map(|(.., portion)| portion.portion.map(i64::from)).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.change).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.hold).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.hold_id.as_deref()).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.epoch).collect::<Vec<_>>())
        .bind(portions.iter().map(|(_, block, _)| big(*block)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// A change as its row tells it.
struct Told {
    change: &'static str,
    hold: Option<&'static str>,
    hold_id: Option<String>,
    epoch: Option<i64>,
}

impl From<Change> for Told {
    fn from(change: Change) -> Told {
        let plain = |change| Told {
            change,
            hold: None,
            hold_id: None,
            epoch: None,
        };
        let by = |change, key| {
            let (hold, id) = match key {
                HoldKey::Dispute(id) => ("dispute", id),
                HoldKey::Challenge(id) => ("challenge", id),
            };
            Told {
                hold: Some(hold),
                hold_id: Some(id.to_string()),
                ..plain(change)
            }
        };
        match change {
            Change::Held(key) => by("held", key),
            Change::Released(key) => by("released", key),
            Change::Ended => plain("ended"),
            Change::Restored => plain("restored"),
            Change::Vested(epoch) => Told {
                epoch: Some(big(epoch)),
                ..plain("vested")
            },
        }
    }
}
