//! The vault's side of the reconciliation (law LED-2): its balances from the chain's stream, its holdings from the token contracts.
//!
//! Start at [`VaultSource`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::U256;
use async_trait::async_trait;
use souk_contracts::{AssetShares, TestUSD};
use souk_eventlog::EventLog;
use souk_ledger::reconcile::{VaultBalances, VaultError, VaultSnapshot};
use souk_schema::exchange::Venue;
use souk_schema::record::ChainRecordBody;
use souk_schema::{BlockRef, TokenRef};
use tokio::sync::Mutex;

use crate::balances::VaultFold;
use crate::facts::last_position;
use crate::node::Node;
use crate::vault_log::Contracts;
use souk_streams::{Reader, generations, genesis_of};

/// Reads a vault's balances from the newest generation of its chain's stream; of the node's chain, where another had the same id.
pub struct VaultSource {
    log: Arc<dyn EventLog>,
    node: Node,
    venue: Venue,
    contracts: Contracts,
    reading: Mutex<Option<Reading>>,
}

impl std::fmt::Debug for VaultSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VaultSource({:?})", self.venue)
    }
}

#[derive(Debug)]
struct Reading {
    generation: u32,
    reader: Reader,
    fold: VaultFold,
    /// The newest final block and the record that said so, and the one before.
    newest: Option<(BlockRef, u64)>,
    before: Option<(BlockRef, u64)>,
}

impl VaultSource {
    /// The vault that the node is asked for.
    pub fn new(log: Arc<dyn EventLog>, node: Node, contracts: Contracts) -> VaultSource {
        let venue = Venue {
            chain: souk_schema::ChainId(node.chain_id()),
            vault: contracts.vault,
        };
        VaultSource {
            log,
            node,
            venue,
            contracts,
            reading: Mutex::new(None),
        }
    }

    /// The generations of the chain's stream that are of the node's chain, and not of another with the same id.
    async fn generations(&self) -> Result<BTreeSet<u32>, VaultError> {
        let mut ours = BTreeSet::new();
        for generation in generations(self.log.as_ref(), self.venue.chain).await? {
            if genesis_of(&self.log, self.venue.chain, generation).await? == Some(self.node.genesis()) {
                ours.insert(generation);
            }
        }
        Ok(ours)
    }

    /// What the vault has of a token at the end of a block.
    async fn holding(&self, token: TokenRef, is_payment: bool, block: u64) -> Result<U256, alloy::contract::Error> {
        let provider = self.node.provider();
        let vault = self.venue.vault;
        if is_payment {
            let coin = TestUSD::new(token.contract, provider);
            coin.balanceOf(vault).block(block.into()).call().await
        } else {
            let items = AssetShares::new(token.contract, provider);
            items.balanceOf(vault, token.id).block(block.into()).call().await
        }
    }
}

impl Reading {
    async fn advance(&mut self, venue: Venue) -> Result<(), VaultError> {
        loop {
            let records = self.reader.read().await?;
            if records.is_empty() {
                return Ok(());
            }
            for stored in &records {
                let body = self.reader.chain_record(venue.chain, stored)?;
                self.fold.fold(&body)?;
                if let ChainRecordBody::FinalityAdvanced(block) = body {
                    self.before = self.newest.replace((block, stored.sequence));
                }
            }
        }
    }
}

#[async_trait]
impl VaultBalances for VaultSource {
    /// The vault at the last final block but one. The facts of the newest are still being told; those of the one before are all told once
    /// one of the newest is, so an engine that has heard any later fact has heard all of them.
    async fn at_finality(&self) -> Result<Option<VaultSnapshot>, VaultError> {
        let ours = self.generations().await?;
        let Some(&generation) = ours.last() else {
            return match generations(self.log.as_ref(), self.venue.chain).await?.is_empty() {
                true => Ok(None),
                false => Err(format!(
                    "the log's stream of chain {} is of another chain than the node's, whose genesis block is {}",
                    self.venue.chain,
                    self.node.genesis()
                )
                .into()),
            };
        };
        let mut reading = self.reading.lock().await;
        let mut present = match reading.take().filter(|reading| reading.generation == generation) {
            Some(present) => present,
            None => Reading {
                generation,
                reader: Reader::new(&self.log, self.venue.chain.stream(generation))?,
                fold: VaultFold::new(self.contracts),
                newest: None,
                before: None,
            },
        };
        present.advance(self.venue).await?;
        let present = reading.insert(present);
        let Some((block, sequence)) = present.before else {
            return Ok(None);
        };

        let mut holdings = BTreeMap::new();
        let payments = present.fold.payments();
        let traded = present.fold.traded();
        for &token in &traded {
            let holding = self.holding(token, payments.contains(&token), block.number).await?;
            holdings.insert(token, holding);
        }
        let balances = present.fold.all_at(block.number);
        // What no market trades is in no ledger either, until one does.
        let balances = balances.filter(|(_, token, _)| traded.contains(token));
        Ok(Some(VaultSnapshot {
            venue: self.venue,
            block,
            position: last_position(generation, sequence)?,
            generations: ours,
            balances: balances
                .map(|(account, token, amount)| ((account, token), U256::from(amount.0)))
                .collect(),
            holdings,
            listing: present.fold.listing(),
        }))
    }
}
