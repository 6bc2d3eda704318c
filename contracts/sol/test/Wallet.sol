// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";

/// @title An account that is a contract
/// @notice For tests: whoever calls it speaks for it, and it can refuse to be paid in ERC-1155 tokens.
contract Wallet is ERC1155Holder {
    bool private _refuses;

    /// @notice Refuses ERC-1155 tokens from here on, or takes them again.
    function refuse(bool refuses) external {
        _refuses = refuses;
    }

    /// @notice Calls `target` with `payload` in the wallet's name.
    function act(address target, bytes calldata payload) external returns (bytes memory) {
        (bool ok, bytes memory answer) = target.call(payload);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }

    /// @inheritdoc ERC1155Holder
    function onERC1155Received(address operator, address from, uint256 id, uint256 value, bytes memory data)
        public
        override
        returns (bytes4)
    {
        require(!_refuses, "refused");
        return super.onERC1155Received(operator, from, id, value, data);
    }
}
