// Proves that the invariants can fail: breaks the contracts in one place at a time, in a copy, and runs the tests on the
// broken ones. A mutant that the tests let pass is a hole in them; the script names it and exits 1.
//
//   node contracts/mutate.mjs            all mutants, a few hours
//   node contracts/mutate.mjs royalty    those whose name contains the word

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const contractsDir = dirname(fileURLToPath(import.meta.url));

// Conditions are broken with a constant beside them, so that what they read stays in use and the compiler has nothing to warn of.
const mutants = [
  ["royalty stack one part above all", "AssetRegistry", "lapE8 + lrpE8 > ONE_E8)", "lapE8 + lrpE8 > ONE_E8 + 1)"],
  ["royalty stack forgets the parent's", "AssetRegistry", "lapE8 = parent.lapStackE8;", "lapE8 = 0;"],
  ["royalty stack forgets earlier declarations", "AssetRegistry", "uint256 lapE8 = child.lapStackE8;", "uint256 lapE8 = 0;"],
  ["royalty sum forgets earlier LRP shares", "AssetRegistry", "uint256 lrpE8 = child.lrpSumE8;", "uint256 lrpE8 = 0;"],
  ["royalty bound leaves LRP out", "AssetRegistry", "if (lapE8 + lrpE8 > ONE_E8)", "if (lapE8 > ONE_E8)"],
  ["LAP and LRP are mixed up", "AssetRegistry", "if (policy == POLICY_LRP)", "if (policy == POLICY_LAP)"],
  ["parents are added after children", "AssetRegistry", "if (child.childCount != 0)", "if (false && child.childCount != 0)"],
  ["foreign parents are added after children", "AssetRegistry", "if (_assets[childId].childCount != 0)", "if (false && _assets[childId].childCount != 0)"],
  ["children are not counted", "AssetRegistry", "++parent.childCount;", ""],
  ["an asset is its own parent", "AssetRegistry", "if (p.parentId == childId)", "if (false && p.parentId == childId)"],
  ["a parent twice", "AssetRegistry", "if (_isParent[childId][p.parentId])", "if (false && _isParent[childId][p.parentId])"],
  ["seventeen parents", "AssetRegistry", "MAX_PARENTS = 16", "MAX_PARENTS = 17"],
  ["no licence needed", "AssetRegistry", "p.licenseId == 0 &&", "false && p.licenseId == 0 &&"],
  ["anyone declares", "AssetRegistry", "requireAuthorised(childId, msg.sender);\n        Asset storage child", "Asset storage child"],
  ["anyone adds versions", "AssetRegistry", "requireAuthorised(assetId, msg.sender);\n        Asset storage asset", "Asset storage asset"],
  ["contributor share above all", "AssetRegistry", "if (contributorShareE8 > ONE_E8)", "if (contributorShareE8 > ONE_E8 + 1)"],
  ["kind 7", "AssetRegistry", "MAX_KIND = 6", "MAX_KIND = 7"],
  ["relation 13", "AssetRegistry", "MAX_RELATION = 12", "MAX_RELATION = 13"],
  ["version 1 twice", "AssetRegistry", "version = ++asset.version;", "version = asset.version;"],
  ["derivatives although forbidden", "LicenseRegistry", "if (!terms.derivativesAllowed) revert", "if (false && !terms.derivativesAllowed) revert"],
  ["derivatives of a revoked licence", "LicenseRegistry", "if (series.revoked) revert RevokedLicense(licenseId);\n            if (_expired", "if (_expired"],
  ["derivatives of an expired licence", "LicenseRegistry", "if (_expired(series)) revert", "if (false && _expired(series)) revert"],
  ["a licence is good in the second it ends", "LicenseRegistry", "block.timestamp >= series.expiresAt", "block.timestamp > series.expiresAt"],
  ["derivatives by who holds no licence", "LicenseRegistry", "if (balanceOf(holder, licenseId) == 0)", "if (false && balanceOf(holder, licenseId) == 0)"],
  ["derivatives under another asset's licence", "LicenseRegistry", "if (series.assetId != parentId)", "if (false && series.assetId != parentId)"],
  ["reciprocal terms are not carried", "LicenseRegistry", "if (terms.reciprocal) _bind", "if (false && terms.reciprocal) _bind"],
  ["reciprocal terms are carried once only", "LicenseRegistry", "i < inherited.length", "i < inherited.length && false"],
  ["binding terms without end", "LicenseRegistry", "MAX_BINDING_TERMS = 16", "MAX_BINDING_TERMS = 17"],
  ["anyone declares to the licence registry", "LicenseRegistry", "if (msg.sender != address(ASSETS))", "if (false && msg.sender != address(ASSETS))"],
  ["terms are overwritten", "LicenseRegistry", "if (_termsKnown[termsId]) return termsId;", ""],
  ["the id of terms leaves their text out", "LicenseRegistry", "termsId = uint256(keccak256(abi.encode(terms)));", "termsId = uint256(keccak256(abi.encode(terms.royaltyPolicy, terms.revenueShareE8, terms.durationSecs)));"],
  ["terms change when they are attached", "LicenseRegistry", "_attached[assetId][termsId] = true;", "_attached[assetId][termsId] = true;\n        _terms[termsId].commercialUse = true;"],
  ["no supply cap", "LicenseRegistry", "terms.supplyCap != 0 && minted", "false && terms.supplyCap != 0 && minted"],
  ["supply cap counts the last mint only", "LicenseRegistry", "_minted[assetId][termsId] + amount;", "amount;"],
  ["minting into a revoked series", "LicenseRegistry", "if (series.revoked) revert RevokedLicense(licenseId);\n\n", ""],
  ["minting under terms not offered", "LicenseRegistry", "if (!_attached[assetId][termsId]) revert TermsNotAttached", "if (false && !_attached[assetId][termsId]) revert TermsNotAttached"],
  ["expiry is not rounded up", "LicenseRegistry", "(mintedAt + durationSecs + 1 days - 1) / 1 days * 1 days", "mintedAt + durationSecs"],
  ["fee above the maximum", "LicenseRegistry", "if (fee > maxFee)", "if (false && fee > maxFee)"],
  ["fee is what was asked, not what arrived", "LicenseRegistry", "? 0\n            : ROUTER.collectFee(msg.sender, assetId, terms.currency, fee, bytes32(licenseId));", "? 0\n            : ROUTER.collectFee(msg.sender, assetId, terms.currency, fee, bytes32(licenseId)) * 0 + fee;"],
  ["a free mint for the owner", "LicenseRegistry", "uint256 fee = terms.mintingFee * amount;", "uint256 fee = ASSETS.exists(assetId) && msg.sender == IOwner(address(ASSETS)).ownerOf(assetId) ? 0 : terms.mintingFee * amount;", "interface IOwner { function ownerOf(uint256 id) external view returns (address); }"],
  ["anyone revokes", "LicenseRegistry", "ASSETS.requireAuthorised(series.assetId, msg.sender);", ""],
  ["revoked twice", "LicenseRegistry", "if (series.revoked) revert RevokedLicense(licenseId);\n        series.revoked", "series.revoked"],
  ["revoking within a mint", "LicenseRegistry", "revoke(uint256 licenseId, string calldata reason) external nonReentrant", "revoke(uint256 licenseId, string calldata reason) external"],
  ["tied licences move", "LicenseRegistry", ".transferable) revert", ".transferable && false) revert"],
  ["shares twice", "AssetShares", "if (_supply[assetId] != 0)", "if (false && _supply[assetId] != 0)"],
  ["shares beside the supply", "AssetShares", "if (sum != supply)", "if (sum > supply)"],
  ["shares by anyone", "AssetShares", "nonReentrant\n        onlyAssetOwner(assetId)", "nonReentrant"],
  ["one more share", "AssetShares", "_mint(receivers[i], assetId, amounts[i], \"\")", "_mint(receivers[i], assetId, amounts[i] + 1, \"\")"],
  ["contributions by anyone", "ContributionBook", "if (!_recorders[assetId][msg.sender]) ASSETS", "if (!ASSETS.exists(assetId)) ASSETS"],
  ["voided by anyone", "ContributionBook", "if (entry.recordedBy != msg.sender)", "if (false && entry.recordedBy != msg.sender)"],
  ["voided twice", "ContributionBook", "if (entry.voided) revert", "if (false && entry.voided) revert"],
  ["voided after the right to record ended", "ContributionBook", "_requireRecorder(assetId);\n        if (entry.voided)", "if (entry.voided)"],
  ["contributions move", "ContributionBook", "    function _record(", "    function transfer(address to, uint256 id) external {\n        emit ContributionRecorded(id, _records[id].assetId, to, 0, 1, 0, msg.sender);\n    }\n\n    function _record("],
  ["weight 0", "ContributionBook", "weight == 0 ||", ""],
  ["money without an asset", "RevenueRouter", "if (!ASSETS.exists(assetId))", "if (false && !ASSETS.exists(assetId))"],
  ["nothing is revenue", "RevenueRouter", "if (received == 0)", "if (false && received == 0)"],
  ["revenue is what was sent, not what arrived", "RevenueRouter", "received = IERC20(token).balanceOf(receiver) - before;", "received = IERC20(token).balanceOf(receiver) == before ? 0 : amount;"],
  ["money stays in the router", "RevenueRouter", "address receiver = distributor;", "address receiver = address(this);"],
  ["a payment within a payment", "RevenueRouter", "external\n        nonReentrant\n        returns (uint256 revenueId)", "external\n        returns (uint256 revenueId)"],
  ["fees collected by anyone", "RevenueRouter", "if (msg.sender != LICENSES)", "if (false && msg.sender != LICENSES)"],
  ["the reserved reason", "RevenueRouter", "if (reason == REASON_SALE_OF_LICENCE)", "if (false && reason == REASON_SALE_OF_LICENCE)"],
  ["reason 7", "RevenueRouter", "MAX_REASON = 6", "MAX_REASON = 7"],
  ["anyone changes the distributor", "RevenueRouter", "external onlyOwner", "external"],
  ["a letter of an event", "interfaces/IRevenueRouter", "bytes32 ref\n    );", "bytes32 reference_\n    );"],
  ["vault: the credit is what was asked for", "vault/VaultLedger", "if (held != before + amount)", "if (held > before + amount)"],
  ["vault: deposits without bound", "vault/VaultLedger", "if (_totals[token][id] + amount > type(uint128).max)", "if (false && _totals[token][id] + amount > type(uint128).max)"],
  ["vault: deposits of nothing", "vault/VaultLedger", "if (amount == 0) revert ZeroAmount();", "if (false && amount == 0) revert ZeroAmount();"],
  ["vault: an id of an ERC-20 token", "vault/VaultLedger", "(kind == KIND_ERC20 && id != 0)", "(kind == KIND_ERC20 && id == type(uint256).max)"],
  ["vault: payments are not debited", "vault/VaultLedger", "_debit(account, token, id, amount);\n        _totals", "if (amount == 0) _debit(account, token, id, amount);\n        _totals"],
  ["vault: tokens listed by anyone", "vault/VaultLedger", "function listToken(address token, uint8 kind) external onlyOwner", "function listToken(address token, uint8 kind) external"],
  ["vault: tokens listed again", "vault/VaultLedger", "if (tokenKind[token] != 0)", "if (false && tokenKind[token] != 0)"],
  ["vault: kind 3", "vault/VaultLedger", "kind != KIND_ERC20 && kind != KIND_ERC1155", "kind != KIND_ERC20 && kind != KIND_ERC1155 && kind != 3"],
  ["vault: settled by anyone", "vault/VaultRoles", "if (msg.sender != operator)", "if (false && msg.sender != operator)"],
  ["vault: business during the escape", "vault/VaultRoles", "if (escapeOpen) revert EscapeOpen();", "if (false && escapeOpen) revert EscapeOpen();"],
  ["vault: escape a second early", "vault/VaultRoles", "if (block.timestamp <= escapableFrom)", "if (block.timestamp < escapableFrom)"],
  ["vault: a new operator is a heartbeat", "vault/VaultRoles", "operator = newOperator;", "operator = newOperator;\n        _beat();"],
  ["vault: any grace", "vault/VaultRoles", "config.settlementGraceSecs < MIN_DELAY_SECS ||", "false && config.settlementGraceSecs < MIN_DELAY_SECS ||"],
  ["vault: grace beyond the exit delay", "vault/VaultRoles", "config.settlementGraceSecs > config.exitDelaySecs", "config.settlementGraceSecs > config.exitDelaySecs + 1"],
  ["vault: any escape delay", "vault/VaultRoles", "config.escapeDelaySecs > MAX_DELAY_SECS", "config.escapeDelaySecs > MAX_DELAY_SECS + 1"],
  ["vault: escape before an exit", "vault/VaultRoles", "config.escapeDelaySecs < config.exitDelaySecs", "config.escapeDelaySecs < config.exitDelaySecs - 1"],
  ["vault: the vault as an account", "vault/VaultRoles", "account == address(0) || account == address(this)", "account == address(0) || (false && account == address(this))"],
  ["vault: nobody as an account", "vault/VaultRoles", "account == address(0) || account == address(this)", "account == address(this)"],
  ["vault: fee account by anyone", "vault/VaultRoles", "function setFeeAccount(address newFeeAccount) external onlyOwner", "function setFeeAccount(address newFeeAccount) external"],
  ["vault: co-signer by anyone", "vault/VaultRoles", "function setCosigner(address newCosigner) external onlyOwner", "function setCosigner(address newCosigner) external"],
  ["vault: a bad signature is the zero account's", "vault/VaultKeys", "if (key == address(0)) return false;", "if (key == address(0)) return account == key;"],
  ["vault: revocation at once", "vault/VaultKeys", "_signsUntil[msg.sender][key] = effectiveAt;", "_signsUntil[msg.sender][key] = uint64(block.timestamp);"],
  ["vault: a key signs in the second it ends", "vault/VaultKeys", "block.timestamp < _signsUntil[account][key]", "block.timestamp <= _signsUntil[account][key]"],
  ["vault: revocation put off", "vault/VaultKeys", "if (_signsUntil[msg.sender][key] != ACTIVE)", "if (_signsUntil[msg.sender][key] == 0)"],
  ["vault: a nonce is void at once", "vault/VaultKeys", "_voidFrom[msg.sender][nonce] = effectiveAt;", "_voidFrom[msg.sender][nonce] = 1;"],
  ["vault: invalidation put off", "vault/VaultKeys", "if (_voidFrom[msg.sender][nonce] != 0)", "if (false && _voidFrom[msg.sender][nonce] != 0)"],
  ["vault: floors put off", "vault/VaultKeys", "if (block.timestamp < floor.nextFrom) revert", "if (false && block.timestamp < floor.nextFrom) revert"],
  ["vault: a floor forgets the one before", "vault/VaultKeys", "uint64 below = floor.nextBelow;", "uint64 below = 0;"],
  ["vault: a floor is void at once", "vault/VaultKeys", "block.timestamp < floor.nextFrom ? floor.below", "false ? floor.below"],
  ["vault: a floor includes its nonce", "vault/VaultKeys", "return nonce < (block", "return nonce <= (block"],
  ["vault: both forms of a signature", "vault/VaultKeys", "uint256(s) > MAX_S ? address(0)", "uint256(s) == 0 ? address(0)"],
  ["vault: signatures of any length", "vault/VaultKeys", "if (signature.length != 65) return address(0);", "if (signature.length < 64) return address(0);"],
  ["vault: a field is not signed", "vault/VaultKeys", "bytes32 clientOrderId)\"", "bytes32 clientOrderld)\""],
  ["vault: past the deadline", "vault/VaultCustody", "if (block.timestamp > withdrawal.deadline)", "if (block.timestamp > withdrawal.deadline + 1)"],
  ["vault: the deadline is exclusive", "vault/VaultCustody", "if (block.timestamp > withdrawal.deadline)", "if (block.timestamp >= withdrawal.deadline)"],
  ["vault: no co-signature", "vault/VaultCustody", "if (_signerOf(digest, operatorSignature) != cosigner)", "if (false && _signerOf(digest, operatorSignature) != cosigner)"],
  ["vault: withdrawals twice", "vault/VaultCustody", "_withdrawalNonceUsed[account][withdrawal.nonce] = true;", ""],
  ["vault: a key withdraws anywhere", "vault/VaultCustody", "&& withdrawal.receiver == account &&", "&&"],
  ["vault: withdrawals by anyone", "vault/VaultCustody", "if (signer == address(0) || (signer != account && !byKey))", "if (signer == address(0) || (false && !byKey))"],
  ["vault: withdrawals of the zero account", "vault/VaultCustody", "if (signer == address(0) || (signer != account && !byKey))", "if (signer != account && !byKey)"],
  ["vault: withdrawals to the vault", "vault/VaultCustody", "_requireAccount(withdrawal.receiver);", ""],
  ["vault: exits at once", "vault/VaultCustody", "if (block.timestamp < e.executableAt)", "if (false && block.timestamp < e.executableAt)"],
  ["vault: exits pay more than is there", "vault/VaultCustody", "balance < e.amount ? uint128(balance) : e.amount", "balance == 0 ? 0 : e.amount"],
  ["vault: exits twice", "vault/VaultCustody", "delete _exits[exitId];\n        emit ExitExecuted", "emit ExitExecuted"],
  ["vault: exits cancelled by anyone", "vault/VaultCustody", "if (account != msg.sender) revert NotYourExit", "if (false && account != msg.sender) revert NotYourExit"],
  ["vault: exits only while something is left", "vault/VaultCustody", "if (paid != 0) _pay(", "if (paid == 0) revert ZeroAmount();\n        _pay("],
  ["vault: escape while the operator is there", "vault/VaultCustody", "if (!escapeOpen) revert EscapeClosed();", "if (false && !escapeOpen) revert EscapeClosed();"],
  ["vault: unsolicited tokens", "vault/VaultCustody", "if (mover != address(this))", "if (false && mover != address(this))"],
  ["vault: reentrant exits", "vault/VaultCustody", "function executeExit(uint64 exitId) external nonReentrant", "function executeExit(uint64 exitId) external"],
  ["vault: reentrant escape", "vault/VaultCustody", "function escape(address token, uint256 id) external nonReentrant", "function escape(address token, uint256 id) external"],
  ["vault: reentrant withdrawals", "vault/VaultCustody", ") external beforeEscape nonReentrant {", ") external beforeEscape {"],
  ["vault: reentrant deposits", "vault/VaultCustody", "beforeEscape\n        nonReentrant\n        returns", "beforeEscape\n        returns"],
  ["vault: deposits for nobody", "vault/VaultCustody", "_requireAccount(account);\n        _take", "_take"],
  ["vault: markets by anyone", "vault/VaultMarkets", ") external onlyOwner returns (bytes32 market)", ") external returns (bytes32 market)"],
  ["vault: markets of any token", "vault/VaultMarkets", "tokenKind[base] != KIND_ERC1155 ||", "false ||"],
  ["vault: markets without an asset", "vault/VaultMarkets", "if (!ASSETS.exists(assetId))", "if (false && !ASSETS.exists(assetId))"],
  ["vault: markets again", "vault/VaultMarkets", "if (_isListed(market)) revert", "if (false && _isListed(market)) revert"],
  ["vault: royalties stay", "vault/VaultMarkets", "_release(account, quote, amount);", ""],
  ["vault: royalties of another reason", "vault/VaultMarkets", "REASON_TRADE_ROYALTY = 5", "REASON_TRADE_ROYALTY = 6"],
  ["vault: reentrant royalties", "vault/VaultMarkets", "function flushRoyalty(bytes32 market) external nonReentrant", "function flushRoyalty(bytes32 market) external"],
  ["vault: any number", "vault/VaultSettlement", "if (firstNumber != number)", "if (false && firstNumber != number)"],
  ["vault: numbers are not consumed", "vault/VaultSettlement", "_lastNumber[group] = number - 1;", ""],
  ["vault: skipped fills consume nothing", "vault/VaultSettlement", "_settleFill(group, number, orders, faults, fills[i]);\n            ++number;", "_settleFill(group, number, orders, faults, fills[i]);\n            if (!fills[i].skip) ++number;"],
  ["vault: starved batches skip", "vault/VaultSettlement", "if (gasleft() < MIN_STEP_GAS) revert", "if (false && gasleft() < MIN_STEP_GAS) revert"],
  ["vault: too little gas is asked for", "vault/VaultSettlement", "MIN_STEP_GAS = 300_000", "MIN_STEP_GAS = 30_000"],
  ["vault: a settlement is no heartbeat", "vault/VaultSettlement", "_beat();", ""],
  ["vault: self-trades", "vault/VaultSettlement", "if (buy.account == sell.account)", "if (false && buy.account == sell.account)"],
  ["vault: the seller's market", "vault/VaultSettlement", "buy.market != sell.market ||", "false ||"],
  ["vault: markets that are not listed", "vault/VaultSettlement", "|| !_isListed(buy.market)", "|| (false && !_isListed(buy.market))"],
  ["vault: empty fills", "vault/VaultSettlement", "fill.baseAmount == 0 || fill.quoteAmount == 0", "fill.baseAmount == 0"],
  ["vault: either side", "vault/VaultSettlement", "if (order.side != side)", "if (false && order.side != side)"],
  ["vault: faults of orders are forgotten", "vault/VaultSettlement", "if (fault != SkipReason.None) return fault;", "if (false && fault != SkipReason.None) return fault;"],
  ["vault: no grace", "vault/VaultSettlement", "block.timestamp > uint256(order.expiry) + SETTLEMENT_GRACE", "block.timestamp > uint256(order.expiry) + SETTLEMENT_GRACE - 1"],
  ["vault: void nonces settle", "vault/VaultSettlement", "if (isNonceInvalid(order.account, order.nonce))", "if (false && isNonceInvalid(order.account, order.nonce))"],
  ["vault: any price for the buyer", "vault/VaultSettlement", "side == BUY ? price > limit", "side == BUY ? false && price > limit"],
  ["vault: any price for the seller", "vault/VaultSettlement", ": price < limit)", ": false && price < limit)"],
  ["vault: prices above the limit by rounding", "vault/VaultSettlement", "uint256(fill.quoteAmount) * market.lotSize;\n        uint256 limit = uint256(order.limitPrice) * fill.baseAmount;", "uint256(fill.quoteAmount);\n        uint256 limit = uint256(order.limitPrice) * fill.baseAmount / market.lotSize;"],
  ["vault: fees above the maximum", "vault/VaultSettlement", "if (fees * ONE_PPM > fill.quoteAmount * MAX_FEE_PPM)", "if (fees * ONE_PPM > fill.quoteAmount * (MAX_FEE_PPM + 2_000))"],
  ["vault: royalty beside the cap", "vault/VaultSettlement", "uint256(fill.sellerFee) + fill.royalty;", "uint256(fill.sellerFee);"],
  ["vault: the fee cap is per fill", "vault/VaultSettlement", "filled.fees + fees > order.feeCap", "fees > order.feeCap"],
  ["vault: the amount is per fill", "vault/VaultSettlement", "uint256(filled.base) + fill.baseAmount > order.baseAmount", "uint256(fill.baseAmount) > order.baseAmount"],
  ["vault: fees are not counted", "vault/VaultSettlement", "filled.fees += fees;", "filled.fees += 0 * fees;"],
  ["vault: the buyer's fee is not secured", "vault/VaultSettlement", ">= fill.quoteAmount + fees\n", "+ fees >= fill.quoteAmount + fees\n"],
  ["vault: the seller is not secured", "vault/VaultSettlement", ">= fill.baseAmount;", ">= 0;"],
  ["vault: the seller keeps the royalty", "vault/VaultSettlement", "fill.quoteAmount - fill.sellerFee - fill.royalty", "fill.quoteAmount - fill.sellerFee"],
  ["vault: fees go nowhere", "vault/VaultSettlement", "if (fees != 0) _credit(feeAccount", "if (false && fees != 0) _credit(feeAccount"],
  ["vault: royalties go nowhere", "vault/VaultSettlement", "if (fill.royalty != 0) _credit", "if (false && fill.royalty != 0) _credit"],
  ["vault: the base stays with the seller", "vault/VaultSettlement", "_debit(sell.account, base, baseId, fill.baseAmount);", ""],
  ["payouts: a claim pays the whole again", "PayoutDistributor", "amount = cumulative - before;", "amount = cumulative - 0 * before;"],
  ["payouts: claims are not written down", "PayoutDistributor", "claimed[account][token] = cumulative;", "claimed[account][token] = before;"],
  ["payouts: proofs are not asked for", "PayoutDistributor", "if (!MerkleProof.verifyCalldata(proof, finalisedRoot, leaf))", "if (false && !MerkleProof.verifyCalldata(proof, finalisedRoot, leaf))"],
  ["payouts: leaves are hashed once", "PayoutDistributor", "keccak256(bytes.concat(keccak256(abi.encode(account, token, cumulative))))", "keccak256(abi.encode(account, token, cumulative))"],
  ["payouts: leaves leave the token out", "PayoutDistributor", "abi.encode(account, token, cumulative)", "abi.encode(account, cumulative)"],
  ["payouts: claims against the root that waits", "PayoutDistributor", "verifyCalldata(proof, finalisedRoot, leaf)", "verifyCalldata(proof, _pending.root == 0 ? finalisedRoot : _pending.root, leaf)"],
  ["payouts: a fallen leaf is an error", "PayoutDistributor", "if (cumulative <= before) return 0;", ""],
  ["payouts: nothing is a claim", "PayoutDistributor", "if (amount == 0) revert NothingToClaim(account, token);", ""],
  ["payouts: bonds are paid out", "PayoutDistributor", "if (token == address(BOND_TOKEN)) available -= bondsHeld;", ""],
  ["payouts: a claim within a claim", "PayoutDistributor", "external\n        nonReentrant\n        returns (uint256 amount)", "external\n        returns (uint256 amount)"],
  ["payouts: a batch within a claim", "PayoutDistributor", "function claimBatch(Claim[] calldata claims) external nonReentrant", "function claimBatch(Claim[] calldata claims) external"],
  ["payouts: paid to the caller", "PayoutDistributor", "safeTransfer(account, amount)", "safeTransfer(msg.sender, amount)"],
  ["payouts: proposed by anyone", "PayoutDistributor", "if (msg.sender != proposer)", "if (false && msg.sender != proposer)"],
  ["payouts: any epoch", "PayoutDistributor", "if (epoch != finalisedEpoch + 1) revert WrongEpoch", "if (epoch < finalisedEpoch + 1) revert WrongEpoch"],
  ["payouts: the empty root", "PayoutDistributor", "if (root == bytes32(0)) revert EmptyRoot();", ""],
  ["payouts: a root of the same block again", "PayoutDistributor", "blockNumber <= finalisedBlock ||", "blockNumber < finalisedBlock ||"],
  ["payouts: a root of a block to come", "PayoutDistributor", "blockNumber >= block.number)", "blockNumber > block.number)"],
  ["payouts: a replacement is silent", "PayoutDistributor", "if (_pending.root != bytes32(0)) emit RootWithdrawn(epoch, _pending.root);", ""],
  ["payouts: a replacement keeps the bond", "PayoutDistributor", "emit RootProposed(epoch, root, blockNumber, blockHash, finalisableAt, msg.sender);\n        if (disputer != address(0)) _payBond(disputer);", "emit RootProposed(epoch, root, blockNumber, blockHash, finalisableAt, msg.sender);\n        if (disputer == address(1)) _payBond(disputer);"],
  ["payouts: a root taken back keeps the bond", "PayoutDistributor", "emit RootWithdrawn(epoch, root);\n        if (disputer != address(0)) _payBond(disputer);", "emit RootWithdrawn(epoch, root);\n        if (disputer == address(1)) _payBond(disputer);"],
  ["payouts: disputed after the window", "PayoutDistributor", "_requireBefore(_pending.finalisableAt);", ""],
  ["payouts: disputed twice", "PayoutDistributor", "if (_pending.disputer != address(0)) revert DisputeOpen(epoch);\n        _pending", "_pending"],
  ["payouts: disputes without a bond", "PayoutDistributor", "_takeBond(msg.sender);", "if (epoch == 0) _takeBond(msg.sender);"],
  ["payouts: a disputed root is finalised", "PayoutDistributor", "if (_pending.disputer != address(0)) revert DisputeOpen(epoch);\n        _requireFrom", "_requireFrom"],
  ["payouts: finalised before its window ends", "PayoutDistributor", "_requireFrom(_pending.finalisableAt);", ""],
  ["payouts: finalised twice", "PayoutDistributor", "finalisedRoot = root;\n        delete _pending;", "finalisedRoot = root;"],
  ["payouts: any root is the one that waits", "PayoutDistributor", "root == bytes32(0) || root != _pending.root ||", "_pending.root == bytes32(0) ||"],
  ["payouts: any epoch is the one that waits", "PayoutDistributor", "|| epoch != finalisedEpoch + 1) {", "|| epoch == type(uint64).max) {"],
  ["payouts: resolved without a dispute", "PayoutDistributor", "if (disputer == address(0)) revert NotDisputed(epoch);", "if (false && disputer == address(0)) revert NotDisputed(epoch);"],
  ["payouts: the bond goes to who was wrong", "PayoutDistributor", "upheld ? disputer : feeAccount", "upheld ? feeAccount : disputer"],
  ["payouts: an upheld root stays", "PayoutDistributor", "if (upheld) delete _pending;\n        else (_pending.disputer, _pending.decidableUntil) = (address(0), 0);", "(_pending.disputer, _pending.decidableUntil) = (address(0), 0);"],
  ["payouts: resolved by anyone", "PayoutDistributor", "bool upheld) external onlyOwner nonReentrant", "bool upheld) external nonReentrant"],
  ["payouts: a dispute is decided late", "PayoutDistributor", "_requireBefore(_pending.decidableUntil);", ""],
  ["payouts: a dispute lapses at once", "PayoutDistributor", "_requireFrom(_pending.decidableUntil);", ""],
  ["payouts: a lapsed dispute leaves the root", "PayoutDistributor", "_requireFrom(_pending.decidableUntil);\n        delete _pending;", "_requireFrom(_pending.decidableUntil);\n        _pending.disputer = address(0);"],
  ["payouts: a lapse pays who asks", "PayoutDistributor", "emit RootDisputeResolved(epoch, root, true, disputer, BOND);\n        _payBond(disputer);", "emit RootDisputeResolved(epoch, root, true, disputer, BOND);\n        _payBond(msg.sender);"],
  ["payouts: withdrawn by anyone", "PayoutDistributor", "function withdrawRoot(uint64 epoch, bytes32 root) external onlyProposer", "function withdrawRoot(uint64 epoch, bytes32 root) external"],
  ["payouts: a fee above the cap", "PayoutDistributor", "MAX_PROTOCOL_FEE_E8 = 10_000_000", "MAX_PROTOCOL_FEE_E8 = 10_000_001"],
  ["payouts: fees by anyone", "PayoutDistributor", "address newFeeAccount) external onlyOwner", "address newFeeAccount) external"],
  ["payouts: proposers by anyone", "PayoutDistributor", "function setProposer(address newProposer) external onlyOwner", "function setProposer(address newProposer) external"],
  ["bonds: they are not counted", "Bonded", "bondsHeld += BOND;", "bondsHeld += 2 * BOND;"],
  ["bonds: paid twice", "Bonded", "BOND_TOKEN.safeTransfer(to, BOND);", "BOND_TOKEN.safeTransfer(to, bondsHeld >= BOND ? 2 * BOND : BOND);"],
  ["bonds: of nothing", "Bonded", " || amount == 0)", ")"],
  ["bonds: what arrives is not measured", "ExactTransfer", "if (arrived != amount)", "if (arrived > amount)"],
  ["windows: of no length", "Windowed", "windowSecs < MIN_WINDOW_SECS ||", ""],
  ["windows: without end", "Windowed", "windowSecs > MAX_WINDOW_SECS)", "windowSecs > MAX_WINDOW_SECS + 1)"],
  ["windows: closed a second late", "Windowed", "if (block.timestamp >= end) revert WindowOver", "if (block.timestamp > end) revert WindowOver"],
  ["windows: open a second long", "Windowed", "if (block.timestamp < end) revert WindowStillOpen", "if (block.timestamp <= end) revert WindowStillOpen"],
  ["windows: deadlines that passed", "Windowed", "deadline <= block.timestamp ||", "deadline < block.timestamp ||"],
  ["windows: deadlines without end", "Windowed", "deadline > block.timestamp + MAX_DEADLINE_SECS", "deadline > block.timestamp + MAX_DEADLINE_SECS + 1"],
  ["tasks: posted by anyone", "TaskBoard", "        nonReentrant\n        onlyAssetOwner(input.assetId)\n", "        nonReentrant\n"],
  ["tasks: posted where the board may not record", "TaskBoard", "if (!CONTRIBUTIONS.isRecorder(input.assetId, address(this))) revert", "if (false && !CONTRIBUTIONS.isRecorder(input.assetId, address(this))) revert"],
  ["tasks: escrow of one place", "TaskBoard", "takeExactly(msg.sender, input.reward * places)", "takeExactly(msg.sender, places > 1 ? input.reward : input.reward * places)"],
  ["tasks: the second reward is not escrowed", "TaskBoard", "if (input.mode == MODE_DUAL) {\n            IERC20", "if (false && input.mode == MODE_DUAL) {\n            IERC20"],
  ["tasks: shares of one place", "TaskBoard", "input.assetId, input.reward * places, \"\"", "input.assetId, places > 1 ? input.reward : input.reward * places, \"\""],
  ["tasks: work after the deadline", "TaskBoard", "_requireBefore(task.deadline);", ""],
  ["tasks: work for a full task", "TaskBoard", "if (task.accepted == task.places) revert NoPlacesLeft(taskId);\n        if (_reviewers", "if (_reviewers"],
  ["tasks: reviewers work", "TaskBoard", "if (_reviewers[taskId][msg.sender]) revert WorkByReviewer", "if (false && _reviewers[taskId][msg.sender]) revert WorkByReviewer"],
  ["tasks: reviewed by anyone", "TaskBoard", "if (!_reviewers[taskId][msg.sender]) revert NotAReviewer", "if (false && !_reviewers[taskId][msg.sender]) revert NotAReviewer"],
  ["tasks: reviews without end", "TaskBoard", "_requireBefore(task.deadline + REVIEW_PERIOD);", ""],
  ["tasks: a submission is paid again", "TaskBoard", "if (submission.state != State.Open) revert AlreadyDecided(submissionId);", ""],
  ["tasks: reviewed twice", "TaskBoard", "if (_reviewed[submissionId][msg.sender]) revert", "if (false && _reviewed[submissionId][msg.sender]) revert"],
  ["tasks: more than the places", "TaskBoard", "if (accepted && task.accepted == task.places)", "if (accepted && task.accepted > task.places)"],
  ["tasks: the first review decides", "TaskBoard", "if (++submission.accepts == task.quorum)", "if (++submission.accepts >= 1)"],
  ["tasks: the first rejection decides", "TaskBoard", "++submission.rejects > task.reviewerCount - task.quorum", "++submission.rejects > 0"],
  ["tasks: rejected one too late", "TaskBoard", "++submission.rejects > task.reviewerCount - task.quorum", "++submission.rejects > task.reviewerCount - task.quorum + 1"],
  ["tasks: rejected work keeps the task open", "TaskBoard", "submission.state = State.Rejected;\n            --task.waiting;", "submission.state = State.Rejected;"],
  ["tasks: accepted work keeps the task open", "TaskBoard", "++task.accepted;\n        --task.waiting;", "++task.accepted;"],
  ["tasks: closed by anyone", "TaskBoard", "if (task.poster != msg.sender)", "if (false && task.poster != msg.sender)"],
  ["tasks: closed at any time", "TaskBoard", "if (task.accepted != task.places) {", "if (false && task.accepted != task.places) {"],
  ["tasks: closed over waiting work", "TaskBoard", "task.waiting == 0 ? task.deadline : task.deadline + REVIEW_PERIOD", "task.waiting < 9 ? task.deadline : task.deadline + REVIEW_PERIOD"],
  ["tasks: closed twice", "TaskBoard", "task.closed = true;", "task.closed = false;"],
  ["tasks: refunds of all places", "TaskBoard", "uint256 left = task.places - task.accepted;", "uint256 left = task.places - 0 * task.accepted;"],
  ["tasks: no second refund", "TaskBoard", "uint256 secondRefund = task.secondReward * left;", "uint256 secondRefund = 0 * task.secondReward * left;"],
  ["tasks: accepted work is not counted", "TaskBoard", "++task.accepted;\n", "if (task.places == 0) ++task.accepted;\n"],
  ["tasks: the contribution of another role", "TaskBoard", "record(task.assetId, worker, task.role,", "record(task.assetId, worker, task.role ^ 1,"],
  ["tasks: the contribution is the reviewer's", "TaskBoard", "record(task.assetId, worker,", "record(task.assetId, msg.sender,"],
  ["tasks: paid only where recorded", "TaskBoard", "CONTRIBUTIONS.isRecorder(task.assetId, address(this))\n            ?", "CONTRIBUTIONS.isRecorder(task.assetId, address(this)) || true\n            ?"],
  ["tasks: the second reward is not paid", "TaskBoard", "if (task.mode == MODE_DUAL) IERC20", "if (task.mode == MODE_DUAL && secondAmount == 0) IERC20"],
  ["tasks: the same token twice", "TaskBoard", "if (input.rewardToken == input.secondToken) revert InvalidReward();", ""],
  ["tasks: shares of any contract", "TaskBoard", "input.rewardToken != address(SHARES)", "input.rewardToken == address(0)"],
  ["tasks: a second reward in any mode", "TaskBoard", "dual != (input.secondReward != 0)) revert", "(dual && input.secondReward == 0)) revert"],
  ["tasks: a quorum out of reach", "TaskBoard", " || input.quorum > input.reviewers.length)", ")"],
  ["tasks: a reviewer twice", "TaskBoard", "reviewer == address(0) || _reviewers[taskId][reviewer]", "reviewer == address(0)"],
  ["tasks: thirty-three reviewers", "TaskBoard", "MAX_REVIEWERS = 32", "MAX_REVIEWERS = 33"],
  ["tasks: weight 0", "TaskBoard", "input.weight == 0 ||", ""],
  ["tasks: weights without bound", "TaskBoard", "input.weight > type(uint128).max)", "input.weight == type(uint256).max)"],
  ["tasks: shares by mistake", "TaskBoard", "if (operator != address(this)) revert", "if (false && operator != address(this)) revert"],
  ["tasks: a review within a payment", "TaskBoard", "bytes32 noteHash) external nonReentrant", "bytes32 noteHash) external"],
  ["tasks: closing within a payment", "TaskBoard", "function close(uint256 taskId) external nonReentrant", "function close(uint256 taskId) external"],
  ["executions: in anybody's name", "execution/Executions", "if (input.callerAssetId != 0) ASSETS.requireAuthorised(input.callerAssetId, msg.sender);", ""],
  ["executions: a stranger's parent", "execution/Executions", "if (msg.sender != parent.provider)", "if (false && msg.sender != parent.provider)"],
  ["executions: a provider calls in any name", "execution/Executions", "if (parent.assetId == input.callerAssetId) return;", "return;"],
  ["executions: any licence", "execution/Executions", "if (!LICENSES.isValid(licenseId))", "if (licenseId < 10)"],
  ["executions: another asset's licence", "execution/Executions", "if (licensedAssetId != assetId)", "if (false && licensedAssetId != assetId)"],
  ["executions: a licence of somebody else", "execution/Executions", "balanceOf(msg.sender, licenseId) == 0)", "balanceOf(msg.sender, licenseId) == type(uint256).max)"],
  ["executions: datasets twice", "execution/Executions", "if (datasetId <= last)", "if (datasetId < last)"],
  ["executions: datasets that do not exist", "execution/Executions", "if (datasetId <= last) revert InvalidDatasets();\n            _requireAsset(datasetId);", "if (datasetId <= last) revert InvalidDatasets();"],
  ["executions: thirty-three datasets", "execution/Executions", "MAX_DATASETS = 32", "MAX_DATASETS = 33"],
  ["executions: the fee is not escrowed", "execution/Executions", "if (input.fee != 0) IERC20(input.feeToken).takeExactly", "if (input.fee > 1e9) IERC20(input.feeToken).takeExactly"],
  ["executions: outputs named by anyone", "execution/Executions", "if (msg.sender != execution.requester) revert OnlyRequester(executionId, msg.sender);\n        if (outputAssetId", "if (outputAssetId"],
  ["executions: a stranger's asset is named", "execution/Executions", "if (outputAssetId != 0) ASSETS.requireAuthorised(outputAssetId, msg.sender);", ""],
  ["executions: any output", "execution/Executions", "if (outputAssetId != 0) _requireOutput(execution, outputAssetId);", "if (outputAssetId > 99) _requireOutput(execution, outputAssetId);"],
  ["executions: an output that was sold", "execution/Executions", "ASSETS.requireAuthorised(outputAssetId, named ? execution.requester : execution.provider);", "if (!named) ASSETS.requireAuthorised(outputAssetId, execution.provider);"],
  ["executions: delivered by anyone", "execution/Executions", "if (msg.sender != execution.provider) revert OnlyProvider(executionId, msg.sender);\n        _requireBefore", "_requireBefore"],
  ["executions: delivered late", "execution/Executions", "_requireBefore(execution.deadline);", ""],
  ["executions: delivered twice", "execution/Executions", "execution.state = State.Completed;", "if (execution.fee > 1e9) execution.state = State.Completed;"],
  ["executions: cancelled by anyone", "execution/Executions", "if (msg.sender != execution.requester) revert OnlyRequester(executionId, msg.sender);\n            _requireFrom", "_requireFrom"],
  ["executions: cancelled before the deadline", "execution/Executions", "_requireFrom(execution.deadline);", ""],
  ["executions: cancelled twice", "execution/Executions", "execution.state = State.Cancelled;", "if (execution.fee > 1e9) execution.state = State.Cancelled;"],
  ["executions: the fee goes to the canceller", "execution/Executions", "safeTransfer(execution.requester, fee)", "safeTransfer(msg.sender, fee)"],
  ["executions: usage is inference", "execution/Executions", "execution.kind == KIND_INFERENCE ? REASON_INFERENCE : REASON_USAGE", "execution.kind != KIND_INFERENCE ? REASON_INFERENCE : REASON_USAGE"],
  ["executions: the fee is another asset's", "execution/Executions", "ROUTER.pay(execution.assetId,", "ROUTER.pay(execution.assetId % 2 + 1,"],
  ["executions: the reference is lost", "execution/Executions", "reason, bytes32(executionId))", "reason, bytes32(executionId * 0))"],
  ["executions: recorded without leave", "execution/Executions", "if (outputAssetId == 0 || !_isRecorder(outputAssetId)) return 0;", "if (outputAssetId == 0) return 0;"],
  ["executions: evaluation is training", "execution/Executions", "kind == KIND_EVALUATION ? ROLE_EVALUATE : ROLE_TRAIN", "kind == KIND_EVALUATION ? ROLE_TRAIN : ROLE_TRAIN"],
  ["executions: budgets are spent without a mode", "execution/ExecutionCore", "(privacy == PRIVACY_DIFFERENTIAL) != (epsilonMicros != 0)", "(privacy == PRIVACY_DIFFERENTIAL) && (epsilonMicros == 0)"],
  ["executions: cancelling within a payment", "execution/Executions", "function cancel(uint256 executionId) external nonReentrant", "function cancel(uint256 executionId) external"],
  ["challenges: of anything", "execution/Challenges", "if (execution.state != State.Completed) revert", "if (execution.state == State.Open) revert"],
  ["challenges: without end", "execution/Challenges", "_requireBefore(execution.challengeableUntil);", ""],
  ["challenges: without a bond", "execution/Challenges", "_takeBond(msg.sender);", "if (executionId > 99) _takeBond(msg.sender);"],
  ["challenges: two at once", "execution/Challenges", "execution.state = State.Challenged;", ""],
  ["challenges: decided by anyone", "execution/Challenges", "bool upheld) external onlyOwner nonReentrant", "bool upheld) external nonReentrant"],
  ["challenges: decided twice", "execution/Challenges", "entry.challenger = address(0);", ""],
  ["challenges: the bond goes to who was wrong", "execution/Challenges", "upheld ? entry.challenger : TREASURY", "upheld ? TREASURY : entry.challenger"],
  ["challenges: upheld without a void", "execution/Challenges", "upheld ? _void(execution.contributionId) : 0", "upheld ? 0 * _void(0 * execution.contributionId) : 0"],
  ["challenges: dismissed with a void", "execution/Challenges", "upheld ? _void(execution.contributionId) : 0", "_void(execution.contributionId)"],
  ["challenges: stuck where the log may not void", "execution/Challenges", "if (!_isRecorder(assetId)) return 0;", "if (assetId == 0) return 0;"],
  ["challenges: refuted is completed", "execution/Challenges", "upheld ? State.Refuted : State.Completed", "upheld ? State.Completed : State.Completed"],
  ["challenges: decided late", "execution/Challenges", "_requireBefore(entry.decidableUntil);", ""],
  ["challenges: lapse at once", "execution/Challenges", "_requireFrom(entry.decidableUntil);", ""],
  ["challenges: a lapse takes the bond", "execution/Challenges", "_end(challengeId, entry, false, entry.challenger);", "_end(challengeId, entry, false, TREASURY);"],
  ["challenges: a lapse refutes", "execution/Challenges", "_end(challengeId, entry, false, entry.challenger);", "_end(challengeId, entry, true, entry.challenger);"],
  ["challenges: lapsing within a payment", "execution/Challenges", "function lapseChallenge(uint256 challengeId) external nonReentrant", "function lapseChallenge(uint256 challengeId) external"],
  ["rounds: opened by anyone", "execution/Rounds", "        external\n        onlyAssetOwner(assetId)\n        returns (uint256 roundId)", "        external\n        returns (uint256 roundId)"],
  ["rounds: updates after the deadline", "execution/Rounds", "_requireBefore(round.deadline);", "_requireBefore(round.deadline + 1);"],
  ["rounds: an update twice", "execution/Rounds", "if (_updates[roundId][msg.sender].submitted) revert", "if (false && _updates[roundId][msg.sender].submitted) revert"],
  ["rounds: on a stranger's dataset", "execution/Rounds", "if (datasetId != 0) ASSETS.requireAuthorised(datasetId, msg.sender);", ""],
  ["rounds: ended by anyone", "execution/Rounds", "if (msg.sender != round.coordinator)", "if (false && msg.sender != round.coordinator)"],
  ["rounds: for a stranger's output", "execution/Rounds", "if (outputAssetId != 0) ASSETS.requireAuthorised(outputAssetId, msg.sender);", ""],
  ["rounds: ended twice", "execution/Rounds", "round.over = true;", ""],
  ["rounds: an update counts twice", "execution/Rounds", "update.weight = 0;", "update.weight = uint128(weight);"],
  ["rounds: without an update", "execution/Rounds", "if (weight == 0) revert NoUpdateOf(roundId, participants[i]);", ""],
  ["rounds: recorded without leave", "execution/Rounds", "outputAssetId != 0 && _isRecorder(outputAssetId)", "outputAssetId != 0"],
  ["rounds: numbered over all assets", "execution/Rounds", "++_roundsOf[assetId]", "++_roundsOf[assetId * 0]"],
  ["rounds: weights are cut", "execution/Rounds", "weight > type(uint128).max)", "weight == type(uint256).max)"],
  ["court: tag 4", "DisputeCourt", "MAX_TAG = 3", "MAX_TAG = 4"],
  ["court: no asset", "DisputeCourt", "if (!ASSETS.exists(assetId)) revert", "if (false && !ASSETS.exists(assetId)) revert"],
  ["court: without a bond", "DisputeCourt", "_takeBond(msg.sender);", "if (tag > 9) _takeBond(msg.sender);"],
  ["court: judged by anyone", "DisputeCourt", "if (msg.sender != appointedJudge)", "if (false && msg.sender != appointedJudge)"],
  ["court: judged twice", "DisputeCourt", "if (dispute.state != State.Open) revert NotOpen", "if (dispute.state == State.Resolved) revert NotOpen"],
  ["court: overruled by anyone", "DisputeCourt", "bytes32 rulingHash) external onlyOwner", "bytes32 rulingHash) external"],
  ["court: overruled for ever", "DisputeCourt", "_requireBefore(dispute.resolvableAt);", ""],
  ["court: overruling puts off", "DisputeCourt", "dispute.upheld = upheld;\n        emit", "dispute.upheld = upheld;\n        dispute.resolvableAt = _endOf(APPEAL_WINDOW);\n        emit"],
  ["court: the same ruling again", "DisputeCourt", "if (dispute.upheld == upheld) revert", "if (false && dispute.upheld == upheld) revert"],
  ["court: resolved during the appeal", "DisputeCourt", "_requireFrom(dispute.resolvableAt);", ""],
  ["court: resolved twice", "DisputeCourt", "dispute.state = State.Resolved;", ""],
  ["court: withdrawn by anyone", "DisputeCourt", "if (dispute.challenger != msg.sender)", "if (false && dispute.challenger != msg.sender)"],
  ["court: the bond goes to who was wrong", "DisputeCourt", "if (dispute.upheld) _end", "if (!dispute.upheld) _end"],
  ["court: resolving within a payment", "DisputeCourt", "function resolve(uint256 disputeId) external nonReentrant", "function resolve(uint256 disputeId) external"],
  ["court: withdrawing within a payment", "DisputeCourt", "function withdraw(uint256 disputeId) external nonReentrant", "function withdraw(uint256 disputeId) external"],
  ["court: judges by anyone", "DisputeCourt", "function setJudge(address newJudge) external onlyOwner", "function setJudge(address newJudge) external"],
  ["court: judged late", "DisputeCourt", "_requireBefore(dispute.judgeableUntil);", ""],
  ["court: lapses at once", "DisputeCourt", "_requireFrom(dispute.judgeableUntil);", ""],
  ["court: a lapse takes the bond", "DisputeCourt", "OUTCOME_LAPSED, dispute.challenger);", "OUTCOME_LAPSED, TREASURY);"],
  ["court: a lapse pays who asks", "DisputeCourt", "OUTCOME_LAPSED, dispute.challenger);", "OUTCOME_LAPSED, msg.sender);"],
  ["court: judged disputes lapse", "DisputeCourt", "function lapse(uint256 disputeId) external nonReentrant {\n        Dispute storage dispute = _open(disputeId);", "function lapse(uint256 disputeId) external nonReentrant {\n        Dispute storage dispute = _known(disputeId);\n        if (dispute.state == State.Resolved) revert NotOpen(disputeId);"],
  ["court: lapsing within a payment", "DisputeCourt", "function lapse(uint256 disputeId) external nonReentrant", "function lapse(uint256 disputeId) external"],
  ["gateway: mirrored by anyone", "Gateway", "if (!isRelayer[msg.sender])", "if (false && !isRelayer[msg.sender])"],
  ["gateway: mirrored twice", "Gateway", "if (mirrorOf[announcementId] != 0)", "if (false && mirrorOf[announcementId] != 0)"],
  ["gateway: announced twice", "Gateway", "isAnnounced[announcementId] = true;", ""],
  ["gateway: announced by anyone", "Gateway", "        external\n        onlyAssetOwner(assetId)\n", "        external\n"],
  ["gateway: this chain", "Gateway", "chainId == 0 || chainId == block.chainid", "chainId == 0 || (chainId == 1 && chainId != block.chainid)"],
  ["gateway: chain 0", "Gateway", "chainId == 0 || chainId == block.chainid", "chainId == block.chainid"],
  ["gateway: ids leave the target out", "Gateway", "originAssetId, targetChain));", "originAssetId, targetChain * 0));"],
  ["gateway: ids leave the registry out", "Gateway", "abi.encode(originChain, originGateway, originRegistry,", "abi.encode(originChain, originGateway, uint160(originRegistry) * 0,"],
  ["gateway: the mirror is the relayer's", "Gateway", "input.owner, input.kind,", "msg.sender, input.kind,"],
  ["gateway: relayers by anyone", "Gateway", "bool allowed) external onlyOwner", "bool allowed) external"],
];

