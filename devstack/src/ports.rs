//! Free loopback ports for parts that must be told one.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Error;

/// Ports handed out: below the range from which the kernel takes the local ends of outgoing connections (32768 and up), so that a part
/// that is killed finds its port still free when it starts again.
const FIRST: u32 = 15_000;
const COUNT: u32 = 17_000;

/// Steps from one candidate to the next; prime to `COUNT`, so that every port comes up, and large, so that processes that started at
/// neighbouring places part ways.
const STRIDE: u32 = 4_099;

static HANDED_OUT: AtomicU32 = AtomicU32::new(0);

/// A loopback TCP port that nobody listens on now. It is not reserved: whoever binds it must cope with a rare collision.
///
/// # Errors
/// [`Error::Invalid`] when none of some 17,000 is free.
pub fn free_port() -> Result<u16, Error> {
    let start = std::process::id().wrapping_mul(31) % COUNT;
    (0..COUNT)
        .map(|_| {
            let step = HANDED_OUT.fetch_add(1, Ordering::Relaxed) % COUNT;
            FIRST + (start + step * STRIDE % COUNT) % COUNT
        })
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| is_free(*port))
        .ok_or_else(|| Error::Invalid(format!("no free port between {FIRST} and {}", FIRST + COUNT)))
}

/// Whether nobody listens on the loopback port now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn hands_out_distinct_ports_that_can_be_bound() {
        let ports: BTreeSet<u16> = (0..200).map(|_| free_port().expect("a free port")).collect();
        assert_eq!(ports.len(), 200);
        for port in ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free");
        }
    }

    #[test]
    fn skips_a_port_that_is_taken() {
        let taken: Vec<TcpListener> = (0..50)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().expect("a free port"))).expect("free"))
            .collect();
        let taken: BTreeSet<u16> = taken
            .iter()
            .map(|listener| listener.local_addr().expect("bound").port())
            .collect();
        assert!((0..50).all(|_| !taken.contains(&free_port().expect("a free port"))));
    }
}
