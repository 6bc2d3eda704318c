// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice What an execution log is deployed with, fixed for good.
/// @param treasury Receives the bonds of challenges that are dismissed.
/// @param bondToken ERC-20 token of the bond.
/// @param bond What a challenge costs until it is upheld, in base units.
/// @param challengeWindowSecs How long after its completion an execution can be challenged.
struct ExecutionLogConfig {
    address treasury;
    IERC20 bondToken;
    uint256 bond;
    uint64 challengeWindowSecs;
}

/// @notice What a requester says about an execution.
/// @param assetId The asset that is executed; the fee is its revenue.
/// @param callerAssetId The asset in whose name it is called, such as an agent; 0 for none.
/// @param parentExecutionId The open execution that calls it, provided by the requester; 0 for none.
/// @param kind 0 training, 1 fine-tuning, 2 inference, 3 evaluation, 4 federated.
/// @param licenseId A licence series of the asset that the requester holds and that is good now; 0 for none.
/// @param provider Who executes it.
/// @param feeToken ERC-20 token of the fee; zero where the fee is 0.
/// @param fee What the asset earns by it, in base units.
/// @param privacy 0 none, 1 differential privacy, 2 secret sharing, 3 homomorphic, 4 enclave.
/// @param epsilonMicros What it spends of each dataset's privacy budget, in millionths; 0 without differential privacy.
/// @param datasetIds The datasets that it reads, ascending; at most `MAX_DATASETS`.
/// @param inputHash Commitment to the input.
/// @param deadline Unix seconds, exclusive: it is completed before, or the requester may cancel.
struct ExecutionInput {
    uint256 assetId;
    uint256 callerAssetId;
    uint256 parentExecutionId;
    uint8 kind;
    uint256 licenseId;
    address provider;
    address feeToken;
    uint256 fee;
    uint8 privacy;
    uint64 epsilonMicros;
    uint256[] datasetIds;
    bytes32 inputHash;
    uint64 deadline;
}

/// @title Training, fine-tuning, inference, evaluation and federated rounds
interface IExecutionLog {
    /// @notice An execution was asked for, and its fee escrowed. Fields as in `ExecutionInput`.
    event ExecutionRequested(
        uint256 indexed executionId,
        uint256 indexed assetId,
        address indexed requester,
        uint256 callerAssetId,
        uint256 parentExecutionId,
        uint8 kind,
        uint256 licenseId,
        address provider,
        address feeToken,
        uint256 fee,
        uint8 privacy,
        uint64 epsilonMicros,
        uint256[] datasetIds,
        bytes32 inputHash,
        uint64 deadline
    );

    /// @notice The provider delivered. Emitted after the `RevenueReceived` of the fee and the `ContributionRecorded`.
    /// `outputAssetId` is 0 where no asset came of it, `revenueId` where there was no fee, `contributionId` where none was
    /// recorded.
    event ExecutionCompleted(
        uint256 indexed executionId,
        uint256 indexed assetId,
        address indexed provider,
        uint256 outputAssetId,
        bytes32 outputHash,
        uint64 meteredUnits,
        uint256 revenueId,
        uint256 contributionId
    );

    /// @notice Nothing will come of the execution; the requester has the fee back.
    event ExecutionCancelled(uint256 indexed executionId, uint256 refund);

    /// @notice A federated round takes updates before its deadline (unix seconds). `number` counts the asset's rounds from 1.
    event RoundOpened(
        uint256 indexed roundId,
        uint256 indexed assetId,
        address indexed coordinator,
        uint32 number,
        uint8 privacy,
        uint64 epsilonMicros,
        bytes32 baseHash,
        uint64 deadline
    );

    /// @notice A participant handed in an update of the round. `datasetId` is 0 where the data are no asset.
    event UpdateSubmitted(
        uint256 indexed roundId,
        address indexed participant,
        uint256 indexed datasetId,
        bytes32 updateHash,
        uint256 weight
    );

    /// @notice The coordinator ended the round with the updates of `participants` accounts. Emitted after their
    /// `ContributionRecorded`, of consecutive ids from `firstContributionId`, which is 0 where none were recorded.
    event RoundAggregated(
        uint256 indexed roundId,
        uint256 indexed outputAssetId,
        bytes32 resultHash,
        uint256 firstContributionId,
        uint256 participants
    );

    /// @notice Somebody put up a bond to say that the execution was not what its provider says.
    event ExecutionChallenged(
        uint256 indexed challengeId,
        uint256 indexed executionId,
        address indexed challenger,
        uint256 bond,
        bytes32 evidenceHash,
        string evidenceUri
    );

    /// @notice The challenge was decided. Upheld: the challenger has the bond back, and the execution's contribution was voided,
    /// if one was recorded and the log may still void it. Not upheld: the bond went to the treasury, or back to the challenger where
    /// nobody decided in time.
    event ChallengeResolved(
        uint256 indexed challengeId,
        uint256 indexed executionId,
        bool upheld,
        address bondTo,
        uint256 bond,
        uint256 voidedContributionId
    );