function fail(message) {
  console.error(message);
  process.exit(1);
}

function run(command, args, env) {
  const done = spawnSync(command, args, { env: { ...process.env, ...env }, encoding: "utf8", cwd: join(contractsDir, "..") });
  if (done.error) fail(`${command}: ${done.error.message}`);
  return { ok: done.status === 0, text: `${done.stdout}${done.stderr}` };
}

/** Where the tests of mutants with these names are; of the others, everywhere. */
const testsOf = [
  [/^payouts:/, ["payouts::", "abi::"]],
  [/^tasks:/, ["tasks::", "abi::"]],
  [/^(executions|challenges|rounds):/, ["executions::", "abi::"]],
  [/^court:/, ["disputes::", "abi::"]],
  [/^gateway:/, ["gateway::", "abi::"]],
  [/^(bonds|windows):/, ["payouts::", "tasks::", "executions::", "disputes::", "abi::"]],
];

/** The tests' program, built once, in a place where no other build replaces it. */
function buildTests(dir) {
  // Of the workspace: one crate alone would want its dependencies with other features, and build them again.
  const built = run("cargo", ["test", "--workspace", "--test", "invariants", "--no-run", "--message-format", "json"]);
  if (!built.ok) fail(built.text);
  const messages = built.text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const program = messages.find(({ executable, target }) => executable && target.name === "invariants").executable;
  cpSync(program, join(dir, "invariants"));
  return join(dir, "invariants");
}

