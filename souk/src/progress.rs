//! How far the indexers are: a bar with rate and time left on a terminal, log lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use souk_indexer::{IndexerStatus, Phase};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often a log line says how far a backfill is.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the progress of any number of chains.
pub struct Progress {
    bars: Option<MultiProgress>,
    cancel: CancellationToken,
}

impl Progress {
    /// Starts without a chain.
    pub fn start(cancel: CancellationToken) -> Progress {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Progress { bars, cancel }
    }

    /// Follows one chain's indexer until it ends.
    pub fn follow(&mut self, status: watch::Receiver<IndexerStatus>) {
        let cancel = self.cancel.clone();
        match &self.bars {
            Some(bars) => tokio::spawn(draw(bars.add(bar()), status, cancel)),
            None => tokio::spawn(write_lines(status, cancel)),
        };
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:32} {pos}/{len} blocks {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

async fn draw(bar: ProgressBar, mut status: watch::Receiver<IndexerStatus>, cancel: CancellationToken) {
    bar.set_prefix(format!("chain {}", status.borrow().chain));
    loop {
        {
            let status = status.borrow_and_update();
            match status.phase {
                Phase::Live => bar.set_message("live"),
                _ => bar.set_message(how_fast(&status)),
            }
            bar.set_length(status.head.map_or(0, |head| head.number));
            bar.set_position(status.tail.map_or(0, |tail| tail.number));
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            changed = status.changed() => if changed.is_err() { break },
        }
    }
    bar.finish_and_clear();
}

async fn write_lines(mut status: watch::Receiver<IndexerStatus>, cancel: CancellationToken) {
    let mut said = None;
    let mut phase = Phase::Starting;
    loop {
        {
            let status = status.borrow_and_update();
            let due = said.is_none_or(|said: Instant| said.elapsed() >= LINE_INTERVAL);
            if status.phase != phase || (due && status.phase == Phase::Backfilling) {
                (said, phase) = (Some(Instant::now()), status.phase);
                let (tail, head) = (status.tail.map(|tail| tail.number), status.head.map(|head| head.number));
                tracing::info!(chain = status.chain.0, tail, head, "{phase:?}: {}", how_fast(&status));
            }
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            changed = status.changed() => if changed.is_err() { break },
        }
    }
}

fn how_fast(status: &IndexerStatus) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are for people"
    )]
    let whole = |rate: f64| HumanCount(rate as u64);
    let left = status
        .eta_secs
        .map(|secs| format!(", {} left", HumanDuration(Duration::from_secs(secs))))
        .unwrap_or_default();
    format!(
        "{} blocks/s, {} logs/s{left}",
        whole(status.blocks_per_sec),
        whole(status.logs_per_sec)
    )
}
