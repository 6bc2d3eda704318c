//! Souk's own contracts: their logs as domain events, one arm per event. The contracts of assets, licences, shares, contributions and
//! revenues are read here, each other one in a file of its own.

mod dispute;
mod execution;
mod gateway;
mod payout;
mod vault;
mod work;

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, U256};
use souk_contracts::AssetRegistry::{AssetRegistered, AssetVersioned, DerivationDeclared, ForeignParentDeclared};
use souk_contracts::AssetShares::SharesIssued;
use souk_contracts::ContributionBook::{ContributionRecorded, ContributionVoided};
use souk_contracts::ExchangeVault::ExchangeVaultEvents;
use souk_contracts::LicenseRegistry::{
    self, LicenseMinted, LicenseRevoked, LicenseTermsAttached, LicenseTermsRegistered,
};
use souk_contracts::RevenueRouter::{DistributorChanged, RevenueReceived};
use souk_schema::event::{self, DomainEvent, UnknownNumber};
use souk_schema::record::RawLog;
use souk_schema::{E8, TokenRef, TokenStandard};

use crate::decoder::Undecodable;
use crate::token;

/// One of Souk's contracts, with those whose ids its events name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    Registry,
    Licenses {
        registry: Address,
    },
    Shares {
        registry: Address,
    },
    Contributions {
        registry: Address,
    },
    Router {
        registry: Address,
    },
    Vault {
        registry: Address,
    },
    Distributor,
    Tasks {
        registry: Address,
        contributions: Address,
    },
    Executions {
        registry: Address,
        contributions: Address,
        router: Address,
    },
    Disputes {
        registry: Address,
    },
    Gateway {
        registry: Address,
    },
}

impl Contract {
    /// Every event of the contract that means something to us.
    pub(crate) fn topics(self) -> Vec<B256> {
        let own: &[B256] = match self {
            Contract::Registry => &[
                AssetRegistered::SIGNATURE_HASH,
                AssetVersioned::SIGNATURE_HASH,
                DerivationDeclared::SIGNATURE_HASH,
                ForeignParentDeclared::SIGNATURE_HASH,
            ],
            Contract::Licenses { .. } => &[
                LicenseTermsRegistered::SIGNATURE_HASH,
                LicenseTermsAttached::SIGNATURE_HASH,
                LicenseMinted::SIGNATURE_HASH,
                LicenseRevoked::SIGNATURE_HASH,
            ],
            Contract::Shares { .. } => &[SharesIssued::SIGNATURE_HASH],
            Contract::Contributions { .. } => {
                &[ContributionRecorded::SIGNATURE_HASH, ContributionVoided::SIGNATURE_HASH]
            }
            Contract::Router { .. } => &[RevenueReceived::SIGNATURE_HASH, DistributorChanged::SIGNATURE_HASH],
            // All of it: the exchange reads the vault's logs from the stream, those too that mean nothing here.
            Contract::Vault { .. } => return ExchangeVaultEvents::SELECTORS.iter().map(B256::from).collect(),
            Contract::Distributor => payout::TOPICS,
            Contract::Tasks { .. } => work::TOPICS,
            Contract::Executions { .. } => execution::TOPICS,
            Contract::Disputes { .. } => dispute::TOPICS,
            Contract::Gateway { .. } => gateway::TOPICS,
        };
        let moves = self.standard().map_or(&[][..], token::topics);
        [own, moves].concat()
    }

    /// Decodes a log of the contract whose topic0 is among [`Contract::topics`].
    pub(crate) fn decode(self, log: &RawLog) -> Result<Vec<DomainEvent>, Undecodable> {
        if let Some(standard) = self.standard()
            && token::topics(standard).contains(&log.topics[0])
        {
            return token::decode(log, standard);
        }
        let event = match self {
            Contract::Registry => decode_registry(log),
            Contract::Licenses { registry } => decode_licenses(log, registry),
            Contract::Shares { registry } => decode_shares(log, registry),
            Contract::Contributions { registry } => decode_contributions(log, registry),
            Contract::Router { registry } => decode_router(log, registry),
            Contract::Vault { registry } => return Ok(vault::decode(log, registry)?.into_iter().collect()),
            Contract::Distributor => payout::decode(log),
            Contract::Tasks {
                registry,
                contributions,
            } => work::decode(log, registry, contributions),
            Contract::Executions {
                registry,
                contributions: book,
                router,
            } => {
                let names = execution::Names { registry, book, router };
                execution::decode(log, names)
            }
            Contract::Disputes { registry } => dispute::decode(log, registry),
            Contract::Gateway { registry } => gateway::decode(log, registry),
        }?;
        Ok(vec![event])
    }

