//! Postgres's binary COPY format, written straight from values: <https://www.postgresql.org/docs/15/sql-copy.html>.
//!
//! Binary, because the server then neither parses text nor unescapes hex, and half as many bytes travel. Every projector of Souk writes its
//! rows so; this is values to bytes, and never speaks to a server.

use alloy_primitives::{Address, U256};
use serde::Serialize;

use crate::TokenRef;
use crate::amount::Balance;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BYTEA_OID: u32 = 17;
const INT8_OID: u32 = 20;
const INT2_OID: u32 = 21;
const NUMERIC_OID: u32 = 1700;

/// Rows of one table, ready to be sent.
#[derive(Debug)]
pub struct CopyBuffer {
    bytes: Vec<u8>,
    rows: u64,
}

impl Default for CopyBuffer {
    fn default() -> Self {
        CopyBuffer {
            bytes: SIGNATURE.to_vec(),
            rows: 0,
        }
    }
}

impl CopyBuffer {
    /// How many rows were begun.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many bytes the buffer holds.
    #[allow(
        clippy::len_without_is_empty,
        reason = "a buffer is never empty: it begins with a header"
    )]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Everything that is sent: header, rows, trailer.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&(-1i16).to_be_bytes());
        self.bytes
    }

    /// Begins a row of so many columns; as many values must follow.
    pub fn row(&mut self, columns: i16) -> &mut Self {
        self.rows += 1;
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        self
    }

    fn value(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// A value's length. Records are far below 1 GiB, the limit of a Postgres value.
    fn length(&mut self, length: usize) {
        let length = i32::try_from(length).expect("a value of a record is shorter than 2 GiB");
        self.bytes.extend_from_slice(&length.to_be_bytes());
    }

    /// NULL of any type.
    pub fn null(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&(-1i32).to_be_bytes());
        self
    }

    /// A `boolean`.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.value(&[u8::from(value)])
    }

    /// A `smallint`.
    pub fn int2(&mut self, value: i16) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    /// An `integer`.
    pub fn int4(&mut self, value: i32) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    /// A `bigint`.
    pub fn int8(&mut self, value: i64) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    /// A `bigint` or NULL.
    pub fn int8_or_null(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.int8(value),
            None => self.null(),
        }
    }

    /// A `bytea`.
    pub fn bytea(&mut self, value: &[u8]) -> &mut Self {
        self.value(value)
    }

    /// An address as `bytea`.
    pub fn address(&mut self, value: &Address) -> &mut Self {
        self.value(value.as_slice())
    }

    /// A token's key as `bytea`, as [`TokenRef::key`] gives it.
    pub fn token(&mut self, token: &TokenRef) -> &mut Self {
        let id = token.id.to_be_bytes::<32>();
        let id = &id[token.id.leading_zeros() / 8..];
        self.length(20 + id.len());
        self.bytes.extend_from_slice(token.contract.as_slice());
        self.bytes.extend_from_slice(id);
        self
    }

    /// A `smallint[]` of one dimension.
    pub fn int2_array(&mut self, values: impl ExactSizeIterator<Item = i16>) -> &mut Self {
        self.array(INT2_OID, values, |buffer, value| buffer.int2(value))
    }

    /// A `bigint[]` of one dimension.
    pub fn int8_array(&mut self, values: impl ExactSizeIterator<Item = i64>) -> &mut Self {
        self.array(INT8_OID, values, |buffer, value| buffer.int8(value))
    }

    /// A `numeric[]` of one dimension, of natural numbers.
    pub fn numeric_array(&mut self, values: impl ExactSizeIterator<Item = u128>) -> &mut Self {
        self.array(NUMERIC_OID, values, |buffer, value| buffer.numeric_u128(value))
    }

    /// A `bytea[]` of one dimension.
    pub fn bytea_array<T: AsRef<[u8]>>(&mut self, values: &[T]) -> &mut Self {
        self.array(BYTEA_OID, values.iter(), |buffer, value| buffer.value(value.as_ref()))
    }

    /// The format of `array_recv`: dimensions, whether there are nulls, the elements' type, then per dimension its length and lower bound,
    /// and the elements.
    fn array<T>(
        &mut self,
        oid: u32,
        values: impl ExactSizeIterator<Item = T>,
        put: impl Fn(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        let start = self.begin();
        let dimensions = i32::from(values.len() != 0);
        self.bytes.extend_from_slice(&dimensions.to_be_bytes());
        self.bytes.extend_from_slice(&0i32.to_be_bytes());
        self.bytes.extend_from_slice(&oid.to_be_bytes());
        if values.len() != 0 {
            self.length(values.len());
            self.bytes.extend_from_slice(&1i32.to_be_bytes());
        }
        for value in values {
            put(self, value);
        }
        self.end(start)
    }

    /// A `text`; it must hold no NUL.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.value(value.as_bytes())
    }

    /// A `jsonb`, serialised in place; it must hold no NUL.
    ///
    /// # Panics
    /// When the value cannot be JSON, which plain data always can.
    pub fn jsonb(&mut self, value: &impl Serialize) -> &mut Self {
        const VERSION: u8 = 1;
        let start = self.begin();
        self.bytes.push(VERSION);
        serde_json::to_writer(&mut self.bytes, value).expect("plain data can always be JSON");
        self.end(start)
    }

    /// A `numeric` of a small natural number.
    pub fn numeric_u128(&mut self, value: u128) -> &mut Self {
        self.digits(false, [value as u64, (value >> 64) as u64])
    }

    /// A `numeric` of a natural number.
    pub fn numeric(&mut self, value: U256) -> &mut Self {
        self.digits(false, *value.as_limbs())
    }

    /// A `numeric` of a balance.
    pub fn signed_numeric(&mut self, value: Balance) -> &mut Self {
        self.digits(value.is_negative(), *value.unsigned_abs().as_limbs())
    }

    /// The format of `numeric_recv`: number of digits, weight of the first, sign, scale, then digits to the base 10,000, highest first.
    fn digits<const N: usize>(&mut self, is_negative: bool, mut limbs: [u64; N]) -> &mut Self {
        const GROUP: u64 = 10_000_000_000_000_000;
        const SIGN_NEGATIVE: u16 = 0x4000;
        // 2^512 has 155 decimal digits: 39 digits of this base.
        let mut digits = [0i16; 40];
        let mut first = digits.len();
        let mut used = N;
        loop {
            while used > 0 && limbs[used - 1] == 0 {
                used -= 1;
            }
            if used == 0 {
                break;
            }
            let mut remainder = 0u64;
            if used == 1 {
                // Nearly every number, and what is left of the others in the end; a division of 128 bits takes many times longer.
                remainder = limbs[0] % GROUP;
                limbs[0] /= GROUP;
            } else {
                for limb in limbs[..used].iter_mut().rev() {
                    let dividend = u128::from(remainder) << 64 | u128::from(*limb);
                    *limb = (dividend / u128::from(GROUP)) as u64;
                    remainder = (dividend % u128::from(GROUP)) as u64;
                }
            }
            for _ in 0..4 {
                first -= 1;
                digits[first] = (remainder % 10_000) as i16;
                remainder /= 10_000;
            }
        }
        let digits = &digits[first..];
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let digits = &digits[leading..];
        let weight = digits.len().saturating_sub(1) as i16;
        let trailing = digits.iter().rev().take_while(|digit| **digit == 0).count();
        let digits = &digits[..digits.len() - trailing];
        let sign = if is_negative { SIGN_NEGATIVE } else { 0 };
        self.length(8 + 2 * digits.len());
        self.bytes.extend_from_slice(&(digits.len() as i16).to_be_bytes());
        self.bytes.extend_from_slice(&weight.to_be_bytes());
        self.bytes.extend_from_slice(&sign.to_be_bytes());
        self.bytes.extend_from_slice(&0i16.to_be_bytes());
        for digit in digits {
            self.bytes.extend_from_slice(&digit.to_be_bytes());
        }
        self
    }

    /// Reserves a value's length, to be filled in by [`CopyBuffer::end`].
    fn begin(&mut self) -> usize {
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.len()
    }

    fn end(&mut self, start: usize) -> &mut Self {
        let length = i32::try_from(self.bytes.len() - start).expect("a value of a record is shorter than 2 GiB");
        self.bytes[start - 4..start].copy_from_slice(&length.to_be_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What `numeric_recv` reads: digits to the base 10,000, the first of them weighing 10,000^weight.
    fn read(buffer: &CopyBuffer) -> Balance {
        let value = &buffer.bytes[SIGNATURE.len() + 4..];
        let words: Vec<i16> = value
            .chunks(2)
            .map(|pair| i16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        let [count, weight, sign, scale] = words[..4] else {
            panic!("four words come first")
        };
        let digits = &words[4..];
        assert_eq!((digits.len(), scale), (count as usize, 0));
        assert!(digits.first() != Some(&0) && digits.last() != Some(&0), "{digits:?}");
        let base = Balance::try_from(10_000).unwrap();
        let magnitude = (0..=weight).fold(Balance::ZERO, |sum, place| {
            let digit = digits.get(place as usize).copied().unwrap_or(0);
            assert!((0..10_000).contains(&digit));
            sum * base + Balance::try_from(i64::from(digit)).unwrap()
        });
        if sign == 0x4000 { -magnitude } else { magnitude }
    }

    proptest! {
        #[test]
        fn a_numeric_is_read_as_it_was_written(id in any::<[u8; 32]>(), shift in 0usize..256, zeros in 0u32..60, negative in any::<bool>()) {
            let number = U256::from_be_bytes(id) >> shift;
            // With zeros behind, which are left out, and in between.
            let number = number.wrapping_mul(U256::from(10).pow(U256::from(zeros)));
            let mut buffer = CopyBuffer::default();
            buffer.numeric(number);
            let balance = crate::amount::balance_of(number);
            prop_assert_eq!(read(&buffer), balance);
            let balance = if negative { -balance } else { balance };
            let mut buffer = CopyBuffer::default();
            buffer.signed_numeric(balance);
            prop_assert_eq!(read(&buffer), balance);
            if let Ok(small) = u128::try_from(number) {
                let mut buffer = CopyBuffer::default();
                buffer.numeric_u128(small);
                prop_assert_eq!(read(&buffer), crate::amount::balance_of(number));
            }
        }

        #[test]
        fn a_token_is_written_as_its_key(contract in any::<[u8; 20]>(), id in any::<[u8; 32]>(), shift in 0usize..=256) {
            let token = TokenRef::new(Address::from(contract), U256::from_be_bytes(id).checked_shr(shift).unwrap_or_default());
            let mut buffer = CopyBuffer::default();
            buffer.token(&token);
            let key = token.key();
            prop_assert_eq!(&buffer.bytes[SIGNATURE.len() + 4..], key.as_bytes());
        }
    }
}
