// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Bonded} from "../Bonded.sol";
import {IExecutionLog} from "../interfaces/IExecutionLog.sol";
import {Executions} from "./Executions.sol";

/// @title Challenges of completed executions
/// @notice What a challenged execution earned is held off chain until the owner decides, or does not in time; the bond makes it worth
/// a thought.
abstract contract Challenges is Ownable2Step, Bonded, Executions {
    /// @dev `challenger` is zero once the challenge was decided or lapsed.
    struct Challenge {
        address challenger;
        uint64 decidableUntil;
        uint256 executionId;
    }

    /// @notice Receives the bonds of challenges that are dismissed.
    address public immutable TREASURY;

    mapping(uint256 challengeId => Challenge) private _challenges;
    uint256 private _lastChallengeId;

    constructor(address treasury) {
        if (treasury == address(0) || treasury == address(this)) revert InvalidAccount(treasury);
        TREASURY = treasury;
    }

    /// @inheritdoc IExecutionLog
    function challenge(uint256 executionId, bytes32 evidenceHash, string calldata evidenceUri)
        external
        nonReentrant
        returns (uint256 challengeId)
    {
        Execution storage execution = _known(executionId);
        if (execution.state != State.Completed) revert NotChallengeable(executionId);
        _requireBefore(execution.challengeableUntil);
        execution.state = State.Challenged;
        challengeId = ++_lastChallengeId;
        _challenges[challengeId] = Challenge(msg.sender, _endOf(DECISION_PERIOD_SECS), executionId);
        emit ExecutionChallenged(challengeId, executionId, msg.sender, BOND, evidenceHash, evidenceUri);
        _takeBond(msg.sender);
    }

    /// @inheritdoc IExecutionLog
    /// @dev An owner of the output who has withdrawn the log's right to record cannot keep a challenge from being decided.
    function resolveChallenge(uint256 challengeId, bool upheld) external onlyOwner nonReentrant {
        Challenge storage entry = _undecided(challengeId);
        _requireBefore(entry.decidableUntil);
        _end(challengeId, entry, upheld, upheld ? entry.challenger : TREASURY);
    }

    /// @inheritdoc IExecutionLog
    function lapseChallenge(uint256 challengeId) external nonReentrant {
        Challenge storage entry = _undecided(challengeId);
        _requireFrom(entry.decidableUntil);
        _end(challengeId, entry, false, entry.challenger);
    }

    /// @notice Number of challenges; ids are 1 to this, inclusive.
    function challengeCount() external view returns (uint256) {
        return _lastChallengeId;
    }

    function _undecided(uint256 challengeId) private view returns (Challenge storage entry) {
        entry = _challenges[challengeId];
        if (entry.challenger == address(0)) revert ChallengeNotOpen(challengeId);
    }

    function _end(uint256 challengeId, Challenge storage entry, bool upheld, address bondTo) private {
        uint256 executionId = entry.executionId;
        Execution storage execution = _executions[executionId];
        entry.challenger = address(0);
        execution.state = upheld ? State.Refuted : State.Completed;
        uint256 voidedId = upheld ? _void(execution.contributionId) : 0;
        emit ChallengeResolved(challengeId, executionId, upheld, bondTo, BOND, voidedId);
        _payBond(bondTo);
    }

    function _void(uint256 contributionId) private returns (uint256) {
        if (contributionId == 0) return 0;
        (uint256 assetId,,) = CONTRIBUTIONS.recordOf(contributionId);
        if (!_isRecorder(assetId)) return 0;
        CONTRIBUTIONS.void(contributionId, "challenge upheld");
        return contributionId;
    }
}
