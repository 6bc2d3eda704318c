//! Groups on real logs: an embedded one on a private Postgres of each test, and Apache Kafka. Processes are tasks that are dropped in the
//! middle of their work; servers are killed. After each test the streams are proved right (`world::audit`).

mod crashes;
mod faulty;
mod kafka;
mod random;
mod snapshots;
mod standby;
mod submit;
mod trade;
mod world;
