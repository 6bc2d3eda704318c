//! What the log costs over the plain way of moving the same bytes on the same server, in one run: raw COPY into and out of a table of the same
//! form, a plain producer and consumer. `cargo bench -p souk-eventlog`
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use futures::TryStreamExt;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use souk_devstack::{Kafka, KafkaConfig, Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog, KafkaLog, KafkaOptions, NewRecord, ReadLimits, StreamName};
use sqlx::PgPool;
use sqlx::postgres::PgPoolCopyExt;

const RECORDS: u64 = 100_000;
const RECORD_BYTES: usize = 1000;
const BATCH: usize = 1000;

#[tokio::main]
async fn main() {
    let records: Vec<NewRecord> = (0..RECORDS).map(record).collect();
    println!(
        "{RECORDS} records of {RECORD_BYTES} bytes, {BATCH} in an append, {} in a read",
        LIMITS.max_records
    );
    embedded(&records).await;
    kafka(&records).await;
}

const LIMITS: ReadLimits = ReadLimits {
    max_records: 5000,
    max_bytes: 8 << 20,
};

fn record(number: u64) -> NewRecord {
    let mut payload = BytesMut::with_capacity(RECORD_BYTES);
    let mut state = number;
    while payload.len() < RECORD_BYTES {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        payload.put_u64(state);
    }
    NewRecord {
        headers: vec![("ce_type".into(), "block".into()), ("ce_id".into(), number.to_string())],
        payload: payload.freeze(),
    }
}

fn report(what: &str, time: Duration, plain: &str, plain_time: Duration) {
    let rate = |time: Duration| {
        let mebibytes = RECORDS as f64 * RECORD_BYTES as f64 / f64::from(1 << 20);
        (RECORDS as f64 / time.as_secs_f64(), mebibytes / time.as_secs_f64())
    };
    let ((records, bytes), (_, plain_bytes)) = (rate(time), rate(plain_time));
    let ratio = plain_time.as_secs_f64() / time.as_secs_f64();
    println!(
        "{what:<16} {records:>9.0} records/s {bytes:>7.1} MiB/s   {plain:<14} {plain_bytes:>7.1} MiB/s   ratio {ratio:.2}"
    );
}

async fn append_all(log: &dyn EventLog, stream: &StreamName, records: &[NewRecord]) -> Duration {
    let mut writer = log.open_writer(stream).await.expect("opened");
    let batches: Vec<Vec<NewRecord>> = records.chunks(BATCH).map(<[NewRecord]>::to_vec).collect();
    let begun = Instant::now();
    for batch in batches {
        writer.append(batch).await.expect("appended");
    }
    begun.elapsed()
}

async fn read_all(log: &dyn EventLog, stream: &StreamName) -> Duration {
    let begun = Instant::now();
    let mut next = 0;
    while next < RECORDS {
        let records = log.read(stream, next, LIMITS).await.expect("read");
        assert_eq!(records[0].sequence, next);
        next += records.len() as u64;
    }
    begun.elapsed()
}

/// Times of single appends of one small record: middle and 99th percentile.
async fn latency(log: &dyn EventLog, backend: &str) {
    const APPENDS: usize = 300;
    let mut writer = log
        .open_writer(&StreamName::new("latency").expect("valid"))
        .await
        .expect("opened");
    let mut times = Vec::new();
    for number in 0..APPENDS as u64 {
        let begun = Instant::now();
        writer.append(vec![record(number)]).await.expect("appended");
        times.push(begun.elapsed());
    }
    times.sort();
    println!(
        "{backend} append of one record: p50 {:?}, p99 {:?}",
        times[APPENDS / 2],
        times[APPENDS * 99 / 100]
    );
}

