//! Subscribers of a book: graphql-transport-ws over real sockets, on a thread of their own, each from an address of its own.
//!
//! A client does what any would have to: reads every message whole, and sees to it that none is missing between. It leaves the levels
//! alone, so that the thread is a fair stand-in for five hundred machines.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Bytes that a client reads at once.
const READ_BUFFER: usize = 4 << 10;

const SUBSCRIPTION: &str = "subscription ($market: Bytes32!) { orderBook(market: $market) {
    snapshot sequence prevSequence timestamp bids { price amount } asks { price amount } checksum } }";

/// A message that a client read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The command that it tells of.
    pub sequence: u64,
    /// When it was read.
    pub at: Instant,
    /// Its length.
    pub bytes: usize,
}

/// Clients that have their snapshots.
pub struct Clients {
    last: watch::Sender<Option<u64>>,
    heard: oneshot::Receiver<Result<Vec<Vec<Heard>>>>,
}

impl Clients {
    /// Connects so many clients and waits until each has its snapshot.
    ///
    /// # Errors
    /// One line when one is not let in.
    pub async fn subscribe(server: SocketAddr, market: String, count: usize) -> Result<Clients> {
        let (last, until) = watch::channel(None);
        let (ready, mut readied) = mpsc::channel(count);
        let (told, heard) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("subscribers".into()).spawn(move || {
            let all = (0..count).map(|number| client(server, number, market.clone(), ready.clone(), until.clone()));
            let ended = runtime.block_on(futures::future::try_join_all(all));
            // Nobody waits for it where the measurement was given up.
            let _ = told.send(ended);
        })?;
        for _ in 0..count {
            if readied.recv().await.is_none() {
                return match heard.await? {
                    Err(error) => Err(error),
                    Ok(_) => bail!("clients ended before they began"),
                };
            }
        }
        Ok(Clients { last, heard })
    }

    /// Waits until every client has heard of a command, the last that concerns the book; what each heard after its snapshot.
    ///
    /// # Errors
    /// One line when a client missed a message, was closed, or does not hear of the command in time.
    pub async fn until(self, last: u64, patience: Duration) -> Result<Vec<Vec<Heard>>> {
        self.last.send_replace(Some(last));
        let heard = tokio::time::timeout(patience, self.heard).await;
        heard.context("some client did not hear of the last change of the book")??
    }
}

async fn client(
    server: SocketAddr,
    number: usize,
    market: String,
    ready: mpsc::Sender<()>,
    mut until: watch::Receiver<Option<u64>>,
) -> Result<Vec<Heard>> {
    let mut socket = connect(server, number)
        .await
        .with_context(|| format!("client {number}; `ulimit -n` has to allow for two files per client"))?;
    socket
        .send(Message::text(json!({ "type": "connection_init" }).to_string()))
        .await?;
    let acknowledged = next(&mut socket).await?;
    ensure!(
        acknowledged.contains("connection_ack"),
        "the server answers {acknowledged}"
    );
    let payload = json!({ "query": SUBSCRIPTION, "variables": { "market": market } });
    let subscribe = json!({ "type": "subscribe", "id": "book", "payload": payload });
    socket.send(Message::text(subscribe.to_string())).await?;
    let snapshot = next(&mut socket).await?;
    let mut sequence = field(&snapshot, "\"sequence\":").with_context(|| format!("the server answers {snapshot}"))?;
    ready.send(()).await?;
    drop(ready);
    let mut heard = Vec::new();
    while until.borrow().is_none_or(|last| sequence < last) {
        let message = tokio::select! {
            message = next(&mut socket) => message?,
            changed = until.changed() => {
                changed?;
                continue;
            }
        };
        let at = Instant::now();
        let previous = field(&message, "\"prevSequence\":");
        ensure!(previous == Some(sequence), "after {sequence} came {message}");
        sequence = field(&message, "\"sequence\":").context("a message without a number")?;
        let bytes = message.len();
        heard.push(Heard { sequence, at, bytes });
    }
    Ok(heard)
}

/// Connects from a loopback address of its own, as a client of its own would.
async fn connect(server: SocketAddr, number: usize) -> Result<WebSocketStream<TcpStream>> {
    let [low, high] = [number % 250 + 1, number / 250 + 1].map(u8::try_from);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddrV4::new(Ipv4Addr::new(127, 1, high?, low?), 0).into())?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{server}/graphql").into_client_request()?;
    request.headers_mut().insert(
        "sec-websocket-protocol",
        HeaderValue::from_static("graphql-transport-ws"),
    );
    // A client that clears a hundred kilobytes before each of its small messages would measure that.
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Result<String> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Close(frame))) => bail!("the server closes: {frame:?}"),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(anyhow!("the server hung up")),
        }
    }
}

/// The number after a key, written as a number or as a string. Parsing all of the JSON would be the client's own time.
fn field(message: &str, key: &str) -> Option<u64> {
    let (_, rest) = message.split_once(key)?;
    let digits = rest.trim_start_matches('"');
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_message_are_found_without_parsing_it() {
        let message = r#"{"orderBook":{"snapshot":false,"sequence":"812","prevSequence":7,"bids":[]}}"#;
        assert_eq!(field(message, "\"sequence\":"), Some(812));
        assert_eq!(field(message, "\"prevSequence\":"), Some(7));
        assert_eq!(field(message, "\"checksum\":"), None);
    }
}
