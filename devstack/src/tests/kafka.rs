//! Tries to lose what a broker acknowledged.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::place::throw_away;

const TOPIC: &str = "kept";

fn client(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap());
    config
}

async fn make_topic(kafka: &Kafka) {
    let admin: AdminClient<DefaultClientContext> = client(kafka).create().expect("configured");
    let topic = NewTopic::new(TOPIC, 1, TopicReplication::Fixed(1));
    let answers = admin
        .create_topics([&topic], &AdminOptions::new())
        .await
        .expect("answered");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

async fn produce(kafka: &Kafka, numbers: std::ops::Range<u32>) {
    let producer: FutureProducer = client(kafka)
        .set("enable.idempotence", "true")
        .create()
        .expect("configured");
    for number in numbers {
        let payload = number.to_be_bytes();
        let record = FutureRecord::<(), _>::to(TOPIC).payload(&payload[..]);
        producer
            .send(record, Duration::from_secs(20))
            .await
            .expect("acknowledged");
    }
}

fn read_all(kafka: &Kafka) -> Vec<u32> {
    let consumer: BaseConsumer = client(kafka)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .create()
        .expect("configured");
    let (_, end) = consumer
        .fetch_watermarks(TOPIC, 0, Duration::from_secs(20))
        .expect("answered");
    let mut from_start = TopicPartitionList::new();
    from_start
        .add_partition_offset(TOPIC, 0, Offset::Beginning)
        .expect("valid");
    consumer.assign(&from_start).expect("assigned");
    (0..end)
        .map(|_| {
            let message = consumer
                .poll(Duration::from_secs(20))
                .expect("in time")
                .expect("readable");
            u32::from_be_bytes(message.payload().expect("a payload").try_into().expect("four bytes"))
        })
        .collect()
}

#[tokio::test]
async fn acknowledged_records_survive_kill9_and_stop_at_the_same_address() {
    let mut kafka = Kafka::start(&KafkaConfig::default()).await.expect("starts");
    let bootstrap = kafka.bootstrap();
    make_topic(&kafka).await;
    produce(&kafka, 0..100).await;
    kafka.kill9().await;
    assert!(!kafka.is_running());
    kafka.restart().await.expect("recovers");
    assert_eq!(read_all(&kafka), (0..100).collect::<Vec<_>>());
    produce(&kafka, 100..120).await;
    kafka.restart().await.expect("starts again");
    assert_eq!(read_all(&kafka), (0..120).collect::<Vec<_>>());
    assert_eq!(kafka.bootstrap(), bootstrap);
}

#[tokio::test]
async fn a_new_life_of_the_folder_keeps_its_port_unless_that_is_taken() {
    let dir = throw_away().expect("a folder");
    let config = KafkaConfig {
        dir: Some(dir.path().into()),
        ..KafkaConfig::default()
    };
    let first = Kafka::start(&config).await.expect("starts");
    assert!(matches!(Kafka::start(&config).await, Err(Error::Busy(_))));
    let bootstrap = first.bootstrap();
    drop(first);
    assert_eq!(
        Kafka::start(&config).await.expect("starts again").bootstrap(),
        bootstrap
    );

    let _squatter = std::net::TcpListener::bind(&bootstrap).expect("free again");
    assert_ne!(
        Kafka::start(&config).await.expect("starts elsewhere").bootstrap(),
        bootstrap
    );
}

#[tokio::test]
async fn an_interrupted_format_is_done_again() {
    let dir = throw_away().expect("a folder");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("made");
    fs::write(data.join("meta.properties"), "version=1\n").expect("written");
    let config = KafkaConfig {
        dir: Some(dir.path().into()),
        ..KafkaConfig::default()
    };
    Kafka::start(&config).await.expect("formats and starts");
}
