//! A real Postgres for all tests of this binary, and per test a database with an event log in it.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use souk_devstack::Postgres;
use souk_distribution::store::Store;
use souk_distribution::{DistributionError, DistributionHandle, DistributionStatus, Keeping, fold_to_end, follow};
use souk_eventlog::{EmbeddedLog, EventLog, NewRecord, StreamName};
use souk_schema::encoding::{CURRENT_VERSION, VERSION_HEADER, encode};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chain::{CHAIN, Chain, REGISTRY};

/// How long anything may take on a busy machine before the test is called stuck.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Stand {
    pub log: Arc<dyn EventLog>,
    pool: PgPool,
    _postgres: Arc<Postgres>,
}

impl Stand {
    pub async fn new() -> Stand {
        let postgres = Postgres::shared().await.expect("a private Postgres starts");
        let url = postgres.fresh_database().await.expect("a new database");
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect(&url)
            .await
            .expect("connects");
        let log = EmbeddedLog::connect(pool.clone())
            .await
            .expect("the embedded log opens");
        Stand {
            pool,
            log: Arc::new(log),
            _postgres: postgres,
        }
    }

    /// Appends what is new on a chain.
    pub async fn append(&self, chain: &mut Chain) {
        let stream = StreamName::new(CHAIN.stream(chain.generation)).expect("a name");
        let mut writer = self.log.open_writer(&stream).await.expect("a writer");
        let records = chain.new.drain(..).map(|record| NewRecord {
            payload: encode(&record).0,
            headers: vec![(VERSION_HEADER.into(), CURRENT_VERSION.to_string())],
        });
        writer.append(records.collect()).await.expect("appends");
    }

    pub async fn store(&self) -> Store {
        Store::connect(self.pool.clone(), CHAIN)
            .await
            .expect("the tables are made")
    }

    /// Follows the chain, writes its tables, and waits until the end of the stream was seen.
    pub async fn follow(&self) -> Running {
        self.follow_with(Keeping::Writes(self.store().await)).await
    }

    /// The same, with this Postgres or without.
    pub async fn follow_with(&self, keeping: Keeping) -> Running {
        let cancel = CancellationToken::new();
        let (handle, following) = follow(CHAIN, Arc::clone(&self.log), keeping, cancel.clone());
        let task = tokio::spawn(following);
        let live = tokio::time::timeout(PATIENCE, handle.live()).await;
        assert!(live.expect("it comes to the end of the stream"), "it ended");
        Running { handle, task, cancel }
    }

    /// What is owed to whom by lines that count.
    pub async fn owed(&self) -> Vec<(Address, u64)> {
        let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
            "select recipient, sum(amount)::bigint from payouts.line_status where not is_ended group by recipient order by 2 desc",
        )
        .fetch_all(&self.pool)
        .await
        .expect("lines are read");
        let read = |(recipient, amount): (Vec<u8>, i64)| (Address::from_slice(&recipient), amount.unsigned_abs());
        rows.into_iter().map(read).collect()
    }

    /// Waits until the tables are where the stream of the chain ends.
    pub async fn written(&self, chain: &Chain) {
        let stream = StreamName::new(CHAIN.stream(chain.generation)).expect("a name");
        let end = self.log.next_sequence(&stream).await.expect("the log answers");
        let arrived = async {
            loop {
                let next: Option<i64> =
                    sqlx::query_scalar("select next_sequence from payouts.position where stream = $1")
                        .bind(stream.as_str())
                        .fetch_optional(&self.pool)
                        .await
                        .expect("the position is read");
                if next.is_some_and(|next| next.unsigned_abs() == end) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.expect("it is written");
    }

    /// Whatever the state says when it is folded from the first record.
    pub async fn folded_anew(&self) -> B256 {
        let folded = fold_to_end(CHAIN, &self.log).await.expect("it can be folded");
        let state = folded.expect("it has records").state;
        state.of(&REGISTRY).expect("it is watched").state.state_hash()
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.expect("counts")
    }

    pub async fn execute(&self, statement: &'static str) {
        self.pool.execute(AssertSqlSafe(statement)).await.expect("executes");
    }
}

/// A follower under way.
pub struct Running {
    pub handle: DistributionHandle,
    task: JoinHandle<Result<(), DistributionError>>,
    cancel: CancellationToken,
}

impl Running {
    /// Waits until it has the chain's head, and knows that this is the end.
    pub async fn reached(&self, chain: &Chain) {
        let head = chain.head();
        self.until(|status| status.is_live && status.head == Some(head)).await;
    }

    /// Waits until this is so.
    pub async fn until(&self, wanted: impl Fn(&DistributionStatus) -> bool) -> DistributionStatus {
        let so = async {
            loop {
                let seen = self.handle.status();
                if wanted(&seen) {
                    return seen;
                }
                assert!(self.handle.changed(&seen).await, "it ended");
            }
        };
        tokio::time::timeout(PATIENCE, so).await.expect("it comes to be so")
    }

    pub fn hash(&self) -> B256 {
        self.handle
            .read(|state| state.of(&REGISTRY).expect("it is watched").state.state_hash())
    }

    pub async fn stop(self) {
        self.cancel.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await.expect("it ends");
        ended.expect("it does not panic").expect("it ends well");
    }
}
