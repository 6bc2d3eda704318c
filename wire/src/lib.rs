//! The connection to a chain's node that a part holds for life, whatever becomes of the node meanwhile.
//!
//! Over HTTP every question finds its way by itself. A WebSocket is one connection, and alloy's gives up for good after some retries, so that
//! whoever holds it would have to be started anew. A [`Wire`] is a transport as alloy's providers take it which makes its connection when it is
//! first asked, and makes another one when that is lost: providers, contracts and whatever else is built on it live on and know nothing of it.
//!
//! Every answer stands for itself. There are no subscriptions, for they would end with a connection; and because another node, even of another
//! chain, may be at the same address after an outage, whoever writes to a chain looks at its [genesis](genesis_of) each time.
//!
//! Start at [`Wire`]; [`away`] says whether waiting helps, and waits; [`fees`] is what those who write to a chain offer for gas.

pub mod away;
mod error;
pub mod fees;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::B256;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::{BuiltInConnectionString, ConnectionConfig, RpcClient};
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket, RpcError};
use alloy::transports::utils::guess_local_url;
use alloy::transports::{BoxTransport, TransportError, TransportErrorKind, TransportFut};
use tokio::sync::Mutex;
use tower_service::Service;
use url::Url;

pub use away::{is_away, when_there};

/// How long a connection may take to be made.
const TO_CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take. A connection that is silent for longer is left: a node whose host is gone says nothing at all.
const TO_ANSWER: Duration = Duration::from_secs(60);

/// How often alloy tries to mend a WebSocket before it gives up. Once, which is enough for one that was closed for being idle; the rest is
/// our own, because a question would wait for all of alloy's retries.
const RETRIES_OF_ALLOY: u32 = 1;

/// A line to a node, for life. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Wire(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: Url,
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    connection: Option<BoxTransport>,
    /// Counts connections, so that one is left once, however many were waiting on it.
    number: u64,
}

/// A connection in somebody's hands.
struct Held {
    connection: BoxTransport,
    number: u64,
    /// Whether it was made for the question at hand, so that nothing can have happened to it before.
    is_new: bool,
}

impl Wire {
    /// A line to the node at an http, https, ws or wss URL. Nobody is asked yet, and the node need not be there.
    ///
    /// # Errors
    /// What is no such URL; trying again is of no use.
    pub fn new(url: &str) -> Result<Wire, TransportError> {
        let none = |shown: &str| {
            TransportErrorKind::non_retryable_str(&format!(
                "{shown} is no node's address: expected one like https://node.example or ws://127.0.0.1:8545"
            ))
        };
        let url = Url::parse(url).map_err(|_| none("what is no URL"))?;
        if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") || !url.has_host() {
            return Err(none(&redacted(&url)));
        }
        Ok(Wire(Arc::new(Inner {
            url,
            present: Mutex::default(),
        })))
    }

    /// Where the node is, as it may be shown: without what may be a key.
    pub fn shown(&self) -> String {
        redacted(&self.0.url)
    }

    /// What alloy's providers are built on.
    pub fn client(&self) -> RpcClient {
        RpcClient::new(self.clone(), guess_local_url(&self.0.url))
    }

    /// A provider that fills nothing in.
    pub fn provider(&self) -> DynProvider {
        let builder = ProviderBuilder::new().disable_recommended_fillers();
        builder.connect_client(self.client()).erased()
    }

    /// Leaves the connection, so that the next question is asked over another one: for whoever has lost patience with it earlier than it does
    /// itself.
    pub async fn leave(&self) {
        self.0.present.lock().await.connection = None;
    }

    async fn held(&self) -> Result<Held, TransportError> {
        let mut present = self.0.present.lock().await;
        if let Some(connection) = &present.connection {
            return Ok(Held {
                connection: connection.clone(),
                number: present.number,
                is_new: false,
            });
        }
        let config = ConnectionConfig::new()
            .with_max_retries(RETRIES_OF_ALLOY)
            .with_retry_interval(Duration::ZERO);
        let connecting = BuiltInConnectionString::connect_with(self.0.url.as_str(), config);
        let connection = tokio::time::timeout(TO_CONNECT, connecting)
            .await
            .unwrap_or_else(|_| Err(error::late("no connection", TO_CONNECT)))?;
        if present.number > 0 {
            tracing::info!(node = self.shown(), "connected anew");
        }
        present.number += 1;
        present.connection = Some(connection.clone());
        Ok(Held {
            connection,
            number: present.number,
            is_new: true,
        })
    }

    async fn leave_this(&self, number: u64) {
        let mut present = self.0.present.lock().await;
        if present.number == number {
            present.connection = None;
        }
    }

    async fn ask(&self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        loop {
            let mut held = self.held().await?;
            let answer = async {
                std::future::poll_fn(|context| held.connection.poll_ready(context)).await?;
                held.connection.call(request.clone()).await
            };
            let Ok(answer) = tokio::time::timeout(TO_ANSWER, answer).await else {
                self.leave_this(held.number).await;
                return Err(error::late("no answer", TO_ANSWER));
            };
            if !matches!(answer, Err(RpcError::Transport(TransportErrorKind::BackendGone))) {
                return answer;
            }
            self.leave_this(held.number).await;
            // One that was lost while nobody asked tells nothing of the node as it is now. Asked once more is asked twice at most, which
            // does no harm: reading has no effect, and a signed transaction counts once.
            if held.is_new {
                return answer;
            }
        }
    }
}

impl Service<RequestPacket> for Wire {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move { wire.ask(request).await.map_err(error::without_address) })
    }
}

/// Hash of the node's block 0, which tells two chains with one id apart.
///
/// # Errors
/// What the node or the connection says.
pub async fn genesis_of(node: &DynProvider) -> Result<B256, TransportError> {
    let block = node.get_block_by_number(BlockNumberOrTag::Number(0)).await?;
    let block = block.ok_or_else(|| TransportError::local_usage_str("the node has no block 0"))?;
    Ok(block.header.hash)
}

/// Scheme, host and port of a URL: providers keep their keys in the rest, which no status or log may show.
pub fn redacted(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_urls_are_not_shown() {
        assert_eq!(
            redacted(&Url::parse("https://user:pw@host:8443/v2/key?k=1").unwrap()),
            "https://host:8443"
        );
    }

    #[test]
    fn what_is_no_address_is_refused_before_anybody_is_asked() {
        for good in ["http://a", "https://a/key", "ws://a:1", "wss://a"] {
            assert!(Wire::new(good).is_ok(), "{good}");
        }
        for bad in ["ftp://a", "a:8545", "/run/node.ipc", "http://", ""] {
            let error = Wire::new(bad).unwrap_err();
            assert!(!is_away(&error) && error.to_string().contains("http"), "{bad}: {error}");
        }
    }
}
