//! LOG-2: a record acknowledged is never lost, reordered or there twice, whoever dies.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use souk_eventlog::LogError;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::backend::Backend;
use crate::child::{BATCH, FLAG, RECORD_BYTES};
use crate::support::{ALL, Random, append_until_done, assert_same, read_all, records, retry, stored, stream, text};

pub async fn log_2_a_second_writer_fences_the_first(backend: &mut dyn Backend) {
    let (one, two) = (backend.connect().await, backend.connect().await);
    let stream = stream("fence");
    let mut first = one.open_writer(&stream).await.expect("opened");
    assert_eq!(first.append(text("a")).await.expect("appended"), 0);
    let mut second = two.open_writer(&stream).await.expect("opened");
    assert_eq!(second.next_sequence(), 1, "the tail is read after the fence");
    for _ in 0..2 {
        let error = first.append(text("late")).await.expect_err("fenced");
        assert!(matches!(error, LogError::Fenced { .. }), "{error}");
        assert!(!error.retryable());
    }
    assert_eq!(second.append(text("b")).await.expect("appended"), 1);
    let error = first.append(text("later")).await.expect_err("fenced");
    assert!(matches!(error, LogError::Fenced { .. }), "{error}");
    assert_eq!(second.append(text("c")).await.expect("appended"), 2);
    let found = one.read(&stream, 0, ALL).await.expect("read");
    let payloads: Vec<_> = found.iter().map(|record| &record.payload[..]).collect();
    assert_eq!(payloads, [b"a", b"b", b"c"]);
}

pub async fn log_2_fencing_holds_through_many_takeovers(backend: &mut dyn Backend) {
    let logs = [backend.connect().await, backend.connect().await];
    let stream = stream("takeover");
    let mut earlier = Vec::new();
    let mut expected = 0;
    for round in 0..8 {
        let mut writer = logs[round % 2].open_writer(&stream).await.expect("opened");
        assert_eq!(writer.next_sequence(), expected);
        writer
            .append(records(expected..expected + 2, 50))
            .await
            .expect("appended");
        expected += 2;
        for writer in &mut earlier {
            let writer: &mut Box<dyn souk_eventlog::StreamWriter> = writer;
            let error = writer.append(text("late")).await.expect_err("fenced");
            assert!(matches!(error, LogError::Fenced { .. }), "{error}");
        }
        earlier.push(writer);
    }
    assert_same(
        &read_all(&*logs[0], &stream, 0).await,
        &stored(0, &records(0..expected, 50)),
    );
}

pub async fn log_2_an_unfinished_append_is_never_visible(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("unfinished");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    writer.append(text("a")).await.expect("appended");
    let unfinished = backend.unfinished_append(&stream, 1).await;
    let fresh = backend.connect().await;
    for reader in [&log, &fresh] {
        assert_eq!(reader.read(&stream, 0, ALL).await.expect("read").len(), 1);
        assert_eq!(reader.read(&stream, 1, ALL).await.expect("read"), []);
        assert_eq!(reader.next_sequence(&stream).await.expect("asked"), 1);
        assert!(
            !reader
                .wait_beyond(&stream, 1, Duration::from_millis(300))
                .await
                .expect("waited")
        );
    }
    // The one that stands still in the middle does not keep its successor out.
    let begun = Instant::now();
    let mut successor = fresh.open_writer(&stream).await.expect("opened");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "opened after {:?}",
        begun.elapsed()
    );
    assert_eq!(successor.next_sequence(), 1);
    for reader in [&log, &fresh] {
        assert_eq!(reader.next_sequence(&stream).await.expect("asked"), 1);
        assert_eq!(reader.read(&stream, 1, ALL).await.expect("read"), []);
    }
    drop(unfinished);
    assert_eq!(successor.append(text("b")).await.expect("appended"), 1);
    for reader in [log, fresh, backend.connect().await] {
        let found = reader.read(&stream, 0, ALL).await.expect("read");
        assert_same(&found, &stored(0, &[text("a"), text("b")].concat()));
    }
    let error = writer.append(text("late")).await.expect_err("fenced");
    assert!(matches!(error, LogError::Fenced { .. }), "{error}");
}

pub async fn log_2_a_dropped_append_is_settled_before_the_next(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("dropped");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let mut random = Random(3);
    let mut expected = Vec::new();
    let mut lost = 0;
    for _ in 0..40 {
        let next = writer.next_sequence();
        let batch = records(next..next + 3, 20_000);
        let limit = Duration::from_micros(random.below(15_000));
        let dropped = tokio::time::timeout(limit, writer.append(batch.clone())).await.is_err();
        let batch = if dropped && random.below(4) == 0 {
            // Other records this time. If the dropped append did take effect, this must not hide it.
            let other = text("other");
            match writer.append(other.clone()).await {
                Err(LogError::WriterLost { .. }) => {
                    lost += 1;
                    writer = log.open_writer(&stream).await.expect("opened again");
                    assert_eq!(writer.next_sequence(), next + 3);
                    batch
                }
                appended => {
                    assert_eq!(appended.expect("appended"), next);
                    other
                }
            }
        } else {
            if dropped {
                assert_eq!(append_until_done(&mut *writer, &batch).await, next);
            }
            batch
        };
        expected.extend(stored(next, &batch));
        assert_eq!(writer.next_sequence(), expected.len() as u64);
    }
    assert_same(&read_all(&*log, &stream, 0).await, &expected);
    assert!(lost < 40);
}