/** Contracts that a source goes into, by what their committed artifacts say. */
function contractsOf(source) {
  const artifacts = readdirSync(join(contractsDir, "artifacts"), { recursive: true }).filter((file) => file.endsWith(".json"));
  const read = (file) => JSON.parse(readFileSync(join(contractsDir, "artifacts", file), "utf8"));
  return artifacts.map(read).filter(({ sourcesSha256 }) => source in sourcesSha256).map(({ contractName }) => contractName);
}

/** Builds the mutant in a copy and runs the tests on it; the tests that failed. */
function testsThatFail(program, [name, file, find, replacement, prelude]) {
  const dir = mkdtempSync(join(tmpdir(), "souk-mutant-"));
  try {
    for (const part of ["sol", "artifacts", "build.mjs"]) cpSync(join(contractsDir, part), join(dir, part), { recursive: true });
    const path = join(dir, "sol", `${file}.sol`);
    const source = readFileSync(path, "utf8");
    if (source.split(find).length !== 2) fail(`${name}: the place to break is not there exactly once`);
    writeFileSync(path, source.replace(find, () => replacement) + (prelude ?? ""));
    const modules = process.env.SOUK_NODE_MODULES ?? join(contractsDir, "..", "tools", "node_modules");
    const built = run("node", [join(dir, "build.mjs"), ...contractsOf(`sol/${file}.sol`)], { SOUK_NODE_MODULES: modules });
    if (!built.ok) fail(`${name}: does not compile\n${built.text}`);
    const wanted = testsOf.find(([names]) => names.test(name))?.[1] ?? [];
    const tests = [...wanted, "--skip", "artifacts::", "--skip", "deployment::"];
    const tested = run(program, tests, { SOUK_ARTIFACTS: join(dir, "artifacts"), RUST_BACKTRACE: "0", PROPTEST_MAX_SHRINK_ITERS: "0" });
    const failed = [...tested.text.matchAll(/^test (\S+) \.\.\. FAILED$/gm)].map((match) => match[1]);
    if (tested.ok !== (failed.length === 0)) fail(`${name}: the tests did not run\n${tested.text}`);
    return failed;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const chosen = mutants.filter(([name]) => name.includes(process.argv[2] ?? ""));
if (chosen.length === 0) fail(`no mutant's name contains ${process.argv[2]}`);
const survivors = [];
const programDir = mkdtempSync(join(tmpdir(), "souk-mutants-"));
process.on("exit", () => rmSync(programDir, { recursive: true, force: true }));
const program = buildTests(programDir);
for (const mutant of chosen) {
  const failed = testsThatFail(program, mutant);
  console.log(`${failed.length > 0 ? "caught  " : "SURVIVED"} ${mutant[0]}${failed.length > 0 ? ` (${failed.join(", ")})` : ""}`);
  if (failed.length === 0) survivors.push(mutant[0]);
}
if (survivors.length > 0) fail(`${survivors.length} of ${chosen.length} mutants survived: ${survivors.join("; ")}`);
console.log(`all ${chosen.length} mutants were caught`);
