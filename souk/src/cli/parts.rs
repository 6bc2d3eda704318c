//! `souk up` and the parts that it is made of, each a command of its own.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::metadata::MetadataArgs;
use super::shared::{ChainArgs, HttpArgs, KeyArgs, StoreArgs};

/// `souk up`.
#[derive(Args, Debug)]
pub struct UpArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// HTTP.
    #[command(flatten)]
    pub http: HttpArgs,
    /// The exchange, which the dev chain needs none of: it has well-known keys. On another chain it runs where the operator's key is given.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Metadata documents.
    #[command(flatten)]
    pub metadata: MetadataArgs,
    /// Load the demo economy if the dev chain does not have it yet, and print example queries.
    #[arg(long, env = "SOUK_DEMO")]
    pub demo: bool,
    /// Seed of the demo economy: the same seed, the same economy.
    #[arg(long, env = "SOUK_DEMO_SEED", default_value_t = 1, value_name = "NUMBER")]
    pub demo_seed: u64,
}

/// `souk index`.
#[derive(Args, Debug)]
pub struct IndexArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The chain.
    #[command(flatten)]
    pub chain: ChainArgs,
}

/// `souk project`.
#[derive(Args, Debug)]
pub struct ProjectArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `souk serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// HTTP.
    #[command(flatten)]
    pub http: HttpArgs,
    /// Node that is asked how payment tokens are written (symbol, decimals); without it the exchange is left out. One that is away is waited for.
    #[arg(long, env = "SOUK_RPC", value_name = "URL")]
    pub rpc: Option<Url>,
    /// File with the key of the vault's co-signer, which approves withdrawals. SOUK_COSIGNER_KEY may hold the key itself.
    #[arg(long, env = "SOUK_COSIGNER_KEY_FILE", value_name = "FILE")]
    pub cosigner_key_file: Option<PathBuf>,
}

/// `souk exchange`.
#[derive(Args, Debug)]
pub struct ExchangeArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Node of the chain that the group settles on; waited for where it is away.
    #[arg(long, env = "SOUK_RPC", value_name = "URL")]
    pub rpc: Url,
    /// Deployment of Souk's own contracts, a file that `souk up` writes.
    #[arg(long, env = "SOUK_DEPLOYMENT", value_name = "FILE")]
    pub deployment: PathBuf,
    /// When a block is final: `tag` for what the node calls finalized, or a number of blocks above it. As `souk index` has it.
    #[arg(long, env = "SOUK_FINALITY", value_name = "tag|BLOCKS", default_value = "tag")]
    pub finality: String,
    /// The market group. A vault has one.
    #[arg(long, env = "SOUK_GROUP", default_value_t = 1, value_name = "NUMBER")]
    pub group: u32,
    /// File with the key of the vault's operator. SOUK_OPERATOR_KEY may hold the key itself.
    #[arg(long, env = "SOUK_OPERATOR_KEY_FILE", value_name = "FILE")]
    pub operator_key_file: Option<PathBuf>,
    /// Pass a market's royalties on to the asset's revenue once they reach so many quote base units.
    #[arg(long, env = "SOUK_FLUSH_FROM", value_name = "BASE UNITS")]
    pub flush_from: Option<u128>,
    /// Stand by: decide what the primary decides, take over once nothing comes from it any more, and stand by again once another takes over.
    #[arg(long, env = "SOUK_STANDBY")]
    pub standby: bool,
    /// With --standby: take over once the primary has written no outcome for so many seconds, though there were some to write. Where nobody
    /// trades that takes a few seconds more.
    #[arg(long, env = "SOUK_TAKEOVER_AFTER", default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(3..))]
    pub takeover_after: u64,
}

/// `souk payouts`.
#[derive(Args, Debug)]
pub struct PayoutsArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Node of the chain that the distributor is on; waited for where it is away.
    #[arg(long, env = "SOUK_RPC", value_name = "URL")]
    pub rpc: Url,
    /// Deployment of Souk's own contracts, a file that `souk up` writes.
    #[arg(long, env = "SOUK_DEPLOYMENT", value_name = "FILE")]
    pub deployment: PathBuf,
    /// File with the key of the distributor's proposer: 64 hexadecimal digits. SOUK_PROPOSER_KEY may hold the key itself.
    #[arg(long, env = "SOUK_PROPOSER_KEY_FILE", value_name = "FILE")]
    pub proposer_key_file: Option<PathBuf>,
    /// At least so many seconds between two epochs.
    #[arg(long, env = "SOUK_EPOCH_SECS", default_value_t = 86_400, value_name = "SECONDS")]
    pub epoch_secs: u64,
}
