//! The HTTP transport: one POST for each batch, with a bound on the answer's size.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use url::Url;

use super::answer::{Answers, Call, read_batch};
use super::classify::{CallError, Fault, classify_status, shortened};

#[derive(Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    url: Url,
    max_bytes: usize,
}

impl Http {
    pub(crate) fn new(url: Url, timeout: Duration, max_bytes: usize) -> Result<Http, CallError> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| CallError::new(Fault::Refused, format!("no HTTP client can be made: {error}")))?;
        Ok(Http { client, url, max_bytes })
    }

    pub(crate) async fn send<T: DeserializeOwned + Send + 'static>(
        &self,
        calls: &[Call],
    ) -> Result<Answers<T>, CallError> {
        let requests: Vec<String> = (0u64..).zip(calls).map(|(id, call)| call.to_json(id)).collect();
        let body = match &requests[..] {
            [single] => single.clone(),
            several => format!("[{}]", several.join(",")),
        };
        read_batch(self.post(body).await?, calls.len()).await
    }

    async fn post(&self, body: String) -> Result<Bytes, CallError> {
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .body(body);
        let mut response = request.send().await.map_err(of_reqwest)?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut first: Option<Bytes> = None;
        let mut all = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(of_reqwest)? {
            if first.as_ref().map_or(0, Bytes::len) + all.len() + chunk.len() > self.max_bytes {
                let message = format!("the answer is larger than limits.response_bytes = {}", self.max_bytes);
                return Err(CallError::new(Fault::ResultTooLarge { max_blocks: None }, message));
            }
            match first.take() {
                None if all.is_empty() => first = Some(chunk),
                before => {
                    all.extend_from_slice(before.as_deref().unwrap_or_default());
                    all.extend_from_slice(&chunk);
                }
            }
        }
        let body = first.unwrap_or_else(|| all.freeze());
        if status.is_success() {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
        let fault = classify_status(status.as_u16(), retry_after.as_deref(), &text);
        Err(CallError::new(fault, format!("HTTP {status}: {}", shortened(&text))))
    }
}

fn of_reqwest(error: reqwest::Error) -> CallError {
    let what = if error.is_timeout() {
        "no answer in time"
    } else {
        "the request failed"
    };
    let mut causes = String::new();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        causes = format!("{causes}: {cause}");
        source = cause.source();
    }
    // Without the URL, which may hold a key.
    CallError::transient(format!("{what}: {}{causes}", error.without_url()))
}
