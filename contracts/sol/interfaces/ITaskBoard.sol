// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice What a poster says about a task.
/// @param assetId The asset that the work is for; the poster is authorised for it, and the board records contributions to it.
/// @param mode 0 paid, 1 dual reward (two ERC-20 tokens), 2 community (shares of the asset).
/// @param role Role of the contribution: 0 collect, 1 label, 2 review, 3 train, 4 evaluate, 5 compute, 6 curate.
/// @param rewardToken ERC-20 token of the reward; in mode 2 the contract of the asset's shares.
/// @param reward What one accepted submission gets, in base units.
/// @param secondToken The other token of mode 1, else zero.
/// @param secondReward What one accepted submission gets of it, else 0.
/// @param places Most submissions that are accepted.
/// @param quorum Accepting reviews that accept a submission.
/// @param deadline Unix seconds, exclusive: submissions are taken before it.
/// @param weight Weight of the contribution that an accepted submission is; 1 to 2^128 - 1.
/// @param reviewers Who may review; at most `MAX_REVIEWERS`, each once.
/// @param specHash Commitment to what is to be done.
/// @param specUri Where that is written.
struct TaskInput {
    uint256 assetId;
    uint8 mode;
    uint8 role;
    address rewardToken;
    uint256 reward;
    address secondToken;
    uint256 secondReward;
    uint32 places;
    uint8 quorum;
    uint64 deadline;
    uint256 weight;
    address[] reviewers;
    bytes32 specHash;
    string specUri;
}

/// @title Labelling and collection tasks with escrowed rewards
interface ITaskBoard {
    /// @notice Work is offered, and paid for: the board holds `places` times the rewards. Fields as in `TaskInput`.
    event TaskPosted(
        uint256 indexed taskId,
        uint256 indexed assetId,
        address indexed poster,
        uint8 mode,
        uint8 role,
        address rewardToken,
        uint256 reward,
        address secondToken,
        uint256 secondReward,
        uint32 places,
        uint8 quorum,
        uint64 deadline,
        uint256 weight,
        address[] reviewers,
        bytes32 specHash,
        string specUri
    );

    /// @notice A worker handed something in.
    event SubmissionMade(
        uint256 indexed submissionId,
        uint256 indexed taskId,
        address indexed worker,
        bytes32 contentHash,
        string contentUri
    );

    /// @notice A reviewer judged a submission, once.
    event SubmissionReviewed(
        uint256 indexed submissionId,
        uint256 indexed taskId,
        address indexed reviewer,
        bool accepted,
        bytes32 noteHash
    );

    /// @notice The submission was accepted and its worker paid; one event for each token. `contributionId` is 0 where the asset's
    /// owner had withdrawn the board's right to record.
    event RewardPaid(
        uint256 indexed submissionId,
        uint256 indexed taskId,
        address indexed worker,
        address token,
        uint256 amount,
        uint256 contributionId
    );

    /// @notice So many reviewers rejected the submission that the quorum is out of reach.
    event SubmissionRejected(uint256 indexed submissionId, uint256 indexed taskId, address indexed worker);

    /// @notice The task is over; what was left of the escrow went back to the poster.
    event TaskClosed(uint256 indexed taskId, uint32 accepted, uint256 refund, uint256 secondRefund);

    /// @dev `mode` is above 2.
    error InvalidMode(uint8 mode);
    /// @dev `role` is above 6.
    error InvalidRole(uint8 role);
    /// @dev The rewards are not those of the mode: something of one token, of two different ones, or of the asset's shares.
    error InvalidReward();
    /// @dev A task has at least one place.
    error InvalidPlaces();
    /// @dev A quorum is between 1 and the number of reviewers.
    error InvalidQuorum(uint8 quorum);
    /// @dev There are too many reviewers, or one is zero or named twice.
    error InvalidReviewers();
    /// @dev A weight is between 1 and 2^128 - 1.
    error InvalidWeight(uint256 weight);
    /// @dev The asset's owner has not let the board record contributions to it.
    error NotARecorder(uint256 assetId);
    /// @dev No task has this id.
    error UnknownTask(uint256 taskId);
    /// @dev No submission has this id.
    error UnknownSubmission(uint256 submissionId);
    /// @dev The task was closed.
    error TaskIsClosed(uint256 taskId);
    /// @dev All places are taken.
    error NoPlacesLeft(uint256 taskId);
    /// @dev Reviewers of a task do not work on it.
    error WorkByReviewer(uint256 taskId, address account);
    /// @dev Only the task's reviewers review.
    error NotAReviewer(uint256 taskId, address account);
    /// @dev A reviewer reviews a submission once.
    error AlreadyReviewed(uint256 submissionId, address reviewer);
    /// @dev The submission was accepted or rejected before.
    error AlreadyDecided(uint256 submissionId);
    /// @dev Only the poster closes a task.
    error NotThePoster(uint256 taskId, address account);
    /// @dev The board takes shares only as the reward of a task.
    error UnexpectedTransfer(address operator);

    /// @notice Posts a task and escrows its rewards, by the asset's owner; approve the board as spender first.
    /// @return taskId Ids count from 1.
    function post(TaskInput calldata input) external returns (uint256 taskId);

    /// @notice Hands in work, by anyone but the reviewers, before the deadline and while places are left.
    /// @return submissionId Ids count from 1, over all tasks.
    function submit(uint256 taskId, bytes32 contentHash, string calldata contentUri)
        external
        returns (uint256 submissionId);

    /// @notice Accepts or rejects a submission, by a reviewer, before the review period after the deadline ends. The review that
    /// fills the quorum pays the worker and records the contribution.
    function review(uint256 submissionId, bool accepted, bytes32 noteHash) external;

    /// @notice Ends a task and gives back what is left, by the poster: once all places are taken; from the deadline on where no
    /// submission waits for its reviewers; in any case once the review period is over.
    function close(uint256 taskId) external;
}
