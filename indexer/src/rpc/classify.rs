//! What an RPC error means, in the wordings of many providers and nodes.
//!
//! Codes are no help: -32000 and -32602 say everything from "range too large" to "overloaded". So the words decide, most specific
//! first, and a wording that is not known counts as passing trouble, which is retried and shown. Start at [`classify`].

#![deny(clippy::disallowed_methods)]

use std::time::Duration;

use serde::de::IgnoredAny;

use super::wire::Answer;

/// What can be done about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `eth_getLogs` over too many blocks: ask for fewer.
    RangeTooLarge {
        /// Number of blocks that the provider says it takes.
        max_blocks: Option<u64>,
    },
    /// The answer would be too large: ask for less at a time.
    ResultTooLarge {
        /// Number of blocks, from the same first block, that the provider says it could answer.
        max_blocks: Option<u64>,
    },
    /// Too many calls in one batch: send fewer.
    BatchTooLarge {
        /// Number of calls that the provider says it takes.
        max_calls: Option<u64>,
    },
    /// Too many requests: wait.
    RateLimited {
        /// For how long, if it says so.
        retry_after: Option<Duration>,
    },
    /// The node does not have this block, or not yet.
    UnknownBlock,
    /// The node has thrown this part of history away: another endpoint has to be asked.
    Pruned,
    /// The method does not exist here or is not in the plan.
    Unsupported,
    /// The endpoint refuses us altogether: wrong key, wrong address.
    Refused,
    /// It may be better the next time.
    Transient,
    /// It answered, but with something that is no answer to the question. [`classify`] never says so; whoever reads the answer does.
    Invalid,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// What can be done about it.
    pub fault: Fault,
    /// What happened, in words.
    pub message: String,
}

impl CallError {
    /// A failure in words.
    pub fn new(fault: Fault, message: impl Into<String>) -> CallError {
        CallError {
            fault,
            message: message.into(),
        }
    }

    /// An answer that is none.
    pub fn invalid(message: impl Into<String>) -> CallError {
        CallError::new(Fault::Invalid, message)
    }

    /// A failure that may pass.
    pub fn transient(message: impl Into<String>) -> CallError {
        CallError::new(Fault::Transient, message)
    }

    /// A JSON-RPC error.
    pub fn from_wire(error: &super::wire::WireError) -> CallError {
        let data = error.data.as_deref().map_or("", |data| data.get());
        let message = format!("error {}: {}", error.code, shortened(&error.message));
        CallError::new(classify(error.code, &error.message, data), message)
    }
}

