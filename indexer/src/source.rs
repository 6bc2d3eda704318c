//! How one chain is watched: endpoints, contracts, where to start, what counts as final and as proof. Pure configuration.
//!
//! Start at [`ChainSource`]; everything but its first four fields has a default.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_adapters::WatchSet;
use souk_schema::ChainId;
use souk_wire::redacted;
use url::Url;

use crate::IndexError;

/// One chain to index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainSource {
    /// The chain; an endpoint that serves another one is refused.
    pub chain: ChainId,
    /// `http`, `https`, `ws` or `wss`, in order of preference. A WebSocket endpoint also announces new blocks.
    pub endpoints: Vec<Url>,
    /// The contracts to watch.
    pub watch: WatchSet,
    /// First block of the stream, inclusive.
    pub start_block: u64,
    /// Which blocks are final.
    #[serde(default)]
    pub finality: Finality,
    /// What counts as proof that no log is missing (IDX-2).
    #[serde(default)]
    pub proof: ProofPolicy,
    /// Whether a second endpoint has to know a block by the same hash before it is appended; needs two endpoints.
    #[serde(default)]
    pub cross_check: bool,
    /// What to do when the chain behind the endpoints is no longer the one in the stream.
    #[serde(default)]
    pub on_rewrite: OnRewrite,
    /// Milliseconds between two questions for the head; a WebSocket makes blocks known sooner.
    #[serde(default = "default_poll_interval_ms")]
    pub poll_interval_ms: u64,
    /// How much is asked for, and kept in memory, at a time.
    #[serde(default)]
    pub limits: Limits,
}

/// Which blocks are final; a reorganisation below them stops the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// What the node calls `finalized`.
    #[default]
    Tag,
    /// The head less this number of blocks.
    Depth(u64),
}

/// What counts as proof that a block's watched logs are complete (IDX-2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofPolicy {
    /// The header hashes to the block hash, and its bloom excludes every watched contract or the receipts root is recomputed.
    #[default]
    Receipts,
    /// Weaker, for chains whose headers or receipts hash in a way of their own: `eth_getLogs`, each log tied to the block's hash, asked
    /// again when the bloom says that there should be logs.
    Logs,
}

/// What to do when the genesis block or a final block differs from the stream's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRewrite {
    /// Stop with an error that says what to do.
    #[default]
    Stop,
    /// Begin a new generation of the stream; for dev chains, which are thrown away and made anew.
    NewGeneration,
}

/// Bounds on requests and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Most calls in one JSON-RPC batch; adapts downwards to what an endpoint takes.
    pub batch_calls: usize,
    /// Most blocks in one `eth_getLogs` range; adapts downwards.
    pub log_range_blocks: u64,
    /// Most ranges of blocks fetched at a time.
    pub parallel_ranges: usize,
    /// Bytes of answers fetched ahead of the log, roughly.
    pub ahead_bytes: usize,
    /// Largest answer that is read, in bytes.
    pub response_bytes: usize,
    /// Seconds after which a request counts as failed.
    pub request_timeout_secs: u64,
    /// Most blocks in one append.
    pub append_blocks: usize,
    /// Most bytes in one append, unless one block alone is larger.
    pub append_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            batch_calls: 64,
            log_range_blocks: 2_000,
            parallel_ranges: 4,
            ahead_bytes: 64 << 20,
            response_bytes: 256 << 20,
            request_timeout_secs: 30,
            append_blocks: 512,
            append_bytes: 8 << 20,
        }
    }
}

fn default_poll_interval_ms() -> u64 {
    500
}

impl ChainSource {
    /// A source with every default.
    pub fn new(chain: ChainId, endpoints: Vec<Url>, watch: WatchSet, start_block: u64) -> ChainSource {
        ChainSource {
            chain,
            endpoints,
            watch,
            start_block,
            finality: Finality::default(),
            proof: ProofPolicy::default(),
            cross_check: false,
            on_rewrite: OnRewrite::default(),
            poll_interval_ms: default_poll_interval_ms(),
            limits: Limits::default(),
        }
    }

    /// Checks what a configuration can get wrong.
    ///
    /// # Errors
    /// [`IndexError::Misconfigured`] names the setting and what it may be.
    pub fn check(&self) -> Result<(), IndexError> {
        let problem = |problem: String| {
            Err(IndexError::Misconfigured {
                chain: self.chain,
                problem,
            })
        };
        if self.endpoints.is_empty() {
            return problem("no endpoint is given: name at least one http(s) or ws(s) URL".into());
        }
        for url in &self.endpoints {
            if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") || url.host_str().is_none() {
                return problem(format!(
                    "endpoint {} is not an http, https, ws or wss URL",
                    redacted(url)
                ));
            }
        }
        if self.cross_check && self.endpoints.len() < 2 {
            return problem("cross_check compares two endpoints, but only one is given".into());
        }
        let limits = &self.limits;
        let positive = [
            limits.batch_calls,
            limits.parallel_ranges,
            limits.ahead_bytes,
            limits.response_bytes,
        ]
        .into_iter()
        .chain([limits.append_blocks, limits.append_bytes]);
        let times = [
            limits.log_range_blocks,
            limits.request_timeout_secs,
            self.poll_interval_ms,
        ];
        if positive.map(|limit| limit as u64).chain(times).any(|limit| limit == 0) {
            return problem("a limit or interval is 0: each has to be at least 1".into());
        }
        self.watch.check().or_else(|invalid| problem(invalid.to_string()))
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_adapters::ContractSet;

    fn source(endpoints: &[&str]) -> ChainSource {
        let endpoints = endpoints.iter().map(|url| Url::parse(url).unwrap()).collect();
        let watch = WatchSet {
            sets: vec![ContractSet::Erc20 {
                address: Default::default(),
            }],
        };
        ChainSource::new(ChainId(1), endpoints, watch, 0)
    }

    #[test]
    fn what_cannot_work_is_refused_and_named() {
        assert!(source(&["http://a/key"]).check().is_ok());
        let of = |source: ChainSource| source.check().unwrap_err().to_string();
        assert!(of(source(&[])).contains("no endpoint"));
        assert!(of(source(&["ftp://a"])).contains("ftp://a"));
        assert!(
            of(ChainSource {
                cross_check: true,
                ..source(&["http://a"])
            })
            .contains("two endpoints")
        );
        assert!(
            of(ChainSource {
                watch: WatchSet::default(),
                ..source(&["http://a"])
            })
            .contains("watch set is empty")
        );
        let mut zero = source(&["http://a"]);
        zero.limits.batch_calls = 0;
        assert!(of(zero).contains("at least 1"));
    }

    #[test]
    fn a_short_configuration_is_enough() {
        let short =
            r#"{"chain": 1, "endpoints": ["ws://a"], "watch": [], "start_block": 5, "limits": {"batch_calls": 7}}"#;
        let read: ChainSource = serde_json::from_str(short).unwrap();
        assert_eq!(
            (read.limits.batch_calls, read.limits.parallel_ranges),
            (7, Limits::default().parallel_ranges)
        );
        assert_eq!(read.finality, Finality::Tag);
    }
}
