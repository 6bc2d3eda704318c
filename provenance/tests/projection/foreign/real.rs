//! EAS and Ocean as their protocols publish them, on a real node: what their contracts emit is what the adapters read.

use alloy::signers::Signer;
use alloy::sol;
use alloy::sol_types::{SolEvent, SolValue};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::AssetRegistry;
use souk_schema::{TokenRef, TokenStandard};

use super::super::support::Stand;
use super::node::{DEPLOYER, Node};
use super::words::id;
use super::{descendants, events_of, graph, texts};

const EAS: &str = "@ethereum-attestation-service/eas-contracts/artifacts/contracts";
const OCEAN: &str = "@oceanprotocol/contracts/artifacts/contracts";

sol! {
    struct AttestationRequestData {
        address recipient;
        uint64 expirationTime;
        bool revocable;
        bytes32 refUID;
        bytes data;
        uint256 value;
    }
    struct AttestationRequest {
        bytes32 schema;
        AttestationRequestData data;
    }
    struct RevocationRequestData {
        bytes32 uid;
        uint256 value;
    }
    struct RevocationRequest {
        bytes32 schema;
        RevocationRequestData data;
    }
    /// The function that registers a schema has the name of the one that registers an asset.
    function register(string schema, address resolver, bool revocable) returns (bytes32);
    function attest(AttestationRequest request) returns (bytes32);
    function revoke(RevocationRequest request);
    function timestamp(bytes32 data) returns (uint64);
    function revokeOffchain(bytes32 data) returns (uint64);
    event Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);

    struct ValidatorProof {
        address validatorAddress;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }
    struct ProviderFee {
        address providerFeeAddress;
        address providerFeeToken;
        uint256 providerFeeAmount;
        uint8 v;
        bytes32 r;
        bytes32 s;
        uint256 validUntil;
        bytes providerData;
    }
    struct ConsumeMarketFee {
        address consumeMarketFeeAddress;
        address consumeMarketFeeToken;
        uint256 consumeMarketFeeAmount;
    }
    function addFactory(address factory);
    function addFixedRateContract(address fixedRate);
    function deployERC721Contract(string name, string symbol, uint256 templateIndex, address additionalERC20Deployer, address additionalMetaDataUpdater, string tokenURI, bool transferable, address owner) returns (address);
    function createERC20(uint256 templateIndex, string[] strings, address[] addresses, uint256[] uints, bytes[] bytess) returns (address);
    function addTo725StoreList(address allowed);
    function setNewData(bytes32 key, bytes value);
    function setMetaData(uint8 state, string decryptorUrl, string decryptorAddress, bytes flags, bytes data, bytes32 hash, ValidatorProof[] proofs);
    function setMetaDataState(uint8 state);
    function mint(address account, uint256 value);
    function startOrder(address consumer, uint256 serviceIndex, ProviderFee providerFee, ConsumeMarketFee consumeMarketFee);
    function createFixedRate(address fixedPrice, address[] addresses, uint256[] uints);
    event NFTCreated(address newTokenAddress, address indexed templateAddress, string tokenName, address indexed admin, string symbol, string tokenURI, bool transferable, address indexed creator);
    event TokenCreated(address indexed newTokenAddress, address indexed templateAddress, string name, string symbol, uint256 cap, address creator);
}

/// One of our assets, in our own registry.
async fn our_asset(node: &Node) -> (ContractSet, TokenRef) {
    let deployment = souk_contracts::deploy(&node.provider, DEPLOYER, None)
        .await
        .expect("a deployment");
    let registry = deployment.addresses.asset_registry;
    let assets = AssetRegistry::new(registry, &node.provider);
    let uri = "ipfs://x".to_string();
    let sent = assets
        .register(DEPLOYER, 0, "data".into(), B256::repeat_byte(7), uri, 0)
        .send()
        .await;
    let receipt = sent.expect("a transaction").get_receipt().await.expect("a receipt");
    let event = receipt
        .decoded_log::<AssetRegistry::AssetRegistered>()
        .expect("the event");
    ((&deployment).into(), TokenRef::new(registry, event.assetId))
}

struct Market {
    set: ContractSet,
    factory: Address,
    fixed_rate: Address,
}

