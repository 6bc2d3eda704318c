//! Protobuf as bytes, without the generated types between: messages that come by the million are written straight into the record, and the
//! plainest of them are read straight out of it. The generated types put every field of bytes into an allocation of its own on the way,
//! which costs several times what the rest does.
//!
//! Written is exactly what the generated code writes, which the tests compare. Read is only what is written so: fields that rise, known ones,
//! none twice. Anything else is `None` here, and the generated code's to judge.

use alloy_primitives::{Address, B256};
use prost::Message;

use crate::exchange::quantity::Amount;

const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const BYTES: u32 = 2;

/// A message that is being written.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Expects about so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Writer {
        Writer(Vec::with_capacity(bytes))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// A number; left out where it is 0, as all fields are that hold what they hold by default.
    #[inline]
    pub(super) fn number(&mut self, tag: u32, number: impl Into<u64>) {
        let number = number.into();
        if number != 0 {
            self.present_number(tag, number);
        }
    }

    /// A number that is written even where it is 0: one choice of several.
    #[inline]
    pub(super) fn present_number(&mut self, tag: u32, number: u64) {
        self.varint(u64::from(tag << 3 | VARINT));
        self.varint(number);
    }

    /// As [`Writer::present_number`], in eight bytes.
    #[inline]
    pub(super) fn present_fixed(&mut self, tag: u32, number: u64) {
        self.varint(u64::from(tag << 3 | FIXED_64));
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A choice by its number in the schema; none is negative.
    #[inline]
    pub(super) fn choice(&mut self, tag: u32, number: i32) {
        self.number(tag, number.unsigned_abs());
    }

    #[inline]
    pub(super) fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.present_bytes(tag, bytes);
        }
    }

    /// Bytes that are written even where there are none.
    #[inline]
    pub(super) fn present_bytes(&mut self, tag: u32, bytes: &[u8]) {
        self.varint(u64::from(tag << 3 | BYTES));
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// An amount, big-endian from the first byte that is not 0.
    #[inline]
    pub(super) fn amount(&mut self, tag: u32, amount: Amount) {
        let zeros = amount.0.leading_zeros() as usize / 8;
        self.bytes(tag, &amount.0.to_be_bytes()[zeros..]);
    }

    /// A message in the message.
    #[inline]
    pub(super) fn nested(&mut self, tag: u32, write: impl FnOnce(&mut Writer)) {
        self.varint(u64::from(tag << 3 | BYTES));
        let at = self.0.len();
        // Most lengths take one byte; where this one takes more, what was written moves on.
        self.0.push(0);
        write(self);
        let length = self.0.len() - at - 1;
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => self.0[at] = short,
            _ => self.widen(at, length),
        }
    }

    #[inline]
    fn widen(&mut self, at: usize, length: usize) {
        let end = self.0.len();
        self.varint(length as u64);
        let width = self.0.len() - end;
        let mut prefix = [0; 10];
        prefix[..width].copy_from_slice(&self.0[end..]);
        self.0.truncate(end);
        self.0.resize(end + width - 1, 0);
        self.0.copy_within(at + 1..end, at + width);
        self.0[at..at + width].copy_from_slice(&prefix[..width]);
    }

    /// A message of a generated type in the message.
    pub(super) fn generated(&mut self, tag: u32, message: &impl Message) {
        prost::encoding::message::encode(tag, message, &mut self.0);
    }

    /// What generated code writes.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    #[inline]
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// What is left of a message that is read field by field, in the order of their tags (all of which are below 16, and one byte).
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// `None` where something is left that nobody asked for.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// The next field's number, if that is the one with this tag; else 0.
    #[inline]
    pub(super) fn number(&mut self, tag: u8) -> Option<u64> {
        match self.takes(tag << 3) {
            true => self.varint(),
            false => Some(0),
        }
    }

    /// The next field's eight bytes, if that is the one with this tag.
    #[inline]
    pub(super) fn fixed(&mut self, tag: u8) -> Option<Option<u64>> {
        if !self.takes(tag << 3 | FIXED_64 as u8) {
            return Some(None);
        }
        let (bytes, left) = self.0.split_first_chunk::<8>()?;
        self.0 = left;
        Some(Some(u64::from_le_bytes(*bytes)))
    }

    /// The next field's bytes, if that is the one with this tag.
    #[inline]
    pub(super) fn present_bytes(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if !self.takes(tag << 3 | BYTES as u8) {
            return Some(None);
        }
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(Some(bytes))
    }

    /// As [`Reader::present_bytes`]; none where it is another field.
    #[inline]
    pub(super) fn bytes(&mut self, tag: u8) -> Option<&'a [u8]> {
        Some(self.present_bytes(tag)?.unwrap_or_default())
    }

    #[inline]
    pub(super) fn address(&mut self, tag: u8) -> Option<Address> {
        Address::try_from(self.bytes(tag)?).ok()
    }

    #[inline]
    pub(super) fn hash(&mut self, tag: u8) -> Option<B256> {
        B256::try_from(self.bytes(tag)?).ok()
    }

    #[inline]
    pub(super) fn amount(&mut self, tag: u8) -> Option<Amount> {
        let bytes = self.bytes(tag)?;
        if bytes.len() > 16 || bytes.first() == Some(&0) {
            return None;
        }
        let mut whole = [0; 16];
        whole[16 - bytes.len()..].copy_from_slice(bytes);
        Some(Amount(u128::from_be_bytes(whole)))
    }

    /// A choice that is stored by the number that is signed.
    #[inline]
    pub(super) fn choice<T>(&mut self, tag: u8, choice: impl FnOnce(u8) -> Option<T>) -> Option<T> {
        choice(u8::try_from(self.number(tag)?).ok()?)
    }

    #[inline]
    fn takes(&mut self, key: u8) -> bool {
        match self.0.split_first() {
            Some((found, left)) if *found == key => {
                self.0 = left;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, left) = self.0.split_first()?;
            self.0 = left;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // Of the tenth byte one bit counts; what more is in it is not for here to judge.
                return (shift < 63 || *byte <= 1).then_some(number);
            }
        }
        None
    }
}
