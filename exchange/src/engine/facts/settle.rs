//! What the vault consumed of the numbered fills: settled, or skipped.

use souk_schema::exchange::event::BustCause;
use souk_schema::exchange::{Event, FillNumber, Rejection};

use crate::engine::Engine;

impl Engine {
    pub(super) fn fills_settled(&mut self, through: FillNumber, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let settled = self.settlement.settled;
        if through <= settled || through >= self.settlement.next_number() {
            return Err(Rejection::NotNextFill {
                expected: FillNumber(settled.0 + 1),
            });
        }
        while self.settlement.settled < through {
            let mut consumed = self
                .settlement
                .consume()
                .expect("through is not beyond the newest fill");
            match consumed.bust {
                None => self.forget_pending(&consumed.fill),
                // A fill that was skipped waits only where the chain has lost that.
                Some(BustCause::Uncovered | BustCause::Skipped { .. }) => {
                    consumed.bust = None;
                    self.reinstate(&consumed.fill);
                    events.push(Event::FillReinstated {
                        fill: Box::new(consumed.fill.clone()),
                    });
                }
                Some(BustCause::Escape) => {}
            }
            self.settlement.remember(consumed);
        }
        events.push(Event::FillsSettled { through });
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
        if fill != expected || self.settlement.unsettled.is_empty() {
            return Err(Rejection::NotNextFill { expected });
        }
        let mut consumed = self.settlement.consume().expect("there is one");
        if consumed.busted() {
            self.settlement.remember(consumed);
            events.push(Event::FillsSettled { through: fill });
            return Ok(());
        }
        let cause = BustCause::Skipped { reason };
        consumed.bust = Some(cause);
        self.forget_pending(&consumed.fill);
        self.reverse(&consumed.fill);
        events.push(Event::FillBusted {
            fill: Box::new(consumed.fill.clone()),
            cause,
        });
        self.settlement.remember(consumed);
        self.bust_uncovered(events);
        self.mend_balances(events);
        Ok(())
    }
}
