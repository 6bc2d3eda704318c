// Signs in, signs an order, places it and follows it to its settlement on chain, with viem and graphql-ws.
//
// Prints one JSON value a line, so that it can be read by people and by the tests. Settings come from the environment:
//
//   SOUK_URL     the GraphQL endpoint, for example http://127.0.0.1:8080/graphql
//   SOUK_MARKET  the market's id (`markets { nodes { marketId symbol } }`)
//   SOUK_KEY     the private key of an account that has deposited; only for accounts that hold nothing of worth
import { createClient } from "graphql-ws";
import { hashTypedData, type Hex, type TypedDataDefinition } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { createSiweMessage } from "viem/siwe";
import WebSocket from "ws";

const setting = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const url = new URL(setting("SOUK_URL"));
const market = setting("SOUK_MARKET");
const account = privateKeyToAccount(setting("SOUK_KEY") as Hex);

/** An error of the API: `code` is for programs, the rest of `extensions` has the values that go with it. */
class SoukError extends Error {
  readonly code: string | undefined;
  constructor(error: { message: string; extensions?: Record<string, unknown> }) {
    super(`${error.extensions?.code}: ${error.message} ${JSON.stringify(error.extensions)}`);
    this.code = error.extensions?.code as string | undefined;
  }
}

/** Answers a query or mutation. Where the rate is spent, it waits as it is told and asks again. */
async function ask<T>(query: string, variables: object = {}, token?: string): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    const answer = await response.json();
    if (!answer.errors) return answer.data;
    const wait = answer.errors[0].extensions?.retryAfterSecs;
    if (wait === undefined || attempt === 5) throw new SoukError(answer.errors[0]);
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
}

const tell = (step: string, facts: object = {}) => console.log(JSON.stringify({ step, ...facts }));

/** Signs a message of Sign-In with Ethereum (EIP-4361) for a session; its token. */
async function signIn(): Promise<string> {
  const { signInChallenge } = await ask<{ signInChallenge: { nonce: string; chains: string[] } }>(
    "{ signInChallenge { nonce domains chains } }",
  );
  const message = createSiweMessage({
    address: account.address,
    chainId: Number(signInChallenge.chains[0].split(":")[1]),
    // The domain of the page that asks; a program names the server that it talks to.
    domain: url.host,
    uri: `${url.protocol}//${url.host}/`,
    nonce: signInChallenge.nonce,
    statement: "Sign in to Souk.",
    version: "1",
  });
  const { signIn: session } = await ask<{ signIn: { token: string; account: Hex } }>(
    "mutation($m: String!, $s: Bytes!) { signIn(message: $m, signature: $s) { token account expiresAt } }",
    { m: message, s: await account.signMessage({ message }) },
  );
  tell("signed in", { account: session.account });
  return session.token;
}

/** The lowest price that somebody sells at now. */
async function bestAsk(): Promise<string> {
  const { market: found } = await ask<{ market: { ticker: { ask: string | null } } | null }>(
    "query($id: Bytes32!) { market(id: $id) { ticker { ask } } }",
    { id: market },
  );
  if (!found) throw new Error(`there is no market ${market}`);
  if (!found.ticker.ask) throw new Error("nobody sells now");
  return found.ticker.ask;
}

type OrderToSign = { typedData: TypedDataDefinition & { message: { market: string; side: number } }; digest: Hex; order: { nonce: string } };

/** Has an order filled in by the server and signs it. A wallet shows what it signs; a program can check it. */
async function signedOrder(amount: string, price: string) {
  const { orderTypedData: toSign } = await ask<{ orderTypedData: OrderToSign }>(
    `query($o: OrderDraft!) { orderTypedData(order: $o) { typedData digest order {
      account market side baseAmount limitPrice feeCap nonce expiry
      instructions { type timeInForce postOnly selfTrade displayAmount triggerPrice goodUntil clientOrderId } } } }`,
    { o: { account: account.address, market, side: "BUY", amount, price } },
  );
  const typed = toSign.typedData;
  if (typed.message.market !== market || typed.message.side !== 0) throw new Error("this is not what was asked for");
  const signature = await account.signTypedData(typed);
  tell("signed", { nonce: toSign.order.nonce, digestAgrees: hashTypedData(typed) === toSign.digest });
  return { ...toSign.order, signature };
}

/** Places a signed order. Sent again after a lost answer it is the same order, not a second one. */
async function place(order: object) {
  const { placeOrder } = await ask<{ placeOrder: { order: object } }>(
    `mutation($o: SignedOrderInput!) { placeOrder(order: $o) {
      repeated order { orderId status filled remaining average fee { cost currency } } } }`,
    { o: order },
  );
  tell("placed", placeOrder.order);
}

type Fill = { fillId: string; state: string; price: string; amount: string; transactionHash: Hex | null; bustCause: string | null };
type FillsMessage = { snapshot: boolean; sequence: number; prevSequence: number; fills: Fill[] };

async function main() {
  const token = await signIn();
  const client = createClient({
    url: url.href.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  // Listens before the order is placed, so that nothing is missed.
  let seen: number | undefined;
  let listening: () => void;
  const ready = new Promise<void>((resolve) => (listening = resolve));
  const waiting: Fill[] = [];
  let over: (() => void) | undefined;
  const show = (fill: Fill) => {
    const { state, ...facts } = fill;
    tell(state.toLowerCase(), facts);
    if (state === "FINAL" || state === "BUSTED") over?.();
  };
  let placed = false;
  const settled = new Promise<void>((resolve, reject) => {
    over = resolve;
    client.subscribe<{ myFills: FillsMessage }>(
      { query: "subscription { myFills { snapshot sequence prevSequence fills { fillId state price amount transactionHash bustCause } } }" },
      {
        next: ({ data, errors }) => {
          if (errors) return reject(new SoukError(errors[0] as never));
          const news = data!.myFills;
          // Every message names the one before it: a gap means that something was lost.
          if (!news.snapshot && seen !== undefined && news.prevSequence !== seen) return reject(new Error("a message is missing"));
          seen = news.sequence;
          listening();
          // What comes before the answer to the order is shown after it.
          news.fills.forEach((fill) => (placed ? show(fill) : waiting.push(fill)));
        },
        error: (errors) => reject(Array.isArray(errors) ? new SoukError(errors[0] as never) : errors),
        complete: () => {},
      },
    );
  });
  await ready;
  await place(await signedOrder("2", await bestAsk()));
  placed = true;
  waiting.forEach(show);
  await settled;
  const { viewer } = await ask<{ viewer: { balances: object[] } }>(
    "{ viewer { balances { currency free used pendingIn withdrawable } } }",
    {},
    token,
  );
  tell("balances", viewer);
  await client.dispose();
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
