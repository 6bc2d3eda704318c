//! The contracts' interface to the world: their events to the letter, and every way to change their state.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use serde_json::Value;
use souk_contracts::Addresses;

use crate::world::artifact;

/// The events that indexers rely on; a change here is a new protocol.
const EVENTS: &[(&str, &str)] = &[
    (
        "AssetRegistry",
        "AssetRegistered(uint256 indexed assetId, address indexed owner, uint8 indexed kind, string name, bytes32 contentHash, string metadataUri, uint32 contributorShareE8)",
    ),
    (
        "AssetRegistry",
        "AssetVersioned(uint256 indexed assetId, uint32 indexed version, bytes32 contentHash, string metadataUri)",
    ),
    (
        "AssetRegistry",
        "DerivationDeclared(uint256 indexed childId, uint256 indexed parentId, uint8 relation, uint256 licenseId)",
    ),
    (
        "AssetRegistry",
        "ForeignParentDeclared(uint256 indexed childId, string caip19, uint8 relation)",
    ),
    (
        "LicenseRegistry",
        "LicenseTermsRegistered(uint256 indexed termsId, (bool commercialUse, bool derivativesAllowed, bool reciprocal, bool transferable, uint8 royaltyPolicy, uint32 revenueShareE8, uint256 mintingFee, address currency, uint64 durationSecs, uint64 supplyCap, string uri, string spdxId) terms)",
    ),
    (
        "LicenseRegistry",
        "LicenseTermsAttached(uint256 indexed assetId, uint256 indexed termsId)",
    ),
    (
        "LicenseRegistry",
        "LicenseMinted(uint256 indexed licenseId, uint256 indexed assetId, uint256 indexed termsId, address minter, address receiver, uint256 amount, uint64 expiresAt, uint256 feePaid)",
    ),
    (
        "LicenseRegistry",
        "LicenseRevoked(uint256 indexed licenseId, address indexed revokedBy, string reason)",
    ),
    (
        "AssetShares",
        "SharesIssued(uint256 indexed assetId, address indexed issuer, uint256 supply)",
    ),
    (
        "ContributionBook",
        "ContributionRecorded(uint256 indexed contributionId, uint256 indexed assetId, address indexed contributor, uint8 role, uint256 weight, bytes32 evidenceHash, address recordedBy)",
    ),
    (
        "ContributionBook",
        "ContributionVoided(uint256 indexed contributionId, uint256 indexed assetId, address voidedBy, string reason)",
    ),
    (
        "RevenueRouter",
        "RevenueReceived(uint256 indexed revenueId, uint256 indexed assetId, address indexed payer, address token, uint256 amount, uint8 reason, bytes32 ref)",
    ),
    (
        "ExchangeVault",
        "CosignerChanged(address indexed previous, address indexed current)",
    ),
    (
        "ExchangeVault",
        "Deposited(uint64 indexed depositId, address indexed account, address indexed token, uint256 id, uint128 amount, uint32 group)",
    ),
    ("ExchangeVault", "EscapeEntered(address indexed by)"),
    (
        "ExchangeVault",
        "Escaped(address indexed account, address indexed token, uint256 id, uint128 amount)",
    ),
    (
        "ExchangeVault",
        "ExitCancelled(uint64 indexed exitId, address indexed account)",
    ),
    (
        "ExchangeVault",
        "ExitExecuted(uint64 indexed exitId, address indexed account, address indexed token, uint256 id, uint128 paid, uint32 group)",
    ),
    (
        "ExchangeVault",
        "ExitRequested(uint64 indexed exitId, address indexed account, address indexed token, uint256 id, uint128 amount, uint32 group, uint64 executableAt)",
    ),
    (
        "ExchangeVault",
        "FeeAccountChanged(address indexed previous, address indexed current)",
    ),
    (
        "ExchangeVault",
        "FillSettled(uint32 indexed group, uint64 indexed number, bytes32 indexed market, (address buyer, address seller, uint64 buyNonce, uint64 sellNonce, uint128 baseAmount, uint128 quoteAmount, uint128 buyerFee, uint128 sellerFee, uint128 royalty) fill)",
    ),
    (
        "ExchangeVault",
        "FillSkipped(uint32 indexed group, uint64 indexed number, uint8 reason, uint8 side)",
    ),
    ("ExchangeVault", "Heartbeat(address indexed operator)"),
    (
        "ExchangeVault",
        "KeyRegistered(address indexed account, address indexed key)",
    ),
    (
        "ExchangeVault",
        "KeyRevocationRequested(address indexed account, address indexed key, uint64 effectiveAt)",
    ),
    (
        "ExchangeVault",
        "MarketListed(bytes32 indexed market, address indexed base, uint256 indexed baseId, address quote, uint128 lotSize, uint128 tickSize, uint256 assetId)",
    ),
    (
        "ExchangeVault",
        "NonceInvalidated(address indexed account, uint64 indexed nonce, uint64 effectiveAt)",
    ),
    (
        "ExchangeVault",
        "NoncesBelowInvalidated(address indexed account, uint64 indexed nonce, uint64 effectiveAt)",
    ),
    (
        "ExchangeVault",
        "OperatorChanged(address indexed previous, address indexed current)",
    ),
    (
        "ExchangeVault",
        "RoyaltyFlushed(bytes32 indexed market, uint256 indexed assetId, address indexed quote, uint128 amount, uint256 revenueId)",
    ),
    ("ExchangeVault", "TokenListed(address indexed token, uint8 kind)"),
    (
        "ExchangeVault",
        "Withdrawn(address indexed account, uint64 indexed nonce, address indexed token, uint256 id, uint128 amount, address receiver, uint32 group)",
    ),
    (
        "PayoutDistributor",
        "RootProposed(uint64 indexed epoch, bytes32 indexed root, uint64 blockNumber, bytes32 blockHash, uint64 finalisableAt, address proposer)",
    ),
    (
        "PayoutDistributor",
        "RootDisputed(uint64 indexed epoch, bytes32 indexed root, address indexed disputer, uint256 bond, string reason)",
    ),
    (
        "PayoutDistributor",
        "RootDisputeResolved(uint64 indexed epoch, bytes32 indexed root, bool upheld, address bondTo, uint256 bond)",
    ),
    (
        "PayoutDistributor",
        "RootWithdrawn(uint64 indexed epoch, bytes32 indexed root)",
    ),
    (
        "PayoutDistributor",
        "RootFinalised(uint64 indexed epoch, bytes32 indexed root)",
    ),
    (
        "PayoutDistributor",
        "Claimed(address indexed account, address indexed token, uint256 amount, uint256 cumulative)",
    ),
    (
        "PayoutDistributor",
        "ProtocolFeeChanged(uint32 previousE8, uint32 currentE8, address feeAccount)",
    ),
    (
        "PayoutDistributor",
        "ProposerChanged(address indexed previous, address indexed current)",
    ),
    (
        "TaskBoard",
        "TaskPosted(uint256 indexed taskId, uint256 indexed assetId, address indexed poster, uint8 mode, uint8 role, address rewardToken, uint256 reward, address secondToken, uint256 secondReward, uint32 places, uint8 quorum, uint64 deadline, uint256 weight, address[] reviewers, bytes32 specHash, string specUri)",
    ),
    (
        "TaskBoard",
        "SubmissionMade(uint256 indexed submissionId, uint256 indexed taskId, address indexed worker, bytes32 contentHash, string contentUri)",
    ),
    (
        "TaskBoard",
        "SubmissionReviewed(uint256 indexed submissionId, uint256 indexed taskId, address indexed reviewer, bool accepted, bytes32 noteHash)",
    ),
    (
        "TaskBoard",
        "RewardPaid(uint256 indexed submissionId, uint256 indexed taskId, address indexed worker, address token, uint256 amount, uint256 contributionId)",
    ),
    (
        "TaskBoard",
        "SubmissionRejected(uint256 indexed submissionId, uint256 indexed taskId, address indexed worker)",
    ),
    (
        "TaskBoard",
        "TaskClosed(uint256 indexed taskId, uint32 accepted, uint256 refund, uint256 secondRefund)",
    ),
    (
        "ExecutionLog",
        "ExecutionRequested(uint256 indexed executionId, uint256 indexed assetId, address indexed requester, uint256 callerAssetId, uint256 parentExecutionId, uint8 kind, uint256 licenseId, address provider, address feeToken, uint256 fee, uint8 privacy, uint64 epsilonMicros, uint256[] datasetIds, bytes32 inputHash, uint64 deadline)",
    ),
    (
        "ExecutionLog",
        "ExecutionCompleted(uint256 indexed executionId, uint256 indexed assetId, address indexed provider, uint256 outputAssetId, bytes32 outputHash, uint64 meteredUnits, uint256 revenueId, uint256 contributionId)",
    ),
    (
        "ExecutionLog",
        "ExecutionCancelled(uint256 indexed executionId, uint256 refund)",
    ),
    (
        "ExecutionLog",
        "RoundOpened(uint256 indexed roundId, uint256 indexed assetId, address indexed coordinator, uint32 number, uint8 privacy, uint64 epsilonMicros, bytes32 baseHash, uint64 deadline)",
    ),
    (
        "ExecutionLog",
        "UpdateSubmitted(uint256 indexed roundId, address indexed participant, uint256 indexed datasetId, bytes32 updateHash, uint256 weight)",
    ),
    (
        "ExecutionLog",
        "RoundAggregated(uint256 indexed roundId, uint256 indexed outputAssetId, bytes32 resultHash, uint256 firstContributionId, uint256 participants)",
    ),
    (
        "ExecutionLog",
        "ExecutionChallenged(uint256 indexed challengeId, uint256 indexed executionId, address indexed challenger, uint256 bond, bytes32 evidenceHash, string evidenceUri)",
    ),
    (
        "ExecutionLog",
        "ChallengeResolved(uint256 indexed challengeId, uint256 indexed executionId, bool upheld, address bondTo, uint256 bond, uint256 voidedContributionId)",
    ),
    (
        "DisputeCourt",
        "DisputeRaised(uint256 indexed disputeId, uint256 indexed assetId, address indexed challenger, uint8 tag, uint256 bond, bytes32 evidenceHash, string evidenceUri)",
    ),
    (
        "DisputeCourt",
        "DisputeJudged(uint256 indexed disputeId, uint256 indexed assetId, address indexed judge, bool upheld, uint64 resolvableAt, bytes32 rulingHash)",
    ),
    (
        "DisputeCourt",
        "DisputeResolved(uint256 indexed disputeId, uint256 indexed assetId, uint8 outcome, address bondTo, uint256 bond)",
    ),
    (
        "Gateway",
        "AssetAnnounced(bytes32 indexed announcementId, uint256 indexed assetId, uint64 indexed targetChain, bytes32 contentHash)",
    ),
    (
        "Gateway",
        "AssetMirrored(bytes32 indexed announcementId, uint256 indexed mirrorId, uint64 indexed originChain, address originGateway, address originRegistry, uint256 originAssetId, bytes32 contentHash, address relayer)",
    ),
    ("Gateway", "RelayerChanged(address indexed relayer, bool allowed)"),
    (
        "DisputeCourt",
        "JudgeChanged(address indexed previous, address indexed current)",
    ),
];

