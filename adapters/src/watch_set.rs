//! The contracts that a chain is watched for, as configured and as kept in the stream's first record.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use souk_contracts::Deployment;
use souk_schema::TokenStandard;

use crate::foreign;

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
        /// `PayoutDistributor`, where the deployment has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        distributor: Option<Address>,
        /// `TaskBoard`, where the deployment has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tasks: Option<Address>,
        /// `ExecutionLog`, where the deployment has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        executions: Option<Address>,
        /// `DisputeCourt`, where the deployment has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disputes: Option<Address>,
        /// `Gateway`, where the deployment has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway: Option<Address>,
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
    /// Story's protocol core. The vaults of its IPs are watched from the log that opens them.
    Story {
        /// `IPAssetRegistry`.
        registry: Address,
        /// `CoreMetadataModule`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<Address>,
        /// `PILicenseTemplate`, or another template.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<Address>,
        /// `LicensingModule`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        licensing: Option<Address>,
        /// `RoyaltyModule`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        royalty: Option<Address>,
        /// `RoyaltyPolicyLAP`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lap_policy: Option<Address>,
        /// `RoyaltyPolicyLRP`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lrp_policy: Option<Address>,
        /// `DisputeModule`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dispute: Option<Address>,
    },
    /// The registries of ERC-8004.
    Erc8004 {
        /// Of agents.
        identity: Address,
        /// Of what clients say of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reputation: Option<Address>,
        /// Of what validators find.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        validation: Option<Address>,
    },
    /// The Ethereum Attestation Service.
    Eas {
        /// `EAS`.
        attestations: Address,
        /// `SchemaRegistry`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema_registry: Option<Address>,
    },
    /// Ocean. Data NFTs and datatokens are watched from the log that creates them.
    Ocean {
        /// `ERC721Factory`.
        factory: Address,
        /// `FixedRateExchange`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fixed_rate: Option<Address>,
    },
    /// Vana.
    Vana {
        /// `DataRegistry`.
        data_registry: Address,
        /// A data liquidity pool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<Address>,
    },
    /// A `UniversalRewardsDistributor` of Morpho's.
    MorphoDistributor {
        /// The contract.
        address: Address,
    },
    /// Merkl's `Distributor`, whose claims look like Morpho's.
    Merkl {
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
            distributor: addresses.payout_distributor,
            tasks: addresses.task_board,
            executions: addresses.execution_log,
            disputes: addresses.dispute_court,
            gateway: addresses.gateway,
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
                distributor,
                tasks,
                executions,
                disputes,
                gateway,
            } => {
                let mut all = vec![registry, licenses, shares, contributions, router];
                let optional = [vault, distributor, tasks, executions, disputes, gateway];
                all.extend(optional.into_iter().flatten());
                all
            }
            ContractSet::Erc20 { address }
            | ContractSet::Erc721 { address }
            | ContractSet::Erc1155 { address }
            | ContractSet::Factory { address, .. } => vec![address],
            _ => foreign::contracts(self)
                .into_iter()
                .map(|(address, _)| address)
                .collect(),
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

    /// Whether a decoder of this version gave no event where today's gives one, so that rows that it made lack something even though
    /// it could decode every log.
    pub fn means_more_since(&self, decoder_version: u32) -> bool {
        // Version 1 kept the vault's logs for the exchange, and took none of them for an event.
        const VAULTS_MEAN_SOMETHING: u32 = 2;
        // Version 2 took the transfer of an agent for that alone.
        const TRANSFERS_END_WALLETS: u32 = 3;
        let means_more = |set: &ContractSet| match set {
            ContractSet::Souk { vault: Some(_), .. } => decoder_version < VAULTS_MEAN_SOMETHING,
            ContractSet::Erc8004 { .. } => decoder_version < TRANSFERS_END_WALLETS,
            _ => false,
        };
        self.sets.iter().any(means_more)
    }

    /// keccak-256 of the canonical JSON, and of what is kept of those contracts that was not always; a stream whose hash differs is of
    /// another generation.
    pub fn hash(&self) -> B256 {
        // Streams were opened in which no router says whom it pays, and without that nobody knows what a distributor owes.
        const ROUTERS_SAY_WHOM_THEY_PAY: &str = "router: distributor_changed";
        let has_distributor = |set: &ContractSet| {
            matches!(
                set,
                ContractSet::Souk {
                    distributor: Some(_),
                    ..
                }
            )
        };
        let mut watched = self.canonical_json();
        if self.sets.iter().any(has_distributor) {
            watched.push_str(ROUTERS_SAY_WHOM_THEY_PAY);
        }
        keccak256(watched)
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

    /// The hash decides whether a stream goes on: one without a vault must not change because there are vaults now, and one with a vault
    /// not because there are payouts. One with a distributor did change once, because its router's word is kept now.
    #[test]
    fn a_deployment_without_the_newer_contracts_is_what_it_was() {
        let souk = |vault, newer: [Option<Address>; 5]| {
            let [distributor, tasks, executions, disputes, gateway] = newer;
            ContractSet::Souk {
                registry: at(1),
                licenses: at(2),
                shares: at(3),
                contributions: at(4),
                router: at(5),
                vault,
                distributor,
                tasks,
                executions,
                disputes,
                gateway,
            }
        };
        let names = [
            "registry",
            "licenses",
            "shares",
            "contributions",
            "router",
            "vault",
            "distributor",
            "tasks",
            "executions",
            "disputes",
            "gateway",
        ];
        let all = [7, 8, 9, 10, 11].map(|byte| Some(at(byte)));
        let cases = [
            (5, souk(None, [None; 5])),
            (6, souk(Some(at(6)), [None; 5])),
            (11, souk(Some(at(6)), all)),
        ];
        let mut hashes = Vec::new();
        for (count, set) in cases {
            let fields = names
                .iter()
                .zip(1..)
                .take(count)
                .map(|(name, n)| format!(r#","{name}":"{}""#, at(n).to_string().to_lowercase()));
            let written = format!(r#"[{{"kind":"souk"{}}}]"#, fields.collect::<String>());
            assert_eq!(set.addresses(), (1..=count as u8).map(at).collect::<Vec<_>>());
            let set = WatchSet::new(vec![set]).unwrap();
            assert_eq!(set.canonical_json(), written);
            assert_eq!(serde_json::from_str::<WatchSet>(&written).unwrap(), set);
            assert_eq!(set.hash() == keccak256(&written), count < 11);
            hashes.push(set.hash());
        }
        hashes.dedup();
        assert_eq!(hashes.len(), 3);
    }

    #[test]
    fn what_an_older_decoder_left_out_is_known() {
        let read = |json: &str| serde_json::from_str::<WatchSet>(json).unwrap();
        let five = (1..6).zip(["registry", "licenses", "shares", "contributions", "router"]);
        let fields: String = five.map(|(n, name)| format!(r#","{name}":"{}""#, at(n))).collect();
        let without = read(&format!(r#"[{{"kind":"souk"{fields}}}]"#));
        let with = read(&format!(r#"[{{"kind":"souk"{fields},"vault":"{}"}}]"#, at(6)));
        assert!(with.means_more_since(1));
        assert!(!with.means_more_since(crate::DECODER_VERSION));
        assert!(!without.means_more_since(1) && !with.means_more_since(2));
        let agents = read(&format!(r#"[{{"kind":"erc8004","identity":"{}"}}]"#, at(7)));
        assert!(agents.means_more_since(2) && !agents.means_more_since(crate::DECODER_VERSION));
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
