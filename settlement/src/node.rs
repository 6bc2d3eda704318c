//! What settlement asks a node, and how it signs what it sends. Knows nothing of fills. Start at [`Node`].

use std::collections::BTreeMap;

use alloy::consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEnvelope};
use alloy::eips::BlockNumberOrTag;
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolInterface;
use alloy::transports::TransportError;
use souk_contracts::ExchangeVault::{self, ExchangeVaultErrors, ExchangeVaultInstance};
use souk_schema::exchange::FillNumber;
use souk_wire::fees::Fees;
use souk_wire::{Wire, genesis_of};

use crate::settler::journal::{Attempt, MinedIn};

/// The newest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its time, unix seconds.
    pub secs: u64,
    /// Its base fee, wei per gas.
    pub base_fee_wei: u128,
    /// Most gas of a block.
    pub gas_limit: u64,
}

/// Which blocks are final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finality {
    /// What the node calls `finalized`.
    #[default]
    Tag,
    /// The head less this number of blocks.
    Depth(u64),
}

/// What a call that was tried out came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It works, with so much gas.
    Works {
        /// The least that it takes.
        gas: u64,
    },
    /// It needs more gas than a block has, or than was given.
    TooMuchGas,
    /// The vault refuses it.
    Refused {
        /// In its own words.
        reason: String,
        /// Whether a later state of the chain may take it: its number is not the next one.
        is_stale: bool,
    },
}

/// A node, asked for one vault.
#[derive(Clone, Debug)]
pub struct Node {
    provider: DynProvider,
    chain_id: u64,
    genesis: B256,
    vault: Address,
}

impl Node {
    /// Asks the node at an http, https, ws or wss URL which chain it is of. Whatever becomes of a connection later, others follow it.
    ///
    /// # Errors
    /// What the node or the connection says; [`souk_wire::is_away`] tells whether waiting helps.
    pub async fn connect(url: &str, vault: Address) -> Result<Node, TransportError> {
        let provider = Wire::new(url)?.provider();
        Ok(Node {
            chain_id: provider.get_chain_id().await?,
            genesis: genesis_of(&provider).await?,
            provider,
            vault,
        })
    }

    /// EIP-155 id of its chain.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Hash of its block 0 when it was connected to, which tells two chains with one id apart.
    pub fn genesis(&self) -> B256 {
        self.genesis
    }

    /// Hash of its block 0 now. A dev chain that was begun anew may answer at the same address.
    ///
    /// # Errors
    /// What the node or the connection says.
    pub async fn genesis_now(&self) -> Result<B256, TransportError> {
        genesis_of(&self.provider).await
    }

    /// The vault.
    pub fn vault(&self) -> Address {
        self.vault
    }

    /// The vault's functions.
    pub fn contract(&self) -> ExchangeVaultInstance<&DynProvider> {
        ExchangeVault::new(self.vault, &self.provider)
    }

