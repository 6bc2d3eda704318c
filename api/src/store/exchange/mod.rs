//! The exchange's tables: orders, fills, withdrawals, statistics. They are another schema of the same database, so one view sees both.
//!
//! A [`super::listing::Scope`] of these lists has the group's number where others have the chain's; each list says what else it takes.

pub mod deposits;
pub mod fills;
pub mod groups;
pub mod markets;
pub mod orders;
pub mod withdrawals;

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::{Decode, Postgres, Type};

use super::listing::Scope;
use souk_schema::ChainId;
use souk_schema::exchange::GroupId;

/// A `numeric` that is no fraction and not negative, selected as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digits(pub u128);

/// A word that the vocabulary serialises to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl Type<Postgres> for Digits {
    fn type_info() -> PgTypeInfo {
        <String as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Digits {
    fn decode(value: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        Ok(Digits(<&str as Decode<Postgres>>::decode(value)?.parse()?))
    }
}

impl Digits {
    /// As a number of 64 bits, which prices and quantities are.
    pub fn small(self) -> u64 {
        u64::try_from(self.0).unwrap_or(u64::MAX)
    }
}

impl<T> Type<Postgres> for Word<T> {
    fn type_info() -> PgTypeInfo {
        <String as Type<Postgres>>::type_info()
    }
}

impl<'r, T: DeserializeOwned> Decode<'r, Postgres> for Word<T> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        let text = <&str as Decode<Postgres>>::decode(value)?;
        Ok(Word(serde_json::from_value(text.into())?))
    }
}

/// A number of a table, none of which is negative.
fn natural(number: i64) -> u64 {
    number.unsigned_abs()
}

/// The scope of a list of a group.
pub fn scope(group: GroupId, key: Vec<u8>, at: i64, time: i64) -> Scope {
    Scope {
        chain: ChainId(group.0.into()),
        key,
        at,
        time,
    }
}
