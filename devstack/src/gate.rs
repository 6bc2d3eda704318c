//! A gate in front of a local server: shut, it cuts off whoever was through and turns everybody away, as if the server were gone. What the
//! server keeps it has when the gate opens again, so an outage is as long as whoever suffers it needs, and no longer.
//!
//! Start at [`Gate::before`].

use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Error;

/// A gate on a port of its own; it is gone when dropped.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    is_open: watch::Sender<bool>,
    turned_away: watch::Sender<u64>,
    keeper: JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Gate {
    /// An open gate before what listens on a loopback port.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no port for it.
    pub async fn before(server: u16) -> Result<Gate, Error> {
        let listening = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let port = listener.local_addr()?.port();
            std::io::Result::Ok((listener, port))
        };
        let (listener, port) = listening
            .await
            .map_err(|error| Error::Invalid(format!("no port for a gate: {error}")))?;
        let (is_open, turned_away) = (watch::Sender::new(true), watch::Sender::new(0));
        let keeper = tokio::spawn(keep(listener, server, is_open.clone(), turned_away.clone()));
        Ok(Gate {
            port,
            is_open,
            turned_away,
            keeper,
        })
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `ws://127.0.0.1:<port>`.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Cuts off and turns away from now on.
    pub fn shut(&self) {
        self.turned_away.send_replace(0);
        self.is_open.send_replace(false);
    }

    /// Lets through again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until so many came in vain since it was shut.
    pub async fn turned_away(&self, many: u64) {
        let mut turned_away = self.turned_away.subscribe();
        // The sender lives as long as `self`.
        let _ = turned_away.wait_for(|turned| *turned >= many).await;
    }
}

async fn keep(listener: TcpListener, server: u16, is_open: watch::Sender<bool>, turned_away: watch::Sender<u64>) {
    // Whoever is through is cut off with the gate itself.
    let mut through = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        while through.try_join_next().is_some() {}
        if !*is_open.borrow() {
            turned_away.send_modify(|turned| *turned += 1);
            continue;
        }
        let mut shut = is_open.subscribe();
        through.spawn(async move {
            let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = shut.wait_for(|is_open| !is_open) => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server that says back what it is told.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reads, mut writes) = client.split();
                    tokio::io::copy(&mut reads, &mut writes).await
                });
            }
        });
        port
    }

    async fn said(client: &mut TcpStream) -> std::io::Result<[u8; 2]> {
        let mut back = [0; 2];
        client.write_all(b"hi").await?;
        client.read_exact(&mut back).await?;
        Ok(back)
    }

    #[tokio::test]
    async fn a_shut_gate_cuts_off_and_turns_away_until_it_opens() {
        let gate = Gate::before(echo().await).await.unwrap();
        let come = || TcpStream::connect((Ipv4Addr::LOCALHOST, gate.port));
        let mut client = come().await.unwrap();
        assert_eq!(said(&mut client).await.unwrap(), *b"hi");
        gate.shut();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "it is cut off");
        assert!(said(&mut come().await.unwrap()).await.is_err());
        gate.turned_away(1).await;
        gate.open();
        assert_eq!(said(&mut come().await.unwrap()).await.unwrap(), *b"hi");
    }
}
