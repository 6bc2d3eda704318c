//! Tries to leave a process behind, and to end one that is not ours.

use std::io::{BufRead, BufReader};
use std::process::Child;

use super::orphan::start_time;
use super::*;

const GRACE: Duration = Duration::from_secs(90);

fn sleeper(dir: &Path, script: &str) -> Spec {
    Spec {
        name: "sleeper".into(),
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        envs: Vec::new(),
        cwd: dir.into(),
        log: dir.join("sleeper.log"),
        pid_record: dir.join("sleeper.pid"),
        user: None,
        stop_signal: Signal::SIGTERM,
    }
}

fn lives(pid: u32) -> bool {
    start_time(Pid::from_raw(pid.cast_signed())).is_some()
}

async fn until_gone(pid: u32) {
    let gone = async {
        while lives(pid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(GRACE, gone)
        .await
        .unwrap_or_else(|_| panic!("{pid} still runs"));
}

#[tokio::test]
async fn dropping_ends_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let process = Process::spawn(&sleeper(dir.path(), "exec sleep 100")).expect("starts");
    let pid = process.pid();
    assert!(process.is_running() && lives(pid));
    drop(process);
    assert!(!lives(pid));
    assert!(!dir.path().join("sleeper.pid").exists());
}

#[tokio::test]
async fn one_that_ignores_its_stop_signal_is_killed_after_the_grace() {
    let dir = tempfile::tempdir().expect("a folder");
    let process = Process::spawn(&sleeper(
        dir.path(),
        "trap '' TERM; echo deaf; while :; do sleep 0.1; done",
    ))
    .expect("starts");
    let deaf = || std::future::ready(last_line(&dir.path().join("sleeper.log")) == "deaf");
    process.wait_ready(GRACE, deaf).await.expect("ready");
    assert!(!process.stop(Duration::from_millis(100)).await);
    assert!(!lives(process.pid()));
}

#[tokio::test]
async fn an_early_end_is_told_with_the_last_line_of_the_log() {
    let dir = tempfile::tempdir().expect("a folder");
    let process = Process::spawn(&sleeper(dir.path(), "echo fine; echo 'out of coffee' >&2; exit 3")).expect("starts");
    let error = process
        .wait_ready(GRACE, || std::future::ready(false))
        .await
        .expect_err("it ended")
        .to_string();
    assert!(
        error.contains("out of coffee") && error.contains("exit status: 3"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
}

#[tokio::test]
async fn an_orphan_is_ended_by_its_record_and_a_stranger_with_its_pid_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let record = dir.path().join("orphan.pid");
    let mut orphan = Command::new("sleep").arg("100").spawn().expect("starts");
    let start = start_time(Pid::from_raw(orphan.id().cast_signed())).expect("runs");

    fs::write(&record, format!("{} {}\n", orphan.id(), start + 1)).expect("written");
    end_orphan(&record, Signal::SIGTERM, GRACE).await;
    assert!(
        lives(orphan.id()),
        "a process that started at another time is a stranger"
    );

    fs::write(&record, format!("{} {start}\n", orphan.id())).expect("written");
    end_orphan(&record, Signal::SIGTERM, GRACE).await;
    assert!(!lives(orphan.id()));
    assert!(!record.exists());
    orphan.wait().expect("reaped");

    for garbage in ["", "1", "x y", "-1 5"] {
        fs::write(&record, garbage).expect("written");
        end_orphan(&record, Signal::SIGTERM, GRACE).await;
    }
}

#[tokio::test]
async fn no_part_outlives_a_parent_that_is_killed() {
    for part in ["postgres", "anvil", "kafka"] {
        let dir = crate::place::throw_away().expect("a folder");
        for life in ["first", "second"] {
            let (mut parent, pid) = hold(part, dir.path());
            assert!(lives(pid), "{part} of the {life} life");
            parent.kill().expect("SIGKILL");
            parent.wait().expect("reaped");
            until_gone(pid).await;
        }
    }
}

/// Runs the example `hold` and returns it with the process id of the part that it started.
fn hold(part: &str, dir: &Path) -> (Child, u32) {
    let tests = std::env::current_exe().expect("known");
    let hold = tests.ancestors().nth(2).expect("target/debug").join("examples/hold");
    let mut parent = Command::new(&hold)
        .arg(part)
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `cargo build -p souk-devstack --examples` makes it",
                hold.display()
            )
        });
    let mut line = String::new();
    BufReader::new(parent.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("readable");
    let pid = line
        .split(' ')
        .next()
        .and_then(|pid| pid.parse().ok())
        .unwrap_or_else(|| panic!("{part} did not start: {line:?}"));
    (parent, pid)
}
