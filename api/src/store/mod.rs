//! Reading the projection's tables: thin SQL by topic, over one consistent snapshot per request.
//!
//! A [`Reader`] is one repeatable-read, read-only transaction, so everything that an answer is made of was true at the same time
//! (law API-1): its [`Snapshot`] names that time per chain. Nothing here writes. Start at [`Reader::begin`]; [`listing`] has the one
//! shape in which lists are read, many parents at a time.

pub mod accounts;
pub mod assets;
pub mod attestations;
pub mod blocks;
pub mod chains;
pub mod contributions;
pub mod disputes;
pub mod events;
pub mod exchange;
pub mod executions;
pub mod foreign;
pub mod gateway;
pub mod licenses;
pub mod listing;
pub mod loaders;
pub mod observations;
pub mod payouts;
pub mod privacy;
pub mod revenues;
pub mod rights;
pub mod tasks;
pub mod tokens;

use std::collections::BTreeMap;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{FromRow, PgPool, Postgres, Transaction};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::{ApiError, ErrorCode};
use souk_schema::ChainId;

pub use chains::ChainRow;

/// What every chain's tables stood at when the answer was made.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Every projected chain.
    pub chains: BTreeMap<ChainId, ChainRow>,
}

impl Snapshot {
    /// A projected chain.
    ///
    /// # Errors
    /// `NOT_FOUND`, naming the chains that are.
    pub fn chain(&self, chain: ChainId) -> Result<&ChainRow, ApiError> {
        self.chains.get(&chain).ok_or_else(|| {
            let known: Vec<String> = self.chains.keys().map(|chain| format!("eip155:{chain}")).collect();
            let known = if known.is_empty() {
                "no chain is indexed yet".into()
            } else {
                format!("indexed are: {}", known.join(", "))
            };
            ApiError::new(
                ErrorCode::NotFound,
                format!("chain eip155:{chain} is not indexed; {known}"),
            )
        })
    }
}

/// Plans are made for each execution: one that was made while a table was small would go on reading all of it when it has grown.
const BEGIN: &str = "begin isolation level repeatable read, read only; set local statement_timeout = '10s'; \
     set local plan_cache_mode = force_custom_plan; set local jit = off";

/// One consistent view of the tables.
pub struct Reader {
    transaction: Mutex<Transaction<'static, Postgres>>,
    /// What it sees.
    pub snapshot: Snapshot,
}

impl Reader {
    /// Opens the view. The first statement fixes what it sees.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(pool: &PgPool) -> Result<Reader, ApiError> {
        let mut transaction = pool.begin_with(BEGIN).await?;
        let rows: Vec<ChainRow> = sqlx::query_as(chains::SELECT).fetch_all(&mut *transaction).await?;
        let chains = rows.into_iter().map(|row| (row.chain.0, row)).collect();
        count_statement();
        Ok(Reader {
            transaction: Mutex::new(transaction),
            snapshot: Snapshot { chains },
        })
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// When the database does not answer, or a row is not what it must be.
    pub async fn rows(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, ApiError> {
        count_statement();
        let mut transaction = self.transaction.lock().await;
        Ok(query.fetch_all(&mut **transaction).await?)
    }

    /// The view's transaction, for what other crates read.
    pub async fn transaction(&self) -> MutexGuard<'_, Transaction<'static, Postgres>> {
        count_statement();
        self.transaction.lock().await
    }

    /// All rows of a query, read as `T`.
    ///
    /// # Errors
    /// As [`Reader::rows`].
    pub async fn all<T: for<'r> FromRow<'r, PgRow>>(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<T>, ApiError> {
        let rows = self.rows(query).await?;
        Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
    }
}

fn count_statement() {
    metrics::counter!("souk_api_sql_statements_total").increment(1);
}

/// A chain's number as tables hold it.
pub fn chain_number(chain: ChainId) -> i64 {
    // Tables cannot hold larger ids, so no row has one.
    i64::try_from(chain.0).unwrap_or(-1)
}
