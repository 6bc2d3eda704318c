//! Finds places in a topic by sequence. An offset is never below the sequence of what stands there, and both rise together, so a
//! binary search over the offsets finds any record in a few fetches; callers remember places, so that reading on needs none.

use std::time::Instant;

use super::reader::{Place, Reader, kind_of};
use crate::LogError;

/// Sends the reader to the record `from`; false when the topic has no such record below `end` yet.
///
/// `low` is the first offset that the topic still has.
pub(super) fn seek(reader: &mut Reader, from: u64, low: i64, end: i64, deadline: Instant) -> Result<bool, LogError> {
    let from_offset = i64::try_from(from).unwrap_or(i64::MAX);
    // The answer is the first message of a record not before `from`; it stands in low..=high, and is `found` if at high.
    let (mut low, mut high) = (low.max(from_offset), end);
    let mut found = None;
    // The first probe goes to the lowest offset, the answer where there are no markers.
    let mut middle = low;
    while low < high {
        match reader.probe(middle, deadline)? {
            Some(message) if message.sequence() < from => low = message.offset + 1,
            Some(message) => {
                high = middle;
                found = Some(message);
            }
            None => high = middle,
        }
        middle = low + (high - low) / 2;
    }
    let Some(first) = found else {
        return Ok(false);
    };
    if first.sequence() != from || first.part.0 != 0 {
        return Err(reader.corrupt(format!("record {from} is missing before offset {}", first.offset)));
    }
    reader.go_to(Place {
        sequence: from,
        offset: first.offset,
        kind: Some(kind_of(&first)),
    })?;
    Ok(true)
}

/// The place after the last record below `end`, found from the end backwards.
pub(super) fn tail(reader: &mut Reader, low: i64, end: i64, deadline: Instant) -> Result<Place, LogError> {
    // Two: the last record, and its marker.
    let mut step = 2;
    loop {
        let start = low.max(end - step);
        let mut last = if start < end {
            reader.probe(start, deadline)?
        } else {
            None
        };
        while let Some(message) = &last {
            let place = Place {
                sequence: message.sequence() + 1,
                offset: message.offset + 1,
                kind: Some(kind_of(message)),
            };
            if !place.may_follow(end) {
                return Ok(place);
            }
            match reader.probe_next(deadline)? {
                Some(next) => last = Some(next),
                // Markers and aborted records follow, up to the end.
                None => return Ok(Place { offset: end, ..place }),
            }
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
