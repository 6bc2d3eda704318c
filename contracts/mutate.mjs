// Proves that the invariants can fail: breaks the contracts in one place at a time, in a copy, and runs the tests on the
// broken ones. A mutant that the tests let pass is a hole in them; the script names it and exits 1.
//
//   node contracts/mutate.mjs            all mutants, an hour or two
//   node contracts/mutate.mjs royalty    those whose name contains the word

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** Builds the mutant in a copy and runs the tests on it; the tests that failed. */
function testsThatFail([name, file, find, replacement, prelude]) {
  const dir = mkdtempSync(join(tmpdir(), "souk-mutant-"));
  try {
    cpSync(join(contractsDir, "sol"), join(dir, "sol"), { recursive: true });
    cpSync(join(contractsDir, "build.mjs"), join(dir, "build.mjs"));
    const path = join(dir, "sol", `${file}.sol`);
    const source = readFileSync(path, "utf8");
    if (source.split(find).length !== 2) fail(`${name}: the place to break is not there exactly once`);
    writeFileSync(path, source.replace(find, () => replacement) + (prelude ?? ""));
    const modules = process.env.SOUK_NODE_MODULES ?? join(contractsDir, "..", "tools", "node_modules");
    const built = run("node", [join(dir, "build.mjs")], { SOUK_NODE_MODULES: modules });
    if (!built.ok) fail(`${name}: does not compile\n${built.text}`);
    const tests = ["test", "-p", "souk-contracts", "--test", "invariants", "--", "--skip", "artifacts::", "--skip", "deployment::"];
    const tested = run("cargo", tests, { SOUK_ARTIFACTS: join(dir, "artifacts"), RUST_BACKTRACE: "0", PROPTEST_MAX_SHRINK_ITERS: "0" });
    const failed = [...tested.text.matchAll(/^test (\S+) \.\.\. FAILED$/gm)].map((match) => match[1]);
    if (tested.ok !== (failed.length === 0)) fail(`${name}: the tests did not run\n${tested.text}`);
    return failed;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const chosen = mutants.filter(([name]) => name.includes(process.argv[2] ?? ""));
const survivors = [];
for (const mutant of chosen) {
  const failed = testsThatFail(mutant);
  console.log(`${failed.length > 0 ? "caught  " : "SURVIVED"} ${mutant[0]}${failed.length > 0 ? ` (${failed.join(", ")})` : ""}`);
  if (failed.length === 0) survivors.push(mutant[0]);
}
if (survivors.length > 0) fail(`${survivors.length} of ${chosen.length} mutants survived: ${survivors.join("; ")}`);
console.log(`all ${chosen.length} mutants were caught`);
