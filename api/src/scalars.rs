//! Values as they leave and enter over GraphQL, and as they are read from Postgres: addresses, hashes, big integers, CAIP ids.
//!
//! Each is written in one canonical form and read strictly, with an error that says what was expected. Hex is lower case going out
//! and any case coming in. Nothing here does I/O.

use std::str::FromStr;

use alloy_primitives::aliases::{I512, U512};
use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use souk_schema::caip::{self, Caip2, EvmAssetId};
use souk_schema::exchange::{self, GroupId};
use souk_schema::{B256, TokenRef, U256};
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::{Decode, Postgres, Type};

/// A 20-byte EVM address, for example `0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb`. Lower case; any case is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub souk_schema::Address);

/// 32 bytes in hex: a hash or another commitment, for example a block hash. Lower case; any case is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes32(pub B256);

/// Bytes of any number in hex, for example `0x00ff`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

/// An integer of any size as a string of decimal digits, for example `"1000000000000000000"`. Amounts are in base units of their token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BigInt(pub I512);

/// A whole number from 0 to 9007199254740991 (2^53 - 1) as a JSON number: block numbers, Unix times in seconds, sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Long(pub i64);

/// A chain as CAIP-2, for example `eip155:31337`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub souk_schema::ChainId);

/// An account as CAIP-10, for example `eip155:31337:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub caip::AccountId);

/// An asset or another token as CAIP-19, for example `eip155:31337/erc721:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/42`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub caip::AssetId);

/// A decimal number as a string, for example `"1.25"`: amounts in whole units of their token, prices in whole units of the quote token for
/// one whole unit of the base token. Plain digits, at most one point, never an exponent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(pub String);

/// An order as `group.number`, for example `1.2560`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub GroupId, pub exchange::OrderId);

/// A fill as `group.number`, for example `1.17`. Numbers count the fills of a market group, as the vault settles them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FillId(pub GroupId, pub exchange::FillNumber);

/// The largest [`Long`]: beyond it JSON numbers lose digits in JavaScript.
pub const LONGEST: i64 = (1 << 53) - 1;

impl AssetId {
    /// A token of an EVM chain, or an error for the client that names the id.
    pub fn evm(&self) -> Result<EvmAssetId, String> {
        match &self.0 {
            caip::AssetId::Evm(id) => Ok(*id),
            caip::AssetId::Other(text) if text.starts_with("eip155:") => caip(text),
            caip::AssetId::Other(text) => Err(format!(
                "`{text}` is no token of an EVM chain (eip155), and only those are indexed"
            )),
        }
    }
}

impl From<EvmAssetId> for AssetId {
    fn from(id: EvmAssetId) -> AssetId {
        AssetId(caip::AssetId::Evm(id))
    }
}

impl BigInt {
    /// The number in base units, where it is one.
    pub fn unsigned(self) -> Option<U256> {
        let raw = self.0.into_raw();
        (!self.0.is_negative() && raw.bit_len() <= 256).then(|| raw.to::<U256>())
    }
}

impl BigInt {
    /// The number, where it is one of 128 bits without a sign, as the exchange's amounts are.
    pub fn small(self) -> Option<u128> {
        u128::try_from(self.unsigned()?).ok()
    }
}

impl From<u128> for BigInt {
    fn from(value: u128) -> BigInt {
        U256::from(value).into()
    }
}

impl From<u64> for BigInt {
    fn from(value: u64) -> BigInt {
        U256::from(value).into()
    }
}

impl From<i128> for BigInt {
    fn from(value: i128) -> BigInt {
        let amount = I512::from_raw(U512::from(value.unsigned_abs()));
        BigInt(if value < 0 { -amount } else { amount })
    }
}

impl From<U256> for BigInt {
    fn from(value: U256) -> BigInt {
        BigInt(I512::from_raw(U512::from(value)))
    }
}

impl Long {
    /// A number that fits; larger ones (only a broken chain reports them) are the largest.
    pub fn saturating(value: u64) -> Long {
        Long(i64::try_from(value).unwrap_or(LONGEST).min(LONGEST))
    }
}

fn string(value: Value, what: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("expected a string with {what}, found {}", kind_of(&other))),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Number(_) => "a number",
        Value::Boolean(_) => "a boolean",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
        Value::Enum(_) => "an enum value",
        Value::String(_) | Value::Binary(_) => "a string",
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

fn hex(text: &str, bytes: usize, what: &str) -> Result<Vec<u8>, String> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 2 * bytes);
    digits
        .and_then(|digits| alloy_primitives::hex::decode(digits).ok())
        .ok_or_else(|| {
            format!(
                "`{}` is no {what}: expected 0x and {} hex digits",
                shortened(text),
                2 * bytes
            )
        })
}

/// A whole decimal number of at most 154 digits, which fits 512 bits.
fn decimal(text: &str) -> Result<I512, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = (1..=154).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let parsed = if canonical { I512::from_dec_str(text).ok() } else { None };
    parsed.ok_or_else(|| format!("`{}` is no whole decimal number", shortened(text)))
}

