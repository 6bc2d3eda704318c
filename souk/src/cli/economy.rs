//! Questions about one asset, account or revenue.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use super::shared::InstanceArgs;

/// Which deployment a question is about.
#[derive(Args, Debug)]
pub struct EconomyArgs {
    /// The instance.
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// EIP-155 id of the chain [default: the only one].
    #[arg(long, value_name = "NUMBER")]
    pub chain: Option<u64>,
    /// Address of the asset registry [default: the only one on the chain].
    #[arg(long, value_name = "ADDRESS")]
    pub registry: Option<souk_schema::Address>,
}

/// `souk explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The deployment.
    #[command(flatten)]
    pub economy: EconomyArgs,
    /// Number of the revenue in its router.
    pub revenue: souk_schema::U256,
    /// Explain this account's lines path by path.
    #[arg(long, value_name = "ADDRESS")]
    pub recipient: Option<souk_schema::Address>,
    /// Explain the lines for this asset path by path.
    #[arg(long, value_name = "ID")]
    pub asset: Option<souk_schema::U256>,
    /// Leave out so many paths of each line.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub skip: u64,
    /// Show at most so many paths of each line.
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    pub limit: usize,
}

/// `souk statement`.
#[derive(Args, Debug)]
pub struct StatementArgs {
    /// The deployment. With --json, the totals are JSON.
    #[command(flatten)]
    pub economy: EconomyArgs,
    /// Whose.
    #[arg(long, value_name = "ADDRESS")]
    pub account: souk_schema::Address,
    /// From this time on: a date in UTC, an RFC 3339 time or Unix seconds [default: the beginning].
    #[arg(long, value_name = "TIME", value_parser = souk_analytics::record::parse_time)]
    pub from: Option<u64>,
    /// Up to this time, exclusive, so that it is the next period's beginning [default: the newest block].
    #[arg(long, value_name = "TIME", value_parser = souk_analytics::record::parse_time)]
    pub to: Option<u64>,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = StatementFormat::Csv)]
    pub format: StatementFormat,
    /// Write to this file, and the totals to standard output [default: standard output, and the totals to standard error].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How statements are written.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementFormat {
    /// Text with commas.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// `souk simulate`.
#[derive(Args, Debug)]
pub struct SimulateArgs {
    /// The deployment.
    #[command(flatten)]
    pub economy: EconomyArgs,
    /// The revenue in base units.
    pub amount: souk_schema::U256,
    /// The asset that would earn it; without one, an asset that is yet to be registered.
    #[arg(long, value_name = "ID")]
    pub asset: Option<souk_schema::U256>,
    /// A further parent: its id, the policy and its share in parts per 100,000,000.
    #[arg(long = "parent", value_name = "ID:lap|lrp|none:SHARE")]
    pub parents: Vec<String>,
    /// Other terms for every derivation made under these: their id, policy and share.
    #[arg(long = "terms", value_name = "ID:lap|lrp|none:SHARE")]
    pub terms: Vec<String>,
    /// Another protocol fee, in parts per 100,000,000.
    #[arg(long, value_name = "PARTS")]
    pub fee: Option<u64>,
}

/// `souk export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The asset as CAIP-19, for instance `eip155:31337/erc721:0x…/42`.
    pub asset: String,
    /// What to write: prov-json for any asset, croissant for datasets, cyclonedx for models, adapters, agents and applications, openlineage
    /// for any asset.
    #[arg(long, default_value = "prov-json", value_name = "FORMAT")]
    pub format: String,
    /// As of this block [default: the newest].
    #[arg(long, value_name = "NUMBER")]
    pub block: Option<u64>,
    /// Write to this file [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A running instance's address, where it is not that of the data folder.
    #[arg(long, env = "SOUK_URL", value_name = "URL")]
    pub url: Option<Url>,
}

/// `souk license-check`.
#[derive(Args, Debug)]
pub struct LicenseCheckArgs {
    /// The deployment.
    #[command(flatten)]
    pub economy: EconomyArgs,
    /// Id of the asset in its registry.
    pub asset: souk_schema::U256,
    /// For what.
    #[arg(long, value_enum, default_value_t = PurposeName::Commercial)]
    pub purpose: PurposeName,
    /// May this account, by a licence that it holds? Without it: may those who take a licence.
    #[arg(long, value_name = "ADDRESS")]
    pub account: Option<souk_schema::Address>,
    /// As of the end of this block: what was held, offered and revoked then, and licences that ended by its time [default: the newest].
    #[arg(long, value_name = "NUMBER")]
    pub block: Option<u64>,
    /// As of this Unix time in seconds: the last block that is not later, and licences that end by then, also where it is yet to come.
    #[arg(long, value_name = "SECONDS", conflicts_with = "block")]
    pub at: Option<u64>,
}

/// What somebody would do with an asset.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurposeName {
    /// Anything that earns no money.
    Use,
    /// Earn money with it.
    Commercial,
    /// Derive another asset from it.
    Derive,
}
