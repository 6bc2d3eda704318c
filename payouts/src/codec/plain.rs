//! Values of other crates and collections of them.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use souk_schema::E8;
use souk_schema::event::{Relation, RevenueReason, RoyaltyPolicy};
use souk_schema::id::BlockRef;

use super::{Malformed, Reader, Stored, Writer};

macro_rules! integers {
    ($($type:ident),+) => {
        $(impl Stored for $type {
            fn put(&self, out: &mut Writer) {
                out.put(&self.to_le_bytes());
            }

            fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
                input.take_array(stringify!($type)).map($type::from_le_bytes)
            }
        })+
    };
}

integers!(u8, u32, u64);

macro_rules! numbered {
    ($($type:ident),+) => {
        $(impl Stored for $type {
            fn put(&self, out: &mut Writer) {
                out.put(&[self.number()]);
            }

            fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
                $type::try_from(u8::take(input)?).map_err(|_| Malformed(stringify!($type)))
            }
        })+
    };
}

numbered!(Relation, RoyaltyPolicy, RevenueReason);

impl Stored for () {
    fn put(&self, _: &mut Writer) {}

    fn take(_: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(())
    }
}

impl Stored for bool {
    fn put(&self, out: &mut Writer) {
        out.put(&[u8::from(*self)]);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u8::take(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a truth value")),
        }
    }
}

/// How many bytes it has, then these: most amounts have few.
impl Stored for U256 {
    fn put(&self, out: &mut Writer) {
        let length = self.byte_len();
        out.put(&[length as u8]);
        out.put(&self.as_le_slice()[..length]);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "a number of 256 bits";
        let length = usize::from(u8::take(input)?);
        let number = U256::try_from_le_slice(input.take_bytes(length, WHAT)?).ok_or(Malformed(WHAT))?;
        // One number has one form.
        (number.byte_len() == length).then_some(number).ok_or(Malformed(WHAT))
    }
}

impl Stored for Address {
    fn put(&self, out: &mut Writer) {
        out.put(self.as_slice());
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.take_array("an address").map(Address::new)
    }
}

impl Stored for B256 {
    fn put(&self, out: &mut Writer) {
        out.put(self.as_slice());
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.take_array("a hash").map(B256::new)
    }
}

impl Stored for E8 {
    fn put(&self, out: &mut Writer) {
        self.parts().put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        E8::from_parts(u32::take(input)?.into()).map_err(|_| Malformed("a share"))
    }
}

impl Stored for BlockRef {
    fn put(&self, out: &mut Writer) {
        self.number.put(out);
        self.hash.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(BlockRef {
            number: Stored::take(input)?,
            hash: Stored::take(input)?,
        })
    }
}

impl<T: Stored> Stored for Option<T> {
    fn put(&self, out: &mut Writer) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        bool::take(input)?.then(|| T::take(input)).transpose()
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok((A::take(input)?, B::take(input)?))
    }
}

/// A count and so many values.
pub(super) fn put_all<'v, V: Stored + 'v>(values: impl ExactSizeIterator<Item = &'v V>, out: &mut Writer) {
    (values.len() as u64).put(out);
    values.for_each(|value| value.put(out));
}

impl<T: Stored> Stored for Vec<T> {
    fn put(&self, out: &mut Writer) {
        put_all(self.iter(), out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = usize::try_from(u64::take(input)?).map_err(|_| Malformed("a count"))?;
        // A count is believed as far as there are bytes for it.
        let mut values = Vec::with_capacity(count.min(input.left()));
        for _ in 0..count {
            values.push(T::take(input)?);
        }
        Ok(values)
    }
}

impl<T: Stored> Stored for Box<[T]> {
    fn put(&self, out: &mut Writer) {
        put_all(self.iter(), out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Vec::take(input).map(Vec::into_boxed_slice)
    }
}

impl<K: Stored + Ord, V: Stored> Stored for BTreeMap<K, V> {
    fn put(&self, out: &mut Writer) {
        (self.len() as u64).put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let entries: Vec<(K, V)> = Stored::take(input)?;
        // Entries in order, each key once: a map has one form.
        match entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            true => Ok(entries.into_iter().collect()),
            false => Err(Malformed("a map")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn written(value: &impl Stored) -> Vec<u8> {
        let mut out = Writer::default();
        value.put(&mut out);
        out.into_bytes()
    }

    fn read<T: Stored>(bytes: &[u8]) -> Result<T, Malformed> {
        let mut input = Reader::new(bytes);
        let value = T::take(&mut input)?;
        input.end().map(|()| value)
    }

    #[test]
    fn values_are_what_they_were() {
        for number in [U256::ZERO, U256::ONE, U256::from(1) << 200, U256::MAX] {
            assert_eq!(read::<U256>(&written(&number)), Ok(number));
        }
        let map = BTreeMap::from([(1u32, Some(true)), (7, None)]);
        assert_eq!(read::<BTreeMap<u32, Option<bool>>>(&written(&map)), Ok(map));
        assert_eq!(read::<Relation>(&[200]), Err(Malformed("Relation")));
    }

    #[test]
    fn a_value_has_one_form() {
        assert!(read::<U256>(&[2, 5, 0]).is_err(), "a leading zero");
        assert!(read::<U256>(&[33; 34]).is_err(), "more than 256 bits");
        assert!(read::<bool>(&[2]).is_err());
        let twice = vec![(1u8, 1u8), (1, 2)];
        assert!(read::<BTreeMap<u8, u8>>(&written(&twice)).is_err(), "a key twice");
        assert!(read::<u32>(&[0; 5]).is_err(), "too long");
        let many = written(&u64::MAX);
        assert!(read::<Vec<u32>>(&many).is_err(), "a count without values");
    }

    #[test]
    fn what_is_shared_is_written_once_and_shared_again() {
        let (one, other) = (Arc::new(vec![1u64; 100]), Arc::new(vec![2u64]));
        let bytes = written(&vec![Arc::clone(&one), other, Arc::clone(&one)]);
        assert!(bytes.len() < 900, "{}", bytes.len());
        let values: Vec<Arc<Vec<u64>>> = read(&bytes).expect("they were written");
        assert!(Arc::ptr_eq(&values[0], &values[2]) && !Arc::ptr_eq(&values[0], &values[1]));
        assert_eq!((&values[0], &*values[1]), (&one, &vec![2]));
        // Nesting: the outer value has its number before the inner one has.
        let inner = Arc::new(5u32);
        let nested = vec![Arc::new(vec![Arc::clone(&inner), inner])];
        assert_eq!(read(&written(&nested)), Ok(nested));
        assert!(
            read::<Vec<Arc<u32>>>(&[2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]).is_err(),
            "a number of nothing"
        );
    }
}