macro_rules! text_scalar {
    ($name:ident, $what:literal, $parse:expr, $write:expr) => {
        impl $name {
            /// Reads the textual form.
            ///
            /// # Errors
            /// What was expected, for a person.
            pub fn read(text: &str) -> Result<$name, String> {
                let parse: fn(&str) -> Result<$name, String> = $parse;
                parse(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let write: fn(&$name) -> String = $write;
                f.write_str(&write(self))
            }
        }

        impl $name {
            fn parse_value(value: Value) -> InputValueResult<$name> {
                string(value, $what)
                    .and_then(|text| $name::read(&text))
                    .map_err(InputValueError::custom)
            }
        }
    };
}

text_scalar!(
    Address,
    "an address",
    |text| hex(text, 20, "address").map(|bytes| Address(souk_schema::Address::from_slice(&bytes))),
    |value| format!("{:#x}", value.0)
);
text_scalar!(
    Bytes32,
    "32 bytes in hex",
    |text| hex(text, 32, "32-byte value").map(|bytes| Bytes32(B256::from_slice(&bytes))),
    |value| format!("{:#x}", value.0)
);
text_scalar!(
    Bytes,
    "bytes in hex",
    |text| match text
        .strip_prefix("0x")
        .and_then(|digits| alloy_primitives::hex::decode(digits).ok())
    {
        Some(bytes) => Ok(Bytes(bytes)),
        None => Err(format!(
            "`{}` is not 0x and an even number of hex digits",
            shortened(text)
        )),
    },
    |value| alloy_primitives::hex::encode_prefixed(&value.0)
);
text_scalar!(BigInt, "decimal digits", |text| decimal(text).map(BigInt), |value| {
    value.0.to_string()
});
text_scalar!(
    ChainId,
    "a CAIP-2 chain id",
    |text| caip(text).map(|Caip2(id)| ChainId(id)),
    |value| Caip2(value.0).to_string()
);
text_scalar!(
    AccountId,
    "a CAIP-10 account id",
    |text| caip(text).map(AccountId),
    |value| value.0.to_string()
);
text_scalar!(AssetId, "a CAIP-19 asset id", |text| caip(text).map(AssetId), |value| {
    value.0.to_string()
});

text_scalar!(
    Decimal,
    "a decimal number",
    |text| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let plain =
            |digits: &str| (1..=80).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        (plain(whole) && plain(fraction))
            .then(|| Decimal(text.to_string()))
            .ok_or_else(|| format!("`{}` is no decimal number like 1.25", shortened(text)))
    },
    |value| value.0.clone()
);
text_scalar!(
    OrderId,
    "an order's id",
    |text| numbered(text)
        .map(|(group, number)| OrderId(group, exchange::OrderId(number)))
        .ok_or_else(|| format!("`{}` is no order's id like 1.2560", shortened(text))),
    |value| format!("{}.{}", value.0, value.1)
);
text_scalar!(
    FillId,
    "a fill's id",
    |text| numbered(text)
        .map(|(group, number)| FillId(group, exchange::FillNumber(number)))
        .ok_or_else(|| format!("`{}` is no fill's id like 1.17", shortened(text))),
    |value| format!("{}.{}", value.0, value.1)
);

/// A group and a number in it.
fn numbered(text: &str) -> Option<(GroupId, u64)> {
    let (group, number) = text.split_once('.')?;
    let plain = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    let read = (group.parse().ok()?, number.parse().ok()?);
    (plain(group) && plain(number)).then_some((GroupId(read.0), read.1))
}

fn caip<T: FromStr<Err = caip::InvalidCaip>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: caip::InvalidCaip| invalid.to_string())
}

