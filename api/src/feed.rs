//! Tells subscriptions that a chain's tables changed: one connection listens for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use souk_schema::ChainId;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

/// The channel on which the projector says that it committed; the payload is the chain's number.
const CHANNEL: &str = "souk_projection";

/// How long a lost notification can go unnoticed.
const FALLBACK: Duration = Duration::from_secs(1);

/// How many subscriptions read the tables at the same time; the others wait their turn.
const READING_AT_ONCE: usize = 4;

/// Changes of chains. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    chains: Mutex<HashMap<ChainId, watch::Sender<()>>>,
    turns: Semaphore,
    stopped: CancellationToken,
}

/// Changes of one chain.
pub struct Changes {
    receiver: watch::Receiver<()>,
    stopped: CancellationToken,
}

impl Feed {
    /// Starts listening, until `cancel`.
    pub fn start(pool: PgPool, cancel: CancellationToken) -> Feed {
        let inner = Inner {
            chains: Mutex::default(),
            turns: Semaphore::new(READING_AT_ONCE),
            stopped: cancel,
        };
        let feed = Feed(Arc::new(inner));
        tokio::spawn(listen(pool, feed.clone()));
        feed
    }

    /// The changes of a chain from now on.
    pub fn changes(&self, chain: ChainId) -> Changes {
        let mut chains = self.0.chains.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = chains.entry(chain).or_default().subscribe();
        Changes {
            receiver,
            stopped: self.0.stopped.clone(),
        }
    }

    /// Waits for a turn to read the tables; none once the server stops.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.0.turns.acquire().await.ok()
    }

    fn changed(&self, chain: ChainId) {
        let mut chains = self.0.chains.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody follows the chain any more: the next who does makes a new entry.
        chains.retain(|_, sender| sender.receiver_count() > 0);
        if let Some(sender) = chains.get(&chain) {
            sender.send_replace(());
        }
    }
}

impl Changes {
    /// Waits until something may have changed; false once the server stops.
    pub async fn wait(&mut self) -> bool {
        tokio::select! {
            _ = tokio::time::timeout(FALLBACK, self.receiver.changed()) => !self.stopped.is_cancelled(),
            () = self.stopped.cancelled() => false,
        }
    }
}

async fn listen(pool: PgPool, feed: Feed) {
    while !feed.0.stopped.is_cancelled() {
        let listening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            loop {
                let notification = listener.recv().await?;
                if let Ok(chain) = notification.payload().parse() {
                    feed.changed(ChainId(chain));
                }
            }
        };
        let ended: Result<(), sqlx::Error> = tokio::select! {
            ended = listening => ended,
            () = feed.0.stopped.cancelled() => return,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "subscriptions hear of changes once a second until the database answers again");
        }
        tokio::time::sleep(FALLBACK).await;
    }
}
