//! Licence terms, the series minted under them, and their revocation.

use std::collections::HashMap;

use sqlx::FromRow;

use super::listing::{SortType, listing};
use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Key, Long};
use souk_schema::{ChainId, U256};

/// A row of `license_terms`.
#[derive(Clone, Debug, FromRow)]
pub struct TermsRow {
    #[sqlx(rename = "parent_index")]
    parent: i64,
    /// May be used to earn money.
    pub commercial_use: bool,
    /// May be derived from.
    pub derivatives_allowed: bool,
    /// Derivatives must carry the same terms.
    pub reciprocal: bool,
    /// Units may change hands.
    pub transferable: bool,
    /// The policy's number.
    pub royalty_policy: i16,
    /// The licensor's part of derivatives' revenue, in parts per 100,000,000.
    pub revenue_share_e8: i32,
    /// Price of a unit.
    pub minting_fee: BigInt,
    /// In base units of this ERC-20.
    pub currency: Address,
    /// How long a licence lasts; 0 for ever.
    pub duration_secs: BigInt,
    /// How many units per asset; 0 for any number.
    pub supply_cap: BigInt,
    /// Where the text is.
    pub uri: String,
    /// SPDX id, or empty.
    pub spdx_id: String,
    /// The block that registered them.
    pub valid_from: Long,
    /// The log that registered them.
    pub log_index: i32,
}

/// Terms are named by chain, registry and number.
pub type TermsId = (ChainId, souk_schema::Address, U256);

/// Terms by their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn terms(reader: &Reader, ids: &[TermsId]) -> Result<HashMap<TermsId, TermsRow>, ApiError> {
    let query = sqlx::query(
        "select k.i as parent_index, t.commercial_use, t.derivatives_allowed, t.reciprocal, t.transferable, t.royalty_policy, \
         t.revenue_share_e8, t.minting_fee::text as minting_fee, t.currency, t.duration_secs::text as duration_secs, \
         t.supply_cap::text as supply_cap, t.uri, t.spdx_id, t.valid_from, t.log_index \
         from unnest($1::int8[], $2::bytea[], $3::text[]) with ordinality as k(chain, registry, id, i) \
         join license_terms t on t.chain_id = k.chain and t.registry = k.registry and t.terms_id = k.id::numeric",
    )
    .bind(ids.iter().map(|(chain, _, _)| chain_number(*chain)).collect::<Vec<_>>())
    .bind(ids.iter().map(|(_, registry, _)| registry.to_vec()).collect::<Vec<_>>())
    .bind(ids.iter().map(|(_, _, id)| id.to_string()).collect::<Vec<_>>());
    let rows: Vec<TermsRow> = reader.all(query).await?;
    let at = |parent: i64| {
        usize::try_from(parent - 1)
            .ok()
            .and_then(|parent| ids.get(parent))
            .copied()
    };
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((at(row.parent)?, row)))
        .collect())
}

/// A licensed asset's chain and key, and the number of a series of it.
pub type SeriesNumber = (ChainId, Vec<u8>, U256);

/// The tokens of series that are known by their asset and number.
///
/// # Errors
/// When the database does not answer.
pub async fn of_parents(reader: &Reader, wanted: &[SeriesNumber]) -> Result<HashMap<SeriesNumber, Key>, ApiError> {
    // A key is a contract of 20 bytes, then the number.
    let number = |number: &U256| number.to_be_bytes_trimmed_vec();
    let query = sqlx::query(
        "select k.i, t.series_key from unnest($1::int8[], $2::bytea[], $3::bytea[]) with ordinality as k(chain, key, number, i) \
         join license_series t on t.chain_id = k.chain and t.asset_key = k.key and substring(t.series_key from 21) = k.number",
    )
    .bind(wanted.iter().map(|(chain, _, _)| chain_number(*chain)).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, key, _)| key.clone()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, _, id)| number(id)).collect::<Vec<_>>());
    let rows: Vec<(i64, Key)> = reader.all(query).await?;
    let at = |parent: i64| {
        usize::try_from(parent - 1)
            .ok()
            .and_then(|parent| wanted.get(parent))
            .cloned()
    };
    Ok(rows
        .into_iter()
        .filter_map(|(parent, key)| Some((at(parent)?, key)))
        .collect())
}