/// A 20-byte EVM address in hex, for example `0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb`. Written in lower case; any case is accepted.
#[Scalar]
impl ScalarType for Address {
    fn parse(value: Value) -> InputValueResult<Self> {
        Address::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// 32 bytes in hex: a hash or another commitment. Written in lower case; any case is accepted.
#[Scalar]
impl ScalarType for Bytes32 {
    fn parse(value: Value) -> InputValueResult<Self> {
        Bytes32::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// Bytes of any number in hex, for example `0x00ff`.
#[Scalar]
impl ScalarType for Bytes {
    fn parse(value: Value) -> InputValueResult<Self> {
        Bytes::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// An integer of any size as a string of decimal digits, for example `"1000000000000000000"`. Amounts are in base units of their token.
#[Scalar]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::Number(number) if number.is_i64() || number.is_u64() => {
                BigInt::read(&number.to_string()).map_err(InputValueError::custom)
            }
            other => BigInt::parse_value(other),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A whole number from 0 to 9007199254740991 (2^53 - 1) as a JSON number: block numbers, Unix times in seconds, positions in a stream.
#[Scalar]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => match number.as_i64() {
                Some(number) if (0..=LONGEST).contains(&number) => Ok(Long(number)),
                _ => Err(InputValueError::custom(format!(
                    "{number} is not a whole number from 0 to {LONGEST}"
                ))),
            },
            other => Err(InputValueError::custom(format!(
                "expected a whole number from 0 to {LONGEST}, found {}",
                kind_of(other)
            ))),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

/// A chain as CAIP-2, for example `eip155:31337`.
#[Scalar]
impl ScalarType for ChainId {
    fn parse(value: Value) -> InputValueResult<Self> {
        ChainId::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// An account as CAIP-10, for example `eip155:31337:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb`.
#[Scalar]
impl ScalarType for AccountId {
    fn parse(value: Value) -> InputValueResult<Self> {
        AccountId::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// An asset or another token as CAIP-19, for example `eip155:31337/erc721:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb/42`, or
/// `eip155:31337/erc20:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb` for a whole ERC-20 contract.
#[Scalar]
impl ScalarType for AssetId {
    fn parse(value: Value) -> InputValueResult<Self> {
        AssetId::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A decimal number as a string, for example `"1.25"`: amounts in whole units of their token, prices in whole units of the quote token for
/// one whole unit of the base token. Plain digits, at most one point, never an exponent.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        Decimal::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An order of the exchange as `group.number`, for example `1.2560`.
#[Scalar]
impl ScalarType for OrderId {
    fn parse(value: Value) -> InputValueResult<Self> {
        OrderId::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A fill of the exchange as `group.number`, for example `1.17`. Numbers count the fills of a market group, as the vault settles them.
#[Scalar]
impl ScalarType for FillId {
    fn parse(value: Value) -> InputValueResult<Self> {
        FillId::parse_value(value)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A token by its key in tables; not a GraphQL type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub TokenRef);

/// Reads a value from a column of the type that `$column` has.
macro_rules! column {
    ($name:ident, $column:ty, $read:expr) => {
        impl Type<Postgres> for $name {
            fn type_info() -> PgTypeInfo {
                <$column as Type<Postgres>>::type_info()
            }

            fn compatible(info: &PgTypeInfo) -> bool {
                <$column as Type<Postgres>>::compatible(info)
            }
        }

        impl<'r> Decode<'r, Postgres> for $name {
            fn decode(value: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let read: fn($column) -> Result<$name, sqlx::error::BoxDynError> = $read;
                read(<$column as Decode<Postgres>>::decode(value)?)
            }
        }
    };
}

column!(Address, Vec<u8>, |bytes| Ok(Address(souk_schema::Address::try_from(
    bytes.as_slice()
)?)));
column!(Bytes32, Vec<u8>, |bytes| Ok(Bytes32(B256::try_from(bytes.as_slice())?)));
column!(Bytes, Vec<u8>, |bytes| Ok(Bytes(bytes)));
column!(Key, Vec<u8>, |bytes| Ok(Key(TokenRef::try_from(bytes.as_slice())?)));
column!(Long, i64, |number| Ok(Long(number.clamp(0, LONGEST))));
column!(ChainId, i64, |number| Ok(ChainId(souk_schema::ChainId(u64::try_from(
    number
)?))));
// Postgres' numeric, read as text: the queries cast.
column!(BigInt, String, |text| Ok(BigInt(decimal(&text)?)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_values_say_what_was_expected() {
        assert!(Address::read("0x12").unwrap_err().contains("40 hex digits"));
        assert!(
            Bytes32::read(&format!("0x{}", "g".repeat(64)))
                .unwrap_err()
                .contains("64 hex digits")
        );
        assert!(BigInt::read("1e3").unwrap_err().contains("no whole decimal number"));
        assert!(BigInt::read(&"9".repeat(155)).is_err());
        for bad in ["", "-1", "1.", "1e3", "1,5", "0x1"] {
            assert!(Decimal::read(bad).is_err(), "{bad}");
        }
        for bad in ["7", "1.", ".7", "1.-7", "1.7.7", "+1.7", "1.18446744073709551616"] {
            assert!(OrderId::read(bad).is_err() && FillId::read(bad).is_err(), "{bad}");
        }
        assert_eq!(OrderId::read("1.2560").unwrap().to_string(), "1.2560");
        assert!(ChainId::read("eip155:x").unwrap_err().contains("eip155:31337"));
        assert!(<Long as ScalarType>::parse(Value::from(-1)).is_err());
        assert!(<Long as ScalarType>::parse(Value::from(1.5)).is_err());
        assert!(<Long as ScalarType>::parse(Value::from(LONGEST + 1)).is_err());
        assert!(<Address as ScalarType>::parse(Value::from(1)).is_err());
    }

    #[test]
    fn numbers_survive_their_text() {
        for text in [
            "0",
            "-17",
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
        ] {
            assert_eq!(BigInt::read(text).unwrap().to_string(), text);
        }
        assert_eq!(BigInt::from(U256::MAX).unsigned(), Some(U256::MAX));
        assert_eq!(BigInt::read("-1").unwrap().unsigned(), None);
    }

    #[test]
    fn hex_is_read_in_any_case_and_written_in_lower_case() {
        let address = Address::read("0xAB16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb").unwrap();
        assert_eq!(address.to_string(), "0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb");
    }
}
