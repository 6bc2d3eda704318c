//! The tables of `migrations/souk`, as far as code treats them alike: what a revert undoes, what a hash covers, what a rebuild replaces.

/// How a table says which blocks its rows belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Rows belong to one block, named in this column; reverting the block deletes them.
    OfBlock(&'static str),
    /// Rows are true from `valid_from` on and are never ended by an event.
    Lasting,
    /// Rows are true from `valid_from` to `valid_to`; reverting the block that ended them opens them again.
    Ending,
}

/// A table of derived state.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its primary key without the chain: the order in which it is hashed.
    pub key: &'static str,
    /// Which blocks its rows belong to.
    pub scope: Scope,
}

impl Table {
    /// The column that names the block from which a row counts.
    pub fn since(&self) -> &'static str {
        match self.scope {
            Scope::OfBlock(column) => column,
            Scope::Lasting | Scope::Ending => "valid_from",
        }
    }
}

const fn table(name: &'static str, key: &'static str, scope: Scope) -> Table {
    Table { name, key, scope }
}

/// Every table that holds state of chains; `projection`, which says how far they are, is not among them.
pub const TABLES: [Table; 48] = [
    table("block", "number", Scope::OfBlock("number")),
    table(
        "event",
        "block_number, log_index, ordinal",
        Scope::OfBlock("block_number"),
    ),
    table("quarantine", "block_number, log_index", Scope::OfBlock("block_number")),
    table("contract", "address, valid_from", Scope::Lasting),
    table("asset", "asset_key", Scope::Lasting),
    table(
        "asset_version",
        "asset_key, version, valid_from, log_index",
        Scope::Lasting,
    ),
    table("ownership", "token_key, valid_from", Scope::Ending),
    table("balance", "token_key, account, valid_from", Scope::Ending),
    table("license_terms", "registry, terms_id", Scope::Lasting),
    table(
        "terms_attachment",
        "asset_key, registry, terms_id, valid_from, log_index",
        Scope::Lasting,
    ),
    table("license_series", "series_key", Scope::Ending),
    table(
        "license_revocation",
        "series_key, valid_from, log_index",
        Scope::Lasting,
    ),
    table(
        "share_issue",
        "asset_key, shares_key, valid_from, log_index",
        Scope::Lasting,
    ),
    table("contribution", "contribution_key", Scope::Ending),
    table("derivation", "valid_from, log_index", Scope::Lasting),
    table("revenue", "valid_from, log_index", Scope::Lasting),
    table("task", "task_key", Scope::Lasting),
    table("submission", "submission_key", Scope::Lasting),
    table("submission_review", "valid_from, log_index", Scope::Lasting),
    table("submission_rejection", "valid_from, log_index", Scope::Lasting),
    table("reward", "valid_from, log_index", Scope::Lasting),
    table("task_closing", "task_key", Scope::Lasting),
    table("execution", "execution_key", Scope::Lasting),
    table("execution_completion", "execution_key", Scope::Lasting),
    table("execution_cancellation", "execution_key", Scope::Lasting),
    table("federated_round", "round_key", Scope::Lasting),
    table("round_update", "valid_from, log_index", Scope::Lasting),
    table("round_aggregation", "round_key", Scope::Lasting),
    table("challenge", "challenge_key", Scope::Lasting),
    table("challenge_resolution", "challenge_key", Scope::Lasting),
    table("dispute", "dispute_key", Scope::Lasting),
    table("dispute_judgement", "valid_from, log_index", Scope::Lasting),
    table("dispute_resolution", "dispute_key", Scope::Lasting),
    table("payout_root", "valid_from, log_index", Scope::Lasting),
    table("payout_root_change", "valid_from, log_index", Scope::Lasting),
    table("payout_claim", "valid_from, log_index", Scope::Lasting),
    table("protocol_fee", "valid_from, log_index", Scope::Lasting),
    table("announcement", "valid_from, log_index", Scope::Lasting),
    table("mirror", "valid_from, log_index", Scope::Lasting),
    table("vault_market", "vault, market", Scope::Lasting),
    table("vault_fee_account", "vault, valid_from", Scope::Ending),
    table("vault_balance", "vault, token_key, account, valid_from", Scope::Ending),
    table("foreign_asset", "asset_key", Scope::Lasting),
    table("foreign_account", "account", Scope::Lasting),
    table("foreign_link", "child_key, slot, valid_from", Scope::Ending),
    table("attestation", "attestation_key", Scope::Ending),
    table("agent_feedback", "valid_from, log_index", Scope::Ending),
    table("foreign_dispute", "dispute_key", Scope::Ending),
];

/// A schema's name: what may stand in a statement without quotes and without surprise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schema(String);

/// A text that is not used as a schema's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a schema name: use a-z, 0-9 and _, a letter first, at most 32 characters")]
pub struct InvalidSchema(pub String);

impl Schema {
    /// A schema with this name.
    ///
    /// # Errors
    /// [`InvalidSchema`] unless it is a lower-case letter and then lower-case letters, digits and `_`, 32 at most.
    pub fn new(name: impl Into<String>) -> Result<Schema, InvalidSchema> {
        // Postgres cuts names after 63 bytes; `beside` adds up to 29.
        const LONGEST: usize = 32;
        let name = name.into();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
        if starts && name.len() <= LONGEST && name.chars().all(plain) {
            Ok(Schema(name))
        } else {
            Err(InvalidSchema(name))
        }
    }

    /// The schema that everything reads.
    pub fn live() -> Schema {
        Schema("souk".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A schema beside this one, for work on one chain: at most 20 more characters for the chain's id and 9 for the purpose.
    pub(crate) fn beside(&self, purpose: &str, chain: souk_schema::ChainId) -> Schema {
        Schema(format!("{}_{purpose}_{chain}", self.0))
    }
}

impl std::fmt::Display for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
