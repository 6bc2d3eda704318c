//! The program as its users meet it: one clear line on every misconfiguration, one instance per data folder, orderly ends.

use anyhow::Result;

use crate::program::Part;
use crate::world::{Backend, PATIENCE, Souk, World, run};

/// A command that must fail with one line that holds all the words.
async fn refused(arguments: &[&str], words: &[&str]) -> Result<()> {
    let answer = run(arguments).await?;
    assert_ne!(answer.code, 0, "{arguments:?} should be refused");
    let line = answer.err.trim();
    assert!(line.starts_with("souk: "), "{arguments:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{arguments:?}: more than one line: {line}");
    for word in words {
        assert!(line.contains(word), "{arguments:?}: `{word}` is not in: {line}");
    }
    Ok(())
}

#[tokio::test]
async fn every_misconfiguration_is_one_line_that_says_what_to_do() -> Result<()> {
    refused(&["status"], &["no souk is running", "souk up"]).await?;
    refused(
        &["index", "--rpc", "http://127.0.0.1:1"],
        &["no database", "--database-url"],
    )
    .await?;
    refused(&["project", "--database-url", "nonsense"], &["--database-url"]).await?;
    refused(
        &["project", "--database-url", "postgres://nobody@127.0.0.1:1/x"],
        &["cannot connect to the database"],
    )
    .await?;
    refused(
        &[
            "serve",
            "--database-url",
            "postgres://a/b",
            "--port",
            "1",
            "--host",
            "192.0.2.1",
        ],
        &["--host"],
    )
    .await?;
    refused(
        &[
            "observe",
            "--database-url",
            "postgres://a/b",
            "--rpc",
            "ftp://node.example/key",
        ],
        &["ftp://node.example is no node's address", "https://"],
    )
    .await?;
    refused(&["up", "--config", "/does/not/exist.toml"], &["/does/not/exist.toml"]).await?;
    refused(&["up", "--log-level", "loud,=;"], &["--log-level"]).await?;
    refused(&["demo", "--rpc", "http://127.0.0.1:1"], &["--deployment"]).await?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    refused(&["up", "--port", &port], &[&port, "--port"]).await
}

#[tokio::test]
async fn chains_that_cannot_be_indexed_are_refused_in_one_line() -> Result<()> {
    let world = World::start(Backend::Embedded).await?;
    let (database, rpc) = (world.database_url.as_str(), world.anvil.http_url());
    let with = |rest: &[&'static str]| {
        ["index", "--database-url", database, "--rpc", &rpc]
            .into_iter()
            .chain(rest.iter().copied())
            .map(String::from)
            .collect::<Vec<_>>()
    };
    for (rest, words) in [
        (&[][..], &["--watch", "--deployment"][..]),
        (&["--watch", "erc999:0x12"], &["erc999", "expected erc20"]),
        (&["--deployment", "/nowhere.json"], &["/nowhere.json"]),
        (
            &[
                "--watch",
                "erc20:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
                "--finality",
                "soon",
            ],
            &["--finality soon"],
        ),
    ] {
        let arguments = with(rest);
        refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), words).await?;
    }
    let dead = [
        "index",
        "--database-url",
        database,
        "--rpc",
        "http://127.0.0.1:1",
        "--watch",
        "erc20:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
    ];
    refused(&dead, &["http://127.0.0.1:1", "is the node up"]).await
}

#[tokio::test]
async fn a_second_instance_names_the_first_and_status_answers() -> Result<()> {
    let world = World::start(Backend::Embedded).await?;
    let souk = world.souk("one").await?;
    let mut arguments = world.arguments(&world.database_url, &world.anvil.http_url());
    let dir = world.data_dir("one").display().to_string();
    arguments.extend(["--data-dir".into(), dir.clone()]);
    let second = Souk::start(&arguments).await?;
    assert_eq!(second.url, souk.url);
    assert!(second.printed[0].contains("already running"), "{:?}", second.printed);

    let answer = run(&["status", "--data-dir", &dir]).await?;
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.out.contains("eip155:31337"), "{answer:?}");
    let answer = run(&["status", "--url", &souk.url, "--json"]).await?;
    let status: serde_json::Value = serde_json::from_str(&answer.out)?;
    assert_eq!(status["ready"], true, "{status}");

    let answer = run(&["log", "--data-dir", &dir]).await?;
    assert!(answer.out.contains("chain.31337"), "{answer:?}");
    let answer = run(&["log", "chain.31337", "--limit", "2", "--data-dir", &dir]).await?;
    let lines: Vec<serde_json::Value> = answer.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["record"]["type"], "stream_opened");
    assert_eq!(lines[1]["record"]["type"], "block_appended");
    let answer = run(&["log", "chain.5", "--data-dir", &dir]).await?;
    assert!(answer.err.contains("no stream `chain.5`"), "{answer:?}");
    souk.stop().await
}

/// A database that accepts a connection and says nothing would hold the start for as long as the program waits for it.
#[tokio::test]
async fn a_start_that_waits_for_its_database_ends_when_told_to() -> Result<()> {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let database = format!("postgres://souk@{}/souk", silent.local_addr()?);
    let folder = tempfile::tempdir()?;
    let folder = folder.path().to_string_lossy().into_owned();
    let arguments = ["--data-dir", &folder, "--database-url", &database, "--port", "0"];
    let up = Part::start("up", &arguments.map(String::from))?;
    let (_held, _) = tokio::time::timeout(PATIENCE, silent.accept()).await??;
    up.stop().await
}
