//! GraphQL over WebSocket: our own shell around [`protocol`], because the stock one closes with other codes than the protocol says.
//!
//! [`upgrade`] takes a connection, [`Connection`] serves it: one task reads, one runs for each operation, and whoever has something to say
//! writes it itself ([`outlet`]). Nothing is kept for who does not read: after [`WsLimits::patience`] a connection is closed, and can resume
//! by its cursor.

mod outlet;
pub mod protocol;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use futures::StreamExt;
use futures::stream::SplitStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

use self::outlet::{FAREWELL, Outlet};
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
    /// How long a message may wait to be read.
    pub patience: Duration,
}

/// Bytes that are read at once: what clients say is short, and each connection has such a buffer of its own.
const READ_BUFFER: usize = 8 << 10;

/// Answers an upgrade and serves the connection.
pub fn upgrade(app: App, client: IpAddr, upgrade: WebSocketUpgrade) -> Response {
    let limit = app.body_limit;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
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
    let outlet = Outlet::new(sink, app.ws.patience);
    let connection = Connection {
        app,
        caller: Caller::stranger(client),
        outlet: outlet.clone(),
        operations: Arc::default(),
        numbers: AtomicU64::new(0),
        initialised: false,
    };
    let close = if speaks {
        connection.run(&mut stream).await
    } else {
        Some(Close::not_acceptable())
    };
    outlet.close(close).await;
    let drain = async { while let Some(Ok(_)) = stream.next().await {} };
    let _ = tokio::time::timeout(FAREWELL, drain).await;
}

/// The operations that run, by the client's id; the number tells apart those that had the same id one after another.
type Operations = Arc<Mutex<HashMap<String, (u64, AbortHandle)>>>;

struct Connection {
    app: App,
    caller: Caller,
    outlet: Outlet,
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
        let mut ending = self.outlet.ending();
        let cancel = self.app.cancel.clone();
        loop {
            let message = tokio::select! {
                biased;
                () = cancel.cancelled() => return Some(Close::going_away()),
                _ = ending.wait_for(Option::is_some) => return None,
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
        self.outlet.send(message).await
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
            outlet: self.outlet.clone(),
            operations: self.operations.clone(),
        };
        // Locked until it is listed, so that it cannot end before.
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let task = tokio::spawn(operation.run(request));
        operations.insert(id, (number, task.abort_handle()));
        Ok(())
    }
}

/// One operation on its way.
struct Operation {
    id: String,
    number: u64,
    app: App,
    caller: Caller,
    outlet: Outlet,
    operations: Operations,
}

impl Operation {
    async fn run(self, request: GraphqlRequest) {
        if let Err(close) = self.answer(request).await {
            self.outlet.end(Some(close));
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
        self.outlet.send(message).await
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
