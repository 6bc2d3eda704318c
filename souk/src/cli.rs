//! The command line: every flag, its environment variable and its meaning. [`crate::config`] adds the keys of `souk.toml`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

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
    /// List markets and change their state, as the exchange's operator.
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

/// Where state and log are.
#[derive(Args, Debug, Clone)]
pub struct StoreArgs {
    /// PostgreSQL database for derived state, and for the log where there is no Kafka.
    #[arg(long, env = "SOUK_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Apache Kafka for the log: bootstrap servers, or `local` for a node of our own. Without it the log is in PostgreSQL.
    #[arg(long, env = "SOUK_KAFKA", value_name = "HOST:PORT,…")]
    pub kafka: Option<String>,
    /// Kafka client settings as librdkafka names them, for instance `security.protocol=SASL_SSL`.
    #[arg(
        long = "kafka-option",
        env = "SOUK_KAFKA_OPTION",
        value_name = "KEY=VALUE",
        value_delimiter = ';',
        hide_env_values = true
    )]
    pub kafka_options: Vec<String>,
}

/// One chain to index. Several are configured as `[[chain]]` tables in souk.toml.
#[derive(Args, Debug, Clone)]
pub struct ChainArgs {
    /// Nodes of the chain to index, the preferred first: http, https, ws or wss.
    #[arg(long, env = "SOUK_RPC", value_name = "URL,…", value_delimiter = ',')]
    pub rpc: Vec<Url>,
    /// A contract to watch, for instance `erc721:0x…` or `erc20:0x…`, or another protocol: `story:0x…`, `erc8004:0x…`, `eas:0x…`,
    /// `ocean:0x…`, `vana:0x…`, its other contracts by name as in `eas:0x…+schema_registry=0x…`.
    #[arg(long, env = "SOUK_WATCH", value_name = "KIND:ADDRESS,…", value_delimiter = ',')]
    pub watch: Vec<String>,
    /// Deployment of Souk's own contracts to watch, a file that `souk up` writes.
    #[arg(long, env = "SOUK_DEPLOYMENT", value_name = "FILE")]
    pub deployment: Option<PathBuf>,
    /// First block to index [default: the deployment's block, else 0].
    #[arg(long, env = "SOUK_START_BLOCK", value_name = "NUMBER")]
    pub start_block: Option<u64>,
    /// When a block is final: `tag` for what the node calls finalized, or a number of blocks above it.
    #[arg(long, env = "SOUK_FINALITY", value_name = "tag|BLOCKS", default_value = "tag")]
    pub finality: String,
    /// How the completeness of a block's logs is proved: `receipts`, or the weaker `logs` where a chain's receipts cannot be recomputed.
    #[arg(long, env = "SOUK_PROOF", value_name = "receipts|logs", default_value = "receipts")]
    pub proof: String,
    /// Ask two nodes and compare.
    #[arg(long, env = "SOUK_CROSS_CHECK")]
    pub cross_check: bool,
}

/// Where HTTP is served.
#[derive(Args, Debug, Clone)]
pub struct HttpArgs {
    /// Port for the web, GraphQL, health and metrics.
    #[arg(long, env = "SOUK_PORT", default_value_t = 8080, value_name = "PORT")]
    pub port: u16,
    /// Address to listen on; loopback unless told otherwise.
    #[arg(long, env = "SOUK_HOST", default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub host: std::net::IpAddr,
    /// Origin that browsers may call GraphQL from, besides our own.
    #[arg(long, env = "SOUK_CORS_ORIGIN", value_name = "ORIGIN,…", value_delimiter = ',')]
    pub cors_origin: Vec<String>,
    /// A proxy stands in front: a client's address is what it writes into X-Forwarded-For.
    #[arg(long, env = "SOUK_BEHIND_PROXY")]
    pub behind_proxy: bool,
}

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
    /// Load the demo economy if the dev chain does not have it yet, and print example queries.
    #[arg(long, env = "SOUK_DEMO")]
    pub demo: bool,
    /// Seed of the demo economy: the same seed, the same economy.
    #[arg(long, env = "SOUK_DEMO_SEED", default_value_t = 1, value_name = "NUMBER")]
    pub demo_seed: u64,
}

