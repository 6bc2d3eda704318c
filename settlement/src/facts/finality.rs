//! What a block says counts once it is final, save what stops somebody from trading: that counted at the head.

use std::collections::VecDeque;

use souk_schema::BlockRef;
use souk_schema::exchange::FillNumber;
use souk_schema::exchange::command::Fact;

use super::folder::{FactFolder, FoldError};
use super::told::ToldDeposit;
use crate::vault_log::VaultEvent;

impl FactFolder {
    pub(super) fn finalize(&mut self, block: BlockRef, facts: &mut VecDeque<Fact>) -> Result<(), FoldError> {
        let finalized = self.state.chain.finalize(block)?;
        let mut secs = 0;
        let mut settled = None;
        for unfinal in finalized {
            self.compare_with_told(unfinal.block, &unfinal.events, &mut settled, facts);
            for event in &unfinal.events {
                self.at_finality(event, unfinal.block, &mut settled, facts);
            }
            self.drop_vanished(unfinal.block, &mut settled, facts);
            secs = unfinal.secs;
        }
        flush(&mut settled, facts);
        // Blocks may share a second; each is told, so that an engine that has heard of one knows all of those before.
        if (secs, block.number) > self.state.told.last_final {
            self.state.told.last_final = (secs, block.number);
            let block = block.number;
            facts.push_back(Fact::FinalityReached { block, secs });
        }
        Ok(())
    }

    /// What counts once its block is final. Settled fills in a row become one fact, told before whatever comes after them.
    fn at_finality(
        &mut self,
        event: &VaultEvent,
        block: BlockRef,
        settled: &mut Option<FillNumber>,
        facts: &mut VecDeque<Fact>,
    ) {
        if let VaultEvent::FillSettled { group, number, .. } = event {
            if *group == self.config.group && number.0 > self.state.told.fills_through {
                self.over(*number, block);
                *settled = Some(*number);
            }
            return;
        }
        flush(settled, facts);
        match *event {
            VaultEvent::FillSkipped { group, number, reason }
                if group == self.config.group && number.0 > self.state.told.fills_through =>
            {
                self.over(number, block);
                facts.push_back(Fact::FillSkipped { fill: number, reason });
            }
            VaultEvent::Deposited {
                deposit_id,
                account,
                token,
                amount,
                group,
            } if self.config.is_ours(group) => {
                let deposit = ToldDeposit {
                    account,
                    token,
                    amount,
                    block,
                };
                self.tell_deposit(deposit_id, deposit, facts);
            }
            VaultEvent::Withdrawn {
                account, nonce, group, ..
            } if self.config.is_ours(group)
                && self.state.told.withdrawals.insert((account, nonce), block).is_none() =>
            {
                facts.push_back(Fact::Withdrawn { account, nonce });
            }
            VaultEvent::ExitExecuted { .. } | VaultEvent::ExitCancelled { .. } => self.exit_ended(event, block, facts),
            VaultEvent::RoyaltyFlushed {
                market,
                amount,
                revenue_id,
                ..
            } if self
                .state
                .told
                .flushes
                .insert((market, revenue_id), (amount, block))
                .is_none() =>
            {
                facts.push_back(Fact::RoyaltyFlushed { market, amount });
            }
            VaultEvent::EscapeEntered if !self.state.told.escape => {
                self.state.told.escape = true;
                facts.push_back(Fact::EscapeEntered);
            }
            VaultEvent::Escaped { account, token, amount }
                if self.config.takes_strays() && self.state.told.escaped.insert((account, token)) =>
            {
                facts.push_back(Fact::Escaped { account, token, amount });
            }
            _ => {}
        }
    }

    /// An exit was paid out or cancelled.
    fn exit_ended(&mut self, event: &VaultEvent, block: BlockRef, facts: &mut VecDeque<Fact>) {
        match *event {
            VaultEvent::ExitExecuted {
                exit_id,
                account,
                token,
                paid,
                group,
            } if self.config.is_ours(group) && self.state.told.exits_executed.insert(exit_id, block).is_none() => {
                // The engine knows nothing of an exit whose request it has not heard.
                self.tell_exit(exit_id, account, facts);
                self.state.told.exits.remove(&exit_id);
                facts.push_back(Fact::ExitExecuted {
                    account,
                    exit_id,
                    token,
                    amount: paid,
                });
            }
            VaultEvent::ExitCancelled { exit_id } if self.state.catching_up_to.is_none() => {
                if let Some(account) = self.state.told.exits.remove(&exit_id) {
                    facts.push_back(Fact::ExitCancelled { account, exit_id });
                }
            }
            _ => {}
        }
    }

    /// A fill is over, settled or skipped.
    fn over(&mut self, fill: FillNumber, block: BlockRef) {
        let told = &mut self.state.told;
        told.fills_through = fill.0;
        told.fills.entry(block.number).or_insert((block.hash, fill.0));
    }

    fn tell_deposit(&mut self, deposit_id: u64, deposit: ToldDeposit, facts: &mut VecDeque<Fact>) {
        match self.state.told.deposits.get_mut(&deposit_id) {
            Some(told) if told.is_same(&deposit) => {
                told.block = deposit.block;
                return;
            }
            Some(_) => facts.push_back(Fact::DepositVanished { deposit_id }),
            None => {}
        }
        facts.push_back(deposited(deposit_id, &deposit));
        self.state.told.deposits.insert(deposit_id, deposit);
    }

    /// Deposits that were final at this height and are not of this block: another chain has become final here.
    fn drop_vanished(&mut self, block: BlockRef, settled: &mut Option<FillNumber>, facts: &mut VecDeque<Fact>) {
        let later = self.state.unconfirmed.split_off(&(block.number + 1));
        for (number, deposits) in std::mem::replace(&mut self.state.unconfirmed, later) {
            for (hash, deposit_id) in deposits {
                let seen = BlockRef { number, hash };
                let is_elsewhere = self
                    .state
                    .told
                    .deposits
                    .get(&deposit_id)
                    .is_some_and(|told| told.block != seen);
                if number == block.number && hash != block.hash && !is_elsewhere {
                    flush(settled, facts);
                    self.state.told.deposits.remove(&deposit_id);
                    facts.push_back(Fact::DepositVanished { deposit_id });
                }
            }
        }
    }
}

pub(super) fn flush(settled: &mut Option<FillNumber>, facts: &mut VecDeque<Fact>) {
    if let Some(through) = settled.take() {
        facts.push_back(Fact::FillsSettled { through });
    }
}

fn deposited(deposit_id: u64, deposit: &ToldDeposit) -> Fact {
    let ToldDeposit {
        account, token, amount, ..
    } = *deposit;
    Fact::Deposited {
        deposit_id,
        account,
        token,
        amount,
    }
}
