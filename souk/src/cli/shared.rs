//! Flags that several commands have: where state and log are, which chain, whose keys.

use std::path::PathBuf;

use clap::Args;
use url::Url;

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
