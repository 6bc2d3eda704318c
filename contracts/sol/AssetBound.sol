// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";

/// @title What the contracts that speak about assets have in common
abstract contract AssetBound {
    /// @notice The registry whose assets this contract speaks about.
    IAssetRegistry public immutable ASSETS;

    constructor(IAssetRegistry assets) {
        ASSETS = assets;
    }

    /// @dev Reverts unless the caller owns the asset or is approved for it.
    modifier onlyAssetOwner(uint256 assetId) {
        ASSETS.requireAuthorised(assetId, msg.sender);
        _;
    }
}