/// Whose hand works for our contracts. Keys come from files or the environment, never from the command line.
#[derive(Args, Debug, Clone)]
pub struct KeyArgs {
    /// File with the key of the vault's operator, which settles: 64 hexadecimal digits. SOUK_OPERATOR_KEY may hold the key itself.
    #[arg(long, env = "SOUK_OPERATOR_KEY_FILE", value_name = "FILE")]
    pub operator_key_file: Option<PathBuf>,
    /// File with the key of the vault's co-signer, which approves withdrawals. SOUK_COSIGNER_KEY may hold the key itself.
    #[arg(long, env = "SOUK_COSIGNER_KEY_FILE", value_name = "FILE")]
    pub cosigner_key_file: Option<PathBuf>,
    /// File with the key of the payout distributor's proposer, which publishes roots. SOUK_PROPOSER_KEY may hold the key itself.
    #[arg(long, env = "SOUK_PROPOSER_KEY_FILE", value_name = "FILE")]
    pub proposer_key_file: Option<PathBuf>,
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
    /// Node that is asked how payment tokens are written (symbol, decimals); without it amounts are in base units.
    #[arg(long, env = "SOUK_RPC", value_name = "URL")]
    pub rpc: Option<Url>,
    /// File with the key of the vault's co-signer, which approves withdrawals. SOUK_COSIGNER_KEY may hold the key itself.
    #[arg(long, env = "SOUK_COSIGNER_KEY_FILE", value_name = "FILE")]
    pub cosigner_key_file: Option<PathBuf>,
}

/// `souk payouts`.
#[derive(Args, Debug)]
pub struct PayoutsArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Node of the chain that the distributor is on.
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
    /// As of this Unix time in seconds [default: now].
    #[arg(long, value_name = "SECONDS", requires = "account")]
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

/// `souk exchange`.
#[derive(Args, Debug)]
pub struct ExchangeArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Node of the chain that the group settles on.
    #[arg(long, env = "SOUK_RPC", value_name = "URL")]
    pub rpc: Url,
    /// Deployment of Souk's own contracts, a file that `souk up` writes.
    #[arg(long, env = "SOUK_DEPLOYMENT", value_name = "FILE")]
    pub deployment: PathBuf,
    /// When a block is final: `tag` for what the node calls finalized, or a number of blocks above it. As `souk index` has it.
    #[arg(long, env = "SOUK_FINALITY", value_name = "tag|BLOCKS", default_value = "tag")]
    pub finality: String,
    /// The market group.
    #[arg(long, env = "SOUK_GROUP", default_value_t = 1, value_name = "NUMBER")]
    pub group: u32,
    /// File with the key of the vault's operator. SOUK_OPERATOR_KEY may hold the key itself.
    #[arg(long, env = "SOUK_OPERATOR_KEY_FILE", value_name = "FILE")]
    pub operator_key_file: Option<PathBuf>,
    /// Pass a market's royalties on to the asset's revenue once they reach so many quote base units.
    #[arg(long, env = "SOUK_FLUSH_FROM", value_name = "BASE UNITS")]
    pub flush_from: Option<u128>,
}

/// `souk market`.
#[derive(Subcommand, Debug)]
pub enum MarketCommand {
    /// List a market, in the vault and in the engine; it begins before its opening.
    List(Box<ListMarketArgs>),
    /// Change what a market does with orders.
    State(MarketStateArgs),
    /// Print the markets.
    Show(ShowMarketsArgs),
}

/// Which group, and how to reach it.
#[derive(Args, Debug, Clone)]
pub struct GroupArgs {
    /// The instance.
    #[command(flatten)]
    pub instance: InstanceArgs,
    /// The market group [default: the only one].
    #[arg(long, env = "SOUK_GROUP", value_name = "NUMBER")]
    pub group: Option<u32>,
}

