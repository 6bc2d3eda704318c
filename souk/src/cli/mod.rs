//! The command line: every flag, its environment variable and its meaning. [`crate::config`] adds the keys of `souk.toml`.

mod economy;
mod market;
mod metadata;
mod operate;
mod parts;
mod shared;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

pub use economy::*;
pub use market::*;
pub use metadata::*;
pub use operate::*;
pub use parts::*;
pub use shared::*;

/// The exchange and provenance index for AI assets.
///
/// Every flag has an environment variable (shown in its help) and a key of the same name in souk.toml, with `_` for `-`.
/// The command line wins over the environment, the environment over the file.
#[derive(Parser, Debug)]
#[command(name = "souk", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Args, Debug, Clone)]
pub struct GlobalArgs {
    /// Configuration file; ./souk.toml if there is one.
    #[arg(long, global = true, env = "SOUK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for everything that Souk keeps itself [default: $XDG_DATA_HOME/souk or ~/.local/share/souk].
    #[arg(long, global = true, env = "SOUK_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What to log: error, warn, info, debug, trace, or directives like `info,souk_indexer=debug`.
    #[arg(long, global = true, env = "SOUK_LOG", default_value = "info", value_name = "FILTER")]
    pub log_level: String,
    /// How to write log lines.
    #[arg(
        long,
        global = true,
        env = "SOUK_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
    /// Collector that traces are sent to, by OTLP over HTTP.
    #[arg(long, global = true, env = "SOUK_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<Url>,
}

/// How log lines are written.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// The whole system in one process, on embedded defaults where nothing else is configured.
    Up(UpArgs),
    /// Index chains into the log: one part, for those who outgrow one process.
    Index(IndexArgs),
    /// Project the log into Postgres: one part.
    Project(ProjectArgs),
    /// Serve GraphQL and the web from Postgres: one part.
    Serve(ServeArgs),
    /// Run a market group: its engine, its ledger and its settlement on chain: one part.
    Exchange(ExchangeArgs),
    /// Publish the roots that payouts are claimed by: one part.
    Payouts(PayoutsArgs),
    /// Fetch the metadata documents that chains point at, and keep them in the log: one part.
    Observe(ObserveArgs),
    /// List markets and change their state and rules, as the exchange's operator.
    #[command(subcommand)]
    Market(MarketCommand),
    /// Write the demo economy to a running instance's dev chain, with real signed transactions, or trade on its exchange.
    Demo(DemoArgs),
    /// Say how a running instance is: chains, log, projections, lag, quarantine.
    Status(StatusArgs),
    /// Print a stream's records as JSON lines.
    Log(LogArgs),
    /// Drop what is derived from a chain's stream, and derive it anew beside the live tables.
    Replay(ReplayArgs),
    /// Check that what Souk says is true; exits 0 only then.
    #[command(subcommand)]
    Verify(VerifyCommand),
    /// Say who gets what of a revenue, and why: every line, or every path of one.
    Explain(ExplainArgs),
    /// Write what an account earned, may claim and was paid in a period, as CSV or Parquet.
    Statement(StatementArgs),
    /// Say who would get what of a revenue, under LAP, LRP and pro rata side by side.
    Simulate(SimulateArgs),
    /// Check an asset's licences along its whole derivation; exits 0 only if what is asked is allowed.
    LicenseCheck(LicenseCheckArgs),
    /// Write what is known of an asset as a document: PROV-JSON, Croissant, a CycloneDX ML-BOM, OpenLineage events.
    Export(ExportArgs),
    /// Measure speed and memory against a peer or a physical limit, in one run.
    Bench(BenchArgs),
}
