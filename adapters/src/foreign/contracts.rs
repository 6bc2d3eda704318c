//! Which contracts the sets of other protocols name, and what these create.

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256};

use super::ocean::{NFTCreated, TokenCreated};
use super::story::IpRoyaltyVaultDeployed;
use super::{Agents, Claims, Eas, Foreign, Ocean, Story, Vana};
use crate::child::ChildKind;
use crate::watch_set::{ChildPosition, ContractSet};

/// An event by which a contract says that it created another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Creation {
    pub contract: Address,
    pub topic0: B256,
    pub position: ChildPosition,
    pub child: ChildKind,
}

/// The contracts of a set of another protocol, with what they are; none for our own and for plain tokens.
pub(crate) fn contracts(set: &ContractSet) -> Vec<(Address, Foreign)> {
    let mut contracts = Vec::new();
    let mut name = |address: Option<Address>, contract| contracts.extend(address.map(|address| (address, contract)));
    match *set {
        ContractSet::Story {
            registry,
            metadata,
            template,
            licensing,
            royalty,
            lap_policy,
            lrp_policy,
            dispute,
        } => {
            let policy = Foreign::Story(Story::RoyaltyPolicy { registry });
            name(Some(registry), Foreign::Story(Story::Registry));
            name(metadata, Foreign::Story(Story::Metadata { registry }));
            name(template, Foreign::Story(Story::Template));
            name(licensing, Foreign::Story(Story::Licensing { registry }));
            name(royalty, Foreign::Story(Story::Royalty { registry }));
            name(lap_policy, policy);
            name(lrp_policy, policy);
            name(dispute, Foreign::Story(Story::Dispute { registry }));
        }
        ContractSet::Erc8004 {
            identity,
            reputation,
            validation,
        } => {
            name(Some(identity), Foreign::Agents(Agents::Identity));
            name(reputation, Foreign::Agents(Agents::Reputation { identity }));
            name(validation, Foreign::Agents(Agents::Validation { identity }));
        }
        ContractSet::Eas {
            attestations,
            schema_registry,
        } => {
            name(Some(attestations), Foreign::Eas(Eas::Attestations));
            name(schema_registry, Foreign::Eas(Eas::Schemas));
        }
        ContractSet::Ocean { factory, fixed_rate } => {
            name(Some(factory), Foreign::Ocean(Ocean::Factory));
            name(fixed_rate, Foreign::Ocean(Ocean::Exchange));
        }
        ContractSet::Vana { data_registry, pool } => {
            name(Some(data_registry), Foreign::Vana(Vana::Registry));
            name(
                pool,
                Foreign::Vana(Vana::Pool {
                    registry: data_registry,
                }),
            );
        }
        ContractSet::MorphoDistributor { address } => name(Some(address), Foreign::Claims(Claims::Morpho)),
        ContractSet::Merkl { address } => name(Some(address), Foreign::Claims(Claims::Merkl)),
        _ => {}
    }
    contracts
}

/// The events of a set's contracts that create others.
pub(crate) fn creations(set: &ContractSet) -> Vec<Creation> {
    match *set {
        ContractSet::Story {
            royalty: Some(contract),
            ..
        } => vec![Creation {
            contract,
            topic0: IpRoyaltyVaultDeployed::SIGNATURE_HASH,
            position: ChildPosition::Word(1),
            child: ChildKind::StoryVault,
        }],
        ContractSet::Ocean { factory: contract, .. } => vec![
            Creation {
                contract,
                topic0: NFTCreated::SIGNATURE_HASH,
                position: ChildPosition::Word(0),
                child: ChildKind::OceanDataNft,
            },
            Creation {
                contract,
                topic0: TokenCreated::SIGNATURE_HASH,
                position: ChildPosition::Topic(1),
                child: ChildKind::OceanDatatoken,
            },
        ],
        _ => Vec::new(),
    }
}
