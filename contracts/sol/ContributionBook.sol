// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {AssetBound} from "./AssetBound.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {ContributionInput, IContributionBook} from "./interfaces/IContributionBook.sol";

/// @title Who did what for which asset
/// @notice Not a token: a record names its contributor for good. The owner of the asset records, and may let other
/// accounts (a task board, an execution log) record too. Who recorded a contribution is the one who may void it, so an
/// owner cannot strike out work that a task board accepted.
/// @dev Contributor, role, weight and evidence live in the events; storage holds what voiding must check, in one slot.
contract ContributionBook is Multicall, AssetBound, IContributionBook {
    uint8 private constant MAX_ROLE = 6;

    struct Record {
        address recordedBy;
        uint88 assetId;
        bool voided;
    }

    mapping(uint256 contributionId => Record) private _records;
    mapping(uint256 assetId => mapping(address recorder => bool)) private _recorders;
    uint256 private _lastId;

    /// @param assets The asset registry.
    constructor(IAssetRegistry assets) AssetBound(assets) {}

    /// @inheritdoc IContributionBook
    function authoriseRecorder(uint256 assetId, address recorder, bool allowed) external onlyAssetOwner(assetId) {
        _recorders[assetId][recorder] = allowed;
        emit RecorderAuthorised(assetId, recorder, allowed);
    }

    /// @inheritdoc IContributionBook
    function record(uint256 assetId, address contributor, uint8 role, uint256 weight, bytes32 evidenceHash)
        external
        returns (uint256)
    {
        return _record(assetId, contributor, role, weight, evidenceHash);
    }

    /// @inheritdoc IContributionBook
    function recordBatch(ContributionInput[] calldata inputs) external returns (uint256 firstId) {
        firstId = _lastId + 1;
        for (uint256 i = 0; i < inputs.length; ++i) {
            ContributionInput calldata c = inputs[i];
            _record(c.assetId, c.contributor, c.role, c.weight, c.evidenceHash);
        }
    }

    /// @inheritdoc IContributionBook
    function void(uint256 contributionId, string calldata reason) external {
        Record storage entry = _records[contributionId];
        uint256 assetId = entry.assetId;
        if (assetId == 0) revert UnknownContribution(contributionId);
        if (entry.recordedBy != msg.sender) revert NotTheRecorder(contributionId, msg.sender);
        _requireRecorder(assetId);
        if (entry.voided) revert AlreadyVoided(contributionId);
        entry.voided = true;
        emit ContributionVoided(contributionId, assetId, msg.sender, reason);
    }

    /// @inheritdoc IContributionBook
    function isRecorder(uint256 assetId, address recorder) external view returns (bool) {
        return _recorders[assetId][recorder];
    }

    /// @notice Number of contributions; ids are 1 to this, inclusive.
    function contributionCount() external view returns (uint256) {
        return _lastId;
    }

    /// @inheritdoc IContributionBook
    function recordOf(uint256 contributionId)
        external
        view
        returns (uint256 assetId, address recordedBy, bool voided)
    {
        Record storage entry = _records[contributionId];
        if (entry.assetId == 0) revert UnknownContribution(contributionId);
        return (entry.assetId, entry.recordedBy, entry.voided);
    }

    function _record(uint256 assetId, address contributor, uint8 role, uint256 weight, bytes32 evidenceHash)
        private
        returns (uint256 contributionId)
    {
        _requireRecorder(assetId);
        if (contributor == address(0)) revert InvalidContributor();
        if (role > MAX_ROLE) revert InvalidRole(role);
        if (weight == 0 || weight > type(uint128).max) revert InvalidWeight(weight);
        contributionId = ++_lastId;
        // Fits: asset ids count from 1, one per registration.
        _records[contributionId] = Record({recordedBy: msg.sender, assetId: uint88(assetId), voided: false});
        emit ContributionRecorded(contributionId, assetId, contributor, role, weight, evidenceHash, msg.sender);
    }

    /// @dev A recorder's mark says enough: only an existing asset's owner sets it.
    function _requireRecorder(uint256 assetId) private view {
        if (!_recorders[assetId][msg.sender]) ASSETS.requireAuthorised(assetId, msg.sender);
    }
}
