//! Starts one local part in a folder, prints its process id and address, and holds it until this process ends.
//!
//!     cargo run -p souk-devstack --example hold -- postgres|anvil|kafka <folder>

use anyhow::{Context, bail};
use souk_devstack::{Anvil, AnvilConfig, Kafka, KafkaConfig, Postgres, PostgresConfig};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "its output is what it is for")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next().context("which part? postgres, anvil or kafka")?;
    let dir = arguments.next().context("in which folder?")?;
    match part.as_str() {
        "postgres" => {
            let postgres = Postgres::start(&PostgresConfig::kept(dir)).await?;
            println!("{} {}", postgres.pid(), postgres.url("postgres"));
            postgres.ended().await;
        }
        "anvil" => {
            let config = AnvilConfig {
                dir: Some(dir.into()),
                keep_state: true,
                ..AnvilConfig::default()
            };
            let anvil = Anvil::start(&config).await?;
            println!("{} {}", anvil.pid(), anvil.http_url());
            anvil.ended().await;
        }
        "kafka" => {
            let kafka = Kafka::start(&KafkaConfig {
                dir: Some(dir.into()),
                ..KafkaConfig::default()
            })
            .await?;
            println!("{} {}", kafka.pid(), kafka.bootstrap());
            kafka.ended().await;
        }
        other => bail!("{other}? postgres, anvil or kafka"),
    }
    bail!("{part} ended by itself")
}
