//! What `sol!` makes of the committed artifacts: per contract a module with its events, errors, calls, structs, creation
//! code and an instance type to call it through a provider.
//!
//! Never edited by hand: the artifacts come from `contracts/build.mjs`, and the documentation is the NatSpec in
//! `contracts/sol/interfaces/`. Start at the event structs, e.g. [`AssetRegistry::AssetRegistered`].

#![allow(missing_docs, clippy::all)]

use alloy::sol;

sol!(
    #[sol(rpc, all_derives)]
    AssetRegistry,
    "artifacts/AssetRegistry.json"
);
sol!(
    #[sol(rpc, all_derives)]
    LicenseRegistry,
    "artifacts/LicenseRegistry.json"
);
sol!(
    #[sol(rpc, all_derives)]
    AssetShares,
    "artifacts/AssetShares.json"
);
sol!(
    #[sol(rpc, all_derives)]
    ContributionBook,
    "artifacts/ContributionBook.json"
);
sol!(
    #[sol(rpc, all_derives)]
    RevenueRouter,
    "artifacts/RevenueRouter.json"
);
sol!(
    #[sol(rpc, all_derives)]
    TestUSD,
    "artifacts/TestUSD.json"
);
sol!(
    #[sol(rpc, all_derives)]
    ExchangeVault,
    "artifacts/ExchangeVault.json"
);
sol!(
    #[sol(rpc, all_derives)]
    PayoutDistributor,
    "artifacts/PayoutDistributor.json"
);
sol!(
    #[sol(rpc, all_derives)]
    TaskBoard,
    "artifacts/TaskBoard.json"
);
sol!(
    #[sol(rpc, all_derives)]
    ExecutionLog,
    "artifacts/ExecutionLog.json"
);
sol!(
    #[sol(rpc, all_derives)]
    DisputeCourt,
    "artifacts/DisputeCourt.json"
);
sol!(
    #[sol(rpc, all_derives)]
    Gateway,
    "artifacts/Gateway.json"
);
