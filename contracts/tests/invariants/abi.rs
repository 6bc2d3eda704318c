//! The contracts' interface to the world: their events to the letter, and every way to change their state.

use std::collections::BTreeSet;

use serde_json::Value;

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
];

/// Every function that can change state. The invariants hold because there is no other: nothing mints or burns shares
/// after the issue, moves a contribution, touches registered terms, or moves a balance in the vault but by settlement, to its
/// account, or where its account signed.
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
