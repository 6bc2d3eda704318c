//! The entries of roots that this installation proposed: what anyone checks a root against. They are cumulative, so those of the last finalised
//! root and of the pending one say all that those before them did, and the others go.

use souk_payouts::Entry;
use souk_schema::{Address, B256};

use super::{Store, big};

/// What is kept of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRoot {
    /// How many entries were published.
    pub published: u64,
    /// Those that are there, by rising account and token; none where the root is no longer the finalised or the pending one.
    pub entries: Option<Vec<Entry>>,
}

impl Store {
    /// What is kept of a root that this installation proposed; `None` for a root of somebody else.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn kept_root(&self, registry: Address, epoch: u64, root: B256) -> Result<Option<KeptRoot>, sqlx::Error> {
        let heading: Option<(i64, bool)> = sqlx::query_as(
            "select entries, is_kept from payouts.root where chain_id = $1 and registry = $2 and epoch = $3 and root = $4",
        )
        .bind(big(self.chain.0))
        .bind(registry.as_slice())
        .bind(big(epoch))
        .bind(root.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        let entries = self.root_entries(registry, epoch, root).await?;
        Ok(match heading {
            Some((published, is_kept)) => Some(KeptRoot {
                published: published.unsigned_abs(),
                entries: is_kept.then_some(entries),
            }),
            None => (!entries.is_empty()).then_some(KeptRoot {
                published: entries.len() as u64,
                entries: Some(entries),
            }),
        })
    }

    async fn root_entries(&self, registry: Address, epoch: u64, root: B256) -> Result<Vec<Entry>, sqlx::Error> {
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
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "insert into payouts.root (chain_id, registry, epoch, root, entries, is_kept) values ($1, $2, $3, $4, $5, true)
             on conflict (chain_id, registry, epoch, root) do update set is_kept = true",
        )
        .bind(big(self.chain.0))
        .bind(registry.as_slice())
        .bind(big(epoch))
        .bind(root.as_slice())
        .bind(big(entries.len() as u64))
        .execute(&mut *transaction)
        .await?;
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
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }

    /// Keeps the entries of these roots, by epoch, and no others of the deployment.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn drop_other_roots(&self, registry: Address, kept: &[(u64, B256)]) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for statement in [
            "update payouts.root set is_kept = false where chain_id = $1 and registry = $2 and is_kept
             and (epoch, root) not in (select * from unnest($3::bigint[], $4::bytea[]))",
            "delete from payouts.root_entry where chain_id = $1 and registry = $2
             and (epoch, root) not in (select * from unnest($3::bigint[], $4::bytea[]))",
        ] {
            sqlx::query(statement)
                .bind(big(self.chain.0))
                .bind(registry.as_slice())
                .bind(kept.iter().map(|(epoch, _)| big(*epoch)).collect::<Vec<_>>())
                .bind(kept.iter().map(|(_, root)| root.as_slice()).collect::<Vec<_>>())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}
