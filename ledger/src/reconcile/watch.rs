//! Reconciliation for ever: at each newly final block, with what it found as metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use souk_schema::amount::Balance;
use souk_schema::{BlockRef, TokenRef};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ReconcileError, Report, VaultBalances, VaultSnapshot, vault_equals_ledger};

/// What the last comparison found.
#[derive(Clone, Debug, Default)]
pub struct ReconciliationStatus {
    /// The final block that was compared last.
    pub block: Option<BlockRef>,
    /// What was found there.
    pub report: Option<Report>,
    /// Why the newest block could not be compared, until one is.
    pub last_error: Option<String>,
}

/// Compares ledger and vault at each newly final block until `cancel` is cancelled, looking every `idle`. Differences are metrics and log
/// lines; nothing is stopped by one.
pub async fn watch_reconciliation(
    pool: PgPool,
    vault: Arc<dyn VaultBalances>,
    idle: Duration,
    status: watch::Sender<ReconciliationStatus>,
    cancel: CancellationToken,
) {
    let mut looks = tokio::time::interval(idle);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            _ = looks.tick() => {}
        }
        let done = status.borrow().block;
        let compared = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            compared = compare(&pool, &*vault, done) => compared,
        };
        match compared {
            Ok(None) => {}
            Ok(Some((snapshot, report))) => {
                export(&snapshot, &report);
                status.send_replace(ReconciliationStatus {
                    block: Some(snapshot.block),
                    report: Some(report),
                    last_error: None,
                });
            }
            Err(error) => status.send_modify(|status| status.last_error = Some(error.to_string())),
        }
    }
}

async fn compare(
    pool: &PgPool,
    vault: &dyn VaultBalances,
    done: Option<BlockRef>,
) -> Result<Option<(VaultSnapshot, Report)>, ReconcileError> {
    let snapshot = vault.at_finality().await.map_err(ReconcileError::Vault)?;
    match snapshot {
        Some(snapshot) if Some(snapshot.block) != done => {
            let report = vault_equals_ledger(pool, &snapshot).await?;
            Ok(Some((snapshot, report)))
        }
        _ => Ok(None),
    }
}

fn export(snapshot: &VaultSnapshot, report: &Report) {
    let mut sums: BTreeMap<TokenRef, Balance> = snapshot.holdings.keys().map(|token| (*token, Balance::ZERO)).collect();
    for difference in &report.differences {
        let sum = sums.entry(difference.token).or_default();
        *sum += Balance::from_raw(difference.difference().unsigned_abs());
        tracing::error!(block = snapshot.block.number, %difference, "LED-2: vault and ledger differ");
    }
    for (token, sum) in sums {
        let labels = [("token", token.contract.to_string()), ("id", token.id.to_string())];
        // A gauge is a float; only whether it is 0 must be exact, and that it is.
        let sum = f64::from(sum.into_raw());
        metrics::gauge!("souk_exchange_reconciliation_difference", &labels).set(sum);
    }
    metrics::gauge!("souk_exchange_reconciliation_differences").set(report.differences.len() as f64);
    metrics::gauge!("souk_exchange_reconciliation_block").set(snapshot.block.number as f64);
}