async fn ocean(node: &Node) -> Market {
    let artifact = |path: &str| format!("{OCEAN}/{path}");
    let money = node
        .deploy(
            &artifact("utils/mock/MockOcean.sol/MockOcean.json"),
            DEPLOYER.abi_encode(),
        )
        .await;
    let router = (DEPLOYER, money, DEPLOYER, DEPLOYER, Vec::<Address>::new()).abi_encode_params();
    let router = node
        .deploy(&artifact("pools/FactoryRouter.sol/FactoryRouter.json"), router)
        .await;
    let data_nft = node
        .deploy(&artifact("templates/ERC721Template.sol/ERC721Template.json"), vec![])
        .await;
    let datatoken = node
        .deploy(&artifact("templates/ERC20Template.sol/ERC20Template.json"), vec![])
        .await;
    let factory = (data_nft, datatoken, router).abi_encode_params();
    let factory = node
        .deploy(&artifact("ERC721Factory.sol/ERC721Factory.json"), factory)
        .await;
    node.call(router, &addFactoryCall { factory }).await;
    let exchange = artifact("pools/fixedRate/FixedRateExchange.sol/FixedRateExchange.json");
    let fixed_rate = node.deploy(&exchange, router.abi_encode()).await;
    node.call(router, &addFixedRateContractCall { fixedRate: fixed_rate })
        .await;
    Market {
        set: ContractSet::Ocean {
            factory,
            fixed_rate: Some(fixed_rate),
        },
        factory,
        fixed_rate,
    }
}

/// A data NFT that says on chain which asset its data is.
async fn data_nft(node: &Node, market: &Market, asset: &str) -> Address {
    let deploy = deployERC721ContractCall {
        name: "Faces".into(),
        symbol: "F".into(),
        templateIndex: U256::ONE,
        additionalERC20Deployer: Address::ZERO,
        additionalMetaDataUpdater: Address::ZERO,
        tokenURI: "ipfs://faces".into(),
        transferable: true,
        owner: DEPLOYER,
    };
    let created = node.call(market.factory, &deploy).await;
    let data_nft = created.decoded_log::<NFTCreated>().expect("the event").newTokenAddress;
    node.call(data_nft, &addTo725StoreListCall { allowed: DEPLOYER }).await;
    let key = keccak256("DERIVED_FROM");
    let value = Bytes::copy_from_slice(asset.as_bytes());
    node.call(data_nft, &setNewDataCall { key, value }).await;
    let described = setMetaDataCall {
        state: 0,
        decryptorUrl: "https://provider".into(),
        decryptorAddress: "0x".into(),
        flags: Bytes::from_static(&[2]),
        data: Bytes::from_static(b"encrypted"),
        hash: B256::repeat_byte(9),
        proofs: vec![],
    };
    node.call(data_nft, &described).await;
    node.call(data_nft, &setMetaDataStateCall { state: 5 }).await;
    data_nft
}

/// A datatoken that is listed and with which somebody buys access.
async fn datatoken(node: &Node, market: &Market, data_nft: Address) -> Address {
    let create = createERC20Call {
        templateIndex: U256::ONE,
        strings: vec!["Access".into(), "A".into()],
        addresses: vec![DEPLOYER, DEPLOYER, DEPLOYER, Address::ZERO],
        uints: vec![U256::from(10).pow(U256::from(21)), U256::ZERO],
        bytess: vec![],
    };
    let created = node.call(data_nft, &create).await;
    let event = created.decoded_log::<TokenCreated>().expect("the event");
    assert_eq!(event.creator, data_nft, "the creator of a datatoken is its data NFT");
    let datatoken = event.newTokenAddress;
    let one = U256::from(10).pow(U256::from(18));
    let listed = createFixedRateCall {
        fixedPrice: market.fixed_rate,
        addresses: vec![market.factory, DEPLOYER, DEPLOYER, Address::ZERO],
        uints: vec![U256::from(18), U256::from(18), one, U256::ZERO, U256::ONE],
    };
    node.call(datatoken, &listed).await;
    let account = DEPLOYER;
    node.call(datatoken, &mintCall { account, value: one }).await;
    let signed = (Bytes::new(), DEPLOYER, Address::ZERO, U256::ZERO, U256::ZERO).abi_encode_packed();
    let signature = node
        .signer
        .sign_message(keccak256(signed).as_slice())
        .await
        .expect("signs");
    let order = startOrderCall {
        consumer: DEPLOYER,
        serviceIndex: U256::ONE,
        providerFee: ProviderFee {
            providerFeeAddress: DEPLOYER,
            providerFeeToken: Address::ZERO,
            providerFeeAmount: U256::ZERO,
            v: 27 + u8::from(signature.v()),
            r: signature.r().into(),
            s: signature.s().into(),
            validUntil: U256::ZERO,
            providerData: Bytes::new(),
        },
        consumeMarketFee: ConsumeMarketFee {
            consumeMarketFeeAddress: Address::ZERO,
            consumeMarketFeeToken: Address::ZERO,
            consumeMarketFeeAmount: U256::ZERO,
        },
    };
    node.call(datatoken, &order).await;
    datatoken
}

