// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title An ERC-1155 collection and nothing else
/// @notice For tests: a contract of a stranger, which knows nothing of Souk. Anyone may mint, and burn what is theirs.
contract PlainItems is ERC1155 {
    constructor() ERC1155("") {}

    /// @notice Makes `amounts[n]` of each `ids[n]` for `to`, in one event.
    function mintBatch(address to, uint256[] calldata ids, uint256[] calldata amounts) external {
        _mintBatch(to, ids, amounts, "");
    }

    /// @notice Destroys `amount` of `id` of the caller.
    function burn(uint256 id, uint256 amount) external {
        _burn(msg.sender, id, amount);
    }
}
