// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice What governs the vault and who works for it. Only the delays are fixed for good.
/// @param operator Settles fills and sends heartbeats.
/// @param cosigner Key that co-signs withdrawals; an EOA's address.
/// @param feeAccount Vault account that fees accrue to; it withdraws as any account does.
/// @param exitDelaySecs How long an exit, a key's revocation and a nonce's invalidation wait before they take effect.
/// @param settlementGraceSecs How long after an order's expiry its fills may still settle.
/// @param escapeDelaySecs How long the operator may be silent before anyone may open the escape.
struct VaultConfig {
    address operator;
    address cosigner;
    address feeAccount;
    uint64 exitDelaySecs;
    uint64 settlementGraceSecs;
    uint64 escapeDelaySecs;
}

/// @notice A market as listed; nothing of it ever changes.
/// @param base ERC-1155 contract of what is traded.
/// @param quote ERC-20 token that it is paid in.
/// @param baseId Id of what is traded.
/// @param lotSize Base units of the base token in one lot, the unit that prices are for.
/// @param tickSize Quote base units per lot that prices are multiples of; the engine keeps to it, the vault does not ask.
/// @param assetId The asset that a royalty of the trades is for.
struct Market {
    address base;
    address quote;
    uint256 baseId;
    uint128 lotSize;
    uint128 tickSize;
    uint256 assetId;
}

/// @notice An order, as its account signed it (EIP-712). Its type is
/// `Order(address account,bytes32 market,uint8 side,uint128 baseAmount,uint128 limitPrice,uint128 feeCap,uint64 nonce,uint64 expiry,Instructions instructions)`
/// followed by
/// `Instructions(uint8 kind,uint8 timeInForce,uint8 postOnly,uint8 selfTrade,uint128 displayAmount,uint128 triggerPrice,uint64 goodUntil,bytes32 clientOrderId)`.
/// @param market Id of the market: `keccak256(abi.encode(base, baseId, quote, lotSize, tickSize))`.
/// @param side 0 buys the base token, 1 sells it.
/// @param baseAmount Most that all fills of (account, nonce) come to, in base units of the base token.
/// @param limitPrice Highest (buy) or lowest (sell) price of a fill, in quote base units per lot.
/// @param feeCap Most that fees, and royalties of a seller, come to over all fills of (account, nonce), in quote base units.
/// @param nonce Fills count against (account, nonce); an amendment is another order with the same nonce.
/// @param expiry Unix seconds; fills settle until `expiry + SETTLEMENT_GRACE`, inclusive.
/// @param instructions `hashStruct` of the instructions, which only the engine reads.
struct Order {
    address account;
    bytes32 market;
    uint8 side;
    uint128 baseAmount;
    uint128 limitPrice;
    uint128 feeCap;
    uint64 nonce;
    uint64 expiry;
    bytes32 instructions;
}

/// @notice An order with the signature of its account, or of a key that the account registered.
struct SignedOrder {
    Order order;
    bytes32 r;
    bytes32 s;
    uint8 v;
}

/// @notice One match, in the order of matching. Amounts are base units.
/// @param buyOrder Place of the buyer's order in the batch, from 0.
/// @param sellOrder Place of the seller's order in the batch, from 0.
/// @param baseAmount What the seller gives.
/// @param quoteAmount What it costs: the buyer pays `quoteAmount + buyerFee`, the seller gets `quoteAmount - sellerFee - royalty`.
/// @param buyerFee Goes to the fee account.
/// @param sellerFee Goes to the fee account.
/// @param royalty Goes to the market's royalty account; the seller's fee cap covers it.
/// @param skip The operator voids the match: its number is consumed and nothing moves. Nothing else is read then.
struct Fill {
    uint16 buyOrder;
    uint16 sellOrder;
    uint128 baseAmount;
    uint128 quoteAmount;
    uint128 buyerFee;
    uint128 sellerFee;
    uint128 royalty;
    bool skip;
}

/// @notice A fill as it was settled; fields as in `Order` and `Fill`.
struct SettledFill {
    address buyer;
    address seller;
    uint64 buyNonce;
    uint64 sellNonce;
    uint128 baseAmount;
    uint128 quoteAmount;
    uint128 buyerFee;
    uint128 sellerFee;
    uint128 royalty;
}

