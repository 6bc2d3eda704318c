// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IExchangeVault} from "../interfaces/IExchangeVault.sol";
import {VaultRoles} from "./VaultRoles.sol";

/// @title Who has what in the vault
/// @notice Balances per account and instrument, and the one way in and the one way out for tokens.
/// @dev All balances of an instrument come to 2^128 - 1 at most, so moving them inside the vault overflows nowhere.
abstract contract VaultLedger is VaultRoles {
    using SafeERC20 for IERC20;

    uint8 internal constant KIND_ERC20 = 1;
    uint8 internal constant KIND_ERC1155 = 2;

    /// @inheritdoc IExchangeVault
    mapping(address token => uint8) public tokenKind;

    mapping(address account => mapping(address token => mapping(uint256 id => uint256))) private _balances;
    mapping(address token => mapping(uint256 id => uint256)) private _totals;

    /// @inheritdoc IExchangeVault
    /// @dev There is no way back: what was deposited must come out again.
    function listToken(address token, uint8 kind) external onlyOwner {
        if (tokenKind[token] != 0) revert TokenAlreadyListed(token);
        if (kind != KIND_ERC20 && kind != KIND_ERC1155) revert InvalidTokenKind(token, kind);
        _requireAccount(token);
        tokenKind[token] = kind;
        emit TokenListed(token, kind);
    }

    /// @inheritdoc IExchangeVault
    function balanceOf(address account, address token, uint256 id) public view returns (uint256) {
        return _balances[account][token][id];
    }

    /// @inheritdoc IExchangeVault
    function totalOf(address token, uint256 id) external view returns (uint256) {
        return _totals[token][id];
    }

    /// @dev Reverts unless the token is listed and the id is one that it has.
    function _requireInstrument(address token, uint256 id) internal view returns (uint8 kind) {
        kind = tokenKind[token];
        if (kind == 0 || (kind == KIND_ERC20 && id != 0)) revert InvalidInstrument(token, id);
    }

    /// @dev Moves the caller's tokens in and credits them. The balance is written after the transfer because the credit is what
    /// arrived, measured; every entry point that could use the moment in between is non-reentrant.
    function _take(address token, uint256 id, uint128 amount, address account) internal {
        if (amount == 0) revert ZeroAmount();
        bool fungible = _requireInstrument(token, id) == KIND_ERC20;
        if (_totals[token][id] + amount > type(uint128).max) revert TooMuchDeposited(token, id);

        uint256 before = _holdings(token, id, fungible);
        if (fungible) IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        else IERC1155(token).safeTransferFrom(msg.sender, address(this), id, amount, "");
        uint256 held = _holdings(token, id, fungible);
        if (held != before + amount) revert DepositMismatch(amount, held > before ? held - before : 0);

        _totals[token][id] += amount;
        _credit(account, token, id, amount);
    }

    /// @dev Debits the account, then moves the tokens out to `receiver`. The account has that much.
    function _pay(address account, address token, uint256 id, uint256 amount, address receiver) internal {
        _debit(account, token, id, amount);
        _totals[token][id] -= amount;
        if (tokenKind[token] == KIND_ERC20) IERC20(token).safeTransfer(receiver, amount);
        else IERC1155(token).safeTransferFrom(address(this), receiver, id, amount, "");
    }

    /// @dev Debits a balance whose tokens leave by a transfer that somebody else makes.
    function _release(address account, address token, uint256 amount) internal {
        _debit(account, token, 0, amount);
        _totals[token][0] -= amount;
    }

    function _credit(address account, address token, uint256 id, uint256 amount) internal {
        _balances[account][token][id] += amount;
    }

    function _debit(address account, address token, uint256 id, uint256 amount) internal {
        _balances[account][token][id] -= amount;
    }

    function _holdings(address token, uint256 id, bool fungible) private view returns (uint256) {
        return fungible ? IERC20(token).balanceOf(address(this)) : IERC1155(token).balanceOf(address(this), id);
    }
}
