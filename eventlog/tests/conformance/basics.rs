//! What a log does when nothing goes wrong.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use souk_eventlog::{LogError, MAX_HEADER_BYTES, NewRecord, ReadLimits, StreamName};

use crate::backend::Backend;
use crate::support::{ALL, Random, assert_same, read_all, record, records, stored, stream, text};

pub async fn records_come_back_in_order_without_gaps(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("order");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let mut random = Random(1);
    let mut expected = Vec::new();
    while expected.len() < 600 {
        let next = expected.len() as u64;
        assert_eq!(writer.next_sequence(), next);
        let size = usize::try_from(random.below(3000)).expect("small");
        let batch = records(next..next + 1 + random.below(60), size);
        assert_eq!(writer.append(batch.clone()).await.expect("appended"), next);
        expected.extend(stored(next, &batch));
        // What was acknowledged is seen at once.
        assert_eq!(log.next_sequence(&stream).await.expect("asked"), expected.len() as u64);
    }
    assert_same(&read_all(&*log, &stream, 0).await, &expected);
    let other = backend.connect().await;
    assert_same(&other.read(&stream, 0, ALL).await.expect("read"), &expected);
    drop(writer);
    let writer = other.open_writer(&stream).await.expect("opened again");
    assert_eq!(writer.next_sequence(), expected.len() as u64);
}

pub async fn reading_resumes_from_any_sequence(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("resume");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let mut expected = Vec::new();
    for size in [1, 1, 7, 40, 2, 100, 1, 30] {
        let next = expected.len() as u64;
        let batch = records(next..next + size, 500);
        writer.append(batch.clone()).await.expect("appended");
        expected.extend(stored(next, &batch));
    }
    let end = expected.len();
    let mut random = Random(2);
    let inner = (0..25)
        .map(|_| random.below(end as u64))
        .chain([0, 1, 2, 8, 9, 10, end as u64 - 1]);
    for from in inner {
        let fresh = backend.connect().await;
        let limits = ReadLimits {
            max_records: 3,
            max_bytes: usize::MAX,
        };
        let at = usize::try_from(from).expect("small");
        let found = fresh.read(&stream, from, limits).await.expect("read");
        assert_same(&found, &expected[at..end.min(at + 3)]);
        let next = from + found.len() as u64;
        assert_same(
            &fresh.read(&stream, next, ALL).await.expect("read on"),
            &expected[at + found.len()..],
        );
    }
    for beyond in [end as u64, end as u64 + 1, end as u64 + 1000, u64::MAX] {
        assert_eq!(
            backend.connect().await.read(&stream, beyond, ALL).await.expect("read"),
            []
        );
        assert_eq!(log.read(&stream, beyond, ALL).await.expect("read"), []);
    }
}

pub async fn limits_hold_and_one_record_always_comes(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("limits");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    writer.append(records(0..20, 1000)).await.expect("appended");
    for (max_records, max_bytes, expected) in [
        (7, usize::MAX, 7),
        (usize::MAX, 5000, 5),
        (usize::MAX, 5999, 5),
        (3, 5000, 3),
        (1, 1, 1),
        (5, 0, 1),
        (0, 5000, 1),
        (100, 100_000, 20),
    ] {
        let limits = ReadLimits { max_records, max_bytes };
        let found = log.read(&stream, 0, limits).await.expect("read");
        assert_eq!(found.len(), expected, "{limits:?}");
    }
    let limits = ReadLimits {
        max_records: 1,
        max_bytes: 0,
    };
    assert_eq!(log.read(&stream, 20, limits).await.expect("read"), []);
}

pub async fn a_stream_without_records_is_empty(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("empty");
    for opened in [false, true] {
        if opened {
            let mut writer = log.open_writer(&stream).await.expect("opened");
            assert_eq!(writer.next_sequence(), 0);
            assert_eq!(writer.append(Vec::new()).await.expect("nothing appended"), 0);
        }
        assert_eq!(log.next_sequence(&stream).await.expect("asked"), 0);
        assert_eq!(log.read(&stream, 0, ALL).await.expect("read"), []);
        let begun = Instant::now();
        let limit = Duration::from_millis(300);
        assert!(!log.wait_beyond(&stream, 0, limit).await.expect("waited"));
        assert!(begun.elapsed() >= limit);
        assert!(!log.streams().await.expect("listed").contains(&stream));
    }
}

pub async fn headers_come_back_as_they_were(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("headers");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let batch: Vec<NewRecord> = [
        vec![],
        vec![header("ce_type", "org.example.happened"), header("ce_id", "1")],
        vec![header("b", "2"), header("a", "1"), header("b", "1"), header("b", "2")],
        vec![
            header("größe", "日本語 \u{1F40E}"),
            header("empty", ""),
            header("quotes", "\"{},\\' \n\t NULL"),
        ],
        vec![header("long", &"x".repeat(MAX_HEADER_BYTES - 4))],
    ]
    .into_iter()
    .map(|headers| NewRecord {
        headers,
        payload: Default::default(),
    })
    .collect();
    let mut writer = log.open_writer(&stream).await.expect("opened");
    writer.append(batch.clone()).await.expect("appended");
    assert_same(&log.read(&stream, 0, ALL).await.expect("read"), &stored(0, &batch));
}

