// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AssetBound} from "./AssetBound.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IRevenueRouter, Payment} from "./interfaces/IRevenueRouter.sol";

/// @title Where money for an asset comes in
/// @notice Money goes from the payer to the distributor in one transfer and never rests here. The amount in the event is
/// what the distributor received, measured, so a token that takes a fee on transfer cannot make it owe more than it has.
contract RevenueRouter is Ownable2Step, Multicall, ReentrancyGuardTransient, AssetBound, IRevenueRouter {
    using SafeERC20 for IERC20;

    uint8 private constant REASON_SALE_OF_LICENCE = 0;
    uint8 private constant MAX_REASON = 6;

    /// @notice The one contract that collects fees from those who approved this router.
    address public immutable LICENSES;

    /// @notice Receives every payment.
    address public distributor;

    uint256 private _lastId;

    /// @param assets The asset registry.
    /// @param licenses The licence registry, at the address where it will be deployed.
    /// @param admin May change the distributor.
    /// @param initialDistributor Receives payments from the start.
    constructor(IAssetRegistry assets, address licenses, address admin, address initialDistributor)
        Ownable(admin)
        AssetBound(assets)
    {
        LICENSES = licenses;
        _setDistributor(initialDistributor);
    }

    /// @notice Sends payments to another distributor from here on.
    function setDistributor(address newDistributor) external onlyOwner {
        _setDistributor(newDistributor);
    }

    /// @inheritdoc IRevenueRouter
    function pay(uint256 assetId, address token, uint256 amount, uint8 reason, bytes32 ref)
        external
        nonReentrant
        returns (uint256 revenueId)
    {
        (revenueId,) = _pay(msg.sender, assetId, token, amount, _openReason(reason), ref);
    }

    /// @inheritdoc IRevenueRouter
    function payBatch(Payment[] calldata payments) external nonReentrant returns (uint256 firstId) {
        firstId = _lastId + 1;
        for (uint256 i = 0; i < payments.length; ++i) {
            Payment calldata p = payments[i];
            _pay(msg.sender, p.assetId, p.token, p.amount, _openReason(p.reason), p.ref);
        }
    }

    /// @inheritdoc IRevenueRouter
    function collectFee(address payer, uint256 assetId, address token, uint256 amount, bytes32 ref)
        external
        nonReentrant
        returns (uint256 received)
    {
        if (msg.sender != LICENSES) revert OnlyLicenseRegistry(msg.sender);
        (, received) = _pay(payer, assetId, token, amount, REASON_SALE_OF_LICENCE, ref);
    }

    /// @notice Number of revenues; ids are 1 to this, inclusive.
    function revenueCount() external view returns (uint256) {
        return _lastId;
    }

    function _openReason(uint8 reason) private pure returns (uint8) {
        if (reason == REASON_SALE_OF_LICENCE) revert ReasonReserved();
        if (reason > MAX_REASON) revert InvalidReason(reason);
        return reason;
    }

    function _pay(address payer, uint256 assetId, address token, uint256 amount, uint8 reason, bytes32 ref)
        private
        returns (uint256 revenueId, uint256 received)
    {
        if (!ASSETS.exists(assetId)) revert IAssetRegistry.UnknownAsset(assetId);
        address receiver = distributor;
        revenueId = ++_lastId;
        uint256 before = IERC20(token).balanceOf(receiver);
        IERC20(token).safeTransferFrom(payer, receiver, amount);
        received = IERC20(token).balanceOf(receiver) - before;
        if (received == 0) revert NothingReceived();
        emit RevenueReceived(revenueId, assetId, payer, token, received, reason, ref);
    }

    function _setDistributor(address newDistributor) private {
        if (newDistributor == address(0) || newDistributor == address(this)) {
            revert InvalidDistributor(newDistributor);
        }
        emit DistributorChanged(distributor, newDistributor);
        distributor = newDistributor;
    }
}
