//! Logs of every variant, made from the declarations as the protocols publish them, by an encoder that shares nothing with the adapters.

use alloy_primitives::{B256, U256, keccak256};
use souk_schema::record::RawLog;

use super::{CHILDREN, decoder, meaning, raw};

/// Contract, how the topic0 begins where the protocol's documents give it, and the declaration.
pub const DECLARATIONS: &[(u8, &str, &str)] = &[
    (
        0x10,
        "02ad3a2e",
        "IPRegistered(address ipId, uint256 indexed chainId, address indexed tokenContract, uint256 indexed tokenId, string name, string uri, uint256 registrationDate)",
    ),
    (
        0x11,
        "3b2d7075",
        "MetadataURISet(address indexed ipId, string metadataURI, bytes32 metadataHash)",
    ),
    (
        0x12,
        "c0cd215d",
        "LicenseTermsRegistered(uint256 indexed licenseTermsId, address indexed licenseTemplate, bytes licenseTerms)",
    ),
    (
        0x13,
        "b8d0577f",
        "LicenseTermsAttached(address indexed caller, address indexed ipId, address licenseTemplate, uint256 licenseTermsId)",
    ),
    (
        0x13,
        "",
        "LicenseTermsAttached(address indexed caller, address indexed ipId, address licenseTemplate, uint32 licenseTermsId)",
    ),
    (
        0x13,
        "0d96f072",
        "LicenseTokensMinted(address indexed caller, address indexed licensorIpId, address licenseTemplate, uint256 indexed licenseTermsId, uint256 amount, address receiver, uint256 startLicenseTokenId)",
    ),
    (
        0x13,
        "61fd21a7",
        "DerivativeRegistered(address indexed caller, address indexed childIpId, uint256[] licenseTokenIds, address[] parentIpIds, uint256[] licenseTermsIds, address licenseTemplate)",
    ),
    (
        0x13,
        "",
        "DerivativeRegistered(address indexed caller, address indexed childIpId, uint256[] licenseTokenIds, address[] parentIpIds, uint32[] licenseTermsIds, address licenseTemplate)",
    ),
    (
        0x14,
        "e48d15d9",
        "LinkedToParents(address ipId, address[] parentIpIds, address[] licenseRoyaltyPolicies, uint32[] licensesPercent, bytes externalData)",
    ),
    (
        0x14,
        "a3acc6b7",
        "RoyaltyPaid(address receiverIpId, address payerIpId, address sender, address token, uint256 amount, uint256 amountAfterFee)",
    ),
    (
        0x14,
        "",
        "RoyaltyPaid(address receiverIpId, address payerIpId, address sender, address token, uint256 amount)",
    ),
    (
        0x14,
        "deeeddde",
        "LicenseMintingFeePaid(address receiverIpId, address payerAddress, address token, uint256 amount, uint256 amountAfterFee)",
    ),
    (
        0x14,
        "",
        "LicenseMintingFeePaid(address receiverIpId, address payerAddress, address token, uint256 amount)",
    ),
    (
        0x14,
        "9b121abe",
        "IpRoyaltyVaultDeployed(address ipId, address ipRoyaltyVault)",
    ),
    (
        0x15,
        "14982e27",
        "RevenueTransferredToVault(address ipId, address ancestorIpId, address token, uint256 amount)",
    ),
    (
        0x16,
        "14982e27",
        "RevenueTransferredToVault(address ipId, address ancestorIpId, address token, uint256 amount)",
    ),
    (
        0x17,
        "4e5e36f1",
        "DisputeRaised(uint256 disputeId, address targetIpId, address caller, address disputeInitiator, uint256 disputeTimestamp, address arbitrationPolicy, bytes32 disputeEvidenceHash, bytes32 targetTag, bytes data)",
    ),
    (
        0x17,
        "0d33aef6",
        "DisputeRaised(uint256 disputeId, address targetIpId, address disputeInitiator, uint256 disputeTimestamp, address arbitrationPolicy, bytes32 disputeEvidenceHash, bytes32 targetTag, bytes data)",
    ),
    (
        0x17,
        "",
        "DisputeRaised(uint256 disputeId, address targetIpId, address disputeInitiator, address arbitrationPolicy, bytes32 linkToDisputeEvidence, bytes32 targetTag, bytes data)",
    ),
    (
        0x17,
        "fa3dcf1b",
        "DisputeJudgementSet(uint256 disputeId, bool decision, bytes data)",
    ),
    (0x17, "febcb141", "DisputeCancelled(uint256 disputeId, bytes data)"),
    (0x17, "e552ae9f", "DisputeResolved(uint256 disputeId, bytes data)"),
    (0x17, "", "DisputeResolved(uint256 disputeId)"),
    (
        0x17,
        "f0b760f1",
        "IpTaggedOnRelatedIpInfringement(uint256 disputeId, address infringingIpId, address ipIdToTag, uint256 infringerDisputeId, bytes32 tag, uint256 disputeTimestamp)",
    ),
    (
        0x18,
        "5f0fa5ab",
        "RevenueTokenClaimed(address claimer, address token, uint256 amount)",
    ),
    (
        0x18,
        "5ae8feaa",
        "RevenueTokenAddedToVault(address token, uint256 amount)",
    ),
    (
        0x20,
        "ca52e62c",
        "Registered(uint256 indexed agentId, string agentURI, address indexed owner)",
    ),
    (
        0x20,
        "",
        "MetadataSet(uint256 indexed agentId, string indexed indexedMetadataKey, string metadataKey, bytes metadataValue)",
    ),
    (
        0x20,
        "",
        "URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy)",
    ),
    (
        0x21,
        "6a4a6174",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, int128 value, uint8 valueDecimals, string indexed indexedTag1, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash)",
    ),
    (
        0x21,
        "",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, int128 value, uint8 valueDecimals, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash)",
    ),
    (
        0x21,
        "",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, uint8 score, string indexed indexedTag1, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash)",
    ),
    (
        0x21,
        "",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, uint8 score, string indexed tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash)",
    ),
    (
        0x21,
        "",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, string indexed tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash)",
    ),
    (
        0x21,
        "",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, string indexed indexedTag1, string tag1, string tag2, string feedbackUri, bytes32 feedbackHash)",
    ),
    (
        0x21,
        "",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, uint8 score, bytes32 indexed indexedTag1, bytes32 tag1, bytes32 tag2, string fileuri, bytes32 filehash)",
    ),
    (
        0x21,
        "54b3254e",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, bytes32 indexed tag1, bytes32 tag2, string fileuri, bytes32 filehash)",
    ),
    (
        0x21,
        "54b3254e",
        "NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint8 score, bytes32 tag1, bytes32 tag2, string fileuri, bytes32 filehash)",
    ),
    (
        0x21,
        "",
        "FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex)",
    ),
    (
        0x21,
        "",
        "FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex)",
    ),
    (
        0x21,
        "",
        "ResponseAppended(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, address indexed responder, string responseURI, bytes32 responseHash)",
    ),
    (
        0x21,
        "",
        "ResponseAppended(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, address indexed responder, string responseURI)",
    ),
    (
        0x22,
        "",
        "ValidationRequest(address indexed validatorAddress, uint256 indexed agentId, string requestURI, bytes32 indexed requestHash)",
    ),
    (
        0x22,
        "",
        "ValidationResponse(address indexed validatorAddress, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string responseURI, bytes32 responseHash, string tag)",
    ),
    (
        0x22,
        "",
        "ValidationResponse(address indexed validatorAddress, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string responseUri, bytes32 responseHash, bytes32 tag)",
    ),
    (
        0x22,
        "",
        "ValidationResponse(address indexed validatorAddress, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string responseUri, bytes32 tag)",
    ),
    (
        0x30,
        "8bf46bf4",
        "Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID)",
    ),
    (
        0x30,
        "f930a6e2",
        "Revoked(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID)",
    ),
    (
        0x30,
        "5aafceeb",
        "Timestamped(bytes32 indexed data, uint64 indexed timestamp)",
    ),
    (
        0x30,
        "92a1f7a4",
        "RevokedOffchain(address indexed revoker, bytes32 indexed data, uint64 indexed timestamp)",
    ),
    (
        0x31,
        "d0b86852",
        "Registered(bytes32 indexed uid, address indexed registerer, (bytes32;address;bool;string) schema)",
    ),
    (0x31, "", "Registered(bytes32 indexed uid, address indexed registerer)"),
    (0x31, "", "Registered(bytes32 indexed uid, address registerer)"),
    (
        0x40,
        "8125264e",
        "NFTCreated(address newTokenAddress, address indexed templateAddress, string tokenName, address indexed admin, string symbol, string tokenURI, bool transferable, address indexed creator)",
    ),
    (
        0x40,
        "567699db",
        "TokenCreated(address indexed newTokenAddress, address indexed templateAddress, string name, string symbol, uint256 cap, address creator)",
    ),
    (
        0x42,
        "5463569d",
        "MetadataCreated(address indexed createdBy, uint8 state, string decryptorUrl, bytes flags, bytes data, bytes32 metaDataHash, uint256 timestamp, uint256 blockNumber)",
    ),
    (
        0x42,
        "e5c4cf86",
        "MetadataUpdated(address indexed updatedBy, uint8 state, string decryptorUrl, bytes flags, bytes data, bytes32 metaDataHash, uint256 timestamp, uint256 blockNumber)",
    ),
    (
        0x42,
        "a8336411",
        "MetadataState(address indexed updatedBy, uint8 state, uint256 timestamp, uint256 blockNumber)",
    ),
    (
        0x42,
        "6de6cd39",
        "TokenURIUpdate(address indexed updatedBy, string tokenURI, uint256 tokenID, uint256 timestamp, uint256 blockNumber)",
    ),
    (0x42, "ece57460", "DataChanged(bytes32 indexed key, bytes value)"),
    (
        0x43,
        "e1c4fa79",
        "OrderStarted(address indexed consumer, address payer, uint256 amount, uint256 serviceIndex, uint256 timestamp, address indexed publishMarketAddress, uint256 blockNumber)",
    ),
    (
        0x41,
        "eb7a3536",
        "ExchangeCreated(bytes32 indexed exchangeId, address indexed baseToken, address indexed datatoken, address exchangeOwner, uint256 fixedRate)",
    ),
    (
        0x41,
        "7b072645",
        "Swapped(bytes32 indexed exchangeId, address indexed by, uint256 baseTokenSwappedAmount, uint256 datatokenSwappedAmount, address tokenOutAddress, uint256 marketFeeAmount, uint256 oceanFeeAmount, uint256 consumeMarketFeeAmount)",
    ),
    (
        0x50,
        "",
        "FileAdded(uint256 indexed fileId, address indexed ownerAddress, string url)",
    ),
    (
        0x50,
        "",
        "FileAddedV2(uint256 indexed fileId, address indexed ownerAddress, string url, uint256 schemaId)",
    ),
    (
        0x50,
        "",
        "ProofAdded(uint256 indexed fileId, address indexed ownerAddress, uint256 proofIndex, uint256 indexed dlpId, uint256 score, string proofUrl)",
    ),
    (
        0x50,
        "",
        "ProofAdded(uint256 indexed fileId, address indexed ownerAddress, uint256 proofIndex, string proofUrl)",
    ),
    (
        0x50,
        "",
        "ProofAdded(uint256 indexed fileId, uint256 indexed proofIndex)",
    ),
    (
        0x50,
        "",
        "RefinementAdded(uint256 indexed fileId, uint256 indexed refinerId, string url)",
    ),
    (
        0x50,
        "",
        "RefinementUpdated(uint256 indexed fileId, uint256 indexed refinerId, string url)",
    ),
    (
        0x50,
        "",
        "PermissionGranted(uint256 indexed fileId, address indexed account)",
    ),
    (
        0x51,
        "",
        "RewardRequested(address indexed contributorAddress, uint256 indexed fileId, uint256 indexed proofIndex, uint256 rewardAmount)",
    ),
    (
        0x60,
        "",
        "Claimed(address indexed account, address indexed reward, uint256 amount)",
    ),
    (
        0x60,
        "",
        "RootSet(bytes32 indexed newRoot, bytes32 indexed newIpfsHash)",
    ),
    (
        0x60,
        "",
        "PendingRootSet(address indexed caller, bytes32 indexed newRoot, bytes32 indexed newIpfsHash)",
    ),
    (
        0x60,
        "",
        "PendingRootSet(bytes32 indexed newRoot, bytes32 indexed newIpfsHash)",
    ),
    (0x60, "", "PendingRootRevoked(address indexed caller)"),
    (
        0x60,
        "",
        "RootProposed(bytes32 indexed newRoot, bytes32 indexed newIpfsHash)",
    ),
    (0x60, "", "RootRevoked()"),
    (
        0x61,
        "",
        "Claimed(address indexed user, address indexed token, uint256 amount)",
    ),
    (
        0x61,
        "",
        "TreeUpdated(bytes32 merkleRoot, bytes32 ipfsHash, uint48 endOfDisputePeriod)",
    ),
    (0x61, "", "Revoked()"),
    (0x61, "", "Disputed(string reason)"),
    (0x61, "", "DisputeResolved(bool valid)"),
];