/// @notice Why a fill was skipped, in the order in which the vault asks.
/// `Voided` by the operator; `SelfTrade` of one account with itself; `MarketMismatch` of the two orders, or a market that is not
/// listed; `EmptyFill` where the base or the quote amount is 0. Of one of the orders, the buyer's first: `WrongSide`;
/// `BadSignature`; `Expired` past the grace; `NonceInvalidated`; `PriceOutsideLimit`; `FeeTooHigh`, above `MAX_FEE_PPM`;
/// `FeeCapExceeded`; `Overfilled`; `InsufficientBalance`.
enum SkipReason {
    None,
    Voided,
    SelfTrade,
    MarketMismatch,
    EmptyFill,
    WrongSide,
    BadSignature,
    Expired,
    NonceInvalidated,
    PriceOutsideLimit,
    FeeTooHigh,
    FeeCapExceeded,
    Overfilled,
    InsufficientBalance
}

/// @notice A withdrawal that the operator co-signs. Its EIP-712 type is
/// `Withdrawal(address account,address token,uint256 id,uint128 amount,address receiver,uint64 nonce,uint64 deadline,uint32 group)`.
/// @param id 0 for an ERC-20 token.
/// @param receiver Gets the tokens; the account itself where a registered key signs.
/// @param nonce Single use per account; no relation to the nonces of orders.
/// @param deadline Unix seconds, inclusive.
/// @param group The market group whose engine debited it.
struct Withdrawal {
    address account;
    address token;
    uint256 id;
    uint128 amount;
    address receiver;
    uint64 nonce;
    uint64 deadline;
    uint32 group;
}

/// @notice An exit that waits; fields as in `requestExit`.
/// @param executableAt Unix seconds, inclusive.
struct Exit {
    address account;
    uint64 executableAt;
    uint32 group;
    address token;
    uint128 amount;
    uint256 id;
}

/// @title The exchange's custody and settlement
/// @notice Holds what traders deposited, as balances per account and instrument; an instrument is (token, id), the id of an ERC-20
/// token being 0. Settlement moves balances inside the vault and calls no token. Every amount is in base units.
interface IExchangeVault {
    /// @notice The vault takes deposits of the token. `kind`: 1 ERC-20, 2 ERC-1155.
    event TokenListed(address indexed token, uint8 kind);

    /// @notice A market exists.
    event MarketListed(
        bytes32 indexed market,
        address indexed base,
        uint256 indexed baseId,
        address quote,
        uint128 lotSize,
        uint128 tickSize,
        uint256 assetId
    );

    /// @notice Another account settles from here on.
    event OperatorChanged(address indexed previous, address indexed current);

    /// @notice Another key co-signs withdrawals from here on.
    event CosignerChanged(address indexed previous, address indexed current);

    /// @notice Fees accrue to another account from here on; what accrued before stays where it is.
    event FeeAccountChanged(address indexed previous, address indexed current);

    /// @notice `account` has `amount` more, of which the engine of `group` is to know.
    event Deposited(
        uint64 indexed depositId, address indexed account, address indexed token, uint256 id, uint128 amount, uint32 group
    );

    /// @notice A co-signed withdrawal was paid to `receiver`.
    event Withdrawn(
        address indexed account,
        uint64 indexed nonce,
        address indexed token,
        uint256 id,
        uint128 amount,
        address receiver,
        uint32 group
    );

    /// @notice `account` asked for up to `amount` without the operator.
    event ExitRequested(
        uint64 indexed exitId,
        address indexed account,
        address indexed token,
        uint256 id,
        uint128 amount,
        uint32 group,
        uint64 executableAt
    );

    /// @notice The exit is over; `paid` went to the account, which may be less than it asked for, or nothing.
    event ExitExecuted(
        uint64 indexed exitId, address indexed account, address indexed token, uint256 id, uint128 paid, uint32 group
    );

    /// @notice The account gave the exit up.
    event ExitCancelled(uint64 indexed exitId, address indexed account);

    /// @notice `key` signs for `account` from here on, also where its revocation had been requested.
    event KeyRegistered(address indexed account, address indexed key);

    /// @notice `key` signs for `account` no more from `effectiveAt` on, in unix seconds.
    event KeyRevocationRequested(address indexed account, address indexed key, uint64 effectiveAt);

    /// @notice Orders of `account` with this nonce settle no more from `effectiveAt` on, in unix seconds.
    event NonceInvalidated(address indexed account, uint64 indexed nonce, uint64 effectiveAt);

    /// @notice Orders of `account` with nonces below `nonce` settle no more from `effectiveAt` on, in unix seconds.
    event NoncesBelowInvalidated(address indexed account, uint64 indexed nonce, uint64 effectiveAt);

