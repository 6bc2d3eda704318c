//! GraphQL over WebSocket: our own shell around [`protocol`], because the stock one closes with other codes than the protocol says.
//!
//! [`upgrade`] takes a connection, [`Connection`] serves it: one task reads, one writes from a short queue, one runs for each operation.
//! Nobody's messages are kept for ever: a client that does not read for [`WsLimits::patience`] is closed, and can resume by its cursor.

pub mod protocol;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::AbortHandle;

use self::protocol::{ClientMessage, Close, SUBPROTOCOL};
use crate::auth::caller::Caller;
use crate::engine::GraphqlRequest;
use crate::error::{ApiError, ErrorCode};
use crate::server::App;

/// What one connection may do.
#[derive(Clone, Copy, Debug)]
pub struct WsLimits {
    /// How long the client may take to begin the handshake.
    pub init_timeout: Duration,
    /// Operations that run at the same time.
    pub operations: usize,
    /// Messages that wait to be read by the client.
    pub queue: usize,
    /// How long a message may wait.
    pub patience: Duration,
}

/// How long a closing connection may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// Answers an upgrade and serves the connection.
pub fn upgrade(app: App, client: IpAddr, upgrade: WebSocketUpgrade) -> Response {
    let limit = app.body_limit;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(limit)
        .max_frame_size(limit);
    upgrade.on_upgrade(move |socket| async move {
        let gauge = metrics::gauge!("souk_api_websocket_connections");
        gauge.increment(1.0);
        let _held = app.connections.token();
        serve(app, client, socket).await;
        gauge.decrement(1.0);
    })
}

async fn serve(app: App, client: IpAddr, socket: WebSocket) {
    let speaks = socket.protocol().is_some_and(|protocol| protocol == SUBPROTOCOL);
    let (sink, mut stream) = socket.split();
    let (queue, waiting) = mpsc::channel(app.ws.queue);
    let closing = watch::Sender::new(None);
    let writer = tokio::spawn(write(sink, waiting, closing.clone(), app.ws.patience));
    let connection = Connection {
        app,
        caller: Caller::stranger(client),
        queue,
        closing: closing.clone(),
        operations: Arc::default(),
        numbers: AtomicU64::new(0),
        initialised: false,
    };
    let close = if speaks {
        connection.run(&mut stream).await
    } else {
        Some(Close::not_acceptable())
    };
    // The writer may have closed already: the first reason stands.
    closing.send_if_modified(|reason| {
        let first = reason.is_none();
        if first {
            *reason = Some(close);
        }
        first
    });
    let _ = writer.await;
    let drain = async { while let Some(Ok(_)) = stream.next().await {} };
    let _ = tokio::time::timeout(FAREWELL, drain).await;
}

/// Whether to close, and with what: a client that closed by itself is owed no reason.
type Closing = watch::Sender<Option<Option<Close>>>;

/// Writes what waits, until it is time to close.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut waiting: mpsc::Receiver<String>,
    closing: Closing,
    patience: Duration,
) {
    let mut reason = closing.subscribe();
    let close = loop {
        let message = tokio::select! {
            biased;
            close = reason.wait_for(Option::is_some) => break close.ok().and_then(|close| close.clone().flatten()),
            message = waiting.recv() => message,
        };
        let Some(message) = message else { break None };
        tokio::select! {
            biased;
            close = reason.wait_for(Option::is_some) => break close.ok().and_then(|close| close.clone().flatten()),
            sent = tokio::time::timeout(patience, sink.send(Message::Text(message.into()))) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(_)) => break None,
                Err(_) => break Some(Close::too_slow()),
            },
        }
    };
    closing.send_if_modified(|reason| reason.is_none() && reason.replace(close.clone()).is_none());
    if let Some(Close { code, reason }) = close {
        metrics::counter!("souk_api_websocket_closed_total", "code" => code.to_string()).increment(1);
        let frame = Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }));
        let _ = tokio::time::timeout(FAREWELL, sink.send(frame)).await;
    }
}

/// The operations that run, by the client's id; the number tells apart those that had the same id one after another.
type Operations = Arc<Mutex<HashMap<String, (u64, AbortHandle)>>>;

struct Connection {
    app: App,
    caller: Caller,
    queue: mpsc::Sender<String>,
    closing: Closing,
    operations: Operations,
    numbers: AtomicU64,
    initialised: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.values().for_each(|(_, operation)| operation.abort());
    }
}

