//! The gateway's events.

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256};
use souk_contracts::Gateway;
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{self, DomainEvent};
use souk_schema::record::RawLog;
use souk_schema::{ChainId, TokenRef, TokenStandard};

use super::{read, unknown};
use crate::decoder::Undecodable;

pub(super) const TOPICS: &[B256] = &[
    Gateway::AssetAnnounced::SIGNATURE_HASH,
    Gateway::AssetMirrored::SIGNATURE_HASH,
];

pub(super) fn decode(log: &RawLog, registry: Address) -> Result<DomainEvent, Undecodable> {
    match log.topics[0] {
        Gateway::AssetAnnounced::SIGNATURE_HASH => {
            let announced: Gateway::AssetAnnounced = read(log)?;
            Ok(DomainEvent::AssetAnnounced(event::AssetAnnounced {
                gateway: log.address,
                announcement: announced.announcementId,
                asset: TokenRef::new(registry, announced.assetId),
                target_chain: ChainId(announced.targetChain),
                content_hash: announced.contentHash,
            }))
        }
        Gateway::AssetMirrored::SIGNATURE_HASH => {
            let mirrored: Gateway::AssetMirrored = read(log)?;
            Ok(DomainEvent::AssetMirrored(event::AssetMirrored {
                gateway: log.address,
                announcement: mirrored.announcementId,
                mirror: TokenRef::new(registry, mirrored.mirrorId),
                origin: AssetId::Evm(EvmAssetId {
                    chain: ChainId(mirrored.originChain),
                    standard: TokenStandard::Erc721,
                    token: TokenRef::new(mirrored.originRegistry, mirrored.originAssetId),
                }),
                origin_gateway: mirrored.originGateway,
                content_hash: mirrored.contentHash,
                relayer: mirrored.relayer,
            }))
        }
        _ => Err(unknown(log)),
    }
}