    /// @notice The fill with this number of its group moved balances.
    event FillSettled(uint32 indexed group, uint64 indexed number, bytes32 indexed market, SettledFill fill);

    /// @notice The fill with this number of its group moved nothing and never will. `side` is that of the order at fault: 0 buy,
    /// 1 sell, 2 where it is of neither.
    event FillSkipped(uint32 indexed group, uint64 indexed number, SkipReason reason, uint8 side);

    /// @notice All that the market's royalty account had went to the revenue router as revenue of the asset.
    event RoyaltyFlushed(
        bytes32 indexed market, uint256 indexed assetId, address indexed quote, uint128 amount, uint256 revenueId
    );

    /// @notice The operator is there.
    event Heartbeat(address indexed operator);

    /// @notice The operator was silent for too long: nothing settles any more, and balances are paid out.
    event EscapeEntered(address indexed by);

    /// @notice `account` took its whole balance of an instrument out.
    event Escaped(address indexed account, address indexed token, uint256 id, uint128 amount);

    /// @dev The zero address, or the vault itself, where an account is needed.
    error InvalidAccount(address account);
    /// @dev A delay is outside the bounds that the contract names.
    error InvalidDelay(uint64 secs);
    /// @dev `kind` is 1 (ERC-20) or 2 (ERC-1155), and stays what it was listed as.
    error InvalidTokenKind(address token, uint8 kind);
    /// @dev The token is listed already.
    error TokenAlreadyListed(address token);
    /// @dev A market trades a listed ERC-1155 contract for a listed ERC-20 token, in lots and ticks of at least 1.
    error InvalidMarket();
    /// @dev The market is listed already.
    error MarketAlreadyListed(bytes32 market);
    /// @dev No market has this id.
    error UnknownMarket(bytes32 market);
    /// @dev The token is not listed, or it is an ERC-20 token and the id is not 0.
    error InvalidInstrument(address token, uint256 id);
    /// @dev Move at least one base unit.
    error ZeroAmount();
    /// @dev The vault's holdings did not rise by the amount.
    error DepositMismatch(uint256 expected, uint256 arrived);
    /// @dev All balances of an instrument come to 2^128 - 1 at most.
    error TooMuchDeposited(address token, uint256 id);
    /// @dev Tokens come in by `deposit` alone.
    error UnsolicitedTransfer(address from);
    /// @dev Only the operator does this.
    error OnlyOperator(address caller);
    /// @dev The batch does not begin at the group's next number.
    error WrongNumber(uint32 group, uint64 expected, uint64 found);
    /// @dev A fill names an order that the batch does not have.
    error MissingOrder(uint256 place);
    /// @dev Not enough gas is left for the next order or fill. The whole batch is void and no number is consumed.
    error OutOfBatchGas(uint256 place, uint256 gasLeft);
    /// @dev The signature is neither the account's nor that of a key that may do this for it.
    error NotAuthorised(address account);
    /// @dev The co-signature is missing or another's.
    error NotCosigned();
    /// @dev The deadline has passed.
    error DeadlinePassed(uint64 deadline);
    /// @dev The account used this withdrawal nonce before.
    error WithdrawalNonceUsed(address account, uint64 nonce);
    /// @dev The account has less in the vault.
    error InsufficientVaultBalance(address account, address token, uint256 id, uint256 balance);
    /// @dev No exit with this id waits.
    error UnknownExit(uint64 exitId);
    /// @dev The exit is another account's.
    error NotYourExit(uint64 exitId);
    /// @dev The exit waits until `executableAt`.
    error ExitTooEarly(uint64 exitId, uint64 executableAt);
    /// @dev The account has no such key, or its revocation was requested before.
    error UnknownKey(address account, address key);
    /// @dev The nonce was invalidated before.
    error AlreadyInvalidated(uint64 nonce);
    /// @dev An earlier invalidation of the same kind takes effect first; ask again from `effectiveAt` on.
    error InvalidationPending(uint64 effectiveAt);
    /// @dev The market's royalty account is empty.
    error NothingToFlush(bytes32 market);
    /// @dev The operator was heard of less than `ESCAPE_DELAY` ago.
    error OperatorAlive(uint64 escapableFrom);
    /// @dev The escape is open: nothing is deposited, settled or co-signed any more.
    error EscapeOpen();
    /// @dev The escape is not open.
    error EscapeClosed();

    /// @notice Takes deposits of the token from here on; by the owner.
    function listToken(address token, uint8 kind) external;

