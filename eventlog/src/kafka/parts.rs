//! How records become Kafka messages, and messages records again. Pure.
//!
//! A record of a fenced writer carries its sequence in the header `souk-log-sequence`, in decimal. One larger than a message goes out in
//! parts, all within one transaction, each with the sequence and with `souk-log-part: <number from 0>/<count>`; the record's own headers
//! stand on part 0. A record of a stream with many writers carries neither: those streams have no transactions, so their offsets have
//! no gaps and are the sequences.

use bytes::{Bytes, BytesMut};

use crate::record::{NewRecord, RESERVED, StoredRecord};

const SEQUENCE: &str = "souk-log-sequence";
const PART: &str = "souk-log-part";

/// A Kafka message as this log uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub offset: i64,
    /// `None` in a stream of many writers.
    pub sequence: Option<u64>,
    /// Number of this part from 0, and count of parts.
    pub part: (u32, u32),
    /// The record's own.
    pub headers: Vec<(String, String)>,
    pub payload: Bytes,
}

impl Message {
    /// Takes the log's own headers out of those of a message.
    pub(super) fn parse(offset: i64, headers: Vec<(String, String)>, payload: Bytes) -> Result<Message, String> {
        let (own, headers): (Vec<_>, Vec<_>) = headers.into_iter().partition(|(name, _)| name.starts_with(RESERVED));
        let mut message = Message {
            offset,
            sequence: None,
            part: (0, 1),
            headers,
            payload,
        };
        for (name, value) in own {
            let understood = match name.as_str() {
                SEQUENCE => value.parse().ok().map(|sequence| message.sequence = Some(sequence)),
                PART => parse_part(&value).map(|part| message.part = part),
                _ => None,
            };
            understood.ok_or_else(|| format!("offset {offset} has the unknown header {name}: {value}"))?;
        }
        Ok(message)
    }

    /// The record's sequence.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence.unwrap_or(self.offset.unsigned_abs())
    }
}

fn parse_part(text: &str) -> Option<(u32, u32)> {
    let (number, count) = text.split_once('/')?;
    let part = (number.parse().ok()?, count.parse().ok()?);
    (part.0 < part.1).then_some(part)
}

/// The messages of a record of a fenced writer: headers and payload of each.
pub(super) fn split(
    record: &NewRecord,
    sequence: u64,
    max_payload_bytes: usize,
) -> impl Iterator<Item = (Vec<(String, String)>, Bytes)> {
    let size = max_payload_bytes.max(1);
    let count = record.payload.len().div_ceil(size).max(1);
    (0..count).map(move |number| {
        let mut headers = if number == 0 {
            record.headers.clone()
        } else {
            Vec::new()
        };
        headers.push((SEQUENCE.into(), sequence.to_string()));
        if count > 1 {
            headers.push((PART.into(), format!("{number}/{count}")));
        }
        let end = record.payload.len().min((number + 1) * size);
        (headers, record.payload.slice(number * size..end))
    })
}

/// Puts a record together from its parts.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    sequence: u64,
    next_part: u32,
    headers: Vec<(String, String)>,
    payload: BytesMut,
}

impl Assembler {
    /// Takes the next message; returns the record that it completes.
    pub(super) fn take(&mut self, message: Message) -> Result<Option<StoredRecord>, String> {
        let sequence = message.sequence();
        let (number, count) = message.part;
        let fits = match &self.begun {
            None => number == 0,
            Some(begun) => (begun.sequence, begun.next_part) == (sequence, number),
        };
        if !fits {
            return Err(format!(
                "offset {}: part {number} of record {sequence} stands out of order",
                message.offset
            ));
        }
        if count == 1 {
            return Ok(Some(StoredRecord {
                sequence,
                headers: message.headers,
                payload: message.payload,
            }));
        }
        let begun = self.begun.get_or_insert_with(|| Begun {
            sequence,
            next_part: 0,
            headers: message.headers,
            payload: BytesMut::with_capacity(message.payload.len().saturating_mul(count.min(512) as usize)),
        });
        begun.payload.extend_from_slice(&message.payload);
        begun.next_part += 1;
        if begun.next_part < count {
            return Ok(None);
        }
        Ok(self.begun.take().map(|begun| StoredRecord {
            sequence,
            headers: begun.headers,
            payload: begun.payload.freeze(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_split_is_put_together(payload in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..70, sequence: u64) {
            let record = NewRecord { headers: vec![("ce_id".into(), "7".into())], payload: payload.into() };
            let mut assembler = Assembler::default();
            let mut whole = Vec::new();
            for (offset, (headers, part)) in (0..).zip(split(&record, sequence, size)) {
                prop_assert!(part.len() <= size);
                whole.extend(assembler.take(Message::parse(offset, headers, part).unwrap()).unwrap());
            }
            prop_assert_eq!(whole, [StoredRecord { sequence, headers: record.headers, payload: record.payload }]);
        }
    }

    #[test]
    fn a_part_that_is_missing_or_misplaced_is_an_error() {
        let record = NewRecord {
            headers: Vec::new(),
            payload: vec![1; 30].into(),
        };
        let parts: Vec<_> = (0..)
            .zip(split(&record, 5, 10))
            .map(|(offset, (headers, part))| Message::parse(offset, headers, part).expect("ours"))
            .collect();
        let take_all = |order: &[usize]| {
            let mut assembler = Assembler::default();
            order
                .iter()
                .try_for_each(|&number| assembler.take(parts[number].clone()).map(drop))
        };
        assert_eq!(take_all(&[0, 1, 2]), Ok(()));
        for wrong in [&[1][..], &[0, 2], &[0, 0], &[0, 1, 1]] {
            assert!(take_all(wrong).is_err(), "{wrong:?} passed");
        }
        for (name, value) in [(PART, "3/3"), (PART, "x"), (SEQUENCE, "-1"), ("souk-log-new", "1")] {
            let headers = vec![(name.to_owned(), value.to_owned())];
            assert!(
                Message::parse(0, headers, Bytes::new()).is_err(),
                "{name}: {value} passed"
            );
        }
    }
}
