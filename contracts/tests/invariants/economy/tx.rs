//! Transactions with real ids, as [`super::ops`] makes them and [`super::decide`] judges them.

use alloy::primitives::{Address, Bytes, Log, U256};
use alloy::sol_types::SolCall;
use souk_contracts::AssetRegistry::{AssetInput, ParentInput};
use souk_contracts::{AssetRegistry, LicenseRegistry};

use crate::world::{Refusal, World};

/// A transaction with real ids.
#[derive(Clone, Debug)]
pub enum Tx {
    Register {
        owner: Address,
    },
    Attach {
        by: Address,
        asset: u64,
        terms: U256,
    },
    Mint {
        by: Address,
        asset: u64,
        terms: U256,
        amount: u64,
        receiver: Address,
    },
    Revoke {
        by: Address,
        series: U256,
    },
    Give {
        series: U256,
        from: Address,
        to: Address,
        amount: u64,
    },
    HandOver {
        by: Address,
        asset: u64,
        to: Address,
    },
    Declare {
        by: Address,
        child: u64,
        parents: Vec<(u64, U256)>,
    },
    Pass(u64),
}

impl Tx {
    /// What kind of transaction it is.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Attach { .. } => "attach",
            Self::Mint { .. } => "mint",
            Self::Revoke { .. } => "revoke",
            Self::Give { .. } => "give",
            Self::HandOver { .. } => "hand over",
            Self::Declare { .. } => "declare",
            Self::Pass(_) => "pass",
        }
    }

    /// Sends it; its logs, or the refusal.
    pub fn send(&self, world: &mut World) -> Result<Vec<Log>, Refusal> {
        let (assets, licenses) = (world.at.asset_registry, world.at.license_registry);
        let (from, to) = match *self {
            Self::Register { owner } => (owner, assets),
            Self::HandOver { by, .. } | Self::Declare { by, .. } => (by, assets),
            Self::Attach { by, .. } | Self::Mint { by, .. } | Self::Revoke { by, .. } => (by, licenses),
            Self::Give { from, .. } => (from, licenses),
            Self::Pass(secs) => {
                world.pass(secs);
                return Ok(Vec::new());
            }
        };
        world.send_raw(from, to, self.data()).map(|(_, logs)| logs)
    }

    fn data(&self) -> Bytes {
        let data = match *self {
            Self::Register { owner } => {
                let inputs = vec![AssetInput {
                    owner,
                    ..AssetInput::default()
                }];
                AssetRegistry::registerBatchCall { inputs }.abi_encode()
            }
            Self::Attach { asset, terms, .. } => LicenseRegistry::attachTermsCall {
                assetId: U256::from(asset),
                termsId: terms,
            }
            .abi_encode(),
            Self::Mint {
                asset,
                terms,
                amount,
                receiver,
                ..
            } => {
                let (asset_id, amount) = (U256::from(asset), U256::from(amount));
                let max_fee = U256::ZERO;
                LicenseRegistry::mintCall {
                    assetId: asset_id,
                    termsId: terms,
                    amount,
                    receiver,
                    maxFee: max_fee,
                }
                .abi_encode()
            }
            Self::Revoke { series, .. } => LicenseRegistry::revokeCall {
                licenseId: series,
                reason: "breach".into(),
            }
            .abi_encode(),
            Self::Give {
                series,
                from,
                to,
                amount,
            } => {
                let (value, data) = (U256::from(amount), Bytes::new());
                LicenseRegistry::safeTransferFromCall {
                    from,
                    to,
                    id: series,
                    value,
                    data,
                }
                .abi_encode()
            }
            Self::HandOver { by, asset, to } => AssetRegistry::transferFromCall {
                from: by,
                to,
                tokenId: U256::from(asset),
            }
            .abi_encode(),
            Self::Declare { child, ref parents, .. } => {
                let input = |&(parent, license): &(u64, U256)| ParentInput {
                    parentId: U256::from(parent),
                    relation: 1,
                    licenseId: license,
                };
                let parents = parents.iter().map(input).collect();
                AssetRegistry::declareParentsCall {
                    childId: U256::from(child),
                    parents,
                }
                .abi_encode()
            }
            Self::Pass(_) => Vec::new(),
        };
        data.into()
    }
}
