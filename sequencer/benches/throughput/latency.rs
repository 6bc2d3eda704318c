//! One command at a time, durable and decided, beside one bare append to the same log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_eventlog::{NewRecord, StreamName};
use souk_sequencer::GroupConfig;

use crate::trade::{GROUP, place};
use crate::{Server, meeting_orders, row, traders};

const ROUNDS: usize = 1_000;

/// What is asked of a command's p99, in group commits' p99.
const RATIO: f64 = 2.0;

pub(crate) async fn measure(server: &Server) {
    let running = server.run(GroupConfig::new(GROUP)).await;
    running.open(&traders(), 10_000).await;
    let log = Arc::clone(&running.log);
    let bare = StreamName::new("bare").expect("valid");
    let payload = NewRecord {
        headers: Vec::new(),
        payload: vec![7; 400].into(),
    };
    let (mut alone, mut submitted) = (Vec::new(), Vec::new());
    for order in meeting_orders(ROUNDS) {
        // Nothing else commits meanwhile.
        running.published().await;
        let begun = Instant::now();
        log.append_shared(&bare, vec![payload.clone()]).await.expect("appended");
        alone.push(begun.elapsed());
        let begun = Instant::now();
        let outcome = running.group.submit(place(order)).await.expect("decided");
        submitted.push(begun.elapsed());
        outcome.result.expect("accepted");
    }
    alone.sort();
    submitted.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let both = |part: usize| {
        (
            millis(submitted[ROUNDS * part / 100]),
            millis(alone[ROUNDS * part / 100]),
        )
    };
    let ((p50, bare_p50), (p99, bare_p99)) = (both(50), both(99));
    let ratio = p99 / bare_p99;
    println!(
        "durable submit: p50 {p50:.2} ms, p99 {p99:.2} ms; bare group commit: p50 {bare_p50:.2} ms, p99 {bare_p99:.2} ms; ratio p50 {:.2}, \
         p99 {ratio:.2}",
        p50 / bare_p50
    );
    row(
        [
            "durable acknowledgement, p99",
            &format!("{p99:.2} ms"),
            "one group commit",
            &format!("{bare_p99:.2} ms"),
        ],
        ratio,
        "≤ 2",
        ratio <= RATIO,
    );
    running.stop().await;
}
