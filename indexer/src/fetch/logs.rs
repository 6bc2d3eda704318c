//! The weaker proof, for chains whose headers or receipts hash in a way of their own: `eth_getLogs`, in ranges that adapt.
//!
//! What can still be checked is: every log names its block's hash, so no fork and no dropped block gets in; where the header does hash, its
//! bloom is believed; and a block that its bloom says has logs is asked for again by hash before it counts as having none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use souk_schema::record::{CompletenessProof, RawLog};

use super::{Fetched, Sealed};
use crate::rpc::classify::CallError;
use crate::rpc::wire::WireFoundLog;
use crate::rpc::{Call, Endpoint};
use crate::watch::WatchView;

/// How often a block is asked for again that should have logs by its bloom, and has none. A bloom may also match by chance, so this ends.
const MORE_ATTEMPTS: u32 = 4;
/// Longer from one attempt to the next.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(20);

/// Addresses named in one filter; with more, logs are told apart here.
const FILTER_ADDRESSES: usize = 500;

/// Adds the logs to headers.
pub(super) async fn complete(
    endpoint: &Endpoint,
    headers: Vec<Sealed>,
    view: &Arc<WatchView>,
) -> Result<Vec<Fetched>, CallError> {
    let mut found: HashMap<u64, Vec<WireFoundLog>> = HashMap::new();
    let mut at = 0;
    while let Some(skipped) = headers[at..].iter().position(|header| !header.is_excluded_by(view)) {
        at += skipped;
        let most = usize::try_from(endpoint.log_range()).unwrap_or(usize::MAX);
        let range = &headers[at..headers.len().min(at.saturating_add(most))];
        let result = of_range(endpoint, range, view).await;
        if endpoint.learn_log_range(range.len() as u64, result.as_ref().err()) {
            continue;
        }
        for log in result? {
            found.entry(log.block_number).or_default().push(log);
        }
        at += range.len();
    }
    let mut blocks = Vec::with_capacity(headers.len());
    for header in headers {
        if header.is_excluded_by(view) {
            blocks.push(header.excluded(view));
            continue;
        }
        let mut logs = found.remove(&header.block.number).unwrap_or_default();
        for attempt in 0..MORE_ATTEMPTS {
            if !logs.is_empty() || !bloom_expects_some(&header, view) {
                break;
            }
            // By hash: a node that has not got to this block yet has to say so. One that says nothing may need a moment.
            tokio::time::sleep(ATTEMPT_PAUSE * attempt).await;
            logs = of_range(endpoint, std::slice::from_ref(&header), view).await?;
        }
        blocks.push(header.with_logs(checked(logs, view)?, CompletenessProof::Weaker));
    }
    Ok(blocks)
}

fn bloom_expects_some(header: &Sealed, view: &WatchView) -> bool {
    header.bloom.as_ref().is_some_and(|bloom| !view.excludes(bloom))
}

/// The logs of consecutive blocks, each tied to its header.
async fn of_range(endpoint: &Endpoint, headers: &[Sealed], view: &WatchView) -> Result<Vec<WireFoundLog>, CallError> {
    let mut filter = match headers {
        [single] => json!({ "blockHash": single.block.hash }),
        [first, .., last] => json!({
            "fromBlock": format!("{:#x}", first.block.number),
            "toBlock": format!("{:#x}", last.block.number),
        }),
        [] => return Ok(Vec::new()),
    };
    filter["topics"] = json!([view.topics()]);
    if let Some(addresses) = view.addresses().filter(|addresses| addresses.len() <= FILTER_ADDRESSES) {
        filter["address"] = json!(addresses);
    }
    let call = Call::new("eth_getLogs", json!([filter]).to_string());
    let logs: Vec<WireFoundLog> = endpoint
        .ask(call)
        .await?
        .ok_or_else(|| CallError::invalid("eth_getLogs is null"))?;
    let first = headers.first().map_or(0, |header| header.block.number);
    for log in &logs {
        let offset = log
            .block_number
            .checked_sub(first)
            .and_then(|offset| usize::try_from(offset).ok());
        let header = offset.and_then(|offset| headers.get(offset));
        if log.removed || header.is_none_or(|header| header.block.hash != log.block_hash) {
            return Err(CallError::invalid(format!(
                "a log of block {} {}, which is of another fork",
                log.block_number, log.block_hash
            )));
        }
    }
    Ok(logs)
}

/// In order, without duplicates.
fn checked(mut logs: Vec<WireFoundLog>, view: &WatchView) -> Result<Vec<RawLog>, CallError> {
    logs.sort_by_key(|log| log.log_index);
    if logs.windows(2).any(|pair| pair[0].log_index == pair[1].log_index) {
        return Err(CallError::invalid("one log twice"));
    }
    logs.retain(|log| view.may_keep(&log.address, &log.topics));
    let raw = |log: WireFoundLog| RawLog {
        address: log.address,
        topics: log.topics,
        data: log.data,
        transaction_hash: log.transaction_hash,
        transaction_index: log.transaction_index,
        log_index: log.log_index,
    };
    Ok(logs.into_iter().map(raw).collect())
}
