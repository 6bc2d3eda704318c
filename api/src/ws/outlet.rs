//! Where a connection's messages go out: each is written by whoever has it, one after the other, without a task or a queue between.
//!
//! A message to five hundred subscribers is five hundred writes; handing each over to another task would cost more than the write itself.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::SinkExt;
use futures::stream::SplitSink;
use tokio::sync::{Mutex, watch};

use super::protocol::Close;

/// How long a closing connection may take to say goodbye.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// Why a connection ends, with what it is closed if we close it: a client that is gone is owed no reason.
type Ending = Option<Option<Close>>;

/// The way out of a connection. Clones are one.
#[derive(Clone)]
pub(super) struct Outlet {
    sink: Arc<Mutex<SplitSink<WebSocket, Message>>>,
    ending: watch::Sender<Ending>,
    patience: Duration,
}

impl Outlet {
    /// An outlet whose messages may wait so long to be taken.
    pub(super) fn new(sink: SplitSink<WebSocket, Message>, patience: Duration) -> Outlet {
        Outlet {
            sink: Arc::new(Mutex::new(sink)),
            ending: watch::Sender::new(None),
            patience,
        }
    }

    /// Writes a message. One to a client that is gone ends the connection, and is no error of who writes.
    ///
    /// # Errors
    /// The close frame for a client that does not read.
    pub(super) async fn send(&self, message: String) -> Result<(), Close> {
        let written = async { self.sink.lock().await.send(Message::Text(message.into())).await };
        match tokio::time::timeout(self.patience, written).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => self.end(None),
            Err(_) => return Err(Close::too_slow()),
        }
        Ok(())
    }

    /// Says that the connection ends, and with what it is closed. The first reason stands.
    pub(super) fn end(&self, close: Option<Close>) {
        self.ending
            .send_if_modified(|ending| ending.is_none() && ending.replace(close).is_none());
    }

    /// Tells when the connection ends.
    pub(super) fn ending(&self) -> watch::Receiver<Ending> {
        self.ending.subscribe()
    }

    /// Closes the connection; by now nobody else may be writing for long.
    pub(super) async fn close(&self, close: Option<Close>) {
        self.end(close);
        let Some(Close { code, reason }) = self.ending.borrow().clone().flatten() else {
            return;
        };
        metrics::counter!("souk_api_websocket_closed_total", "code" => code.to_string()).increment(1);
        let frame = Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }));
        let _ = tokio::time::timeout(FAREWELL, async { self.sink.lock().await.send(frame).await }).await;
    }
}
