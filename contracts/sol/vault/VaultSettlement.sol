// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Fill, IExchangeVault, Market, Order, SettledFill, SignedOrder, SkipReason} from "../interfaces/IExchangeVault.sol";
import {VaultKeys} from "./VaultKeys.sol";
import {VaultMarkets} from "./VaultMarkets.sol";

/// @title Settlement of fills in the order in which they were matched
/// @notice Each number of a group is consumed once, by a fill that moves balances or by one that is skipped with its reason; what is
/// wrong with one fill is no matter to the next. A batch that begins elsewhere, or runs short of gas, changes nothing.
/// @dev No token and no account is called, so nothing here can be made to fail from outside. The only call is to the precompile that
/// recovers a signer, and too little gas for it must not pass for a bad signature: hence `MIN_STEP_GAS`.
abstract contract VaultSettlement is VaultKeys, VaultMarkets {
    /// @notice Most that the fees of one side of a fill, royalty included, come to, in parts per million of its quote amount.
    uint256 public constant MAX_FEE_PPM = 50_000;
    /// @notice Gas that must be left before each order and each fill of a batch; more than the dearest fill takes.
    uint256 public constant MIN_STEP_GAS = 300_000;

    uint256 private constant ONE_PPM = 1_000_000;
    uint8 private constant BUY = 0;
    uint8 private constant SELL = 1;
    /// @dev The side of a skipped fill that neither order is to blame for.
    uint8 private constant NEITHER = 2;

    /// @dev What was filled against (account, nonce) so far.
    struct Filled {
        uint128 base;
        uint128 fees;
    }

    mapping(address account => mapping(uint64 nonce => Filled)) private _filled;
    mapping(uint32 group => uint64) private _lastNumber;

    /// @inheritdoc IExchangeVault
    function settle(uint32 group, uint64 firstNumber, SignedOrder[] calldata orders, Fill[] calldata fills)
        external
        onlyOperator
        beforeEscape
        nonReentrant
    {
        _beat();
        uint64 number = nextNumber(group);
        if (firstNumber != number) revert WrongNumber(group, number, firstNumber);
        SkipReason[] memory faults = _orderFaults(orders);
        for (uint256 i = 0; i < fills.length; ++i) {
            _requireGas(i);
            _settleFill(group, number, orders, faults, fills[i]);
            ++number;
        }
        _lastNumber[group] = number - 1;
    }

    /// @inheritdoc IExchangeVault
    function nextNumber(uint32 group) public view returns (uint64) {
        return _lastNumber[group] + 1;
    }

    /// @inheritdoc IExchangeVault
    function filledOf(address account, uint64 nonce) external view returns (uint128 base, uint128 fees) {
        Filled storage filled = _filled[account][nonce];
        return (filled.base, filled.fees);
    }

    /// @dev Per order what keeps every fill of it from settling. Signatures are recovered once per batch.
    function _orderFaults(SignedOrder[] calldata orders) private view returns (SkipReason[] memory faults) {
        faults = new SkipReason[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            _requireGas(i);
            faults[i] = _orderFault(orders[i]);
        }
    }

    function _orderFault(SignedOrder calldata signed) private view returns (SkipReason) {
        Order calldata order = signed.order;
        address signer = _signerOf(orderDigest(order), signed.v, signed.r, signed.s);
        if (!isSigner(order.account, signer)) return SkipReason.BadSignature;
        if (block.timestamp > uint256(order.expiry) + SETTLEMENT_GRACE) return SkipReason.Expired;
        if (isNonceInvalid(order.account, order.nonce)) return SkipReason.NonceInvalidated;
        return SkipReason.None;
    }

    function _settleFill(
        uint32 group,
        uint64 number,
        SignedOrder[] calldata orders,
        SkipReason[] memory faults,
        Fill calldata fill
    ) private {
        if (fill.skip) {
            emit FillSkipped(group, number, SkipReason.Voided, NEITHER);
            return;
        }
        if (fill.buyOrder >= orders.length) revert MissingOrder(fill.buyOrder);
        if (fill.sellOrder >= orders.length) revert MissingOrder(fill.sellOrder);
        Order calldata buy = orders[fill.buyOrder].order;
        Order calldata sell = orders[fill.sellOrder].order;

        uint8 side = NEITHER;
        SkipReason reason = _pairFault(buy, sell, fill);
        if (reason == SkipReason.None) {
            side = BUY;
            reason = _sideFault(buy, BUY, faults[fill.buyOrder], fill);
        }
        if (reason == SkipReason.None) {
            side = SELL;
            reason = _sideFault(sell, SELL, faults[fill.sellOrder], fill);
        }
        if (reason != SkipReason.None) {
            emit FillSkipped(group, number, reason, side);
            return;
        }
        _move(buy, sell, fill);
        emit FillSettled(
            group,
            number,
            buy.market,
            SettledFill(
                buy.account,
                sell.account,
                buy.nonce,
                sell.nonce,
                fill.baseAmount,
                fill.quoteAmount,
                fill.buyerFee,
                fill.sellerFee,
                fill.royalty
            )
        );
    }

    /// @dev What is wrong between the two orders.
    function _pairFault(Order calldata buy, Order calldata sell, Fill calldata fill) private view returns (SkipReason) {
        if (buy.account == sell.account) return SkipReason.SelfTrade;
        if (buy.market != sell.market || !_isListed(buy.market)) return SkipReason.MarketMismatch;
        if (fill.baseAmount == 0 || fill.quoteAmount == 0) return SkipReason.EmptyFill;
        return SkipReason.None;
    }

    /// @dev What keeps this fill from settling against one of its orders. Amounts have 128 bits, so products of two fit 256.
    function _sideFault(Order calldata order, uint8 side, SkipReason fault, Fill calldata fill)
        private
        view
        returns (SkipReason)
    {
        if (order.side != side) return SkipReason.WrongSide;
        if (fault != SkipReason.None) return fault;
        Market storage market = _markets[order.market];
        uint256 price = uint256(fill.quoteAmount) * market.lotSize;
        uint256 limit = uint256(order.limitPrice) * fill.baseAmount;
        if (side == BUY ? price > limit : price < limit) return SkipReason.PriceOutsideLimit;

        uint256 fees = side == BUY ? fill.buyerFee : uint256(fill.sellerFee) + fill.royalty;
        if (fees * ONE_PPM > fill.quoteAmount * MAX_FEE_PPM) return SkipReason.FeeTooHigh;
        Filled storage filled = _filled[order.account][order.nonce];
        if (filled.fees + fees > order.feeCap) return SkipReason.FeeCapExceeded;
        if (uint256(filled.base) + fill.baseAmount > order.baseAmount) return SkipReason.Overfilled;

        bool funded = side == BUY
            ? balanceOf(order.account, market.quote, 0) >= fill.quoteAmount + fees
            : balanceOf(order.account, market.base, market.baseId) >= fill.baseAmount;
        return funded ? SkipReason.None : SkipReason.InsufficientBalance;
    }

    /// @dev Moves what was checked. Accounts may coincide with the fee account, so every balance is read and written on its own.
    function _move(Order calldata buy, Order calldata sell, Fill calldata fill) private {
        _count(buy, fill.baseAmount, fill.buyerFee);
        _count(sell, fill.baseAmount, fill.sellerFee + fill.royalty);

        Market storage market = _markets[buy.market];
        (address base, uint256 baseId) = (market.base, market.baseId);
        _debit(sell.account, base, baseId, fill.baseAmount);
        _credit(buy.account, base, baseId, fill.baseAmount);

        address quote = market.quote;
        _debit(buy.account, quote, 0, uint256(fill.quoteAmount) + fill.buyerFee);
        _credit(sell.account, quote, 0, fill.quoteAmount - fill.sellerFee - fill.royalty);
        uint256 fees = uint256(fill.buyerFee) + fill.sellerFee;
        if (fees != 0) _credit(feeAccount, quote, 0, fees);
        if (fill.royalty != 0) _credit(royaltyAccount(buy.market), quote, 0, fill.royalty);
    }

    function _count(Order calldata order, uint128 base, uint128 fees) private {
        Filled storage filled = _filled[order.account][order.nonce];
        filled.base += base;
        filled.fees += fees;
    }

    function _requireGas(uint256 place) private view {
        if (gasleft() < MIN_STEP_GAS) revert OutOfBatchGas(place, gasleft());
    }
}
