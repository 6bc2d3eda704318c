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

    /// A reorganisation past finality: so many final blocks, and all that are not final, are gone; their transactions go back to the pool
    /// where `keep` says so, and may come again. Returns false, and does nothing, where the escape was opened in them, which nothing
    /// reverses.
    pub fn break_finality(&mut self, depth: usize, mut keep: impl FnMut(&Tx) -> bool) -> bool {
        // The first block has everyone's first deposits.
        let kept = self.finals.saturating_sub(depth).max(1);
        let gone = &self.blocks[kept..];
        let escapes = |block: &Block| block.logs.contains(&Log::EscapeEntered);
        if kept >= self.finals || gone.iter().any(escapes) {
            return false;
        }
        let logs: Vec<Log> = self.blocks[kept..self.finals]
            .iter()
            .flat_map(|block| block.logs.iter().cloned())
            .collect();
        self.reorganise(self.young());
        let before = self.vault().waiting_exits();
        self.finals = kept;
        for block in self.blocks.split_off(kept).into_iter().rev() {
            for included in block.txs.into_iter().rev() {
                self.pool.push_front(included.tx);
            }
        }
        self.pool.retain(|tx| keep(tx));
        let after = self.vault().waiting_exits();
        let fills = logs.iter().filter_map(|log| match log {
            Log::FillSettled(number) | Log::FillSkipped(number, _) => Some(*number),
            _ => None,
        });
        if let Some(first) = fills.min() {
            let from = FillNumber(first);
            self.stream.push(told(Fact::FillsVanished { from }));
        }
        // Deposits last, as a reader of the chain does it: what they paid for has to be pending again by then.
        let (deposits, others): (Vec<Log>, Vec<Log>) =
            logs.into_iter().partition(|log| matches!(log, Log::Deposited { .. }));
        self.stream.extend(others.iter().filter_map(undone).map(told));
        for (&exit_id, &account) in before.iter().filter(|(id, _)| !after.contains_key(id)) {
            self.stream.push(told(Fact::ExitCancelled { account, exit_id }));
        }
        for (&exit_id, &account) in after.iter().filter(|(id, _)| !before.contains_key(id)) {
            self.stream.push(told(Fact::ExitRequested { account, exit_id }));
        }
        self.stream.extend(deposits.iter().filter_map(undone).map(told));
        true
    }
}

/// What says that a log of a final block is gone; fills are told together.
fn undone(log: &Log) -> Option<Fact> {
    Some(match *log {
        Log::Deposited { id: deposit_id, .. } => Fact::DepositVanished { deposit_id },
        Log::Withdrawn { account, nonce } => Fact::WithdrawalVanished { account, nonce },
        Log::ExitExecuted { id: exit_id, .. } => Fact::ExitVanished { exit_id },
        Log::RoyaltyFlushed(market, amount) => Fact::FlushVanished {
            market,
            amount: Amount(amount),
        },
        _ => return None,
    })
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
        Log::Escaped(account, token, amount) => Fact::Escaped {
            account,
            token,
            amount: Amount(amount),
        },
    })
}