async fn embedded(records: &[NewRecord]) {
    let config = PostgresConfig {
        fsync: true,
        ..PostgresConfig::throw_away()
    };
    let postgres = Postgres::start(&config).await.expect("Postgres starts");
    let url = postgres.create_database("bench").await.expect("made");
    let pool = PgPool::connect(&url).await.expect("connected");
    let log = EmbeddedLog::connect(pool.clone()).await.expect("migrated");
    let stream = StreamName::new("bench").expect("valid");

    let append = append_all(&log, &stream, records).await;
    sqlx::raw_sql("CREATE TABLE plain (LIKE log.record INCLUDING ALL)")
        .execute(&pool)
        .await
        .expect("made");
    let rows = copy_of(records);
    let begun = Instant::now();
    let mut copy = pool
        .copy_in_raw("COPY plain (stream_id, sequence, headers, payload) FROM STDIN (FORMAT binary)")
        .await
        .expect("begun");
    for piece in rows.chunks(1 << 18) {
        copy.send(piece).await.expect("sent");
    }
    assert_eq!(copy.finish().await.expect("copied"), RECORDS);
    report("embedded append", append, "COPY in", begun.elapsed());

    let read = read_all(&log, &stream).await;
    let begun = Instant::now();
    let statement = "COPY (SELECT sequence, headers, payload FROM plain ORDER BY sequence) TO STDOUT (FORMAT binary)";
    let mut pieces = pool.copy_out_raw(statement).await.expect("begun");
    let mut bytes = 0;
    while let Some(piece) = pieces.try_next().await.expect("read") {
        bytes += piece.len();
    }
    assert!(bytes > records.len() * RECORD_BYTES);
    report("embedded read", read, "COPY out", begun.elapsed());
    latency(&log, "embedded").await;
}

/// The same rows as one binary COPY.
fn copy_of(records: &[NewRecord]) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for (sequence, record) in (0_i64..).zip(records) {
        out.put_i16(4);
        for number in [1, sequence] {
            out.put_i32(8);
            out.put_i64(number);
        }
        let texts: Vec<&String> = record.headers.iter().flat_map(|(name, value)| [name, value]).collect();
        let array_bytes: usize = 20 + texts.iter().map(|text| 4 + text.len()).sum::<usize>();
        for number in [array_bytes, 1, 0, 25, texts.len(), 1] {
            out.put_u32(u32::try_from(number).expect("small"));
        }
        for text in texts {
            out.put_u32(u32::try_from(text.len()).expect("small"));
            out.put_slice(text.as_bytes());
        }
        out.put_u32(u32::try_from(record.payload.len()).expect("small"));
        out.put_slice(&record.payload);
    }
    out.put_i16(-1);
    out
}

async fn kafka(records: &[NewRecord]) {
    let broker = Kafka::start(&KafkaConfig::default()).await.expect("Kafka starts");
    let log = KafkaLog::connect(&broker.bootstrap(), KafkaOptions::default())
        .await
        .expect("connected");
    let stream = StreamName::new("bench").expect("valid");
    let append = append_all(&log, &stream, records).await;
    // A topic with the same settings.
    let plain = StreamName::new("plain").expect("valid");
    drop(log.open_writer(&plain).await.expect("opened"));
    let produced = produce(&broker.bootstrap(), records);
    report("kafka append", append, "plain producer", produced);
    let read = read_all(&log, &stream).await;
    report("kafka read", read, "plain consumer", consume(&broker.bootstrap()));
    latency(&log, "kafka").await;
    let begun = Instant::now();
    const SEEKS: u64 = 20;
    for seek in 0..SEEKS {
        let from = seek * 7919 % RECORDS;
        let one = ReadLimits {
            max_records: 1,
            max_bytes: 0,
        };
        assert_eq!(log.read(&stream, from, one).await.expect("read")[0].sequence, from);
    }
    println!(
        "kafka read of one record anywhere: {:?}",
        begun.elapsed() / u32::try_from(SEEKS).expect("few")
    );
}

fn produce(bootstrap: &str, records: &[NewRecord]) -> Duration {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .expect("configured");
    let begun = Instant::now();
    for record in records {
        let message = BaseRecord::<(), [u8]>::to("souk.plain")
            .partition(0)
            .payload(&record.payload);
        producer.send(message).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(Duration::from_secs(60)).expect("sent");
    begun.elapsed()
}

fn consume(bootstrap: &str) -> Duration {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "plain")
        .create()
        .expect("configured");
    let mut start = TopicPartitionList::new();
    start
        .add_partition_offset("souk.plain", 0, Offset::Beginning)
        .expect("valid");
    consumer.assign(&start).expect("assigned");
    let begun = Instant::now();
    let mut bytes = 0;
    for _ in 0..RECORDS {
        let message = consumer
            .poll(Duration::from_secs(30))
            .expect("in time")
            .expect("readable");
        bytes += message.payload_len();
    }
    assert_eq!(bytes as u64, RECORDS * RECORD_BYTES as u64);
    begun.elapsed()
}
