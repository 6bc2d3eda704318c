//! Gas money for the accounts of an economy, from an account that the dev chain funded. Start at [`hand_out`].

use alloy::primitives::{Bytes, TxKind, U256};
use alloy::signers::local::PrivateKeySigner;

use super::wave::{Parcel, Wave};
use super::{LoadError, Options};
use crate::action::Economy;
use crate::encode::Call;
use crate::node::{Fees, Node};

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;

/// Brings every account's balance to [`Options::gas_money`], unless it has at least half of it.
pub(super) async fn hand_out(node: &Node, economy: &Economy, options: &Options, fees: Fees) -> Result<(), LoadError> {
    let signer = PrivateKeySigner::from_bytes(&options.funder).map_err(|error| LoadError::Signer(error.to_string()))?;
    let funder = signer.address();
    let mut gifts = Vec::new();
    let mut needed = U256::ZERO;
    for account in &economy.accounts {
        let has = node.balance(account.address()).await?;
        if has < options.gas_money / U256::from(2) {
            gifts.push((account, options.gas_money - has));
            needed += options.gas_money - has;
        }
    }
    let balance = node.balance(funder).await?;
    if balance < needed {
        return Err(LoadError::Funds {
            funder,
            balance,
            needed,
        });
    }
    let mut nonce = node.nonce(funder).await?;
    let mut wave = Wave::new(node.clone(), options.receipt_limit);
    for (account, gift) in gifts {
        if wave.is_full(options.in_flight, TRANSFER_GAS, fees.block_gas) {
            wave.finish(|_| {}).await?;
        }
        let call = Call {
            to: TxKind::Call(account.address()),
            data: Bytes::new(),
            gas: TRANSFER_GAS,
        };
        let signed = node
            .sign(&signer, nonce, &call, gift, fees)
            .map_err(|error| LoadError::Signer(error.to_string()))?;
        nonce += 1;
        wave.add(
            Parcel {
                label: format!("gas money for {}", account.name),
                from: funder,
                call,
                events: 0,
            },
            signed,
        );
    }
    wave.finish(|_| {}).await?;
    Ok(())
}
