//! Reconciliation for ever: at each newly final block, and with the engine every half minute, with what it found as metrics, in a table and in
//! the log. What cannot be compared is no peace: it is said, counted, and ages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_schema::amount::Balance;
use souk_schema::exchange::{CommandNumber, GroupId};
use souk_schema::{BlockRef, TokenRef};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::found::{Other, keep, keep_failure, keep_unchanged};
use super::{EngineBalance, ReconcileError, Report, VaultBalances, engine_equals_ledger, vault_equals_ledger};

/// From one comparison with the engine to the next. It stands still while its balances are copied.
const ENGINE_EVERY: Duration = Duration::from_secs(30);

/// How often the tables are waited for to come to the command that the engine was at, and how long each time.
const WAITS: u32 = 50;
const WAIT: Duration = Duration::from_millis(100);

/// What an engine says of all balances, and after which command.
pub type EngineBalances = Arc<dyn Fn() -> (CommandNumber, Vec<EngineBalance>) + Send + Sync>;

/// What a group's ledger is compared with.
#[derive(Clone)]
pub struct Books {
    /// The group.
    pub group: GroupId,
    /// What its vault has.
    pub vault: Arc<dyn VaultBalances>,
    /// What its engine has; `None` where no engine is at hand.
    pub engine: Option<EngineBalances>,
}

/// Compares a group's books until `cancel` is cancelled, looking every `idle`. Differences and failures are metrics, log lines and rows of
/// [`reconciliations`](super::reconciliations); nothing is stopped by one.
pub async fn watch_reconciliation(pool: PgPool, books: Books, idle: Duration, cancel: CancellationToken) {
    let mut looks = tokio::time::interval(idle);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watch = Watch {
        vault: Health::new(books.group, Other::Vault),
        engine: Health::new(books.group, Other::Engine),
        block: None,
        engine_at: None,
        pool,
        books,
    };
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            _ = looks.tick() => {}
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            () = watch.look() => {}
        }
    }
}

struct Watch {
    pool: PgPool,
    books: Books,
    vault: Health,
    engine: Health,
    /// The final block that was compared last.
    block: Option<BlockRef>,
    /// When the engine was compared last.
    engine_at: Option<Instant>,
}

impl Watch {
    async fn look(&mut self) {
        let found = self.compare_vault().await;
        self.vault.note(&self.pool, found).await;
        if self.engine_at.is_none_or(|at| at.elapsed() >= ENGINE_EVERY)
            && let Some(engine) = self.books.engine.clone()
        {
            let found = self.compare_engine(&engine).await;
            self.engine_at = Some(Instant::now()).filter(|_| found.is_ok());
            self.engine.note(&self.pool, found).await;
        }
        self.vault.export_age();
        if self.books.engine.is_some() {
            self.engine.export_age();
        }
    }

    /// Whether there was a block to compare, or nothing newer than what was.
    async fn compare_vault(&mut self) -> Result<(), ReconcileError> {
        let snapshot = self.books.vault.at_finality().await.map_err(ReconcileError::Vault)?;
        let snapshot = snapshot.ok_or(ReconcileError::NothingFinal)?;
        let (group, pool) = (self.books.group, &self.pool);
        if Some(snapshot.block) == self.block {
            return Ok(keep_unchanged(pool, group, Other::Vault).await?);
        }
        let report = vault_equals_ledger(pool, &snapshot).await?;
        let tokens = snapshot.holdings.keys().copied();
        export(group, Other::Vault, tokens, &report);
        metrics::gauge!("souk_exchange_reconciliation_block", "group" => group.to_string())
            .set(snapshot.block.number as f64);
        keep(pool, group, Other::Vault, Some(snapshot.block), &report).await?;
        self.block = Some(snapshot.block);
        Ok(())
    }

    async fn compare_engine(&self, engine: &EngineBalances) -> Result<(), ReconcileError> {
        let (group, (number, balances)) = (self.books.group, engine());
        let mut waits = 0;
        let report = loop {
            match engine_equals_ledger(&self.pool, group, number, balances.iter().cloned()).await {
                Err(ReconcileError::Behind { .. }) if waits < WAITS => {
                    waits += 1;
                    tokio::time::sleep(WAIT).await;
                }
                compared => break compared?,
            }
        };
        export(group, Other::Engine, std::iter::empty(), &report);
        keep(&self.pool, group, Other::Engine, None, &report).await?;
        Ok(())
    }
}

/// How one comparison has gone.
struct Health {
    group: GroupId,
    other: Other,
    /// When it last went well, or was begun.
    well_at: Instant,
    /// What was said last of why it does not.
    said: Option<String>,
}

impl Health {
    fn new(group: GroupId, other: Other) -> Health {
        Health {
            group,
            other,
            well_at: Instant::now(),
            said: None,
        }
    }

    async fn note(&mut self, pool: &PgPool, found: Result<(), ReconcileError>) {
        let (group, other) = (self.group, self.other.word());
        match found {
            Ok(()) => {
                if self.said.take().is_some() {
                    tracing::info!(%group, other, "LED-2: the books are compared again");
                }
                self.well_at = Instant::now();
            }
            // Usual for a moment after each block; that it lasts is told by the age.
            Err(error @ (ReconcileError::Behind { .. } | ReconcileError::NothingFinal)) => {
                tracing::debug!(%group, other, %error, "LED-2: not compared yet");
            }
            Err(error) => {
                metrics::counter!("souk_exchange_reconciliation_failures_total", "group" => group.to_string(), "books" => other)
                    .increment(1);
                let text = error.to_string();
                if self.said.as_ref() != Some(&text) {
                    tracing::warn!(%group, other, %error, "LED-2: the books cannot be compared");
                    self.said = Some(text);
                }
                if let Err(error) = keep_failure(pool, group, self.other).await {
                    tracing::debug!(%group, other, %error, "that the books cannot be compared is not written down");
                }
            }
        }
    }

    fn export_age(&self) {
        let labels = [("group", self.group.to_string()), ("books", self.other.word().into())];
        metrics::gauge!("souk_exchange_reconciliation_age_seconds", &labels).set(self.well_at.elapsed().as_secs_f64());
    }
}

fn export(group: GroupId, other: Other, tokens: impl Iterator<Item = TokenRef>, report: &Report) {
    let books = other.word();
    let mut sums: BTreeMap<TokenRef, Balance> = tokens.map(|token| (token, Balance::ZERO)).collect();
    for difference in &report.differences {
        let sum = sums.entry(difference.token).or_default();
        *sum += Balance::from_raw(difference.difference().unsigned_abs());
        tracing::error!(%group, books, at = ?report.at, %difference, "LED-2: the books differ");
    }
    for (token, sum) in sums {
        let labels = [
            ("group", group.to_string()),
            ("books", books.into()),
            ("token", token.contract.to_string()),
            ("id", token.id.to_string()),
        ];
        // A gauge is a float; only whether it is 0 must be exact, and that it is.
        metrics::gauge!("souk_exchange_reconciliation_difference", &labels).set(f64::from(sum.into_raw()));
    }
    let labels = [("group", group.to_string()), ("books", books.into())];
    metrics::gauge!("souk_exchange_reconciliation_differences", &labels).set(report.differences.len() as f64);
}