/// Every function that can change state. The invariants hold because there is no other: nothing mints or burns shares
/// after the issue, moves a contribution, touches registered terms, or moves a balance in the vault but by settlement, to its
/// account, or where its account signed; and nothing leaves the distributor, the board, the log or the court but by these.
const MUTATORS: &[(&str, &[&str])] = &[
    (
        "AssetRegistry",
        &[
            "addVersion",
            "approve",
            "declareForeignParent",
            "declareParents",
            "multicall",
            "register",
            "registerBatch",
            "safeTransferFrom",
            "setApprovalForAll",
            "transferFrom",
        ],
    ),
    (
        "LicenseRegistry",
        &[
            "admitDerivation",
            "attachTerms",
            "mint",
            "multicall",
            "registerTerms",
            "revoke",
            "safeBatchTransferFrom",
            "safeTransferFrom",
            "setApprovalForAll",
        ],
    ),
    (
        "AssetShares",
        &[
            "issue",
            "multicall",
            "safeBatchTransferFrom",
            "safeTransferFrom",
            "setApprovalForAll",
        ],
    ),
    (
        "ContributionBook",
        &["authoriseRecorder", "multicall", "record", "recordBatch", "void"],
    ),
    (
        "RevenueRouter",
        &[
            "acceptOwnership",
            "collectFee",
            "multicall",
            "pay",
            "payBatch",
            "renounceOwnership",
            "setDistributor",
            "transferOwnership",
        ],
    ),
    (
        "ExchangeVault",
        &[
            "acceptOwnership",
            "cancelExit",
            "deposit",
            "enterEscape",
            "escape",
            "executeExit",
            "flushRoyalty",
            "heartbeat",
            "invalidateNonce",
            "invalidateNoncesBelow",
            "listMarket",
            "listToken",
            "registerKey",
            "renounceOwnership",
            "requestExit",
            "revokeKey",
            "setCosigner",
            "setFeeAccount",
            "setOperator",
            "settle",
            "transferOwnership",
            "withdraw",
        ],
    ),
    (
        "PayoutDistributor",
        &[
            "acceptOwnership",
            "claim",
            "claimBatch",
            "disputeRoot",
            "finaliseRoot",
            "lapseDispute",
            "proposeRoot",
            "renounceOwnership",
            "resolveDispute",
            "setProposer",
            "setProtocolFee",
            "transferOwnership",
            "withdrawRoot",
        ],
    ),
    (
        "TaskBoard",
        &["close", "multicall", "onERC1155Received", "post", "review", "submit"],
    ),
    (
        "ExecutionLog",
        &[
            "acceptOwnership",
            "aggregate",
            "cancel",
            "challenge",
            "complete",
            "lapseChallenge",
            "multicall",
            "nameOutput",
            "openRound",
            "renounceOwnership",
            "request",
            "resolveChallenge",
            "submitUpdate",
            "transferOwnership",
        ],
    ),
    (
        "DisputeCourt",
        &[
            "acceptOwnership",
            "judge",
            "lapse",
            "overrule",
            "raise",
            "renounceOwnership",
            "resolve",
            "setJudge",
            "transferOwnership",
            "withdraw",
        ],
    ),
    (
        "Gateway",
        &[
            "acceptOwnership",
            "announce",
            "mirror",
            "multicall",
            "renounceOwnership",
            "setRelayer",
            "transferOwnership",
        ],
    ),
];

