// Shows how far each chain is, now and every few seconds.
"use strict";
const query = `{
  chains { chainId head { number } finalized { number } quarantineCount lag { records } }
  assets(first: 1) { totalCount }
}`;
const body = document.getElementById("chains");
const assets = document.getElementById("assets");
const number = new Intl.NumberFormat();

function row(cells) {
  const line = document.createElement("tr");
  for (const text of cells) line.appendChild(Object.assign(document.createElement("td"), { textContent: text }));
  return line;
}

function note(text) {
  const cell = Object.assign(document.createElement("td"), { textContent: text, colSpan: 5, className: "quiet" });
  const line = document.createElement("tr");
  line.appendChild(cell);
  body.replaceChildren(line);
}

async function refresh() {
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = await response.json();
    if (!data) throw new Error(errors ? errors[0].message : "no answer");
    const shown = (value) => (value == null ? "–" : number.format(value));
    const records = (lag) => (lag.records === 1 ? "1 record" : `${shown(lag.records)} records`);
    const line = (chain) =>
      row([chain.chainId, shown(chain.head?.number), shown(chain.finalized?.number), records(chain.lag), shown(chain.quarantineCount)]);
    if (data.chains.length === 0) note("No chain is projected yet.");
    else body.replaceChildren(...data.chains.map(line));
    assets.textContent = `${shown(data.assets.totalCount)} assets`;
  } catch (error) {
    note(`The server does not answer: ${error.message}`);
  }
}

refresh();
setInterval(refresh, 5000);
