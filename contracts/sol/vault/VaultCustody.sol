// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Exit, IExchangeVault, Withdrawal} from "../interfaces/IExchangeVault.sol";
import {VaultKeys} from "./VaultKeys.sol";
import {VaultLedger} from "./VaultLedger.sol";

/// @title How tokens come into the vault and leave it
/// @notice Out with the operator's co-signature, at once; or without the operator, after the exit delay; or, where the operator is gone,
/// through the escape. Each payment is a call of its own, so an account that cannot receive keeps nobody else from being paid.
/// @dev A co-signed withdrawal that a registered key signs pays the account alone, to nobody else: a trading key that leaks can
/// trade badly, not steal.
abstract contract VaultCustody is VaultKeys, VaultLedger, ReentrancyGuardTransient, IERC1155Receiver {
    mapping(uint64 exitId => Exit) private _exits;
    mapping(address account => mapping(uint64 nonce => bool)) private _withdrawalNonceUsed;
    uint64 private _lastDepositId;
    uint64 private _lastExitId;

    /// @inheritdoc IExchangeVault
    function deposit(address token, uint256 id, uint128 amount, address account, uint32 group)
        external
        beforeEscape
        nonReentrant
        returns (uint64 depositId)
    {
        _requireAccount(account);
        _take(token, id, amount, account);
        depositId = ++_lastDepositId;
        emit Deposited(depositId, account, token, id, amount, group);
    }

    /// @inheritdoc IExchangeVault
    function withdraw(
        Withdrawal calldata withdrawal,
        bytes calldata accountSignature,
        bytes calldata operatorSignature
    ) external beforeEscape nonReentrant {
        address account = withdrawal.account;
        if (block.timestamp > withdrawal.deadline) revert DeadlinePassed(withdrawal.deadline);
        _requireAccount(withdrawal.receiver);
        if (withdrawal.amount == 0) revert ZeroAmount();
        bytes32 digest = withdrawalDigest(withdrawal);
        _requireAuthorised(withdrawal, digest, accountSignature);
        if (_signerOf(digest, operatorSignature) != cosigner) revert NotCosigned();
        if (_withdrawalNonceUsed[account][withdrawal.nonce]) {
            revert WithdrawalNonceUsed(account, withdrawal.nonce);
        }
        uint256 balance = balanceOf(account, withdrawal.token, withdrawal.id);
        if (balance < withdrawal.amount) {
            revert InsufficientVaultBalance(account, withdrawal.token, withdrawal.id, balance);
        }

        _withdrawalNonceUsed[account][withdrawal.nonce] = true;
        emit Withdrawn(
            account,
            withdrawal.nonce,
            withdrawal.token,
            withdrawal.id,
            withdrawal.amount,
            withdrawal.receiver,
            withdrawal.group
        );
        _pay(account, withdrawal.token, withdrawal.id, withdrawal.amount, withdrawal.receiver);
    }

    /// @inheritdoc IExchangeVault
    function requestExit(address token, uint256 id, uint128 amount, uint32 group) external returns (uint64 exitId) {
        if (amount == 0) revert ZeroAmount();
        _requireInstrument(token, id);
        exitId = ++_lastExitId;
        uint64 executableAt = _afterDelay();
        _exits[exitId] = Exit(msg.sender, executableAt, group, token, amount, id);
        emit ExitRequested(exitId, msg.sender, token, id, amount, group, executableAt);
    }

    /// @inheritdoc IExchangeVault
    /// @dev Works in the escape as well, and where nothing is left: then it only ends the exit.
    function executeExit(uint64 exitId) external nonReentrant returns (uint128 paid) {
        Exit memory e = _exits[exitId];
        if (e.account == address(0)) revert UnknownExit(exitId);
        if (block.timestamp < e.executableAt) revert ExitTooEarly(exitId, e.executableAt);
        uint256 balance = balanceOf(e.account, e.token, e.id);
        paid = balance < e.amount ? uint128(balance) : e.amount;

        delete _exits[exitId];
        emit ExitExecuted(exitId, e.account, e.token, e.id, paid, e.group);
        if (paid != 0) _pay(e.account, e.token, e.id, paid, e.account);
    }

    /// @inheritdoc IExchangeVault
    function cancelExit(uint64 exitId) external {
        address account = _exits[exitId].account;
        if (account == address(0)) revert UnknownExit(exitId);
        if (account != msg.sender) revert NotYourExit(exitId);
        delete _exits[exitId];
        emit ExitCancelled(exitId, account);
    }

    /// @inheritdoc IExchangeVault
    /// @dev By the account alone: a royalty account, which nobody has a key of, is emptied through the router.
    function escape(address token, uint256 id) external nonReentrant returns (uint128 paid) {
        if (!escapeOpen) revert EscapeClosed();
        // All balances of an instrument fit 128 bits.
        paid = uint128(balanceOf(msg.sender, token, id));
        if (paid == 0) revert ZeroAmount();
        emit Escaped(msg.sender, token, id, paid);
        _pay(msg.sender, token, id, paid, msg.sender);
    }

    /// @inheritdoc IExchangeVault
    function exitOf(uint64 exitId) external view returns (Exit memory) {
        return _exits[exitId];
    }

    /// @notice Whether the account used the withdrawal nonce.
    function isWithdrawalNonceUsed(address account, uint64 nonce) external view returns (bool) {
        return _withdrawalNonceUsed[account][nonce];
    }

    /// @inheritdoc IERC1155Receiver
    /// @dev Takes what the vault itself moves in, which it does in `deposit` alone.
    function onERC1155Received(address mover, address from, uint256, uint256, bytes calldata)
        external
        view
        returns (bytes4)
    {
        if (mover != address(this)) revert UnsolicitedTransfer(from);
        return IERC1155Receiver.onERC1155Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155BatchReceived(address, address from, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        revert UnsolicitedTransfer(from);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC1155Receiver).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    function _requireAuthorised(Withdrawal calldata withdrawal, bytes32 digest, bytes calldata signature) private view {
        address account = withdrawal.account;
        address signer = signature.length == 0 ? msg.sender : _signerOf(digest, signature);
        bool byKey = signature.length != 0 && withdrawal.receiver == account && isSigner(account, signer);
        if (signer == address(0) || (signer != account && !byKey)) revert NotAuthorised(account);
    }
}
