//! `souk verify exchange`: every comparison that needs no engine, one line for each difference.

use serde::Serialize;
use sqlx::PgPool;

use super::{ReconcileError, Report, VaultBalances, ledger_adds_up, vault_equals_ledger};
use crate::read::groups;

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// The ledgers in themselves, one for each group.
    pub ledgers: Vec<Report>,
    /// Ledger and vault; `None` where no vault was given.
    pub vault: Option<Report>,
}

impl Verification {
    /// Whether everything was equal.
    pub fn is_clean(&self) -> bool {
        self.reports().all(Report::is_clean)
    }

    /// All that was compared.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.ledgers.iter().chain(&self.vault)
    }
}

impl std::fmt::Display for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for difference in self.reports().flat_map(|report| &report.differences) {
            writeln!(f, "{difference}")?;
        }
        let compared: u64 = self.reports().map(|report| report.compared).sum();
        let differences: usize = self.reports().map(|report| report.differences.len()).sum();
        let vault = match &self.vault {
            Some(_) => "with the vault",
            None => "without a vault",
        };
        write!(f, "{compared} numbers compared {vault}, {differences} differences")
    }
}

/// Compares whatever can be compared. A vault that is given is compared, or it is an error: nobody may take for equal what was not looked at.
///
/// # Errors
/// [`ReconcileError`]; no difference is an error.
pub async fn verify_exchange(pool: &PgPool, vault: Option<&dyn VaultBalances>) -> Result<Verification, ReconcileError> {
    let mut ledgers = Vec::new();
    for group in groups(pool).await? {
        ledgers.push(ledger_adds_up(pool, group.group).await?);
    }
    let vault = match vault {
        Some(vault) => {
            let snapshot = vault.at_finality().await.map_err(ReconcileError::Vault)?;
            let snapshot = snapshot.ok_or(ReconcileError::NothingFinal)?;
            Some(vault_equals_ledger(pool, &snapshot).await?)
        }
        None => None,
    };
    Ok(Verification { ledgers, vault })
}
