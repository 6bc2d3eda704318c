//! What only the log in Kafka can meet: topics that others made, consumers that others wrote, requests that fail.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use souk_eventlog::{EventLog, KafkaLog, KafkaOptions, LogError, StreamName};

use crate::backend::Backend;
use crate::support::{append_until_done, record, records, stream, text};

/// Topic properties.
type Settings = &'static [(&'static str, &'static str)];

async fn make_topic(bootstrap: &str, stream: &StreamName, partitions: i32, settings: Settings) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("configured");
    let name = format!("souk.{stream}");
    let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    for (property, value) in settings {
        topic = topic.set(property, value);
    }
    let made = admin
        .create_topics([&topic], &AdminOptions::new())
        .await
        .expect("answered");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

pub async fn a_topic_that_would_lose_records_is_refused(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let wrong: [(i32, Settings, &str); 4] = [
        (1, &[("retention.ms", "604800000")], "retention.ms"),
        (1, &[("retention.bytes", "1000000")], "retention.bytes"),
        (1, &[("cleanup.policy", "compact")], "cleanup.policy"),
        (2, &[], "2 partitions"),
    ];
    for (partitions, settings, named) in wrong {
        let stream = stream("topic");
        make_topic(&backend.address(), &stream, partitions, settings).await;
        let Err(error) = log.open_writer(&stream).await else {
            panic!("{named} was taken");
        };
        for error in [error, log.append_shared(&stream, text("x")).await.expect_err("refused")] {
            assert!(
                matches!(error, LogError::Corrupt { .. }) && error.to_string().contains(named),
                "{error}"
            );
        }
    }
    let stream = stream("topic");
    make_topic(
        &backend.address(),
        &stream,
        1,
        &[("retention.ms", "-1"), ("segment.bytes", "1048576")],
    )
    .await;
    let mut writer = log
        .open_writer(&stream)
        .await
        .expect("a topic that keeps everything is fine");
    assert_eq!(writer.append(text("kept")).await.expect("appended"), 0);
}

/// The headers and payloads of a topic's first messages, as any consumer sees them; fails if another one follows.
fn messages_of(bootstrap: &str, stream: &StreamName, count: usize) -> (Vec<String>, Vec<Vec<u8>>) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "other")
        .set("isolation.level", "read_committed")
        .create()
        .expect("configured");
    let mut start = TopicPartitionList::new();
    start
        .add_partition_offset(&format!("souk.{stream}"), 0, Offset::Beginning)
        .expect("valid");
    consumer.assign(&start).expect("assigned");
    let mut seen = Vec::new();
    while seen.len() < count {
        let message = consumer
            .poll(Duration::from_secs(20))
            .expect("in time")
            .expect("readable");
        let value = |header: Header<'_, &[u8]>| {
            format!(
                "{}={}",
                header.key,
                String::from_utf8_lossy(header.value.expect("a value"))
            )
        };
        let all: Vec<_> = message
            .headers()
            .into_iter()
            .flat_map(Headers::iter)
            .map(value)
            .collect();
        seen.push((all.join(" "), message.payload().expect("there").to_vec()));
    }
    assert!(
        consumer.poll(Duration::from_secs(1)).is_none(),
        "more messages than expected"
    );
    seen.into_iter().unzip()
}

pub async fn a_message_carries_what_other_consumers_need(backend: &mut dyn Backend) {
    let log = backend.connect().await;
    let stream = stream("message");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let large = record(1, 2_000_000);
    writer
        .append(vec![record(0, 10), large.clone()])
        .await
        .expect("appended");
    writer.append(vec![record(2, 10)]).await.expect("appended");
    let (seen, parts) = messages_of(&backend.address(), &stream, 5);
    let payload: Vec<u8> = seen
        .iter()
        .zip(&parts)
        .filter(|(headers, _)| headers.contains("souk-log-sequence=1"))
        .flat_map(|(_, part)| part.clone())
        .collect();
    assert_eq!(
        seen,
        [
            "ce_id=0 souk-log-sequence=0",
            "ce_id=1 souk-log-sequence=1 souk-log-part=0/3",
            "souk-log-sequence=1 souk-log-part=1/3",
            "souk-log-sequence=1 souk-log-part=2/3",
            "ce_id=2 souk-log-sequence=2",
        ]
    );
    assert!(payload == large.payload);
}

