//! A real HTTP server that misbehaves as it is told to, and counts what it is asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, Uri, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt, stream};
use tokio::net::TcpListener;

/// What the server answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes.
    Document(Vec<u8>),
    /// These bytes, compressed.
    Gzip(Vec<u8>),
    /// These bytes as they are, said to be compressed so.
    Encoded(&'static str, Vec<u8>),
    /// This status, with a header.
    Status(u16, Option<(&'static str, String)>),
    /// Failures, so many, and then a document.
    Recovers(usize, Vec<u8>),
    /// So many bytes are promised; a few come.
    Promises(u64),
    /// Bytes without end, of a length that nobody was told.
    Endless,
    /// A byte now and then, for ever.
    Drips,
    /// A few bytes that stand for so many zeros.
    Bomb(usize),
    /// A part of a document, and the connection closes.
    Truncated,
    /// Compressed bytes without their end.
    TruncatedGzip(Vec<u8>),
}

type Replies = Arc<Mutex<HashMap<String, (Reply, usize)>>>;

pub struct Server {
    pub address: SocketAddr,
    replies: Replies,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let replies = Replies::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&replies));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Server {
            address,
            replies,
            serving,
        }
    }

    /// Answers so at a path; returns its URL.
    pub fn reply(&self, path: &str, reply: Reply) -> String {
        let mut replies = self.replies.lock().expect("no panic");
        let asked = replies.get(path).map_or(0, |(_, asked)| *asked);
        replies.insert(path.into(), (reply, asked));
        format!("http://{}{path}", self.address)
    }

    /// Has a document at a path.
    pub fn document(&self, path: &str, text: &str) -> String {
        self.reply(path, Reply::Document(text.into()))
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.replies
            .lock()
            .expect("no panic")
            .get(path)
            .map_or(0, |(_, asked)| *asked)
    }

    /// How often anything was.
    pub fn asked_in_all(&self) -> usize {
        self.replies
            .lock()
            .expect("no panic")
            .values()
            .map(|(_, asked)| asked)
            .sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("compresses");
    encoder.finish().expect("compresses")
}

async fn answer(State(replies): State<Replies>, uri: Uri) -> Response<Body> {
    let found = {
        let mut replies = replies.lock().expect("no panic");
        let entry = replies
            .entry(uri.path().into())
            .or_insert((Reply::Status(404, None), 0));
        entry.1 += 1;
        entry.clone()
    };
    let (reply, asked) = found;
    let plain = Response::builder();
    let compressed = |bytes: Vec<u8>| {
        Response::builder()
            .header(header::CONTENT_ENCODING, "gzip")
            .body(Body::from(bytes))
    };
    let part = || Bytes::from_static(b"{\"name\":\"");
    let response = match reply {
        Reply::Document(bytes) => plain.body(Body::from(bytes)),
        Reply::Gzip(bytes) => compressed(gzip(&bytes)),
        Reply::Encoded(name, bytes) => plain.header(header::CONTENT_ENCODING, name).body(Body::from(bytes)),
        Reply::Status(status, header) => {
            let builder = plain.status(status);
            match header {
                Some((name, value)) => builder.header(name, value).body(Body::empty()),
                None => builder.body(Body::empty()),
            }
        }
        Reply::Recovers(failures, _) if asked <= failures => plain.status(503).body(Body::empty()),
        Reply::Recovers(_, bytes) => plain.body(Body::from(bytes)),
        Reply::Promises(length) => {
            let body = Body::from_stream(stream::iter([Ok::<_, Infallible>(part())]).chain(stream::pending()));
            plain.header(header::CONTENT_LENGTH, length).body(body)
        }
        Reply::Endless => {
            let chunks = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 4_096])));
            plain.body(Body::from_stream(chunks))
        }
        Reply::Drips => {
            let drops = stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
            });
            plain.body(Body::from_stream(drops))
        }
        Reply::Bomb(zeros) => compressed(gzip(&vec![0; zeros])),
        Reply::Truncated => {
            // Its beginning is sent while the stream is pending; without that, the connection closes before anything is.
            let ends = stream::once(async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("the server goes away"))
            });
            let pieces = stream::iter([Ok(part())]).chain(ends);
            plain
                .header(header::CONTENT_LENGTH, 100)
                .body(Body::from_stream(pieces))
        }
        Reply::TruncatedGzip(bytes) => {
            let mut bytes = gzip(&bytes);
            bytes.truncate(bytes.len() - 9);
            compressed(bytes)
        }
    };
    response.expect("a response")
}
