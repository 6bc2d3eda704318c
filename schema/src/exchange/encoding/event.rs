//! `event.proto`: what came of commands.

use super::field::{Result, hash, required};
use super::wire::Writer;
use super::{command, order, rejection, v1};
use crate::exchange::event::{Outcome, OutcomeBatch};
use crate::exchange::id::{CommandNumber, UnixMillis};

mod put;
mod take;
mod write;

/// About what an outcome takes.
const OUTCOME_BYTES: usize = 512;

/// A batch as it is stored.
pub(super) fn write_batch(batch: &OutcomeBatch) -> Vec<u8> {
    let mut out = Writer::with_capacity(batch.outcomes.len() * OUTCOME_BYTES);
    out.number(1, batch.command_sequence);
    for outcome in &batch.outcomes {
        out.nested(2, |out| write_outcome(out, outcome));
    }
    if let Some(hash) = &batch.state_hash {
        out.present_bytes(3, hash.as_slice());
    }
    out.finish()
}

fn write_outcome(out: &mut Writer, outcome: &Outcome) {
    out.number(1, outcome.number.0);
    out.nested(2, |out| command::write_source(out, outcome.source));
    out.number(3, outcome.time.0);
    for signed in &outcome.signed {
        out.nested(4, |out| order::write_order(out, signed));
    }
    match &outcome.result {
        Ok(events) => {
            for event in events {
                out.nested(6, |out| write::event(out, event));
            }
        }
        Err(rejection) => out.generated(5, &rejection::put_rejection(rejection)),
    }
}

#[cfg(test)]
pub(super) fn put_batch(batch: &OutcomeBatch) -> v1::OutcomeBatch {
    v1::OutcomeBatch {
        command_sequence: batch.command_sequence,
        outcomes: batch.outcomes.iter().map(put_outcome).collect(),
        state_hash: batch.state_hash.map(|hash| super::field::put(hash.as_slice())),
    }
}

pub(super) fn batch(batch: v1::OutcomeBatch) -> Result<OutcomeBatch> {
    Ok(OutcomeBatch {
        command_sequence: batch.command_sequence,
        outcomes: batch.outcomes.into_iter().map(outcome).collect::<Result<_>>()?,
        state_hash: batch.state_hash.map(|bytes| hash("state_hash", &bytes)).transpose()?,
    })
}

#[cfg(test)]
fn put_outcome(outcome: &Outcome) -> v1::Outcome {
    let (events, rejection) = match &outcome.result {
        Ok(events) => (events.iter().map(put::event).collect(), None),
        Err(rejection) => (Vec::new(), Some(rejection::put_rejection(rejection))),
    };
    v1::Outcome {
        number: outcome.number.0,
        source: Some(command::put_source(outcome.source)),
        time: outcome.time.0,
        signed: outcome.signed.iter().map(order::put_order).collect(),
        rejection,
        events,
    }
}

fn outcome(outcome: v1::Outcome) -> Result<Outcome> {
    let result = match &outcome.rejection {
        Some(rejection) => Err(rejection::rejection(rejection)?),
        None => Ok(outcome
            .events
            .into_iter()
            .map(|event| take::event(required("event", event.event)?))
            .collect::<Result<_>>()?),
    };
    Ok(Outcome {
        number: CommandNumber(outcome.number),
        source: command::source(outcome.source)?,
        time: UnixMillis(outcome.time),
        signed: outcome.signed.into_iter().map(order::order).collect::<Result<_>>()?,
        result,
    })
}
