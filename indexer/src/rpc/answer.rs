//! Calls as they go out and answers as they come in: one pass from bytes into types, large ones off the async threads.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::classify::{CallError, Fault, shortened};
use super::wire::Answer;

/// Answers beyond this many bytes are parsed on the blocking pool.
pub(crate) const PARSE_INLINE_BYTES: usize = 32 << 10;

/// A method and its parameters, as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    params: String,
}

impl Call {
    pub(crate) fn new(method: &'static str, params: String) -> Call {
        Call { method, params }
    }

    /// The request with this id.
    pub(crate) fn to_json(&self, id: u64) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{}","params":{}}}"#,
            self.method, self.params
        )
    }
}

/// What came back for a batch: `None` where the node has nothing.
pub(crate) type Answers<T> = Vec<Option<T>>;

/// Reads the answers to `count` requests with ids from 0, in whatever order they came, from one body.
pub(crate) async fn read_batch<T: DeserializeOwned + Send + 'static>(
    body: Bytes,
    count: usize,
) -> Result<Answers<T>, CallError> {
    off_thread(body, move |body| parse_batch(body, count)).await
}

/// Reads one answer whose id is known to be right.
pub(crate) async fn read_one<T: DeserializeOwned + Send + 'static>(body: Bytes) -> Result<Option<T>, CallError> {
    off_thread(body, |body| of_answer(parse::<Answer<T>>(body)?)).await
}

async fn off_thread<R: Send + 'static>(
    body: Bytes,
    work: impl FnOnce(&[u8]) -> Result<R, CallError> + Send + 'static,
) -> Result<R, CallError> {
    if body.len() <= PARSE_INLINE_BYTES {
        return work(&body);
    }
    let joined = tokio::task::spawn_blocking(move || work(&body)).await;
    joined.unwrap_or_else(|panicked| Err(CallError::invalid(format!("reading the answer failed: {panicked}"))))
}

fn parse_batch<T: DeserializeOwned>(body: &[u8], count: usize) -> Result<Answers<T>, CallError> {
    // A server that refuses the batch as a whole answers with one error instead of an array.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        let answer = of_answer(parse::<Answer<T>>(body)?)?;
        let is_the_only = count == 1;
        return if is_the_only {
            Ok(vec![answer])
        } else {
            Err(CallError::invalid("one answer to a batch of several"))
        };
    }
    let answers = parse::<Vec<Answer<T>>>(body)?;
    let mut found: Vec<Option<Option<T>>> = (0..count).map(|_| None).collect();
    for answer in answers {
        let slot = answer.id.and_then(|id| found.get_mut(usize::try_from(id).ok()?));
        let is_stranger = slot.is_none();
        let value = of_answer(answer)?;
        match slot {
            Some(slot @ None) => *slot = Some(value),
            _ if is_stranger => return Err(CallError::invalid("an answer to something that was not asked")),
            _ => return Err(CallError::invalid("two answers to one question")),
        }
    }
    let complete: Option<Answers<T>> = found.into_iter().collect();
    complete.ok_or_else(|| CallError::invalid(format!("a batch of {count} was not answered in full")))
}

fn of_answer<T>(answer: Answer<T>) -> Result<Option<T>, CallError> {
    match answer.error {
        Some(error) => Err(CallError::from_wire(&error)),
        None => Ok(answer.result),
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|error| {
        let beginning = String::from_utf8_lossy(&body[..body.len().min(80)]);
        CallError::new(
            Fault::Invalid,
            format!("not the JSON that was asked for ({error}): {}", shortened(&beginning)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, count: usize) -> Result<Answers<u8>, CallError> {
        parse_batch(body.as_bytes(), count)
    }

    #[test]
    fn answers_come_in_any_order() {
        assert_eq!(
            read(r#"[{"id":1,"result":7},{"id":0,"result":null}]"#, 2),
            Ok(vec![None, Some(7)])
        );
        assert_eq!(read(r#"{"id":0,"result":7}"#, 1), Ok(vec![Some(7)]));
    }

    #[test]
    fn batches_that_are_not_answered_in_full_are_refused() {
        for body in [
            r#"[{"id":0,"result":1}]"#,
            r#"[{"id":0,"result":1},{"id":0,"result":1}]"#,
            r#"[{"id":0,"result":1},{"id":5,"result":1}]"#,
            r#"{"id":0,"result":1}"#,
            r#"[{"id":0,"result":1},{"id":1,"res"#,
            "<html>",
            "",
        ] {
            assert_eq!(read(body, 2).unwrap_err().fault, Fault::Invalid, "{body}");
        }
    }

    #[test]
    fn one_error_is_the_error_of_the_batch() {
        let fault = |body| read(body, 2).unwrap_err().fault;
        let limited = Fault::RateLimited { retry_after: None };
        assert_eq!(
            fault(r#"[{"id":0,"result":1},{"id":1,"error":{"code":429,"message":"slow"}}]"#),
            limited
        );
        assert_eq!(
            fault(r#"{"id":null,"error":{"code":-32005,"message":"limit exceeded"}}"#),
            limited
        );
    }

    #[test]
    fn a_request_is_json() {
        let call = Call::new("eth_chainId", "[]".into());
        let json: serde_json::Value = serde_json::from_str(&call.to_json(3)).unwrap();
        assert_eq!(
            (json["id"].as_u64(), json["method"].as_str()),
            (Some(3), Some("eth_chainId"))
        );
    }
}
