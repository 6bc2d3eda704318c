// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice What a distributor is deployed with. Bond and window are fixed for good.
/// @param proposer Proposes roots.
/// @param feeAccount Receives the protocol fee, by the roots, and the bonds of disputes that are dismissed.
/// @param protocolFeeE8 Protocol fee in parts per 100,000,000 of every revenue, at most `MAX_PROTOCOL_FEE_E8`.
/// @param bondToken ERC-20 token of the bond.
/// @param bond What a dispute costs until it is upheld, in base units.
/// @param disputeWindowSecs How long a root can be disputed before it can be finalised.
struct DistributorConfig {
    address proposer;
    address feeAccount;
    uint32 protocolFeeE8;
    IERC20 bondToken;
    uint256 bond;
    uint64 disputeWindowSecs;
}

/// @notice One entry of the finalised tree with its proof; see `IPayoutDistributor.claim`.
struct Claim {
    address account;
    address token;
    uint256 cumulative;
    bytes32[] proof;
}

/// @notice The root that waits for the end of its window; all zero where none does.
/// @param disputer Whose bond is held, zero while the root is undisputed.
/// @param decidableUntil Until when the dispute is decided, in unix seconds; 0 while the root is undisputed.
struct PendingRoot {
    bytes32 root;
    bytes32 blockHash;
    uint64 blockNumber;
    uint64 finalisableAt;
    address proposer;
    address disputer;
    uint64 decidableUntil;
}

/// @title Where all revenue is, and how it is paid out
/// @notice One cumulative Merkle tree per epoch, computed off chain by anyone from the log: a leaf is
/// `keccak256(bytes.concat(keccak256(abi.encode(account, token, cumulative))))`, pairs are sorted.
interface IPayoutDistributor {
    /// @notice A root over what everybody earned up to the block waits for the end of its window. `finalisableAt` is in unix
    /// seconds: it can be disputed before, and finalised from then on.
    event RootProposed(
        uint64 indexed epoch,
        bytes32 indexed root,
        uint64 blockNumber,
        bytes32 blockHash,
        uint64 finalisableAt,
        address proposer
    );

    /// @notice Somebody put up a bond against the pending root, which cannot be finalised until that is resolved.
    event RootDisputed(
        uint64 indexed epoch, bytes32 indexed root, address indexed disputer, uint256 bond, string reason
    );

    /// @notice The dispute was decided. Upheld, or not decided in time: the root is gone and the disputer has the bond back; else the
    /// root waits on, and the bond went to the fee account.
    event RootDisputeResolved(
        uint64 indexed epoch, bytes32 indexed root, bool upheld, address bondTo, uint256 bond
    );

    /// @notice The proposer replaced the pending root or took it back; a disputer has the bond back.
    event RootWithdrawn(uint64 indexed epoch, bytes32 indexed root);

    /// @notice Claims are against this root from here on.
    event RootFinalised(uint64 indexed epoch, bytes32 indexed root);

    /// @notice The account received `amount` base units now, and `cumulative` over all claims.
    event Claimed(address indexed account, address indexed token, uint256 amount, uint256 cumulative);

    /// @notice Revenue from here on owes another protocol fee, or owes it to another account. Emitted by the constructor too.
    event ProtocolFeeChanged(uint32 previousE8, uint32 currentE8, address feeAccount);

    /// @notice Another account proposes roots from here on. Emitted by the constructor too.
    event ProposerChanged(address indexed previous, address indexed current);

    /// @dev Only the proposer may do this.
    error OnlyProposer(address caller);
    /// @dev The next epoch is the one after the last finalised.
    error WrongEpoch(uint64 epoch, uint64 expected);
    /// @dev The zero root proves nothing.
    error EmptyRoot();
    /// @dev A root is computed at a block after the last finalised root's and before the present one.
    error WrongBlock(uint64 blockNumber);
    /// @dev This is not the root that waits, or not its epoch.
    error NotPending(uint64 epoch, bytes32 root);
    /// @dev One dispute at a time is open, and the root waits for its end.
    error DisputeOpen(uint64 epoch);
    /// @dev The root is not disputed.
    error NotDisputed(uint64 epoch);
    /// @dev The proof does not lead from the entry to the finalised root.
    error InvalidProof(address account, address token, uint256 cumulative);
    /// @dev All of it was paid before.
    error NothingToClaim(address account, address token);
    /// @dev The distributor has less than that beside the bonds it holds.
    error InsufficientFunds(address token, uint256 available);
    /// @dev The fee is above `MAX_PROTOCOL_FEE_E8`.
    error FeeAboveCap(uint32 feeE8);
    /// @dev The zero address can do nothing here.
    error InvalidAccount(address account);

    /// @notice Proposes the root of the next epoch, by the proposer, instead of one that waits.
    /// @param blockNumber The finalised block up to which the root counts, inclusive.
    /// @param blockHash Its hash, for those who recompute the root.
    function proposeRoot(uint64 epoch, bytes32 root, uint64 blockNumber, bytes32 blockHash) external;

    /// @notice Disputes the pending root, by anyone who puts up the bond; approve the distributor as spender first.
    function disputeRoot(uint64 epoch, bytes32 root, string calldata reason) external;

    /// @notice Decides the dispute, by the owner, before `DECISION_PERIOD_SECS` have passed since it was raised.
    function resolveDispute(uint64 epoch, bytes32 root, bool upheld) external;

    /// @notice Ends a dispute that nobody decided within `DECISION_PERIOD_SECS`, by anyone, as if it were upheld: the root is gone, and
    /// the disputer has the bond back.
    function lapseDispute(uint64 epoch, bytes32 root) external;

    /// @notice Takes the pending root back, by the proposer, disputed or not.
    function withdrawRoot(uint64 epoch, bytes32 root) external;

    /// @notice Makes the pending root the one that claims are against, by anyone after its window.
    function finaliseRoot(uint64 epoch, bytes32 root) external;

    /// @notice Pays the account what it has not been paid of `cumulative`, by anyone.
    /// @return amount What was paid, in base units.
    function claim(address account, address token, uint256 cumulative, bytes32[] calldata proof)
        external
        returns (uint256 amount);

    /// @notice Makes claims in order. Those with nothing left are passed over, so that nobody spoils a batch by making one of
    /// its claims first.
    function claimBatch(Claim[] calldata claims) external;
}
