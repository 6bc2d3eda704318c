//! The entries of roots that this installation proposed: what anyone checks a root against.

use souk_payouts::Entry;
use souk_schema::{Address, B256};

use super::{Store, big};

impl Store {
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
}
