//! The contracts of the scenario and what they emit.

use alloy::sol;
use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::AssetRegistry;
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::record::RawLog;
use souk_schema::{TokenRef, TokenStandard};

use super::super::support::CHAIN;

sol! {
    event IPRegistered(address ipId, uint256 indexed chainId, address indexed tokenContract, uint256 indexed tokenId, string name, string uri, uint256 registrationDate);
    event DerivativeRegistered(address indexed caller, address indexed childIpId, uint256[] licenseTokenIds, address[] parentIpIds, uint256[] licenseTermsIds, address licenseTemplate);
    event RoyaltyPaid(address receiverIpId, address payerIpId, address sender, address token, uint256 amount, uint256 amountAfterFee);
    event IpRoyaltyVaultDeployed(address ipId, address ipRoyaltyVault);
    event RevenueTokenClaimed(address claimer, address token, uint256 amount);
    event DisputeRaised(uint256 disputeId, address targetIpId, address caller, address disputeInitiator, uint256 disputeTimestamp, address arbitrationPolicy, bytes32 disputeEvidenceHash, bytes32 targetTag, bytes data);
    event DisputeJudgementSet(uint256 disputeId, bool decision, bytes data);
    event DisputeResolved(uint256 disputeId, bytes data);
    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);
    event MetadataSet(uint256 indexed agentId, string indexed indexedMetadataKey, string metadataKey, bytes metadataValue);
    event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, int128 value, uint8 valueDecimals, string indexed indexedTag1, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash);
    event FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex);
    event Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);
    event Revoked(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);
    event NFTCreated(address newTokenAddress, address indexed templateAddress, string tokenName, address indexed admin, string symbol, string tokenURI, bool transferable, address indexed creator);
    event TokenCreated(address indexed newTokenAddress, address indexed templateAddress, string name, string symbol, uint256 cap, address creator);
    event DataChanged(bytes32 indexed key, bytes value);
    event OrderStarted(address indexed consumer, address payer, uint256 amount, uint256 serviceIndex, uint256 timestamp, address indexed publishMarketAddress, uint256 blockNumber);
    event FileAdded(uint256 indexed fileId, address indexed ownerAddress, string url);
}

pub const ALICE: Address = Address::repeat_byte(0xa1);
pub const BOB: Address = Address::repeat_byte(0xb0);

pub const REGISTRY: Address = Address::repeat_byte(1);
pub const STORY: Address = Address::repeat_byte(0x10);
pub const LICENSING: Address = Address::repeat_byte(0x13);
pub const ROYALTY: Address = Address::repeat_byte(0x14);
pub const DISPUTES: Address = Address::repeat_byte(0x17);
pub const VAULT: Address = Address::repeat_byte(0x18);
pub const AGENTS: Address = Address::repeat_byte(0x20);
pub const REPUTATION: Address = Address::repeat_byte(0x21);
pub const EAS: Address = Address::repeat_byte(0x30);
pub const OCEAN: Address = Address::repeat_byte(0x40);
pub const DATA_NFT: Address = Address::repeat_byte(0x42);
pub const DATATOKEN: Address = Address::repeat_byte(0x43);
pub const VANA: Address = Address::repeat_byte(0x50);
/// A collection that nobody watches.
pub const ELSEWHERE: Address = Address::repeat_byte(0x99);
/// The accounts of the IPs of our asset and of the remix.
pub const OUR_IP: Address = Address::repeat_byte(0xe1);
pub const REMIX_IP: Address = Address::repeat_byte(0xe2);

