//! `souk market`: what the exchange's operator does.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use url::Url;

use super::shared::InstanceArgs;

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

/// `souk market`.
#[derive(Subcommand, Debug)]
pub enum MarketCommand {
    /// List a market, in the vault and in the engine; it begins before its opening.
    List(Box<ListMarketArgs>),
    /// Change what a market does with orders.
    State(MarketStateArgs),
    /// Change what trading in a market costs, and what an order in it may be. What is not named stays as it is.
    Rules(MarketRulesArgs),
    /// Have the vault take a token, for good: one that pays, or a contract whose ids are traded.
    Token(ListTokenArgs),
    /// Print the markets.
    Show(ShowMarketsArgs),
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
    /// The vault.
    #[command(flatten)]
    pub vault: VaultArgs,
}

/// The vault that an operator lists on.
#[derive(Args, Debug, Clone)]
pub struct VaultArgs {
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

/// `souk market token`.
#[derive(Args, Debug)]
pub struct ListTokenArgs {
    /// The token's contract.
    pub token: souk_schema::Address,
    /// What it is.
    #[arg(long, default_value = "erc20")]
    pub kind: TokenKindName,
    /// The vault.
    #[command(flatten)]
    pub vault: VaultArgs,
}

/// What a vault takes a contract's tokens for.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKindName {
    /// Pays.
    Erc20,
    /// Ids of it are traded.
    Erc1155,
}

/// `souk market rules`.
#[derive(Args, Debug)]
pub struct MarketRulesArgs {
    /// The group.
    #[command(flatten)]
    pub group: GroupArgs,
    /// The market's id, as `souk market show` prints it.
    pub market: souk_schema::B256,
    /// Fee of the order that rested, in parts per million.
    #[arg(long, value_name = "PPM")]
    pub maker_ppm: Option<u32>,
    /// Fee of the order that came, in parts per million.
    #[arg(long, value_name = "PPM")]
    pub taker_ppm: Option<u32>,
    /// What sellers pay to the asset's revenue, in parts per million.
    #[arg(long, value_name = "PPM")]
    pub royalty_ppm: Option<u32>,
    /// Fewest lots of an order.
    #[arg(long, value_name = "LOTS")]
    pub min_lots: Option<u64>,
    /// Most lots of an order.
    #[arg(long, value_name = "LOTS")]
    pub max_lots: Option<u64>,
    /// The highest price, in ticks.
    #[arg(long, value_name = "TICKS")]
    pub max_price: Option<u64>,
    /// Most open orders of one account.
    #[arg(long, value_name = "NUMBER")]
    pub max_open_orders: Option<u32>,
    /// How far from the last price trading may go without an auction, in parts per million; 0 for no band.
    #[arg(long, value_name = "PPM")]
    pub band_ppm: Option<u32>,
    /// Seconds that an auction gathers orders.
    #[arg(long, value_name = "SECONDS")]
    pub auction_secs: Option<u32>,
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
