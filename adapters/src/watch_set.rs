//! The contracts that a chain is watched for, as configured and as kept in the stream's first record.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use souk_contracts::Deployment;
use souk_schema::TokenStandard;

/// Everything that is watched on one chain. Two sets that watch the same have the same canonical JSON and hash, whatever order they
/// were written in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WatchSet {
    /// The contract sets, in any order.
    pub sets: Vec<ContractSet>,
}

/// Contracts that are watched together, and how their logs are decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ContractSet {
    /// One deployment of Souk's own contracts.
    Souk {
        /// `AssetRegistry`.
        registry: Address,
        /// `LicenseRegistry`.
        licenses: Address,
        /// `AssetShares`.
        shares: Address,
        /// `ContributionBook`.
        contributions: Address,
        /// `RevenueRouter`.
        router: Address,
        /// `ExchangeVault`, where the deployment has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vault: Option<Address>,
    },
    /// A plain fungible token.
    Erc20 {
        /// The contract.
        address: Address,
    },
    /// A plain collection of single tokens.
    Erc721 {
        /// The contract.
        address: Address,
    },
    /// A plain collection of tokens with balances.
    Erc1155 {
        /// The contract.
        address: Address,
    },
    /// A contract whose events name new contracts, which are watched from that log on.
    Factory {
        /// The contract that creates others.
        address: Address,
        /// The event that says so.
        topic0: B256,
        /// Where in that event the new contract's address is.
        child_position: ChildPosition,
        /// What the new contracts are.
        child: TokenStandard,
    },
}

/// Where a factory's event holds the address of the contract that it created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildPosition {
    /// In an indexed field: topic 1, 2 or 3.
    Topic(u8),
    /// In the data: the word with this number, from 0.
    Word(u16),
}

/// A watch set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWatchSet {
    /// Nothing is watched.
    #[error("the watch set is empty: name at least one contract to watch")]
    Empty,
    /// An indexed field that no event has.
    #[error("factory {factory}: child_position topic {topic} does not exist, an event has topics 1 to 3")]
    NoSuchTopic {
        /// The factory.
        factory: Address,
        /// What was asked for.
        topic: u8,
    },
    /// One address cannot be decoded in two ways.
    #[error("contract {0} stands in two sets that read its logs differently: keep one of them")]
    TwoMeanings(Address),
}

impl From<&Deployment> for ContractSet {
    fn from(deployment: &Deployment) -> ContractSet {
        let addresses = &deployment.addresses;
        ContractSet::Souk {
            registry: addresses.asset_registry,
            licenses: addresses.license_registry,
            shares: addresses.asset_shares,
            contributions: addresses.contribution_book,
            router: addresses.revenue_router,
            vault: addresses.exchange_vault,
        }
    }
}

impl ContractSet {
    /// The contracts that this set names; what factories create is not among them.
    pub fn addresses(&self) -> Vec<Address> {
        match *self {
            ContractSet::Souk {
                registry,
                licenses,
                shares,
                contributions,
                router,
                vault,
            } => {
                let mut all = vec![registry, licenses, shares, contributions, router];
                all.extend(vault);
                all
            }
            ContractSet::Erc20 { address }
            | ContractSet::Erc721 { address }
            | ContractSet::Erc1155 { address }
            | ContractSet::Factory { address, .. } => vec![address],
        }
    }
}

impl WatchSet {
    /// A watch set of the given contract sets.
    ///
    /// # Errors
    /// [`InvalidWatchSet`] says which set cannot be watched and why.
    pub fn new(sets: Vec<ContractSet>) -> Result<WatchSet, InvalidWatchSet> {
        let set = WatchSet { sets };
        set.check()?;
        Ok(set)
    }