pub fn watch_set() -> WatchSet {
    let souk = ContractSet::Souk {
        registry: REGISTRY,
        licenses: Address::repeat_byte(2),
        shares: Address::repeat_byte(3),
        contributions: Address::repeat_byte(4),
        router: Address::repeat_byte(5),
        vault: None,
        distributor: None,
        tasks: None,
        executions: None,
        disputes: None,
        gateway: None,
    };
    let story = ContractSet::Story {
        registry: STORY,
        metadata: None,
        template: None,
        licensing: Some(LICENSING),
        royalty: Some(ROYALTY),
        lap_policy: None,
        lrp_policy: None,
        dispute: Some(DISPUTES),
    };
    let agents = ContractSet::Erc8004 {
        identity: AGENTS,
        reputation: Some(REPUTATION),
        validation: None,
    };
    let eas = ContractSet::Eas {
        attestations: EAS,
        schema_registry: None,
    };
    let ocean = ContractSet::Ocean {
        factory: OCEAN,
        fixed_rate: None,
    };
    let vana = ContractSet::Vana {
        data_registry: VANA,
        pool: None,
    };
    WatchSet::new(vec![souk, story, agents, eas, ocean, vana]).expect("a set that can be watched")
}

pub fn log(address: Address, event: &impl SolEvent) -> RawLog {
    let data = event.encode_log_data();
    RawLog {
        address,
        topics: data.topics().to_vec(),
        data: data.data.clone(),
        transaction_hash: B256::ZERO,
        transaction_index: 0,
        log_index: 0,
    }
}

fn token(contract: Address, id: u64) -> TokenRef {
    TokenRef::new(contract, U256::from(id))
}

/// Asset 1 of our registry.
pub fn ours() -> TokenRef {
    token(REGISTRY, 1)
}

pub fn agent() -> TokenRef {
    token(AGENTS, 4)
}

pub fn id(standard: TokenStandard, token: TokenRef) -> AssetId {
    AssetId::Evm(EvmAssetId {
        chain: CHAIN,
        standard,
        token,
    })
}

pub fn registered(asset: u64) -> RawLog {
    log(
        REGISTRY,
        &AssetRegistry::AssetRegistered {
            assetId: U256::from(asset),
            owner: ALICE,
            kind: 1,
            name: "model".into(),
            contentHash: B256::ZERO,
            metadataUri: "ipfs://model".into(),
            contributorShareE8: 0,
        },
    )
}

pub fn ip(account: Address, contract: Address, id: u64, name: &str) -> RawLog {
    log(
        STORY,
        &IPRegistered {
            ipId: account,
            chainId: U256::from(CHAIN.0),
            tokenContract: contract,
            tokenId: U256::from(id),
            name: name.into(),
            uri: "ipfs://ip".into(),
            registrationDate: U256::ZERO,
        },
    )
}

pub fn derivative(child: Address, parents: &[Address]) -> RawLog {
    log(
        LICENSING,
        &DerivativeRegistered {
            caller: BOB,
            childIpId: child,
            licenseTokenIds: vec![],
            parentIpIds: parents.to_vec(),
            licenseTermsIds: vec![U256::ONE],
            licenseTemplate: ALICE,
        },
    )
}

pub fn attested(recipient: Address, uid: u8) -> RawLog {
    log(
        EAS,
        &Attested {
            recipient,
            attester: BOB,
            uid: B256::repeat_byte(uid),
            schemaUID: B256::repeat_byte(7),
        },
    )
}

pub fn attestation_revoked(recipient: Address, uid: u8) -> RawLog {
    log(
        EAS,
        &Revoked {
            recipient,
            attester: BOB,
            uid: B256::repeat_byte(uid),
            schemaUID: B256::repeat_byte(7),
        },
    )
}

pub fn agent_registered() -> RawLog {
    log(
        AGENTS,
        &Registered {
            agentId: agent().id,
            agentURI: "ipfs://agent".into(),
            owner: BOB,
        },
    )
}

/// The agent says on chain what it is built on; an empty text takes that back.
pub fn agent_says(key: &str, value: &str) -> RawLog {
    log(
        AGENTS,
        &MetadataSet {
            agentId: agent().id,
            indexedMetadataKey: keccak256(key),
            metadataKey: key.into(),
            metadataValue: Bytes::copy_from_slice(value.as_bytes()),
        },
    )
}

/// The agent goes from one account to another.
pub fn agent_transferred(from: Address, to: Address) -> RawLog {
    let moved = erc721::Transfer {
        from,
        to,
        tokenId: agent().id,
    };
    log(AGENTS, &moved)
}

