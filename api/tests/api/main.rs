//! Asks the server over real HTTP and WebSocket, on a real Postgres. One binary; each module is named for what it would find broken.

mod economy;
mod exchange;
mod fixture;
mod history;
mod http;
mod ids;
mod limits;
mod lineage;
mod metadata;
mod operations;
mod payouts;
mod schema;
mod snapshot;
mod subscriptions;
mod websocket;
