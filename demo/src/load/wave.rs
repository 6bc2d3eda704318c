//! Transactions that are sent and waited for together. Knows what each should make, not what it means. Start at [`Wave::finish`].

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use futures::{StreamExt, TryStreamExt, stream};

use super::LoadError;
use crate::encode::Call;
use crate::node::Node;

/// How many receipts are asked for at a time.
const RECEIPTS_AT_A_TIME: usize = 8;
/// Size of a wave's signed transactions from which on it is full.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A transaction and what is expected of it.
pub(super) struct Parcel {
    /// Who does what.
    pub(super) label: String,
    /// Who signed it.
    pub(super) from: Address,
    /// What it calls.
    pub(super) call: Call,
    /// Number of events that it should make.
    pub(super) events: u64,
}

/// Transactions on their way.
pub(super) struct Wave {
    node: Node,
    limit: Duration,
    parcels: Vec<Parcel>,
    signed: Vec<Bytes>,
    gas: u64,
    bytes: usize,
}

impl Wave {
    /// An empty wave; receipts may take so long.
    pub(super) fn new(node: Node, limit: Duration) -> Self {
        Self {
            node,
            limit,
            parcels: Vec::new(),
            signed: Vec::new(),
            gas: 0,
            bytes: 0,
        }
    }

    /// Whether a further transaction of so much gas belongs to the next wave. A wave fits half a block: a node that mines on arrival may
    /// leave aside what does not fit, until something else arrives, and fuller blocks would raise the base fee.
    pub(super) fn is_full(&self, most: usize, gas: u64, block_gas: u64) -> bool {
        let full =
            self.parcels.len() >= most || self.bytes >= MOST_BYTES || self.gas.saturating_add(gas) > block_gas / 2;
        full && !self.parcels.is_empty()
    }

    /// Adds a signed transaction.
    pub(super) fn add(&mut self, parcel: Parcel, signed: Bytes) {
        self.gas = self.gas.saturating_add(parcel.call.gas);
        self.bytes += signed.len();
        self.parcels.push(parcel);
        self.signed.push(signed);
    }

    /// Sends everything in one request, so that few blocks take it, waits for all receipts, calls `mined` with the number of events for
    /// each, and returns their sum. The wave is empty then.
    pub(super) async fn finish(&mut self, mut mined: impl FnMut(u64)) -> Result<u64, LoadError> {
        (self.gas, self.bytes) = (0, 0);
        let parcels = std::mem::take(&mut self.parcels);
        let answers = self.node.send(std::mem::take(&mut self.signed)).await?;
        let mut sent = Vec::with_capacity(parcels.len());
        for (parcel, answer) in parcels.into_iter().zip(answers) {
            match answer {
                Ok(hash) => sent.push((parcel, hash)),
                Err(source) => {
                    return Err(LoadError::Refused {
                        step: parcel.label,
                        source,
                    });
                }
            }
        }
        let (node, limit) = (&self.node, self.limit);
        let receipts = stream::iter(sent).map(|(parcel, hash)| receipt(node, parcel, hash, limit));
        let mut receipts = receipts.buffer_unordered(RECEIPTS_AT_A_TIME);
        let mut sum = 0;
        while let Some(events) = receipts.try_next().await? {
            sum += events;
            mined(events);
        }
        Ok(sum)
    }
}

/// The number of events that the transaction made, if it did what it should.
async fn receipt(node: &Node, parcel: Parcel, hash: B256, limit: Duration) -> Result<u64, LoadError> {
    let Parcel {
        label: step,
        from,
        call,
        events: expected,
    } = parcel;
    let Some(receipt) = node.receipt(hash, limit).await? else {
        return Err(LoadError::NotMined { step, hash, limit });
    };
    if !receipt.succeeded() {
        let block = receipt.block_number.to::<u64>();
        let reason = node.why(from, &call, block.saturating_sub(1)).await;
        return Err(LoadError::Failed { step, block, reason });
    }
    tracing::trace!(gas = %receipt.gas_used, limit = call.gas, step, "mined");
    match receipt.events() {
        found if found == expected => Ok(found),
        found => Err(LoadError::OtherEvents { step, expected, found }),
    }
}
