// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice What a court is deployed with. All but the judge is fixed for good.
/// @param judge Judges first.
/// @param treasury Receives the bonds of disputes that are dismissed.
/// @param bondToken ERC-20 token of the bond.
/// @param bond What a dispute costs until it is upheld, in base units.
/// @param appealWindowSecs How long the owner may overrule a judgement.
struct CourtConfig {
    address judge;
    address treasury;
    IERC20 bondToken;
    uint256 bond;
    uint64 appealWindowSecs;
}

/// @title Disputes over assets
/// @notice A dispute holds what payouts would give the asset, off chain, from `DisputeRaised` to `DisputeResolved`. Tags:
/// 0 improper registration, 1 improper usage, 2 improper payment, 3 content.
interface IDisputeCourt {
    /// @notice Somebody put up a bond to say that something is wrong about the asset. Several can be open for one asset.
    event DisputeRaised(
        uint256 indexed disputeId,
        uint256 indexed assetId,
        address indexed challenger,
        uint8 tag,
        uint256 bond,
        bytes32 evidenceHash,
        string evidenceUri
    );

    /// @notice The judge ruled, or the owner overruled. `resolvableAt` is in unix seconds: the owner may overrule before, and
    /// anyone resolves from then on; overruling does not move it.
    event DisputeJudged(
        uint256 indexed disputeId,
        uint256 indexed assetId,
        address indexed judge,
        bool upheld,
        uint64 resolvableAt,
        bytes32 rulingHash
    );

    /// @notice The dispute is over. `outcome`: 0 dismissed, 1 upheld, 2 withdrawn, 3 lapsed. The bond went back to the challenger,
    /// or to the treasury where the dispute was dismissed.
    event DisputeResolved(
        uint256 indexed disputeId, uint256 indexed assetId, uint8 outcome, address bondTo, uint256 bond
    );

    /// @notice Another account judges first from here on. Emitted by the constructor too.
    event JudgeChanged(address indexed previous, address indexed current);

    /// @dev `tag` is above 3.
    error InvalidTag(uint8 tag);
    /// @dev No dispute has this id.
    error UnknownDispute(uint256 disputeId);
    /// @dev Only the judge judges.
    error OnlyJudge(address caller);
    /// @dev Only who raised the dispute withdraws it.
    error OnlyChallenger(uint256 disputeId, address caller);
    /// @dev The dispute was judged or withdrawn before, or lapsed.
    error NotOpen(uint256 disputeId);
    /// @dev The dispute was not judged yet, or is over.
    error NotJudged(uint256 disputeId);
    /// @dev The ruling says so already.
    error SameRuling(uint256 disputeId);
    /// @dev Neither the judge nor the treasury is the zero address or the court.
    error InvalidAccount(address account);

    /// @notice Raises a dispute over an asset, by anyone who puts up the bond; approve the court as spender first.
    /// @return disputeId Ids count from 1.
    function raise(uint256 assetId, uint8 tag, bytes32 evidenceHash, string calldata evidenceUri)
        external
        returns (uint256 disputeId);

    /// @notice Rules on a dispute, by the judge, before `DECISION_PERIOD_SECS` have passed since it was raised.
    function judge(uint256 disputeId, bool upheld, bytes32 rulingHash) external;

    /// @notice Turns a ruling round within the appeal window, by the owner.
    function overrule(uint256 disputeId, bool upheld, bytes32 rulingHash) external;

    /// @notice Ends a judged dispute after the appeal window, by anyone.
    function resolve(uint256 disputeId) external;

    /// @notice Takes a dispute back before it is judged, by who raised it.
    function withdraw(uint256 disputeId) external;

    /// @notice Ends a dispute that nobody judged within `DECISION_PERIOD_SECS`, by anyone: the challenger has the bond back, and
    /// nothing is held for it any more.
    function lapse(uint256 disputeId) external;
}
