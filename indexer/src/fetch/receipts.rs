//! The strong proof: a bloom that excludes, or every receipt of the block, whose root is recomputed; logs come from those receipts.

use std::sync::Arc;

use souk_schema::record::{CompletenessProof, RawLog};

use super::{Fetched, Sealed};
use crate::proof::receipts_root;
use crate::rpc::classify::{CallError, Fault};
use crate::rpc::wire::WireReceipt;
use crate::rpc::{Call, Endpoint};
use crate::watch::WatchView;

/// Receipts asked for in one batch, in bytes of JSON as estimated from the headers.
const BATCH_BYTES: u64 = 4 << 20;

/// Blocks proved on an async thread; larger ones move to the blocking pool.
const INLINE_LOGS: usize = 64;

/// Adds the logs to headers, proving each block complete (IDX-2).
pub(super) async fn complete(
    endpoint: &Endpoint,
    headers: Vec<Sealed>,
    view: &Arc<WatchView>,
) -> Result<Vec<Fetched>, CallError> {
    let needed: Vec<&Sealed> = headers.iter().filter(|header| !header.is_excluded_by(view)).collect();
    let mut receipts = Vec::with_capacity(needed.len());
    let mut rest = &needed[..];
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(batch_length(rest));
        receipts.extend(of_blocks(endpoint, batch).await?);
        rest = later;
    }
    let view = view.clone();
    let logs: usize = receipts.iter().flatten().map(|receipt| receipt.logs.len()).sum();
    let work = move || {
        let mut receipts = receipts.into_iter();
        let prove = |header: Sealed| match header.is_excluded_by(&view) {
            true => Ok(header.excluded(&view)),
            false => prove(header, receipts.next().unwrap_or_default(), &view),
        };
        headers.into_iter().map(prove).collect()
    };
    if logs <= INLINE_LOGS {
        return work();
    }
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|panicked| Err(CallError::invalid(format!("proving the receipts failed: {panicked}"))))
}

/// How many of the blocks to ask for in one batch, at least one.
fn batch_length(headers: &[&Sealed]) -> usize {
    // A receipt takes a kilobyte; a log costs at least 375 gas for itself and each topic, and 8 for a byte of data.
    let estimate = |header: &Sealed| {
        header
            .transactions
            .as_ref()
            .map_or(0, |hashes| hashes.len() as u64 * 1_000)
            + header.gas_used / 3
    };
    let mut bytes = 0;
    let fitting = headers.iter().take_while(|header| {
        bytes = estimate(header).saturating_add(bytes);
        bytes <= BATCH_BYTES
    });
    fitting.count().max(1)
}

async fn of_blocks(endpoint: &Endpoint, headers: &[&Sealed]) -> Result<Vec<Vec<WireReceipt>>, CallError> {
    if !endpoint.lacks_block_receipts() {
        // By hash, so that a node behind the same URL that follows another fork says "unknown" instead of something else.
        let call = |header: &&Sealed| Call::new("eth_getBlockReceipts", format!(r#"["{}"]"#, header.block.hash));
        let calls: Vec<Call> = headers.iter().map(call).collect();
        match endpoint.ask_all::<Vec<WireReceipt>>(&calls).await {
            Err(error) if error.fault == Fault::Unsupported => endpoint.set_lacks_block_receipts(),
            Err(error) => return Err(error),
            Ok(receipts) => {
                let all: Option<Vec<_>> = receipts.into_iter().collect();
                return all.ok_or_else(|| CallError::new(Fault::UnknownBlock, "a block's receipts are not there"));
            }
        }
    }
    let mut all = Vec::with_capacity(headers.len());
    for header in headers {
        all.push(one_by_one(endpoint, header).await?);
    }
    Ok(all)
}

/// For nodes without `eth_getBlockReceipts`.
async fn one_by_one(endpoint: &Endpoint, header: &Sealed) -> Result<Vec<WireReceipt>, CallError> {
    let fetched;
    let hashes = match &header.transactions {
        Some(hashes) => hashes,
        None => {
            // An announced header has no list of transactions.
            let policy = crate::ProofPolicy::Receipts;
            fetched = super::headers::by_hash(endpoint, header.block, policy)
                .await?
                .transactions;
            fetched
                .as_ref()
                .ok_or_else(|| CallError::invalid("a block without a list of transactions"))?
        }
    };
    let calls: Vec<Call> = hashes
        .iter()
        .map(|hash| Call::new("eth_getTransactionReceipt", format!(r#"["{hash}"]"#)))
        .collect();
    let receipts: Option<Vec<WireReceipt>> = endpoint.ask_all(&calls).await?.into_iter().collect();
    receipts.ok_or_else(|| CallError::new(Fault::UnknownBlock, "a transaction's receipt is not there"))
}

/// IDX-2: the receipts are those of this header, all of them and nothing else.
fn prove(header: Sealed, receipts: Vec<WireReceipt>, view: &WatchView) -> Result<Fetched, CallError> {
    let number = header.block.number;
    let problem = |problem: String| Err(CallError::invalid(format!("receipts of block {number}: {problem}")));
    if let Some(hashes) = &header.transactions
        && !hashes
            .iter()
            .eq(receipts.iter().map(|receipt| &receipt.transaction_hash))
    {
        return problem(format!(
            "{} for {} transactions, or not the same",
            receipts.len(),
            hashes.len()
        ));
    }
    for (index, receipt) in (0u32..).zip(&receipts) {
        if receipt.block_hash != header.block.hash || receipt.transaction_index != index {
            return problem(format!("receipt {index} is of block {}", receipt.block_hash));
        }
    }
    let root = receipts_root(&receipts);
    if header.receipts_root != Some(root) {
        return problem(format!(
            "their root is {root}, the header says {}: logs are missing or false; if this chain's receipts hash in a way of their own, set \
             proof = \"logs\"",
            header.receipts_root.unwrap_or_default()
        ));
    }
    let mut log_index = 0;
    let mut logs = Vec::new();
    for receipt in receipts {
        let (transaction_hash, transaction_index) = (receipt.transaction_hash, receipt.transaction_index);
        for log in receipt.logs {
            if view.may_keep(&log.address, &log.topics) {
                let (address, topics, data) = (log.address, log.topics, log.data);
                logs.push(RawLog {
                    address,
                    topics,
                    data,
                    transaction_hash,
                    transaction_index,
                    log_index,
                });
            }
            log_index += 1;
        }
    }
    Ok(header.with_logs(logs, CompletenessProof::ReceiptsRoot))
}
