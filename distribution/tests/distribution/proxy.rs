//! A node that refuses some of what it is asked.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Whether a call of a method, as of a block, is refused.
type Refuses = Arc<Mutex<fn(&str, &str) -> bool>>;

/// A way to a node which refuses what it is told to; gone when dropped.
pub struct Unwilling {
    pub url: String,
    refuses: Refuses,
    serving: JoinHandle<()>,
}

impl Drop for Unwilling {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Unwilling {
    /// Lets everything through to the node at this URL.
    pub async fn before(node: String) -> Unwilling {
        let refuses: Refuses = Arc::new(Mutex::new(|_, _| false));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it has one"));
        let client = reqwest::Client::new();
        let router = Router::new()
            .route("/", post(answer))
            .with_state((node, client, Arc::clone(&refuses)));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Unwilling { url, refuses, serving }
    }

    pub fn refuse(&self, what: fn(&str, &str) -> bool) {
        *self.refuses.lock().expect("nobody panics") = what;
    }
}

async fn answer(
    State((node, client, refuses)): State<(String, reqwest::Client, Refuses)>,
    Json(request): Json<Value>,
) -> Json<Value> {
    let (method, block) = (&request["method"], &request["params"][1]);
    let refuses = *refuses.lock().expect("nobody panics");
    if refuses(method.as_str().unwrap_or_default(), block.as_str().unwrap_or_default()) {
        let error = json!({"code": -32_000, "message": "not today"});
        return Json(json!({"jsonrpc": "2.0", "id": request["id"], "error": error}));
    }
    let answer = client.post(node).json(&request).send().await.expect("the node answers");
    Json(answer.json().await.expect("it answers JSON"))
}