fn word(number: usize) -> Vec<u8> {
    U256::from(number).to_be_bytes_vec()
}

/// The value of the parameter at a place, and whether it stands behind the heads. Amounts fall, so that what is left is less than what
/// was there.
fn value(kind: &str, place: usize) -> (Vec<u8>, bool) {
    let byte = place as u8 + 1;
    if let Some(element) = kind.strip_suffix("[]") {
        let elements: Vec<u8> = (0..2).flat_map(|n| value(element, place + n).0).collect();
        return ([word(2), elements].concat(), true);
    }
    if let Some(fields) = kind.strip_prefix('(').and_then(|kind| kind.strip_suffix(')')) {
        return (tuple(&fields.split(';').collect::<Vec<_>>()), true);
    }
    match kind {
        "string" | "bytes" => {
            let text = format!("{kind} {place}").into_bytes();
            let padding = vec![0; text.len().next_multiple_of(32) - text.len()];
            ([word(text.len()), text, padding].concat(), true)
        }
        "address" => ([vec![0; 12], vec![byte; 20]].concat(), false),
        "bytes32" => (vec![byte; 32], false),
        "bool" => (word(1), false),
        _ => (word(100 - place), false),
    }
}

fn tuple(kinds: &[&str]) -> Vec<u8> {
    let values: Vec<_> = kinds
        .iter()
        .enumerate()
        .map(|(place, kind)| value(kind, place))
        .collect();
    let (mut heads, mut tails) = (Vec::new(), Vec::new());
    for (value, is_behind) in values {
        if is_behind {
            heads.extend(word(32 * kinds.len() + tails.len()));
            tails.extend(value);
        } else {
            heads.extend(value);
        }
    }
    [heads, tails].concat()
}

