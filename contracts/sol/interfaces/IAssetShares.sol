// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @title Shares of assets
interface IAssetShares {
    /// @notice All shares that the asset will ever have were issued. Emitted before the `TransferSingle` of each receiver.
    event SharesIssued(uint256 indexed assetId, address indexed issuer, uint256 supply);

    /// @dev The asset has shares already.
    error AlreadyIssued(uint256 assetId);
    /// @dev Issue at least one share, and at least one to each receiver.
    error ZeroAmount();
    /// @dev One amount belongs to each receiver.
    error LengthMismatch(uint256 receivers, uint256 amounts);
    /// @dev The amounts do not add up to the supply.
    error SupplyMismatch(uint256 supply, uint256 sum);

    /// @notice Issues the asset's shares, once, by its owner. `amounts` add up to `supply`.
    function issue(uint256 assetId, uint256 supply, address[] calldata receivers, uint256[] calldata amounts) external;

    /// @notice Number of shares issued; 0 before, the same ever after.
    function totalSupply(uint256 assetId) external view returns (uint256);
}
