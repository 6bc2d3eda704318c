// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ExactTransfer} from "../ExactTransfer.sol";
import {IAssetRegistry} from "../interfaces/IAssetRegistry.sol";
import {ExecutionInput, IExecutionLog} from "../interfaces/IExecutionLog.sol";
import {ILicenseRegistry} from "../interfaces/ILicenseRegistry.sol";
import {IRevenueRouter} from "../interfaces/IRevenueRouter.sol";
import {ExecutionCore} from "./ExecutionCore.sol";

/// @title Executions from request to delivery
/// @notice The fee is escrowed at request; delivery makes it the asset's revenue, and cancelling gives it back: one of the two, once.
/// @dev A provider cannot pick an output among the requester's assets: it would record weight of its own choice there.
abstract contract Executions is ExecutionCore {
    using ExactTransfer for IERC20;
    using SafeERC20 for IERC20;

    /// @notice Most datasets that an execution names.
    uint256 public constant MAX_DATASETS = 32;

    uint8 private constant KIND_INFERENCE = 2;
    uint8 private constant KIND_EVALUATION = 3;
    uint8 private constant MAX_KIND = 4;
    uint8 private constant REASON_USAGE = 1;
    uint8 private constant REASON_INFERENCE = 2;

    enum State {
        Unknown,
        Open,
        Completed,
        Cancelled,
        Challenged,
        Refuted
    }

    /// @dev `challengeableUntil` (exclusive) and `contributionId` are set at completion.
    struct Execution {
        address requester;
        uint64 deadline;
        State state;
        uint8 kind;
        address provider;
        uint64 challengeableUntil;
        address feeToken;
        uint256 fee;
        uint256 assetId;
        uint256 namedOutputId;
        uint256 contributionId;
    }

    /// @notice Where licences of the assets are.
    ILicenseRegistry public immutable LICENSES;
    /// @notice Takes fees of completed executions.
    IRevenueRouter public immutable ROUTER;
    /// @notice How long a completed execution can be challenged, in seconds.
    uint64 public immutable CHALLENGE_WINDOW;

    mapping(uint256 executionId => Execution) internal _executions;
    uint256 private _lastExecutionId;

    constructor(ILicenseRegistry licenses, IRevenueRouter router, uint64 challengeWindowSecs) {
        LICENSES = licenses;
        ROUTER = router;
        CHALLENGE_WINDOW = _checkedWindow(challengeWindowSecs);
    }

    /// @inheritdoc IExecutionLog
    function request(ExecutionInput calldata input) external nonReentrant returns (uint256 executionId) {
        _check(input);
        executionId = ++_lastExecutionId;
        Execution storage execution = _executions[executionId];
        execution.requester = msg.sender;
        execution.deadline = input.deadline;
        execution.state = State.Open;
        execution.kind = input.kind;
        execution.provider = input.provider;
        execution.feeToken = input.feeToken;
        execution.fee = input.fee;
        execution.assetId = input.assetId;
        _announce(executionId, input);
        if (input.fee != 0) IERC20(input.feeToken).takeExactly(msg.sender, input.fee);
    }

    /// @inheritdoc IExecutionLog
    function nameOutput(uint256 executionId, uint256 outputAssetId) external {
        Execution storage execution = _open(executionId);
        if (msg.sender != execution.requester) revert OnlyRequester(executionId, msg.sender);
        if (outputAssetId != 0) ASSETS.requireAuthorised(outputAssetId, msg.sender);
        execution.namedOutputId = outputAssetId;
    }

    /// @inheritdoc IExecutionLog
    function complete(uint256 executionId, uint256 outputAssetId, bytes32 outputHash, uint64 meteredUnits)
        external
        nonReentrant
    {
        Execution storage execution = _open(executionId);
        if (msg.sender != execution.provider) revert OnlyProvider(executionId, msg.sender);
        _requireBefore(execution.deadline);
        if (outputAssetId != 0) _requireOutput(execution, outputAssetId);

        execution.state = State.Completed;
        execution.challengeableUntil = _endOf(CHALLENGE_WINDOW);
        uint256 contributionId = _record(execution.kind, outputAssetId, outputHash, meteredUnits);
        execution.contributionId = contributionId;
        uint256 revenueId = _payFee(executionId, execution);
        emit ExecutionCompleted(
            executionId,
            execution.assetId,
            msg.sender,
            outputAssetId,
            outputHash,
            meteredUnits,
            revenueId,
            contributionId
        );
    }

    /// @inheritdoc IExecutionLog
    function cancel(uint256 executionId) external nonReentrant {
        Execution storage execution = _open(executionId);
        if (msg.sender != execution.provider) {
            if (msg.sender != execution.requester) revert OnlyRequester(executionId, msg.sender);
            _requireFrom(execution.deadline);
        }
        execution.state = State.Cancelled;
        uint256 fee = execution.fee;
        emit ExecutionCancelled(executionId, fee);
        if (fee != 0) IERC20(execution.feeToken).safeTransfer(execution.requester, fee);
    }

    /// @notice The execution; its state is `Unknown` where none has the id.
    function executionOf(uint256 executionId) external view returns (Execution memory) {
        return _executions[executionId];
    }

    /// @notice Number of executions; ids are 1 to this, inclusive.
    function executionCount() external view returns (uint256) {
        return _lastExecutionId;
    }

    function _check(ExecutionInput calldata input) private view {
        if (input.kind > MAX_KIND) revert InvalidKind(input.kind);
        _requirePrivacy(input.privacy, input.epsilonMicros);
        if (input.provider == address(0) || input.provider == address(this)) revert InvalidAccount(input.provider);
        if ((input.fee == 0) != (input.feeToken == address(0))) revert InvalidFee(input.feeToken, input.fee);
        _requireDeadline(input.deadline);
        _requireAsset(input.assetId);
        _requireCaller(input);
        if (input.licenseId != 0) _requireLicense(input.licenseId, input.assetId);
        if (input.datasetIds.length > MAX_DATASETS) revert InvalidDatasets();
        uint256 last;
        for (uint256 i = 0; i < input.datasetIds.length; ++i) {
            uint256 datasetId = input.datasetIds[i];
            if (datasetId <= last) revert InvalidDatasets();
            _requireAsset(datasetId);
            last = datasetId;
        }
    }

    /// @dev Who provides an execution speaks for the asset that is executed, in calls that belong to it; else only who is
    /// authorised for an asset calls in its name.
    function _requireCaller(ExecutionInput calldata input) private view {
        uint256 parentId = input.parentExecutionId;
        if (parentId != 0) {
            Execution storage parent = _open(parentId);
            if (msg.sender != parent.provider) revert OnlyProvider(parentId, msg.sender);
            if (parent.assetId == input.callerAssetId) return;
        }
        if (input.callerAssetId != 0) ASSETS.requireAuthorised(input.callerAssetId, msg.sender);
    }

    function _requireLicense(uint256 licenseId, uint256 assetId) private view {
        if (!LICENSES.isValid(licenseId)) revert LicenseNotValid(licenseId);
        (uint256 licensedAssetId,,,) = LICENSES.seriesOf(licenseId);
        if (licensedAssetId != assetId) revert LicenseOfAnotherAsset(licenseId, licensedAssetId, assetId);
        if (IERC1155(address(LICENSES)).balanceOf(msg.sender, licenseId) == 0) {
            revert LicenseNotHeld(licenseId, msg.sender);
        }
    }

    function _requireOutput(Execution storage execution, uint256 outputAssetId) private view {
        bool named = outputAssetId == execution.namedOutputId;
        ASSETS.requireAuthorised(outputAssetId, named ? execution.requester : execution.provider);
    }

    function _requireAsset(uint256 assetId) private view {
        if (!ASSETS.exists(assetId)) revert IAssetRegistry.UnknownAsset(assetId);
    }

    function _record(uint8 kind, uint256 outputAssetId, bytes32 outputHash, uint64 meteredUnits)
        private
        returns (uint256)
    {
        if (outputAssetId == 0 || !_isRecorder(outputAssetId)) return 0;
        uint8 role = kind == KIND_INFERENCE ? ROLE_COMPUTE : kind == KIND_EVALUATION ? ROLE_EVALUATE : ROLE_TRAIN;
        uint256 weight = meteredUnits == 0 ? 1 : meteredUnits;
        return CONTRIBUTIONS.record(outputAssetId, msg.sender, role, weight, outputHash);
    }

    function _payFee(uint256 executionId, Execution storage execution) private returns (uint256) {
        uint256 fee = execution.fee;
        if (fee == 0) return 0;
        address token = execution.feeToken;
        uint8 reason = execution.kind == KIND_INFERENCE ? REASON_INFERENCE : REASON_USAGE;
        IERC20(token).forceApprove(address(ROUTER), fee);
        return ROUTER.pay(execution.assetId, token, fee, reason, bytes32(executionId));
    }

    function _announce(uint256 executionId, ExecutionInput calldata input) private {
        emit ExecutionRequested(
            executionId,
            input.assetId,
            msg.sender,
            input.callerAssetId,
            input.parentExecutionId,
            input.kind,
            input.licenseId,
            input.provider,
            input.feeToken,
            input.fee,
            input.privacy,
            input.epsilonMicros,
            input.datasetIds,
            input.inputHash,
            input.deadline
        );
    }

    function _known(uint256 executionId) internal view returns (Execution storage execution) {
        execution = _executions[executionId];
        if (execution.state == State.Unknown) revert UnknownExecution(executionId);
    }

    function _open(uint256 executionId) private view returns (Execution storage execution) {
        execution = _known(executionId);
        if (execution.state != State.Open) revert ExecutionNotOpen(executionId);
    }
}
