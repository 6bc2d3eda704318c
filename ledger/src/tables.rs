//! The tables of `migrations/exchange`, as far as code treats them alike: what a hash covers, what a rebuild replaces.

use souk_schema::exchange::GroupId;

/// A table of derived state.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its primary key without the group: the order in which it is hashed.
    pub key: &'static str,
}

const fn table(name: &'static str, key: &'static str) -> Table {
    Table { name, key }
}

/// Every table that holds a group's state. Not among them: `projection`, which says how far they
/// are, [`INDEX_TABLE`], and `settlement`, which is not of the events.
pub const TABLES: [Table; 13] = [
    table("market_group", "group_id"),
    table("instrument", "id"),
    table("account", "id"),
    table("market", "id"),
    table("transaction", "number"),
    table("balance", "account, instrument"),
    table("exchange_order", "id"),
    table("fill", "number"),
    table("settled", "number"),
    table("withdrawal", "account, nonce"),
    table("account_exit", "exit_id, number"),
    table("fact", "chain_id, position"),
    table("candle", "market, secs, start_secs"),
];

/// What is replaced with the tables, though it is no state: an index that is cut as commits were.
pub const INDEX_TABLE: &str = "account_activity";

/// A schema that holds the tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schema(String);

impl Schema {
    /// The schema that everything reads.
    pub fn live() -> Schema {
        Schema("exchange".into())
    }

    /// A schema beside this one, for work on one group.
    pub fn beside(&self, purpose: Purpose, group: GroupId) -> Schema {
        let purpose = match purpose {
            Purpose::Rebuild => "rebuild",
            Purpose::Bench => "bench",
        };
        Schema(format!("{}_{purpose}_{group}", self.0))
    }

    /// The name, which may stand in a statement without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a schema beside the live one is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Becomes the live rows.
    Rebuild,
    /// Is measured.
    Bench,
}
