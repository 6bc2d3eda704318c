// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ContributionInput} from "../interfaces/IContributionBook.sol";
import {IExecutionLog} from "../interfaces/IExecutionLog.sol";
import {ExecutionCore} from "./ExecutionCore.sol";

/// @title Federated rounds
/// @notice Anyone hands in an update with a weight of their own; the coordinator, who speaks for the asset, picks those that
/// count, and only they become contributions.
abstract contract Rounds is ExecutionCore {
    struct Round {
        address coordinator;
        uint64 deadline;
        bool over;
    }

    /// @dev A weight of 0 says that there is no update, or that it was counted.
    struct Update {
        bytes32 updateHash;
        uint128 weight;
        bool submitted;
    }

    mapping(uint256 roundId => Round) private _rounds;
    mapping(uint256 roundId => mapping(address participant => Update)) private _updates;
    mapping(uint256 assetId => uint32) private _roundsOf;
    uint256 private _lastRoundId;

    /// @inheritdoc IExecutionLog
    function openRound(uint256 assetId, uint8 privacy, uint64 epsilonMicros, bytes32 baseHash, uint64 deadline)
        external
        onlyAssetOwner(assetId)
        returns (uint256 roundId)
    {
        _requirePrivacy(privacy, epsilonMicros);
        _requireDeadline(deadline);
        roundId = ++_lastRoundId;
        _rounds[roundId] = Round(msg.sender, deadline, false);
        uint32 number = ++_roundsOf[assetId];
        emit RoundOpened(roundId, assetId, msg.sender, number, privacy, epsilonMicros, baseHash, deadline);
    }

    /// @inheritdoc IExecutionLog
    function submitUpdate(uint256 roundId, uint256 datasetId, bytes32 updateHash, uint256 weight) external {
        Round storage round = _openRound(roundId);
        _requireBefore(round.deadline);
        if (weight == 0 || weight > type(uint128).max) revert InvalidWeight(weight);
        if (datasetId != 0) ASSETS.requireAuthorised(datasetId, msg.sender);
        if (_updates[roundId][msg.sender].submitted) revert AlreadySubmitted(roundId, msg.sender);
        _updates[roundId][msg.sender] = Update(updateHash, uint128(weight), true);
        emit UpdateSubmitted(roundId, msg.sender, datasetId, updateHash, weight);
    }

    /// @inheritdoc IExecutionLog
    /// @dev The coordinator need not wait for the deadline, where all whom they wait for have handed in.
    function aggregate(
        uint256 roundId,
        uint256 outputAssetId,
        bytes32 resultHash,
        address[] calldata participants
    ) external nonReentrant {
        Round storage round = _openRound(roundId);
        if (msg.sender != round.coordinator) revert OnlyCoordinator(roundId, msg.sender);
        if (outputAssetId != 0) ASSETS.requireAuthorised(outputAssetId, msg.sender);
        round.over = true;
        ContributionInput[] memory inputs = _count(roundId, outputAssetId, participants);
        bool records = inputs.length != 0 && outputAssetId != 0 && _isRecorder(outputAssetId);
        uint256 firstId = records ? CONTRIBUTIONS.recordBatch(inputs) : 0;
        emit RoundAggregated(roundId, outputAssetId, resultHash, firstId, inputs.length);
    }

    /// @notice Number of rounds; ids are 1 to this, inclusive.
    function roundCount() external view returns (uint256) {
        return _lastRoundId;
    }

    function _count(uint256 roundId, uint256 outputAssetId, address[] calldata participants)
        private
        returns (ContributionInput[] memory inputs)
    {
        inputs = new ContributionInput[](participants.length);
        for (uint256 i = 0; i < participants.length; ++i) {
            Update storage update = _updates[roundId][participants[i]];
            uint256 weight = update.weight;
            if (weight == 0) revert NoUpdateOf(roundId, participants[i]);
            update.weight = 0;
            inputs[i] = ContributionInput(outputAssetId, participants[i], ROLE_TRAIN, weight, update.updateHash);
        }
    }

    function _openRound(uint256 roundId) private view returns (Round storage round) {
        round = _rounds[roundId];
        if (round.coordinator == address(0)) revert UnknownRound(roundId);
        if (round.over) revert RoundIsOver(roundId);
    }
}