#[test]
fn events_are_letter_exact() {
    for (contract, expected) in EVENTS {
        let name = expected.split('(').next().unwrap_or_default();
        let found: Vec<_> = entries(contract, "event")
            .iter()
            .filter(|e| e["name"] == name)
            .map(signature)
            .collect();
        assert_eq!(found, [*expected], "{contract}");
    }
}

/// The economy's contracts say nothing that is not listed: what follows them knows every event, and OpenZeppelin's of the admin.
#[test]
fn the_economy_has_no_other_events() {
    let of_the_admin = ["OwnershipTransferStarted", "OwnershipTransferred"];
    for contract in [
        "PayoutDistributor",
        "TaskBoard",
        "ExecutionLog",
        "DisputeCourt",
        "Gateway",
    ] {
        let listed: BTreeSet<_> = EVENTS
            .iter()
            .filter(|(of, _)| *of == contract)
            .map(|(_, e)| *e)
            .collect();
        let events = entries(contract, "event");
        let found: Vec<_> = events
            .iter()
            .filter(|e| !of_the_admin.contains(&text(e, "name")))
            .map(signature)
            .collect();
        assert_eq!(
            found.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            listed,
            "{contract}"
        );
    }
}

/// EIP-170: a contract's code has at most 24,576 bytes.
#[test]
fn every_contract_fits_a_chain() {
    for (name, _) in Addresses::predict(Address::ZERO, 0).named() {
        let json = artifact(name);
        let bytes = text(&json, "deployedBytecode").len().saturating_sub(2) / 2;
        assert!((1..=24_576).contains(&bytes), "{name} has {bytes} bytes");
    }
}

