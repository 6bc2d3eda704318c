//! What was found behind the URIs of assets, from the schema `observations`.
//!
//! The schema is made by whoever observes. Where nobody ever did, nothing was found.

use std::collections::HashMap;

use sqlx::FromRow;
use sqlx::types::Json;

use super::{Reader, chain_number};
use crate::error::ApiError;
use crate::scalars::{Bytes32, Long};

/// Something wanted, and what was found of it.
#[derive(Clone, Debug, FromRow)]
pub struct ObservationRow {
    key: Vec<u8>,
    /// Of a document: the number of its verification.
    pub verification: Option<i16>,
    /// Of a failure: its kind's number.
    pub failure: Option<i16>,
    /// What the failure was, for a person.
    pub failure_detail: Option<String>,
    /// How long what was read is, in bytes.
    pub length: Option<Long>,
    /// Its SHA-256.
    pub sha256: Option<Bytes32>,
    /// Its keccak-256.
    pub keccak256: Option<Bytes32>,
    /// The document's name, cleaned.
    pub name: Option<String>,
    /// The document's description, cleaned.
    pub description: Option<String>,
    /// The licence that the document names, cleaned.
    pub licence: Option<String>,
    /// When that was certain, in milliseconds since 1970.
    pub observed_at_ms: Option<Long>,
    /// How often it was tried; for what is still wanted, so far.
    pub tries: Option<i32>,
    /// Whether this installation does not fetch it.
    pub is_withheld: Option<bool>,
    /// Why it is tried again, or not at all.
    pub problem: Option<String>,
}

/// Whether anybody ever observed.
async fn is_made(reader: &Reader) -> Result<bool, ApiError> {
    let query = sqlx::query("select to_regclass('observations.found') is not null");
    let made: Vec<(bool,)> = reader.all(query).await?;
    Ok(made == [(true,)])
}

/// Whether it is known which assets attestations are about by their own words.
///
/// # Errors
/// When the database does not answer.
pub async fn has_attestations(reader: &Reader) -> Result<bool, ApiError> {
    let query = sqlx::query("select to_regclass('observations.attestation_about') is not null");
    let made: Vec<(bool,)> = reader.all(query).await?;
    Ok(made == [(true,)])
}

/// What stands of each key that is known.
///
/// # Errors
/// When the database does not answer.
pub async fn by_key(reader: &Reader, keys: &[Vec<u8>]) -> Result<HashMap<Vec<u8>, ObservationRow>, ApiError> {
    if !is_made(reader).await? {
        return Ok(HashMap::new());
    }
    let query = sqlx::query(
        "select k.key, f.verification, f.failure, f.failure_detail, f.length, f.sha256, f.keccak256, f.name, f.description, f.licence,
             f.observed_at_ms, coalesce(f.tries, w.tries) as tries, w.is_withheld, w.problem
         from unnest($1::bytea[]) as k(key) left join observations.found f on f.key = k.key
         left join observations.wanted w on w.key = k.key where f.key is not null or w.key is not null",
    )
    .bind(keys);
    let rows: Vec<ObservationRow> = reader.all(query).await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

/// The documents of those keys that have one.
///
/// # Errors
/// When the database does not answer.
pub async fn contents(reader: &Reader, keys: &[Vec<u8>]) -> Result<HashMap<Vec<u8>, Vec<u8>>, ApiError> {
    if !is_made(reader).await? {
        return Ok(HashMap::new());
    }
    let query = sqlx::query("select key, content from observations.found where key = any($1) and content is not null")
        .bind(keys);
    let rows: Vec<(Vec<u8>, Vec<u8>)> = reader.all(query).await?;
    Ok(rows.into_iter().collect())
}

/// Where a thing of another protocol was last said to be described.
#[derive(Clone, Debug)]
pub struct Described {
    /// Where; empty for nowhere.
    pub uri: String,
    /// The commitment to it.
    pub commitment: Option<souk_schema::B256>,
}

/// Where things of other protocols were last said to be described, each as of a block.
///
/// # Errors
/// When the database does not answer.
pub async fn described(
    reader: &Reader,
    wanted: &[(souk_schema::ChainId, Vec<u8>, i64)],
) -> Result<HashMap<(souk_schema::ChainId, Vec<u8>, i64), Described>, ApiError> {
    use souk_schema::event::{DomainEvent, ForeignEvent};
    let query = sqlx::query(
        "select k.i, e.body from unnest($1::int8[], $2::bytea[], $3::int8[]) with ordinality as k(chain, key, at, i)
         cross join lateral (select body from event t where t.chain_id = k.chain and t.subject_key = k.key and t.block_number <= k.at
             and t.name in ('foreign_asset_registered', 'foreign_asset_described')
             order by t.block_number desc, t.log_index desc, t.ordinal desc limit 1) e",
    )
    .bind(wanted.iter().map(|(chain, ..)| chain_number(*chain)).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, key, _)| key.clone()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(.., at)| *at).collect::<Vec<_>>());
    let rows: Vec<(i64, Json<DomainEvent>)> = reader.all(query).await?;
    let found = |(at, Json(event)): (i64, Json<DomainEvent>)| {
        let of = wanted.get(usize::try_from(at - 1).ok()?)?.clone();
        let (uri, commitment) = match event {
            DomainEvent::Foreign(ForeignEvent::ForeignAssetRegistered(event)) => (event.uri, None),
            DomainEvent::Foreign(ForeignEvent::ForeignAssetDescribed(event)) => (event.uri, event.hash),
            _ => return None,
        };
        Some((of, Described { uri, commitment }))
    };
    Ok(rows.into_iter().filter_map(found).collect())
}

/// How many documents stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct CountsRow {
    /// Documents that are not known to be false.
    pub fetched: i64,
    /// Documents that are not what the chain commits to.
    pub mismatched: i64,
    /// What failed.
    pub failed: i64,
    /// What is still to be fetched.
    pub waiting: i64,
    /// What this installation does not fetch.
    pub withheld: i64,
    /// The next record of the stream, which the tables do not know.
    pub next_sequence: i64,
}

/// How many documents stand how; none where nobody ever observed.
///
/// # Errors
/// When the database does not answer.
pub async fn counts(reader: &Reader) -> Result<CountsRow, ApiError> {
    if !is_made(reader).await? {
        return Ok(CountsRow::default());
    }
    let query = sqlx::query(
        "select count(*) filter (where f.verification <> 4) as fetched, count(*) filter (where f.verification = 4) as mismatched,
             count(*) filter (where f.failure is not null) as failed,
             count(*) filter (where f.key is null and not w.is_withheld) as waiting,
             count(*) filter (where f.key is null and w.is_withheld) as withheld,
             coalesce((select next_sequence from observations.position), 0) as next_sequence
         from observations.wanted w left join observations.found f on f.key = w.key",
    );
    let rows: Vec<CountsRow> = reader.all(query).await?;
    Ok(rows.first().copied().unwrap_or_default())
}
