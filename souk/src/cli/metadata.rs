//! Metadata documents: which are fetched, and by which part.

use clap::{Args, ValueEnum};
use url::Url;

use super::shared::StoreArgs;

/// Which metadata documents are fetched, and how large they may be.
#[derive(Args, Debug, Clone)]
pub struct MetadataArgs {
    /// Which metadata documents are read: all; those that are within their URIs (`data`), which asks nobody; or none (`off`).
    #[arg(long, value_enum, env = "SOUK_METADATA", default_value_t = MetadataMode::All, value_name = "MODE")]
    pub metadata: MetadataMode,
    /// Fetch documents by http: too, which anyone on the way can read and change.
    #[arg(long, env = "SOUK_METADATA_HTTP")]
    pub metadata_http: bool,
    /// Fetch documents from loopback addresses too: for a dev chain whose documents are served on this machine.
    #[arg(long, env = "SOUK_METADATA_LOOPBACK")]
    pub metadata_loopback: bool,
    /// Gateways to read IPFS through, the preferred first, as in `http://127.0.0.1:8081`; without one, documents in IPFS are not fetched.
    #[arg(
        long = "ipfs-gateway",
        env = "SOUK_IPFS_GATEWAY",
        value_name = "URL,…",
        value_delimiter = ','
    )]
    pub ipfs_gateway: Vec<Url>,
    /// The largest document that is taken, in bytes.
    #[arg(long, env = "SOUK_METADATA_BYTES", default_value_t = 262_144, value_name = "NUMBER",
          value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub metadata_bytes: u32,
    /// The longest that fetching a document may take, in seconds.
    #[arg(long, env = "SOUK_METADATA_SECS", default_value_t = 30, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub metadata_secs: u64,
}

/// Which metadata documents are read.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataMode {
    /// All.
    All,
    /// Those within their URIs.
    Data,
    /// None.
    Off,
}

/// `souk observe`.
#[derive(Args, Debug)]
pub struct ObserveArgs {
    /// State and log.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Nodes that are asked what attestations say, of any chains: http, https, ws or wss. Those of souk.toml's chains are asked too. One that is
    /// away is waited for.
    #[arg(long, env = "SOUK_RPC", value_name = "URL,…", value_delimiter = ',')]
    pub rpc: Vec<Url>,
    /// Metadata documents.
    #[command(flatten)]
    pub metadata: MetadataArgs,
}
