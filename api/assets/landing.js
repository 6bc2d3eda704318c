// Shows how far each chain is and what the markets trade at, now and every few seconds.
"use strict";
const CHAINS = `{
  chains { chainId head { number } finalized { number } quarantineCount lag { records } }
  assets(first: 1) { totalCount }
}`;
const MARKETS = `{
  markets(first: 20) { totalCount nodes { symbol state ticker { bid ask last trades quoteVolume } } }
}`;
const element = (id) => document.getElementById(id);
const number = new Intl.NumberFormat();
const shown = (value) => (value == null ? "–" : number.format(value));
// Prices are decimal texts, and stay so: a float could not hold every one.
const price = (value) => value ?? "–";

async function ask(query) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  if (!data) throw new Error(errors ? errors[0].message : "no answer");
  return data;
}

function row(cells) {
  const line = document.createElement("tr");
  for (const text of cells) line.appendChild(Object.assign(document.createElement("td"), { textContent: text }));
  return line;
}

function note(text) {
  const cell = Object.assign(document.createElement("td"), { textContent: text, colSpan: 5, className: "quiet" });
  const line = document.createElement("tr");
  line.appendChild(cell);
  element("chains").replaceChildren(line);
}

async function chains() {
  try {
    const data = await ask(CHAINS);
    const records = (lag) => (lag.records === 1 ? "1 record" : `${shown(lag.records)} records`);
    const line = (chain) =>
      row([chain.chainId, shown(chain.head?.number), shown(chain.finalized?.number), records(chain.lag), shown(chain.quarantineCount)]);
    if (data.chains.length === 0) note("No chain is projected yet.");
    else element("chains").replaceChildren(...data.chains.map(line));
    element("assets").textContent = `${shown(data.assets.totalCount)} assets`;
  } catch (error) {
    note(`The server does not answer: ${error.message}`);
  }
}

async function markets() {
  try {
    const { nodes, totalCount } = (await ask(MARKETS)).markets;
    const line = ({ symbol, ticker }) =>
      row([symbol, price(ticker.bid), price(ticker.ask), price(ticker.last), shown(ticker.trades), price(ticker.quoteVolume)]);
    element("markets").replaceChildren(...nodes.map(line));
    const closed = nodes.filter((market) => market.state !== "OPEN");
    const more = totalCount > nodes.length ? `${shown(totalCount)} markets in all. ` : "";
    element("halted").textContent = more + closed.map((market) => `${market.symbol}: ${market.state.toLowerCase().replaceAll("_", " ")}`).join(", ");
    element("exchange").hidden = nodes.length === 0;
  } catch {
    // A server without an exchange has no markets to show.
    element("exchange").hidden = true;
  }
}

function refresh() {
  chains();
  markets();
}

refresh();
setInterval(refresh, 5000);