#[test]
fn no_other_function_changes_state() {
    for (contract, expected) in MUTATORS {
        let changes = |f: &&Value| !matches!(f["stateMutability"].as_str(), Some("view" | "pure"));
        let functions = entries(contract, "function");
        let found: BTreeSet<_> = functions
            .iter()
            .filter(changes)
            .filter_map(|f| f["name"].as_str())
            .collect();
        assert_eq!(found, expected.iter().copied().collect(), "{contract}");
    }
}

fn entries(contract: &str, kind: &str) -> Vec<Value> {
    let json = artifact(contract);
    let all = json["abi"].as_array().expect("an ABI is a list");
    all.iter().filter(|entry| entry["type"] == kind).cloned().collect()
}

/// `Name(type indexed parameter, …)`, structs spelled out.
fn signature(event: &Value) -> String {
    format!("{}({})", text(event, "name"), parameters(&event["inputs"]))
}

fn parameters(inputs: &Value) -> String {
    let parameter = |input: &Value| {
        let kind = match text(input, "type") {
            "tuple" => format!("({})", parameters(&input["components"])),
            plain => plain.to_owned(),
        };
        let indexed = if input["indexed"] == true { " indexed" } else { "" };
        format!("{kind}{indexed} {}", text(input, "name"))
    };
    inputs
        .as_array()
        .into_iter()
        .flatten()
        .map(parameter)
        .collect::<Vec<_>>()
        .join(", ")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
