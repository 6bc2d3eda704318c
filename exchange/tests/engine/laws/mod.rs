//! The laws, each checked from outside: from commands and events alone, or against what a machine shows. None knows how an engine works.

mod books;
mod ledger;
mod priority;
mod signed;

use souk_schema::exchange::{AccountId, CommandNumber, Event, InstrumentId, Rejection};

pub use books::check_books;
pub use ledger::Ledger;
pub use priority::Priority;
pub use signed::Signatures;

use crate::generator::Step;
use crate::machine::View;

/// What broke a law.
pub type Broken = String;

/// All laws at once, over one run of one machine.
#[derive(Default)]
pub struct Laws {
    commands: u64,
    ledger: Ledger,
    priority: Priority,
    signatures: Signatures,
}

impl Laws {
    /// What `DEFICIT` bears for others, by account and instrument.
    pub fn borne(&self) -> &std::collections::BTreeMap<(AccountId, InstrumentId), i128> {
        &self.ledger.borne
    }

    /// Takes what came of the next command; `view` is the machine's state after it.
    pub fn observe(
        &mut self,
        step: &Step,
        result: &Result<(), Rejection>,
        events: &[Event],
        view: &View,
    ) -> Result<(), Broken> {
        self.commands += 1;
        let number = CommandNumber(self.commands);
        if result.is_err() && !events.is_empty() {
            return Err("a refused command has events".to_owned());
        }
        self.signatures.observe(number, &step.command.body, events, view.time)?;
        self.priority.observe(&step.command.body, events)?;
        self.ledger.observe(events)?;
        self.ledger.conserves(view)?;
        self.ledger.is_backed(view)?;
        self.ledger.compare(view)?;
        check_books(view)
    }
}
