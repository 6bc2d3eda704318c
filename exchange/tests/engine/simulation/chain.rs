//! A chain with one contract, as its node shows it: blocks, a pool of transactions, fees, reorganisations; and the streams that an indexer
//! makes of it, generation after generation.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, Bytes, U256};
use souk_contracts::ExchangeVault::{EscapeEntered, FillSettled, FillSkipped};
use souk_schema::BlockRef;
use souk_schema::exchange::{FillNumber, MarketSpec};
use souk_schema::record::{
    Block as StreamBlock, BlockReverted, ChainRecordBody, CompletenessProof, RawLog, StreamOpened,
};
use souk_settlement::facts::generation_of;
use souk_settlement::node::{Head, Trial};
use souk_settlement::settler::journal::MinedIn;

use super::vault::{Balances, OperatorTx, Refusal, Tx, Vault, gas_of};

/// Most gas of a block.
const BLOCK_GAS: u64 = 30_000_000;
/// The base fee when nothing much happens, in wei per gas.
const USUAL_BASE_FEE: u128 = 30;

#[derive(Clone, Debug)]
struct Block {
    at: BlockRef,
    parent: B256,
    secs: u64,
    txs: Vec<Tx>,
    logs: Vec<RawLog>,
    /// Of the operator's transactions.
    receipts: Vec<MinedIn>,
    /// The vault after it.
    vault: Vault,
}

/// A record of a stream.
#[derive(Clone, Debug)]
pub struct Record {
    pub body: ChainRecordBody,
    /// What the vault had in the block whose finality it reports, where the stream has then told all that was ever final.
    pub balances: Option<Balances>,
}

/// What an indexer wrote in one go.
#[derive(Clone, Debug, Default)]
pub struct Generation {
    pub records: Vec<Record>,
    /// Final blocks when it was begun: before it is as far, it does not say all that was said.
    finals_before: usize,
}

/// How a block is made.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Unix seconds; a block is later than the one before in any case.
    pub secs: u64,
    /// Percent of what gas usually costs.
    pub dearness: u64,
}

pub struct Chain {
    genesis: Vault,
    blocks: Vec<Block>,
    /// How many blocks are final.
    finals: usize,
    pub pool: VecDeque<Tx>,
    /// In wei per gas.
    pub base_fee: u128,
    /// Percent of what gas usually costs, for who tries a call out.
    pub dearness: u64,
    /// By number, less 1.
    pub generations: Vec<Generation>,
    /// Blocks ever made.
    made: u64,
    /// Keys that were ever registered, on any branch.
    keys: BTreeSet<(Address, Address)>,
    /// How often each thing happened.
    pub happened: BTreeMap<&'static str, u64>,
}

impl Chain {
    pub fn new(markets: &[MarketSpec], now: u64) -> Chain {
        let mut chain = Chain {
            genesis: Vault::new(markets, now),
            blocks: Vec::new(),
            finals: 0,
            pool: VecDeque::new(),
            base_fee: USUAL_BASE_FEE,
            dearness: 100,
            generations: Vec::new(),
            made: 0,
            keys: BTreeSet::new(),
            happened: BTreeMap::new(),
        };
        chain.open_generation();
        chain
    }

