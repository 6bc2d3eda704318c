//! Telling one process from another, across lives of the parent.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Writes the pid record of a process that was just started.
pub(super) fn record(pid_record: &Path, pid: Pid) -> std::io::Result<()> {
    // A process that has ended already needs none.
    start_time(pid).map_or(Ok(()), |start| fs::write(pid_record, format!("{pid} {start}\n")))
}

/// Ends what a previous life of the parent left running, as its pid record tells, and removes the record. The caller holds the lock of
/// the part's folder, so nobody else can have started it.
pub async fn end_orphan(pid_record: &Path, signal: Signal, grace: Duration) {
    let recorded = fs::read_to_string(pid_record).ok().and_then(|text| {
        let (pid, start) = text.trim().split_once(' ')?;
        Some((Pid::from_raw(pid.parse().ok()?), start.parse::<u64>().ok()?))
    });
    if let Some((pid, start)) = recorded {
        let lives = || start_time(pid) == Some(start);
        if lives() {
            tracing::warn!(%pid, "a part of a previous life still runs, ending it");
            let _ = kill(pid, signal);
        }
        let asked = Instant::now();
        while lives() {
            if asked.elapsed() > grace {
                let _ = kill(pid, Signal::SIGKILL);
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
    let _ = fs::remove_file(pid_record);
}

/// When the process started, in clock ticks since boot: together with the pid it names one process for as long as the machine is up.
/// `None` once it has ended, a zombie included.
pub(super) fn start_time(pid: Pid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the command in parentheses, may hold anything; the fields count from behind its last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// The process ids of everything that runs in `dir` under the command name `comm`, as far as this user may see.
pub(crate) fn running_in(dir: &Path, comm: &str) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| fs::read_to_string(entry.path().join("comm")).is_ok_and(|name| name.trim() == comm))
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == dir))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .collect()
}
