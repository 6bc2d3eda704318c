//! What the chain's head is: announcements over WebSocket as a wake-up, polling as the safety net.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::fetch::{Fetcher, Sealed};
use crate::rpc::Announcement;
use crate::rpc::classify::CallError;

pub(super) struct Heads {
    announced: watch::Receiver<Option<Announcement>>,
    poll_interval: Duration,
    next_poll: Instant,
}

impl Heads {
    pub(super) fn new(mut announced: watch::Receiver<Option<Announcement>>, poll_interval: Duration) -> Heads {
        announced.mark_unchanged();
        Heads {
            announced,
            poll_interval,
            next_poll: Instant::now(),
        }
    }

    /// Asks again at once instead of at the next poll.
    pub(super) fn hurry(&mut self) {
        self.next_poll = Instant::now();
    }

    /// Waits for the next news of the head.
    pub(super) async fn next(&mut self, fetcher: &Fetcher) -> Result<Sealed, CallError> {
        tokio::select! {
            biased;
            Ok(()) = self.announced.changed() => {
                if let Some(head) = self.taken(fetcher).await {
                    return Ok(head);
                }
            }
            () = sleep_until(self.next_poll) => {}
        }
        let latest = fetcher.latest().await;
        self.next_poll = Instant::now() + self.poll_interval;
        latest
    }

    /// The announced header, if it can be taken as it is: from the endpoint that is followed, and proved.
    async fn taken(&mut self, fetcher: &Fetcher) -> Option<Sealed> {
        let announcement = self.announced.borrow_and_update().clone()?;
        let block = announcement.block?;
        fetcher.pool.note_head(announcement.endpoint, block.number);
        if !fetcher.pool.is_best(announcement.endpoint).await {
            return None;
        }
        fetcher.seal(block).ok()
    }
}
