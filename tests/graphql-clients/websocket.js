// Uses a server with graphql-ws's own client and prints one JSON line with what it saw.
// Usage: node websocket.js <url of the endpoint> <asset id>. The packages are those of tools/.
//
// It asks a query, meets an error, and follows an asset's events until it has seen as many as the query counted; then it drops the
// connection without goodbye and lets the client reconnect and resume by cursor.
"use strict";
const path = require("node:path");
const tools = require("node:module").createRequire(path.join(__dirname, "../../tools/package.json"));
const { createClient } = tools("graphql-ws");
const WebSocket = tools("ws");

const [url, asset] = process.argv.slice(2);
let socket;
const closes = [];
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  retryAttempts: 3,
  shouldRetry: () => true,
  keepAlive: 50,
  lazyCloseTimeout: 30_000, // so that the connection is there to be broken
  on: {
    opened: (opened) => (socket = opened),
    closed: (event) => closes.push(event.code),
  },
});

function one(query, variables) {
  return new Promise((resolve, reject) => {
    let result;
    client.subscribe({ query, variables }, { next: (value) => (result = value), error: reject, complete: () => resolve(result) });
  });
}

const follow = `subscription Follow($asset: AssetId!, $after: String, $from: Long) {
  provenanceEvents(asset: $asset, after: $after, fromBlock: $from) {
    __typename
    ... on EventOccurred { cursor event { name blockNumber logIndex } }
    ... on EventsReverted { cursor toBlock }
  }
}`;

// Takes so many items, then unsubscribes.
function take(count, variables) {
  return new Promise((resolve, reject) => {
    const items = [];
    const stop = client.subscribe(
      { query: follow, variables: { asset, ...variables } },
      {
        next: ({ data, errors }) => {
          if (errors) return reject(new Error(JSON.stringify(errors)));
          if (items.length === count) return; // it was on its way when we unsubscribed
          items.push(data.provenanceEvents);
          if (items.length === count) stop();
        },
        error: reject,
        complete: () => resolve(items),
      },
    );
  });
}

async function main() {
  const counted = await one("query($asset: AssetId!) { asset(id: $asset) { events(first: 1) { totalCount } } }", { asset });
  const total = counted.data.asset.events.totalCount;
  const refused = await one("{ nonsense }").then(
    () => null,
    (errors) => errors.map((error) => error.extensions.code),
  );
  const first = await take(2, { from: 0 });
  await new Promise((resolve) => setTimeout(resolve, 150)); // some keep-alive pings and pongs
  // The connection breaks; the client connects again on its own.
  const broken = new Promise((resolve) => socket.once("close", resolve));
  socket.terminate();
  await broken;
  const rest = await take(total - 2, { after: first[1].cursor });
  await client.dispose();
  console.log(JSON.stringify({ total, refused, events: [...first, ...rest], closes }));
  process.exit(0); // the client's timers would keep us
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
