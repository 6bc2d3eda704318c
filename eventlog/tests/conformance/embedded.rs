//! What only the embedded log can meet: a connection cut at the very moment of a commit, a full disk.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use souk_devstack::{Postgres, PostgresConfig};
use souk_eventlog::LogError;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::backend::{Backend, connect};
use crate::support::{append_until_done, assert_same, read_all, records, stored, stream, text};

const PASS: u8 = 0;
const CUT_BEFORE_COMMIT: u8 = 1;
const CUT_AFTER_COMMIT: u8 = 2;

/// Stands between a client and the database, and cuts one connection at its commit when told to.
struct Cutter {
    mode: Arc<AtomicU8>,
    folder: tempfile::TempDir,
}

impl Cutter {
    fn start(server: &str) -> Cutter {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("bound");
        let server = format!("{server}/.s.PGSQL.5432");
        let mode = Arc::new(AtomicU8::new(PASS));
        let for_all = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.expect("reached");
                tokio::spawn(relay(client, server, Arc::clone(&for_all)));
            }
        });
        Cutter { mode, folder }
    }
}

async fn relay(client: UnixStream, server: UnixStream, mode: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let swallow = AtomicBool::new(false);
    let requests = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            let commits = buffer[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
            match commits.then(|| mode.swap(PASS, Ordering::SeqCst)) {
                Some(CUT_BEFORE_COMMIT) => return,
                Some(CUT_AFTER_COMMIT) => swallow.store(true, Ordering::SeqCst),
                _ => {}
            }
            if to_server.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    let answers = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            if swallow.load(Ordering::SeqCst) || to_client.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    // Whichever ends first takes both connections along.
    tokio::select! { () = requests => {}, () = answers => {} }
}

pub async fn log_2_a_lost_acknowledgement_is_not_a_lost_or_double_append(backend: &mut dyn Backend) {
    let address = backend.address();
    let (base, sockets) = address.split_once("?host=").expect("a socket");
    let cutter = Cutter::start(sockets);
    let through = connect("embedded", &format!("{base}?host={}", cutter.folder.path().display())).await;
    let log = backend.connect().await;
    let stream = stream("acknowledgement");
    let mut writer = through.open_writer(&stream).await.expect("opened");
    let mut expected = Vec::new();
    for round in 0..12 {
        let next = writer.next_sequence();
        let batch = records(next..next + 3, 1000);
        let mode = [CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT][round % 2];
        cutter.mode.store(mode, Ordering::SeqCst);
        let error = writer.append(batch.clone()).await.expect_err("nobody answered");
        assert!(error.retryable(), "{error}");
        assert_eq!(writer.next_sequence(), next, "not acknowledged");
        if mode == CUT_AFTER_COMMIT {
            assert_eq!(
                log.next_sequence(&stream).await.expect("asked"),
                next + 3,
                "the cut came too early"
            );
        }
        if round >= 10 {
            // The caller changes its mind; that is fine only when the first try left nothing.
            let appended = writer.append(text("other")).await;
            if mode == CUT_AFTER_COMMIT {
                let error = appended.expect_err("the first try is in the stream");
                assert!(matches!(error, LogError::WriterLost { .. }), "{error}");
                writer = through.open_writer(&stream).await.expect("opened again");
                expected.extend(stored(next, &batch));
            } else {
                assert_eq!(appended.expect("appended"), next);
                expected.extend(stored(next, &text("other")));
            }
        } else {
            assert_eq!(append_until_done(&mut *writer, &batch).await, next);
            expected.extend(stored(next, &batch));
        }
        assert_eq!(writer.next_sequence(), expected.len() as u64);
    }
    assert_same(&read_all(&*log, &stream, 0).await, &expected);
}

/// A small file system in memory; only root can make one.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    #[expect(clippy::print_stdout, reason = "a test that is left out says why")]
    fn mount(mebibytes: u32) -> Option<SmallDisk> {
        let folder = tempfile::Builder::new()
            .prefix("souk-")
            .tempdir_in("/tmp")
            .expect("a folder");
        let disk = SmallDisk { folder };
        let options = format!("size={mebibytes}m,mode=0777");
        if disk.run("mount", &["-t", "tmpfs", "-o", &options, "souk-small-disk"]) {
            return Some(disk);
        }
        println!("left out: mounting a small file system needs root");
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn grow(&self, mebibytes: u32) {
        assert!(self.run("mount", &["-o", &format!("remount,size={mebibytes}m")]));
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        Command::new(program)
            .args(arguments)
            .arg(self.path())
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.run("umount", &["--lazy"]);
    }
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.expect("connected");
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .expect(statement);
}

pub async fn log_2_a_full_disk_loses_nothing_and_the_writer_goes_on(backend: &mut dyn Backend) {
    const BYTES: usize = 1 << 20;
    let Some(disk) = SmallDisk::mount(48) else { return };
    // The tables' own disk is full; the server and its write-ahead log have another.
    let tables = disk.path().join("tables");
    std::fs::create_dir(&tables).expect("made");
    let owned = Command::new("chown")
        .arg("postgres")
        .arg(&tables)
        .status()
        .expect("chown runs");
    assert!(owned.success());
    let address = backend.address();
    execute(
        &address,
        &format!("CREATE TABLESPACE small LOCATION '{}'", tables.display()),
    )
    .await;
    execute(&address, "CREATE DATABASE small TABLESPACE small").await;
    let log = connect("embedded", &address.replacen("/souk?", "/small?", 1)).await;
    let stream = stream("full");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    let full = loop {
        let next = writer.next_sequence();
        assert!(next < 60, "more fits than there is room for");
        if let Err(error) = writer.append(records(next..next + 2, BYTES)).await {
            break error;
        }
    };
    assert!(matches!(full, LogError::Full { .. }) && full.retryable(), "{full:?}");
    let next = writer.next_sequence();
    assert!(next >= 10, "only {next} fitted");
    let again = writer
        .append(records(next..next + 2, BYTES))
        .await
        .expect_err("still full");
    assert!(matches!(again, LogError::Full { .. }), "{again:?}");
    assert_same(&read_all(&*log, &stream, 0).await, &stored(0, &records(0..next, BYTES)));

    disk.grow(200);
    assert_eq!(
        append_until_done(&mut *writer, &records(next..next + 2, BYTES)).await,
        next
    );
    assert_same(
        &read_all(&*log, &stream, 0).await,
        &stored(0, &records(0..next + 2, BYTES)),
    );
    drop((writer, log));
    execute(&address, "DROP DATABASE small WITH (FORCE)").await;
    execute(&address, "DROP TABLESPACE small").await;
}

pub async fn a_full_disk_under_everything_loses_nothing(_: &mut dyn Backend) {
    const BYTES: usize = 1 << 20;
    let Some(disk) = SmallDisk::mount(140) else { return };
    let home = disk.path().join("home");
    std::fs::create_dir(&home).expect("made");
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).expect("opened");
    let config = PostgresConfig {
        dir: Some(home),
        ..PostgresConfig::throw_away()
    };
    let mut postgres = Postgres::start(&config).await.expect("starts");
    let url = postgres.create_database("souk").await.expect("made");
    let log = connect("embedded", &url).await;
    let stream = stream("full");
    let mut writer = log.open_writer(&stream).await.expect("opened");
    // The write-ahead log is on the full disk too, so the server may go down over it instead of saying so.
    for _ in 0..3 {
        let error = loop {
            let next = writer.next_sequence();
            assert!(next < 140, "more fits than there is room for");
            if let Err(error) = writer.append(records(next..next + 2, BYTES)).await {
                break error;
            }
        };
        assert!(error.retryable(), "{error:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let acknowledged = writer.next_sequence();
    disk.grow(600);
    if !postgres.is_running() {
        postgres.restart().await.expect("recovers");
    }
    let next = acknowledged;
    assert_eq!(
        append_until_done(&mut *writer, &records(next..next + 2, BYTES)).await,
        next
    );
    let found = read_all(&*log, &stream, 0).await;
    assert_same(&found, &stored(0, &records(0..next + 2, BYTES)));
    drop((writer, log, postgres));
}

pub async fn the_schema_is_brought_up_to_date_once(backend: &mut dyn Backend) {
    let address = backend.address();
    let logs = futures::future::join_all((0..4).map(|_| connect("embedded", &address))).await;
    let stream = stream("schema");
    for log in &logs {
        log.append_shared(&stream, text("x")).await.expect("appended");
    }
    let mut connection = PgConnection::connect(&address).await.expect("connected");
    let outside: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('log', 'pg_catalog', 'information_schema')",
    )
    .fetch_one(&mut connection)
    .await
    .expect("asked");
    assert_eq!(outside, 0, "the log made tables outside its schema");
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM log.migration")
        .fetch_one(&mut connection)
        .await
        .expect("asked");
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/log"))
        .expect("there")
        .count();
    assert_eq!(applied, i64::try_from(files).expect("few"));
    assert_eq!(logs[0].next_sequence(&stream).await.expect("asked"), 4);
}
