//! Names to addresses, of which only those that may be asked reach the connection. Checked here, an address cannot change between the check
//! and its use.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::Reach;

/// A host none of whose addresses may be asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0} is not at a public address")]
pub(super) struct Forbidden(String);

impl Forbidden {
    /// That of a host.
    pub(super) fn of(host: &str) -> Forbidden {
        Forbidden(host.into())
    }
}

/// The system's resolver, with what it says checked.
pub(super) struct Checked {
    reach: Reach,
}

impl Checked {
    pub(super) fn new(reach: Reach) -> Checked {
        Checked { reach }
    }
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted: Vec<SocketAddr> = found.iter().copied().filter(|found| reach.admits(found.ip())).collect();
            if admitted.is_empty() && !found.is_empty() {
                return Err(Forbidden::of(name.as_str()).into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}
