// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Taking tokens so that what was asked for is what arrives
/// @notice Escrow and bonds are promised as amounts, so a token that takes a fee on transfer is refused where it would make
/// the contract owe more than it has.
library ExactTransfer {
    using SafeERC20 for IERC20;

    /// @dev Less or more arrived than was asked for.
    error TransferNotExact(address token, uint256 expected, uint256 arrived);

    /// @dev Callers are non-reentrant, so nothing else of theirs moves the balance meanwhile.
    function takeExactly(IERC20 token, address from, uint256 amount) internal {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        uint256 arrived = token.balanceOf(address(this)) - before;
        if (arrived != amount) revert TransferNotExact(address(token), amount, arrived);
    }
}
