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
            let unsettled = self
                .settlement
                .unsettled
                .pop_front()
                .expect("through is not beyond the newest fill");
            self.settlement.settled = unsettled.fill.number;
            match unsettled.bust {
                None => self.forget_pending(&unsettled.fill),
                Some(BustCause::Uncovered) => {
                    self.reinstate(&unsettled.fill);
                    events.push(Event::FillReinstated {
                        fill: Box::new(unsettled.fill),
                    });
                }
                Some(BustCause::Skipped { .. } | BustCause::Escape) => {}
            }
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
        let unsettled = self.settlement.unsettled.pop_front().expect("there is one");
        self.settlement.settled = fill;
        if unsettled.busted() {
            events.push(Event::FillsSettled { through: fill });
            return Ok(());
        }
        self.forget_pending(&unsettled.fill);
        self.reverse(&unsettled.fill);
        events.push(Event::FillBusted {
            fill: Box::new(unsettled.fill),
            cause: BustCause::Skipped { reason },
        });
        self.bust_uncovered(events);
        self.mend_balances(events);
        Ok(())
    }
}
