//! What an error of the database means to a caller of the log.

use crate::LogError;

/// Classifies by SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>); what never came from the server is a
/// connection that was lost or refused.
pub(super) fn classify(error: sqlx::Error) -> LogError {
    let reason = error.to_string();
    if let sqlx::Error::Database(database) = &error {
        let code = database.code().unwrap_or_default();
        return match code.as_ref() {
            "53100" => LogError::Full { reason },
            // An I/O error of the server that says it in words (58030), or a panic over its write-ahead log.
            _ if reason.contains("No space left on device") || reason.contains("Disk quota exceeded") => {
                LogError::Full { reason }
            }
            // Wrong password, unknown database, forbidden table.
            "28000" | "28P01" | "3D000" | "42501" | "25006" => LogError::Misconfigured { reason },
            // Lost connections, too many of them, restarts and shutdowns, lock and statement time-outs, deadlocks, I/O errors.
            _ if ["08", "40", "53", "55", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class)) =>
            {
                LogError::Unavailable { reason }
            }
            _ => LogError::Misconfigured { reason },
        };
    }
    match error {
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::Migrate(_) => {
            LogError::Misconfigured { reason }
        }
        _ => LogError::Unavailable { reason },
    }
}
