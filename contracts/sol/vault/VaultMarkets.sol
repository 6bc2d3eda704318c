// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AssetBound} from "../AssetBound.sol";
import {IAssetRegistry} from "../interfaces/IAssetRegistry.sol";
import {IExchangeVault, Market} from "../interfaces/IExchangeVault.sol";
import {IRevenueRouter} from "../interfaces/IRevenueRouter.sol";
import {VaultLedger} from "./VaultLedger.sol";

/// @title What trades, and where the royalties of trades go
/// @notice Royalties accrue to one vault account per market, so that no settlement calls a token; anyone passes them on.
abstract contract VaultMarkets is VaultLedger, AssetBound, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint8 private constant REASON_TRADE_ROYALTY = 5;

    /// @notice Takes the royalties of trades as revenue of the asset.
    IRevenueRouter public immutable ROUTER;

    mapping(bytes32 market => Market) internal _markets;

    constructor(IRevenueRouter router) {
        ROUTER = router;
    }

    /// @inheritdoc IExchangeVault
    function listMarket(
        address base,
        uint256 baseId,
        address quote,
        uint128 lotSize,
        uint128 tickSize,
        uint256 assetId
    ) external onlyOwner returns (bytes32 market) {
        if (tokenKind[base] != KIND_ERC1155 || tokenKind[quote] != KIND_ERC20 || lotSize == 0 || tickSize == 0) {
            revert InvalidMarket();
        }
        if (!ASSETS.exists(assetId)) revert IAssetRegistry.UnknownAsset(assetId);
        market = keccak256(abi.encode(base, baseId, quote, lotSize, tickSize));
        if (_isListed(market)) revert MarketAlreadyListed(market);
        _markets[market] = Market(base, quote, baseId, lotSize, tickSize, assetId);
        emit MarketListed(market, base, baseId, quote, lotSize, tickSize, assetId);
    }

    /// @inheritdoc IExchangeVault
    function flushRoyalty(bytes32 market) external nonReentrant returns (uint256 revenueId) {
        if (!_isListed(market)) revert UnknownMarket(market);
        address quote = _markets[market].quote;
        uint256 assetId = _markets[market].assetId;
        address account = royaltyAccount(market);
        uint256 amount = balanceOf(account, quote, 0);
        if (amount == 0) revert NothingToFlush(market);

        _release(account, quote, amount);
        IERC20(quote).forceApprove(address(ROUTER), amount);
        revenueId = ROUTER.pay(assetId, quote, amount, REASON_TRADE_ROYALTY, market);
        // All balances of an instrument fit 128 bits.
        emit RoyaltyFlushed(market, assetId, quote, uint128(amount), revenueId);
    }

    /// @inheritdoc IExchangeVault
    function marketOf(bytes32 market) external view returns (Market memory) {
        return _markets[market];
    }

    /// @inheritdoc IExchangeVault
    function royaltyAccount(bytes32 market) public pure returns (address) {
        return address(bytes20(keccak256(abi.encode("souk.royalty", market))));
    }

    function _isListed(bytes32 market) internal view returns (bool) {
        return _markets[market].base != address(0);
    }
}
