//! What is checked of outcomes, beside the laws that hold of every engine: what the vault skipped, and LED-2.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use souk_contracts::exchange::SkipReason;
use souk_schema::TokenRef;
use souk_schema::exchange::command::{Fact, Withdraw};
use souk_schema::exchange::event::BustCause;
use souk_schema::exchange::{AccountId, Command, CommandBody, Event, Source};

use super::World;
use super::vault::{Balances, is_our_fault};
use crate::machine::Machine as _;

impl World {
    pub(super) fn observe_event(&mut self, event: &Event, command: &Command) -> Result<(), String> {
        match event {
            Event::WithdrawalApproved(withdraw) => {
                let is_hoarded = self.hoarded.contains(&(withdraw.account, withdraw.nonce));
                let list = if is_hoarded {
                    &mut self.hoards
                } else {
                    &mut self.approved
                };
                list.push(Withdraw::clone(withdraw));
            }
            Event::FillBusted {
                cause: BustCause::Skipped { reason },
                fill,
            } => {
                let reason = SkipReason::from_number(*reason).ok_or("the vault skips for no reason")?;
                self.coverage.note(&format!("SkipReason::{reason:?}"));
                let hears_in_order = match command.source {
                    Source::Chain { position, .. } => self.chain.is_complete(position),
                    Source::Gateway { .. } => false,
                };
                if is_our_fault(reason, self.rules(), hears_in_order) {
                    return Err(format!("EX-4: the vault skips {fill:?} for reason {reason:?}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// LED-2: at the position where the engine learns of a final block, the vault has in that block what the ledger says, less what is in
    /// flight.
    pub(super) fn check_vault(&mut self, position: u64, body: &CommandBody) -> Result<(), String> {
        let CommandBody::Fact(fact @ Fact::FinalityReached { .. }) = body else {
            return Ok(());
        };
        let Some(balances) = self.record_of(position).balances.clone() else {
            return Ok(());
        };
        // What nobody trades yet, the engine knows nothing of.
        let late = self.late.as_ref().map(|(_, token)| *token);
        let known = |balances: Balances| -> Balances {
            let known = balances.into_iter().filter(|((_, token), _)| Some(*token) != late);
            known.collect()
        };
        let expected = known(balances);
        match self.owed_by_vault().map(known) {
            Ok(ledger) if ledger == expected => {
                self.coverage.note("LED-2");
                Ok(())
            }
            Ok(ledger) => {
                let differs = difference(&ledger, &expected);
                Err(format!("LED-2: at {fact:?} ledger and vault differ: {differs}"))
            }
            Err(broken) => Err(format!("LED-2: at {fact:?} {broken}")),
        }
    }

    /// Whether the engine knows of all tokens, and the follower of nothing that it does not.
    pub(super) fn late_is_caught_up(&self) -> bool {
        let late = self.late.as_ref();
        let is_listed = late.is_none_or(|(_, token)| self.engine.instrument_of(*token).is_some());
        is_listed && self.follower.has_told_all(&self.chain.generations)
    }

    /// What the engine takes the vault to have: balances, with unsettled fills undone, withdrawals that are not over added, and without what
    /// `DEFICIT` bears.
    pub(super) fn owed_by_vault(&self) -> Result<Balances, String> {
        let mut owed: BTreeMap<(AccountId, souk_schema::exchange::InstrumentId), i128> = BTreeMap::new();
        for ((account, instrument), balance) in self.engine.view().balances {
            let settled =
                balance.available + balance.held as i128 - balance.pending_in as i128 + balance.pending_out as i128;
            owed.insert((account, instrument), settled);
        }
        for ((account, _), (instrument, amount, _)) in &self.oracle.withdrawals {
            *owed.entry((AccountId(*account), *instrument)).or_default() += *amount as i128;
        }
        for ((account, instrument), amount) in self.laws.borne() {
            *owed.entry((*account, *instrument)).or_default() -= amount;
        }
        let mut balances = Balances::new();
        for ((account, instrument), amount) in owed {
            if account != AccountId::DEFICIT && amount != 0 {
                let address: Address = self.engine.address(account).ok_or("an account without address")?;
                let token: TokenRef = self
                    .engine
                    .instrument(instrument)
                    .ok_or("an instrument without token")?;
                let amount = u128::try_from(amount).map_err(|_| format!("account {account} owes {amount}"))?;
                balances.insert((address, token), amount);
            }
        }
        Ok(balances)
    }
}

/// What a ledger says and a vault has, where they differ.
pub fn difference(ledger: &Balances, vault: &Balances) -> String {
    let whose: BTreeSet<_> = ledger.keys().chain(vault.keys()).collect();
    let amount = |of: &Balances, whose| of.get(whose).copied().unwrap_or(0);
    let differing = whose
        .into_iter()
        .filter(|whose| amount(ledger, whose) != amount(vault, whose));
    let lines = differing.map(|whose| {
        let (account, token) = whose;
        let (says, has) = (amount(ledger, whose), amount(vault, whose));
        format!(
            "{account} of {}/{}: ledger {says}, vault {has}",
            token.contract, token.id
        )
    });
    lines.collect::<Vec<_>>().join("; ")
}
