// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice What a caller says about a new asset.
/// @param owner Receives the owner token.
/// @param kind 0 dataset, 1 model, 2 adapter, 3 agent, 4 knowledge base, 5 compute, 6 application.
/// @param name Display name, not unique.
/// @param contentHash Commitment to the content of version 1.
/// @param metadataUri Where the metadata document of version 1 is (http(s), ipfs or data URI).
/// @param contributorShareE8 Contributors' share of revenue in parts per 100,000,000; never changes.
struct AssetInput {
    address owner;
    uint8 kind;
    string name;
    bytes32 contentHash;
    string metadataUri;
    uint32 contributorShareE8;
}

/// @notice One parent of a derivation, as declared.
/// @param parentId An asset of the same registry.
/// @param relation 0 TRAINED_ON … 12 MIRROR_OF, see `Relations` in the glossary.
/// @param licenseId The licence series of the parent that allows the derivation; 0 only between assets of one owner.
struct ParentInput {
    uint256 parentId;
    uint8 relation;
    uint256 licenseId;
}

/// @title The registry of assets and of what they were derived from
/// @notice Every state change is an event, so that an indexer never needs a call to know what happened.
interface IAssetRegistry {
    /// @notice An asset exists; emitted before the ERC-721 `Transfer` of its owner token from the zero address.
    event AssetRegistered(
        uint256 indexed assetId,
        address indexed owner,
        uint8 indexed kind,
        string name,
        bytes32 contentHash,
        string metadataUri,
        uint32 contributorShareE8
    );

    /// @notice An asset has a further version. Version 1 is in `AssetRegistered`; this starts at 2.
    event AssetVersioned(uint256 indexed assetId, uint32 indexed version, bytes32 contentHash, string metadataUri);

    /// @notice The child was derived from the parent under a licence series of the parent.
    /// `licenseId` 0 means that one account owned both: lineage without royalty.
    event DerivationDeclared(uint256 indexed childId, uint256 indexed parentId, uint8 relation, uint256 licenseId);

    /// @notice The child was derived from an asset outside this registry, named by its CAIP-19 id: lineage, never debt.
    event ForeignParentDeclared(uint256 indexed childId, string caip19, uint8 relation);

    /// @dev No asset has this id.
    error UnknownAsset(uint256 assetId);
    /// @dev Only the owner of the asset, or an account that the owner approved for it (ERC-721), may do this.
    error NotAuthorised(uint256 assetId, address account);
    /// @dev `kind` is above 6.
    error InvalidKind(uint8 kind);
    /// @dev `relation` is above 12.
    error InvalidRelation(uint8 relation);
    /// @dev A share is above 100,000,000.
    error ShareTooLarge(uint256 shareE8);
    /// @dev The child was used as a parent already, so its own parents are settled.
    error HasChildren(uint256 childId);
    /// @dev An asset cannot be its own parent.
    error SelfParent(uint256 assetId);
    /// @dev The parent was declared before; a pair has one edge, whatever its relation.
    error DuplicateParent(uint256 childId, uint256 parentId);
    /// @dev An asset has at most `MAX_PARENTS` parents.
    error TooManyParents(uint256 childId);
    /// @dev Without a licence, one account must own both the child and the parent.
    error LicenceRequired(uint256 childId, uint256 parentId);
    /// @dev Royalties would pass 100% of the child's revenue.
    error RoyaltyStackTooHigh(uint256 childId, uint256 totalE8);
    /// @dev The CAIP-19 id is empty or longer than 256 bytes.
    error InvalidForeignId(uint256 length);

    /// @notice Registers an asset.
    /// @return assetId Ids count from 1.
    function register(
        address owner,
        uint8 kind,
        string calldata name,
        bytes32 contentHash,
        string calldata metadataUri,
        uint32 contributorShareE8
    ) external returns (uint256 assetId);

    /// @notice Registers assets in order.
    /// @return firstId The first of `inputs.length` consecutive ids.
    function registerBatch(AssetInput[] calldata inputs) external returns (uint256 firstId);

    /// @notice Adds a version to an asset.
    /// @return version The new version's number, from 2.
    function addVersion(uint256 assetId, bytes32 contentHash, string calldata metadataUri)
        external
        returns (uint32 version);

    /// @notice Declares parents of an asset that has no children yet.
    function declareParents(uint256 childId, ParentInput[] calldata parents) external;

    /// @notice Declares a parent outside this registry, of an asset that has no children yet.
    function declareForeignParent(uint256 childId, string calldata caip19, uint8 relation) external;

    /// @notice Whether the asset exists.
    function exists(uint256 assetId) external view returns (bool);

    /// @notice Reverts with `NotAuthorised` unless `account` owns the asset or is approved for it by the owner.
    function requireAuthorised(uint256 assetId, address account) external view;

    /// @notice Kind, latest version and its content hash, contributors' share, numbers of parents and children.
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
        );

    /// @notice Metadata URI of the asset's latest version.
    function tokenURI(uint256 assetId) external view returns (string memory);

    /// @notice Share of the asset's revenue owed over all LAP edges above it, counted once per path, in parts per 100,000,000.
    function lapStack(uint256 assetId) external view returns (uint256);

    /// @notice Sum of the LRP shares of the asset's own edges, in parts per 100,000,000.
    function lrpSum(uint256 assetId) external view returns (uint256);
}