    /// @notice Makes a market; by the owner. Fields as in `Market`.
    function listMarket(
        address base,
        uint256 baseId,
        address quote,
        uint128 lotSize,
        uint128 tickSize,
        uint256 assetId
    ) external returns (bytes32 market);

    /// @notice Moves the caller's tokens into the vault, for `account`; approve the vault first.
    /// @param group The market group whose engine is to credit them.
    /// @return depositId Ids count from 1.
    function deposit(address token, uint256 id, uint128 amount, address account, uint32 group)
        external
        returns (uint64 depositId);

    /// @notice Pays out at once what the account asks for and the operator co-signs.
    /// @param accountSignature 65 bytes (r, s, v) over the withdrawal's digest; empty where the account is the caller.
    /// @param operatorSignature 65 bytes (r, s, v) over the same digest.
    function withdraw(
        Withdrawal calldata withdrawal,
        bytes calldata accountSignature,
        bytes calldata operatorSignature
    ) external;

    /// @notice Asks for up to `amount` of the caller's balance without the operator.
    /// @param group The market group whose engine is to debit it first.
    /// @return exitId Ids count from 1.
    function requestExit(address token, uint256 id, uint128 amount, uint32 group) external returns (uint64 exitId);

    /// @notice Pays the smaller of what was asked for and the account's balance, to the account; by anyone, once the delay is over.
    function executeExit(uint64 exitId) external returns (uint128 paid);

    /// @notice Gives the caller's exit up.
    function cancelExit(uint64 exitId) external;

    /// @notice Lets `key` sign orders for the caller, and withdrawals to the caller.
    function registerKey(address key) external;

    /// @notice Ends that, after the exit delay.
    function revokeKey(address key) external;

    /// @notice Voids the caller's orders with this nonce, after the exit delay.
    function invalidateNonce(uint64 nonce) external;

    /// @notice Voids the caller's orders with nonces below this, after the exit delay.
    function invalidateNoncesBelow(uint64 nonce) external;

    /// @notice Settles or skips fills of a group in the order of their numbers; by the operator.
    /// @param firstNumber Number of the first fill; it must be the group's next.
    function settle(uint32 group, uint64 firstNumber, SignedOrder[] calldata orders, Fill[] calldata fills) external;

    /// @notice Pays the royalty account of a market out to the revenue router; by anyone.
    function flushRoyalty(bytes32 market) external returns (uint256 revenueId);

    /// @notice Says that the operator is there; a settlement says so too.
    function heartbeat() external;

    /// @notice Opens the escape for good, by anyone, once the operator was silent for longer than `ESCAPE_DELAY`.
    function enterEscape() external;

    /// @notice Pays the caller's whole balance of an instrument to the caller, once the escape is open.
    function escape(address token, uint256 id) external returns (uint128 paid);

    /// @notice Balance of an account in the vault.
    function balanceOf(address account, address token, uint256 id) external view returns (uint256);

    /// @notice Sum of the balances of all accounts.
    function totalOf(address token, uint256 id) external view returns (uint256);

    /// @notice What a token was listed as: 0 not at all, 1 ERC-20, 2 ERC-1155.
    function tokenKind(address token) external view returns (uint8);

    /// @notice A market as it was listed; all zero where it was not.
    function marketOf(bytes32 market) external view returns (Market memory);

    /// @notice An exit that waits; all zero where none does.
    function exitOf(uint64 exitId) external view returns (Exit memory);

    /// @notice Number that the next batch of the group begins with; from 1.
    function nextNumber(uint32 group) external view returns (uint64);

    /// @notice What was filled against (account, nonce), in base units, and paid in fees, in quote base units.
    function filledOf(address account, uint64 nonce) external view returns (uint128 base, uint128 fees);

    /// @notice Whether `key` may sign for `account` now; an account may always sign for itself.
    function isSigner(address account, address key) external view returns (bool);

    /// @notice Whether orders of `account` with this nonce are void now.
    function isNonceInvalid(address account, uint64 nonce) external view returns (bool);

    /// @notice What the account of an order signs.
    function orderDigest(Order calldata order) external view returns (bytes32);

    /// @notice What the account and the operator sign.
    function withdrawalDigest(Withdrawal calldata withdrawal) external view returns (bytes32);

    /// @notice The vault account that a market's royalties accrue to until they are flushed. Nobody has a key of it.
    function royaltyAccount(bytes32 market) external pure returns (address);
}