pub async fn settings_that_cannot_work_are_told_from_brokers_that_are_away(backend: &mut dyn Backend) {
    let with = |name: &str, value: &str| KafkaOptions {
        client: [(name.to_owned(), value.to_owned())].into(),
        patience: Duration::from_secs(2),
        ..KafkaOptions::default()
    };
    for (name, value) in [
        ("no.such.property", "1"),
        ("security.protocol", "carrier pigeon"),
        ("ssl.ca.location", "/nowhere"),
    ] {
        let mut options = with(name, value);
        if name.starts_with("ssl") {
            options.client.insert("security.protocol".into(), "ssl".into());
        }
        let Err(error) = KafkaLog::connect(&backend.address(), options).await else {
            panic!("{name} = {value} was taken");
        };
        assert!(matches!(error, LogError::Misconfigured { .. }), "{name}: {error:?}");
    }
    // One broker is too few for three copies, also after it was asked for as long as brokers may need to come back.
    let copies = KafkaOptions {
        replication: 3,
        ..with("client.id", "test")
    };
    let log = KafkaLog::connect(&backend.address(), copies).await.expect("connected");
    let Err(error) = log.open_writer(&stream("copies")).await else {
        panic!("three copies on one broker");
    };
    assert!(
        matches!(error, LogError::Misconfigured { .. }) && error.to_string().contains("replication"),
        "{error:?}"
    );
    let nobody = format!("127.0.0.1:{}", souk_devstack::free_port().expect("a port"));
    let Err(error) = KafkaLog::connect(&nobody, with("client.id", "test")).await else {
        panic!("nobody listens there");
    };
    assert!(error.retryable(), "{error:?}");
    let secret = format!("{:?}", with("sasl.password", "hunter2"));
    assert!(
        secret.contains("sasl.password") && !secret.contains("hunter2"),
        "{secret}"
    );
}

/// The mock cluster marks no transaction's end, so the log cannot be read back from it, and only what is repeated inside a transaction
/// can be tried on it; what is aborted is tried on the real broker, by killing it.
pub async fn log_2_a_broker_that_fails_requests_makes_no_duplicates(_: &mut dyn Backend) {
    use RDKafkaApiKey::{AddPartitionsToTxn, EndTxn, InitProducerId, ListOffsets, Produce};
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR__TRANSPORT as DISCONNECT, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS as BUSY,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS as LOADING,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR as NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS as TOO_FEW,
        RD_KAFKA_RESP_ERR_PRODUCER_FENCED as FENCED, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT as TIMED_OUT,
    };
    let mock = MockCluster::new(1).expect("a mock cluster");
    let stream = stream("mock");
    mock.create_topic(&format!("souk.{stream}"), 1, 1).expect("made");
    let options = KafkaOptions {
        manage_topics: false,
        patience: Duration::from_secs(10),
        ..KafkaOptions::default()
    };
    let log = KafkaLog::connect(&mock.bootstrap_servers(), options)
        .await
        .expect("connected");
    mock.request_errors(InitProducerId, &[BUSY, LOADING]);
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let faults: [(RDKafkaApiKey, &[RDKafkaRespErr]); 7] = [
        (AddPartitionsToTxn, &[BUSY, BUSY]),
        (AddPartitionsToTxn, &[NOT_COORDINATOR]),
        (Produce, &[TOO_FEW, TIMED_OUT]),
        (Produce, &[DISCONNECT]),
        (EndTxn, &[LOADING, BUSY]),
        (EndTxn, &[DISCONNECT, NOT_COORDINATOR]),
        (ListOffsets, &[DISCONNECT]),
    ];
    let mut next = 0;
    for (request, errors) in faults {
        mock.request_errors(request, errors);
        assert_eq!(
            append_until_done(&mut *writer, &records(next..next + 2, 100)).await,
            next
        );
        next += 2;
        mock.clear_request_errors(request);
    }
    // No answer to the commit for longer than a call's patience: unknown until the same append is asked for again.
    mock.request_errors(EndTxn, &[LOADING; 400]);
    let error = writer
        .append(records(next..next + 2, 100))
        .await
        .expect_err("no answer");
    assert!(error.retryable(), "{error}");
    mock.clear_request_errors(EndTxn);
    assert_eq!(
        append_until_done(&mut *writer, &records(next..next + 2, 100)).await,
        next
    );
    next += 2;
    let expected: Vec<_> = (0..next)
        .map(|number| format!("ce_id={number} souk-log-sequence={number}"))
        .collect();
    assert_eq!(
        messages_of(&mock.bootstrap_servers(), &stream, expected.len()).0,
        expected
    );

    mock.request_errors(EndTxn, &[FENCED]);
    for _ in 0..2 {
        let error = writer.append(text("late")).await.expect_err("fenced");
        assert!(matches!(error, LogError::Fenced { .. }), "{error}");
    }
}

