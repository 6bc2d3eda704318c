// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ExactTransfer} from "./ExactTransfer.sol";

/// @title What contracts that take bonds have in common
/// @notice One bond, of one token, for every objection; it leaves whole and once. A lost bond never goes to the party that was
/// accused: a bond that comes back to a friend would make an objection free.
abstract contract Bonded {
    using ExactTransfer for IERC20;
    using SafeERC20 for IERC20;

    /// @notice How long an objection waits for whoever decides it, in seconds. From then on it is decided no more, and anyone lets
    /// it lapse: the bond goes back, because nobody found the objection wrong, and it holds nothing up any more, because nobody
    /// found it right.
    uint64 public constant DECISION_PERIOD_SECS = 30 days;

    /// @notice The ERC-20 token of bonds; one that calls nobody back and refuses no receiver.
    IERC20 public immutable BOND_TOKEN;
    /// @notice The bond, in base units.
    uint256 public immutable BOND;

    /// @notice All bonds that wait for a decision, in base units.
    uint256 public bondsHeld;

    /// @dev A bond is of a token, and more than nothing.
    error InvalidBond(address token, uint256 amount);

    constructor(IERC20 token, uint256 amount) {
        if (address(token) == address(0) || amount == 0) revert InvalidBond(address(token), amount);
        BOND_TOKEN = token;
        BOND = amount;
    }

    function _takeBond(address from) internal {
        bondsHeld += BOND;
        BOND_TOKEN.takeExactly(from, BOND);
    }

    function _payBond(address to) internal {
        bondsHeld -= BOND;
        BOND_TOKEN.safeTransfer(to, BOND);
    }
}
