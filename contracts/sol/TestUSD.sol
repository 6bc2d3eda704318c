// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A dollar for the dev chain
/// @notice Six decimals; anyone mints any amount to anyone. Worth nothing, and meant for development chains alone.
contract TestUSD is ERC20 {
    constructor() ERC20("Test USD", "tUSD") {}

    /// @notice Makes `amount` base units (millionths of a dollar) for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
