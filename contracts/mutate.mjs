// Proves that the invariants can fail: breaks the contracts in one place at a time, in a copy, and runs the tests on the
// broken ones. A mutant that the tests let pass is a hole in them; the script names it and exits 1.
//
//   node contracts/mutate.mjs            all mutants, some minutes
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
