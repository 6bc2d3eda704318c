// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {AssetBound} from "./AssetBound.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IGateway, MirrorInput} from "./interfaces/IGateway.sol";

/// @title One asset on several chains
/// @notice Nothing here proves what happened elsewhere: a mirror is a relayer's claim, and those who follow both chains say
/// whether it is confirmed. A mirror is an asset like any other, whose lineage here begins with itself.
contract Gateway is Ownable2Step, Multicall, AssetBound, IGateway {
    /// @notice Whether the account may mirror.
    mapping(address account => bool) public isRelayer;
    /// @notice The asset registered here for an announcement of another chain, 0 where there is none.
    mapping(bytes32 announcementId => uint256) public mirrorOf;
    /// @notice Whether an asset of this chain was announced under the id.
    mapping(bytes32 announcementId => bool) public isAnnounced;

    /// @param assets The asset registry.
    /// @param admin Allows relayers.
    /// @param relayer The first of them.
    constructor(IAssetRegistry assets, address admin, address relayer) Ownable(admin) AssetBound(assets) {
        _setRelayer(relayer, true);
    }

    /// @notice Lets the account mirror from here on, or stops that.
    function setRelayer(address relayer, bool allowed) external onlyOwner {
        _setRelayer(relayer, allowed);
    }

    /// @inheritdoc IGateway
    /// @dev The content is that of the asset's latest version now; later versions are news of the chain of origin.
    function announce(uint256 assetId, uint64 targetChain)
        external
        onlyAssetOwner(assetId)
        returns (bytes32 announcementId)
    {
        _requireOtherChain(targetChain);
        announcementId = announcementIdOf(block.chainid, address(this), address(ASSETS), assetId, targetChain);
        if (isAnnounced[announcementId]) revert AlreadyAnnounced(announcementId);
        isAnnounced[announcementId] = true;
        (,, bytes32 contentHash,,,) = ASSETS.assetInfo(assetId);
        emit AssetAnnounced(announcementId, assetId, targetChain, contentHash);
    }

    /// @inheritdoc IGateway
    /// @dev The registry calls nobody back, so the id that it gives is written down in time.
    function mirror(MirrorInput calldata input) external returns (uint256 mirrorId) {
        if (!isRelayer[msg.sender]) revert OnlyRelayer(msg.sender);
        _requireOtherChain(input.originChain);
        bytes32 announcementId = announcementIdOf(
            input.originChain, input.originGateway, input.originRegistry, input.originAssetId, block.chainid
        );
        if (mirrorOf[announcementId] != 0) revert AlreadyMirrored(announcementId);
        mirrorId = ASSETS.register(
            input.owner, input.kind, input.name, input.contentHash, input.metadataUri, input.contributorShareE8
        );
        mirrorOf[announcementId] = mirrorId;
        emit AssetMirrored(
            announcementId,
            mirrorId,
            input.originChain,
            input.originGateway,
            input.originRegistry,
            input.originAssetId,
            input.contentHash,
            msg.sender
        );
    }

    /// @notice Id of an announcement, the same on both chains.
    function announcementIdOf(
        uint256 originChain,
        address originGateway,
        address originRegistry,
        uint256 originAssetId,
        uint256 targetChain
    ) public pure returns (bytes32) {
        return keccak256(abi.encode(originChain, originGateway, originRegistry, originAssetId, targetChain));
    }

    function _requireOtherChain(uint64 chainId) private view {
        if (chainId == 0 || chainId == block.chainid) revert InvalidChain(chainId);
    }

    function _setRelayer(address relayer, bool allowed) private {
        if (relayer == address(0)) revert InvalidRelayer();
        isRelayer[relayer] = allowed;
        emit RelayerChanged(relayer, allowed);
    }
}
