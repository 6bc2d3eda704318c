//! Headers, checked: the block that was asked for, a hash that is its own, each the parent of the next.

use alloy_primitives::B256;
use souk_schema::BlockRef;

use super::Sealed;
use crate::proof::hash_of;
use crate::rpc::classify::{CallError, Fault};
use crate::rpc::wire::WireBlock;
use crate::rpc::{Call, Endpoint};
use crate::source::ProofPolicy;

/// The blocks `from..=to` of an endpoint's chain.
///
/// # Errors
/// [`Fault::UnknownBlock`] if it does not have one of them, [`Fault::Invalid`] if they are not what was asked for or do not link,
/// as when they come from two forks.
pub(super) async fn by_numbers(
    endpoint: &Endpoint,
    from: u64,
    to: u64,
    policy: ProofPolicy,
) -> Result<Vec<Sealed>, CallError> {
    let calls: Vec<Call> = (from..=to)
        .map(|number| Call::new("eth_getBlockByNumber", format!(r#"["{number:#x}",false]"#)))
        .collect();
    let blocks = endpoint.ask_all::<WireBlock>(&calls).await?;
    let mut headers: Vec<Sealed> = Vec::with_capacity(blocks.len());
    for (number, block) in (from..).zip(blocks) {
        let block = block.ok_or_else(|| CallError::new(Fault::UnknownBlock, format!("block {number} is not there")))?;
        if block.number != number {
            return Err(CallError::invalid(format!(
                "block {} instead of {number}",
                block.number
            )));
        }
        let header = seal(block, policy)?;
        if headers.last().is_some_and(|below| below.block.hash != header.parent) {
            return Err(CallError::invalid(format!(
                "block {number} does not follow the one before it: two forks in one answer"
            )));
        }
        headers.push(header);
    }
    Ok(headers)
}

/// One block by its hash.
///
/// # Errors
/// As [`by_numbers`].
pub(super) async fn by_hash(endpoint: &Endpoint, wanted: BlockRef, policy: ProofPolicy) -> Result<Sealed, CallError> {
    let call = Call::new("eth_getBlockByHash", format!(r#"["{}",false]"#, wanted.hash));
    let block: Option<WireBlock> = endpoint.ask(call).await?;
    let unknown = || {
        CallError::new(
            Fault::UnknownBlock,
            format!("block {} {} is not there", wanted.number, wanted.hash),
        )
    };
    let header = seal(block.ok_or_else(unknown)?, policy)?;
    if header.block == wanted {
        Ok(header)
    } else {
        Err(CallError::invalid("another block than the one asked for"))
    }
}

/// IDX-2: a header counts only if it hashes to the hash that the node gives, unless the chain is configured for the weaker proof.
pub(super) fn seal(block: WireBlock, policy: ProofPolicy) -> Result<Sealed, CallError> {
    let is_proved = hash_of(&block) == Some(block.hash);
    if !is_proved && policy == ProofPolicy::Receipts {
        return Err(CallError::invalid(format!(
            "the header of block {} does not hash to {}; if this chain's headers have fields of their own, set proof = \"logs\"",
            block.number, block.hash
        )));
    }
    if block.number > 0 && block.parent_hash == B256::ZERO {
        return Err(CallError::invalid(format!("block {} has no parent", block.number)));
    }
    Ok(Sealed {
        block: block.block_ref(),
        parent: block.parent_hash,
        timestamp: block.timestamp,
        is_proved,
        bloom: block.logs_bloom,
        receipts_root: block.receipts_root,
        gas_used: block.gas_used.unwrap_or(0),
        transactions: block.transactions,
    })
}
