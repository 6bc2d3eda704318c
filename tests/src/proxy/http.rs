//! The HTTP side: single calls and batches, and whole answers that go wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::faults::{BATCH_LIMIT_CALLS, Fault, batch_limit};
use super::{State, spoil};

/// Longer than any client waits.
const FOR_EVER: Duration = Duration::from_secs(3_600);

pub(super) async fn post(extract::State(state): extract::State<Arc<State>>, body: Bytes) -> Response {
    if state.is_down.load(Ordering::Relaxed) {
        return (StatusCode::BAD_GATEWAY, "the node is away").into_response();
    }
    if let Some(response) = strike_whole(&state).await {
        return response;
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "not JSON").into_response();
    };
    let is_batch = request.is_array();
    let calls: Vec<Value> = if let Value::Array(calls) = request {
        calls
    } else {
        vec![request]
    };
    state.requests.fetch_add(calls.len() as u64, Ordering::Relaxed);
    if calls.len() > BATCH_LIMIT_CALLS && state.strikes(Fault::BatchLimit) {
        return json_response(&json!({ "jsonrpc": "2.0", "id": null, "error": batch_limit(state.below(60)) }));
    }
    let answers = match answer(&state, calls).await {
        Ok(answers) => answers,
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let mut text = match (is_batch, answers) {
        (false, mut single) => single.pop().unwrap_or_default().to_string(),
        (true, answers) => Value::Array(answers).to_string(),
    };
    if text.len() > 2 && state.strikes(Fault::Truncated) {
        text.truncate(1 + state.below(text.len() - 1));
    }
    ([("content-type", "application/json")], text).into_response()
}

/// Faults that leave no JSON-RPC answer at all.
async fn strike_whole(state: &State) -> Option<Response> {
    if state.strikes(Fault::Hang) {
        tokio::time::sleep(FOR_EVER).await;
    }
    if state.strikes(Fault::ServerError) {
        let code = [500, 502, 503, 504][state.below(4)];
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
        return Some((status, "<html><h1>upstream trouble</h1></html>").into_response());
    }
    if state.is_on(Fault::RateLimit) && state.below(2) == 0 && state.strikes(Fault::RateLimit) {
        return Some((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], "slow down").into_response());
    }
    if state.strikes(Fault::Garbage) {
        let garbage: &[u8] = [
            &b"<html>maintenance</html>"[..],
            b"",
            b"\xff\xfe\x00\x01",
            b"[]",
            b"{}",
            b"null",
            b"[[[[",
        ][state.below(7)];
        return Some(garbage.to_vec().into_response());
    }
    None
}

/// Every call's answer, in order.
async fn answer(state: &State, mut calls: Vec<Value>) -> Result<Vec<Value>, reqwest::Error> {
    let refused: Vec<Option<Value>> = calls.iter().map(|call| spoil::refuse(state, call)).collect();
    let methods: Vec<String> = calls
        .iter()
        .map(|call| call["method"].as_str().unwrap_or_default().to_owned())
        .collect();
    calls.iter_mut().for_each(|call| spoil::mislead(state, call));
    let response = state.client.post(&state.upstream().http).json(&calls).send().await?;
    let mut answers: Vec<Value> = response.json().await?;
    for ((answer, method), refused) in answers.iter_mut().zip(&methods).zip(refused) {
        match refused {
            Some(refusal) => *answer = refusal,
            None => spoil::spoil(state, method, answer),
        }
    }
    Ok(answers)
}

fn json_response(value: &Value) -> Response {
    ([("content-type", "application/json")], value.to_string()).into_response()
}
