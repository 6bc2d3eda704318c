//! What is said of a node that cannot be asked: all of the reason, and nothing of the address, which may hold a key.

use std::error::Error;
use std::time::Duration;

use alloy::rpc::json_rpc::RpcError;
use alloy::transports::{TransportError, TransportErrorKind};

/// Something did not come in time.
pub(crate) fn late(what: &str, after: Duration) -> TransportError {
    TransportErrorKind::custom_str(&format!("{what} within {} s", after.as_secs()))
}

/// The same error as it may be shown, with its causes in one line.
pub(crate) fn without_address(error: TransportError) -> TransportError {
    match error {
        RpcError::Transport(TransportErrorKind::Custom(error)) => TransportErrorKind::custom_str(&reason(error)),
        other => other,
    }
}

fn reason(error: Box<dyn Error + Send + Sync>) -> String {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => with_causes(&error.without_url()),
        Err(error) => with_causes(&*error),
    }
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some say what their cause says.
        if !said.contains(&next) {
            said = format!("{said}: {next}");
        }
        cause = error.source();
    }
    said
}
