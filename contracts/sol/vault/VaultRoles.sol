// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IExchangeVault, VaultConfig} from "../interfaces/IExchangeVault.sol";

/// @title Who works for the vault, and what happens when they stop
/// @notice The owner appoints; nobody here can move a trader's balance without the trader's signature. The delays are fixed for good.
abstract contract VaultRoles is Ownable2Step, IExchangeVault {
    /// @notice Shortest delay that a vault can have.
    uint64 public constant MIN_DELAY_SECS = 1 minutes;
    /// @notice Longest delay that a vault can have.
    uint64 public constant MAX_DELAY_SECS = 30 days;

    /// @notice Seconds before an exit, a revocation or an invalidation takes effect.
    uint64 public immutable EXIT_DELAY;
    /// @notice Seconds after an order's expiry in which its fills still settle; at most `EXIT_DELAY`.
    uint64 public immutable SETTLEMENT_GRACE;
    /// @notice Seconds of the operator's silence after which anyone may open the escape; at least `EXIT_DELAY`.
    uint64 public immutable ESCAPE_DELAY;

    /// @notice Settles fills and sends heartbeats.
    address public operator;
    /// @notice Unix seconds at which the operator was last heard of.
    uint64 public lastHeartbeat;
    /// @notice Whether the escape is open, which it then is for ever.
    bool public escapeOpen;
    /// @notice Key that co-signs withdrawals.
    address public cosigner;
    /// @notice Vault account that fees accrue to.
    address public feeAccount;

    modifier onlyOperator() {
        if (msg.sender != operator) revert OnlyOperator(msg.sender);
        _;
    }

    /// @dev Reverts once the escape is open.
    modifier beforeEscape() {
        if (escapeOpen) revert EscapeOpen();
        _;
    }

    constructor(address admin, VaultConfig memory config) Ownable(admin) {
        // Together: MIN_DELAY_SECS <= grace <= exit delay <= escape delay <= MAX_DELAY_SECS.
        if (config.settlementGraceSecs < MIN_DELAY_SECS || config.settlementGraceSecs > config.exitDelaySecs) {
            revert InvalidDelay(config.settlementGraceSecs);
        }
        if (config.escapeDelaySecs < config.exitDelaySecs || config.escapeDelaySecs > MAX_DELAY_SECS) {
            revert InvalidDelay(config.escapeDelaySecs);
        }
        EXIT_DELAY = config.exitDelaySecs;
        SETTLEMENT_GRACE = config.settlementGraceSecs;
        ESCAPE_DELAY = config.escapeDelaySecs;
        _setOperator(config.operator);
        _setCosigner(config.cosigner);
        _setFeeAccount(config.feeAccount);
        _beat();
    }

    /// @notice Lets another account settle from here on. It must send a heartbeat itself: the silence goes on until then.
    function setOperator(address newOperator) external onlyOwner {
        _setOperator(newOperator);
    }

    /// @notice Lets another key co-sign withdrawals from here on.
    function setCosigner(address newCosigner) external onlyOwner {
        _setCosigner(newCosigner);
    }

    /// @notice Lets fees accrue to another account from here on.
    function setFeeAccount(address newFeeAccount) external onlyOwner {
        _setFeeAccount(newFeeAccount);
    }

    /// @inheritdoc IExchangeVault
    function heartbeat() external onlyOperator {
        _beat();
        emit Heartbeat(msg.sender);
    }

    /// @inheritdoc IExchangeVault
    function enterEscape() external beforeEscape {
        uint64 escapableFrom = lastHeartbeat + ESCAPE_DELAY;
        if (block.timestamp <= escapableFrom) revert OperatorAlive(escapableFrom);
        escapeOpen = true;
        emit EscapeEntered(msg.sender);
    }

    function _beat() internal {
        lastHeartbeat = uint64(block.timestamp);
    }

    function _requireAccount(address account) internal view {
        if (account == address(0) || account == address(this)) revert InvalidAccount(account);
    }

    function _setOperator(address newOperator) private {
        _requireAccount(newOperator);
        emit OperatorChanged(operator, newOperator);
        operator = newOperator;
    }

    function _setCosigner(address newCosigner) private {
        _requireAccount(newCosigner);
        emit CosignerChanged(cosigner, newCosigner);
        cosigner = newCosigner;
    }

    function _setFeeAccount(address newFeeAccount) private {
        _requireAccount(newFeeAccount);
        emit FeeAccountChanged(feeAccount, newFeeAccount);
        feeAccount = newFeeAccount;
    }
}
