//! Identifiers inside a market group. All are small numbers that count something in the group's command stream, so that any machine that
//! reads the stream gives the same ids.

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A market group, from 1. The vault numbers its fills per group.
    GroupId(u32)
}
number! {
    /// A command's position among all commands of its group, from 1, duplicates and refused ones included.
    CommandNumber(u64)
}
number! {
    /// An account: counts the addresses that the engine met. [`AccountId::DEFICIT`] and [`AccountId::FEES`] are there from the start.
    AccountId(u32)
}
number! {
    /// An instrument: counts the instruments in the order in which markets named them, from 0.
    InstrumentId(u32)
}
number! {
    /// A market: counts the listings, from 0.
    MarketId(u32)
}
number! {
    /// A fill's number within its group, from 1, as the vault consumes them.
    FillNumber(u64)
}
number! {
    /// Milliseconds since 1970-01-01 UTC.
    UnixMillis(u64)
}
number! {
    /// An order: the number of the command that placed it, times 256, plus its place in a mass quote (0 elsewhere).
    OrderId(u64)
}

impl AccountId {
    /// Bears what nobody else can, after a reorganisation past finality; the only account that may be negative.
    pub const DEFICIT: AccountId = AccountId(0);
    /// Receives trading fees.
    pub const FEES: AccountId = AccountId(1);
}

impl OrderId {
    /// The order that a command placed, at `place` of its quotes (0 to 255).
    pub fn new(command: CommandNumber, place: u8) -> OrderId {
        OrderId(command.0 << 8 | u64::from(place))
    }

    /// The command that placed it.
    pub fn command(self) -> CommandNumber {
        CommandNumber(self.0 >> 8)
    }
}

impl UnixMillis {
    /// Whole seconds, rounded down.
    pub fn secs(self) -> u64 {
        self.0 / 1_000
    }
}