/// A log as the declaration's contract would emit it.
pub fn log(contract: u8, declaration: &str) -> RawLog {
    let (name, parameters) = declaration.split_once('(').expect("parameters");
    let parameters: Vec<Vec<&str>> = parameters
        .strip_suffix(')')
        .expect("an end")
        .split(", ")
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split(' ').collect())
        .collect();
    let kinds = parameters.iter().map(|parameter| parameter[0].replace(';', ","));
    let signature = format!("{name}({})", kinds.collect::<Vec<_>>().join(","));
    let (mut topics, mut heads, mut tails) = (vec![keccak256(&signature)], Vec::new(), Vec::new());
    let in_data = parameters.iter().filter(|parameter| parameter[1] != "indexed").count();
    for (place, parameter) in parameters.iter().enumerate() {
        let (value, is_behind) = value(parameter[0], place);
        match (parameter[1], is_behind) {
            ("indexed", true) => topics.push(keccak256(format!("{} {place}", parameter[0]))),
            ("indexed", false) => topics.push(B256::from_slice(&value)),
            (_, true) => {
                heads.extend(word(32 * in_data + tails.len()));
                tails.extend(value);
            }
            (_, false) => heads.extend(value),
        }
    }
    raw(contract, topics, [heads, tails].concat())
}

/// `UPDATE_EXPECT=1` writes the file: a change to it is a change of what a third party's log means.
#[test]
fn every_known_variant_means_what_the_golden_file_says() {
    let mut text = String::new();
    for (contract, prefix, declaration) in DECLARATIONS {
        let log = log(*contract, declaration);
        assert!(
            alloy_primitives::hex::encode(log.topics[0]).starts_with(prefix),
            "{declaration}"
        );
        text += &format!("{declaration}\n{}\n\n", meaning(&log));
    }
    assert!(!text.contains("undecodable"), "{text}");
    expect_test::expect_file!["../../../golden/foreign.txt"].assert_eq(&text);
}

/// An adapter that is not tried here would be one that nothing tries.
#[test]
fn there_is_no_variant_without_a_declaration() {
    let declared: Vec<B256> = DECLARATIONS
        .iter()
        .map(|(at, _, text)| log(*at, text).topics[0])
        .collect();
    let moves = crate::token::topics(souk_schema::TokenStandard::Erc20);
    let decoder = decoder();
    assert_eq!(CHILDREN.len(), 3);
    for topic0 in decoder.watched_topics().iter().filter(|topic0| !moves.contains(topic0)) {
        assert!(declared.contains(topic0), "{topic0}");
    }
}
