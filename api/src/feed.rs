//! Tells subscriptions that tables changed, those of a chain or of a group of the exchange: one connection listens for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use souk_schema::ChainId;
use souk_schema::exchange::GroupId;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

/// The channel on which the projector says that it committed; the payload is the chain's number.
const CHANNEL: &str = "souk_projection";

/// Whose tables changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Those of a chain.
    Chain(ChainId),
    /// Those of a group of the exchange.
    Group(GroupId),
}

/// How long a lost notification can go unnoticed.
const FALLBACK: Duration = Duration::from_secs(1);

/// How many subscriptions read the tables at the same time; the others wait their turn.
const READING_AT_ONCE: usize = 4;

/// Changes of tables. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    subjects: Mutex<HashMap<Subject, watch::Sender<()>>>,
    turns: Semaphore,
    stopped: CancellationToken,
}

/// Changes of one subject.
pub struct Changes {
    receiver: watch::Receiver<()>,
    stopped: CancellationToken,
}

impl Feed {
    /// Starts listening, until `cancel`.
    pub fn start(pool: PgPool, cancel: CancellationToken) -> Feed {
        let inner = Inner {
            subjects: Mutex::default(),
            turns: Semaphore::new(READING_AT_ONCE),
            stopped: cancel,
        };
        let feed = Feed(Arc::new(inner));
        tokio::spawn(listen(pool, feed.clone()));
        feed
    }

    /// The changes of a subject from now on.
    pub fn changes(&self, subject: Subject) -> Changes {
        let mut subjects = self.0.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = subjects.entry(subject).or_default().subscribe();
        Changes {
            receiver,
            stopped: self.0.stopped.clone(),
        }
    }

    /// Waits for a turn to read the tables; none once the server stops.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.0.turns.acquire().await.ok()
    }

    fn changed(&self, subject: Subject) {
        let mut subjects = self.0.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody follows the subject any more: the next who does makes a new entry.
        subjects.retain(|_, sender| sender.receiver_count() > 0);
        if let Some(sender) = subjects.get(&subject) {
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
            listener.listen_all([CHANNEL, souk_ledger::store::CHANNEL]).await?;
            loop {
                let notification = listener.recv().await?;
                let payload = notification.payload();
                let subject = if notification.channel() == CHANNEL {
                    payload.parse().map(|chain| Subject::Chain(ChainId(chain)))
                } else {
                    payload.parse().map(|group| Subject::Group(GroupId(group)))
                };
                if let Ok(subject) = subject {
                    feed.changed(subject);
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
