//! Plain ERC-20, ERC-721 and ERC-1155 contracts: who got what from whom.
//!
//! `Transfer` of ERC-20 and of ERC-721 share a topic0; the number of topics tells them apart, and the contract's configured standard
//! says which of them is right.

use alloy::sol;
use alloy::sol_types::SolEvent;
use alloy_primitives::{B256, U256};
use souk_schema::event::DomainEvent;
use souk_schema::record::RawLog;
use souk_schema::{TokenRef, TokenStandard};

use crate::decoder::Undecodable;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 amount);
    event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);
    event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values);
}

/// ERC-721's `Transfer`, whose third field is indexed.
mod erc721 {
    alloy::sol! {
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    }
}

/// The events of a standard that move tokens.
pub(crate) fn topics(standard: TokenStandard) -> &'static [B256] {
    match standard {
        TokenStandard::Erc20 => &[Transfer::SIGNATURE_HASH],
        TokenStandard::Erc721 => &[erc721::Transfer::SIGNATURE_HASH],
        TokenStandard::Erc1155 => &[TransferSingle::SIGNATURE_HASH, TransferBatch::SIGNATURE_HASH],
    }
}

/// Decodes a log whose topic0 is among [`topics`] of the standard.
pub(crate) fn decode(log: &RawLog, standard: TokenStandard) -> Result<Vec<DomainEvent>, Undecodable> {
    let moved = |id: U256, from, to, amount| DomainEvent::TokenTransferred {
        token: TokenRef {
            contract: log.address,
            id,
        },
        standard,
        from,
        to,
        amount,
    };
    match (standard, log.topics.len()) {
        (TokenStandard::Erc20, 3) => {
            let event = Transfer::decode_raw_log(&log.topics, &log.data)?;
            Ok(vec![moved(U256::ZERO, event.from, event.to, event.amount)])
        }
        (TokenStandard::Erc721, 4) => {
            let event = erc721::Transfer::decode_raw_log(&log.topics, &log.data)?;
            Ok(vec![moved(event.tokenId, event.from, event.to, U256::ONE)])
        }
        (TokenStandard::Erc1155, 4) if log.topics[0] == TransferSingle::SIGNATURE_HASH => {
            let event = TransferSingle::decode_raw_log(&log.topics, &log.data)?;
            Ok(vec![moved(event.id, event.from, event.to, event.value)])
        }
        (TokenStandard::Erc1155, 4) => {
            let event = TransferBatch::decode_raw_log(&log.topics, &log.data)?;
            if event.ids.len() != event.values.len() {
                let (ids, values) = (event.ids.len(), event.values.len());
                return Err(Undecodable::new(format!(
                    "TransferBatch names {ids} ids but {values} values"
                )));
            }
            let pairs = event.ids.into_iter().zip(event.values);
            Ok(pairs
                .map(|(id, value)| moved(id, event.from, event.to, value))
                .collect())
        }
        (standard, topics) => Err(Undecodable::new(format!(
            "a transfer with {topics} topics is none of {}: is the contract configured as the right standard?",
            standard.namespace()
        ))),
    }
}