    /// Checks a set that was read from a configuration or a stream.
    ///
    /// # Errors
    /// [`InvalidWatchSet`] says which set cannot be watched and why.
    pub fn check(&self) -> Result<(), InvalidWatchSet> {
        if self.sets.is_empty() {
            return Err(InvalidWatchSet::Empty);
        }
        let mut meanings = HashMap::new();
        for set in &self.sets {
            if let ContractSet::Factory {
                address,
                child_position: ChildPosition::Topic(topic),
                ..
            } = *set
                && !(1..=3).contains(&topic)
            {
                return Err(InvalidWatchSet::NoSuchTopic {
                    factory: address,
                    topic,
                });
            }
            // A factory may be a token as well: its own event is told apart by topic0.
            if matches!(set, ContractSet::Factory { .. }) {
                continue;
            }
            for address in set.addresses() {
                if meanings.insert(address, set).is_some_and(|other| other != set) {
                    return Err(InvalidWatchSet::TwoMeanings(address));
                }
            }
        }
        Ok(())
    }

    /// The set as JSON with the sets sorted and named once each: the form in which a stream keeps it.
    pub fn canonical_json(&self) -> String {
        let mut sets = self.sets.clone();
        sets.sort();
        sets.dedup();
        serde_json::to_string(&sets).expect("a watch set is plain data, which JSON can always hold")
    }

    /// keccak-256 of the canonical JSON; a stream whose hash differs is of another generation.
    pub fn hash(&self) -> B256 {
        keccak256(self.canonical_json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    #[test]
    fn the_order_in_which_contracts_are_named_does_not_matter() {
        let (a, b) = (
            ContractSet::Erc20 { address: at(1) },
            ContractSet::Erc721 { address: at(2) },
        );
        let one = WatchSet::new(vec![a.clone(), b.clone()]).unwrap();
        let other = WatchSet::new(vec![b.clone(), a.clone(), b]).unwrap();
        assert_eq!(one.hash(), other.hash());
        assert_ne!(one.hash(), WatchSet::new(vec![a]).unwrap().hash());
        let read: WatchSet = serde_json::from_str(&one.canonical_json()).unwrap();
        assert_eq!(read.hash(), one.hash());
    }

    /// The hash decides whether a stream goes on: one without a vault must not change because there are vaults now.
    #[test]
    fn a_deployment_without_a_vault_is_what_it_was() {
        let souk = |vault| ContractSet::Souk {
            registry: at(1),
            licenses: at(2),
            shares: at(3),
            contributions: at(4),
            router: at(5),
            vault,
        };
        let without = WatchSet::new(vec![souk(None)]).unwrap();
        let addresses = ["registry", "licenses", "shares", "contributions", "router"].iter();
        let fields = addresses
            .zip(1..)
            .map(|(name, n)| format!(r#","{name}":"{}""#, at(n).to_string().to_lowercase()));
        let written = format!(r#"[{{"kind":"souk"{}}}]"#, fields.collect::<String>());
        assert_eq!(without.canonical_json(), written);
        assert_eq!(serde_json::from_str::<WatchSet>(&written).unwrap(), without);
        assert_eq!(souk(None).addresses(), (1..6).map(at).collect::<Vec<_>>());

        let with = WatchSet::new(vec![souk(Some(at(6)))]).unwrap();
        assert_ne!(with.hash(), without.hash());
        assert_eq!(serde_json::from_str::<WatchSet>(&with.canonical_json()).unwrap(), with);
        assert_eq!(souk(Some(at(6))).addresses(), (1..7).map(at).collect::<Vec<_>>());
    }

    #[test]
    fn sets_that_cannot_be_watched_are_refused() {
        assert_eq!(WatchSet::new(vec![]), Err(InvalidWatchSet::Empty));
        let two = vec![
            ContractSet::Erc20 { address: at(1) },
            ContractSet::Erc721 { address: at(1) },
        ];
        assert_eq!(WatchSet::new(two), Err(InvalidWatchSet::TwoMeanings(at(1))));
        let factory = |topic| ContractSet::Factory {
            address: at(3),
            topic0: B256::ZERO,
            child_position: ChildPosition::Topic(topic),
            child: TokenStandard::Erc721,
        };
        assert_eq!(
            WatchSet::new(vec![factory(0)]),
            Err(InvalidWatchSet::NoSuchTopic {
                factory: at(3),
                topic: 0
            })
        );
        assert!(WatchSet::new(vec![factory(3), ContractSet::Erc721 { address: at(3) }]).is_ok());
    }
}