pub async fn what_no_record_can_have_is_refused_with_nothing_written(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let (fenced, shared) = (stream("refused"), stream("refused"));
    let mut writer = log.open_writer(&fenced).await.expect("opened");
    for (name, value) in [
        ("", "no name"),
        ("souk-log-sequence", "7"),
        ("nul\0", ""),
        ("nul", "\0"),
        ("long", &"x".repeat(MAX_HEADER_BYTES)),
    ] {
        let bad = NewRecord {
            headers: vec![(name.into(), value.into())],
            payload: Default::default(),
        };
        let batch = vec![record(0, 10), bad];
        for error in [
            writer.append(batch.clone()).await.expect_err("refused"),
            log.append_shared(&shared, batch).await.expect_err("refused"),
        ] {
            assert!(
                matches!(error, LogError::InvalidHeader { .. } | LogError::TooLarge { .. }),
                "{name:?}: {error}"
            );
            assert!(!error.retryable());
        }
    }
    assert_eq!(writer.append(text("good")).await.expect("appended"), 0);
    assert_eq!(log.append_shared(&shared, text("good")).await.expect("appended"), 0);
}

pub async fn names_that_no_stream_can_have_are_refused(_: &mut dyn Backend) {
    for name in [
        "",
        ".",
        "..",
        "-a",
        "_a",
        "A",
        "a b",
        "a/b",
        "größe",
        "a\n",
        "a'",
        &"a".repeat(201),
    ] {
        let error = StreamName::new(name).expect_err("refused");
        assert!(matches!(error, LogError::InvalidName { .. }), "{name:?}: {error}");
    }
    for name in ["a", "0", "chain.eip155-1.g2", "a_b-c.d", &"a".repeat(200)] {
        assert_eq!(StreamName::new(name).expect("valid").as_str(), name);
    }
}

pub async fn a_waiter_wakes_when_its_record_comes(backend: &mut dyn Backend) {
    let (log, other) = (backend.connect().await, backend.connect().await);
    let stream = stream("wait");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let long = Duration::from_secs(30);
    let mut delays = Vec::new();
    for round in 0..4 {
        // The first wait begins before the stream has anything; the last is for a record that comes with the second append.
        let wanted = if round == 3 { round + 1 } else { round };
        let (waiter, name) = (other.clone(), stream.clone());
        let waiting = tokio::spawn(async move {
            let came = waiter.wait_beyond(&name, wanted, long).await.expect("waited");
            (came, Instant::now())
        });
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!waiting.is_finished(), "woke before record {wanted}");
        while writer.next_sequence() <= wanted {
            let next = writer.next_sequence();
            writer.append(records(next..next + 1, 100)).await.expect("appended");
        }
        let appended = Instant::now();
        let (came, woke) = waiting.await.expect("no panic");
        assert!(came);
        delays.push(woke.saturating_duration_since(appended));
        assert_eq!(other.read(&stream, wanted, ALL).await.expect("read").len(), 1);
    }
    // A wake-up that came from polling alone would take longer. The machine may be busy now and then, so the quickest counts.
    assert!(
        delays.iter().min() < Some(&Duration::from_millis(150)),
        "woke {delays:?} after the appends"
    );
    assert!(
        delays.iter().max() < Some(&Duration::from_secs(30)),
        "woke {delays:?} after the appends"
    );
    let begun = Instant::now();
    assert!(
        other.wait_beyond(&stream, 0, long).await.expect("waited"),
        "an old record is there"
    );
    assert!(begun.elapsed() < long);
    assert!(
        !other
            .wait_beyond(&stream, 5, Duration::from_millis(50))
            .await
            .expect("waited")
    );
}

pub async fn a_record_of_64_mib_comes_back_whole(backend: &mut dyn Backend) {
    const LARGE: usize = 64 << 20;
    let log = backend.connect().await;
    let stream = stream("large");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let sizes = [100, LARGE, 3_000_000, 100];
    let batch: Vec<_> = (0..).zip(sizes).map(|(number, bytes)| record(number, bytes)).collect();
    writer.append(batch[..1].to_vec()).await.expect("appended");
    writer.append(batch[1..].to_vec()).await.expect("appended");
    let limits = ReadLimits {
        max_records: 10,
        max_bytes: 1 << 20,
    };
    let expected = stored(0, &batch);
    for reader in [log, backend.connect().await] {
        for from in [1, 0, 2, 3] {
            let found = reader.read(&stream, from as u64, limits).await.expect("read");
            assert_same(&found, &expected[from..=from]);
        }
    }
    let reopened = backend.connect().await.open_writer(&stream).await.expect("opened");
    assert_eq!(reopened.next_sequence(), 4);
}

