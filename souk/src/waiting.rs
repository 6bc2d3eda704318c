//! Waiting for a chain's node, or for Postgres, that is away when a part starts, rather than giving up. Whatever else is wrong ends the part as
//! ever.

use alloy::contract::Error as ContractError;
use alloy::transports::TransportError;
use anyhow::Result;

/// Asks a node until it is there; `who` waits, in the words of the log.
///
/// # Errors
/// The first that is of something else than of a node that is away.
pub async fn for_node<T, Asked: Future<Output = Result<T>>>(who: &str, ask: impl FnMut() -> Asked) -> Result<T> {
    souk_wire::when_there(who, "the node", is_away, ask).await
}

/// Asks Postgres until it is there; `who` waits, in the words of the log.
///
/// # Errors
/// The first that is of something else than of a database that is away.
pub async fn for_postgres<T, Asked>(who: &str, ask: impl FnMut() -> Asked) -> Result<T, sqlx::Error>
where
    Asked: Future<Output = Result<T, sqlx::Error>>,
{
    souk_wire::when_there(who, "Postgres", souk_streams::retry::is_transient, ask).await
}

/// Whether a node that is away is among the causes.
fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_call = match cause.downcast_ref() {
            Some(ContractError::TransportError(error)) => Some(error),
            _ => None,
        };
        let of_node = cause.downcast_ref::<TransportError>();
        of_call.or(of_node).is_some_and(souk_wire::is_away)
    })
}

#[cfg(test)]
mod tests {
    use alloy::transports::TransportErrorKind;
    use anyhow::{Context, anyhow};
    use souk_distribution::publish::PublishError;
    use souk_settlement::markets::ListError;

    use super::*;

    #[test]
    fn a_node_that_is_away_is_seen_through_whatever_is_said_of_it() {
        let gone = TransportErrorKind::backend_gone;
        let called = || ContractError::TransportError(gone());
        for error in [
            anyhow::Error::from(gone()).context("the node"),
            anyhow::Error::from(called()),
            PublishError::from(gone()).into(),
            PublishError::from(called()).into(),
            Err::<(), _>(ListError::from(called()))
                .context("market group 1")
                .unwrap_err(),
        ] {
            assert!(is_away(&error), "{error:#}");
        }
        for error in [
            anyhow!("the vault's operator is another"),
            ContractError::ContractNotDeployed.into(),
            TransportErrorKind::http_error(401, String::new()).into(),
        ] {
            assert!(!is_away(&error), "{error:#}");
        }
    }
}
