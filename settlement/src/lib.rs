//! Between the exchange and the chain: facts in, settlement batches out.
//!
//! It decides nothing about trades: the engine does, and what a chain says is told to it as facts. It holds the operator's keys and shows
//! them to nobody. Nothing is sent to a chain that is not written to a stream first.
//!
//! Start with [`facts`] for the way in and [`settler`] for the way out; [`cosigner`] signs withdrawals that the engine has debited,
//! [`markets`] opens groups and lists markets, [`balances`] knows what everybody has in the vault.

pub mod balances;
pub mod cosigner;
pub mod facts;
pub mod markets;
pub mod node;
mod pairs;
mod place;
pub mod settler;
pub mod signer;
mod store;
pub mod vault_log;
mod vault_source;

pub use cosigner::{Cosigned, Cosigner};
pub use facts::{FactConfig, FactFollower};
pub use node::{Finality, Node};
pub use place::Place;
pub use settler::{Operator, SettleError, Settler, SettlerConfig};
pub use signer::{AdminSigner, CosignerKey, KeyError, OperatorSigner, ProposerSigner};
pub use store::Store;
pub use vault_source::VaultSource;
