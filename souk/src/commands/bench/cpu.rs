//! Processor time of the processes that a measurement keeps busy: on a machine that does other things as well, it says more than the clock.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Clock ticks in a second, as Linux counts processor time for programs; the same on every machine that Souk runs on.
const TICKS_PER_SEC: u64 = 100;

/// Processor time so far of the node, of Postgres with all its processes, and of this program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// The dev chain.
    pub node: Duration,
    /// The private Postgres.
    pub postgres: Duration,
    /// This process.
    pub souk: Duration,
}

impl Cpu {
    /// As of now.
    ///
    /// # Errors
    /// When one of them has ended.
    pub fn now(node: u32, postgres: u32) -> Result<Cpu> {
        Ok(Cpu {
            node: of(node)?.own,
            postgres: with_children(postgres)?,
            souk: of(std::process::id())?.own,
        })
    }

    /// What was used since an earlier time.
    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu {
            node: self.node.saturating_sub(earlier.node),
            postgres: self.postgres.saturating_sub(earlier.postgres),
            souk: self.souk.saturating_sub(earlier.souk),
        }
    }
}

struct Times {
    parent: u32,
    own: Duration,
    /// Of children that have ended.
    ended: Duration,
}

fn of(process: u32) -> Result<Times> {
    read(&fs::read_to_string(format!("/proc/{process}/stat"))?)
        .with_context(|| format!("the times of process {process}"))
}

/// Reads a line of `/proc/<pid>/stat`, see proc(5).
fn read(stat: &str) -> Option<Times> {
    // The name, in brackets, may hold anything; the fields that count follow it, from the third on.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| -> Option<u64> { fields.get(field - 3)?.parse().ok() };
    let time = |ticks: u64| Duration::from_millis(ticks * 1000 / TICKS_PER_SEC);
    Some(Times {
        parent: u32::try_from(ticks(4)?).ok()?,
        own: time(ticks(14)? + ticks(15)?),
        ended: time(ticks(16)? + ticks(17)?),
    })
}

fn with_children(process: u32) -> Result<Duration> {
    let times = of(process)?;
    let running: Duration = fs::read_dir("/proc")?
        .filter_map(|entry| of(entry.ok()?.file_name().to_str()?.parse().ok()?).ok())
        .filter(|child| child.parent == process)
        .map(|child| child.own)
        .sum();
    Ok(times.own + times.ended + running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_brackets_and_spaces() {
        let times = read("42 (a) b (c) S 7 1 1 0 -1 0 0 0 0 0 150 50 30 20 20 0 1 0 5").unwrap();
        assert_eq!(
            (times.parent, times.own, times.ended),
            (7, Duration::from_secs(2), Duration::from_millis(500))
        );
        assert!(read("42 no name").is_none());
        assert!(of(std::process::id()).is_ok());
    }
}
