//! What callers have sent and the appender has not yet taken.

use souk_schema::exchange::{CommandBody, Source};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::SubmitError;
use crate::waiters::Reply;

/// A command that waits to be appended.
pub(crate) struct Queued {
    pub(crate) body: CommandBody,
    /// Whose it is, where it is not this gateway's.
    pub(crate) source: Option<Source>,
    pub(crate) reply: Reply,
}

/// The end of the queue that commands come out of. Whatever it holds when it is dropped was never sent, and its callers are told so.
pub(crate) struct Queue(mpsc::Receiver<Queued>);

impl Queue {
    /// A queue for so many commands; callers wait while it is full.
    pub(crate) fn new(commands: usize) -> (mpsc::Sender<Queued>, Queue) {
        let (sender, receiver) = mpsc::channel(commands);
        (sender, Queue(receiver))
    }

    /// Waits for commands and takes at most so many; 0 once nobody can submit any.
    pub(crate) async fn take(&mut self, into: &mut Vec<Queued>, most: usize) -> usize {
        self.0.recv_many(into, most).await
    }
}

impl Drop for Queue {
    /// A caller may have its place in the queue and not be in it yet, so looking once is not enough: one that came after the look would wait
    /// for as long as its own handle keeps the queue alive. A task stays behind until the last of them is through.
    fn drop(&mut self) {
        self.0.close();
        let (_, nothing) = mpsc::channel(1);
        let mut left = std::mem::replace(&mut self.0, nothing);
        // Outside of a runtime it is dropped, which lets those who are in it go as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                while let Some(queued) = left.recv().await {
                    let _ = queued.reply.send(Err(SubmitError::Stopped));
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    fn tick() -> (Queued, oneshot::Receiver<Result<crate::waiters::Decided, SubmitError>>) {
        let (reply, answer) = oneshot::channel();
        let queued = Queued {
            body: CommandBody::Tick,
            source: None,
            reply,
        };
        (queued, answer)
    }

    #[tokio::test]
    async fn whoever_is_in_the_queue_or_about_to_be_is_told_that_it_ended() {
        let (sender, queue) = Queue::new(4);
        let (first, first_answer) = tick();
        assert!(sender.send(first).await.is_ok());
        let place = sender.reserve().await.expect("room");
        drop(queue);
        // Whoever looks into the queue has looked by now.
        assert!(matches!(first_answer.await, Ok(Err(SubmitError::Stopped))));
        let (second, second_answer) = tick();
        place.send(second);
        let told = tokio::time::timeout(Duration::from_secs(10), second_answer).await;
        assert!(matches!(told, Ok(Ok(Err(SubmitError::Stopped)))), "{told:?}");
        assert!(sender.send(tick().0).await.is_err(), "nobody joins later");
    }
}
