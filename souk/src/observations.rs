//! Observations in a process: the metadata documents that chains point at and the contents of attestations, by the settings of the
//! command line.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use souk_eventlog::EventLog;
use souk_observations::address::Reach;
use souk_observations::{Nodes, Policy};
use sqlx::PgPool;

use crate::cli::{MetadataArgs, MetadataMode};
use crate::parts::Supervisor;

/// What is fetched by the command line; `None` where nothing is.
///
/// # Errors
/// One line for a gateway that is none.
pub fn policy(args: &MetadataArgs) -> Result<Option<Policy>> {
    for gateway in &args.ipfs_gateway {
        ensure!(
            matches!(gateway.scheme(), "http" | "https") && gateway.has_host() && gateway.query().is_none(),
            "--ipfs-gateway {gateway}: expected an address like https://gateway.example, to which /ipfs/… is added"
        );
    }
    let timeout = Duration::from_secs(args.metadata_secs);
    let plain = Policy::default();
    let policy = Policy {
        is_online: args.metadata == MetadataMode::All,
        allows_http: args.metadata_http,
        reach: match args.metadata_loopback {
            true => Reach::PublicAndLoopback,
            false => Reach::Public,
        },
        gateways: args.ipfs_gateway.clone(),
        max_bytes: args.metadata_bytes as usize,
        connect_timeout: plain.connect_timeout.min(timeout),
        timeout,
        ..plain
    };
    Ok((args.metadata != MetadataMode::Off).then_some(policy))
}

/// Observes until told to stop.
pub fn start(supervisor: &mut Supervisor, policy: Policy, nodes: Nodes, log: &Arc<dyn EventLog>, pool: &PgPool) {
    let cancel = supervisor.cancel().clone();
    let observing = souk_observations::run(log.clone(), pool.clone(), policy, nodes, cancel);
    supervisor.run("observations".into(), async move { Ok(observing.await?) });
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn policy_of(line: &str) -> Result<Option<Policy>> {
        match Cli::try_parse_from(line.split_whitespace())?.command {
            Command::Observe(args) => policy(&args.metadata),
            other => panic!("not observe: {other:?}"),
        }
    }

    #[test]
    fn settings_are_careful_unless_told_otherwise() {
        let plain = policy_of("souk observe").unwrap().unwrap();
        assert_eq!(
            (plain.is_online, plain.allows_http, plain.reach),
            (true, false, Reach::Public)
        );
        let open = policy_of(
            "souk observe --metadata-http --metadata-loopback --ipfs-gateway http://a,http://b --metadata-secs 5",
        );
        let open = open.unwrap().unwrap();
        assert_eq!(
            (open.allows_http, open.reach, open.gateways.len()),
            (true, Reach::PublicAndLoopback, 2)
        );
        assert_eq!(open.connect_timeout, Duration::from_secs(5));
        assert!(!policy_of("souk observe --metadata data").unwrap().unwrap().is_online);
        assert_eq!(policy_of("souk observe --metadata off").unwrap(), None);
        assert!(
            policy_of("souk observe --ipfs-gateway ftp://a")
                .unwrap_err()
                .to_string()
                .contains("--ipfs-gateway")
        );
    }
}
