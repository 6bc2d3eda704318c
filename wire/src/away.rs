//! Whether a node is away, so that waiting helps; and waiting for it, or for whatever else is asked.

use std::fmt::Display;
use std::time::Duration;

use alloy::rpc::json_rpc::RpcError;
use alloy::transports::{TransportError, TransportErrorKind};

const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause between two looks whether somebody is there.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether a question failed because the node is away, starting up or too busy. What a node itself answers is no such thing, nor is what is
/// wrong with the question, with the address, or with who asks.
pub fn is_away(error: &TransportError) -> bool {
    match error {
        RpcError::Transport(kind) => match kind.as_http_error() {
            // A gateway whose node is down, or that wants to be asked later.
            Some(error) => error.status >= 500 || matches!(error.status, 408 | 425 | 429),
            None => !kind.is_non_retryable() && !matches!(kind, TransportErrorKind::PubsubUnavailable),
        },
        RpcError::ErrorResp(answer) => answer.is_retry_err(),
        _ => false,
    }
}

/// Asks until whoever is asked is there, and says once that it is waited for: `who` waits for `whom`, in the words of the log.
///
/// # Errors
/// The first that is not `away`.
pub async fn when_there<T, E: Display, Asked: Future<Output = Result<T, E>>>(
    who: impl Display,
    whom: impl Display,
    away: impl Fn(&E) -> bool,
    mut ask: impl FnMut() -> Asked,
) -> Result<T, E> {
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match ask().await {
            Err(error) if away(&error) => error,
            ended => {
                if pause > FIRST_PAUSE && ended.is_ok() {
                    tracing::info!("{who}: {whom} is there");
                }
                return ended;
            }
        };
        if pause == FIRST_PAUSE {
            tracing::warn!("{who} waits for {whom}, and goes on once it is there: {error:#}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use alloy::rpc::json_rpc::ErrorPayload;

    use super::*;

    #[test]
    fn away_is_what_waiting_mends() {
        let http = |status| TransportErrorKind::http_error(status, String::new());
        let answer = |code, message: &'static str| -> TransportError {
            RpcError::ErrorResp(ErrorPayload {
                code,
                message: message.into(),
                data: None,
            })
        };
        for error in [
            TransportErrorKind::backend_gone(),
            TransportErrorKind::custom_str("connection refused"),
            http(502),
            http(503),
            http(429),
            answer(429, "too many requests"),
        ] {
            assert!(is_away(&error), "{error}");
        }
        for error in [
            TransportErrorKind::non_retryable_str("no address"),
            http(401),
            http(404),
            answer(-32601, "method not found"),
            TransportError::local_usage_str("the node has no block 0"),
        ] {
            assert!(!is_away(&error), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_waited_for_and_what_it_answers_ends_the_wait() {
        let ask_until = |last: Result<u8, TransportError>| async move {
            let (mut asked, mut last) = (0, Some(last));
            let ended = when_there("a test", "the node", is_away, || {
                asked += 1;
                std::future::ready(match asked {
                    9 => last.take().expect("it is asked no more"),
                    _ => Err(TransportErrorKind::backend_gone()),
                })
            })
            .await;
            (ended, asked)
        };
        let (ended, asked) = ask_until(Ok(7)).await;
        assert_eq!((ended.unwrap(), asked), (7, 9));
        let (ended, asked) = ask_until(Err(TransportErrorKind::http_error(401, String::new()))).await;
        assert!(!is_away(&ended.unwrap_err()));
        assert_eq!(asked, 9);
    }
}
