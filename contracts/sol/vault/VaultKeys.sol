// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IExchangeVault, Order, Withdrawal} from "../interfaces/IExchangeVault.sol";
import {VaultRoles} from "./VaultRoles.sol";

/// @title Who signs for whom, and which orders still count
/// @notice Signatures are ECDSA only. A contract is never asked whether a signature is its own: answering at settlement, after the match,
/// would be a free option. A contract wallet registers an ECDSA key by transaction instead. Whatever withdraws consent takes effect
/// after the exit delay, so that what was matched before settles.
/// @dev The domain is bound to chain and contract; the chain id is read again after a fork.
abstract contract VaultKeys is VaultRoles, EIP712 {
    bytes32 private constant ORDER_TYPE = keccak256(
        "Order(address account,bytes32 market,uint8 side,uint128 baseAmount,uint128 limitPrice,uint128 feeCap,uint64 nonce,"
        "uint64 expiry,Instructions instructions)"
        "Instructions(uint8 kind,uint8 timeInForce,uint8 postOnly,uint8 selfTrade,uint128 displayAmount,uint128 triggerPrice,"
        "uint64 goodUntil,bytes32 clientOrderId)"
    );
    bytes32 private constant WITHDRAWAL_TYPE = keccak256(
        "Withdrawal(address account,address token,uint256 id,uint128 amount,address receiver,uint64 nonce,uint64 deadline,"
        "uint32 group)"
    );

    /// @dev Half the order of secp256k1: of the two forms of a signature the one with the lower s is taken.
    uint256 private constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    uint64 private constant ACTIVE = type(uint64).max;

    /// @dev Nonces below `below` are void, and those below `nextBelow` from `nextFrom` on, where that is not 0.
    struct Floor {
        uint64 below;
        uint64 nextBelow;
        uint64 nextFrom;
    }

    /// @dev Until when, exclusive, a key signs; 0 where it never did.
    mapping(address account => mapping(address key => uint64)) private _signsUntil;
    mapping(address account => mapping(uint64 nonce => uint64)) private _voidFrom;
    mapping(address account => Floor) private _floors;

    /// @inheritdoc IExchangeVault
    function registerKey(address key) external {
        if (key == address(0)) revert InvalidAccount(key);
        _signsUntil[msg.sender][key] = ACTIVE;
        emit KeyRegistered(msg.sender, key);
    }

    /// @inheritdoc IExchangeVault
    function revokeKey(address key) external {
        if (_signsUntil[msg.sender][key] != ACTIVE) revert UnknownKey(msg.sender, key);
        uint64 effectiveAt = _afterDelay();
        _signsUntil[msg.sender][key] = effectiveAt;
        emit KeyRevocationRequested(msg.sender, key, effectiveAt);
    }

    /// @inheritdoc IExchangeVault
    function invalidateNonce(uint64 nonce) external {
        if (_voidFrom[msg.sender][nonce] != 0) revert AlreadyInvalidated(nonce);
        uint64 effectiveAt = _afterDelay();
        _voidFrom[msg.sender][nonce] = effectiveAt;
        emit NonceInvalidated(msg.sender, nonce, effectiveAt);
    }

    /// @inheritdoc IExchangeVault
    /// @dev One at a time: a second request would either put the first one off or need a list.
    function invalidateNoncesBelow(uint64 nonce) external {
        Floor storage floor = _floors[msg.sender];
        if (block.timestamp < floor.nextFrom) revert InvalidationPending(floor.nextFrom);
        uint64 below = floor.nextBelow;
        if (nonce <= below) revert AlreadyInvalidated(nonce);
        uint64 effectiveAt = _afterDelay();
        (floor.below, floor.nextBelow, floor.nextFrom) = (below, nonce, effectiveAt);
        emit NoncesBelowInvalidated(msg.sender, nonce, effectiveAt);
    }

    /// @inheritdoc IExchangeVault
    function isSigner(address account, address key) public view returns (bool) {
        if (key == address(0)) return false;
        return key == account || block.timestamp < _signsUntil[account][key];
    }

    /// @inheritdoc IExchangeVault
    function isNonceInvalid(address account, uint64 nonce) public view returns (bool) {
        uint64 from = _voidFrom[account][nonce];
        if (from != 0 && block.timestamp >= from) return true;
        Floor storage floor = _floors[account];
        return nonce < (block.timestamp < floor.nextFrom ? floor.below : floor.nextBelow);
    }

    /// @inheritdoc IExchangeVault
    function orderDigest(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPE, order)));
    }

    /// @inheritdoc IExchangeVault
    function withdrawalDigest(Withdrawal calldata withdrawal) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(WITHDRAWAL_TYPE, withdrawal)));
    }

    /// @dev Who signed, or zero where the signature is none or not in its one form. `v` is 27 or 28.
    function _signerOf(bytes32 digest, uint8 v, bytes32 r, bytes32 s) internal pure returns (address) {
        return uint256(s) > MAX_S ? address(0) : ecrecover(digest, v, r, s);
    }

    /// @dev As above, of 65 bytes: r, s, v.
    function _signerOf(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        if (signature.length != 65) return address(0);
        return _signerOf(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
    }

    function _afterDelay() internal view returns (uint64) {
        return uint64(block.timestamp) + EXIT_DELAY;
    }
}
