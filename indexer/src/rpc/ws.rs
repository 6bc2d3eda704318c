//! The WebSocket transport: one socket for requests and for `newHeads`, reconnected for as long as anybody holds the transport.
//!
//! A dropped socket fails the requests under way and nothing else: announcements are a wake-up, and polling is the safety net. Start at
//! [`Ws::open`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::answer::{Answers, Call, read_one};
use super::classify::{CallError, shortened};
use super::endpoint::backoff;
use super::wire::WireBlock;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// A socket that said nothing for so long, not even to a ping, is dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(25);
/// The id of the subscription request; requests count from 1.
const SUBSCRIBE_ID: u64 = 0;

/// Something new from an endpoint with a socket.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    /// Which endpoint.
    pub(crate) endpoint: usize,
    /// The new head, or `None` after a reconnect, when some may have been missed.
    pub(crate) block: Option<WireBlock>,
}

type Reply = oneshot::Sender<Result<Bytes, CallError>>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Request {
    id: u64,
    json: String,
    reply: Reply,
}

#[derive(Debug)]
pub(crate) struct Ws {
    requests: mpsc::Sender<Request>,
    next_id: AtomicU64,
    timeout: Duration,
}

impl Ws {
    /// Starts the task that keeps the socket; it ends when the transport is dropped.
    pub(crate) fn open(
        url: Url,
        request_timeout: Duration,
        max_bytes: usize,
        endpoint: usize,
        announcements: watch::Sender<Option<Announcement>>,
    ) -> Ws {
        let (requests, received) = mpsc::channel(256);
        let keeper = Keeper {
            url,
            max_bytes,
            endpoint,
            announcements,
            requests: received,
        };
        tokio::spawn(keeper.run());
        Ws {
            requests,
            next_id: AtomicU64::new(SUBSCRIBE_ID + 1),
            timeout: request_timeout,
        }
    }

    /// Sends the calls one after the other without waiting in between, which is what a batch is for.
    pub(crate) async fn send<T: DeserializeOwned + Send + 'static>(
        &self,
        calls: &[Call],
    ) -> Result<Answers<T>, CallError> {
        try_join_all(calls.iter().map(|call| self.send_one(call))).await
    }

    async fn send_one<T: DeserializeOwned + Send + 'static>(&self, call: &Call) -> Result<Option<T>, CallError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let request = Request {
            id,
            json: call.to_json(id),
            reply,
        };
        let asked = async {
            self.requests
                .send(request)
                .await
                .map_err(|_| CallError::transient("the socket is closed"))?;
            answer
                .await
                .map_err(|_| CallError::transient("the socket was dropped"))?
        };
        let body = timeout(self.timeout, asked)
            .await
            .map_err(|_| CallError::transient("no answer in time"))??;
        read_one(body).await
    }
}

/// Sends a message; a node that takes nothing is as dead as one that says nothing.
async fn said(socket: &mut Socket, message: Message) -> Result<(), String> {
    let sent = timeout(SILENCE_LIMIT, socket.send(message)).await;
    let sent = sent.map_err(|_| "nothing is taken for too long".to_owned())?;
    sent.map_err(|error| error.to_string())
}

/// Holds the socket.
struct Keeper {
    url: Url,
    max_bytes: usize,
    endpoint: usize,
    announcements: watch::Sender<Option<Announcement>>,
    requests: mpsc::Receiver<Request>,
}

/// Enough of a message to know whose it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default, borrow)]
    method: Option<&'a str>,
    #[serde(default, borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Notification {
    result: WireBlock,
}

impl Keeper {
    async fn run(mut self) {
        let mut failures = 0;
        while !self.requests.is_closed() {
            match self.connect().await {
                Ok(socket) => {
                    failures = 0;
                    let mut pending = HashMap::new();
                    let why = self.serve(socket, &mut pending).await;
                    tracing::debug!(endpoint = self.endpoint, why, "socket dropped");
                    for (_, reply) in pending.drain() {
                        let _: Result<(), _> = Reply::send(
                            reply,
                            Err(CallError::transient(format!("the socket was dropped: {why}"))),
                        );
                    }
                }
                Err(why) => {
                    failures += 1;
                    while let Ok(request) = self.requests.try_recv() {
                        let _ = request
                            .reply
                            .send(Err(CallError::transient(format!("no connection: {why}"))));
                    }
                }
            }
            sleep(backoff(failures)).await;
        }
    }

    async fn connect(&self) -> Result<Socket, String> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(self.max_bytes))
            .max_frame_size(Some(self.max_bytes));
        let connected = connect_async_with_config(self.url.as_str(), Some(config), true);
        let (mut socket, _) = timeout(CONNECT_TIMEOUT, connected)
            .await
            .map_err(|_| "no connection in time".to_owned())?
            .map_err(|error| shortened(&error.to_string()).to_owned())?;
        let subscribe = Call::new("eth_subscribe", r#"["newHeads"]"#.into()).to_json(SUBSCRIBE_ID);
        socket
            .send(Message::text(subscribe))
            .await
            .map_err(|error| error.to_string())?;
        self.announce(None);
        Ok(socket)
    }

    /// Carries requests out and answers back until the socket fails; returns why.
    async fn serve(&mut self, mut socket: Socket, pending: &mut HashMap<u64, Reply>) -> String {
        let mut pings = interval(PING_INTERVAL);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                request = self.requests.recv() => {
                    let Some(request) = request else { return "nobody needs it any more".into() };
                    pending.retain(|_, reply| !reply.is_closed());
                    pending.insert(request.id, request.reply);
                    if let Err(why) = said(&mut socket, Message::text(request.json)).await {
                        return why;
                    }
                }
                message = socket.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => self.deliver(text.into(), pending),
                        Some(Ok(Message::Binary(bytes))) => self.deliver(bytes, pending),
                        Some(Ok(Message::Close(_))) | None => return "closed by the other side".into(),
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return error.to_string(),
                    }
                }
                _ = pings.tick() => {
                    if heard.elapsed() > SILENCE_LIMIT {
                        return "silent for too long".into();
                    }
                    if let Err(why) = said(&mut socket, Message::Ping(Bytes::new())).await {
                        return why;
                    }
                }
            }
        }
    }

    fn deliver(&self, message: Bytes, pending: &mut HashMap<u64, Reply>) {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(&message) else {
            // Nobody can be told whose answer this was; those who wait run into their timeout.
            tracing::debug!(endpoint = self.endpoint, "a message that is no JSON-RPC");
            return;
        };
        if envelope.method == Some("eth_subscription") {
            let block = envelope
                .params
                .and_then(|params| serde_json::from_str::<Notification>(params.get()).ok());
            self.announce(block.map(|notification| notification.result));
        } else if let Some(reply) = envelope.id.and_then(|id| pending.remove(&id)) {
            let _ = reply.send(Ok(message));
        }
    }

    fn announce(&self, block: Option<WireBlock>) {
        self.announcements.send_replace(Some(Announcement {
            endpoint: self.endpoint,
            block,
        }));
    }
}