pub async fn many_writers_share_a_stream(backend: &mut dyn Backend) {
    const WRITERS: u64 = 8;
    const APPENDS: u64 = 25;
    let stream = stream("shared");
    let log = backend.connect().await;
    let logs = join_all((0..3).map(|_| backend.connect())).await;
    let writers = (0..WRITERS).map(|writer| {
        let (log, stream) = (logs[usize::try_from(writer % 3).expect("small")].clone(), &stream);
        async move {
            let mut firsts = Vec::new();
            for append in 0..APPENDS {
                let id = writer * 1000 + append * 3;
                let batch = records(id..id + 1 + append % 3, 200);
                firsts.push((id, log.append_shared(stream, batch).await.expect("appended")));
            }
            firsts
        }
    });
    let firsts: HashMap<u64, u64> = join_all(writers).await.into_iter().flatten().collect();
    let found = read_all(&*log, &stream, 0).await;
    let total: u64 = (0..APPENDS).map(|append| 1 + append % 3).sum::<u64>() * WRITERS;
    assert_eq!(found.len() as u64, total);
    assert_eq!(log.next_sequence(&stream).await.expect("asked"), total);
    let mut last_of_writer = HashMap::new();
    for (sequence, stored) in (0..).zip(&found) {
        assert_eq!(stored.sequence, sequence, "gapless");
        let id: u64 = stored.headers[0].1.parse().expect("our id");
        assert!(stored.payload == record(id, 200).payload);
        let earlier = last_of_writer.insert(id / 1000, id);
        assert!(earlier < Some(id), "{id} came after {earlier:?} of the same writer");
        if let Some(first) = firsts.get(&id) {
            assert_eq!(*first, sequence, "the sequence that append_shared returned for {id}");
        }
    }
    let middle = found.len() / 2;
    let found_from_middle = read_all(&*backend.connect().await, &stream, middle as u64).await;
    assert_same(&found_from_middle, &found[middle..]);
    assert!(
        log.wait_beyond(&stream, total - 1, Duration::from_secs(60))
            .await
            .expect("waited")
    );
}

pub async fn a_stream_has_one_writer_or_many(backend: &mut dyn Backend) {
    let (fenced, shared) = (stream("one"), stream("many"));
    let log = backend.connect().await;
    let mut writer = log.open_writer(&fenced).await.expect("opened");
    writer.append(text("one")).await.expect("appended");
    log.append_shared(&shared, text("many")).await.expect("appended");
    for log in [log, backend.connect().await] {
        let error = log.append_shared(&fenced, text("no")).await.expect_err("refused");
        assert!(matches!(error, LogError::WrongWriter { .. }), "{error}");
        let Err(error) = log.open_writer(&shared).await else {
            panic!("a writer was opened on a stream of many");
        };
        assert!(matches!(error, LogError::WrongWriter { .. }), "{error}");
        assert_eq!(log.next_sequence(&fenced).await.expect("asked"), 1);
        assert_eq!(log.next_sequence(&shared).await.expect("asked"), 1);
    }
    assert_eq!(
        writer
            .append(text("two"))
            .await
            .expect("not fenced by what was refused"),
        1
    );
}

pub async fn streams_are_listed_once_they_have_records(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let names = [stream("list-b"), stream("list-a"), stream("list.c")];
    for name in &names {
        assert!(!log.streams().await.expect("listed").contains(name));
        log.append_shared(name, text("there")).await.expect("appended");
    }
    let listed = backend.connect().await.streams().await.expect("listed");
    assert!(names.iter().all(|name| listed.contains(name)), "{listed:?}");
    assert!(listed.is_sorted(), "{listed:?}");
}

pub async fn memory_is_bounded_however_much_is_appended_and_read(backend: &mut dyn Backend) {
    const APPENDS: u64 = 48;
    const BYTES: usize = 8 << 20;
    const ALLOWED: usize = 160 << 20;
    let log = backend.connect().await;
    let stream = stream("memory");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let before = reset_peak_memory();
    for number in 0..APPENDS {
        writer
            .append(records(number..number + 1, BYTES))
            .await
            .expect("appended");
    }
    let mut next = 0;
    let limits = ReadLimits {
        max_records: 1000,
        max_bytes: 2 * BYTES,
    };
    while next < APPENDS {
        let found = log.read(&stream, next, limits).await.expect("read");
        assert!((1..=2).contains(&found.len()), "{} records in one read", found.len());
        next += found.len() as u64;
    }
    let grown = peak_memory().saturating_sub(before);
    let total = usize::try_from(APPENDS).expect("small") * BYTES;
    assert!(
        grown < ALLOWED,
        "{} MiB for {} MiB of records",
        grown >> 20,
        total >> 20
    );
}

/// Bytes that this process has in memory now, from where its peak counts anew.
fn reset_peak_memory() -> usize {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux resets the peak");
    peak_memory()
}

fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the peak");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}
