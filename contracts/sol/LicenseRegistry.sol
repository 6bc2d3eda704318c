// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {AssetBound} from "./AssetBound.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {ILicenseRegistry, LicenseTerms} from "./interfaces/ILicenseRegistry.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";

/// @title Licence terms, and licences as fungible units of a series
/// @notice Anyone mints a licence of an asset that is offered under terms, for the fee. The asset's owner pays the fee
/// too: a free mint that is sold on would take from contributors, shareholders and those whom the asset owes royalties.
contract LicenseRegistry is ERC1155, Multicall, ReentrancyGuardTransient, AssetBound, ILicenseRegistry {
    /// @notice 100% in parts per 100,000,000.
    uint256 public constant ONE_E8 = 100_000_000;
    /// @notice Longest duration of terms that end, in seconds: a hundred years.
    uint64 public constant MAX_DURATION_SECS = 36_525 days;
    /// @notice Most reciprocal terms that an asset inherits.
    uint256 public constant MAX_BINDING_TERMS = 16;

    uint8 private constant MAX_POLICY = 2;

    /// @dev One licence series; `assetId` 0 means that none was minted.
    struct Series {
        uint256 assetId;
        uint256 termsId;
        uint64 expiresAt;
        bool revoked;
    }

    /// @notice Takes the fees.
    IRevenueRouter public immutable ROUTER;

    mapping(uint256 termsId => LicenseTerms) private _terms;
    mapping(uint256 termsId => bool) private _termsKnown;
    mapping(uint256 licenseId => Series) private _series;
    mapping(uint256 assetId => mapping(uint256 termsId => bool)) private _attached;
    mapping(uint256 assetId => mapping(uint256 termsId => uint256)) private _minted;
    /// @dev Reciprocal terms that an asset inherited, and that whatever is derived from it inherits in turn.
    mapping(uint256 assetId => uint256[]) private _binding;
    mapping(uint256 assetId => mapping(uint256 termsId => bool)) private _isBinding;

    /// @param assets The asset registry.
    /// @param router The revenue router.
    constructor(IAssetRegistry assets, IRevenueRouter router) ERC1155("") AssetBound(assets) {
        ROUTER = router;
    }

    /// @inheritdoc ILicenseRegistry
    function registerTerms(LicenseTerms calldata terms) external returns (uint256 termsId) {
        if (terms.royaltyPolicy > MAX_POLICY) revert InvalidRoyaltyPolicy(terms.royaltyPolicy);
        if (terms.revenueShareE8 > (terms.royaltyPolicy == 0 ? 0 : ONE_E8)) {
            revert InvalidRevenueShare(terms.revenueShareE8);
        }
        if (terms.mintingFee != 0 && terms.currency == address(0)) revert CurrencyRequired();
        if (terms.reciprocal && !terms.derivativesAllowed) revert ReciprocalWithoutDerivatives();
        if (terms.durationSecs > MAX_DURATION_SECS) revert DurationTooLong(terms.durationSecs);

        termsId = uint256(keccak256(abi.encode(terms)));
        if (_termsKnown[termsId]) return termsId;
        _termsKnown[termsId] = true;
        _terms[termsId] = terms;
        emit LicenseTermsRegistered(termsId, terms);
    }

    /// @inheritdoc ILicenseRegistry
    function attachTerms(uint256 assetId, uint256 termsId) external onlyAssetOwner(assetId) {
        if (!_termsKnown[termsId]) revert UnknownTerms(termsId);
        if (_attached[assetId][termsId]) revert TermsAlreadyAttached(assetId, termsId);
        _attach(assetId, termsId);
    }

    /// @inheritdoc ILicenseRegistry
    function mint(uint256 assetId, uint256 termsId, uint256 amount, address receiver, uint256 maxFee)
        external
        nonReentrant
        returns (uint256 licenseId)
    {
        if (amount == 0) revert ZeroAmount();
        if (!_attached[assetId][termsId]) revert TermsNotAttached(assetId, termsId);
        LicenseTerms storage terms = _terms[termsId];
        uint256 fee = terms.mintingFee * amount;
        if (fee > maxFee) revert FeeAboveMax(fee, maxFee);
        uint256 minted = _minted[assetId][termsId] + amount;
        if (terms.supplyCap != 0 && minted > terms.supplyCap) {
            revert SupplyCapExceeded(assetId, termsId, terms.supplyCap);
        }
        uint64 expiresAt = expiryAt(termsId, block.timestamp);
        licenseId = licenseIdOf(assetId, termsId, expiresAt);
        Series storage series = _series[licenseId];
        if (series.revoked) revert RevokedLicense(licenseId);

        _minted[assetId][termsId] = minted;
        if (series.assetId == 0) {
            (series.assetId, series.termsId, series.expiresAt) = (assetId, termsId, expiresAt);
        }
        uint256 feePaid = fee == 0
            ? 0
            : ROUTER.collectFee(msg.sender, assetId, terms.currency, fee, bytes32(licenseId));
        emit LicenseMinted(licenseId, assetId, termsId, msg.sender, receiver, amount, expiresAt, feePaid);
        _mint(receiver, licenseId, amount, "");
    }

    /// @inheritdoc ILicenseRegistry
    /// @dev By the owner of the licensed asset. A revoked series takes no more mints: those of terms without end never
    /// come back for this asset, those with a duration do with the next day's series.
    function revoke(uint256 licenseId, string calldata reason) external nonReentrant {
        Series storage series = _known(licenseId);
        ASSETS.requireAuthorised(series.assetId, msg.sender);
        if (series.revoked) revert RevokedLicense(licenseId);
        series.revoked = true;
        emit LicenseRevoked(licenseId, msg.sender, reason);
    }

    /// @inheritdoc ILicenseRegistry
    /// @dev Reciprocity is kept by attaching, not by refusing: the child is offered under the reciprocal terms that it was
    /// made under, and under all that bind its parent, so that no other licence of the parent leads around them.
    function admitDerivation(uint256 childId, uint256 parentId, uint256 licenseId, address holder)
        external
        returns (uint8 royaltyPolicy, uint32 revenueShareE8)
    {
        if (msg.sender != address(ASSETS)) revert OnlyAssetRegistry(msg.sender);
        if (licenseId != 0) {
            Series storage series = _known(licenseId);
            if (series.assetId != parentId) revert LicenseOfAnotherAsset(licenseId, series.assetId, parentId);
            if (series.revoked) revert RevokedLicense(licenseId);
            if (_expired(series)) revert ExpiredLicense(licenseId, series.expiresAt);
            if (balanceOf(holder, licenseId) == 0) revert LicenseNotHeld(licenseId, holder);
            LicenseTerms storage terms = _terms[series.termsId];
            if (!terms.derivativesAllowed) revert DerivativesForbidden(licenseId);
            (royaltyPolicy, revenueShareE8) = (terms.royaltyPolicy, terms.revenueShareE8);
            if (terms.reciprocal) _bind(childId, series.termsId);
        }
        uint256[] storage inherited = _binding[parentId];
        for (uint256 i = 0; i < inherited.length; ++i) {
            _bind(childId, inherited[i]);
        }
    }

    /// @notice The terms, as registered.
    function termsOf(uint256 termsId) external view returns (LicenseTerms memory) {
        if (!_termsKnown[termsId]) revert UnknownTerms(termsId);
        return _terms[termsId];
    }

    /// @notice Whether the asset is offered under the terms.
    function isAttached(uint256 assetId, uint256 termsId) external view returns (bool) {
        return _attached[assetId][termsId];
    }

    /// @notice The reciprocal terms that the asset inherited from what it was derived from.
    function bindingTerms(uint256 assetId) external view returns (uint256[] memory) {
        return _binding[assetId];
    }

    /// @notice Licences minted of the asset under the terms, over all series.
    function mintedOf(uint256 assetId, uint256 termsId) external view returns (uint256) {
        return _minted[assetId][termsId];
    }

    /// @inheritdoc ILicenseRegistry
    function seriesOf(uint256 licenseId)
        external
        view
        returns (uint256 assetId, uint256 termsId, uint64 expiresAt, bool revoked)
    {
        Series storage series = _known(licenseId);
        return (series.assetId, series.termsId, series.expiresAt, series.revoked);
    }

    /// @inheritdoc ILicenseRegistry
    function isValid(uint256 licenseId) external view returns (bool) {
        Series storage series = _series[licenseId];
        return series.assetId != 0 && !series.revoked && !_expired(series);
    }

    /// @notice Id of the series of an asset under terms that ends at `expiresAt`.
    function licenseIdOf(uint256 assetId, uint256 termsId, uint64 expiresAt) public pure returns (uint256) {
        return uint256(keccak256(abi.encode(assetId, termsId, expiresAt)));
    }

    /// @notice When a licence under the terms ends that is minted at `mintedAt`: duration later, rounded up to a whole day of
    /// unix time; 0 for ever. Exclusive: a licence is good while the block's time is before it.
    function expiryAt(uint256 termsId, uint256 mintedAt) public view returns (uint64) {
        uint256 durationSecs = _terms[termsId].durationSecs;
        if (durationSecs == 0) return 0;
        // Fits 64 bits: block times are far below 2^63 and durations at most a hundred years.
        return uint64((mintedAt + durationSecs + 1 days - 1) / 1 days * 1 days);
    }

    /// @notice The text of a series' terms.
    function uri(uint256 licenseId) public view override returns (string memory) {
        return _terms[_known(licenseId).termsId].uri;
    }

    function _known(uint256 licenseId) private view returns (Series storage series) {
        series = _series[licenseId];
        if (series.assetId == 0) revert UnknownLicense(licenseId);
    }

    function _expired(Series storage series) private view returns (bool) {
        return series.expiresAt != 0 && block.timestamp >= series.expiresAt;
    }

    function _attach(uint256 assetId, uint256 termsId) private {
        _attached[assetId][termsId] = true;
        emit LicenseTermsAttached(assetId, termsId);
    }

    function _bind(uint256 assetId, uint256 termsId) private {
        if (!_attached[assetId][termsId]) _attach(assetId, termsId);
        if (_isBinding[assetId][termsId]) return;
        if (_binding[assetId].length == MAX_BINDING_TERMS) revert TooManyBindingTerms(assetId);
        _isBinding[assetId][termsId] = true;
        _binding[assetId].push(termsId);
    }

    /// @dev Refuses to move licences whose terms tie them to the holder; mints come from the zero address.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        if (from != address(0)) {
            for (uint256 i = 0; i < ids.length; ++i) {
                if (!_terms[_known(ids[i]).termsId].transferable) revert NotTransferable(ids[i]);
            }
        }
        super._update(from, to, ids, values);
    }
}
