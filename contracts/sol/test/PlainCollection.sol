// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title An ERC-721 collection and nothing else
/// @notice For tests: a contract of a stranger, which knows nothing of Souk. Anyone may mint, and burn anything.
contract PlainCollection is ERC721 {
    constructor() ERC721("Plain collection", "PLAIN") {}

    /// @notice Makes the token `id` for `to`.
    function mint(address to, uint256 id) external {
        _mint(to, id);
    }

    /// @notice Destroys the token `id`.
    function burn(uint256 id) external {
        _burn(id);
    }
}
