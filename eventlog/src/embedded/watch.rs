//! Wakes those who wait for records: one connection listens for every append's notification. A wake-up is a hint; who is woken looks at
//! the table. When a notification is lost with its connection, polling finds the record a moment later.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinHandle;

use crate::StreamName;

/// How long a record can go unnoticed when its notification was lost, and how long until listening is tried again.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Stream names that can wait for a slow waiter before it is told to look anyway.
const BACKLOG: usize = 256;

/// The listening task; ends when dropped.
#[derive(Debug)]
pub(super) struct Watch {
    appended: broadcast::Sender<String>,
    task: JoinHandle<()>,
}

/// One waiter's view. Notifications since its making are kept for it, so none falls between looking and waiting.
pub(super) struct Appends(broadcast::Receiver<String>);

impl Watch {
    pub(super) fn start(pool: &PgPool) -> Watch {
        let (appended, _) = broadcast::channel(BACKLOG);
        // A connection of its own: one of the pool's, held for ever, would be missing there.
        let own = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with((*pool.connect_options()).clone());
        let task = tokio::spawn(listen(own, appended.clone()));
        Watch { appended, task }
    }

    pub(super) fn subscribe(&self) -> Appends {
        Appends(self.appended.subscribe())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Appends {
    /// Returns when the stream may have grown, or after the polling interval.
    pub(super) async fn next_on(&mut self, stream: &StreamName) {
        let named = async {
            loop {
                match self.0.recv().await {
                    Ok(name) if name != stream.as_str() => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(POLL_INTERVAL, named).await;
    }
}

async fn listen(pool: PgPool, appended: broadcast::Sender<String>) {
    loop {
        if let Err(error) = relay(&pool, &appended).await {
            tracing::debug!(%error, "not listening for appends, polling meanwhile");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn relay(pool: &PgPool, appended: &broadcast::Sender<String>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("souk_log").await?;
    loop {
        let notification = listener.recv().await?;
        // An error means that nobody waits.
        let _ = appended.send(notification.payload().to_owned());
    }
}
