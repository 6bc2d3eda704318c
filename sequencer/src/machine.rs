//! The engine with its stream: a record of commands in, the outcomes out. No I/O and no clock; whoever feeds it the same records gets the
//! same outcomes.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use souk_exchange::Engine;
use souk_schema::exchange::order::SignedOrder;
use souk_schema::exchange::{Command, CommandBatch, CommandBody, CommandNumber, Outcome, OutcomeBatch, UnixMillis};

/// Commands that are taken under one lock: who reads the state waits for no more than these.
const COMMANDS_PER_LOCK: usize = 64;

/// Events of an order that meets another and is filled: few commands have more.
const USUAL_EVENTS: usize = 6;

/// An engine, and which of its states are hashed.
pub(crate) struct Machine {
    engine: Arc<RwLock<Engine>>,
    hash_every: u64,
}

impl Machine {
    pub(crate) fn new(engine: Arc<RwLock<Engine>>, hash_every: u64) -> Machine {
        Machine { engine, hash_every }
    }

    /// Decides a record's commands.
    pub(crate) fn apply(&self, sequence: u64, batch: CommandBatch) -> OutcomeBatch {
        let mut outcomes = Vec::with_capacity(batch.commands.len());
        let before = self.write().commands();
        let mut commands = batch.commands.into_iter();
        while commands.len() > 0 {
            let mut engine = self.write();
            engine.foresee(&commands.as_slice()[..commands.len().min(COMMANDS_PER_LOCK)]);
            for command in commands.by_ref().take(COMMANDS_PER_LOCK) {
                outcomes.push(decide(&mut engine, command, batch.written_at));
            }
        }
        let engine = self.write();
        let is_due = crosses(self.hash_every, before, engine.commands());
        OutcomeBatch {
            command_sequence: sequence,
            outcomes,
            state_hash: is_due.then(|| engine.state_hash()),
        }
    }

    /// A copy of the state after the last record. Copying takes a fraction of the time that encoding or hashing does.
    pub(crate) fn copy(&self) -> Box<Engine> {
        Box::new(self.engine.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Engine> {
        // A reader that panics leaves the state as it was.
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a multiple of `every` lies beyond `before` and not beyond `after`. All engines of a group find the same ones, wherever they
/// started, because records are the same.
pub(crate) fn crosses(every: u64, before: CommandNumber, after: CommandNumber) -> bool {
    every > 0 && before.0 / every < after.0 / every
}

fn decide(engine: &mut Engine, command: Command, written_at: UnixMillis) -> Outcome {
    let mut events = Vec::with_capacity(USUAL_EVENTS);
    let result = engine.apply(&command, written_at, &mut events);
    Outcome {
        number: engine.commands(),
        source: command.source,
        time: engine.time(),
        signed: match result {
            Ok(()) => signed_orders(command.body),
            Err(_) => Vec::new(),
        },
        result: result.map(|()| events),
    }
}

/// The orders whose signatures settlement will need.
fn signed_orders(body: CommandBody) -> Vec<SignedOrder> {
    match body {
        CommandBody::PlaceOrder(order) | CommandBody::AmendOrder(order) => vec![*order],
        CommandBody::MassQuote(quote) => quote.quotes,
        _ => Vec::new(),
    }
}
