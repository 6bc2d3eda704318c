// Starts GraphiQL on this very server. Nothing is loaded from elsewhere.
"use strict";
const example = `# Where did an asset come from? Press the play button.
query Assets {
  assets(first: 5) {
    totalCount
    nodes {
      assetId
      name
      kind
      owner { address }
      lineage(direction: ANCESTORS, limit: 20) {
        totalCount
        nodes { depth asset { assetId asset { name kind } } }
        edges { relation declared { blockNumber transactionHash } }
      }
    }
  }
  meta { snapshot { chainId block { number hash } nextSequence } }
}
`;
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: `${scheme}//${location.host}/graphql`,
});
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: example, defaultEditorToolsVisibility: true }),
);
