//! From columns to the words of the exchange. Numerics are selected as text, which loses nothing.

use std::str::FromStr;

use alloy_primitives::{Address, B256};
use serde::de::DeserializeOwned;
use souk_schema::TokenRef;
use souk_schema::exchange::{Amount, Lots, Ticks, UnixMillis};
use sqlx::Row;
use sqlx::postgres::PgRow;

/// A row, read by its columns' names.
pub(crate) struct Cells<'r>(pub(crate) &'r PgRow);

fn unreadable(column: &str, problem: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.into(),
        source: problem.to_string().into(),
    }
}

impl Cells<'_> {
    /// A `bigint` that is never negative.
    pub(crate) fn natural(&self, column: &str) -> sqlx::Result<u64> {
        let value: i64 = self.0.try_get(column)?;
        u64::try_from(value).map_err(|error| unreadable(column, error))
    }

    /// A `bigint` that is never negative, or NULL.
    pub(crate) fn natural_or_null(&self, column: &str) -> sqlx::Result<Option<u64>> {
        let value: Option<i64> = self.0.try_get(column)?;
        let value = value.map(u64::try_from).transpose();
        value.map_err(|error| unreadable(column, error))
    }

    /// A `bigint` that counts few things.
    pub(crate) fn id(&self, column: &str) -> sqlx::Result<u32> {
        let value: i64 = self.0.try_get(column)?;
        u32::try_from(value).map_err(|error| unreadable(column, error))
    }

    /// An `integer` of parts per million, or NULL.
    pub(crate) fn parts_or_null(&self, column: &str) -> sqlx::Result<Option<u32>> {
        let value: Option<i32> = self.0.try_get(column)?;
        Ok(value.map(i32::cast_unsigned))
    }

    /// A `smallint` that numbers a choice.
    pub(crate) fn choice<T>(&self, column: &str, from: fn(u8) -> Option<T>) -> sqlx::Result<T> {
        let value: i16 = self.0.try_get(column)?;
        let value = u8::try_from(value).ok().and_then(from);
        value.ok_or_else(|| unreadable(column, "no choice has this number"))
    }

    /// Digits.
    pub(crate) fn digits<T: FromStr<Err: std::fmt::Display>>(&self, column: &str) -> sqlx::Result<T> {
        let text: &str = self.0.try_get(column)?;
        text.parse().map_err(|error| unreadable(column, error))
    }

    /// Digits, or NULL.
    pub(crate) fn digits_or_null<T: FromStr<Err: std::fmt::Display>>(&self, column: &str) -> sqlx::Result<Option<T>> {
        let text: Option<&str> = self.0.try_get(column)?;
        let value = text.map(str::parse).transpose();
        value.map_err(|error: T::Err| unreadable(column, error))
    }

    /// An amount.
    pub(crate) fn amount(&self, column: &str) -> sqlx::Result<Amount> {
        self.digits(column).map(Amount)
    }

    /// A price.
    pub(crate) fn ticks(&self, column: &str) -> sqlx::Result<Ticks> {
        self.digits(column).map(Ticks)
    }

    /// A quantity.
    pub(crate) fn lots(&self, column: &str) -> sqlx::Result<Lots> {
        self.digits(column).map(Lots)
    }

    /// A time.
    pub(crate) fn millis(&self, column: &str) -> sqlx::Result<UnixMillis> {
        self.natural(column).map(UnixMillis)
    }

    /// A word that the vocabulary serialises to.
    pub(crate) fn word<T: DeserializeOwned>(&self, column: &str) -> sqlx::Result<T> {
        let text: &str = self.0.try_get(column)?;
        crate::words::parse(text).ok_or_else(|| unreadable(column, format!("`{text}` is not one of its words")))
    }

    /// A word, or NULL.
    pub(crate) fn word_or_null<T: DeserializeOwned>(&self, column: &str) -> sqlx::Result<Option<T>> {
        let text: Option<&str> = self.0.try_get(column)?;
        text.map(|_| self.word(column)).transpose()
    }

    /// 20 bytes.
    pub(crate) fn address(&self, column: &str) -> sqlx::Result<Address> {
        let bytes: &[u8] = self.0.try_get(column)?;
        Address::try_from(bytes).map_err(|error| unreadable(column, error))
    }

    /// 32 bytes.
    pub(crate) fn hash(&self, column: &str) -> sqlx::Result<B256> {
        let bytes: &[u8] = self.0.try_get(column)?;
        B256::try_from(bytes).map_err(|error| unreadable(column, error))
    }

    /// 32 bytes, or NULL.
    pub(crate) fn hash_or_null(&self, column: &str) -> sqlx::Result<Option<B256>> {
        let bytes: Option<&[u8]> = self.0.try_get(column)?;
        bytes.map(|_| self.hash(column)).transpose()
    }

    /// A token's key.
    pub(crate) fn token(&self, column: &str) -> sqlx::Result<TokenRef> {
        let bytes: &[u8] = self.0.try_get(column)?;
        TokenRef::try_from(bytes).map_err(|error| unreadable(column, error))
    }
}
