// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AssetBound} from "./AssetBound.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IAssetShares} from "./interfaces/IAssetShares.sol";

/// @title Shares of assets
/// @notice ERC-1155; the id is the asset's. Issued once, then fixed: nothing mints or burns afterwards.
contract AssetShares is ERC1155, Multicall, ReentrancyGuardTransient, AssetBound, IAssetShares {
    mapping(uint256 assetId => uint256) private _supply;

    /// @param assets The asset registry.
    constructor(IAssetRegistry assets) ERC1155("") AssetBound(assets) {}

    /// @inheritdoc IAssetShares
    /// @dev The supply is set before any receiver is called, so a receiver cannot issue a second time.
    function issue(uint256 assetId, uint256 supply, address[] calldata receivers, uint256[] calldata amounts)
        external
        nonReentrant
        onlyAssetOwner(assetId)
    {
        if (_supply[assetId] != 0) revert AlreadyIssued(assetId);
        if (supply == 0) revert ZeroAmount();
        if (receivers.length != amounts.length) revert LengthMismatch(receivers.length, amounts.length);
        uint256 sum;
        for (uint256 i = 0; i < amounts.length; ++i) {
            if (amounts[i] == 0) revert ZeroAmount();
            sum += amounts[i];
        }
        if (sum != supply) revert SupplyMismatch(supply, sum);

        _supply[assetId] = supply;
        emit SharesIssued(assetId, msg.sender, supply);
        for (uint256 i = 0; i < receivers.length; ++i) {
            _mint(receivers[i], assetId, amounts[i], "");
        }
    }

    /// @inheritdoc IAssetShares
    function totalSupply(uint256 assetId) external view returns (uint256) {
        return _supply[assetId];
    }

    /// @notice The metadata URI of the asset's latest version.
    function uri(uint256 assetId) public view override returns (string memory) {
        return ASSETS.tokenURI(assetId);
    }
}
