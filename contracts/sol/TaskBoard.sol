// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AssetBound} from "./AssetBound.sol";
import {ExactTransfer} from "./ExactTransfer.sol";
import {Windowed} from "./Windowed.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IContributionBook} from "./interfaces/IContributionBook.sol";
import {ITaskBoard, TaskInput} from "./interfaces/ITaskBoard.sol";

/// @title Labelling and collection tasks with escrowed rewards
/// @notice The whole reward is here before anyone works. A submission is paid by the review that fills the quorum, in the same
/// transaction that records the contribution; nobody but the reviewers decides, and the poster gets back only what they left.
/// @dev Only the asset's owner posts: a stranger's task with a stranger's reviewers would hand out parts of the contributors'
/// share. Should the owner withdraw the board's right to record, work is paid all the same.
contract TaskBoard is Multicall, ReentrancyGuardTransient, ERC1155Holder, AssetBound, Windowed, ITaskBoard {
    using ExactTransfer for IERC20;
    using SafeERC20 for IERC20;

    /// @notice Most reviewers that a task can have.
    uint256 public constant MAX_REVIEWERS = 32;

    uint8 private constant MODE_DUAL = 1;
    uint8 private constant MODE_COMMUNITY = 2;
    uint8 private constant MAX_ROLE = 6;

    enum State {
        Unknown,
        Open,
        Accepted,
        Rejected
    }

    /// @dev `waiting` counts submissions that are neither accepted nor rejected.
    struct Task {
        address poster;
        uint64 deadline;
        uint8 mode;
        uint8 role;
        uint8 quorum;
        uint8 reviewerCount;
        address rewardToken;
        uint32 places;
        uint32 accepted;
        address secondToken;
        uint64 waiting;
        bool closed;
        uint256 assetId;
        uint256 reward;
        uint256 secondReward;
        uint256 weight;
    }

    struct Submission {
        address worker;
        State state;
        uint8 accepts;
        uint8 rejects;
        uint256 taskId;
        bytes32 contentHash;
    }

    /// @notice Where accepted work is recorded.
    IContributionBook public immutable CONTRIBUTIONS;
    /// @notice The shares that community tasks pay in.
    IERC1155 public immutable SHARES;
    /// @notice How long after a task's deadline its reviewers may review, in seconds.
    uint64 public immutable REVIEW_PERIOD;

    mapping(uint256 taskId => Task) private _tasks;
    mapping(uint256 taskId => mapping(address account => bool)) private _reviewers;
    mapping(uint256 submissionId => Submission) private _submissions;
    mapping(uint256 submissionId => mapping(address reviewer => bool)) private _reviewed;
    uint256 private _lastTaskId;
    uint256 private _lastSubmissionId;

    /// @param assets The asset registry.
    /// @param contributions The contribution book.
    /// @param shares The shares of the assets.
    /// @param reviewPeriodSecs How long after a deadline reviewers may review.
    constructor(IAssetRegistry assets, IContributionBook contributions, IERC1155 shares, uint64 reviewPeriodSecs)
        AssetBound(assets)
    {
        CONTRIBUTIONS = contributions;
        SHARES = shares;
        REVIEW_PERIOD = _checkedWindow(reviewPeriodSecs);
    }

    /// @inheritdoc ITaskBoard
    function post(TaskInput calldata input)
        external
        nonReentrant
        onlyAssetOwner(input.assetId)
        returns (uint256 taskId)
    {
        _check(input);
        taskId = ++_lastTaskId;
        _appoint(taskId, input.reviewers);
        _keep(_tasks[taskId], input);
        _announce(taskId, input);

        uint256 places = input.places;
        if (input.mode == MODE_COMMUNITY) {
            SHARES.safeTransferFrom(msg.sender, address(this), input.assetId, input.reward * places, "");
        } else {
            IERC20(input.rewardToken).takeExactly(msg.sender, input.reward * places);
        }
        if (input.mode == MODE_DUAL) {
            IERC20(input.secondToken).takeExactly(msg.sender, input.secondReward * places);
        }
    }

    /// @inheritdoc ITaskBoard
    function submit(uint256 taskId, bytes32 contentHash, string calldata contentUri)
        external
        nonReentrant
        returns (uint256 submissionId)
    {
        Task storage task = _open(taskId);
        _requireBefore(task.deadline);
        if (task.accepted == task.places) revert NoPlacesLeft(taskId);
        if (_reviewers[taskId][msg.sender]) revert WorkByReviewer(taskId, msg.sender);
        ++task.waiting;
        submissionId = ++_lastSubmissionId;
        _submissions[submissionId] = Submission(msg.sender, State.Open, 0, 0, taskId, contentHash);
        emit SubmissionMade(submissionId, taskId, msg.sender, contentHash, contentUri);
    }

    /// @inheritdoc ITaskBoard
    function review(uint256 submissionId, bool accepted, bytes32 noteHash) external nonReentrant {
        Submission storage submission = _submissions[submissionId];
        if (submission.state == State.Unknown) revert UnknownSubmission(submissionId);
        uint256 taskId = submission.taskId;
        Task storage task = _open(taskId);
        if (!_reviewers[taskId][msg.sender]) revert NotAReviewer(taskId, msg.sender);
        _requireBefore(task.deadline + REVIEW_PERIOD);
        if (submission.state != State.Open) revert AlreadyDecided(submissionId);
        if (_reviewed[submissionId][msg.sender]) revert AlreadyReviewed(submissionId, msg.sender);
        if (accepted && task.accepted == task.places) revert NoPlacesLeft(taskId);

        _reviewed[submissionId][msg.sender] = true;
        emit SubmissionReviewed(submissionId, taskId, msg.sender, accepted, noteHash);
        if (accepted) {
            if (++submission.accepts == task.quorum) _accept(submissionId, submission, task);
        } else if (++submission.rejects > task.reviewerCount - task.quorum) {
            submission.state = State.Rejected;
            --task.waiting;
            emit SubmissionRejected(submissionId, taskId, submission.worker);
        }
    }

    /// @inheritdoc ITaskBoard
    function close(uint256 taskId) external nonReentrant {
        Task storage task = _open(taskId);
        if (task.poster != msg.sender) revert NotThePoster(taskId, msg.sender);
        if (task.accepted != task.places) {
            _requireFrom(task.waiting == 0 ? task.deadline : task.deadline + REVIEW_PERIOD);
        }
        task.closed = true;
        uint256 left = task.places - task.accepted;
        uint256 refund = task.reward * left;
        uint256 secondRefund = task.secondReward * left;
        emit TaskClosed(taskId, task.accepted, refund, secondRefund);
        if (left != 0) _pay(task, msg.sender, refund, secondRefund);
    }

    /// @notice The task; `poster` is zero where none has the id.
    function taskOf(uint256 taskId) external view returns (Task memory) {
        return _tasks[taskId];
    }

    /// @notice The submission; its state is `Unknown` where none has the id.
    function submissionOf(uint256 submissionId) external view returns (Submission memory) {
        return _submissions[submissionId];
    }

    /// @notice Numbers of tasks and of submissions; ids are 1 to these, inclusive.
    function counts() external view returns (uint256 tasks, uint256 submissions) {
        return (_lastTaskId, _lastSubmissionId);
    }

    /// @inheritdoc ERC1155Holder
    /// @dev Shares that are sent here by mistake would belong to nobody.
    function onERC1155Received(address operator, address from, uint256 id, uint256 value, bytes memory data)
        public
        override
        returns (bytes4)
    {
        if (operator != address(this)) revert UnexpectedTransfer(operator);
        return super.onERC1155Received(operator, from, id, value, data);
    }

    /// @inheritdoc ERC1155Holder
    function onERC1155BatchReceived(
        address operator,
        address,
        uint256[] memory,
        uint256[] memory,
        bytes memory
    ) public pure override returns (bytes4) {
        revert UnexpectedTransfer(operator);
    }

    /// @dev The record comes before the payment, whose event names it; the book calls nobody back.
    function _accept(uint256 submissionId, Submission storage submission, Task storage task) private {
        submission.state = State.Accepted;
        ++task.accepted;
        --task.waiting;
        address worker = submission.worker;
        uint256 taskId = submission.taskId;
        uint256 contributionId = CONTRIBUTIONS.isRecorder(task.assetId, address(this))
            ? CONTRIBUTIONS.record(task.assetId, worker, task.role, task.weight, submission.contentHash)
            : 0;
        emit RewardPaid(submissionId, taskId, worker, task.rewardToken, task.reward, contributionId);
        if (task.mode == MODE_DUAL) {
            emit RewardPaid(submissionId, taskId, worker, task.secondToken, task.secondReward, contributionId);
        }
        _pay(task, worker, task.reward, task.secondReward);
    }

    function _pay(Task storage task, address to, uint256 amount, uint256 secondAmount) private {
        if (task.mode == MODE_COMMUNITY) {
            SHARES.safeTransferFrom(address(this), to, task.assetId, amount, "");
        } else {
            IERC20(task.rewardToken).safeTransfer(to, amount);
        }
        if (task.mode == MODE_DUAL) IERC20(task.secondToken).safeTransfer(to, secondAmount);
    }

    function _check(TaskInput calldata input) private view {
        if (input.mode > MODE_COMMUNITY) revert InvalidMode(input.mode);
        if (input.role > MAX_ROLE) revert InvalidRole(input.role);
        if (input.rewardToken == address(0) || input.reward == 0) revert InvalidReward();
        if (input.mode == MODE_COMMUNITY && input.rewardToken != address(SHARES)) revert InvalidReward();
        bool dual = input.mode == MODE_DUAL;
        if (dual != (input.secondToken != address(0)) || dual != (input.secondReward != 0)) revert InvalidReward();
        if (input.rewardToken == input.secondToken) revert InvalidReward();
        if (input.places == 0) revert InvalidPlaces();
        if (input.reviewers.length > MAX_REVIEWERS) revert InvalidReviewers();
        if (input.quorum == 0 || input.quorum > input.reviewers.length) revert InvalidQuorum(input.quorum);
        _requireDeadline(input.deadline);
        if (input.weight == 0 || input.weight > type(uint128).max) revert InvalidWeight(input.weight);
        if (!CONTRIBUTIONS.isRecorder(input.assetId, address(this))) revert NotARecorder(input.assetId);
    }

    function _appoint(uint256 taskId, address[] calldata reviewers) private {
        for (uint256 i = 0; i < reviewers.length; ++i) {
            address reviewer = reviewers[i];
            if (reviewer == address(0) || _reviewers[taskId][reviewer]) revert InvalidReviewers();
            _reviewers[taskId][reviewer] = true;
        }
    }

    function _keep(Task storage task, TaskInput calldata input) private {
        task.poster = msg.sender;
        task.deadline = input.deadline;
        task.mode = input.mode;
        task.role = input.role;
        task.quorum = input.quorum;
        task.reviewerCount = uint8(input.reviewers.length);
        task.rewardToken = input.rewardToken;
        task.places = input.places;
        task.secondToken = input.secondToken;
        task.assetId = input.assetId;
        task.reward = input.reward;
        task.secondReward = input.secondReward;
        task.weight = input.weight;
    }

    function _announce(uint256 taskId, TaskInput calldata input) private {
        emit TaskPosted(
            taskId,
            input.assetId,
            msg.sender,
            input.mode,
            input.role,
            input.rewardToken,
            input.reward,
            input.secondToken,
            input.secondReward,
            input.places,
            input.quorum,
            input.deadline,
            input.weight,
            input.reviewers,
            input.specHash,
            input.specUri
        );
    }

    function _open(uint256 taskId) private view returns (Task storage task) {
        task = _tasks[taskId];
        if (task.poster == address(0)) revert UnknownTask(taskId);
        if (task.closed) revert TaskIsClosed(taskId);
    }
}
