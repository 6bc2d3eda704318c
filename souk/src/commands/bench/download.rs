//! The peer of the backfill: merely downloading the same blocks from the same node, as fast as the same concurrency allows.
//!
//! It reads the JSON into the structs that the indexer reads it into and drops them: no proof, no order, no log, no tables.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt};
use reqwest::Client;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use souk_adapters::Decoder;
use souk_indexer::rpc::wire::{Answer, WireBlock, WireFoundLog, WireReceipt};
use souk_indexer::{ChainSource, Limits};

/// Logs that one range should come to: what the indexer's ranges come to.
const RANGE_LOGS: u64 = 4_000;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Headers, logs by `eth_getLogs`, receipts: what a reader of logs downloads that also proves them.
    HeadersLogsReceipts,
    /// Headers and receipts, which hold the logs: no more than what the indexer itself asks for.
    HeadersReceipts,
}

/// What was downloaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Downloaded {
    /// Headers.
    pub blocks: u64,
    /// Logs in the receipts.
    pub logs: u64,
    /// Logs that are watched, if they were asked for by themselves.
    pub watched: u64,
}

/// A client of one node.
#[derive(Clone)]
pub struct Downloader {
    client: Client,
    url: String,
    /// The filter asks for every address with every topic; this tells which of the pairs are watched.
    decoder: Arc<Decoder>,
    filter: Value,
    parallel: usize,
    batch_calls: usize,
}

impl Downloader {
    /// A downloader of what the source watches, with the indexer's own limits.
    ///
    /// # Errors
    /// One line when no HTTP client can be made.
    pub fn new(url: String, source: &ChainSource) -> Result<Downloader> {
        let Limits {
            parallel_ranges: parallel,
            batch_calls,
            request_timeout_secs,
            ..
        } = source.limits;
        let client = Client::builder()
            .timeout(Duration::from_secs(request_timeout_secs))
            .tcp_nodelay(true)
            .build()?;
        let decoder = Decoder::new(&source.watch);
        let addresses: Vec<_> = decoder.watched_addresses().collect();
        let filter = json!({ "address": addresses, "topics": [decoder.watched_topics()] });
        Ok(Downloader {
            client,
            url,
            decoder: Arc::new(decoder),
            filter,
            parallel,
            batch_calls,
        })
    }

    /// Downloads the blocks `from..=to`, of which it is known how many logs they hold in all.
    ///
    /// # Errors
    /// One line when the node fails or leaves something out.
    pub async fn run(&self, what: What, from: u64, to: u64, logs: u64) -> Result<Downloaded> {
        let fitting = RANGE_LOGS * (to - from + 1) / logs.max(1);
        let length = fitting.clamp(1, self.batch_calls as u64);
        let ranges = (from..=to).step_by(usize::try_from(length)?).map(|first| {
            let (downloader, last) = (self.clone(), to.min(first + length - 1));
            async move { tokio::spawn(async move { downloader.range(what, first, last).await }).await? }
        });
        let sum = |sum: Downloaded, range: Downloaded| async move {
            Ok(Downloaded {
                blocks: sum.blocks + range.blocks,
                logs: sum.logs + range.logs,
                watched: sum.watched + range.watched,
            })
        };
        futures::stream::iter(ranges)
            .buffer_unordered(self.parallel)
            .try_fold(Downloaded::default(), sum)
            .await
    }

    async fn range(&self, what: What, from: u64, to: u64) -> Result<Downloaded> {
        let numbers = || (from..=to).map(|number| format!("{number:#x}"));
        let headers = numbers().map(|number| json!([number, false])).collect();
        let headers: Vec<WireBlock> = self.ask("eth_getBlockByNumber", headers).await?;
        let mut watched = 0;
        if what == What::HeadersLogsReceipts {
            let mut filter = self.filter.clone();
            filter["fromBlock"] = format!("{from:#x}").into();
            filter["toBlock"] = format!("{to:#x}").into();
            let found: Vec<Vec<WireFoundLog>> = self.ask("eth_getLogs", vec![json!([filter])]).await?;
            let is_watched = |log: &&WireFoundLog| self.decoder.watches(&log.address, &log.topics);
            watched = found.iter().flatten().filter(is_watched).count() as u64;
        }
        let receipts = numbers().map(|number| json!([number])).collect();
        let receipts: Vec<Vec<WireReceipt>> = self.ask("eth_getBlockReceipts", receipts).await?;
        let logs = receipts.iter().flatten().map(|receipt| receipt.logs.len() as u64).sum();
        Ok(Downloaded {
            blocks: headers.len() as u64,
            logs,
            watched,
        })
    }

    /// One batch of calls of a method, parsed off the async threads.
    async fn ask<T: DeserializeOwned + Send + 'static>(&self, method: &str, params: Vec<Value>) -> Result<Vec<T>> {
        let count = params.len();
        let call =
            |(id, params): (usize, Value)| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let calls: Vec<Value> = params.into_iter().enumerate().map(call).collect();
        let body = serde_json::to_vec(&calls)?;
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body);
        let body = request.send().await?.error_for_status()?.bytes().await?;
        let answers = tokio::task::spawn_blocking(move || serde_json::from_slice::<Vec<Answer<T>>>(&body)).await??;
        ensure!(
            answers.len() == count,
            "the node answered {} of {count} calls of {method}",
            answers.len()
        );
        let result = |answer: Answer<T>| {
            answer
                .result
                .with_context(|| format!("the node failed a call of {method}"))
        };
        answers.into_iter().map(result).collect()
    }
}
