// Runs every audit of graphql-http against a server and prints one JSON line: how many there are, and those that are not met.
// Usage: node audits.js <url of the endpoint>. The packages are those of tools/ (NODE_PATH, or tools/node_modules of this checkout).
"use strict";
const path = require("node:path");
const tools = require("node:module").createRequire(path.join(__dirname, "../../tools/package.json"));
const { serverAudits } = tools("graphql-http");

async function main(url) {
  const results = [];
  // One after another, so that a failure is told apart from a server that is merely busy.
  for (const audit of serverAudits({ url, fetchFn: fetch })) {
    const result = await audit.fn();
    if (result.response && !result.response.bodyUsed) await result.response.text().catch(() => {});
    results.push(result);
  }
  const failed = results.filter((result) => result.status !== "ok");
  const describe = ({ id, name, status, reason }) => ({ id, name, status, reason });
  console.log(JSON.stringify({ total: results.length, failed: failed.map(describe) }));
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
