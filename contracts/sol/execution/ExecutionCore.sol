// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AssetBound} from "../AssetBound.sol";
import {Windowed} from "../Windowed.sol";
import {IContributionBook} from "../interfaces/IContributionBook.sol";
import {IExecutionLog} from "../interfaces/IExecutionLog.sol";

/// @title What executions and federated rounds have in common
abstract contract ExecutionCore is ReentrancyGuardTransient, AssetBound, Windowed, IExecutionLog {
    uint8 internal constant ROLE_TRAIN = 3;
    uint8 internal constant ROLE_EVALUATE = 4;
    uint8 internal constant ROLE_COMPUTE = 5;

    uint8 private constant PRIVACY_DIFFERENTIAL = 1;
    uint8 private constant MAX_PRIVACY = 4;

    /// @notice Where work is recorded.
    IContributionBook public immutable CONTRIBUTIONS;

    constructor(IContributionBook contributions) {
        CONTRIBUTIONS = contributions;
    }

    /// @dev Only differential privacy spends a budget, and it always does.
    function _requirePrivacy(uint8 privacy, uint64 epsilonMicros) internal pure {
        if (privacy > MAX_PRIVACY || (privacy == PRIVACY_DIFFERENTIAL) != (epsilonMicros != 0)) {
            revert InvalidPrivacy(privacy, epsilonMicros);
        }
    }

    function _isRecorder(uint256 assetId) internal view returns (bool) {
        return CONTRIBUTIONS.isRecorder(assetId, address(this));
    }
}