    fn standard(self) -> Option<TokenStandard> {
        match self {
            Contract::Registry => Some(TokenStandard::Erc721),
            Contract::Licenses { .. } | Contract::Shares { .. } => Some(TokenStandard::Erc1155),
            Contract::Contributions { .. }
            | Contract::Router { .. }
            | Contract::Vault { .. }
            | Contract::Distributor
            | Contract::Tasks { .. }
            | Contract::Executions { .. }
            | Contract::Disputes { .. }
            | Contract::Gateway { .. } => None,
        }
    }
}

fn read<E: SolEvent>(log: &RawLog) -> Result<E, Undecodable> {
    Ok(E::decode_raw_log_validate(&log.topics, &log.data)?)
}

fn unknown(log: &RawLog) -> Undecodable {
    Undecodable::new(format!(
        "event {} is none that this contract's adapter knows",
        log.topics[0]
    ))
}

/// The value that a contract's number names.
fn number<N: TryFrom<u8, Error = UnknownNumber>>(number: u8) -> Result<N, Undecodable> {
    number.try_into().map_err(Undecodable::new)
}

/// Ids count from 1, so that 0 names nothing.
fn some(contract: Address, id: U256) -> Option<TokenRef> {
    (!id.is_zero()).then(|| TokenRef::new(contract, id))
}

fn share(parts: u32) -> Result<E8, Undecodable> {
    E8::from_parts(parts.into()).map_err(Undecodable::new)
}

fn decode_registry(log: &RawLog) -> Result<DomainEvent, Undecodable> {
    let asset = |id: U256| TokenRef {
        contract: log.address,
        id,
    };
    match log.topics[0] {
        AssetRegistered::SIGNATURE_HASH => {
            let event: AssetRegistered = read(log)?;
            Ok(DomainEvent::AssetRegistered {
                asset: asset(event.assetId),
                owner: event.owner,
                kind: event.kind.try_into().map_err(Undecodable::new)?,
                name: event.name,
                content_hash: event.contentHash,
                metadata_uri: event.metadataUri,
                contributor_share: share(event.contributorShareE8)?,
            })
        }
        AssetVersioned::SIGNATURE_HASH => {
            let event: AssetVersioned = read(log)?;
            Ok(DomainEvent::AssetVersioned {
                asset: asset(event.assetId),
                version: event.version,
                content_hash: event.contentHash,
                metadata_uri: event.metadataUri,
            })
        }
        DerivationDeclared::SIGNATURE_HASH => {
            let event: DerivationDeclared = read(log)?;
            Ok(DomainEvent::DerivationDeclared {
                child: asset(event.childId),
                parent: asset(event.parentId),
                relation: event.relation.try_into().map_err(Undecodable::new)?,
                license_id: event.licenseId,
            })
        }
        ForeignParentDeclared::SIGNATURE_HASH => {
            let event: ForeignParentDeclared = read(log)?;
            Ok(DomainEvent::ForeignParentDeclared {
                child: asset(event.childId),
                parent: event.caip19.parse().map_err(Undecodable::new)?,
                relation: event.relation.try_into().map_err(Undecodable::new)?,
            })
        }
        _ => Err(unknown(log)),
    }
}

