//! A chain that broke its promise: blocks that were final are not of it any more. What they said is taken back, and what the new chain says
//! again counts again.
//!
//! Everything but deposits is taken back at the first block that differs, before anything that the new chain says there: what deposits paid for
//! has to be pending again when they vanish. A deposit vanishes only once the new chain is final at its height and has not had it until
//! then, so that one that is merely in another block never goes.

use std::collections::VecDeque;

use souk_schema::BlockRef;
use souk_schema::exchange::FillNumber;
use souk_schema::exchange::command::Fact;

use super::finality::flush;
use super::folder::FactFolder;
use crate::vault_log::VaultEvent;

impl FactFolder {
    /// Looks at a block that has just become final, before what it says is told: is it the one that was final here before?
    pub(super) fn compare_with_told(
        &mut self,
        block: BlockRef,
        events: &[VaultEvent],
        settled: &mut Option<FillNumber>,
        facts: &mut VecDeque<Fact>,
    ) {
        let Some((&last, _)) = self.state.doubtful.last_key_value() else {
            return;
        };
        let differs = match self.state.doubtful.remove(&block.number) {
            Some(hash) => hash != block.hash,
            // A block that says something where no block did before.
            None => block.number <= last && events.iter().any(|event| self.counts_at_finality(event)),
        };
        if differs {
            self.state.doubtful.clear();
            flush(settled, facts);
            self.take_back(block.number, facts);
        } else if block.number >= last {
            self.state.doubtful.clear();
        }
    }

    /// Whether an event is one of those that are told once their block is final, and can be taken back.
    fn counts_at_finality(&self, event: &VaultEvent) -> bool {
        match event {
            VaultEvent::FillSettled { group, .. } | VaultEvent::FillSkipped { group, .. } => {
                *group == self.config.group
            }
            VaultEvent::Deposited { group, .. }
            | VaultEvent::Withdrawn { group, .. }
            | VaultEvent::ExitExecuted { group, .. } => self.config.is_ours(*group),
            VaultEvent::RoyaltyFlushed { .. } => true,
            _ => false,
        }
    }

    /// Takes back what blocks from this height on had said, save deposits.
    fn take_back(&mut self, height: u64, facts: &mut VecDeque<Fact>) {
        let told = &mut self.state.told;
        let fills = told.fills.split_off(&height);
        if let Some((_, (_, first))) = fills.first_key_value() {
            told.fills_through = first.saturating_sub(1);
            let from = FillNumber(*first);
            facts.push_back(Fact::FillsVanished { from });
        }
        let withdrawals = told.withdrawals.extract_if(.., |_, block| block.number >= height);
        facts.extend(withdrawals.map(|((account, nonce), _)| Fact::WithdrawalVanished { account, nonce }));
        let exits = told.exits_executed.extract_if(.., |_, block| block.number >= height);
        facts.extend(exits.map(|(exit_id, _)| Fact::ExitVanished { exit_id }));
        let flushes = told.flushes.extract_if(.., |_, (_, block)| block.number >= height);
        facts.extend(flushes.map(|((market, _), (amount, _))| Fact::FlushVanished { market, amount }));
        if self.state.catching_up_to.is_none() {
            // Exits that were paid out may wait again.
            self.compare_states(facts);
        }
    }
}
