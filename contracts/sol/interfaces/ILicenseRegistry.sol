// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice Licence terms. They never change: their id is the hash of all of them.
/// @param commercialUse Whether the licensee may earn with the asset.
/// @param derivativesAllowed Whether the licensee may derive assets from it.
/// @param reciprocal Whether what is derived must carry the same terms, at any depth.
/// @param transferable Whether minted licences may change hands.
/// @param royaltyPolicy 0 none, 1 LAP (absolute: of every descendant's revenue), 2 LRP (relative: of the child's revenue).
/// @param revenueShareE8 The royalty in parts per 100,000,000; 0 with policy 0.
/// @param mintingFee Price of one licence in base units of `currency`.
/// @param currency ERC-20 token of the fee; may be zero only where the fee is.
/// @param durationSecs Seconds that a licence runs, 0 for ever; the end is rounded up to a day.
/// @param supplyCap Most licences that one asset gives under these terms, over all series; 0 for no cap.
/// @param uri The text of the terms.
/// @param spdxId SPDX identifier, empty where none fits.
struct LicenseTerms {
    bool commercialUse;
    bool derivativesAllowed;
    bool reciprocal;
    bool transferable;
    uint8 royaltyPolicy;
    uint32 revenueShareE8;
    uint256 mintingFee;
    address currency;
    uint64 durationSecs;
    uint64 supplyCap;
    string uri;
    string spdxId;
}

/// @title Licence terms, and licences as fungible units of a series
/// @notice A series is (asset, terms, absolute expiry); its id is `uint256(keccak256(abi.encode(assetId, termsId, expiresAt)))`.
interface ILicenseRegistry {
    /// @notice Terms exist; `termsId` is `uint256(keccak256(abi.encode(terms)))`.
    event LicenseTermsRegistered(uint256 indexed termsId, LicenseTerms terms);

    /// @notice The asset is offered under the terms, by its owner or because it inherited reciprocal terms.
    event LicenseTermsAttached(uint256 indexed assetId, uint256 indexed termsId);

    /// @notice Licences joined a series. Emitted after the `RevenueReceived` of the fee and before the `TransferSingle`.
    /// `expiresAt` is in unix seconds, exclusive, 0 for ever. `feePaid` is what arrived, the amount in `RevenueReceived`.
    event LicenseMinted(
        uint256 indexed licenseId,
        uint256 indexed assetId,
        uint256 indexed termsId,
        address minter,
        address receiver,
        uint256 amount,
        uint64 expiresAt,
        uint256 feePaid
    );

    /// @notice A whole series ended before its time.
    event LicenseRevoked(uint256 indexed licenseId, address indexed revokedBy, string reason);

    /// @dev No terms have this id.
    error UnknownTerms(uint256 termsId);
    /// @dev No licence of this series was minted.
    error UnknownLicense(uint256 licenseId);
    /// @dev `royaltyPolicy` is above 2.
    error InvalidRoyaltyPolicy(uint8 royaltyPolicy);
    /// @dev A revenue share is above 100%, or stands without a royalty policy.
    error InvalidRevenueShare(uint32 revenueShareE8);
    /// @dev A fee needs a currency.
    error CurrencyRequired();
    /// @dev Terms that forbid derivatives cannot bind derivatives.
    error ReciprocalWithoutDerivatives();
    /// @dev A duration is at most `MAX_DURATION_SECS`; use 0 for ever.
    error DurationTooLong(uint64 durationSecs);
    /// @dev The asset carries these terms already.
    error TermsAlreadyAttached(uint256 assetId, uint256 termsId);
    /// @dev The asset is not offered under these terms.
    error TermsNotAttached(uint256 assetId, uint256 termsId);
    /// @dev An asset inherits at most `MAX_BINDING_TERMS` reciprocal terms.
    error TooManyBindingTerms(uint256 assetId);
    /// @dev Mint at least one licence.
    error ZeroAmount();
    /// @dev The fee is above what the minter is ready to pay.
    error FeeAboveMax(uint256 fee, uint256 maxFee);
    /// @dev The asset gives no more licences under these terms.
    error SupplyCapExceeded(uint256 assetId, uint256 termsId, uint256 supplyCap);
    /// @dev These licences stay with whom they were minted to.
    error NotTransferable(uint256 licenseId);
    /// @dev The series was revoked.
    error RevokedLicense(uint256 licenseId);
    /// @dev The series ended at `expiresAt`.
    error ExpiredLicense(uint256 licenseId, uint64 expiresAt);
    /// @dev The series licenses another asset.
    error LicenseOfAnotherAsset(uint256 licenseId, uint256 licensedAssetId, uint256 parentId);
    /// @dev The owner of the derived asset holds no licence of the series.
    error LicenseNotHeld(uint256 licenseId, address holder);
    /// @dev The terms forbid derivatives.
    error DerivativesForbidden(uint256 licenseId);
    /// @dev Only the asset registry declares derivations.
    error OnlyAssetRegistry(address caller);

    /// @notice Registers terms, by anyone; the same terms again change nothing and emit nothing.
    function registerTerms(LicenseTerms calldata terms) external returns (uint256 termsId);

    /// @notice Offers the asset under the terms, for good.
    function attachTerms(uint256 assetId, uint256 termsId) external;

    /// @notice Mints `amount` licences of the asset under the terms to `receiver`; the caller pays the fee through the
    /// revenue router, which the caller must have approved as spender. The asset's owner pays as everyone does.
    function mint(uint256 assetId, uint256 termsId, uint256 amount, address receiver, uint256 maxFee)
        external
        returns (uint256 licenseId);

    /// @notice Ends a whole series.
    function revoke(uint256 licenseId, string calldata reason) external;

    /// @notice Called by the asset registry for each edge: refuses a licence that does not allow it, and passes on what
    /// reciprocity asks for.
    /// @return royaltyPolicy and @return revenueShareE8 of the terms; both 0 where `licenseId` is.
    function admitDerivation(uint256 childId, uint256 parentId, uint256 licenseId, address holder)
        external
        returns (uint8 royaltyPolicy, uint32 revenueShareE8);

    /// @notice What a series licenses, until when (unix seconds, exclusive, 0 for ever), and whether it was revoked.
    function seriesOf(uint256 licenseId)
        external
        view
        returns (uint256 assetId, uint256 termsId, uint64 expiresAt, bool revoked);

    /// @notice Whether licences of the series are good now: neither revoked nor expired.
    function isValid(uint256 licenseId) external view returns (bool);
}
