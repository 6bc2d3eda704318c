//! Many ranges in parallel, handed out in order, bounded in number and in bytes.
//!
//! A range may come from another fork than the one before: whoever takes them checks that they link.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use super::{Fetched, Fetcher};
use crate::rpc::classify::CallError;
use crate::rpc::pool::Who;
use crate::source::Limits;
use crate::watch::WatchView;

/// Bytes that one range should come to.
const RANGE_BYTES: usize = 2 << 20;
const FIRST_RANGE_BLOCKS: u64 = 8;

type Range = Result<Vec<Fetched>, CallError>;

/// Fetches `next..=last`, several ranges at a time.
pub(crate) struct Ahead {
    fetcher: Arc<Fetcher>,
    limits: Limits,
    next: u64,
    last: u64,
    /// Blocks up to here are the same whichever endpoint is asked.
    settled: u64,
    range_blocks: u64,
    /// Bytes fetched and not yet taken.
    waiting_bytes: Arc<AtomicUsize>,
    tasks: VecDeque<JoinHandle<Range>>,
}

impl Ahead {
    /// `from..=to`; blocks up to `settled` may come from any endpoint.
    pub(crate) fn new(fetcher: Arc<Fetcher>, limits: Limits, from: u64, to: u64, settled: u64) -> Ahead {
        let (waiting_bytes, tasks) = (Arc::default(), VecDeque::new());
        Ahead {
            fetcher,
            limits,
            next: from,
            last: to,
            settled,
            range_blocks: FIRST_RANGE_BLOCKS,
            waiting_bytes,
            tasks,
        }
    }

    /// The next blocks; `None` after the last. What is still to be fetched is fetched with this view.
    pub(crate) async fn next(&mut self, view: &Arc<WatchView>) -> Option<Range> {
        self.start_tasks(view);
        let task = self.tasks.pop_front()?;
        let range = AbortOnDrop(task).await;
        if let Ok(blocks) = &range {
            let bytes: usize = blocks.iter().map(|block| block.bytes).sum();
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.adapt(blocks.len(), bytes);
        }
        self.start_tasks(view);
        Some(range)
    }

    fn adapt(&mut self, blocks: usize, bytes: usize) {
        let fitting = (RANGE_BYTES * blocks / bytes.max(1)) as u64;
        self.range_blocks = fitting.clamp(1, (self.range_blocks * 2).min(4 * self.limits.batch_calls as u64));
    }

    fn start_tasks(&mut self, view: &Arc<WatchView>) {
        while self.next <= self.last && self.has_room() {
            let (from, to) = (self.next, self.last.min(self.next + self.range_blocks - 1));
            let who = if to <= self.settled { Who::Any } else { Who::Best };
            let (fetcher, view, waiting) = (self.fetcher.clone(), view.clone(), self.waiting_bytes.clone());
            self.tasks.push_back(tokio::spawn(async move {
                let range = fetcher.range(who, from, to, &view).await;
                let bytes = range
                    .as_ref()
                    .map_or(0, |blocks| blocks.iter().map(|block| block.bytes).sum());
                waiting.fetch_add(bytes, Ordering::Relaxed);
                range
            }));
            self.next = to + 1;
        }
    }

    /// Whether another range may be fetched: always one, then as many as run in parallel, while what waits to be taken is not too much.
    fn has_room(&self) -> bool {
        let running = self.tasks.iter().filter(|task| !task.is_finished()).count();
        let waits_too_much =
            self.waiting_bytes.load(Ordering::Relaxed) + running * RANGE_BYTES >= self.limits.ahead_bytes;
        self.tasks.is_empty() || (running < self.limits.parallel_ranges && !waits_too_much)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A task that nobody waits for any more is of no use.
struct AbortOnDrop(JoinHandle<Range>);

impl Future for AbortOnDrop {
    type Output = Range;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Range> {
        let joined = std::task::ready!(std::pin::Pin::new(&mut self.0).poll(context));
        std::task::Poll::Ready(
            joined.unwrap_or_else(|failed| Err(CallError::invalid(format!("fetching a range failed: {failed}")))),
        )
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