    /// What alloy's contract instances call through.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// The newest block.
    ///
    /// # Errors
    /// What the node or the connection says.
    pub async fn head(&self) -> Result<Head, TransportError> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let block = block.ok_or_else(|| TransportError::local_usage_str("the node has no newest block"))?;
        Ok(Head {
            number: block.header.number,
            secs: block.header.timestamp,
            base_fee_wei: block.header.base_fee_per_gas.unwrap_or(0).into(),
            gas_limit: block.header.gas_limit,
        })
    }

    /// The newest final block, if there is one.
    ///
    /// # Errors
    /// What the node or the connection says.
    pub async fn final_block(&self, head: u64, finality: Finality) -> Result<Option<u64>, TransportError> {
        match finality {
            Finality::Depth(depth) => Ok(head.checked_sub(depth)),
            Finality::Tag => {
                let block = self.provider.get_block_by_number(BlockNumberOrTag::Finalized).await?;
                Ok(block.map(|block| block.header.number))
            }
        }
    }

    /// The account's transactions in blocks.
    ///
    /// # Errors
    /// What the node or the connection says.
    pub async fn nonce(&self, account: Address) -> Result<u64, TransportError> {
        self.provider.get_transaction_count(account).latest().await
    }

    /// Where transactions were mined, for those that were.
    ///
    /// # Errors
    /// What the node or the connection says.
    pub async fn receipts(&self, hashes: &[B256]) -> Result<BTreeMap<B256, MinedIn>, TransportError> {
        let mut found = BTreeMap::new();
        for &hash in hashes {
            let Some(receipt) = self.provider.get_transaction_receipt(hash).await? else {
                continue;
            };
            let (Some(block_number), Some(block_hash)) = (receipt.block_number, receipt.block_hash) else {
                continue;
            };
            let mined = MinedIn {
                hash,
                block_number,
                block_hash,
                gas_used: receipt.gas_used,
                succeeded: receipt.status(),
            };
            found.insert(hash, mined);
        }
        Ok(found)
    }

    /// The number that the vault wants next for a group, and when it last heard of its operator (unix seconds).
    ///
    /// # Errors
    /// What the node, the connection or the contract says.
    pub async fn vault_state(&self, group: u32) -> Result<(FillNumber, u64), alloy::contract::Error> {
        let vault = self.contract();
        let next = vault.nextNumber(group).call().await?;
        Ok((FillNumber(next), vault.lastHeartbeat().call().await?))
    }

    /// What an account has of an ERC-20 in the vault.
    ///
    /// # Errors
    /// What the node, the connection or the contract says.
    pub async fn vault_balance(&self, account: Address, token: Address) -> Result<U256, alloy::contract::Error> {
        self.contract().balanceOf(account, token, U256::ZERO).call().await
    }

    /// Tries a call to the vault out against the newest state.
    ///
    /// # Errors
    /// What the connection says; what the node says of the call itself is the answer.
    pub async fn try_out(&self, from: Address, data: &Bytes, gas_limit: u64) -> Result<Trial, TransportError> {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(self.vault)
            .with_gas_limit(gas_limit)
            .with_input(data.clone());
        match self.provider.estimate_gas(request).await {
            Ok(gas) if gas <= gas_limit => Ok(Trial::Works { gas }),
            Ok(_) => Ok(Trial::TooMuchGas),
            Err(error) => match error.as_error_resp() {
                Some(response) => Ok(refusal(response.as_revert_data(), &response.message)),
                None => Err(error),
            },
        }
    }

    /// Calls the vault with exactly this much gas against the newest state, as the last look before sending.
    ///
    /// # Errors
    /// What the connection says.
    pub async fn simulate(&self, from: Address, data: &Bytes, gas: u64) -> Result<Trial, TransportError> {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(self.vault)
            .with_gas_limit(gas)
            .with_input(data.clone());
        match self.provider.call(request).await {
            Ok(_) => Ok(Trial::Works { gas }),
            Err(error) => match error.as_error_resp() {
                Some(response) => Ok(refusal(response.as_revert_data(), &response.message)),
                None => Err(error),
            },
        }
    }

    /// Signs a call to the vault.
    ///
    /// # Errors
    /// The signer's, which a key in memory does not give.
    pub fn sign(
        &self,
        signer: &PrivateKeySigner,
        nonce: u64,
        gas_limit: u64,
        data: Bytes,
        fees: Fees,
    ) -> Result<Attempt, alloy::signers::Error> {
        sign_call((self.chain_id, self.vault), signer, nonce, gas_limit, data, fees)
    }

    /// Sends a signed transaction. What the node says against it is told, and means little: it may know the transaction, or have mined it.
    ///
    /// # Errors
    /// What the node or the connection says.
    pub async fn broadcast(&self, signed: &Bytes) -> Result<(), TransportError> {
        self.provider.send_raw_transaction(signed).await.map(drop)
    }
}

/// Signs a call to a vault, named by its chain and its address.
///
/// # Errors
/// The signer's, which a key in memory does not give.
pub fn sign_call(
    (chain_id, vault): (u64, Address),
    signer: &PrivateKeySigner,
    nonce: u64,
    gas_limit: u64,
    data: Bytes,
    fees: Fees,
) -> Result<Attempt, alloy::signers::Error> {
    let transaction = TxEip1559 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas: fees.max_wei,
        max_priority_fee_per_gas: fees.tip_wei,
        to: TxKind::Call(vault),
        value: U256::ZERO,
        access_list: Default::default(),
        input: data,
    };
    sign(transaction, signer, fees)
}

/// The same transaction with other fees. `None` where the bytes are not a transaction of ours.
pub fn sign_again(
    signed: &Bytes,
    signer: &PrivateKeySigner,
    fees: Fees,
) -> Option<Result<Attempt, alloy::signers::Error>> {
    let envelope = TxEnvelope::decode_2718(&mut &signed[..]).ok()?;
    let before = envelope.as_eip1559()?.tx();
    let transaction = TxEip1559 {
        max_fee_per_gas: fees.max_wei,
        max_priority_fee_per_gas: fees.tip_wei,
        ..before.clone()
    };
    Some(sign(transaction, signer, fees))
}

/// keccak-256 of the data of a signed call.
pub fn call_hash(signed: &Bytes) -> Option<B256> {
    let envelope = TxEnvelope::decode_2718(&mut &signed[..]).ok()?;
    Some(keccak256(envelope.input()))
}

fn sign(transaction: TxEip1559, signer: &PrivateKeySigner, fees: Fees) -> Result<Attempt, alloy::signers::Error> {
    let signature = signer.sign_hash_sync(&transaction.signature_hash())?;
    let envelope = TxEnvelope::from(transaction.into_signed(signature));
    Ok(Attempt {
        hash: *envelope.tx_hash(),
        fees,
        signed: envelope.encoded_2718().into(),
    })
}

fn refusal(data: Option<Bytes>, message: &str) -> Trial {
    let error = data.and_then(|data| ExchangeVaultErrors::abi_decode(&data).ok());
    match error {
        Some(ExchangeVaultErrors::OutOfBatchGas(_)) => Trial::TooMuchGas,
        Some(error) => Trial::Refused {
            is_stale: matches!(error, ExchangeVaultErrors::WrongNumber(_)),
            reason: format!("{error:?}"),
        },
        // Nodes word it in their own ways.
        None if message.to_lowercase().contains("gas") => Trial::TooMuchGas,
        None => Trial::Refused {
            reason: message.to_owned(),
            is_stale: false,
        },
    }
}