    /// @dev `kind` is above 4.
    error InvalidKind(uint8 kind);
    /// @dev The mode is above 4, or names a budget without spending one, or the other way round.
    error InvalidPrivacy(uint8 privacy, uint64 epsilonMicros);
    /// @dev Neither a provider nor a treasury is the zero address or this contract.
    error InvalidAccount(address account);
    /// @dev A fee has a token, and a token a fee.
    error InvalidFee(address token, uint256 fee);
    /// @dev There are too many datasets, or they do not ascend.
    error InvalidDatasets();
    /// @dev The licence is unknown, revoked or expired.
    error LicenseNotValid(uint256 licenseId);
    /// @dev The series licenses another asset.
    error LicenseOfAnotherAsset(uint256 licenseId, uint256 licensedAssetId, uint256 assetId);
    /// @dev The requester holds no licence of the series.
    error LicenseNotHeld(uint256 licenseId, address holder);
    /// @dev No execution has this id.
    error UnknownExecution(uint256 executionId);
    /// @dev The execution was completed or cancelled before.
    error ExecutionNotOpen(uint256 executionId);
    /// @dev Only the execution's provider may do this.
    error OnlyProvider(uint256 executionId, address caller);
    /// @dev Only the execution's requester may do this.
    error OnlyRequester(uint256 executionId, address caller);
    /// @dev Only a completed execution that was not refuted is challenged, by one challenge at a time.
    error NotChallengeable(uint256 executionId);
    /// @dev No challenge with this id is open.
    error ChallengeNotOpen(uint256 challengeId);
    /// @dev No round has this id.
    error UnknownRound(uint256 roundId);
    /// @dev The round was aggregated before.
    error RoundIsOver(uint256 roundId);
    /// @dev A participant hands in one update of a round.
    error AlreadySubmitted(uint256 roundId, address participant);
    /// @dev A weight is between 1 and 2^128 - 1.
    error InvalidWeight(uint256 weight);
    /// @dev Only who opened the round ends it.
    error OnlyCoordinator(uint256 roundId, address caller);
    /// @dev The account handed in no update of the round, or is named twice.
    error NoUpdateOf(uint256 roundId, address participant);

    /// @notice Asks for an execution and escrows its fee; approve the log as spender first.
    /// @return executionId Ids count from 1.
    function request(ExecutionInput calldata input) external returns (uint256 executionId);

    /// @notice Lets the provider name an asset of the requester as the output, by the requester, who is authorised for it. The
    /// last asset named counts; 0 names none.
    function nameOutput(uint256 executionId, uint256 outputAssetId) external;

    /// @notice Delivers, by the provider before the deadline: pays the fee to the asset through the revenue router and records
    /// the provider's contribution to the output where the log is a recorder.
    /// @param outputAssetId An asset that the provider is authorised for, or that the requester named; 0 for none.
    /// @param meteredUnits What the execution took; also the weight of the contribution, which is at least 1.
    function complete(uint256 executionId, uint256 outputAssetId, bytes32 outputHash, uint64 meteredUnits) external;

    /// @notice Gives the fee back, by the provider at any time or by the requester from the deadline on.
    function cancel(uint256 executionId) external;

    /// @notice Challenges a completed execution within its window, by anyone who puts up the bond.
    /// @return challengeId Ids count from 1.
    function challenge(uint256 executionId, bytes32 evidenceHash, string calldata evidenceUri)
        external
        returns (uint256 challengeId);

    /// @notice Decides a challenge, by the owner, before `DECISION_PERIOD_SECS` have passed since it was raised.
    function resolveChallenge(uint256 challengeId, bool upheld) external;

    /// @notice Ends a challenge that nobody decided within `DECISION_PERIOD_SECS`, by anyone: the challenger has the bond back, and
    /// the execution stands as it was completed.
    function lapseChallenge(uint256 challengeId) external;

    /// @notice Opens a federated round for an asset, by its owner.
    /// @return roundId Ids count from 1.
    function openRound(uint256 assetId, uint8 privacy, uint64 epsilonMicros, bytes32 baseHash, uint64 deadline)
        external
        returns (uint256 roundId);

    /// @notice Hands in an update, once per round, before its deadline and end.
    /// @param datasetId What it was trained on, an asset that the participant is authorised for; 0 for data that are no asset.
    /// @param weight Weight of the participant's contribution, such as its number of examples.
    function submitUpdate(uint256 roundId, uint256 datasetId, bytes32 updateHash, uint256 weight) external;

    /// @notice Ends a round, by its coordinator, who picks the updates that count and is authorised for the output.
    /// @param outputAssetId The asset that came of it; 0 for none.
    /// @param participants Whose updates count, each once.
    function aggregate(
        uint256 roundId,
        uint256 outputAssetId,
        bytes32 resultHash,
        address[] calldata participants
    ) external;
}