fn decode_licenses(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    let asset = |id: U256| TokenRef { contract: registry, id };
    match log.topics[0] {
        LicenseTermsRegistered::SIGNATURE_HASH => {
            let event: LicenseTermsRegistered = read(log)?;
            let terms = terms(event.terms)?;
            Ok(DomainEvent::LicenseTermsRegistered {
                registry: log.address,
                terms_id: event.termsId,
                terms,
            })
        }
        LicenseTermsAttached::SIGNATURE_HASH => {
            let event: LicenseTermsAttached = read(log)?;
            let asset = asset(event.assetId);
            Ok(DomainEvent::LicenseTermsAttached {
                registry: log.address,
                asset,
                terms_id: event.termsId,
            })
        }
        LicenseMinted::SIGNATURE_HASH => {
            let event: LicenseMinted = read(log)?;
            Ok(DomainEvent::LicenseMinted {
                series: TokenRef {
                    contract: log.address,
                    id: event.licenseId,
                },
                asset: asset(event.assetId),
                terms_id: event.termsId,
                minter: event.minter,
                receiver: event.receiver,
                amount: event.amount,
                expires_at: event.expiresAt,
                fee_paid: event.feePaid,
            })
        }
        LicenseRevoked::SIGNATURE_HASH => {
            let event: LicenseRevoked = read(log)?;
            Ok(DomainEvent::LicenseRevoked {
                series: TokenRef {
                    contract: log.address,
                    id: event.licenseId,
                },
                revoked_by: event.revokedBy,
                reason: event.reason,
            })
        }
        _ => Err(unknown(log)),
    }
}

fn terms(terms: LicenseRegistry::LicenseTerms) -> Result<event::LicenseTerms, Undecodable> {
    Ok(event::LicenseTerms {
        commercial_use: terms.commercialUse,
        derivatives_allowed: terms.derivativesAllowed,
        reciprocal: terms.reciprocal,
        transferable: terms.transferable,
        royalty_policy: terms.royaltyPolicy.try_into().map_err(Undecodable::new)?,
        revenue_share: share(terms.revenueShareE8)?,
        minting_fee: terms.mintingFee,
        currency: terms.currency,
        duration_secs: terms.durationSecs,
        supply_cap: terms.supplyCap,
        uri: terms.uri,
        spdx_id: terms.spdxId,
    })
}

fn decode_shares(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    let event: SharesIssued = read(log)?;
    Ok(DomainEvent::SharesIssued {
        shares: TokenRef {
            contract: log.address,
            id: event.assetId,
        },
        asset: TokenRef {
            contract: registry,
            id: event.assetId,
        },
        issuer: event.issuer,
        supply: event.supply,
    })
}

fn decode_contributions(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    let contribution = |id: U256| TokenRef {
        contract: log.address,
        id,
    };
    let asset = |id: U256| TokenRef { contract: registry, id };
    match log.topics[0] {
        ContributionRecorded::SIGNATURE_HASH => {
            let event: ContributionRecorded = read(log)?;
            Ok(DomainEvent::ContributionRecorded {
                contribution: contribution(event.contributionId),
                asset: asset(event.assetId),
                contributor: event.contributor,
                role: event.role.try_into().map_err(Undecodable::new)?,
                weight: event.weight,
                evidence_hash: event.evidenceHash,
                recorded_by: event.recordedBy,
            })
        }
        ContributionVoided::SIGNATURE_HASH => {
            let event: ContributionVoided = read(log)?;
            Ok(DomainEvent::ContributionVoided {
                contribution: contribution(event.contributionId),
                asset: asset(event.assetId),
                voided_by: event.voidedBy,
                reason: event.reason,
            })
        }
        _ => Err(unknown(log)),
    }
}

fn decode_router(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    if log.topics[0] == DistributorChanged::SIGNATURE_HASH {
        let DistributorChanged { previous, current } = read(log)?;
        return Ok(DomainEvent::DistributorChanged(event::DistributorChanged {
            router: log.address,
            previous,
            current,
        }));
    }
    let event: RevenueReceived = read(log)?;
    Ok(DomainEvent::RevenueReceived {
        revenue: TokenRef {
            contract: log.address,
            id: event.revenueId,
        },
        asset: TokenRef {
            contract: registry,
            id: event.assetId,
        },
        payer: event.payer,
        token: event.token,
        amount: event.amount,
        reason: event.reason.try_into().map_err(Undecodable::new)?,
        reference: event.r#ref,
    })
}
