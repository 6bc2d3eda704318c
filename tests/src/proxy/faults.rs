//! What can go wrong, and how providers word it when they refuse.

use serde_json::{Value, json};

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// `eth_getLogs` finds nothing, as on a node that has not indexed the blocks yet.
    EmptyLogs,
    /// `eth_getLogs` leaves logs out.
    PartialLogs,
    /// A log says that it is of another block.
    ForeignLogs,
    /// A log is marked as removed.
    RemovedLogs,
    /// `eth_getBlockReceipts` is null.
    NullReceipts,
    /// A receipt is left out.
    PartialReceipts,
    /// A log is left out of a receipt.
    PartialReceiptLogs,
    /// Blocks that exist are null.
    NullBlocks,
    /// `latest` is an older block.
    OldHead,
    /// A header that does not hash to its hash.
    WrongHash,
    /// Another node behind the same URL answers.
    OtherFork,
    /// `eth_getLogs` over more than three blocks is refused.
    RangeLimit,
    /// Batches of more than four calls are refused.
    BatchLimit,
    /// Too many requests, as a JSON-RPC error or as HTTP 429.
    RateLimit,
    /// `eth_getBlockReceipts` does not exist.
    NoBlockReceipts,
    /// No answer at all.
    Hang,
    /// A page instead of JSON.
    Garbage,
    /// JSON that ends in the middle.
    Truncated,
    /// HTTP 500, 502, 503 or 504.
    ServerError,
    /// The WebSocket is closed instead of an answer.
    DroppedSocket,
}

/// Most blocks that a range-limited `eth_getLogs` takes.
pub(super) const RANGE_LIMIT_BLOCKS: u64 = 3;

/// Most calls that a limited batch takes.
pub(super) const BATCH_LIMIT_CALLS: usize = 4;

/// "Range too large" in the words of Alchemy, Infura, QuickNode, Ankr, Chainstack, Erigon, Reth and a BNB node.
pub(super) fn range_limit(pick: usize, from: u64) -> Value {
    let to = from + RANGE_LIMIT_BLOCKS - 1;
    let words = [
        (
            -32602,
            format!(
                "Log response size exceeded. You can make eth_getLogs requests with up to a 3 block range. Based on your parameters and the response size limit, this block range should work: [{from:#x}, {to:#x}]"
            ),
        ),
        (
            -32005,
            format!("query returned more than 10000 results. Try with this block range [{from:#x}, {to:#x}]."),
        ),
        (-32614, "eth_getLogs is limited to a 3 range".to_owned()),
        (-32062, "Block range is too large".to_owned()),
        (
            -32600,
            "Block range limit exceeded. See more details at https://docs.chainstack.com/docs/limits#evm-range-limits"
                .to_owned(),
        ),
        (
            -32000,
            "query block range exceeds server limit, limit the query to at most 3 blocks".to_owned(),
        ),
        (
            -32602,
            format!("query exceeds max results 20000, retry with the range {from}-{to}"),
        ),
        (-32000, "exceed maximum block range: 3".to_owned()),
    ];
    let (code, message) = &words[pick % words.len()];
    json!({ "code": code, "message": message })
}

/// "Too many requests" in the words of Alchemy, Infura, QuickNode, Ankr and Chainstack.
pub(super) fn rate_limit(pick: usize) -> Value {
    match pick % 5 {
        0 => json!({ "code": 429, "message": "Your app has exceeded its compute units per second capacity." }),
        1 => {
            json!({ "code": -32005, "message": "project ID request rate exceeded", "data": { "rate": { "backoff_seconds": 0 } } })
        }
        2 => json!({ "code": -32007, "message": "15/second request limit reached - reduce calls per second" }),
        3 => {
            json!({ "code": -32090, "message": "Too many requests, reason: call rate limit exhausted, retry in 20ms" })
        }
        _ => json!({ "code": -32097, "message": "You've exceeded the RPS limit available on the current plan" }),
    }
}

/// "Batch too large" in the words of geth, Besu, jsonrpsee and Chainstack.
pub(super) fn batch_limit(pick: usize) -> Value {
    match pick % 4 {
        0 => json!({ "code": -32600, "message": "batch too large" }),
        1 => json!({ "code": -32005, "message": "Batch size too large: maximum 4" }),
        2 => json!({ "code": -32010, "message": "The batch request was too large; Exceeded max limit of 4" }),
        _ => json!({ "code": -32000, "message": "too many requests in batch" }),
    }
}

/// "No such method" in the words of geth, anvil and a provider's plan.
pub(super) fn unsupported(pick: usize) -> Value {
    match pick % 3 {
        0 => json!({ "code": -32601, "message": "the method eth_getBlockReceipts does not exist/is not available" }),
        1 => json!({ "code": -32601, "message": "Method not found" }),
        _ => json!({ "code": -32600, "message": "eth_getBlockReceipts is not available on the Free tier" }),
    }
}