pub async fn log_2_a_killed_writer_leaves_whole_appends_only(backend: &mut dyn Backend) {
    let stream = stream("killed");
    let program = std::env::current_exe().expect("this program");
    let log = backend.connect().await;
    let mut random = Random(4);
    let mut acknowledged = 0_u64;
    for _ in 0..5 {
        let mut child = tokio::process::Command::new(&program)
            .args([FLAG, backend.name(), &backend.address(), stream.as_str()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next_line().await.expect("readable").expect("it appends");
        acknowledged = line.parse().expect("a sequence");
        tokio::time::sleep(Duration::from_millis(random.below(250))).await;
        child.kill().await.expect("killed");
        while let Some(line) = lines.next_line().await.expect("readable") {
            acknowledged = line.parse().expect("a sequence");
        }
        let tail = log.next_sequence(&stream).await.expect("asked");
        assert!(tail >= acknowledged, "{acknowledged} acknowledged, {tail} there");
        assert_eq!(tail % BATCH, 0, "part of an append is visible");
    }
    let writer = log.open_writer(&stream).await.expect("opened");
    let tail = writer.next_sequence();
    assert!(
        tail >= acknowledged && tail.is_multiple_of(BATCH),
        "{acknowledged} acknowledged, {tail} there"
    );
    for from in 0..tail {
        let limits = souk_eventlog::ReadLimits {
            max_records: 1,
            max_bytes: usize::MAX,
        };
        let found = log.read(&stream, from, limits).await.expect("read");
        assert_same(&found, &stored(from, &records(from..from + 1, RECORD_BYTES)));
    }
}

pub async fn log_2_acknowledged_records_survive_kill_9(backend: &mut dyn Backend) {
    let stream = stream("durable");
    let shared = self::stream("durable-shared");
    let log = backend.connect().await;
    for round in 0..3_u64 {
        let mut writer = retry(async || log.open_writer(&stream).await).await;
        assert_eq!(writer.next_sequence(), round * 10);
        append_until_done(&mut *writer, &records(round * 10..round * 10 + 10, 1000)).await;
        retry(async || log.append_shared(&shared, records(round..round + 1, 1000)).await).await;
        backend.kill().await;
        backend.start_again().await;
        let expected = stored(0, &records(0..(round + 1) * 10, 1000));
        let found = retry(async || log.read(&stream, 0, ALL).await).await;
        assert_same(&found, &expected);
        assert_same(&read_all(&*backend.connect().await, &stream, 0).await, &expected);
        let found = read_all(&*log, &shared, 0).await;
        assert_same(&found, &stored(0, &records(0..round + 1, 1000)));
    }
}

pub async fn a_stopped_backend_is_unavailable_and_comes_back(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("stopped");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    writer.append(records(0..1, 100)).await.expect("appended");
    let changed = self::stream("changed");
    let mut changing = log.open_writer(&changed).await.expect("opened");
    changing.append(text("a")).await.expect("appended");
    backend.stop().await;
    // An append waits or fails, and never claims to be done.
    let batch = records(1..4, 100);
    let other = self::stream("other");
    let (append, change, read, next, open, append_shared) = tokio::join!(
        writer.append(batch.clone()),
        changing.append(text("never")),
        log.read(&stream, 0, ALL),
        log.next_sequence(&stream),
        log.open_writer(&other),
        log.append_shared(&other, text("x")),
    );
    let errors = [
        append.err(),
        change.err(),
        read.err(),
        next.err(),
        open.err(),
        append_shared.err(),
    ];
    for error in errors.map(|error| error.expect("nobody is there to answer")) {
        assert!(
            matches!(error, LogError::Unavailable { .. }) && error.retryable(),
            "{error:?}"
        );
    }
    backend.start_again().await;
    let long = Duration::from_secs(60);
    let (came, first) = tokio::join!(
        retry(async || log.wait_beyond(&stream, 3, long).await),
        append_until_done(&mut *writer, &batch),
    );
    assert!(came, "who waits survives the stop as well");
    assert_eq!(first, 1);
    let found = retry(async || log.read(&stream, 0, ALL).await).await;
    assert_same(&found, &stored(0, &records(0..4, 100)));
    // Who changes its mind about what failed may append something else: nobody was there to store it.
    assert_eq!(append_until_done(&mut *changing, &text("b")).await, 1);
    assert_eq!(changing.append(text("c")).await.expect("appended"), 2);
    let found = read_all(&*log, &changed, 0).await;
    assert_same(&found, &stored(0, &[text("a"), text("b"), text("c")].concat()));
}

pub async fn log_2_an_append_is_there_once_whatever_died_in_the_middle(backend: &mut dyn Backend) {
    const KILLS: u32 = 6;
    let stream = stream("once");
    let log = backend.connect().await;
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let done = AtomicBool::new(false);
    let append = async {
        let mut next = 0;
        while !done.load(Ordering::Relaxed) {
            let batch = records(next..next + 4, 30_000);
            assert_eq!(append_until_done(&mut *writer, &batch).await, next);
            next += 4;
        }
        next
    };
    let kill = async {
        let mut random = Random(5);
        for kill in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(100 + random.below(400))).await;
            if kill % 3 == 2 {
                backend.stop().await;
            } else {
                backend.kill().await;
            }
            backend.start_again().await;
            let tail = retry(async || log.next_sequence(&stream).await).await;
            assert_eq!(tail % 4, 0, "part of an append is visible");
        }
        // It must go on after the last kill, too.
        let tail = retry(async || log.next_sequence(&stream).await).await;
        let long = Duration::from_secs(60);
        assert!(retry(async || log.wait_beyond(&stream, tail + 8, long).await).await);
        done.store(true, Ordering::Relaxed);
    };
    let (appended, ()) = tokio::join!(append, kill);
    assert_same(
        &read_all(&*log, &stream, 0).await,
        &stored(0, &records(0..appended, 30_000)),
    );
    let half = appended / 2;
    let found = read_all(&*backend.connect().await, &stream, half).await;
    assert_same(&found, &stored(half, &records(half..appended, 30_000)));
}
