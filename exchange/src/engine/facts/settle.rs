//! What the vault consumed of the numbered fills: settled, or skipped.

use souk_schema::exchange::command::Rules;
use souk_schema::exchange::event::BustCause;
use souk_schema::exchange::{Event, FillNumber, Rejection};

use super::bust::forget_pending;
use crate::engine::Engine;

impl Engine {
    pub(super) fn fills_settled(&mut self, through: FillNumber, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let settled = self.settlement.settled;
        if through <= settled || through >= self.settlement.next_number() {
            return Err(Rejection::NotNextFill {
                expected: FillNumber(settled.0 + 1),
            });
        }
        let mut reinstates = false;
        while self.settlement.settled < through {
            let consumed = self
                .settlement
                .consume()
                .expect("through is not beyond the newest fill");
            match consumed.bust {
                None => forget_pending(consumed, &self.markets, &mut self.accounts),
                // A fill that was skipped waits only where the chain has lost that.
                Some(BustCause::Uncovered | BustCause::Skipped { .. }) => {
                    consumed.bust = None;
                    let again = consumed.clone();
                    self.reinstate(&again);
                    let fill = Box::new(again.fill);
                    events.push(Event::FillReinstated { fill });
                    reinstates = true;
                }
                Some(BustCause::Escape) => {}
            }
        }
        events.push(Event::FillsSettled { through });
        if reinstates && self.goes_by(Rules::Third) {
            self.bust_uncovered(events);
        }
        self.mend_balances(events);
        Ok(())
    }

    pub(super) fn fill_skipped(
        &mut self,
        fill: FillNumber,
        reason: u8,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let expected = FillNumber(self.settlement.settled.0 + 1);
        if fill != expected {
            return Err(Rejection::NotNextFill { expected });
        }
        let Some(consumed) = self.settlement.consume() else {
            return Err(Rejection::NotNextFill { expected });
        };
        if consumed.busted() {
            events.push(Event::FillsSettled { through: fill });
            return Ok(());
        }
        let cause = BustCause::Skipped { reason };
        consumed.bust = Some(cause);
        let skipped = consumed.clone();
        forget_pending(&skipped, &self.markets, &mut self.accounts);
        self.reverse(&skipped);
        let fill = Box::new(skipped.fill);
        events.push(Event::FillBusted { fill, cause });
        self.bust_uncovered(events);
        self.mend_balances(events);
        Ok(())
    }
}
