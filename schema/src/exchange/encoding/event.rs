//! `event.proto`: what came of commands.

use super::field::{Result, hash, required};
use super::{command, order, rejection, v1};
use crate::exchange::event::{Outcome, OutcomeBatch};
use crate::exchange::id::{CommandNumber, UnixMillis};

mod put;
mod take;

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
