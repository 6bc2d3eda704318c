// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Bonded} from "./Bonded.sol";
import {Windowed} from "./Windowed.sol";
import {Claim, DistributorConfig, IPayoutDistributor, PendingRoot} from "./interfaces/IPayoutDistributor.sol";

/// @title Where all revenue is, and how it is paid out
/// @notice A leaf says what an account earned in all, and a claim pays what is left of it: so a claim never pays twice, and a new
/// root takes nothing from who has not claimed yet. The proposer alone cannot take money: a root waits for its window, anyone
/// disputes it, and the owner decides.
contract PayoutDistributor is Ownable2Step, ReentrancyGuardTransient, Windowed, Bonded, IPayoutDistributor {
    using SafeERC20 for IERC20;

    /// @notice Highest protocol fee there can ever be, in parts per 100,000,000: a tenth.
    uint32 public constant MAX_PROTOCOL_FEE_E8 = 10_000_000;

    /// @notice How long a root can be disputed, in seconds.
    uint64 public immutable DISPUTE_WINDOW;

    /// @notice The last finalised epoch, 0 before the first.
    uint64 public finalisedEpoch;
    /// @notice The block up to which the finalised root counts.
    uint64 public finalisedBlock;
    /// @notice Protocol fee that revenue owes now, in parts per 100,000,000.
    uint32 public protocolFeeE8;
    /// @notice Proposes roots.
    address public proposer;
    /// @notice Receives the protocol fee and lost bonds.
    address public feeAccount;
    /// @notice The root that claims are against.
    bytes32 public finalisedRoot;
    /// @notice What the account was paid of the token over all claims, in base units.
    mapping(address account => mapping(address token => uint256)) public claimed;

    PendingRoot private _pending;

    modifier onlyProposer() {
        if (msg.sender != proposer) revert OnlyProposer(msg.sender);
        _;
    }

    /// @param admin Decides disputes, and changes the proposer and the fee.
    constructor(address admin, DistributorConfig memory config)
        Ownable(admin)
        Bonded(config.bondToken, config.bond)
    {
        DISPUTE_WINDOW = _checkedWindow(config.disputeWindowSecs);
        _setProposer(config.proposer);
        _setProtocolFee(config.protocolFeeE8, config.feeAccount);
    }

    /// @notice Lets another account propose roots from here on; a root that waits goes on waiting.
    function setProposer(address newProposer) external onlyOwner {
        _setProposer(newProposer);
    }

    /// @notice Has revenue from here on owe another protocol fee, to the account.
    function setProtocolFee(uint32 newFeeE8, address newFeeAccount) external onlyOwner {
        _setProtocolFee(newFeeE8, newFeeAccount);
    }

    /// @inheritdoc IPayoutDistributor
    function proposeRoot(uint64 epoch, bytes32 root, uint64 blockNumber, bytes32 blockHash)
        external
        onlyProposer
        nonReentrant
    {
        if (epoch != finalisedEpoch + 1) revert WrongEpoch(epoch, finalisedEpoch + 1);
        if (root == bytes32(0)) revert EmptyRoot();
        if (blockNumber <= finalisedBlock || blockNumber >= block.number) revert WrongBlock(blockNumber);

        address disputer = _pending.disputer;
        if (_pending.root != bytes32(0)) emit RootWithdrawn(epoch, _pending.root);
        uint64 finalisableAt = _endOf(DISPUTE_WINDOW);
        _pending = PendingRoot(root, blockHash, blockNumber, finalisableAt, msg.sender, address(0), 0);
        emit RootProposed(epoch, root, blockNumber, blockHash, finalisableAt, msg.sender);
        if (disputer != address(0)) _payBond(disputer);
    }

    /// @inheritdoc IPayoutDistributor
    function disputeRoot(uint64 epoch, bytes32 root, string calldata reason) external nonReentrant {
        _requirePending(epoch, root);
        _requireBefore(_pending.finalisableAt);
        if (_pending.disputer != address(0)) revert DisputeOpen(epoch);
        _pending.disputer = msg.sender;
        _pending.decidableUntil = _endOf(DECISION_PERIOD_SECS);
        emit RootDisputed(epoch, root, msg.sender, BOND, reason);
        _takeBond(msg.sender);
    }

    /// @inheritdoc IPayoutDistributor
    /// @dev A root that was cleared keeps its window, so what is left of it is open to the next dispute.
    function resolveDispute(uint64 epoch, bytes32 root, bool upheld) external onlyOwner nonReentrant {
        _requirePending(epoch, root);
        address disputer = _requireDisputed(epoch);
        _requireBefore(_pending.decidableUntil);
        address bondTo = upheld ? disputer : feeAccount;
        if (upheld) delete _pending;
        else (_pending.disputer, _pending.decidableUntil) = (address(0), 0);
        emit RootDisputeResolved(epoch, root, upheld, bondTo, BOND);
        _payBond(bondTo);
    }

    /// @inheritdoc IPayoutDistributor
    /// @dev A root that nobody stood by must not become final: the money waits for the next one.
    function lapseDispute(uint64 epoch, bytes32 root) external nonReentrant {
        _requirePending(epoch, root);
        address disputer = _requireDisputed(epoch);
        _requireFrom(_pending.decidableUntil);
        delete _pending;
        emit RootDisputeResolved(epoch, root, true, disputer, BOND);
        _payBond(disputer);
    }

    /// @inheritdoc IPayoutDistributor
    function withdrawRoot(uint64 epoch, bytes32 root) external onlyProposer nonReentrant {
        _requirePending(epoch, root);
        address disputer = _pending.disputer;
        delete _pending;
        emit RootWithdrawn(epoch, root);
        if (disputer != address(0)) _payBond(disputer);
    }

    /// @inheritdoc IPayoutDistributor
    function finaliseRoot(uint64 epoch, bytes32 root) external nonReentrant {
        _requirePending(epoch, root);
        if (_pending.disputer != address(0)) revert DisputeOpen(epoch);
        _requireFrom(_pending.finalisableAt);
        finalisedEpoch = epoch;
        finalisedBlock = _pending.blockNumber;
        finalisedRoot = root;
        delete _pending;
        emit RootFinalised(epoch, root);
    }

    /// @inheritdoc IPayoutDistributor
    function claim(address account, address token, uint256 cumulative, bytes32[] calldata proof)
        external
        nonReentrant
        returns (uint256 amount)
    {
        amount = _claim(account, token, cumulative, proof);
        if (amount == 0) revert NothingToClaim(account, token);
    }

    /// @inheritdoc IPayoutDistributor
    function claimBatch(Claim[] calldata claims) external nonReentrant {
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata c = claims[i];
            _claim(c.account, c.token, c.cumulative, c.proof);
        }
    }

    /// @notice The root that waits for the end of its window; all zero where none does.
    function pendingRoot() external view returns (PendingRoot memory) {
        return _pending;
    }

    function _claim(address account, address token, uint256 cumulative, bytes32[] calldata proof)
        private
        returns (uint256 amount)
    {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account, token, cumulative))));
        // Before the first epoch the root is zero, which no proof leads to.
        if (!MerkleProof.verifyCalldata(proof, finalisedRoot, leaf)) {
            revert InvalidProof(account, token, cumulative);
        }
        uint256 before = claimed[account][token];
        if (cumulative <= before) return 0;
        amount = cumulative - before;
        uint256 available = IERC20(token).balanceOf(address(this));
        if (token == address(BOND_TOKEN)) available -= bondsHeld;
        if (amount > available) revert InsufficientFunds(token, available);

        claimed[account][token] = cumulative;
        emit Claimed(account, token, amount, cumulative);
        IERC20(token).safeTransfer(account, amount);
    }

    function _requirePending(uint64 epoch, bytes32 root) private view {
        if (root == bytes32(0) || root != _pending.root || epoch != finalisedEpoch + 1) {
            revert NotPending(epoch, root);
        }
    }

    function _requireDisputed(uint64 epoch) private view returns (address disputer) {
        disputer = _pending.disputer;
        if (disputer == address(0)) revert NotDisputed(epoch);
    }

    function _setProposer(address newProposer) private {
        if (newProposer == address(0)) revert InvalidAccount(newProposer);
        emit ProposerChanged(proposer, newProposer);
        proposer = newProposer;
    }

    function _setProtocolFee(uint32 newFeeE8, address newFeeAccount) private {
        if (newFeeE8 > MAX_PROTOCOL_FEE_E8) revert FeeAboveCap(newFeeE8);
        if (newFeeAccount == address(0) || newFeeAccount == address(this)) revert InvalidAccount(newFeeAccount);
        emit ProtocolFeeChanged(protocolFeeE8, newFeeE8, newFeeAccount);
        protocolFeeE8 = newFeeE8;
        feeAccount = newFeeAccount;
    }
}
