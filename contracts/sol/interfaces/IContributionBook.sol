// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice One contribution, as recorded.
/// @param assetId The asset contributed to.
/// @param contributor Who did the work; the record stays theirs.
/// @param role 0 collect, 1 label, 2 review, 3 train, 4 evaluate, 5 compute, 6 curate.
/// @param weight Part in the contributors' share, relative to the other weights of the asset; 1 to 2^128 - 1.
/// @param evidenceHash Commitment to the evidence of the work.
struct ContributionInput {
    uint256 assetId;
    address contributor;
    uint8 role;
    uint256 weight;
    bytes32 evidenceHash;
}

/// @title Who did what for which asset
/// @notice Records are soulbound: there is no way to move one to another account.
interface IContributionBook {
    /// @notice The contributor did something for the asset.
    event ContributionRecorded(
        uint256 indexed contributionId,
        uint256 indexed assetId,
        address indexed contributor,
        uint8 role,
        uint256 weight,
        bytes32 evidenceHash,
        address recordedBy
    );

    /// @notice The contribution counts no more.
    event ContributionVoided(
        uint256 indexed contributionId, uint256 indexed assetId, address voidedBy, string reason
    );

    /// @notice The asset's owner let `recorder` record contributions to it, or stopped that.
    event RecorderAuthorised(uint256 indexed assetId, address indexed recorder, bool allowed);

    /// @dev `role` is above 6.
    error InvalidRole(uint8 role);
    /// @dev The zero address contributes nothing.
    error InvalidContributor();
    /// @dev A weight is between 1 and 2^128 - 1.
    error InvalidWeight(uint256 weight);
    /// @dev No contribution has this id.
    error UnknownContribution(uint256 contributionId);
    /// @dev The contribution was voided before.
    error AlreadyVoided(uint256 contributionId);
    /// @dev Only the account that recorded a contribution voids it, while it may still record.
    error NotTheRecorder(uint256 contributionId, address account);

    /// @notice Lets `recorder` record contributions to the asset, or stops that.
    function authoriseRecorder(uint256 assetId, address recorder, bool allowed) external;

    /// @notice Records a contribution, by the asset's owner or a recorder authorised for it.
    /// @return contributionId Ids count from 1.
    function record(uint256 assetId, address contributor, uint8 role, uint256 weight, bytes32 evidenceHash)
        external
        returns (uint256 contributionId);

    /// @notice Records contributions in order.
    /// @return firstId The first of `inputs.length` consecutive ids.
    function recordBatch(ContributionInput[] calldata inputs) external returns (uint256 firstId);

    /// @notice Voids a contribution, by the account that recorded it.
    function void(uint256 contributionId, string calldata reason) external;

    /// @notice Whether `recorder` was authorised for the asset, beside its owner.
    function isRecorder(uint256 assetId, address recorder) external view returns (bool);

    /// @notice The asset, who recorded it, and whether it was voided.
    function recordOf(uint256 contributionId)
        external
        view
        returns (uint256 assetId, address recordedBy, bool voided);
}
