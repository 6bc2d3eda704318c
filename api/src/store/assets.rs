//! Assets, their versions, owners and shares.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, FromRow};

use super::listing::{Page, Rows, SortType, listing};
use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, ChainId, Key, Long};

/// A row of `asset`.
#[derive(Clone, Debug, FromRow)]
pub struct AssetRow {
    /// The chain.
    #[sqlx(rename = "chain_id")]
    pub chain: ChainId,
    /// The token of the registry.
    #[sqlx(rename = "asset_key")]
    pub key: Key,
    /// The kind's number.
    pub kind: i16,
    /// Its name.
    pub name: String,
    /// The contributors' part, in parts per 100,000,000.
    pub contributor_share_e8: i32,
    /// The block that registered it.
    pub valid_from: Long,
    /// The log that registered it.
    pub log_index: i32,
}

const COLUMNS: &str = "a.chain_id, a.asset_key, a.kind, a.name, a.contributor_share_e8, a.valid_from, a.log_index";

/// Assets by chain and key, whenever they were registered.
///
/// # Errors
/// When the database does not answer.
pub async fn by_key(reader: &Reader, keys: &[(souk_schema::ChainId, Vec<u8>)]) -> Result<Vec<AssetRow>, ApiError> {
    let query = sqlx::query(
        "select a.chain_id, a.asset_key, a.kind, a.name, a.contributor_share_e8, a.valid_from, a.log_index \
         from unnest($1::int8[], $2::bytea[]) as k(chain, key) join asset a on a.chain_id = k.chain and a.asset_key = k.key",
    )
    .bind(keys.iter().map(|(chain, _)| chain_number(*chain)).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, key)| key.clone()).collect::<Vec<_>>());
    reader.all(query).await
}

/// Which assets to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AssetFilter {
    /// Of these kinds; any if empty.
    pub kinds: Vec<i16>,
    /// Whose name contains this, without regard to case.
    pub name: Option<String>,
    /// Whose owner is this account.
    pub owner: Option<souk_schema::Address>,
    /// Of this registry.
    pub registry: Option<souk_schema::Address>,
}

impl AssetFilter {
    /// The condition on asset `a` at the chain's block `k.at`, with parameters from `$n` on.
    fn condition(&self, mut parameter: usize) -> String {
        let mut condition =
            String::from("a.chain_id = k.chain and a.valid_from <= k.at and (a.valid_to is null or a.valid_to > k.at)");
        let mut add = |text: &str| {
            condition.push_str(&text.replace('?', &format!("${parameter}")));
            parameter += 1;
        };
        if !self.kinds.is_empty() {
            add(" and a.kind = any(?)");
        }
        if self.name.is_some() {
            add(" and a.name ilike ?");
        }
        if self.owner.is_some() {
            add(
                " and exists (select from ownership o where o.chain_id = k.chain and o.owner = ? and o.token_key = a.asset_key \
                 and o.valid_from <= k.at and (o.valid_to is null or o.valid_to > k.at))",
            );
        }
        if self.registry.is_some() {
            add(" and a.registry = ?");
        }
        condition
    }

    fn bind<'q>(
        &self,
        mut query: sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>,
    ) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
        if !self.kinds.is_empty() {
            query = query.bind(self.kinds.clone());
        }
        if let Some(name) = &self.name {
            let literal = name.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
            query = query.bind(format!("%{literal}%"));
        }
        if let Some(owner) = self.owner {
            query = query.bind(owner.to_vec());
        }
        if let Some(registry) = self.registry {
            query = query.bind(registry.to_vec());
        }
        query
    }
}

/// The order of assets in [`search`]: by chain, then by registration.
pub const SEARCH_SORT: &[(&str, SortType)] = &[
    ("a.chain_id", SortType::Integer),
    ("a.valid_from", SortType::Integer),
    ("a.log_index", SortType::Integer),
];

