//! The rows of vaults: loaded before a batch is decided, closed after it, as those of tokens are.

use alloy_primitives::Address;
use souk_schema::ChainId;
use sqlx::postgres::PgConnection;

use super::encode::signed;
use super::load::{address, balance, index, key, token};
use super::write::{keys, numbers};
use crate::fold::{Closed, Market, VaultSet};

/// A market's place among the keys, its base, its quote, its royalty account.
type MarketFields = (i64, Vec<u8>, Vec<u8>, Vec<u8>);

/// Fills in what the tables hold. Markets and fee accounts come first: they say which balances the batch's fills may change.
pub(super) async fn load(connection: &mut PgConnection, chain: ChainId, set: &mut VaultSet) -> sqlx::Result<()> {
    markets(connection, chain, set).await?;
    fee_accounts(connection, chain, set).await?;
    set.touch_fills();
    balances(connection, chain, set).await
}

async fn markets(connection: &mut PgConnection, chain: ChainId, set: &mut VaultSet) -> sqlx::Result<()> {
    if set.markets.is_empty() {
        return Ok(());
    }
    let mut markets: Vec<_> = set.markets.iter_mut().collect();
    let vaults: Vec<&[u8]> = markets.iter().map(|((vault, _), _)| vault.as_slice()).collect();
    let ids: Vec<&[u8]> = markets.iter().map(|((_, market), _)| market.as_slice()).collect();
    let rows: Vec<MarketFields> = sqlx::query_as(
        "select k.place, m.base_key, m.quote_key, m.royalty_account
         from unnest($2::bytea[], $3::bytea[]) with ordinality k(vault, market, place)
         cross join lateral (
             select base_key, quote_key, royalty_account from vault_market
             where chain_id = $1 and vault = k.vault and market = k.market limit 1
         ) m",
    )
    .bind(signed(chain.0))
    .bind(vaults)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    for (place, base, quote, royalty_account) in rows {
        *markets[index(place)].1 = Some(Market {
            base: token(&base)?,
            quote: token(&quote)?,
            royalty_account: address(&royalty_account)?,
        });
    }
    Ok(())
}

async fn fee_accounts(connection: &mut PgConnection, chain: ChainId, set: &mut VaultSet) -> sqlx::Result<()> {
    if set.fee_accounts.is_empty() {
        return Ok(());
    }
    let mut held: Vec<_> = set.fee_accounts.iter_mut().collect();
    let vaults: Vec<&[u8]> = held.iter().map(|(vault, _)| vault.as_slice()).collect();
    let rows: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(
        "select k.place, f.account, f.valid_from from unnest($2::bytea[]) with ordinality k(vault, place)
         cross join lateral (
             select account, valid_from, valid_to from vault_fee_account
             where chain_id = $1 and vault = k.vault order by valid_from desc limit 1
         ) f
         where f.valid_to is null",
    )
    .bind(signed(chain.0))
    .bind(vaults)
    .fetch_all(connection)
    .await?;
    for (place, account, from) in rows {
        held[index(place)].1.load(address(&account)?, from.cast_unsigned());
    }
    Ok(())
}

async fn balances(connection: &mut PgConnection, chain: ChainId, set: &mut VaultSet) -> sqlx::Result<()> {
    if set.balances.is_empty() {
        return Ok(());
    }
    let mut held: Vec<_> = set.balances.iter_mut().collect();
    let vaults: Vec<&[u8]> = held.iter().map(|((vault, ..), _)| vault.as_slice()).collect();
    let tokens: Vec<Vec<u8>> = held.iter().map(|((_, token, _), _)| key(token)).collect();
    let accounts: Vec<&[u8]> = held.iter().map(|((.., account), _)| account.as_slice()).collect();
    let rows: Vec<(i64, String, i64)> = sqlx::query_as(
        "select k.place, b.amount::text, b.valid_from
         from unnest($2::bytea[], $3::bytea[], $4::bytea[]) with ordinality k(vault, key, account, place)
         cross join lateral (
             select amount, valid_from, valid_to from vault_balance
             where chain_id = $1 and vault = k.vault and token_key = k.key and account = k.account
             order by valid_from desc limit 1
         ) b
         where b.valid_to is null",
    )
    .bind(signed(chain.0))
    .bind(vaults)
    .bind(tokens)
    .bind(accounts)
    .fetch_all(connection)
    .await?;
    for (place, amount, from) in rows {
        held[index(place)].1.load(balance(&amount)?, from.cast_unsigned());
    }
    Ok(())
}

/// Closes rows that were open before the batch.
pub(super) async fn close(connection: &mut PgConnection, chain: ChainId, closed: &Closed) -> sqlx::Result<()> {
    let accounts = &closed.fee_accounts;
    if !accounts.is_empty() {
        let query = sqlx::query(
            "update vault_fee_account t set valid_to = k.until
             from unnest($2::bytea[], $3::bigint[], $4::bigint[]) k(vault, began, until)
             cross join lateral (
                 select ctid from vault_fee_account where chain_id = $1 and vault = k.vault and valid_from = k.began limit 1
             ) o
             where t.ctid = o.ctid",
        );
        let vaults: Vec<&[u8]> = accounts.iter().map(|(vault, ..)| vault.as_slice()).collect();
        let query = query.bind(signed(chain.0)).bind(vaults);
        let query = query.bind(numbers(accounts.iter().map(|(_, from, _)| *from)));
        let query = query.bind(numbers(accounts.iter().map(|(.., until)| *until)));
        query.execute(&mut *connection).await?;
    }
    let balances = &closed.vault_balances;
    if !balances.is_empty() {
        let query = sqlx::query(
            "update vault_balance t set valid_to = k.until
             from unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bigint[]) k(vault, key, account, began, until)
             cross join lateral (
                 select ctid from vault_balance
                 where chain_id = $1 and vault = k.vault and token_key = k.key and account = k.account
                   and valid_from = k.began limit 1
             ) o
             where t.ctid = o.ctid",
        );
        let slices = |of: fn(&(Address, souk_schema::TokenRef, Address, u64, u64)) -> &Address| {
            balances.iter().map(|row| of(row).as_slice()).collect::<Vec<&[u8]>>()
        };
        let query = query.bind(signed(chain.0)).bind(slices(|row| &row.0));
        let query = query.bind(keys(balances.iter().map(|(_, token, ..)| token)));
        let query = query.bind(slices(|row| &row.2));
        let query = query.bind(numbers(balances.iter().map(|(_, _, _, from, _)| *from)));
        let query = query.bind(numbers(balances.iter().map(|(.., until)| *until)));
        query.execute(connection).await?;
    }
    Ok(())
}
