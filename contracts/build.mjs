// Compiles the Solidity sources with solc from npm (WebAssembly) and writes one artifact per contract.
// It never fetches anything and depends on no path, clock or locale, so the same sources give the same bytes anywhere.
//
//   node contracts/build.mjs           writes contracts/artifacts/
//   node contracts/build.mjs --check   compiles and fails if the committed artifacts differ
//   node contracts/build.mjs A B       writes those of contracts A and B alone
//
// SOUK_NODE_MODULES names another folder than tools/node_modules to take solc and OpenZeppelin from.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const contractsDir = dirname(fileURLToPath(import.meta.url));
const modulesDir = resolve(process.env.SOUK_NODE_MODULES ?? join(contractsDir, "..", "tools", "node_modules"));
const outDir = join(contractsDir, "artifacts");

// The bytecode carries no metadata hash: it would tie the code to comments and file names. Sources are pinned by
// their hashes in the artifact instead.
// `viaIR` is for those alone whose events have more fields than the older code generator's stack holds.
const settings = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "cancun",
  viaIR: false,
  metadata: { appendCBOR: false, bytecodeHash: "none", useLiteralContent: false },
};

const published = [
  "AssetRegistry",
  "LicenseRegistry",
  "AssetShares",
  "ContributionBook",
  "RevenueRouter",
  "TestUSD",
  "ExchangeVault",
  "PayoutDistributor",
  "TaskBoard",
  "ExecutionLog",
  "DisputeCourt",
  "Gateway",
];
const throughIR = ["TaskBoard", "ExecutionLog"];

/** Contracts that only the tests deploy; their artifacts go to artifacts/test/. */
const testOnly = existsSync(join(contractsDir, "sol", "test"))
  ? readdirSync(join(contractsDir, "sol", "test")).map((file) => file.replace(/\.sol$/, "")).sort()
  : [];

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const targets = [
  ...published.map((name) => ({ name, source: `sol/${name}.sol`, file: `${name}.json` })),
  ...testOnly.map((name) => ({ name, source: `sol/test/${name}.sol`, file: `test/${name}.json` })),
]
  .map((target) => ({ ...target, settings: { ...settings, viaIR: throughIR.includes(target.name) } }))
  .filter(({ name }) => wanted.length === 0 || wanted.includes(name));

function fail(message) {
  console.error(message);
  process.exit(1);
}

function loadCompiler() {
  const solcDir = join(modulesDir, "solc");
  if (!existsSync(solcDir) || !existsSync(join(modulesDir, "@openzeppelin", "contracts"))) {
    fail(`solc or @openzeppelin/contracts is missing under ${modulesDir}: run \`npm ci --prefix tools\` (or \`make setup\`)`);
  }
  return createRequire(join(modulesDir, "package.json"))(solcDir);
}

function readImport(path) {
  const file = path.startsWith("@") ? join(modulesDir, path) : join(contractsDir, path);
  return existsSync(file) ? { contents: readFileSync(file, "utf8") } : { error: `no such file: ${file}` };
}

/** Compiles those of the targets that share these settings. */
function compile(solc, targets, settings) {
  const sources = {};
  for (const { source } of targets) sources[source] = { content: readFileSync(join(contractsDir, source), "utf8") };
  const input = {
    language: "Solidity",
    sources,
    settings: {
      ...settings,
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
  // Our own sources compile without a warning; a library's warnings are its authors' business.
  const problems = (output.errors ?? []).filter(
    ({ severity, sourceLocation }) => severity === "error" || !sourceLocation?.file.startsWith("@"),
  );
  if (problems.length > 0) fail(problems.map(({ formattedMessage }) => formattedMessage).join("\n"));
  return output.contracts;
}

/** SHA-256 of every source that went into the contract, imports included. */
function sourceHashes(metadata) {
  const hashes = {};
  for (const path of Object.keys(JSON.parse(metadata).sources).sort()) {
    hashes[path] = createHash("sha256").update(readImport(path).contents).digest("hex");
  }
  return hashes;
}

/** What the compiler made of every target. */
function compileAll(solc) {
  const groups = [false, true].map((viaIR) => targets.filter((target) => target.settings.viaIR === viaIR));
  return Object.assign({}, ...groups.filter(([first]) => first).map((group) => compile(solc, group, group[0].settings)));
}

function artifact(target, contracts, version) {
  const { abi, evm, metadata } = contracts[target.source][target.name];
  const json = {
    contractName: target.name,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    compiler: { name: "solc", version, settings: target.settings },
    sourcesSha256: sourceHashes(metadata),
  };
  return `${JSON.stringify(json, null, 1)}\n`;
}

function listFiles(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath ?? entry.path, entry.name)));
}

const solc = loadCompiler();
const contracts = compileAll(solc);
const built = new Map(targets.map((target) => [target.file, artifact(target, contracts, solc.version())]));

if (process.argv.includes("--check")) {
  const committed = listFiles(outDir);
  const differing = [...built].filter(([file, text]) => !committed.includes(file) || readFileSync(join(outDir, file), "utf8") !== text);
  const extra = committed.filter((file) => !built.has(file));
  if (differing.length + extra.length > 0) {
    fail(
      [
        ...differing.map(([file]) => `contracts/artifacts/${file} differs from what the sources give`),
        ...extra.map((file) => `contracts/artifacts/${file} belongs to no source`),
        "run `node contracts/build.mjs` and commit the artifacts",
      ].join("\n"),
    );
  }
  console.log(`${built.size} artifacts match their sources (solc ${solc.version()})`);
} else {
  if (wanted.length === 0) rmSync(outDir, { recursive: true, force: true });
  for (const [file, text] of built) {
    mkdirSync(dirname(join(outDir, file)), { recursive: true });
    writeFileSync(join(outDir, file), text);
  }
  console.log(`${built.size} artifacts written (solc ${solc.version()})`);
}
