//! Ocean: a factory makes data NFTs, one contract each, and the datatokens that give access to them. Both are watched from the log that
//! made them.
//!
//! The published interface of a data NFT says that its metadata's hash is a text; what is emitted holds 32 bytes, and so has another
//! topic0.

use alloy::sol;
use alloy_primitives::{Address, B256, U256};
use souk_schema::TokenRef;
use souk_schema::event::foreign::{
    DatatokenListed, DatatokenOrdered, DatatokenSwapped, ForeignAssetDescribed, ForeignAssetRegistered, ForeignDerived,
    ForeignMetadataSet, ForeignThing, OceanStateChanged,
};
use souk_schema::event::{ForeignEvent, ForeignKind, Relation};
use souk_schema::record::RawLog;

use super::{Means, Variant, one, text};
use crate::decoder::Undecodable;

sol! {
    event NFTCreated(address newTokenAddress, address indexed templateAddress, string tokenName, address indexed admin, string symbol, string tokenURI, bool transferable, address indexed creator);
    event TokenCreated(address indexed newTokenAddress, address indexed templateAddress, string name, string symbol, uint256 cap, address creator);

    event MetadataCreated(address indexed createdBy, uint8 state, string decryptorUrl, bytes flags, bytes data, bytes32 metaDataHash, uint256 timestamp, uint256 blockNumber);
    event MetadataUpdated(address indexed updatedBy, uint8 state, string decryptorUrl, bytes flags, bytes data, bytes32 metaDataHash, uint256 timestamp, uint256 blockNumber);
    event MetadataState(address indexed updatedBy, uint8 state, uint256 timestamp, uint256 blockNumber);
    event TokenURIUpdate(address indexed updatedBy, string tokenURI, uint256 tokenID, uint256 timestamp, uint256 blockNumber);
    event DataChanged(bytes32 indexed key, bytes value);

    event OrderStarted(address indexed consumer, address payer, uint256 amount, uint256 serviceIndex, uint256 timestamp, address indexed publishMarketAddress, uint256 blockNumber);

    event ExchangeCreated(bytes32 indexed exchangeId, address indexed baseToken, address indexed datatoken, address exchangeOwner, uint256 fixedRate);
    event Swapped(bytes32 indexed exchangeId, address indexed by, uint256 baseTokenSwappedAmount, uint256 datatokenSwappedAmount, address tokenOutAddress, uint256 marketFeeAmount, uint256 oceanFeeAmount, uint256 consumeMarketFeeAmount);
}

/// A contract of Ocean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ocean {
    Factory,
    DataNft,
    Datatoken,
    Exchange,
}

impl Ocean {
    pub(super) fn variants(self) -> Vec<Variant<Ocean>> {
        match self {
            Ocean::Factory => vec![Variant::of::<NFTCreated>(), Variant::of::<TokenCreated>()],
            Ocean::DataNft => vec![
                Variant::of::<MetadataCreated>(),
                Variant::of::<MetadataUpdated>(),
                Variant::of::<MetadataState>(),
                Variant::of::<TokenURIUpdate>(),
                Variant::of::<DataChanged>(),
            ],
            Ocean::Datatoken => vec![Variant::of::<OrderStarted>()],
            Ocean::Exchange => vec![Variant::of::<ExchangeCreated>(), Variant::of::<Swapped>()],
        }
    }
}

/// A data NFT's contract has the one token 1.
fn data_nft(contract: Address) -> ForeignThing {
    ForeignThing {
        kind: ForeignKind::OceanDataNft,
        key: TokenRef::new(contract, U256::ONE),
    }
}

fn datatoken(contract: Address) -> ForeignThing {
    ForeignThing {
        kind: ForeignKind::OceanDatatoken,
        key: TokenRef::new(contract, U256::ZERO),
    }
}

impl Means<Ocean> for NFTCreated {
    fn meaning(self, _: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignAssetRegistered {
            thing: data_nft(self.newTokenAddress),
            account: Some(self.newTokenAddress),
            owner: Some(self.admin),
            name: text("tokenName", self.tokenName)?,
            uri: text("tokenURI", self.tokenURI)?,
            token: None,
        })
    }
}

/// Only a data NFT can have the factory make a datatoken: it is the creator.
impl Means<Ocean> for TokenCreated {
    fn meaning(self, _: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        let thing = datatoken(self.newTokenAddress);
        let registered = ForeignAssetRegistered {
            thing,
            account: Some(self.newTokenAddress),
            owner: None,
            name: text("name", self.name)?,
            uri: String::new(),
            token: None,
        };
        let derived = ForeignDerived {
            child: thing,
            parents: vec![data_nft(self.creator)],
            relation: Relation::DerivedFrom,
            terms_ids: Vec::new(),
        };
        Ok(vec![registered.into(), derived.into()])
    }
}

fn described(
    log: &RawLog,
    state: u8,
    uri: String,
    hash: B256,
    changed_by: Address,
) -> Result<Vec<ForeignEvent>, Undecodable> {
    let thing = data_nft(log.address);
    let described = ForeignAssetDescribed {
        thing,
        uri: text("decryptorUrl", uri)?,
        hash: Some(hash),
        changed_by: Some(changed_by),
    };
    let state = OceanStateChanged {
        asset: thing.key,
        state,
        changed_by,
    };
    Ok(vec![described.into(), state.into()])
}

impl Means<Ocean> for MetadataCreated {
    fn meaning(self, log: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        described(log, self.state, self.decryptorUrl, self.metaDataHash, self.createdBy)
    }
}

impl Means<Ocean> for MetadataUpdated {
    fn meaning(self, log: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        described(log, self.state, self.decryptorUrl, self.metaDataHash, self.updatedBy)
    }
}

impl Means<Ocean> for MetadataState {
    fn meaning(self, log: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(OceanStateChanged {
            asset: data_nft(log.address).key,
            state: self.state,
            changed_by: self.updatedBy,
        })
    }
}

impl Means<Ocean> for TokenURIUpdate {
    fn meaning(self, log: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignAssetDescribed {
            thing: data_nft(log.address),
            uri: text("tokenURI", self.tokenURI)?,
            hash: None,
            changed_by: Some(self.updatedBy),
        })
    }
}

impl Means<Ocean> for DataChanged {
    fn meaning(self, log: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(ForeignMetadataSet {
            thing: data_nft(log.address),
            metadata_key: self.key.to_string(),
            value: self.value,
        })
    }
}

impl Means<Ocean> for OrderStarted {
    fn meaning(self, log: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(DatatokenOrdered {
            datatoken: datatoken(log.address).key,
            consumer: self.consumer,
            payer: self.payer,
            amount: self.amount,
            service: self.serviceIndex,
            market: self.publishMarketAddress,
        })
    }
}

impl Means<Ocean> for ExchangeCreated {
    fn meaning(self, _: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(DatatokenListed {
            exchange: self.exchangeId,
            datatoken: datatoken(self.datatoken).key,
            base_token: self.baseToken,
            owner: self.exchangeOwner,
            rate: self.fixedRate,
        })
    }
}

impl Means<Ocean> for Swapped {
    fn meaning(self, _: &RawLog, _: Ocean) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(DatatokenSwapped {
            exchange: self.exchangeId,
            account: self.by,
            base_amount: self.baseTokenSwappedAmount,
            datatoken_amount: self.datatokenSwappedAmount,
            got: self.tokenOutAddress,
        })
    }
}
