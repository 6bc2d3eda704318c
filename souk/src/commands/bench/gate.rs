//! A gate before a node: while it is shut, nothing goes through in either direction, and nothing is lost.
//!
//! A dev chain takes seconds to make another branch, and shows every step of it. Behind a gate the branch is there all at once, as it is
//! when a real node switches.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A forwarder of TCP connections on loopback; gone when dropped.
pub struct Gate {
    port: u16,
    is_open: watch::Sender<bool>,
    // Held for its `Drop`, which ends the forwarding.
    _accepting: JoinSet<()>,
}

impl Gate {
    /// An open gate before what listens at the address.
    ///
    /// # Errors
    /// When no loopback port is free.
    pub async fn before(behind: SocketAddr) -> Result<Gate> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (is_open, passage) = watch::channel(true);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((outside, _)) = listener.accept().await {
                connections.spawn(forward(outside, behind, passage.clone()));
            }
        });
        Ok(Gate {
            port,
            is_open,
            _accepting: accepting,
        })
    }

    /// The loopback port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets nothing through from now on, save what is on its way.
    pub fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Lets everything through again, first what waited.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }
}

async fn forward(outside: TcpStream, behind: SocketAddr, passage: watch::Receiver<bool>) {
    let Ok(inside) = TcpStream::connect(behind).await else {
        return;
    };
    if outside.set_nodelay(true).and(inside.set_nodelay(true)).is_err() {
        return;
    }
    let ((mut from_outside, mut to_outside), (mut from_inside, mut to_inside)) =
        (outside.into_split(), inside.into_split());
    // A connection that either side ended is over for both.
    tokio::select! {
        _ = pass(&mut from_outside, &mut to_inside, passage.clone()) => {}
        _ = pass(&mut from_inside, &mut to_outside, passage) => {}
    }
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut passage: watch::Receiver<bool>,
) -> std::io::Result<()> {
    const CHUNK: usize = 64 << 10;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        if passage.wait_for(|is_open| *is_open).await.is_err() {
            return Ok(());
        }
        to.write_all(&chunk[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_waits_at_a_shut_gate_goes_through_when_it_opens() {
        let node = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let gate = Gate::before(node.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, gate.port())).await.unwrap();
        let (mut server, _) = node.accept().await.unwrap();
        gate.shut();
        client.write_all(b"head?").await.unwrap();
        let mut heard = [0; 5];
        let too_soon = tokio::time::timeout(Duration::from_millis(50), server.read_exact(&mut heard)).await;
        assert!(too_soon.is_err(), "the gate is shut");
        gate.open();
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"head?");
    }
}
