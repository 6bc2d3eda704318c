//! Postgres's binary COPY format for the columns `(stream_id, sequence, headers, payload)` in, `(sequence, headers, payload)` out.
//! Pure: bytes to bytes. Format: <https://www.postgresql.org/docs/current/sql-copy.html> (binary format); arrays as `array_send` has them.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::record::{NewRecord, StoredRecord};

/// Signature, no flags, no header extension.
const FILE_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The type id of `text`.
const TEXT: u32 = 25;

/// Opens a COPY.
pub(super) fn put_start(out: &mut BytesMut) {
    out.put_slice(FILE_HEADER);
}

/// Ends a COPY.
pub(super) fn put_end(out: &mut BytesMut) {
    out.put_i16(-1);
}

/// A row up to its payload, whose bytes follow.
pub(super) fn put_row_head(out: &mut BytesMut, stream_id: i64, sequence: i64, record: &NewRecord) {
    out.put_i16(4);
    out.put_i32(8);
    out.put_i64(stream_id);
    out.put_i32(8);
    out.put_i64(sequence);
    let length_at = out.len();
    out.put_i32(0);
    put_text_array(out, &record.headers);
    let length = length_field(out.len() - length_at - 4);
    out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    out.put_i32(length_field(record.payload.len()));
}

fn put_text_array(out: &mut BytesMut, headers: &[(String, String)]) {
    let dimensions = i32::from(!headers.is_empty());
    out.put_i32(dimensions);
    out.put_i32(0);
    out.put_u32(TEXT);
    if headers.is_empty() {
        return;
    }
    out.put_i32(length_field(headers.len() * 2));
    out.put_i32(1);
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        out.put_i32(length_field(text.len()));
        out.put_slice(text.as_bytes());
    }
}

/// Payloads and headers were checked against limits far below 2 GiB.
fn length_field(length: usize) -> i32 {
    i32::try_from(length).expect("checked before")
}

/// Takes a COPY out apart. The server sends the file header with the first row or before it, each row in one piece, and the end.
#[derive(Default)]
pub(super) struct Rows {
    started: bool,
}

impl Rows {
    /// The row in one piece of the answer; `None` for a piece without one. The payload shares the piece's memory.
    pub(super) fn take(&mut self, mut piece: Bytes) -> Result<Option<StoredRecord>, String> {
        if !self.started {
            if piece.len() < FILE_HEADER.len() || piece[..11] != FILE_HEADER[..11] {
                return Err("the database did not answer in its binary format".into());
            }
            piece.advance(FILE_HEADER.len());
            self.started = true;
        }
        if piece.is_empty() || piece[..] == (-1_i16).to_be_bytes() {
            return Ok(None);
        }
        row(&mut piece)
            .map(Some)
            .ok_or_else(|| "a row of the log cannot be read".into())
    }
}

fn row(piece: &mut Bytes) -> Option<StoredRecord> {
    if piece.try_get_i16().ok()? != 3 {
        return None;
    }
    let sequence = u64::try_from(field(piece)?.try_get_i64().ok()?).ok()?;
    let headers = text_array(&mut field(piece)?)?;
    let payload = field(piece)?;
    Some(StoredRecord {
        sequence,
        headers,
        payload,
    })
}

/// A field: its length, its bytes. None of ours is null (length -1).
fn field(from: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(from.try_get_i32().ok()?).ok()?;
    (length <= from.len()).then(|| from.split_to(length))
}

fn text_array(from: &mut Bytes) -> Option<Vec<(String, String)>> {
    let dimensions = from.try_get_i32().ok()?;
    let _has_nulls = from.try_get_i32().ok()?;
    let _element_type = from.try_get_u32().ok()?;
    if dimensions == 0 {
        return Some(Vec::new());
    }
    let count = usize::try_from(from.try_get_i32().ok()?).ok()?;
    let _lower_bound = from.try_get_i32().ok()?;
    if dimensions != 1 || !count.is_multiple_of(2) {
        return None;
    }
    let mut text = || String::from_utf8(field(from)?.into()).ok();
    (0..count / 2).map(|_| Some((text()?, text()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_are_no_rows_are_errors_not_panics() {
        let whole = {
            let mut out = BytesMut::new();
            put_start(&mut out);
            out.put_i16(3);
            out.put_i32(8);
            out.put_i64(7);
            let mut array = BytesMut::new();
            put_text_array(&mut array, &[("a".into(), "1".into()), ("b".into(), String::new())]);
            out.put_i32(length_field(array.len()));
            out.put_slice(&array);
            out.put_i32(2);
            out.put_slice(b"ok");
            out.freeze()
        };
        let read = Rows::default().take(whole.clone()).expect("a row").expect("one");
        assert_eq!(read.sequence, 7);
        assert_eq!(read.headers, [("a".into(), "1".into()), ("b".into(), String::new())]);
        assert_eq!(read.payload, "ok");
        for cut in FILE_HEADER.len() + 1..whole.len() {
            assert!(
                Rows::default().take(whole.slice(..cut)).is_err(),
                "{cut} bytes passed for a row"
            );
        }
        assert!(Rows::default().take(Bytes::from_static(b"text\tcopy\n")).is_err());
    }
}