/// What the registry of agents does with the tokens that they are.
mod erc721 {
    alloy::sol! {
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    }
}

pub fn feedback(index: u64) -> RawLog {
    log(
        REPUTATION,
        &NewFeedback {
            agentId: agent().id,
            clientAddress: ALICE,
            feedbackIndex: index,
            value: -125,
            valueDecimals: 1,
            indexedTag1: keccak256("starred"),
            tag1: "starred".into(),
            tag2: String::new(),
            endpoint: "mcp".into(),
            feedbackURI: String::new(),
            feedbackHash: B256::ZERO,
        },
    )
}

pub fn feedback_revoked(index: u64) -> RawLog {
    log(
        REPUTATION,
        &FeedbackRevoked {
            agentId: agent().id,
            clientAddress: ALICE,
            feedbackIndex: index,
        },
    )
}

pub fn data_nft() -> RawLog {
    log(
        OCEAN,
        &NFTCreated {
            newTokenAddress: DATA_NFT,
            templateAddress: ALICE,
            tokenName: "data".into(),
            admin: BOB,
            symbol: "D".into(),
            tokenURI: "ipfs://data".into(),
            transferable: true,
            creator: BOB,
        },
    )
}

/// Ocean's data NFTs keep values under keys of 32 bytes.
pub fn data_nft_says(key: &str, value: &str) -> RawLog {
    log(
        DATA_NFT,
        &DataChanged {
            key: keccak256(key),
            value: Bytes::copy_from_slice(value.as_bytes()),
        },
    )
}

pub fn datatoken() -> RawLog {
    log(
        OCEAN,
        &TokenCreated {
            newTokenAddress: DATATOKEN,
            templateAddress: ALICE,
            name: "access".into(),
            symbol: "A".into(),
            cap: U256::MAX,
            creator: DATA_NFT,
        },
    )
}

pub fn ordered() -> RawLog {
    log(
        DATATOKEN,
        &OrderStarted {
            consumer: ALICE,
            payer: ALICE,
            amount: U256::ONE,
            serviceIndex: U256::ZERO,
            timestamp: U256::ZERO,
            publishMarketAddress: BOB,
            blockNumber: U256::ZERO,
        },
    )
}

pub fn royalty(receiver: Address) -> RawLog {
    log(
        ROYALTY,
        &RoyaltyPaid {
            receiverIpId: receiver,
            payerIpId: REMIX_IP,
            sender: BOB,
            token: ALICE,
            amount: U256::from(100),
            amountAfterFee: U256::from(98),
        },
    )
}

pub fn vault_opened() -> RawLog {
    log(
        ROYALTY,
        &IpRoyaltyVaultDeployed {
            ipId: OUR_IP,
            ipRoyaltyVault: VAULT,
        },
    )
}

pub fn claimed() -> RawLog {
    log(
        VAULT,
        &RevenueTokenClaimed {
            claimer: ALICE,
            token: BOB,
            amount: U256::from(98),
        },
    )
}

pub fn dispute(number: u64) -> RawLog {
    log(
        DISPUTES,
        &DisputeRaised {
            disputeId: U256::from(number),
            targetIpId: OUR_IP,
            caller: BOB,
            disputeInitiator: BOB,
            disputeTimestamp: U256::ZERO,
            arbitrationPolicy: ALICE,
            disputeEvidenceHash: B256::ZERO,
            targetTag: B256::right_padding_from(b"PLAGIARISM"),
            data: Bytes::new(),
        },
    )
}

pub fn judged(number: u64) -> RawLog {
    log(
        DISPUTES,
        &DisputeJudgementSet {
            disputeId: U256::from(number),
            decision: true,
            data: Bytes::new(),
        },
    )
}

pub fn resolved(number: u64) -> RawLog {
    log(
        DISPUTES,
        &DisputeResolved {
            disputeId: U256::from(number),
            data: Bytes::new(),
        },
    )
}

pub fn file(number: u64) -> RawLog {
    log(
        VANA,
        &FileAdded {
            fileId: U256::from(number),
            ownerAddress: ALICE,
            url: "ipfs://file".into(),
        },
    )
}
