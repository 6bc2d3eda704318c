// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AssetBound} from "./AssetBound.sol";
import {Bonded} from "./Bonded.sol";
import {Windowed} from "./Windowed.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {CourtConfig, IDisputeCourt} from "./interfaces/IDisputeCourt.sol";

/// @title Disputes over assets
/// @notice Two instances: an appointed judge rules, and the owner may overrule until the appeal window ends; a dispute that the
/// judge leaves alone lapses. A dismissed
/// challenger's bond goes to the treasury, not to the asset's owner, who could else hold the royalties of others for free by
/// disputing an asset of their own.
contract DisputeCourt is Ownable2Step, ReentrancyGuardTransient, AssetBound, Windowed, Bonded, IDisputeCourt {
    uint8 private constant MAX_TAG = 3;
    uint8 private constant OUTCOME_DISMISSED = 0;
    uint8 private constant OUTCOME_UPHELD = 1;
    uint8 private constant OUTCOME_WITHDRAWN = 2;
    uint8 private constant OUTCOME_LAPSED = 3;

    enum State {
        Unknown,
        Open,
        Judged,
        Resolved
    }

    /// @dev Two slots; asset ids count from 1, one per registration, so they fit.
    struct Dispute {
        address challenger;
        uint88 assetId;
        State state;
        uint64 resolvableAt;
        bool upheld;
        uint64 judgeableUntil;
    }

    /// @notice How long the owner may overrule a judgement, in seconds.
    uint64 public immutable APPEAL_WINDOW;
    /// @notice Receives the bonds of disputes that are dismissed.
    address public immutable TREASURY;

    /// @notice Judges first.
    address public appointedJudge;

    mapping(uint256 disputeId => Dispute) private _disputes;
    uint256 private _lastId;

    /// @param assets The asset registry.
    /// @param admin Overrules judgements and appoints the judge.
    constructor(IAssetRegistry assets, address admin, CourtConfig memory config)
        Ownable(admin)
        AssetBound(assets)
        Bonded(config.bondToken, config.bond)
    {
        APPEAL_WINDOW = _checkedWindow(config.appealWindowSecs);
        _requireAccount(config.treasury);
        TREASURY = config.treasury;
        _setJudge(config.judge);
    }

    /// @notice Lets another account judge from here on.
    function setJudge(address newJudge) external onlyOwner {
        _setJudge(newJudge);
    }

    /// @inheritdoc IDisputeCourt
    function raise(uint256 assetId, uint8 tag, bytes32 evidenceHash, string calldata evidenceUri)
        external
        nonReentrant
        returns (uint256 disputeId)
    {
        if (tag > MAX_TAG) revert InvalidTag(tag);
        if (!ASSETS.exists(assetId)) revert IAssetRegistry.UnknownAsset(assetId);
        disputeId = ++_lastId;
        uint64 judgeableUntil = _endOf(DECISION_PERIOD_SECS);
        _disputes[disputeId] = Dispute(msg.sender, uint88(assetId), State.Open, 0, false, judgeableUntil);
        emit DisputeRaised(disputeId, assetId, msg.sender, tag, BOND, evidenceHash, evidenceUri);
        _takeBond(msg.sender);
    }

    /// @inheritdoc IDisputeCourt
    function judge(uint256 disputeId, bool upheld, bytes32 rulingHash) external {
        if (msg.sender != appointedJudge) revert OnlyJudge(msg.sender);
        Dispute storage dispute = _open(disputeId);
        _requireBefore(dispute.judgeableUntil);
        dispute.state = State.Judged;
        dispute.upheld = upheld;
        dispute.resolvableAt = _endOf(APPEAL_WINDOW);
        emit DisputeJudged(disputeId, dispute.assetId, msg.sender, upheld, dispute.resolvableAt, rulingHash);
    }

    /// @inheritdoc IDisputeCourt
    function overrule(uint256 disputeId, bool upheld, bytes32 rulingHash) external onlyOwner {
        Dispute storage dispute = _judged(disputeId);
        _requireBefore(dispute.resolvableAt);
        if (dispute.upheld == upheld) revert SameRuling(disputeId);
        dispute.upheld = upheld;
        emit DisputeJudged(disputeId, dispute.assetId, msg.sender, upheld, dispute.resolvableAt, rulingHash);
    }

    /// @inheritdoc IDisputeCourt
    function resolve(uint256 disputeId) external nonReentrant {
        Dispute storage dispute = _judged(disputeId);
        _requireFrom(dispute.resolvableAt);
        if (dispute.upheld) _end(disputeId, dispute, OUTCOME_UPHELD, dispute.challenger);
        else _end(disputeId, dispute, OUTCOME_DISMISSED, TREASURY);
    }

    /// @inheritdoc IDisputeCourt
    function withdraw(uint256 disputeId) external nonReentrant {
        Dispute storage dispute = _open(disputeId);
        if (dispute.challenger != msg.sender) revert OnlyChallenger(disputeId, msg.sender);
        _end(disputeId, dispute, OUTCOME_WITHDRAWN, msg.sender);
    }

    /// @inheritdoc IDisputeCourt
    function lapse(uint256 disputeId) external nonReentrant {
        Dispute storage dispute = _open(disputeId);
        _requireFrom(dispute.judgeableUntil);
        _end(disputeId, dispute, OUTCOME_LAPSED, dispute.challenger);
    }

    /// @notice Number of disputes; ids are 1 to this, inclusive.
    function disputeCount() external view returns (uint256) {
        return _lastId;
    }

    /// @notice The dispute; of one that waits for its judge, `resolvableAt` is 0 and `upheld` false.
    function disputeOf(uint256 disputeId) external view returns (Dispute memory) {
        return _known(disputeId);
    }

    function _end(uint256 disputeId, Dispute storage dispute, uint8 outcome, address bondTo) private {
        dispute.state = State.Resolved;
        emit DisputeResolved(disputeId, dispute.assetId, outcome, bondTo, BOND);
        _payBond(bondTo);
    }

    function _known(uint256 disputeId) private view returns (Dispute storage dispute) {
        dispute = _disputes[disputeId];
        if (dispute.state == State.Unknown) revert UnknownDispute(disputeId);
    }

    function _open(uint256 disputeId) private view returns (Dispute storage dispute) {
        dispute = _known(disputeId);
        if (dispute.state != State.Open) revert NotOpen(disputeId);
    }

    function _judged(uint256 disputeId) private view returns (Dispute storage dispute) {
        dispute = _known(disputeId);
        if (dispute.state != State.Judged) revert NotJudged(disputeId);
    }

    function _requireAccount(address account) private view {
        if (account == address(0) || account == address(this)) revert InvalidAccount(account);
    }

    function _setJudge(address newJudge) private {
        _requireAccount(newJudge);
        emit JudgeChanged(appointedJudge, newJudge);
        appointedJudge = newJudge;
    }
}
