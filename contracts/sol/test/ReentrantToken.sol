// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that calls somebody back in the middle of a transfer
/// @notice For tests: what a hooked or hostile token does to contracts that measure balances around a transfer, or pay out in one.
contract ReentrantToken is ERC20 {
    address private _target;
    bytes private _payload;
    bool private _inside;

    constructor() ERC20("Reentrant", "RE") {}

    /// @notice Makes `amount` base units for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Every transfer from here on calls `target` with `payload` before it moves anything.
    function arm(address target, bytes calldata payload) external {
        _target = target;
        _payload = payload;
        _approve(address(this), target, type(uint256).max);
    }

    /// @inheritdoc ERC20
    function transfer(address to, uint256 value) public override returns (bool) {
        _callBack();
        return super.transfer(to, value);
    }

    /// @inheritdoc ERC20
    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        _callBack();
        return super.transferFrom(from, to, value);
    }

    function _callBack() private {
        if (_target == address(0) || _inside) return;
        _inside = true;
        (bool ok, bytes memory reason) = _target.call(_payload);
        _inside = false;
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }
}
