//! What the stream says was found. LOG-1 and LOG-2: rows follow from the records alone, in their order, and are written with the position in
//! one transaction.
//!
//! Of records about the same thing the first document stays; a failure gives way to whatever comes after it. So it does not matter how many
//! processes write to the stream.

use std::collections::BTreeMap;
use std::time::Duration;

use souk_schema::B256;
use souk_schema::observation::{Fingerprint, Observation, Outcome, STREAM, SubjectKind};
use sqlx::PgConnection;

use super::{Store, big};
use crate::attestation::{Contents, fields};
use crate::document::{self, Fields};
use crate::retry;

/// A row of `found`.
struct Found<'a> {
    key: B256,
    sequence: u64,
    observation: &'a Observation,
    fingerprint: Option<Fingerprint>,
    fields: Fields,
    /// When it is looked for again, in milliseconds since 1970.
    again_at_ms: Option<i64>,
}

const FIND: &str = "insert into observations.found
        (key, chain_id, kind, subject_key, verification, failure, failure_detail, length, sha256, keccak256, content, name, description,
         licence, observed_at_ms, tries, sequence, again_at)
    select key, chain_id, kind, subject_key, verification, failure, failure_detail, length, sha256, keccak256, content, name, description,
        licence, observed_at_ms, tries, sequence, to_timestamp(again_at_ms / 1000.0)
    from unnest($1::bytea[], $2::int8[], $3::int2[], $4::bytea[], $5::int2[], $6::int2[], $7::text[], $8::int8[], $9::bytea[],
        $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::text[], $15::int8[], $16::int4[], $17::int8[], $18::int8[])
        as f (key, chain_id, kind, subject_key, verification, failure, failure_detail, length, sha256, keccak256, content, name,
            description, licence, observed_at_ms, tries, sequence, again_at_ms)
    on conflict (key) do update set verification = excluded.verification, failure = excluded.failure,
        failure_detail = excluded.failure_detail, length = excluded.length, sha256 = excluded.sha256, keccak256 = excluded.keccak256,
        content = excluded.content, name = excluded.name, description = excluded.description, licence = excluded.licence,
        observed_at_ms = excluded.observed_at_ms, tries = excluded.tries, sequence = excluded.sequence, again_at = excluded.again_at
    where found.failure is not null";

const ABOUT: &str = "insert into observations.attestation_about (key, chain_id, asset_key, attested_chain, attested_key)
    select key, chain_id, asset_key, attested_chain, attested_key
    from unnest($1::bytea[], $2::int8[], $3::bytea[], $4::int8[], $5::bytea[]) as a (key, chain_id, asset_key, attested_chain, attested_key)
    on conflict do nothing";

/// Nothing is left to do for what was found, unless it failed in a way that may heal.
const SETTLE: &str = "update observations.wanted w
    set is_settled = s.again_at_ms is null, tries = 0, leased_until = null, problem = null,
        not_before = coalesce(to_timestamp(s.again_at_ms / 1000.0), w.not_before)
    from unnest($1::bytea[], $2::int8[]) as s (key, again_at_ms) where w.key = s.key";

impl Store {
    /// The next record of the stream to project.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn position(&self) -> Result<u64, sqlx::Error> {
        let next: Option<i64> = sqlx::query_scalar("select next_sequence from observations.position where stream = $1")
            .bind(STREAM)
            .fetch_optional(&self.pool)
            .await?;
        Ok(next.unwrap_or(0).unsigned_abs())
    }

    /// Forgets what was found: the log is another than that which it was projected from.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn forget(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for statement in [
            "delete from observations.position",
            "delete from observations.found",
            "delete from observations.attestation_about",
            "update observations.wanted set is_settled = false, tries = 0, not_before = now(), leased_until = null",
        ] {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Writes what the records from `first` up to `next`, exclusive, say. Returns false, and writes nothing, if somebody else is at another
    /// record.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn write(&self, first: u64, next: u64, observations: &[(u64, Observation)]) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let moved = sqlx::query(
            "insert into observations.position as p (stream, next_sequence) select $1, $3 where $2 = 0
                 or exists (select from observations.position where stream = $1)
             on conflict (stream) do update set next_sequence = excluded.next_sequence where p.next_sequence = $2",
        )
        .bind(STREAM)
        .bind(big(first))
        .bind(big(next))
        .execute(&mut *transaction)
        .await?;
        if moved.rows_affected() != 1 {
            return Ok(false);
        }
        let rows = newest(observations);
        insert(&mut transaction, &rows).await?;
        tell_about(&mut transaction, &rows).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// One row for each thing, as if the records had been written one by one.
