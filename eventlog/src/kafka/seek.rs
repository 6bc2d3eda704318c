//! Finds places in a topic by sequence. An offset is never below the sequence of what stands there, and both rise together, so a search
//! between two known places finds any record in a few fetches; callers remember places, so that reading on needs none.

use std::time::Instant;

use super::parts::Message;
use super::reader::{Place, Reader, kind_of};
use crate::LogError;

/// Messages that are sooner read through than jumped over.
const STEP: i64 = 32;

/// Sends the reader to the record `from`; false when the stream ends before it.
///
/// `low` is the first offset that the topic still has, `tail` the place behind the last record.
pub(super) fn seek(reader: &mut Reader, from: u64, low: i64, tail: Place, deadline: Instant) -> Result<bool, LogError> {
    if from >= tail.sequence {
        return Ok(false);
    }
    // The record begins in low..high. `before` is a place known to be at or before it.
    let (mut low, mut high) = (low.max(i64::try_from(from).unwrap_or(i64::MAX)), tail.offset);
    let mut before = (0, 0);
    let mut halve = false;
    while low < high {
        let guess = if high - low <= STEP {
            low
        } else if halve {
            low + (high - low) / 2
        } else {
            interpolate(before, (tail.sequence, tail.offset), from) - STEP / 2
        };
        halve = !halve;
        let guess = guess.clamp(low, high - 1);
        let mut message = reader.probe(guess, deadline)?;
        let mut steps = 0;
        while let Some(earlier) = message.take_if(|message| message.sequence() < from) {
            low = earlier.offset + 1;
            before = (earlier.sequence(), earlier.offset);
            steps += 1;
            if steps > STEP {
                break;
            }
            message = reader.probe_next(deadline)?;
        }
        match message {
            Some(first) if begins(&first, from) => {
                reader.go_to(Place {
                    sequence: from,
                    offset: first.offset,
                    kind: Some(kind_of(&first)),
                })?;
                return Ok(true);
            }
            // It stepped over where the record should begin.
            Some(_) if steps > 0 => break,
            Some(_) => high = guess,
            None if steps > STEP => {}
            None => high = guess,
        }
    }
    Err(reader.corrupt(format!("record {from} is missing before offset {high}")))
}

fn begins(message: &Message, sequence: u64) -> bool {
    message.sequence() == sequence && message.part.0 == 0
}

/// Where a sequence would stand if all records between two places took the same room. Places are (sequence, offset).
fn interpolate(before: (u64, i64), after: (u64, i64), sequence: u64) -> i64 {
    let part = i128::from(sequence - before.0) * i128::from(after.1 - before.1);
    let whole = i128::from(after.0 - before.0).max(1);
    before.1 + i64::try_from(part / whole).unwrap_or(0)
}

/// The place after the last record below `end`, found from the end backwards.
pub(super) fn tail(reader: &mut Reader, low: i64, end: i64, deadline: Instant) -> Result<Place, LogError> {
    // Two: the last record, and its marker.
    let mut step = 2;
    loop {
        let start = low.max(end - step);
        let mut found = None;
        let mut message = if start < end {
            reader.probe(start, deadline)?
        } else {
            None
        };
        // A transaction that was committed since `end` was asked for stands beyond it, and is no part of this answer.
        while let Some(below) = message.take_if(|message| message.offset < end) {
            let place = Place {
                sequence: below.sequence() + 1,
                offset: below.offset + 1,
                kind: Some(kind_of(&below)),
            };
            if !place.may_follow(end) {
                return Ok(place);
            }
            found = Some(place);
            message = reader.probe_next(deadline)?;
        }
        // Behind what was found, up to the end, are markers and aborted records.
        if let Some(place) = found {
            return Ok(Place { offset: end, ..place });
        }
        if start == low {
            return Ok(Place {
                sequence: 0,
                offset: end.max(low),
                kind: None,
            });
        }
        step *= 8;
    }
}
