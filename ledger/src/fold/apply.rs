//! One outcome after the other.

use souk_schema::exchange::command::OpenGroup;
use souk_schema::exchange::event::{CreditCause, DebitCause, Fill};
use souk_schema::exchange::{AccountId, Event, FillNumber, InstrumentId, Outcome, Rejection, Source};

use super::changes::{Bust, Changes, Exited, NewFill, WithdrawalEnd, Withdrawn};
use super::context::{Context, MarketParts, Unsettled};
use super::money::postings;
use super::{FoldError, candles};
use crate::posting::{Posting, Transaction};

impl Context {
    /// Applies an outcome. One whose number was applied before changes nothing: several engines may have written it (LOG-2).
    ///
    /// # Errors
    /// [`FoldError`]; context and changes are of no use then.
    pub fn apply(&mut self, outcome: Outcome, changes: &mut Changes) -> Result<(), FoldError> {
        if outcome.number <= self.last_number {
            return Ok(());
        }
        if outcome.number.0 != self.last_number.0 + 1 {
            return Err(FoldError::Gap {
                last: self.last_number,
                found: outcome.number,
            });
        }
        self.last_number = outcome.number;
        changes.engine_time = outcome.time;
        if let Source::Chain { chain, position } = outcome.source
            && !matches!(outcome.result, Err(Rejection::Duplicate))
        {
            changes.facts.push((chain, position, outcome.number));
        }
        let mut outcome = outcome;
        let Ok(events) = std::mem::replace(&mut outcome.result, Ok(Vec::new())) else {
            return Ok(());
        };
        let (mut posted, mut debit) = (Vec::new(), None);
        for event in events {
            // Before the event: a release is from what the order was, and a closed order is forgotten.
            postings(&event, self, &mut posted)?;
            self.apply_to_orders(&event, &outcome, changes)?;
            if let Event::Debited {
                account, instrument, ..
            } = &event
            {
                debit = Some((*account, *instrument));
            }
            self.apply_event(event, &outcome, debit, changes)?;
        }
        post(posted, &outcome, changes);
        Ok(())
    }

    /// Takes what was collected, ready to be written.
    pub fn take(&mut self, changes: &mut Changes) -> Changes {
        let mut taken = std::mem::take(changes);
        taken.orders = self.take_touched(&mut taken);
        taken.order();
        taken
    }

    fn apply_event(
        &mut self,
        event: Event,
        outcome: &Outcome,
        debit: Option<(AccountId, InstrumentId)>,
        changes: &mut Changes,
    ) -> Result<(), FoldError> {
        match event {
            Event::GroupOpened(open) => opened(open, outcome, changes),
            Event::SettlementLagged { limit } => changes.settlement_limit = Some(limit),
            Event::InstrumentListed { .. }
            | Event::MarketListed { .. }
            | Event::MarketStateChanged { .. }
            | Event::MarketRulesChanged { .. } => self.apply_to_markets(event, outcome, changes)?,
            Event::AccountOpened { .. }
            | Event::AccountStopped { .. }
            | Event::AccountResumed { .. }
            | Event::Credited { .. }
            | Event::Debited { .. }
            | Event::WithdrawalApproved(_)
            | Event::WithdrawalExecuted { .. }
            | Event::WithdrawalVanished { .. } => apply_to_accounts(event, outcome, debit, changes)?,
            Event::Traded(_)
            | Event::FillsSettled { .. }
            | Event::FillBusted { .. }
            | Event::FillReinstated { .. }
            | Event::FillUnsettled { .. }
            | Event::SettlementVanished { .. } => self.apply_to_fills(event, outcome, changes)?,
            _ => {}
        }
        Ok(())
    }