/// librdkafka gives a producer up for other reasons than a fence, too. Its successor must find out whether the last commit counted.
pub async fn log_2_a_dead_producer_is_replaced_and_the_tail_decides(_: &mut dyn Backend) {
    use RDKafkaApiKey::{AddPartitionsToTxn, EndTxn};
    const DEADLY: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
    let mock = MockCluster::new(1).expect("a mock cluster");
    let options = KafkaOptions {
        manage_topics: false,
        patience: Duration::from_secs(20),
        ..KafkaOptions::default()
    };
    let log = KafkaLog::connect(&mock.bootstrap_servers(), options)
        .await
        .expect("connected");
    // The producer dies before anything is sent, or with all sent and its commit counted, or with another's record in its place.
    for (request, counted, intruder) in [
        (AddPartitionsToTxn, false, false),
        (EndTxn, true, false),
        (AddPartitionsToTxn, false, true),
    ] {
        let stream = stream("dead");
        let topic = format!("souk.{stream}");
        mock.create_topic(&topic, 1, 1).expect("made");
        let mut writer = log.open_writer(&stream).await.expect("opened");
        mock.request_errors(request, &[DEADLY]);
        let error = writer.append(text("once")).await.expect_err("the producer died");
        assert!(error.retryable(), "{error}");
        if intruder {
            produce(&mock.bootstrap_servers(), &topic, "intruder", Some("0"));
        }
        if counted || intruder {
            // In the place of the marker, which a mock cluster does not write.
            produce(&mock.bootstrap_servers(), &topic, "marker", None);
        }
        let appended = writer.append(text("once")).await;
        if intruder {
            let error = appended.expect_err("another writer has been there");
            assert!(matches!(error, LogError::Fenced { .. }), "{error}");
            continue;
        }
        assert_eq!(appended.expect("settled or appended"), 0);
        let expected: &[&[u8]] = if counted { &[b"once", b"marker"] } else { &[b"once"] };
        assert_eq!(
            messages_of(&mock.bootstrap_servers(), &stream, expected.len()).1,
            expected
        );
    }
}

fn produce(bootstrap: &str, topic: &str, payload: &str, sequence: Option<&str>) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("configured");
    let mut record = BaseRecord::<(), str>::to(topic).partition(0).payload(payload);
    let header = |value| {
        OwnedHeaders::new().insert(Header {
            key: "souk-log-sequence",
            value: Some(value),
        })
    };
    record.headers = sequence.map(header).or_else(|| Some(OwnedHeaders::new()));
    producer.send(record).map_err(|(error, _)| error).expect("queued");
    producer.flush(Duration::from_secs(60)).expect("sent");
}
