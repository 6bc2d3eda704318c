// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @title What contracts with windows of time have in common
/// @notice Windows are half open: what belongs into one is refused from its last instant on, and what comes after it is taken
/// from that instant on, so no second belongs to both or to neither.
abstract contract Windowed {
    /// @notice Shortest window that a contract can be deployed with, in seconds.
    uint64 public constant MIN_WINDOW_SECS = 1;
    /// @notice Longest window that a contract can be deployed with, in seconds.
    uint64 public constant MAX_WINDOW_SECS = 30 days;
    /// @notice Farthest deadline that somebody can set, in seconds from now.
    uint64 public constant MAX_DEADLINE_SECS = 366 days;

    /// @dev A window is between `MIN_WINDOW_SECS` and `MAX_WINDOW_SECS`.
    error InvalidWindow(uint64 windowSecs);
    /// @dev A deadline is in the future, at most `MAX_DEADLINE_SECS` away.
    error InvalidDeadline(uint64 deadline);
    /// @dev Too early: it may be done from `until` on.
    error WindowStillOpen(uint64 until);
    /// @dev Too late: it could be done before `since`.
    error WindowOver(uint64 since);

    function _checkedWindow(uint64 windowSecs) internal pure returns (uint64) {
        if (windowSecs < MIN_WINDOW_SECS || windowSecs > MAX_WINDOW_SECS) revert InvalidWindow(windowSecs);
        return windowSecs;
    }

    function _requireDeadline(uint64 deadline) internal view {
        if (deadline <= block.timestamp || deadline > block.timestamp + MAX_DEADLINE_SECS) {
            revert InvalidDeadline(deadline);
        }
    }

    function _requireBefore(uint64 end) internal view {
        if (block.timestamp >= end) revert WindowOver(end);
    }

    function _requireFrom(uint64 end) internal view {
        if (block.timestamp < end) revert WindowStillOpen(end);
    }

    /// @dev Fits 64 bits: block times are far below 2^63 and windows at most thirty days.
    function _endOf(uint64 windowSecs) internal view returns (uint64) {
        return uint64(block.timestamp) + windowSecs;
    }
}
