//! Values as bytes and back, for snapshots of a state and for revenues that left its memory.
//!
//! A type says with [`stored`](crate::codec) which fields it has; the fields are taken apart by a pattern, so one that is forgotten does not
//! compile. Integers are little-endian and of fixed width, numbers of 256 bits are as short as they can be, and a collection is its count (u64)
//! and its items. What several values share is written once: reading gives back the sharing, and so the memory that it saves.

mod plain;

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes that are no value of the type that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes make no sense as {0}")]
pub struct Malformed(pub(crate) &'static str);

/// What can be written down and read back.
pub(crate) trait Stored: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Writer);

    /// Reads a value that [`Stored::put`] appended.
    ///
    /// # Errors
    /// [`Malformed`] for anything else.
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// Takes values.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    /// Numbers of shared values by their address. All of them are alive until the end, so no address is used twice.
    shared: HashMap<usize, u32>,
}

/// Gives values.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// Shared values by number.
    shared: Vec<Box<dyn Any>>,
}

impl Writer {
    /// For a value whose reader knows this one already.
    pub(crate) fn knowing<T>(known: &Arc<T>) -> Writer {
        Writer {
            bytes: Vec::new(),
            shared: HashMap::from([(Arc::as_ptr(known).addr(), 0)]),
        }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes a shared value: its number, and the first time what it is.
    fn put_shared(&mut self, address: usize, content: impl FnOnce(&mut Writer)) {
        let next = u32::try_from(self.shared.len()).expect("fewer than 2^32 values");
        match self.shared.get(&address).copied() {
            Some(number) => number.put(self),
            None => {
                self.shared.insert(address, next);
                next.put(self);
                content(self);
            }
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            shared: Vec::new(),
        }
    }

    /// For a value whose writer knew that this one is known here.
    pub(crate) fn knowing<T: 'static>(bytes: &'a [u8], known: Arc<T>) -> Reader<'a> {
        Reader {
            bytes,
            shared: vec![Box::new(known)],
        }
    }

    pub(crate) fn take_bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Malformed(what))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(Malformed(what))?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// How many bytes are left.
    fn left(&self) -> usize {
        self.bytes.len()
    }

    /// Whether everything was read.
    ///
    /// # Errors
    /// [`Malformed`] if not.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Malformed("its end"))
        }
    }

    /// Reads a shared value: what has this number, or what follows where the number is new.
    fn take_shared<T: Clone + 'static>(
        &mut self,
        content: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        const WHAT: &str = "a shared value";
        let number = u32::take(self)? as usize;
        if number == self.shared.len() {
            // Its number is its own before what it consists of is read.
            self.shared.push(Box::new(()));
            let value = content(self)?;
            self.shared[number] = Box::new(value.clone());
            return Ok(value);
        }
        let known = self.shared.get(number).and_then(|value| value.downcast_ref::<T>());
        known.cloned().ok_or(Malformed(WHAT))
    }
}

impl<T: Stored + 'static> Stored for Arc<T> {
    fn put(&self, out: &mut Writer) {
        out.put_shared(Arc::as_ptr(self).addr(), |out| T::put(self, out));
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.take_shared(|input| T::take(input).map(Arc::new))
    }
}

impl<T: Stored + 'static> Stored for Arc<[T]> {
    fn put(&self, out: &mut Writer) {
        out.put_shared(Arc::as_ptr(self).cast::<T>().addr(), |out| {
            plain::put_all(self.iter(), out)
        });
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.take_shared(|input| Vec::take(input).map(Arc::from))
    }
}

/// Says which fields a struct is written as, in their order.
macro_rules! stored {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::codec::Stored for $name {
            fn put(&self, out: &mut $crate::codec::Writer) {
                let $name { $($field),+ } = self;
                $($crate::codec::Stored::put($field, out);)+
            }

            fn take(input: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Malformed> {
                $(let $field = $crate::codec::Stored::take(input)?;)+
                Ok($name { $($field),+ })
            }
        }
    };
}

/// Says which numbers the values of an enum without fields are written as.
macro_rules! stored_as_number {
    ($name:ident { $($variant:ident = $number:literal),+ $(,)? }) => {
        impl $crate::codec::Stored for $name {
            fn put(&self, out: &mut $crate::codec::Writer) {
                let number: u8 = match self { $($name::$variant => $number),+ };
                out.put(&[number]);
            }

            fn take(input: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Malformed> {
                match <u8 as $crate::codec::Stored>::take(input)? {
                    $($number => Ok($name::$variant),)+
                    _ => Err($crate::codec::Malformed(stringify!($name))),
                }
            }
        }
    };
}

pub(crate) use {stored, stored_as_number};
