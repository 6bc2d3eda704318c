//! Backfill of 200,000 logs from the dev chain into the embedded log, against merely downloading the same headers, logs and receipts.
//!
//! The download asks in the same batches and as many at a time, reads every byte and looks at none. Prints the ratio of the two speeds;
//! the aim is 0.7. Both run three times, in turn, and the best of each counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, U256};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use souk_adapters::{ContractSet, WatchSet};
use souk_devstack::{Anvil, AnvilConfig, Mining, Postgres, PostgresConfig};
use souk_eventlog::{EmbeddedLog, EventLog};
use souk_indexer::{ChainSource, Finality, IndexerStatus, run};
use souk_schema::ChainId;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const BLOCKS: u64 = 1_000;
const TRANSACTIONS_PER_BLOCK: u64 = 10;
const LOGS_PER_TRANSACTION: u64 = 20;
const ROUNDS: usize = 3;
const BATCH: u64 = 64;
const PARALLEL: usize = 4;

/// Emits as many transfers as its input says; hex of the creation code, whose parts `tests/pipeline/chain.rs` explains.
const TOKEN: &str = "0x61003a80600c6000396000f3 6000355b80156038578033 7f\
    ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef 60206000a3 600190036003565b00";

struct Node {
    anvil: Anvil,
    client: reqwest::Client,
}

impl Node {
    async fn post(&self, body: &Value) -> Vec<u8> {
        let response = self
            .client
            .post(self.anvil.http_url())
            .json(body)
            .send()
            .await
            .expect("anvil answers");
        response.bytes().await.expect("anvil answers in full").to_vec()
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self
            .post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
            .await;
        let mut answer: Value = serde_json::from_slice(&answer).expect("anvil answers in JSON");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// A chain with 200,000 logs; returns the token and the head.
    async fn fill(&self) -> (Address, u64) {
        let from = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        let code: String = TOKEN.split_whitespace().collect();
        let hash = self
            .call(
                "eth_sendTransaction",
                json!([{ "from": from, "input": code, "gas": "0x100000" }]),
            )
            .await;
        self.call("evm_mine", json!([])).await;
        let receipt = self.call("eth_getTransactionReceipt", json!([hash])).await;
        let token: Address = receipt["contractAddress"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("the token is there");
        let input = format!("{:#066x}", U256::from(LOGS_PER_TRANSACTION));
        let transaction = json!([{ "from": from, "to": token, "input": input, "gas": "0x100000" }]);
        for _ in 0..BLOCKS {
            let send = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendTransaction", "params": transaction });
            self.post(&Value::Array(vec![send; TRANSACTIONS_PER_BLOCK as usize]))
                .await;
            self.call("evm_mine", json!([])).await;
        }
        (token, BLOCKS + 1)
    }

    /// Downloads headers, logs and receipts, and returns how many bytes they are.
    async fn download(&self, head: u64) -> usize {
        let call = |id: u64, method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let batch = |from: u64| {
            let numbers = from..(from + BATCH).min(head + 1);
            let headers = numbers
                .clone()
                .map(|n| call(n, "eth_getBlockByNumber", json!([format!("{n:#x}"), false])))
                .collect();
            let receipts = numbers
                .clone()
                .map(|n| call(n, "eth_getBlockReceipts", json!([format!("{n:#x}")])))
                .collect();
            let range =
                json!([{ "fromBlock": format!("{:#x}", numbers.start), "toBlock": format!("{:#x}", numbers.end - 1) }]);
            [
                Value::Array(headers),
                call(0, "eth_getLogs", range),
                Value::Array(receipts),
            ]
        };
        let requests = (0..=head).step_by(BATCH as usize).map(|from| async move {
            let mut bytes = 0;
            for request in batch(from) {
                bytes += self.post(&request).await.len();
            }
            bytes
        });
        stream::iter(requests)
            .buffered(PARALLEL)
            .fold(0, async |sum, bytes| sum + bytes)
            .await
    }
}

async fn backfill(source: &ChainSource, log: Arc<dyn EventLog>, head: u64) -> (Duration, IndexerStatus) {
    let (sender, mut status) = watch::channel(IndexerStatus::starting(source.chain));
    let cancel = CancellationToken::new();
    let begun = Instant::now();
    let task = tokio::spawn(run(source.clone(), log, sender, cancel.clone()));
    let reached = status
        .wait_for(|status| status.tail.is_some_and(|tail| tail.number == head))
        .await;
    let result = (begun.elapsed(), reached.expect("the indexer runs").clone());
    cancel.cancel();
    task.await
        .expect("the indexer does not panic")
        .expect("the indexer does not fail");
    result
}

#[tokio::main]
async fn main() {
    let config = AnvilConfig {
        mining: Mining::OnDemand,
        block_gas_limit: Some(1_000_000_000),
        ..AnvilConfig::default()
    };
    let anvil = Anvil::start(&config).await.expect("anvil starts");
    let node = Node {
        anvil,
        client: reqwest::Client::new(),
    };
    let server = Postgres::start(&PostgresConfig::throw_away())
        .await
        .expect("Postgres starts");
    let (token, head) = node.fill().await;
    let watch = WatchSet::new(vec![ContractSet::Erc20 { address: token }]).expect("one token can be watched");
    let url = node.anvil.http_url().parse().expect("a URL");
    let mut source = ChainSource::new(ChainId(31_337), vec![url], watch, 0);
    source.finality = Finality::Depth(64);

    let (mut downloads, mut backfills) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let begun = Instant::now();
        let bytes = node.download(head).await;
        downloads.push(begun.elapsed());
        let database = server
            .create_database(&format!("round_{round}"))
            .await
            .expect("a database");
        let pool = PgPool::connect(&database).await.expect("Postgres answers");
        let log = EmbeddedLog::connect(pool).await.expect("the log opens");
        let (took, status) = backfill(&source, Arc::new(log), head).await;
        backfills.push(took);
        let logs = status.totals.logs;
        assert_eq!(logs, BLOCKS * TRANSACTIONS_PER_BLOCK * LOGS_PER_TRANSACTION);
        let download = downloads[round];
        eprintln!(
            "round {round}: download of {} MB {download:?}, backfill of {logs} logs {took:?}",
            bytes >> 20
        );
    }
    let best = |times: &[Duration]| times.iter().min().map_or(f64::NAN, Duration::as_secs_f64);
    let (download, backfill) = (best(&downloads), best(&backfills));
    let (ratio, logs) = (
        download / backfill,
        BLOCKS * TRANSACTIONS_PER_BLOCK * LOGS_PER_TRANSACTION,
    );
    eprintln!(
        "backfill {:.0} logs/s = {ratio:.2} of a mere download (aim 0.7)",
        logs as f64 / backfill
    );
}
