// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An ERC-20 token and nothing else
/// @notice For tests: a contract of a stranger, which knows nothing of Souk. Anyone may mint, and burn what is theirs.
contract PlainCoin is ERC20 {
    constructor() ERC20("Plain coin", "COIN") {}

    /// @notice Makes `amount` base units for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Destroys `amount` base units of the caller.
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }
}
