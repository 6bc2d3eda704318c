// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that burns a part of every transfer
/// @notice For tests: what arrives is less than what was sent.
contract FeeOnTransferToken is ERC20 {
    /// @notice What a transfer loses, in parts per 10,000, rounded down.
    uint256 public immutable FEE_BPS;

    constructor(uint256 feeBps) ERC20("Fee on transfer", "FEE") {
        FEE_BPS = feeBps;
    }

    /// @notice Makes `amount` base units for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : value * FEE_BPS / 10_000;
        super._update(from, to, value - fee);
        if (fee != 0) super._update(from, address(0), fee);
    }
}
