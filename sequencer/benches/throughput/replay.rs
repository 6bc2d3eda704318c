//! A million commands through the log, then decided anew from it, beside the engine fed from memory.

use std::time::{Duration, Instant};

use souk_eventlog::{EventLog, ReadLimits, StreamName};
use souk_exchange::Engine;
use souk_sequencer::{GroupConfig, record};

use crate::trade::{GROUP, place};
use crate::{Server, commands, meeting_orders, rate, row, traders};

const COMMANDS: usize = 1_000_000;

/// What is asked of a replay.
const LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn measure(server: &Server) {
    // Hashes are taken and compared as ever; there is no snapshot to start from.
    let config = GroupConfig {
        snapshot_every: 0,
        tick_every: Duration::ZERO,
        ..GroupConfig::new(GROUP)
    };
    let running = server.run(config.clone()).await;
    running.open(&traders(), 10_000).await;
    let begun = Instant::now();
    let took = running.submit(meeting_orders(COMMANDS).map(place)).await;
    running.published().await;
    commands("the embedded log", COMMANDS, took, begun.elapsed());
    running.stop().await;

    let begun = Instant::now();
    let running = server.run(config).await;
    assert!(running.group.running().await);
    let recovery = running.group.status().borrow().recovery.expect("running");
    running.published().await;
    let compared = begun.elapsed();
    running.stop().await;
    let alone = engine_alone(&*server.log().await).await;
    println!(
        "replay of {COMMANDS} commands: {recovery:?}, {:.0}/s, compared with all events after {compared:?}; decoded and decided from memory: \
         {alone:?}; ratio {:.2}",
        rate(COMMANDS, recovery),
        alone.as_secs_f64() / recovery.as_secs_f64()
    );
    row(
        [
            "replay of 1 M commands",
            &format!("{:.1} s", recovery.as_secs_f64()),
            "limit",
            &format!("{} s", LIMIT.as_secs()),
        ],
        LIMIT.as_secs_f64() / recovery.as_secs_f64(),
        "≥ 1",
        recovery <= LIMIT,
    );
}

async fn engine_alone(log: &dyn EventLog) -> Duration {
    let stream = StreamName::new(GROUP.command_stream()).expect("valid");
    let limits = ReadLimits {
        max_records: 1_000,
        max_bytes: 16 << 20,
    };
    let mut records = Vec::new();
    loop {
        let more = log.read(&stream, records.len() as u64, limits).await.expect("read");
        if more.is_empty() {
            break;
        }
        records.extend(more);
    }
    let mut engine = Engine::new();
    let begun = Instant::now();
    for stored in &records {
        let batch = record::commands(&stream, stored).expect("decoded");
        for command in &batch.commands {
            let mut events = Vec::new();
            // Refusals are outcomes.
            let _ = engine.apply(command, batch.written_at, &mut events);
        }
    }
    begun.elapsed()
}
