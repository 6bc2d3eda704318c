//! Subscriptions that many clients ask in the same words are executed once: each message is resolved and written once, and sent to all.
//!
//! A client's own execution makes its beginning (a snapshot, or what it missed), with everything that is checked and charged; the rest comes
//! from one execution that all share, from the sequence number on at which the beginning ended. [`key`] says which subscriptions are shared:
//! those with one public field of the exchange.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{ExecutableDocument, Field, Selection};
use async_graphql::{Name, Variables};
use futures::StreamExt;
use tokio::sync::{broadcast, watch};

use crate::engine::Answer;
use crate::graphql::variables::chosen;

/// Which part of a subscription an execution is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What a client begins with.
    Beginning,
    /// What comes after, for all.
    Rest,
}

/// Fields whose messages are the same for everybody.
const PUBLIC: [&str; 3] = ["orderBook", "trades", "candles"];

/// The argument that only the beginning depends on.
const RESUME: &str = "resumeFrom";

/// Messages that may wait for one client.
const WAITING: usize = 512;

/// A message for all.
#[derive(Debug)]
pub struct Told {
    /// The number of what it is about.
    pub sequence: u64,
    /// The answer as it is sent.
    pub body: String,
}

/// One execution that many clients follow.
#[derive(Debug)]
struct Shared {
    sender: broadcast::Sender<Arc<Told>>,
    /// Whether it listens: nothing that happens from now on is missed.
    listening: watch::Receiver<bool>,
}

/// All executions that are shared.
#[derive(Debug, Default)]
pub struct SharedExecutions(Mutex<HashMap<String, Shared>>);

/// The rest of a subscription, and when it is sure that nothing is missed.
pub struct Rest {
    /// Messages for all.
    pub coming: broadcast::Receiver<Arc<Told>>,
    /// Turns true when the execution listens; closed where it failed.
    pub listening: watch::Receiver<bool>,
}

/// Names a subscription whose rest can be shared: its text and what its variables are, but for where it resumes. `None` for others.
pub fn key(
    document: &ExecutableDocument,
    text: &str,
    operation: Option<&str>,
    variables: &Variables,
) -> Option<String> {
    let definition = chosen(document, operation)?;
    let [selection] = definition.selection_set.node.items.as_slice() else {
        return None;
    };
    let Selection::Field(field) = &selection.node else {
        return None;
    };
    let field: &Field = &field.node;
    if !PUBLIC.contains(&field.name.node.as_str()) || !field.directives.is_empty() {
        return None;
    }
    let mut variables = variables.clone();
    if let Some(argument) = field.get_argument(RESUME) {
        let mut named = |name: Name| variables.remove(&name).ok_or(());
        let _ = argument.node.clone().into_const_with(&mut named);
    }
    let variables = serde_json::to_string(&variables).ok()?;
    Some(format!("{}\0{variables}\0{text}", operation.unwrap_or_default()))
}

impl SharedExecutions {
    /// Follows the execution with a key, which is begun by `begin` where there is none. `begin` gets what says that it listens.
    pub fn follow<S>(self: &Arc<Self>, key: &str, begin: impl FnOnce(watch::Sender<bool>) -> S) -> Rest
    where
        S: futures::Stream<Item = (u64, Answer)> + Send + 'static,
    {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = all.get(key) {
            return Rest {
                coming: shared.sender.subscribe(),
                listening: shared.listening.clone(),
            };
        }
        let (sender, coming) = broadcast::channel(WAITING);
        let (listens, listening) = watch::channel(false);
        let answers = Box::pin(begin(listens));
        let shared = Shared {
            sender: sender.clone(),
            listening: listening.clone(),
        };
        all.insert(key.to_owned(), shared);
        let driven = Driven {
            all: self.clone(),
            key: key.to_owned(),
            sender,
        };
        tokio::spawn(drive(driven, answers));
        Rest { coming, listening }
    }

    /// Takes an execution out unless somebody follows it again.
    fn give_up(&self, key: &str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = all.get(key).is_none_or(|shared| shared.sender.receiver_count() == 0);
        if unused {
            all.remove(key);
        }
        unused
    }

    /// Takes out the execution that sends here, and no other that has begun under its key since.
    fn remove(&self, key: &str, sender: &broadcast::Sender<Arc<Told>>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(key).is_some_and(|shared| shared.sender.same_channel(sender)) {
            all.remove(key);
        }
    }
}

/// An execution under way. However it ends, by a panic too, it is followed no more: those who do see the end and begin anew.
struct Driven {
    all: Arc<SharedExecutions>,
    key: String,
    sender: broadcast::Sender<Arc<Told>>,
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.all.remove(&self.key, &self.sender);
    }
}

/// Sends each message to all, until nobody follows or the execution ends.
async fn drive(driven: Driven, mut answers: std::pin::Pin<Box<dyn futures::Stream<Item = (u64, Answer)> + Send>>) {
    loop {
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = driven.sender.closed() => {
                if driven.all.give_up(&driven.key) {
                    return;
                }
                continue;
            }
        };
        match answer {
            Some((sequence, answer)) if answer.executed && answer.response.errors.is_empty() => {
                let body = answer.body().into_owned();
                let _ = driven.sender.send(Arc::new(Told { sequence, body }));
            }
            // It ended or failed: those who follow begin anew by themselves.
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn key_of(text: &str, variables: serde_json::Value) -> Option<String> {
        key(
            &parse_query(text).unwrap(),
            text,
            None,
            &Variables::from_json(variables),
        )
    }

    #[test]
    fn only_public_fields_of_the_exchange_are_shared_whoever_resumes_where() {
        let book = "subscription($m: Bytes32!, $r: Long) { orderBook(market: $m, resumeFrom: $r) { sequence } }";
        let one = key_of(book, serde_json::json!({ "m": "0x01", "r": 5 })).unwrap();
        assert_eq!(key_of(book, serde_json::json!({ "m": "0x01", "r": 9 })).unwrap(), one);
        assert_eq!(key_of(book, serde_json::json!({ "m": "0x01" })).unwrap(), one);
        assert_ne!(key_of(book, serde_json::json!({ "m": "0x02" })).unwrap(), one);
        for own in [
            "subscription { myOrders { sequence } }",
            "subscription { orderBook(market: 1) { sequence } myOrders { sequence } }",
            "subscription { orderBook(market: 1) @skip(if: false) { sequence } }",
            "subscription { ...F } fragment F on Subscriptions { orderBook(market: 1) { sequence } }",
        ] {
            assert_eq!(key_of(own, serde_json::json!({})), None, "{own}");
        }
    }

    #[tokio::test]
    async fn who_follows_an_execution_that_panics_sees_its_end_and_can_begin_anew() {
        let all = Arc::new(SharedExecutions::default());
        let mut rest = all.follow("key", |_listens| {
            futures::stream::once(async { panic!("a resolver's defect") })
        });
        let ended = tokio::time::timeout(std::time::Duration::from_secs(60), rest.coming.recv());
        let ended = ended.await.expect("it ends");
        assert_eq!(ended.unwrap_err(), broadcast::error::RecvError::Closed);
        let mut begun = false;
        all.follow("key", |_listens| {
            begun = true;
            futures::stream::pending()
        });
        assert!(begun, "the key is free");
    }
}
