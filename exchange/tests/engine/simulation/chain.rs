//! A chain with one contract: blocks, a pool of transactions, reorganisations, and the facts that a reader of the chain makes of it.

use std::collections::VecDeque;

use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{Amount, FillNumber, MarketSpec};

use super::vault::{Balances, Log, Tx, Vault};

/// A transaction in a block; `fails` where it ran out of gas, or was made to fail some other way.
#[derive(Clone, Debug)]
struct Included {
    tx: Tx,
    fails: bool,
}

#[derive(Clone, Debug)]
struct Block {
    secs: u64,
    txs: Vec<Included>,
    logs: Vec<Log>,
    /// The vault after it.
    vault: Vault,
}

/// A fact in the stream of a reader, and what the vault had in the block whose finality it reports.
#[derive(Clone, Debug)]
pub struct Reported {
    pub fact: Fact,
    pub balances: Option<Balances>,
}

pub struct Chain {
    genesis: Vault,
    blocks: Vec<Block>,
    /// How many blocks are final.
    finals: usize,
    pub pool: VecDeque<Tx>,
    /// Everything that the reader told, in order. A fact's position is its place, from 1.
    pub stream: Vec<Reported>,
}

impl Chain {
    pub fn new(markets: &[MarketSpec], now: u64) -> Chain {
        Chain {
            genesis: Vault::new(markets, now),
            blocks: Vec::new(),
            finals: 0,
            pool: VecDeque::new(),
            stream: Vec::new(),
        }
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

    /// Makes a block of what `take` and `fail` say, transaction by transaction in the order of the pool.
    pub fn mine(&mut self, secs: u64, mut take: impl FnMut(&Tx) -> bool, mut fail: impl FnMut(&Tx) -> bool) {
        let secs = self.blocks.last().map_or(secs, |block| secs.max(block.secs + 1));
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        for tx in self.pool.drain(..) {
            match take(&tx) {
                true => taken.push(Included { fails: fail(&tx), tx }),
                false => left.push_back(tx),
            }
        }
        self.pool = left;
        let block = self.execute(secs, taken);
        for log in &block.logs {
            // Seen at head: whoever wants out must not trade on.
            if let Log::ExitRequested { id, account } = log {
                let (account, exit_id) = (*account, *id);
                self.stream.push(told(Fact::ExitRequested { account, exit_id }));
            }
        }
        self.blocks.push(block);
    }

    /// Runs transactions on top of the present head. One whose operator nonce is used, or not yet due, goes nowhere.
    fn execute(&self, secs: u64, txs: Vec<Included>) -> Block {
        let mut vault = self.vault().clone();
        let (mut logs, mut included) = (Vec::new(), Vec::new());
        for tx in txs {
            if let Tx::Settle(batch) = &tx.tx {
                if batch.nonce != vault.operator_nonce {
                    continue;
                }
                vault.operator_nonce += 1;
            }
            if !tx.fails {
                let mut trial = vault.clone();
                if let Some(more) = trial.execute(&tx.tx, secs) {
                    vault = trial;
                    logs.extend(more);
                }
            }
            included.push(tx);
        }
        Block {
            secs,
            txs: included,
            logs,
            vault,
        }
    }

    /// Drops blocks off the head; their transactions go back to the front of the pool.
    pub fn reorganise(&mut self, depth: usize) {
        for _ in 0..depth.min(self.young()) {
            let block = self.blocks.pop().expect("it is young");
            for log in block.logs.iter().rev() {
                if let Log::ExitRequested { id, account } = log {
                    let (account, exit_id) = (*account, *id);
                    self.stream.push(told(Fact::ExitCancelled { account, exit_id }));
                }
            }
            for included in block.txs.into_iter().rev() {
                self.pool.push_front(included.tx);
            }
        }
    }

    /// Makes the next young block final, and tells what happened in it.
    pub fn finalise(&mut self) {
        let Some(block) = self.blocks.get(self.finals) else {
            return;
        };
        let mut settled = None;
        for log in &block.logs {
            if !matches!(log, Log::FillSettled(_)) {
                self.stream.extend(settled.take().map(told));
            }
            match final_fact(log) {
                Some(fact @ Fact::FillsSettled { .. }) => settled = Some(fact),
                Some(fact) => self.stream.push(told(fact)),
                None => {}
            }
        }
        self.stream.extend(settled.map(told));
        self.finals += 1;
        self.stream.push(Reported {
            fact: Fact::FinalityReached {
                block: self.finals as u64,
                secs: block.secs,
            },
            balances: Some(block.vault.balances.clone()),
        });
    }

    /// A reorganisation past finality: a deposit that was final is gone, and may come again. Only where nothing else that was final
    /// changes: the rules have no reversal of other facts. Returns whether one was found.
    pub fn break_finality(&mut self, which: usize) -> bool {
        let deposits: Vec<(usize, usize)> = (0..self.finals)
            .flat_map(|block| (0..self.blocks[block].txs.len()).map(move |tx| (block, tx)))
            .filter(|(block, tx)| matches!(self.blocks[*block].txs[*tx].tx, Tx::Deposit { .. }))
            .collect();
        if deposits.is_empty() {
            return false;
        }
        let (at, place) = deposits[which % deposits.len()];
        let mut other = Chain::new(&[], 0);
        other.genesis = self.genesis.clone();
        let mut gone = None;
        for (number, block) in self.blocks[..self.finals].iter().enumerate() {
            let mut txs = block.txs.clone();
            let mut wanted = block.logs.clone();
            if number == at {
                let removed = txs.remove(place).tx;
                let Tx::Deposit { id, .. } = removed else {
                    unreachable!("filtered")
                };
                wanted.retain(|log| !matches!(log, Log::Deposited { id: logged, .. } if *logged == id));
                gone = Some((id, removed));
            }
            let executed = other.execute(block.secs, txs);
            if executed.logs != wanted {
                return false;
            }
            other.blocks.push(executed);
        }
        let (deposit_id, tx) = gone.expect("the block is final");
        self.reorganise(self.young());
        self.blocks = other.blocks;
        self.stream.push(told(Fact::DepositVanished { deposit_id }));
        self.pool.push_back(tx);
        true
    }
}

fn told(fact: Fact) -> Reported {
    Reported { fact, balances: None }
}

/// What a log means once it is final.
fn final_fact(log: &Log) -> Option<Fact> {
    Some(match *log {
        Log::Deposited {
            id,
            account,
            token,
            amount,
        } => Fact::Deposited {
            deposit_id: id,
            account,
            token,
            amount: Amount(amount),
        },
        Log::Withdrawn { account, nonce } => Fact::Withdrawn { account, nonce },
        Log::ExitRequested { .. } => return None,
        Log::ExitExecuted {
            id,
            account,
            token,
            paid,
        } => Fact::ExitExecuted {
            account,
            exit_id: id,
            token,
            amount: Amount(paid),
        },
        Log::ExitCancelled { id, account } => Fact::ExitCancelled { account, exit_id: id },
        Log::FillSettled(number) => Fact::FillsSettled {
            through: FillNumber(number),
        },
        Log::FillSkipped(number, reason) => Fact::FillSkipped {
            fill: FillNumber(number),
            reason,
        },
        Log::RoyaltyFlushed(market, amount) => Fact::RoyaltyFlushed {
            market,
            amount: Amount(amount),
        },
        Log::EscapeEntered => Fact::EscapeEntered,
    })
}