/// `souk market list`.
#[derive(Args, Debug)]
pub struct ListMarketArgs {
    /// The group.
    #[command(flatten)]
    pub group: GroupArgs,
    /// What is traded, as CAIP-19: an id of the contract of shares, or a licence series.
    #[arg(long, value_name = "CAIP-19")]
    pub base: String,
    /// What pays: an ERC-20 that the vault takes [default: the dev chain's test dollar].
    #[arg(long, value_name = "ADDRESS")]
    pub quote: Option<souk_schema::Address>,
    /// The asset whose revenue gets the royalties of trades [default: for shares, theirs].
    #[arg(long, value_name = "ID")]
    pub asset: Option<souk_schema::U256>,
    /// About what one lot is worth, in quote base units: where the first band is centred.
    #[arg(long, value_name = "BASE UNITS")]
    pub price: u128,
    /// The smallest price step, in quote base units for one lot.
    #[arg(long, default_value_t = 10_000, value_name = "BASE UNITS")]
    pub tick_size: u128,
    /// Base units of one lot.
    #[arg(long, default_value_t = 1, value_name = "BASE UNITS")]
    pub lot_size: u128,
    /// Most lots of an order.
    #[arg(long, default_value_t = 1_000_000, value_name = "LOTS")]
    pub max_lots: u64,
    /// Fee of the order that rested, in parts per million.
    #[arg(long, default_value_t = 500, value_name = "PPM")]
    pub maker_ppm: u32,
    /// Fee of the order that came, in parts per million.
    #[arg(long, default_value_t = 1_500, value_name = "PPM")]
    pub taker_ppm: u32,
    /// What sellers pay to the asset's revenue, in parts per million.
    #[arg(long, default_value_t = 2_500, value_name = "PPM")]
    pub royalty_ppm: u32,
    /// How far from the last price trading may go without an auction, in parts per million; 0 for no band.
    #[arg(long, default_value_t = 200_000, value_name = "PPM")]
    pub band_ppm: u32,
    /// Seconds that an auction gathers orders.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub auction_secs: u32,
    /// For licences: when the series ends, unix seconds [default: as the licence registry says].
    #[arg(long, value_name = "SECONDS")]
    pub expires_at: Option<u64>,
    /// Node of the chain, where it is not the instance's.
    #[arg(long, env = "SOUK_RPC", value_name = "URL", requires = "deployment")]
    pub rpc: Option<Url>,
    /// Deployment of Souk's own contracts on that chain.
    #[arg(long, env = "SOUK_DEPLOYMENT", value_name = "FILE", requires = "rpc")]
    pub deployment: Option<PathBuf>,
    /// File with the key of the vault's owner [default: the dev chain's]. SOUK_ADMIN_KEY may hold the key itself.
    #[arg(long, env = "SOUK_ADMIN_KEY_FILE", value_name = "FILE")]
    pub admin_key_file: Option<PathBuf>,
}

/// `souk market state`.
#[derive(Args, Debug)]
pub struct MarketStateArgs {
    /// The group.
    #[command(flatten)]
    pub group: GroupArgs,
    /// The market's id, as `souk market show` prints it.
    pub market: souk_schema::B256,
    /// What it is to do.
    pub state: MarketStateName,
}

/// What a market does with orders.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketStateName {
    /// Gather orders, cross them at one price, then trade.
    Auction,
    /// Trade.
    Open,
    /// Take orders that rest, and cancels.
    PostOnly,
    /// Take cancels.
    Halted,
    /// End, for good.
    Closed,
}

/// `souk market show`.
#[derive(Args, Debug)]
pub struct ShowMarketsArgs {
    /// The group.
    #[command(flatten)]
    pub group: GroupArgs,
}

/// How a command finds what it speaks of: a running `souk up` by its data folder, or parts that are named one by one.
#[derive(Args, Debug, Clone)]
pub struct InstanceArgs {
    /// State and log, where it is not the instance of the data folder.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

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
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
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
}