impl Connection {
    /// Serves the client until one side closes; with which reason we do, if we do.
    async fn run(mut self, stream: &mut SplitStream<WebSocket>) -> Option<Close> {
        let init_deadline = tokio::time::sleep(self.app.ws.init_timeout);
        tokio::pin!(init_deadline);
        let mut closing = self.closing.subscribe();
        let cancel = self.app.cancel.clone();
        loop {
            let message = tokio::select! {
                biased;
                () = cancel.cancelled() => return Some(Close::going_away()),
                _ = closing.wait_for(Option::is_some) => return None,
                () = &mut init_deadline, if !self.initialised => return Some(Close::initialisation_timeout()),
                message = stream.next() => message,
            };
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Binary(_))) => return Some(Close::invalid("Invalid message: binary")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_))) | None => return None,
                Some(Err(error)) => return error.to_string().contains("too long").then(Close::too_big),
            };
            let handled = match protocol::read(text.as_str()) {
                Ok(message) => self.handle(message).await,
                Err(close) => Err(close),
            };
            if let Err(close) = handled {
                return Some(close);
            }
        }
    }

    async fn handle(&mut self, message: ClientMessage) -> Result<(), Close> {
        match message {
            ClientMessage::ConnectionInit { .. } if self.initialised => Err(Close::too_many_initialisations()),
            ClientMessage::ConnectionInit { authorization } => {
                let caller = Caller::bearing(self.caller.client, authorization.as_deref());
                if caller.token.as_deref().is_some_and(|token| !self.app.is_session(token)) {
                    return Err(Close::forbidden());
                }
                self.caller = caller;
                self.initialised = true;
                self.send(protocol::connection_ack()).await
            }
            ClientMessage::Ping => self.send(protocol::pong()).await,
            ClientMessage::Pong => Ok(()),
            ClientMessage::Complete { id } => {
                let ended = self
                    .operations
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&id);
                if let Some((_, operation)) = ended {
                    operation.abort();
                }
                Ok(())
            }
            ClientMessage::Subscribe { .. } if !self.initialised => Err(Close::unauthorized()),
            ClientMessage::Subscribe { id, request } => self.subscribe(id, *request).await,
        }
    }

    async fn send(&self, message: String) -> Result<(), Close> {
        send(&self.queue, message, self.app.ws.patience).await
    }

    async fn subscribe(&self, id: String, request: GraphqlRequest) -> Result<(), Close> {
        let running = {
            let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
            if operations.contains_key(&id) {
                return Err(Close::duplicate(&id));
            }
            operations.len()
        };
        let limit = self.app.ws.operations;
        if running >= limit {
            let message = format!("{limit} operations run on this connection already: complete one of them");
            return self
                .send(protocol::refused(
                    &id,
                    &ApiError::new(ErrorCode::SubscriptionLimit, message),
                ))
                .await;
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let operation = Operation {
            id: id.clone(),
            number,
            app: self.app.clone(),
            caller: self.caller.clone(),
            queue: self.queue.clone(),
            closing: self.closing.clone(),
            operations: self.operations.clone(),
        };
        // Locked until it is listed, so that it cannot end before.
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let task = tokio::spawn(operation.run(request));
        operations.insert(id, (number, task.abort_handle()));
        Ok(())
    }
}

async fn send(queue: &mpsc::Sender<String>, message: String, patience: Duration) -> Result<(), Close> {
    match tokio::time::timeout(patience, queue.send(message)).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Close::too_slow()),
    }
}

/// One operation on its way.
struct Operation {
    id: String,
    number: u64,
    app: App,
    caller: Caller,
    queue: mpsc::Sender<String>,
    closing: Closing,
    operations: Operations,
}

impl Operation {
    async fn run(self, request: GraphqlRequest) {
        if let Err(close) = self.answer(request).await {
            self.closing
                .send_if_modified(|reason| reason.is_none() && reason.replace(Some(close)).is_none());
        }
    }

    async fn answer(&self, request: GraphqlRequest) -> Result<(), Close> {
        let prepared = self
            .app
            .engine
            .admit(self.caller.client)
            .and_then(|_| self.app.engine.prepare(request));
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return self.end(protocol::refused(&self.id, &error)).await,
        };
        if prepared.operation != OperationType::Subscription {
            let answer = self.app.engine.execute(&prepared, &self.caller).await;
            let message = protocol::answer(&self.id, &answer);
            if !answer.executed {
                return self.end(message).await;
            }
            self.send(message).await?;
            return self.end(protocol::complete(&self.id)).await;
        }
        let permit: OwnedSemaphorePermit = match self.app.subscriptions.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let error = ApiError::new(
                    ErrorCode::SubscriptionLimit,
                    "the server has as many subscriptions as it takes: try again later",
                );
                return self.end(protocol::refused(&self.id, &error)).await;
            }
        };
        let mut answers = self.app.engine.subscribe(&prepared, &self.caller);
        while let Some(answer) = answers.next().await {
            let message = protocol::answer(&self.id, &answer);
            if !answer.executed {
                return self.end(message).await;
            }
            self.send(message).await?;
        }
        drop(permit);
        self.end(protocol::complete(&self.id)).await
    }

    async fn send(&self, message: String) -> Result<(), Close> {
        send(&self.queue, message, self.app.ws.patience).await
    }

    /// Sends the last message. The id is free before that, so that the client can use it again as soon as it reads it.
    async fn end(&self, message: String) -> Result<(), Close> {
        {
            let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
            match operations.get(&self.id) {
                Some((number, _)) if *number == self.number => operations.remove(&self.id),
                // The client completed it, and may have begun another by the same id.
                _ => return Ok(()),
            };
        }
        self.send(message).await
    }
}
