//! What is wanted and what was found, in the schema `observations` of Postgres.
//!
//! - `scan` finds what is wanted in the tables of chains, which the pool's search path names.
//! - `queue` hands it out, to one process at a time, and takes back what is to be tried again.
//! - `project` writes what the stream says was found, with the position in the stream in one transaction.

mod project;
mod queue;
mod scan;

use souk_schema::observation::{Subject, SubjectKind, Wanted};
use souk_schema::{B256, ChainId, TokenRef};
use sqlx::PgPool;

pub use queue::{Claim, Claimed};
pub use scan::is_described;

/// The tables. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
}

/// How many things stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Counts {
    /// Documents that are what the chain commits to, or about which it commits to nothing.
    pub fetched: i64,
    /// Documents that are not what the chain commits to.
    pub mismatched: i64,
    /// What failed.
    pub failed: i64,
    /// What is still to be fetched.
    pub waiting: i64,
    /// What this installation does not fetch.
    pub withheld: i64,
}

/// How things stand.
const COUNTS: &str = "select count(*) filter (where f.verification <> 4) as fetched,
        count(*) filter (where f.verification = 4) as mismatched,
        count(*) filter (where f.failure is not null) as failed,
        count(*) filter (where f.key is null and not w.is_withheld) as waiting,
        count(*) filter (where f.key is null and w.is_withheld) as withheld
    from observations.wanted w left join observations.found f on f.key = w.key";

impl Store {
    /// Brings the schema `observations` up to date.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn connect(pool: PgPool) -> Result<Store, sqlx::Error> {
        let mut migrator = sqlx::migrate!("../migrations/observations");
        migrator.create_schema("observations");
        migrator.dangerous_set_table_name("observations.migration");
        // A connection of its own, which takes its lock along however this ends.
        let mut connection = pool.acquire().await?.detach();
        migrator.run_direct(None, &mut connection, false).await?;
        Ok(Store { pool })
    }

    /// How many documents stand how.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn counts(&self) -> Result<Counts, sqlx::Error> {
        sqlx::query_as(COUNTS).fetch_one(&self.pool).await
    }
}

/// Chains, sequences and blocks stay far below 2^63.
fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The columns of something wanted.
#[derive(Debug, sqlx::FromRow)]
struct WantedRow {
    chain_id: i64,
    kind: i16,
    subject_key: Vec<u8>,
    uri: String,
    commitment: Option<Vec<u8>>,
}

impl WantedRow {
    fn wanted(self) -> Result<Wanted, sqlx::Error> {
        let damaged = |what: &str| sqlx::Error::Decode(format!("observations.wanted holds {what}").into());
        let commitment = match self.commitment {
            None => None,
            Some(bytes) => Some(B256::try_from(&bytes[..]).map_err(|_| damaged("what is no hash"))?),
        };
        Ok(Wanted {
            subject: Subject {
                chain: ChainId(self.chain_id.unsigned_abs()),
                kind: SubjectKind::of_number(self.kind.into()).ok_or_else(|| damaged("an unknown kind"))?,
                key: TokenRef::try_from(&self.subject_key[..]).map_err(|error| damaged(&error.to_string()))?,
            },
            uri: self.uri,
            commitment,
        })
    }
}