fn newest(observations: &[(u64, Observation)]) -> Vec<Found<'_>> {
    let mut rows: BTreeMap<B256, Found<'_>> = BTreeMap::new();
    for (sequence, observation) in observations {
        let key = observation.wanted.key();
        let stays = |row: &Found<'_>| !matches!(row.observation.outcome, Outcome::Failed(_));
        if !rows.get(&key).is_some_and(stays) {
            rows.insert(key, Found::of(key, *sequence, observation));
        }
    }
    rows.into_values().collect()
}

impl Found<'_> {
    fn of(key: B256, sequence: u64, observation: &Observation) -> Found<'_> {
        let (fingerprint, fields, again) = match &observation.outcome {
            Outcome::Document(found) => {
                let fields = document::read(&found.content).map(|read| Fields::of(&read));
                (Some(found.fingerprint), fields.unwrap_or_default(), None)
            }
            Outcome::Failed(failure) => {
                let again = retry::may_heal(failure.kind).then_some(retry::AGAIN_AFTER);
                (failure.fingerprint, Fields::default(), again)
            }
        };
        let after = |wait: Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Found {
            key,
            sequence,
            observation,
            fingerprint,
            fields,
            again_at_ms: again.map(|wait| big(observation.observed_at_ms).saturating_add(after(wait))),
        }
    }
}

/// Writes which assets attestations are about. What they say never changes, so it is all the same who found it first.
async fn tell_about(connection: &mut PgConnection, rows: &[Found<'_>]) -> Result<(), sqlx::Error> {
    let mut about = Vec::new();
    for row in rows {
        let wanted = &row.observation.wanted;
        let Outcome::Document(document) = &row.observation.outcome else {
            continue;
        };
        if wanted.subject.kind == SubjectKind::Attestation
            && let Ok(contents) = Contents::read(&document.content)
        {
            about.extend(
                fields::about(&contents)
                    .into_iter()
                    .map(|asset| (row.key, asset, wanted.subject)),
            );
        }
    }
    if about.is_empty() {
        return Ok(());
    }
    let asset_keys = about.iter().map(|(_, asset, _)| asset.token.key().as_bytes().to_vec());
    let attested_keys = about.iter().map(|(.., subject)| subject.key.key().as_bytes().to_vec());
    sqlx::query(ABOUT)
        .bind(about.iter().map(|(key, ..)| key.to_vec()).collect::<Vec<_>>())
        .bind(about.iter().map(|(_, asset, _)| big(asset.chain.0)).collect::<Vec<_>>())
        .bind(asset_keys.collect::<Vec<_>>())
        .bind(
            about
                .iter()
                .map(|(.., subject)| big(subject.chain.0))
                .collect::<Vec<_>>(),
        )
        .bind(attested_keys.collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(connection: &mut PgConnection, rows: &[Found<'_>]) -> Result<(), sqlx::Error> {
    let keys: Vec<&[u8]> = rows.iter().map(|row| row.key.as_slice()).collect();
    let again: Vec<Option<i64>> = rows.iter().map(|row| row.again_at_ms).collect();
    let subject = |row: &Found<'_>| row.observation.wanted.subject;
    let document = |row: &Found<'_>| match &row.observation.outcome {
        Outcome::Document(found) => Some(found.clone()),
        _ => None,
    };
    let failure = |row: &Found<'_>| match &row.observation.outcome {
        Outcome::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    let print = |row: &Found<'_>| row.fingerprint;
    let subjects = rows.iter().map(|row| subject(row).key.key().as_bytes().to_vec());
    let tries = rows
        .iter()
        .map(|row| i32::try_from(row.observation.tries).unwrap_or(i32::MAX));
    sqlx::query(FIND)
        .bind(&keys)
        .bind(rows.iter().map(|row| big(subject(row).chain.0)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| subject(row).kind as i16).collect::<Vec<_>>())
        .bind(subjects.collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|row| document(row).map(|found| found.verification as i16))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|row| failure(row).map(|failure| failure.kind as i16))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|row| failure(row).map(|failure| failure.detail))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|row| print(row).map(|print| big(print.length)))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|row| print(row).map(|print| print.sha256.to_vec()))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|row| print(row).map(|print| print.keccak256.to_vec()))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|row| document(row).map(|found| found.content.to_vec()))
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|row| row.fields.name.clone()).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|row| row.fields.description.clone())
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|row| row.fields.licence.clone()).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|row| big(row.observation.observed_at_ms))
                .collect::<Vec<_>>(),
        )
        .bind(tries.collect::<Vec<_>>())
        .bind(rows.iter().map(|row| big(row.sequence)).collect::<Vec<_>>())
        .bind(&again)
        .execute(&mut *connection)
        .await?;
    sqlx::query(SETTLE)
        .bind(&keys)
        .bind(&again)
        .execute(&mut *connection)
        .await?;
    Ok(())
}
