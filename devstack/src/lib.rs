//! The local real parts that Souk stands on when nobody gave it others: a private Postgres, an anvil dev chain, a one-node Apache Kafka.
//!
//! `souk up` starts them with their data kept; tests start them in throw-away folders, kill them and start them again. Each is a real
//! program run as a child process, listens on loopback (or a Unix socket) only, writes to a log file of its own, is stopped by its
//! process id, and dies with its parent even when that is killed with SIGKILL. None of them touches what the system itself runs.
//!
//! Start reading at [`Postgres`], [`Anvil`] or [`Kafka`]; [`process`] is what they share. A [`Gate`] before one of them makes it unreachable.

mod anvil;
mod error;
mod gate;
mod kafka;
mod place;
mod ports;
mod postgres;
pub mod process;
mod tools;

pub use anvil::{Anvil, AnvilConfig, Mining};
pub use error::Error;
pub use gate::Gate;
pub use kafka::{Kafka, KafkaConfig};
pub use place::DirLock;
pub use ports::free_port;
pub use postgres::{Postgres, PostgresConfig};
pub use tools::published_bytecode;