    fn apply_to_markets(&mut self, event: Event, outcome: &Outcome, changes: &mut Changes) -> Result<(), FoldError> {
        match event {
            Event::InstrumentListed { instrument, token } => changes.instruments.push((instrument, token)),
            Event::MarketListed {
                market,
                base,
                quote,
                royalty_account,
                spec,
            } => {
                let parts = MarketParts {
                    base,
                    quote,
                    royalty_account,
                    units: spec.units,
                };
                if usize::try_from(market.0) != Ok(self.markets.len()) {
                    return Err(FoldError::UnknownMarket(market));
                }
                self.markets.push(parts);
                changes.markets.push((market, parts, spec, outcome.number));
            }
            Event::MarketStateChanged {
                market,
                state,
                cause,
                auction_ends_at,
            } => {
                changes.states.insert(market, (state, cause, auction_ends_at));
            }
            Event::MarketRulesChanged { market, fees, limits } => {
                changes.rules.insert(market, (fees, limits));
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_to_fills(&mut self, event: Event, outcome: &Outcome, changes: &mut Changes) -> Result<(), FoldError> {
        match event {
            Event::Traded(fill) => self.traded(fill, outcome, changes)?,
            Event::FillsSettled { through } => self.settled(through, outcome, changes)?,
            Event::FillBusted { fill, cause } => {
                self.no_longer_pending(fill.number, outcome, changes)?;
                changes.bust(Bust {
                    fill: fill.number,
                    by: outcome.number,
                    cause,
                });
            }
            Event::FillReinstated { fill } => changes.reinstated.push((fill.number, outcome.number)),
            Event::FillUnsettled { fill } => {
                let unsettled = Unsettled::from(&*fill);
                let market = self.market(fill.market)?;
                changes.pend(&unsettled, market, false, outcome.number, fill.number)?;
                self.unsettled.insert(fill.number, unsettled);
            }
            Event::SettlementVanished { through } => changes.settled.push((outcome.number, through)),
            _ => {}
        }
        Ok(())
    }

    fn traded(&mut self, fill: Box<Fill>, outcome: &Outcome, changes: &mut Changes) -> Result<(), FoldError> {
        let unsettled = Unsettled::from(&*fill);
        let market = self.market(fill.market)?;
        changes.pend(&unsettled, market, false, outcome.number, fill.number)?;
        self.unsettled.insert(fill.number, unsettled);
        candles::add(&mut changes.candles, outcome.time, &fill);
        changes.last_prices.insert(fill.market, fill.price);
        changes.last_fill = Some(fill.number);
        for account in [unsettled.buyer, unsettled.seller] {
            changes.active(account).fills.push(fill.number.0.cast_signed());
        }
        changes.fills.push(NewFill {
            matched_by: outcome.number,
            time: outcome.time,
            fill,
        });
        Ok(())
    }

    fn settled(&mut self, through: FillNumber, outcome: &Outcome, changes: &mut Changes) -> Result<(), FoldError> {
        while let Some((&number, _)) = self.unsettled.first_key_value()
            && number <= through
        {
            self.no_longer_pending(number, outcome, changes)?;
        }
        match changes.settled.last_mut() {
            Some((number, last)) if *number == outcome.number => *last = through,
            _ => changes.settled.push((outcome.number, through)),
        }
        Ok(())
    }

    fn no_longer_pending(
        &mut self,
        number: FillNumber,
        outcome: &Outcome,
        changes: &mut Changes,
    ) -> Result<(), FoldError> {
        match self.unsettled.remove(&number) {
            Some(fill) => changes.pend(&fill, self.market(fill.market)?, true, outcome.number, number),
            None => Ok(()),
        }
    }
}

fn apply_to_accounts(
    event: Event,
    outcome: &Outcome,
    debit: Option<(AccountId, InstrumentId)>,
    changes: &mut Changes,
) -> Result<(), FoldError> {
    let number = outcome.number;
    match event {
        Event::AccountOpened { account, address } => {
            changes.accounts.insert(account, (address, number));
        }
        Event::AccountStopped { account } => {
            changes.stopped.insert(account, true);
        }
        Event::AccountResumed { account } => {
            changes.stopped.insert(account, false);
        }
        Event::Credited {
            account,
            cause: CreditCause::WithdrawalExpired { nonce },
            ..
        } => {
            let end = WithdrawalEnd::Expired(number);
            changes.withdrawals_over.push((account, nonce, end));
        }
        Event::Credited {
            cause: CreditCause::ExitVanished { exit_id },
            ..
        } => {
            changes.exits.retain(|exit| exit.exit_id != exit_id);
            changes.exits_vanished.push(exit_id);
        }
        Event::Debited {
            account,
            instrument,
            amount,
            cause: DebitCause::Exit { exit_id },
        } => changes.exits.push(Exited {
            account,
            instrument,
            amount,
            exit_id,
            by: number,
            time: outcome.time,
        }),
        Event::WithdrawalApproved(withdraw) => {
            let (account, instrument) = debit.ok_or(FoldError::Undebited(withdraw.nonce))?;
            changes.withdrawals.push(Withdrawn {
                account,
                instrument,
                withdraw,
                by: number,
                time: outcome.time,
            });
        }
        Event::WithdrawalExecuted { account, nonce } => {
            let end = WithdrawalEnd::Executed(number);
            changes.withdrawals_over.push((account, nonce, end));
        }
        Event::WithdrawalVanished { account, nonce } => {
            changes.withdrawals_over.push((account, nonce, WithdrawalEnd::Vanished));
        }
        _ => {}
    }
    Ok(())
}

/// The group's own accounts are there from the start, whether or not events of their own say so.
fn opened(open: Box<OpenGroup>, outcome: &Outcome, changes: &mut Changes) {
    let own = [
        (AccountId::DEFICIT, alloy_primitives::Address::ZERO),
        (AccountId::FEES, open.fee_account),
    ];
    for (account, address) in own {
        changes.accounts.insert(account, (address, outcome.number));
    }
    changes.opened = Some(open);
}

fn post(postings: Vec<Posting>, outcome: &Outcome, changes: &mut Changes) {
    if postings.is_empty() {
        return;
    }
    let transaction = Transaction {
        number: outcome.number,
        time: outcome.time,
        postings,
    };
    transaction.assert_balanced();
    for posting in &transaction.postings {
        changes.count(posting, outcome.number);
    }
    changes.note(&transaction);
    changes.transactions.push(transaction);
}
