//! The chain goes back past finality to where a mark was set: the vault is as it was then, and the engine is told what is gone.

use souk_schema::Address;
use souk_schema::exchange::command::{Fact, Withdraw};
use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{CommandBody, FillNumber, MarketState};

use super::{MARKETS, Vault, World, market_key};

/// The vault as it was, and what happened since.
pub(super) struct Mark {
    vault: Vault,
    settled: FillNumber,
    facts: Vec<Fact>,
    traded: Vec<Fill>,
    approved: Vec<Withdraw>,
}

impl World {
    pub(super) fn set_mark(&mut self) {
        self.mark = Some(Mark {
            vault: self.vault.clone(),
            settled: self.engine.settled(),
            facts: Vec::new(),
            traded: Vec::new(),
            approved: Vec::new(),
        });
    }

    pub(super) fn break_finality(&mut self) {
        let Some(mut mark) = self.mark.take() else { return };
        self.breaks += 1;
        mark.vault.fills.append(&mut mark.traded);
        mark.vault.withdrawals.append(&mut mark.approved);
        mark.vault.counter = self.vault.counter;
        let now = std::mem::replace(&mut self.vault, mark.vault);
        if self.engine.settled() > mark.settled {
            let from = FillNumber(mark.settled.0 + 1);
            self.fact(Fact::FillsVanished { from });
        }
        let (deposits, others): (Vec<Fact>, Vec<Fact>) = mark
            .facts
            .into_iter()
            .partition(|fact| matches!(fact, Fact::Deposited { .. }));
        for fact in others {
            match fact {
                Fact::Withdrawn { account, nonce } => self.fact(Fact::WithdrawalVanished { account, nonce }),
                Fact::ExitExecuted { exit_id, .. } => self.fact(Fact::ExitVanished { exit_id }),
                _ => {}
            }
        }
        let before = self.vault.exits.clone();
        let only = |of: &[(Address, u64)], not: &[(Address, u64)]| -> Vec<(Address, u64)> {
            of.iter().copied().filter(|exit| !not.contains(exit)).collect()
        };
        for (account, exit_id) in only(&now.exits, &before) {
            self.fact(Fact::ExitCancelled { account, exit_id });
        }
        for (account, exit_id) in only(&before, &now.exits) {
            self.fact(Fact::ExitRequested { account, exit_id });
        }
        for fact in deposits {
            if let Fact::Deposited { deposit_id, .. } = fact {
                self.fact(Fact::DepositVanished { deposit_id });
            }
        }
        self.open_again();
    }

    /// The operator looks into it, and opens again.
    pub(super) fn open_again(&mut self) {
        for market in 0..MARKETS {
            for state in [MarketState::Auction, MarketState::Open] {
                self.tell(CommandBody::SetMarketState {
                    market: market_key(market),
                    state,
                });
            }
        }
        self.now.0 += 11_000;
        self.tell(CommandBody::Tick);
    }

    /// Notes what a reorganisation would take away.
    pub(super) fn note(&mut self, fact: &Fact) {
        if let Some(mark) = &mut self.mark {
            mark.facts.push(fact.clone());
        }
    }

    pub(super) fn note_fill(&mut self, fill: &Fill) {
        if let Some(mark) = &mut self.mark {
            mark.traded.push(fill.clone());
        }
    }

    pub(super) fn note_withdrawal(&mut self, withdraw: &Withdraw) {
        if let Some(mark) = &mut self.mark {
            mark.approved.push(withdraw.clone());
        }
    }
}
