// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {AssetInput, IAssetRegistry, ParentInput} from "./interfaces/IAssetRegistry.sol";
import {ILicenseRegistry} from "./interfaces/ILicenseRegistry.sol";

/// @title The registry of assets and of what they were derived from
/// @notice One ERC-721 token per asset; its holder is the asset's owner, and ERC-721 approvals extend to everything that
/// an owner may do here. An asset declares parents only while it has no children, which keeps lineage acyclic and
/// royalties settled once somebody builds on the asset.
/// @dev Names, relations and licences of edges live in the events alone; storage holds what a later call must check.
contract AssetRegistry is ERC721, Multicall, IAssetRegistry {
    /// @notice 100% in parts per 100,000,000.
    uint256 public constant ONE_E8 = 100_000_000;
    /// @notice Most parents that an asset can have.
    uint256 public constant MAX_PARENTS = 16;
    /// @notice Longest CAIP-19 id of a foreign parent, in bytes.
    uint256 public constant MAX_FOREIGN_ID_BYTES = 256;

    uint8 private constant MAX_KIND = 6;
    uint8 private constant MAX_RELATION = 12;
    uint8 private constant POLICY_LAP = 1;
    uint8 private constant POLICY_LRP = 2;

    /// @notice Where the licences of this registry's assets are.
    ILicenseRegistry public immutable LICENSES;

    /// @dev The small fields share one slot.
    struct Asset {
        uint8 kind;
        uint8 parentCount;
        uint32 version;
        uint32 contributorShareE8;
        uint32 lapStackE8;
        uint32 lrpSumE8;
        uint64 childCount;
        bytes32 contentHash;
        string metadataUri;
    }

    mapping(uint256 assetId => Asset) private _assets;
    mapping(uint256 childId => mapping(uint256 parentId => bool)) private _isParent;
    uint256 private _lastId;

    /// @param licenses The licence registry, at the address where it will be deployed.
    constructor(ILicenseRegistry licenses) ERC721("Souk Asset", "SOUK") {
        LICENSES = licenses;
    }

    /// @inheritdoc IAssetRegistry
    /// @dev Anyone may register for any owner, as with any token that is minted to somebody.
    function register(
        address owner,
        uint8 kind,
        string calldata assetName,
        bytes32 contentHash,
        string calldata metadataUri,
        uint32 contributorShareE8
    ) external returns (uint256) {
        return _register(owner, kind, assetName, contentHash, metadataUri, contributorShareE8);
    }

    /// @inheritdoc IAssetRegistry
    function registerBatch(AssetInput[] calldata inputs) external returns (uint256 firstId) {
        firstId = _lastId + 1;
        for (uint256 i = 0; i < inputs.length; ++i) {
            AssetInput calldata a = inputs[i];
            _register(a.owner, a.kind, a.name, a.contentHash, a.metadataUri, a.contributorShareE8);
        }
    }

    /// @inheritdoc IAssetRegistry
    function addVersion(uint256 assetId, bytes32 contentHash, string calldata metadataUri)
        external
        returns (uint32 version)
    {
        requireAuthorised(assetId, msg.sender);
        Asset storage asset = _assets[assetId];
        version = ++asset.version;
        asset.contentHash = contentHash;
        asset.metadataUri = metadataUri;
        emit AssetVersioned(assetId, version, contentHash, metadataUri);
    }

    /// @inheritdoc IAssetRegistry
    /// @dev The licence registry refuses a series that is unknown, revoked, expired, not of the parent, not held by the
    /// child's owner, or of terms that forbid derivatives; reciprocal terms are attached to the child there. A licence
    /// is held, not spent: one unit serves any number of derivations. With `licenseId` 0 the edge carries no royalty of
    /// its own, yet what the parent owes further up still counts in the child's stack. No cycle can arise: an ancestor
    /// has a child, so it declares nothing any more.
    function declareParents(uint256 childId, ParentInput[] calldata parents) external {
        requireAuthorised(childId, msg.sender);
        Asset storage child = _assets[childId];
        if (child.childCount != 0) revert HasChildren(childId);
        if (child.parentCount + parents.length > MAX_PARENTS) revert TooManyParents(childId);

        address owner = ownerOf(childId);
        uint256 lapE8 = child.lapStackE8;
        uint256 lrpE8 = child.lrpSumE8;
        for (uint256 i = 0; i < parents.length; ++i) {
            (uint256 edgeLapE8, uint256 edgeLrpE8) = _declareParent(childId, owner, parents[i]);
            lapE8 += edgeLapE8;
            lrpE8 += edgeLrpE8;
        }
        if (lapE8 + lrpE8 > ONE_E8) revert RoyaltyStackTooHigh(childId, lapE8 + lrpE8);

        // Both fit: their sum is at most 10^8, and the length is at most 16.
        child.lapStackE8 = uint32(lapE8);
        child.lrpSumE8 = uint32(lrpE8);
        child.parentCount += uint8(parents.length);
    }

    /// @inheritdoc IAssetRegistry
    /// @dev The id is text to this contract: whether it names anything, and whether it closes a cycle across chains, is for
    /// those who follow the other chain to say. Declaring one twice says nothing new.
    function declareForeignParent(uint256 childId, string calldata caip19, uint8 relation) external {
        requireAuthorised(childId, msg.sender);
        if (_assets[childId].childCount != 0) revert HasChildren(childId);
        if (relation > MAX_RELATION) revert InvalidRelation(relation);
        uint256 length = bytes(caip19).length;
        if (length == 0 || length > MAX_FOREIGN_ID_BYTES) revert InvalidForeignId(length);
        emit ForeignParentDeclared(childId, caip19, relation);
    }

    /// @inheritdoc IAssetRegistry
    function exists(uint256 assetId) public view returns (bool) {
        return _ownerOf(assetId) != address(0);
    }

    /// @inheritdoc IAssetRegistry
    function requireAuthorised(uint256 assetId, address account) public view {
        if (!exists(assetId)) revert UnknownAsset(assetId);
        if (!_isAuthorized(_ownerOf(assetId), account, assetId)) revert NotAuthorised(assetId, account);
    }

    /// @inheritdoc IAssetRegistry
    function tokenURI(uint256 assetId) public view override(ERC721, IAssetRegistry) returns (string memory) {
        if (!exists(assetId)) revert UnknownAsset(assetId);
        return _assets[assetId].metadataUri;
    }

    /// @inheritdoc IAssetRegistry
    function lapStack(uint256 assetId) external view returns (uint256) {
        return _assets[assetId].lapStackE8;
    }

    /// @inheritdoc IAssetRegistry
    function lrpSum(uint256 assetId) external view returns (uint256) {
        return _assets[assetId].lrpSumE8;
    }

    /// @notice Number of assets; ids are 1 to this, inclusive.
    function assetCount() external view returns (uint256) {
        return _lastId;
    }

    /// @inheritdoc IAssetRegistry
    function assetInfo(uint256 assetId)
        external
        view
        returns (
            uint8 kind,
            uint32 version,
            bytes32 contentHash,
            uint32 contributorShareE8,
            uint256 parentCount,
            uint256 childCount
        )
    {
        if (!exists(assetId)) revert UnknownAsset(assetId);
        Asset storage a = _assets[assetId];
        return (a.kind, a.version, a.contentHash, a.contributorShareE8, a.parentCount, a.childCount);
    }

    /// @notice Whether `parentId` was declared a parent of `childId`.
    function isParent(uint256 childId, uint256 parentId) external view returns (bool) {
        return _isParent[childId][parentId];
    }

    function _register(
        address owner,
        uint8 kind,
        string calldata assetName,
        bytes32 contentHash,
        string calldata metadataUri,
        uint32 contributorShareE8
    ) private returns (uint256 assetId) {
        if (kind > MAX_KIND) revert InvalidKind(kind);
        if (contributorShareE8 > ONE_E8) revert ShareTooLarge(contributorShareE8);
        assetId = ++_lastId;
        Asset storage asset = _assets[assetId];
        asset.kind = kind;
        asset.version = 1;
        asset.contributorShareE8 = contributorShareE8;
        asset.contentHash = contentHash;
        asset.metadataUri = metadataUri;
        emit AssetRegistered(assetId, owner, kind, assetName, contentHash, metadataUri, contributorShareE8);
        _mint(owner, assetId);
    }

    /// @return lapE8 What the edge adds to the child's LAP stack: its own LAP share and the parent's stack.
    /// @return lrpE8 What the edge adds to the sum of the child's LRP shares.
    function _declareParent(uint256 childId, address owner, ParentInput calldata p)
        private
        returns (uint256 lapE8, uint256 lrpE8)
    {
        if (p.relation > MAX_RELATION) revert InvalidRelation(p.relation);
        if (p.parentId == childId) revert SelfParent(childId);
        if (!exists(p.parentId)) revert UnknownAsset(p.parentId);
        if (_isParent[childId][p.parentId]) revert DuplicateParent(childId, p.parentId);
        if (p.licenseId == 0 && _ownerOf(p.parentId) != owner) revert LicenceRequired(childId, p.parentId);

        _isParent[childId][p.parentId] = true;
        Asset storage parent = _assets[p.parentId];
        ++parent.childCount;
        (uint8 policy, uint32 shareE8) = LICENSES.admitDerivation(childId, p.parentId, p.licenseId, owner);
        lapE8 = parent.lapStackE8;
        if (policy == POLICY_LAP) lapE8 += shareE8;
        if (policy == POLICY_LRP) lrpE8 = shareE8;
        emit DerivationDeclared(childId, p.parentId, p.relation, p.licenseId);
    }
}