/// Assets that pass a filter, each chain as of a block. In the order of their registration.
///
/// # Errors
/// When the database does not answer.
pub async fn search(
    reader: &Reader,
    chains: &[(souk_schema::ChainId, i64)],
    filter: &AssetFilter,
    page: &Page,
) -> Result<Rows<AssetRow>, ApiError> {
    let order = if page.backward { "desc" } else { "asc" };
    let position = "(a.chain_id, a.valid_from, a.log_index)";
    let statement = format!(
        "select {COLUMNS} from unnest($1::int8[], $2::int8[]) as k(chain, at) join asset a on {} \
         and ($3::int8[] is null or {position} > (($3::int8[])[1], ($3::int8[])[2], ($3::int8[])[3])) \
         and ($4::int8[] is null or {position} < (($4::int8[])[1], ($4::int8[])[2], ($4::int8[])[3])) \
         order by a.chain_id {order}, a.valid_from {order}, a.log_index {order} limit $5",
        filter.condition(6)
    );
    let numbers = |cursor: &Option<Vec<String>>| {
        cursor.as_ref().map(|values| {
            values
                .iter()
                .filter_map(|value| value.parse::<i64>().ok())
                .collect::<Vec<_>>()
        })
    };
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(chains.iter().map(|(chain, _)| chain_number(*chain)).collect::<Vec<_>>())
        .bind(chains.iter().map(|(_, at)| *at).collect::<Vec<_>>())
        .bind(numbers(&page.after))
        .bind(numbers(&page.before))
        .bind(page.size + 1);
    let mut found: Vec<AssetRow> = reader.all(filter.bind(query)).await?;
    let size = usize::try_from(page.size).unwrap_or(0);
    let more = found.len() > size;
    found.truncate(size);
    if page.backward {
        found.reverse();
    }
    let cursor = |row: &AssetRow| {
        vec![
            row.chain.0.to_string(),
            row.valid_from.0.to_string(),
            row.log_index.to_string(),
        ]
    };
    Ok(Rows {
        rows: found.into_iter().map(|row| (cursor(&row), row)).collect(),
        more,
    })
}

/// How many assets pass a filter.
///
/// # Errors
/// When the database does not answer.
pub async fn count(
    reader: &Reader,
    chains: &[(souk_schema::ChainId, i64)],
    filter: &AssetFilter,
) -> Result<i64, ApiError> {
    let statement = format!(
        "select count(*) from unnest($1::int8[], $2::int8[]) as k(chain, at) join asset a on {}",
        filter.condition(3)
    );
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(chains.iter().map(|(chain, _)| chain_number(*chain)).collect::<Vec<_>>())
        .bind(chains.iter().map(|(_, at)| *at).collect::<Vec<_>>());
    let counts: Vec<(i64,)> = reader.all(filter.bind(query)).await?;
    Ok(counts.first().map_or(0, |(count,)| *count))
}

/// A row of `asset_version`.
#[derive(Clone, Debug, FromRow)]
pub struct VersionRow {
    /// From 1.
    pub version: i32,
    /// Commitment to the content.
    pub content_hash: Bytes32,
    /// Where the metadata document is.
    pub metadata_uri: String,
    /// The block that made it.
    pub valid_from: Long,
    /// The log that made it.
    pub log_index: i32,
}

listing! {
    /// The versions of an asset, oldest first.
    Versions of VersionRow {
        name: "versions",
        columns: "t.version, t.content_hash, t.metadata_uri, t.valid_from, t.log_index",
        from: "asset_version t where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at",
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer), ("t.version", SortType::Integer)],
        descending: false,
    }
}

/// A row of `share_issue`.
#[derive(Clone, Debug, FromRow)]
pub struct ShareIssueRow {
    #[sqlx(rename = "parent_index")]
    pub(super) parent: i64,
    /// The shares' own token.
    pub shares_key: Key,
    /// Who issued them.
    pub issuer: Address,
    /// How many there are, for ever.
    pub supply: BigInt,
    /// The block that issued them.
    pub valid_from: Long,
    /// The log that issued them.
    pub log_index: i32,
}

/// The share issue of each asset, as of a block.
///
/// # Errors
/// When the database does not answer.
pub async fn share_issues(
    reader: &Reader,
    wanted: &[(souk_schema::ChainId, Vec<u8>, i64)],
) -> Result<HashMap<(souk_schema::ChainId, Vec<u8>, i64), ShareIssueRow>, ApiError> {
    let query = sqlx::query(
        "select k.i as parent_index, x.* from unnest($1::int8[], $2::bytea[], $3::int8[]) with ordinality as k(chain, key, at, i) \
         cross join lateral (select t.shares_key, t.issuer, t.supply::text as supply, t.valid_from, t.log_index from share_issue t \
         where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at and (t.valid_to is null or t.valid_to > k.at) \
         order by t.valid_from, t.log_index limit 1) x",
    )
    .bind(wanted.iter().map(|(chain, _, _)| chain_number(*chain)).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, key, _)| key.clone()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, _, at)| *at).collect::<Vec<_>>());
    let rows: Vec<ShareIssueRow> = reader.all(query).await?;
    let at = |parent: i64| {
        usize::try_from(parent - 1)
            .ok()
            .and_then(|parent| wanted.get(parent))
            .cloned()
    };
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((at(row.parent)?, row)))
        .collect())
}
