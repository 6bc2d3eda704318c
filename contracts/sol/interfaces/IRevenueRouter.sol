// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice One payment of a batch; see `IRevenueRouter.pay`.
struct Payment {
    uint256 assetId;
    address token;
    uint256 amount;
    uint8 reason;
    bytes32 ref;
}

/// @title Where money for an asset comes in
interface IRevenueRouter {
    /// @notice The distributor received `amount` base units of `token` from `payer` for the asset.
    /// `reason`: 0 sale of licence (`ref` is the licence id), 1 usage, 2 inference, 3 subscription, 4 tip, 5 trade royalty, 6 other.
    event RevenueReceived(
        uint256 indexed revenueId,
        uint256 indexed assetId,
        address indexed payer,
        address token,
        uint256 amount,
        uint8 reason,
        bytes32 ref
    );

    /// @notice Payments go to another distributor from here on.
    event DistributorChanged(address indexed previous, address indexed current);

    /// @dev Nothing arrived, or nothing was to be paid.
    error NothingReceived();
    /// @dev `reason` is above 6.
    error InvalidReason(uint8 reason);
    /// @dev Reason 0 is for fees that the licence registry collects, so that licence sales can be relied on.
    error ReasonReserved();
    /// @dev Only the licence registry collects fees.
    error OnlyLicenseRegistry(address caller);
    /// @dev The distributor is a real address other than the payer.
    error InvalidDistributor(address distributor);

    /// @notice Pays the caller's `amount` base units of `token` for the asset; approve the router as spender first.
    /// @return revenueId Ids count from 1.
    function pay(uint256 assetId, address token, uint256 amount, uint8 reason, bytes32 ref)
        external
        returns (uint256 revenueId);

    /// @notice Makes payments in order.
    /// @return firstId The first of `payments.length` consecutive ids.
    function payBatch(Payment[] calldata payments) external returns (uint256 firstId);

    /// @notice Collects a minting fee from `payer` for the licence registry.
    /// @return received What arrived, in base units.
    function collectFee(address payer, uint256 assetId, address token, uint256 amount, bytes32 ref)
        external
        returns (uint256 received);
}
