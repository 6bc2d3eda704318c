//! The WebSocket side: one socket to the node for each socket of a client; answers are spoilt on the way, sockets are dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite;

use super::faults::Fault;
use super::{State, spoil};

pub(super) async fn upgrade(extract::State(state): extract::State<Arc<State>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(1 << 30).on_upgrade(move |socket| async move {
        carry(&state, socket).await;
    })
}

/// Carries messages both ways until either side, or a fault, ends it.
async fn carry(state: &State, mut client: WebSocket) -> Option<()> {
    // In this order, so that no socket outlives a node that goes down in between.
    let mut dropped = state.drop_sockets.subscribe();
    if state.is_down.load(Ordering::Relaxed) {
        return None;
    }
    let (mut node, _) = connect_async(&state.upstream().ws).await.ok()?;
    let mut methods: HashMap<String, String> = HashMap::new();
    loop {
        tokio::select! {
            message = client.recv() => {
                let Message::Text(text) = message?.ok()? else { continue };
                let mut call: Value = serde_json::from_str(&text).ok()?;
                state.requests.fetch_add(1, Ordering::Relaxed);
                if state.strikes(Fault::DroppedSocket) {
                    return None;
                }
                if state.strikes(Fault::Hang) {
                    continue;
                }
                if let Some(refusal) = spoil::refuse(state, &call) {
                    client.send(Message::text(refusal.to_string())).await.ok()?;
                    continue;
                }
                spoil::mislead(state, &mut call);
                methods.insert(call["id"].to_string(), call["method"].as_str().unwrap_or_default().to_owned());
                node.send(tungstenite::Message::text(call.to_string())).await.ok()?;
            }
            message = node.next() => {
                let tungstenite::Message::Text(text) = message?.ok()? else { continue };
                let mut answer: Value = serde_json::from_str(&text).ok()?;
                if let Some(method) = methods.remove(&answer["id"].to_string()) {
                    spoil::spoil(state, &method, &mut answer);
                }
                let mut text = answer.to_string();
                if state.strikes(Fault::Garbage) {
                    text = "<html>".to_owned();
                } else if state.strikes(Fault::Truncated) {
                    text.truncate(1 + state.below(text.len() - 1));
                }
                client.send(Message::text(text)).await.ok()?;
            }
            _ = dropped.changed() => return None,
        }
    }
}
