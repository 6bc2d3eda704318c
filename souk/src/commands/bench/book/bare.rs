//! What the machine itself takes for it: as many bytes written to as many sockets, one after the other by one thread, and read by another,
//! with nothing between and nothing beside. No server of this machine tells as many clients sooner.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;

/// Messages; some hundred thousand reads are enough for a p99.
const MESSAGES: u32 = 300;

/// Both ends of each connection.
struct Ends {
    written: Vec<TcpStream>,
    read: Vec<TcpStream>,
}

impl Ends {
    fn connect(count: usize) -> Result<Ends> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let mut ends = Ends {
            written: Vec::with_capacity(count),
            read: Vec::with_capacity(count),
        };
        for _ in 0..count {
            let read = TcpStream::connect(address)?;
            read.set_nonblocking(true)?;
            ends.read.push(read);
            let (written, _) = listener.accept()?;
            written.set_nodelay(true)?;
            ends.written.push(written);
        }
        Ok(ends)
    }
}

/// How long each message took to each socket, sorted; messages of so many bytes, one per `pause`.
///
/// # Errors
/// One line when the system gives no sockets.
pub fn measure(sockets: usize, bytes: usize, pause: Duration) -> Result<Vec<Duration>> {
    let Ends { mut written, read } = Ends::connect(sockets)?;
    let readers = std::thread::Builder::new()
        .name("bare readers".into())
        .spawn(move || read_all(read, bytes))?;
    let message = vec![b'x'; bytes];
    let begun = Instant::now();
    let mut sent = Vec::new();
    for number in 0..MESSAGES {
        std::thread::sleep((begun + pause * number).saturating_duration_since(Instant::now()));
        sent.push(Instant::now());
        for socket in &mut written {
            socket.write_all(&message)?;
        }
    }
    let heard = readers.join().ok().context("the readers of bare sockets panicked")??;
    let mut all: Vec<Duration> = heard
        .iter()
        .flat_map(|heard| heard.iter().zip(&sent))
        .map(|(heard, sent)| heard.saturating_duration_since(*sent))
        .collect();
    all.sort_unstable();
    Ok(all)
}

/// When each socket had each message whole.
fn read_all(sockets: Vec<TcpStream>, bytes: usize) -> Result<Vec<Vec<Instant>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let read = |socket: TcpStream| async move {
        let mut socket = tokio::net::TcpStream::from_std(socket)?;
        let (mut message, mut heard) = (vec![0; bytes], Vec::new());
        for _ in 0..MESSAGES {
            socket.read_exact(&mut message).await?;
            heard.push(Instant::now());
        }
        anyhow::Ok(heard)
    };
    runtime.block_on(async { futures::future::try_join_all(sockets.into_iter().map(read)).await })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_socket_has_every_message() {
        let times = measure(3, 700, Duration::from_micros(10)).unwrap();
        assert_eq!(times.len(), 3 * MESSAGES as usize);
        assert!(times.is_sorted() && times[0] > Duration::ZERO);
    }
}
