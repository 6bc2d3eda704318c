// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice An asset of another chain, as its relayer says it was announced there, and what is registered here for it.
/// @param originChain EIP-155 id of the chain that announced it.
/// @param originGateway The gateway there.
/// @param originRegistry The asset registry there.
/// @param originAssetId The asset there.
/// @param contentHash Content hash that was announced; becomes that of version 1 here.
/// @param owner Receives the owner token here. The other fields are those of `IAssetRegistry.register`.
struct MirrorInput {
    uint64 originChain;
    address originGateway;
    address originRegistry;
    uint256 originAssetId;
    bytes32 contentHash;
    address owner;
    uint8 kind;
    string name;
    string metadataUri;
    uint32 contributorShareE8;
}

/// @title One asset on several chains
/// @notice An announcement is of (origin chain, gateway, registry, asset, target chain) and has one id on both chains:
/// `keccak256(abi.encode(originChainId, originGateway, originRegistry, originAssetId, targetChainId))`.
interface IGateway {
    /// @notice The asset's owner has it mirrored on the target chain.
    event AssetAnnounced(
        bytes32 indexed announcementId, uint256 indexed assetId, uint64 indexed targetChain, bytes32 contentHash
    );

    /// @notice A relayer says that an asset was announced for this chain, and had `mirrorId` registered for it. A claim until
    /// the announcement was seen and finalised on the chain of origin.
    event AssetMirrored(
        bytes32 indexed announcementId,
        uint256 indexed mirrorId,
        uint64 indexed originChain,
        address originGateway,
        address originRegistry,
        uint256 originAssetId,
        bytes32 contentHash,
        address relayer
    );

    /// @notice The account may mirror, or may no more. Emitted by the constructor too.
    event RelayerChanged(address indexed relayer, bool allowed);

    /// @dev The other chain is not this one, and not 0.
    error InvalidChain(uint64 chainId);
    /// @dev The asset was announced for this target before.
    error AlreadyAnnounced(bytes32 announcementId);
    /// @dev The announcement was mirrored before.
    error AlreadyMirrored(bytes32 announcementId);
    /// @dev Only an allowed relayer mirrors.
    error OnlyRelayer(address caller);
    /// @dev The zero address relays nothing.
    error InvalidRelayer();

    /// @notice Announces an asset for another chain, once, by its owner.
    function announce(uint256 assetId, uint64 targetChain) external returns (bytes32 announcementId);

    /// @notice Registers an asset for an announcement of another chain, once, by a relayer.
    function mirror(MirrorInput calldata input) external returns (uint256 mirrorId);
}