    fn note(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    /// The vault at the head.
    pub fn vault(&self) -> &Vault {
        self.blocks.last().map_or(&self.genesis, |block| &block.vault)
    }

    pub fn final_vault(&self) -> &Vault {
        match self.finals {
            0 => &self.genesis,
            count => &self.blocks[count - 1].vault,
        }
    }

    /// Blocks that are not final.
    pub fn young(&self) -> usize {
        self.blocks.len() - self.finals
    }

    pub fn head(&self) -> Head {
        Head {
            number: self.blocks.len() as u64,
            secs: self.blocks.last().map_or(0, |block| block.secs),
            base_fee_wei: self.base_fee,
            gas_limit: BLOCK_GAS,
        }
    }

    pub fn final_block(&self) -> Option<u64> {
        Some(self.finals as u64)
    }

    /// The number that the vault wants next, and when it last heard of the operator (unix seconds).
    pub fn vault_state(&self) -> (FillNumber, u64) {
        (FillNumber(self.vault().next_number), self.vault().last_beat)
    }

    /// Where transactions are in blocks, for those that are.
    pub fn receipts(&self, hashes: &[B256]) -> BTreeMap<B256, MinedIn> {
        let receipts = self.blocks.iter().flat_map(|block| &block.receipts);
        let asked = receipts.filter(|receipt| hashes.contains(&receipt.hash));
        asked.map(|receipt| (receipt.hash, *receipt)).collect()
    }

    /// What a node says of a call of the operator against the newest state.
    pub fn try_out(&self, call: &Bytes, most_gas: u64) -> Trial {
        let gas = gas_of(call, self.dearness);
        let done = self
            .vault()
            .clone()
            .call(call, u64::MAX, self.head().secs + 1, self.dearness);
        match done {
            Ok(_) if gas > most_gas => Trial::TooMuchGas,
            Ok(_) => Trial::Works { gas },
            Err(refusal) => Trial::Refused {
                reason: format!("{refusal:?}"),
                is_stale: refusal == Refusal::WrongNumber,
            },
        }
    }

    /// A node takes a transaction of the operator into its pool, or does not. Another node may still `keep` the one that it replaces.
    /// Returns whether it did not know it.
    pub fn broadcast(&mut self, tx: OperatorTx, keep: bool) -> bool {
        let same = |known: &Tx| match known {
            Tx::Operator(known) => known.nonce == tx.nonce && known.max_fee <= tx.max_fee,
            _ => false,
        };
        let is_known = |known: &Tx| matches!(known, Tx::Operator(known) if known.hash == tx.hash);
        if tx.nonce < self.vault().operator_nonce || self.pool.iter().any(is_known) {
            return false;
        }
        if !keep {
            self.pool.retain(|known| !same(known));
        }
        self.pool.push_back(Tx::Operator(tx));
        true
    }

    /// Makes a block of what `take` says, transaction by transaction in the order of the pool.
    pub fn mine(&mut self, weather: Weather, mut take: impl FnMut(&Tx) -> bool) {
        let secs = self.blocks.last().map_or(0, |block| block.secs + 1).max(weather.secs);
        let mut vault = self.vault().clone();
        let (mut txs, mut logs, mut receipts, mut left) = (Vec::new(), Vec::new(), Vec::new(), VecDeque::new());
        self.made += 1;
        let number = self.blocks.len() as u64 + 1;
        // Of each block there is one only, wherever it is.
        let hash = B256::from(U256::from(self.made));
        for tx in std::mem::take(&mut self.pool) {
            if let Tx::Operator(sent) = &tx
                && (sent.nonce != vault.operator_nonce || sent.max_fee < self.base_fee)
            {
                left.push_back(tx);
                continue;
            }
            if !take(&tx) {
                left.push_back(tx);
                continue;
            }
            let mut trial = vault.clone();
            let done = trial.execute(&tx, secs, weather.dearness);
            match &done {
                Ok(more) => {
                    if trial.orders_by_key > vault.orders_by_key {
                        self.note("Chain::OrderByKey");
                    }
                    if is_in_part(more) {
                        self.note("Chain::BatchInPart");
                    }
                    vault = trial;
                    logs.extend(more.iter().cloned());
                }
                Err(Refusal::WrongNumber) => self.note("Chain::WrongNumber"),
                Err(Refusal::OutOfGas) => self.note("Chain::OutOfGas"),
                Err(Refusal::Other) => {}
            }
            match &tx {
                Tx::Operator(sent) => {
                    vault.operator_nonce += 1;
                    receipts.push(MinedIn {
                        hash: sent.hash,
                        block_number: number,
                        block_hash: hash,
                        gas_used: sent.gas_limit / 2,
                        succeeded: done.is_ok(),
                    });
                }
                Tx::RegisterKey(account, key) => {
                    self.keys.insert((*account, *key));
                }
                _ => {}
            }
            txs.push(tx);
        }
        self.pool = left;
        for (log_index, log) in (0..).zip(&mut logs) {
            log.log_index = log_index;
        }
        self.blocks.push(Block {
            at: BlockRef { number, hash },
            parent: self.blocks.last().map_or(B256::ZERO, |block| block.at.hash),
            secs,
            txs,
            logs,
            receipts,
            vault,
        });
        self.append(self.blocks.len() - 1);
    }

    /// What the vault was shown that nobody signed, if anything.
    pub fn forgery(&self) -> Option<String> {
        let vault = self.vault();
        let stranger = vault.strange_signers.iter().find(|signer| !self.keys.contains(signer));
        match stranger {
            Some(stranger) => Some(format!(
                "EX-4: the vault was shown a signature by a stranger: {stranger:?}"
            )),
            None => vault
                .was_shown_forgery
                .then(|| "EX-4: the vault was shown a signature of something else".to_owned()),
        }
    }

    /// Drops blocks off the head; their transactions go back to the front of the pool.
    pub fn reorganise(&mut self, depth: usize) {
        for _ in 0..depth.min(self.young()) {
            let block = self.blocks.pop().expect("it is young");
            self.write(ChainRecordBody::BlockReverted(BlockReverted {
                number: block.at.number,
                hash: block.at.hash,
                parent_hash: block.parent,
            }));
            self.back_to_pool(block);
        }
    }

    fn back_to_pool(&mut self, block: Block) {
        for tx in block.txs.into_iter().rev() {
            match tx {
                Tx::Operator(_) => self.note("Chain::BatchUnmined"),
                Tx::Deposit { .. } => self.note("Chain::DepositUnmined"),
                _ => {}
            }
            self.pool.push_front(tx);
        }
    }

    /// Makes the next young block final.
    pub fn finalise(&mut self) {
        if self.young() > 0 {
            self.finals += 1;
            self.write_final(self.finals);
            // No node keeps what can never be mined any more, unless finality breaks.
            let used = self.final_vault().operator_nonce;
            self.pool
                .retain(|tx| !matches!(tx, Tx::Operator(sent) if sent.nonce < used));
        }
    }

    /// A reorganisation past finality: so many final blocks, and all that are not final, are gone; their transactions go back to the pool
    /// where `keep` says so, and may come again. Returns false, and does nothing, where the escape was opened in them, which nothing
    /// reverses.
    pub fn break_finality(&mut self, depth: usize, mut keep: impl FnMut(&Tx) -> bool) -> bool {
        // The first block has everyone's first deposits.
        let kept = self.finals.saturating_sub(depth).max(1);
        let opens_escape = |log: &RawLog| is_event::<EscapeEntered>(log);
        if kept >= self.finals
            || self.blocks[kept..]
                .iter()
                .flat_map(|block| &block.logs)
                .any(opens_escape)
        {
            return false;
        }
        let finals_before = self.finals;
        self.finals = kept;
        for block in self.blocks.split_off(kept).into_iter().rev() {
            self.back_to_pool(block);
        }
        self.pool.retain(|tx| keep(tx));
        self.note("Chain::FinalityBroken");
        self.open_generation();
        let generation = self.generations.last_mut().expect("just opened");
        generation.finals_before = generation.finals_before.max(finals_before);
        true
    }

    /// Whether the stream that a fact with this position is of had told all by then that was ever final.
    pub fn is_complete(&self, position: u64) -> bool {
        let generation = &self.generations[generation_of(position) as usize - 1];
        let so_far = &generation.records[..=(position >> 16 & ((1 << 40) - 1)) as usize];
        let is_final = |record: &Record| record.balances.is_some();
        generation.finals_before == 0 || so_far.iter().any(is_final)
    }

    /// Whether as many blocks are final as ever were.
    pub fn is_whole(&self) -> bool {
        self.finals >= self.generations.last().map_or(0, |generation| generation.finals_before)
    }

    /// The indexer begins a new stream, and tells the chain in it from the beginning.
    pub fn open_generation(&mut self) {
        let before = self.generations.last();
        let finals_before = before.map_or(0, |before| before.finals_before.max(self.finals));
        self.generations.push(Generation {
            records: Vec::new(),
            finals_before,
        });
        self.write(ChainRecordBody::StreamOpened(StreamOpened {
            generation: self.generations.len() as u32,
            start_block: 1,
            watch_set_json: String::new(),
            watch_set_hash: B256::ZERO,
            genesis_hash: B256::ZERO,
        }));
        for place in 0..self.blocks.len() {
            self.append(place);
            if place + 1 == self.finals / 2 || place + 1 == self.finals {
                self.write_final(place + 1);
            }
        }
    }

    fn append(&mut self, place: usize) {
        let block = &self.blocks[place];
        let body = ChainRecordBody::BlockAppended(StreamBlock {
            number: block.at.number,
            hash: block.at.hash,
            parent_hash: block.parent,
            timestamp: block.secs,
            logs: block.logs.clone(),
            proof: CompletenessProof::ReceiptsRoot,
        });
        self.write(body);
    }

    /// Writes that so many blocks are final.
    fn write_final(&mut self, count: usize) {
        let block = &self.blocks[count - 1];
        let generation = self.generations.last_mut().expect("one is always open");
        let is_complete = count >= generation.finals_before;
        generation.records.push(Record {
            body: ChainRecordBody::FinalityAdvanced(block.at),
            balances: is_complete.then(|| block.vault.balances.clone()),
        });
    }

    fn write(&mut self, body: ChainRecordBody) {
        let generation = self.generations.last_mut().expect("one is always open");
        generation.records.push(Record { body, balances: None });
    }
}

fn is_event<E: SolEvent>(log: &RawLog) -> bool {
    log.topics.first() == Some(&E::SIGNATURE_HASH)
}

/// Whether of a batch's fills one was settled and another skipped.
fn is_in_part(logs: &[RawLog]) -> bool {
    logs.iter().any(is_event::<FillSettled>) && logs.iter().any(is_event::<FillSkipped>)
}