/// Attests two things of a recipient and takes the first back.
async fn attestations(node: &Node, recipient: Address) -> ContractSet {
    let registry = node
        .deploy(&format!("{EAS}/SchemaRegistry.sol/SchemaRegistry.json"), vec![])
        .await;
    let attestations = node
        .deploy(&format!("{EAS}/EAS.sol/EAS.json"), registry.abi_encode())
        .await;
    let schema = "bool safe,string report";
    let register = registerCall {
        schema: schema.into(),
        resolver: Address::ZERO,
        revocable: true,
    };
    node.call(registry, &register).await;
    let schema = keccak256((schema.to_string(), Address::ZERO, true).abi_encode_packed());
    let mut uids = Vec::new();
    for expires in [0, u64::MAX] {
        let data = AttestationRequestData {
            recipient,
            expirationTime: expires,
            revocable: true,
            refUID: B256::ZERO,
            data: (true, "clean".to_string()).abi_encode_params().into(),
            value: U256::ZERO,
        };
        let request = AttestationRequest { schema, data };
        let made = node.call(attestations, &attestCall { request }).await;
        let event = made.logs().iter().find_map(|log| Attested::decode_log(&log.inner).ok());
        uids.push(event.expect("the event").uid);
    }
    let data = RevocationRequestData {
        uid: uids[0],
        value: U256::ZERO,
    };
    let request = RevocationRequest { schema, data };
    node.call(attestations, &revokeCall { request }).await;
    node.call(
        attestations,
        &timestampCall {
            data: B256::repeat_byte(5),
        },
    )
    .await;
    node.call(
        attestations,
        &revokeOffchainCall {
            data: B256::repeat_byte(6),
        },
    )
    .await;
    ContractSet::Eas {
        attestations,
        schema_registry: Some(registry),
    }
}

#[tokio::test]
async fn what_eas_and_ocean_emit_is_what_the_adapters_read() {
    let node = Node::start().await;
    let (souk, asset) = our_asset(&node).await;
    let market = ocean(&node).await;
    let ours = id(TokenStandard::Erc721, asset);
    let data_nft = data_nft(&node, &market, &ours.to_string()).await;
    let datatoken = datatoken(&node, &market, data_nft).await;
    let eas = attestations(&node, data_nft).await;
    let watch_set = WatchSet::new(vec![souk, market.set, eas]).expect("a set that can be watched");

    let stand = Stand::new().await;
    stand.append(&node.records(&watch_set).await).await;
    stand.project(6).await.expect("projects");
    assert_eq!(texts(&stand, "select reason from souk.quarantine").await, [""; 0]);

    let (graph, _following) = graph(&stand).await;
    let data = id(TokenStandard::Erc721, TokenRef::new(data_nft, U256::ONE));
    let access = id(TokenStandard::Erc20, TokenRef::new(datatoken, U256::ZERO));
    let expected = [
        format!("{access} DERIVED_FROM {data}"),
        format!("{data} DERIVED_FROM {ours}"),
    ];
    let found: Vec<String> = descendants(&graph, &ours, u64::MAX - 1).into_iter().collect();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(found, expected);

    let of_data = events_of(&stand, TokenRef::new(data_nft, U256::ONE)).await;
    let expected = [
        "foreign_asset_registered",
        "token_transferred",
        "foreign_metadata_set",
        "foreign_asset_described",
        "ocean_state_changed",
        "ocean_state_changed",
        "attested",
        "attested",
        "attestation_revoked",
    ];
    let mut sorted = of_data.clone();
    sorted.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(sorted, expected, "{of_data:?}");
    let of_access = events_of(&stand, TokenRef::new(datatoken, U256::ZERO)).await;
    for name in [
        "foreign_asset_registered",
        "foreign_derived",
        "datatoken_listed",
        "datatoken_ordered",
    ] {
        assert!(of_access.contains(&name.to_string()), "{name}: {of_access:?}");
    }
    let definition = "select body ->> 'definition' from souk.event where name = 'attestation_schema_registered'";
    assert_eq!(texts(&stand, definition).await, ["bool safe,string report"]);
    let query = "select name from souk.event where name like 'hash_%' order by name";
    assert_eq!(texts(&stand, query).await, ["hash_revoked", "hash_timestamped"]);
    let query =
        "select case when valid_to is null then 'open' else 'revoked' end from souk.attestation order by valid_from";
    assert_eq!(texts(&stand, query).await, ["revoked", "open"]);
}