/// A row of `terms_attachment`.
#[derive(Clone, Debug, FromRow)]
pub struct AttachmentRow {
    /// The licence registry.
    pub registry: Address,
    /// The terms' number in it.
    pub terms_id: BigInt,
    /// The block that attached them.
    pub valid_from: Long,
    /// The log that attached them.
    pub log_index: i32,
}

listing! {
    /// The terms under which an asset is licensed, oldest first.
    Attachments of AttachmentRow {
        name: "terms",
        columns: "t.registry, t.terms_id::text as terms_id, t.valid_from, t.log_index",
        from: "terms_attachment t where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at \
               and (t.valid_to is null or t.valid_to > k.at)",
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer), ("t.terms_id", SortType::Numeric)],
        descending: false,
    }
}

/// A row of `license_series` with its revocation, as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct SeriesRow {
    /// The series.
    pub series_key: Key,
    /// The licensed asset.
    pub asset_key: Key,
    /// The terms' number in the series' own contract.
    pub terms_id: BigInt,
    /// Unix time in seconds; 0 for ever.
    pub expires_at: BigInt,
    /// The block of its first mint.
    pub valid_from: Long,
    /// The log of its first mint.
    pub log_index: i32,
    /// Who revoked it, if anybody had.
    pub revoked_by: Option<Address>,
    /// Why.
    pub revoked_reason: Option<String>,
    /// In which block.
    pub revoked_block: Option<Long>,
    /// By which log.
    pub revoked_log_index: Option<i32>,
}

/// A series that an account holds units of.
#[derive(Clone, Debug, FromRow)]
pub struct HeldSeriesRow {
    /// The series.
    #[sqlx(flatten)]
    pub series: SeriesRow,
    /// How many units.
    pub amount: BigInt,
}

listing! {
    /// The series minted of an asset, oldest first, revoked ones included.
    SeriesOfAsset of SeriesRow {
        name: "licenseSeries",
        columns: "t.series_key, t.asset_key, t.terms_id::text as terms_id, t.expires_at::text as expires_at, t.valid_from, t.log_index, \
                  r.revoked_by, r.reason as revoked_reason, r.valid_from as revoked_block, r.log_index as revoked_log_index",
        from: "license_series t left join lateral (select r.* from license_revocation r where r.chain_id = t.chain_id \
               and r.series_key = t.series_key and r.valid_from <= k.at order by r.valid_from, r.log_index limit 1) r on true \
               where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at",
        sort: &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer), ("t.series_key", SortType::Bytes)],
        descending: false,
    }
}

listing! {
    /// A series by its own key: at most one row.
    SeriesByKey of SeriesRow {
        name: "series",
        columns: "t.series_key, t.asset_key, t.terms_id::text as terms_id, t.expires_at::text as expires_at, t.valid_from, t.log_index, \
                  r.revoked_by, r.reason as revoked_reason, r.valid_from as revoked_block, r.log_index as revoked_log_index",
        from: "license_series t left join lateral (select r.* from license_revocation r where r.chain_id = t.chain_id \
               and r.series_key = t.series_key and r.valid_from <= k.at order by r.valid_from, r.log_index limit 1) r on true \
               where t.chain_id = k.chain and t.series_key = k.key and t.valid_from <= k.at",
        sort: &[("t.valid_from", SortType::Integer)],
        descending: false,
    }
}

listing! {
    /// The licences that an account holds, newest first, expired and revoked ones included.
    HeldSeries of HeldSeriesRow {
        name: "licenses",
        columns: "t.series_key, t.asset_key, t.terms_id::text as terms_id, t.expires_at::text as expires_at, t.valid_from, t.log_index, \
                  r.revoked_by, r.reason as revoked_reason, r.valid_from as revoked_block, r.log_index as revoked_log_index, \
                  b.amount::text as amount",
        from: "balance b join license_series t on t.chain_id = b.chain_id and t.series_key = b.token_key and t.valid_from <= k.at \
               left join lateral (select r.* from license_revocation r where r.chain_id = t.chain_id \
               and r.series_key = t.series_key and r.valid_from <= k.at order by r.valid_from, r.log_index limit 1) r on true \
               where b.chain_id = k.chain and b.account = k.key and b.valid_from <= k.at and (b.valid_to is null or b.valid_to > k.at) \
               and b.amount <> 0",
        sort: &[("b.valid_from", SortType::Integer), ("b.token_key", SortType::Bytes)],
        descending: true,
    }
}
