//! What an operator asks of a running instance, and what fills or measures one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use url::Url;

use super::market::GroupArgs;
use super::shared::InstanceArgs;

/// `souk demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// The dev chain's node, where it is not that of the instance of the data folder.
    #[arg(long, env = "SOUK_RPC", value_name = "URL")]
    pub rpc: Option<Url>,
    /// Deployment of Souk's contracts on that chain.
    #[arg(long, env = "SOUK_DEPLOYMENT", value_name = "FILE")]
    pub deployment: Option<PathBuf>,
    /// The same seed gives the same economy.
    #[arg(long, env = "SOUK_DEMO_SEED", default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// Write a synthetic economy of about this many events, of the same shape, instead of the family tree.
    #[arg(long, value_name = "NUMBER")]
    pub events: Option<u64>,
    /// Trade on the running instance's exchange instead: seeded orders of the family's traders, signed and sent over GraphQL.
    #[arg(long, conflicts_with = "events")]
    pub trade: bool,
    /// With --trade: where GraphQL is served, if not by the instance of the data folder; --deployment says what orders are signed for.
    #[arg(long, env = "SOUK_URL", value_name = "URL", requires = "trade")]
    pub url: Option<Url>,
    /// With --trade: orders to place.
    #[arg(long, default_value_t = 2_000, value_name = "NUMBER", requires = "trade")]
    pub orders: u64,
    /// With --trade: place them as they would come, with pauses between, instead of as fast as they are taken.
    #[arg(long, requires = "trade")]
    pub paced: bool,
    /// With --trade: trade for so long in simulated time, for instance `1h`. The dev chain's clock is moved ahead by the pauses between
    /// the orders, and the exchange's with it.
    #[arg(long, value_name = "SPAN", requires = "trade", conflicts_with_all = ["orders", "paced", "url"], value_parser = simulated_span)]
    pub simulate: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A span that is long enough to be simulated in steps.
fn simulated_span(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_secs(60);
    let span: jiff::SignedDuration = text.parse().map_err(|_| "expected a span such as 90s, 15m or 1h")?;
    let span = Duration::try_from(span).ok().filter(|span| *span >= SHORTEST);
    span.ok_or_else(|| "at least a minute is simulated".into())
}

/// `souk status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// A running instance's address, where it is not that of the data folder.
    #[arg(long, env = "SOUK_URL", value_name = "URL")]
    pub url: Option<Url>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `souk log`.
#[derive(Args, Debug)]
pub struct LogArgs {
    /// The instance.
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// The stream; without it, the streams are listed.
    pub stream: Option<String>,
    /// First sequence to print.
    #[arg(long, default_value_t = 0, value_name = "SEQUENCE")]
    pub from: u64,
    /// Stop after so many records.
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u64>,
    /// Go on with records as they come.
    #[arg(long, short)]
    pub follow: bool,
}

/// `souk replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// The instance.
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// The chain's id [default: every chain].
    #[arg(long, value_name = "ID")]
    pub chain: Option<u64>,
}

/// `souk verify`.
#[derive(Subcommand, Debug)]
pub enum VerifyCommand {
    /// Compare every block of the log with what the chain's node says now.
    Chain(VerifyChainArgs),
    /// Derive the tables anew from the log and compare them with the live ones, row by row.
    State(VerifyStateArgs),
    /// Compare engine, ledger and vault, account by account and instrument by instrument.
    Exchange(VerifyExchangeArgs),
    /// Recompute every payout root from the log alone, and compare it with what was proposed on chain and published.
    Payouts(VerifyPayoutsArgs),
}

/// `souk verify chain`.
#[derive(Args, Debug)]
pub struct VerifyChainArgs {
    /// The instance.
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// The chain's node, where it is not that of the instance.
    #[arg(long, env = "SOUK_RPC", value_name = "URL,…", value_delimiter = ',')]
    pub rpc: Vec<Url>,
    /// The chain's id [default: every chain].
    #[arg(long = "chain", value_name = "ID")]
    pub chain_id: Option<u64>,
}

/// `souk verify state`.
#[derive(Args, Debug)]
pub struct VerifyStateArgs {
    /// The instance.
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// The chain's id [default: every chain].
    #[arg(long, value_name = "ID")]
    pub chain: Option<u64>,
}

/// `souk verify payouts`.
#[derive(Args, Debug)]
pub struct VerifyPayoutsArgs {
    /// The instance.
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// The chain's id [default: every chain].
    #[arg(long, value_name = "ID")]
    pub chain: Option<u64>,
}

/// `souk verify exchange`.
#[derive(Args, Debug)]
pub struct VerifyExchangeArgs {
    /// The group.
    #[command(flatten)]
    pub group: GroupArgs,
    /// Node of the chain that the vault is on, where it is not the instance's.
    #[arg(long, env = "SOUK_RPC", value_name = "URL", requires = "deployment")]
    pub rpc: Option<Url>,
    /// Deployment of Souk's own contracts on that chain.
    #[arg(long, env = "SOUK_DEPLOYMENT", value_name = "FILE", requires = "rpc")]
    pub deployment: Option<PathBuf>,
}

/// `souk bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// What to measure; everything if nothing is named.
    pub name: Vec<BenchName>,
    /// Logs to write, index and replay.
    #[arg(long, default_value_t = 200_000, value_name = "NUMBER")]
    pub logs: u64,
    /// Rows of other benchmarks to print in the same table: lines of eight cells with tabs between.
    #[arg(long, value_name = "FILE")]
    pub also: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What can be measured.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BenchName {
    /// Backfill from a dev chain into Postgres, against merely downloading the same.
    Backfill,
    /// Replay from the log, against a raw COPY of the same rows.
    Replay,
    /// From a block mined to its being visible in GraphQL.
    Latency,
    /// A deep reorganisation.
    Reorg,
    /// From the engine's outcome being durable to five hundred subscribers of a book.
    Book,
}