/// At most some 200 bytes of a text from outside.
pub fn shortened(text: &str) -> &str {
    const MAX_BYTES: usize = 200;
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Words that a message holds, all in lower case, and what it then means. The first row of which one alternative matches wins; an
/// alternative matches when all its words, separated by `&`, are there.
const WORDINGS: &[(Meaning, &[&str])] = &[
    (
        Meaning::Batch,
        &[
            "batch too large",                  // geth, erigon
            "batch size too large",             // besu, ankr
            "batch size & exceed",              // nethermind, alchemy
            "batch limit & exceed",             // erigon
            "too many requests in batch",       // reth, drpc
            "too many & in batch",              // chainstack
            "maximum batch size",               // quicknode
            "batch of more than",               // drpc
            "max_batch",                        // blast
            "batch requests are limited",       // nodereal
            "batch requests are not supported", // jsonrpsee without batches
            "the batch request was too large",  // jsonrpsee
            "the batch response was too large", // jsonrpsee
        ],
    ),
    (
        Meaning::Refused,
        &[
            "unauthorized",
            "invalid api key",
            "api key & not allowed",
            "invalid project id",
            "project id required",
            "must be authenticated",
            "authentication required",
            "forbidden",
            "access denied",
            "account & suspended",
            "invalid token",
            "app is inactive",
            "api key disabled",
            "jwt & invalid",
            "missing api key",
            "api key is not valid",
            "invalid access key",
        ],
    ),
    (
        Meaning::Rate,
        &[
            "rate limit",
            "rate-limit",
            "too many requests",
            "ratelimit",
            "request limit reached",
            "requests per second",
            "compute units per second",
            "capacity limit exceeded",
            "throughput",
            "exceeded its requests",
            "request rate exceeded",
            "daily request count exceeded",
            "project & exceeded & quota",
            "monthly & exceeded",
            "credits & exhausted",
            "limit exceeded & upgrade",
            "rps limit",
            "concurrent requests",
            "reached the & request limit",
            "you've exceeded the rps",
            "cups",
        ],
    ),
    (
        Meaning::Range,
        &[
            "block range",                  // alchemy, quicknode, ankr, bsc, polygon, blast, …
            "exceed maximum block range",   // bsc
            "exceeds max block range",      // reth: query exceeds max block range 100000
            "range is too large",           // ankr, cloudflare
            "range too large",              // besu: requested range exceeds maximum
            "range limit exceeded",         // chainstack
            "limited to a & range",         // quicknode: eth_getLogs is limited to a 10,000 range
            "range & should not be larger", // optimism gateways
            "max range",                    // llamarpc
            "maximum & blocks distance",    // thirdweb
            "blocks distance",
            "distance to exceed",
            "range greater than",              // erigon: query range greater than
            "exceeds the range",               // infura: exceeds the range allowed for your plan
            "requested range exceeds maximum", // besu
            "requested too many blocks",       // drpc, zksync
            "too many blocks",
            "limit the query to at most", // erigon: limit the query to at most N blocks
            "invalid block range params", // geth, when the range is reversed or beyond the head
            "from & to & blocks & max",
            "eth_getlogs & limited to",
        ],
    ),
    (
        Meaning::Result,
        &[
            "query returned more than", // infura, geth-based, nodereal
            "response size exceeded",   // alchemy: log response size exceeded
            "response size should not", // alchemy
            "response size is larger",  // alchemy
            "response is too big",      // jsonrpsee: oversized response, polkadot
            "response too large",       // erigon, ankr, quicknode
            "response too big",
            "oversized response",
            "exceeded max limit of", // quicknode, reth: query exceeds max results
            "exceeds max results",   // reth: query exceeds max results 20000, retry with the range 1-2
            "max results",
            "too many logs",                       // zksync, nethermind: too many logs requested
            "logs matched by query exceeds limit", // moonbeam
            "logs over limit",                     // cronos
            "returned too many results",
            "result set too large",
            "result too large",
            "query timeout exceeded", // infura, nodereal
            "query exceeds limit",
            "more than 10000 results",
            "content-length too large",
            "result window is too large",
            "payload too large",
        ],
    ),
    (
        Meaning::Unsupported,
        &[
            "method not found",
            "does not exist/is not available",
            "method not supported",
            "unsupported method",
            "not whitelisted",
            "method & not available",
            "method & is not supported",
            "method & disabled",
            "method & not allowed",
            "not available on your",
            "not supported on your",
            "is not available on the free",
            "unknown method",
            "rpc method is not whitelisted",
            "not implemented",
            "method handler crashed & not found",
            "namespace & disabled",
            "upgrade your plan & method",
        ],
    ),
    (
        Meaning::Pruned,
        &[
            "missing trie node",
            "pruned",
            "history has been pruned",
            "historical & not available",
            "required historical state unavailable",
            "archive",
            "ancient block sync",
            "history is not available",
            "old data not available",
            "historical rpc",
            "4444",
        ],
    ),
    (
        Meaning::Unknown,
        &[
            "unknown block",
            "block not found",
            "header not found",
            "header for hash not found",
            "block does not exist",
            "block with hash & not found",
            "cannot be found",
            "beyond current head",
            "block & is greater than latest",
            "after last accepted block",
            "no block found",
            "invalid block number",
            "toblock & is greater",
            "receipts not found",
            "receipt not found",
            "not yet available",
            "block & unavailable",
            "could not find block",
            "requested block",
            "block is out of range",
            "unfinalized data",
        ],
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    Batch,
    Refused,
    Rate,
    Range,
    Result,
    Unsupported,
    Pruned,
    Unknown,
}

/// What a JSON-RPC error means; `data` is its `data` field as JSON, or empty.
pub fn classify(code: i64, message: &str, data: &str) -> Fault {
    let words = format!("{message} {data}").to_lowercase();
    let holds = |alternative: &str| alternative.split(" & ").all(|part| words.contains(part));
    let known = WORDINGS
        .iter()
        .find(|(_, alternatives)| alternatives.iter().any(|alternative| holds(alternative)));
    match (known.map(|(meaning, _)| *meaning), code) {
        (Some(Meaning::Batch), _) => Fault::BatchTooLarge {
            max_calls: number_in(&words),
        },
        (Some(Meaning::Refused), _) => Fault::Refused,
        (Some(Meaning::Range), _) => Fault::RangeTooLarge {
            max_blocks: suggested_range(&words).or_else(|| number_in(&words)),
        },
        (Some(Meaning::Result), _) => Fault::ResultTooLarge {
            max_blocks: suggested_range(&words),
        },
        (Some(Meaning::Rate), _) => Fault::RateLimited {
            retry_after: wait_in(&words),
        },
        (Some(Meaning::Unsupported), _) => Fault::Unsupported,
        (Some(Meaning::Pruned), _) => Fault::Pruned,
        (Some(Meaning::Unknown), _) => Fault::UnknownBlock,
        // EIP-1474 calls -32005 "limit exceeded", which says nothing about what to ask less of; waiting is always right.
        (None, -32005 | -32097 | 429) => Fault::RateLimited {
            retry_after: wait_in(&words),
        },
        (None, -32601 | -32004) => Fault::Unsupported,
        (None, -32001) => Fault::UnknownBlock,
        (None, _) => Fault::Transient,
    }
}

/// What an HTTP status other than 200 means; `retry_after` is that header.
pub fn classify_status(status: u16, retry_after: Option<&str>, body: &str) -> Fault {
    let seconds = retry_after
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    let in_body = match serde_json::from_str::<Answer<IgnoredAny>>(body)
        .ok()
        .and_then(|answer| answer.error)
    {
        Some(error) => CallError::from_wire(&error).fault,
        None => classify(0, body, ""),
    };
    match (status, in_body) {
        (429, fault) => match fault {
            Fault::RateLimited { retry_after } => Fault::RateLimited {
                retry_after: seconds.or(retry_after),
            },
            _ => Fault::RateLimited { retry_after: seconds },
        },
        (503, _) if seconds.is_some() => Fault::RateLimited { retry_after: seconds },
        (413, _) => Fault::BatchTooLarge { max_calls: None },
        (401 | 403, fault @ (Fault::RateLimited { .. } | Fault::RangeTooLarge { .. } | Fault::Unsupported)) => fault,
        (401 | 403 | 404, _) => Fault::Refused,
        (_, fault) => fault,
    }
}

/// The number of blocks in a range that the provider suggests instead: "this block range should work: [0x1, 0x7d0]", "retry with the
/// range 5-99", `{"from":"0x1","to":"0x7d0"}`.
fn suggested_range(words: &str) -> Option<u64> {
    const BEFORE: [&str; 3] = ["should work", "retry with", "try with this block range"];
    let number_after = |before: &str| {
        words
            .find(before)
            .and_then(|at| numbers(&words[at + before.len()..]).next())
    };
    let in_words = BEFORE.iter().find_map(|before| words.find(before)).and_then(|at| {
        let mut numbers = numbers(&words[at..]);
        numbers.next().zip(numbers.next())
    });
    let (first, last) = in_words.or_else(|| number_after("\"from\"").zip(number_after("\"to\"")))?;
    last.checked_sub(first).map(|blocks| blocks.saturating_add(1))
}

/// The first number in a message that can be a limit: "up to a 2K block range", "limited to a 10,000 range".
fn number_in(words: &str) -> Option<u64> {
    numbers(words).find(|number| *number > 0)
}

/// "try again in 5 seconds", `"backoff_seconds": 30`, "retry in 500ms".
fn wait_in(words: &str) -> Option<Duration> {
    const BEFORE: [&str; 5] = [
        "try again in",
        "try_again_in",
        "retry in",
        "retry after",
        "backoff_seconds",
    ];
    let (at, before) = BEFORE
        .iter()
        .find_map(|before| words.find(before).map(|at| (at, before)))?;
    let rest = &words[at + before.len()..];
    let amount = numbers(rest).next()?;
    let unit = rest
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_millis = unit.trim_start().starts_with("ms") || unit.trim_start().starts_with("milli");
    Some(if is_millis {
        Duration::from_millis(amount)
    } else {
        Duration::from_secs(amount)
    })
}

/// The whole numbers of a text: `10000`, `10,000`, `10k`, `0x2710`. Digits within a word ("http2") are none.
fn numbers(text: &str) -> impl Iterator<Item = u64> {
    let separates = |c: char| !(c.is_ascii_alphanumeric() || c == ',' || c == '_');
    text.split(separates).filter_map(|word| {
        let word = word.trim_matches(',').replace([',', '_'], "");
        if let Some(hex) = word.strip_prefix("0x") {
            return u64::from_str_radix(hex, 16).ok();
        }
        let (digits, factor) = match word.strip_suffix('k') {
            Some(digits) => (digits.to_owned(), 1_000),
            None => (word.trim_end_matches("ms").to_owned(), 1),
        };
        digits.parse::<u64>().ok()?.checked_mul(factor)
    })
}

#[cfg(test)]
mod tests;
