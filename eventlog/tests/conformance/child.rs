//! A writer in a process of its own, to be killed. It appends for ever and prints what was acknowledged.

use std::io::Write;

use souk_eventlog::StreamName;

use crate::backend::connect;
use crate::support::records;

/// Records in one append: a kill must leave all of them or none.
pub const BATCH: u64 = 5;

/// Bytes of each, more than one Kafka message takes, so that most of the time is spent in the middle of an append.
pub const RECORD_BYTES: usize = 1_200_000;

pub const FLAG: &str = "--child-writer";

pub struct Orders {
    backend: String,
    address: String,
    stream: StreamName,
}

/// `--child-writer <backend> <address> <stream>`
pub fn orders(arguments: &[String]) -> Option<Orders> {
    let [flag, backend, address, stream] = arguments else {
        return None;
    };
    (flag == FLAG).then(|| Orders {
        backend: backend.clone(),
        address: address.clone(),
        stream: StreamName::new(stream).expect("the parent's name"),
    })
}

pub async fn append_until_killed(orders: Orders) {
    let log = connect(&orders.backend, &orders.address).await;
    let mut writer = log.open_writer(&orders.stream).await.expect("opened");
    loop {
        let next = writer.next_sequence();
        writer
            .append(records(next..next + BATCH, RECORD_BYTES))
            .await
            .expect("appended");
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", next + BATCH)
            .and_then(|()| out.flush())
            .expect("the parent listens");
    }
}
