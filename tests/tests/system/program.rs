//! The `souk` program as a scenario starts, asks and ends it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::world::PATIENCE;

/// A running `souk up`.
pub struct Souk {
    child: Child,
    /// Where it serves.
    pub url: String,
    /// What it printed on standard output so far.
    pub printed: Vec<String>,
}

impl Souk {
    /// Starts it and waits until it is ready.
    pub async fn start(arguments: &[String]) -> Result<Souk> {
        let mut child = spawn_up(arguments)?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut printed = Vec::new();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                printed.push(line.clone());
                if let Some(rest) = line.strip_prefix("ready ") {
                    return Ok(rest.split(' ').next().unwrap_or_default().to_string());
                }
            }
            bail!("it ended before it was ready, after printing {printed:?}")
        };
        let url = tokio::time::timeout(PATIENCE, ready)
            .await
            .context("not ready in time")??;
        // Whoever prints into a pipe that nobody reads would stop some day.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Souk { child, url, printed })
    }

    /// Waits until it ends by itself; its exit code.
    pub async fn ended(mut self) -> Result<i32> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .context("it goes on")??;
        Ok(status.code().unwrap_or(-1))
    }

    /// `kill -9`.
    pub async fn killed(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Has it end in order.
    pub async fn stop(self) -> Result<()> {
        end(self.child, "up").await
    }
}

/// A part of the system as a process of its own: such as `souk index` or `souk serve`.
pub struct Part {
    arguments: Vec<String>,
    child: Child,
    /// What it logs, line by line.
    log: UnboundedReceiver<String>,
}

impl Part {
    /// Starts `souk <name> <arguments>`.
    pub fn start(name: &str, arguments: &[String]) -> Result<Part> {
        Part::spawn([&[name.to_string()], arguments].concat())
    }

    fn spawn(arguments: Vec<String>) -> Result<Part> {
        let mut command = Command::new(program());
        command
            .args(&arguments)
            .env("SOUK_LOG", "info")
            .env_remove("SOUK_CONFIG");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("no standard error")?).lines();
        let (sender, log) = unbounded_channel();
        // For whoever looks for the reason of a failure.
        let (shown, part) = (std::env::var_os("SOUK_TEST_LOGS").is_some(), arguments[0].clone());
        // Read all the time: whoever logs into a pipe that nobody reads would stop some day.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if shown {
                    eprintln!("{part}: {line}");
                }
                // Nobody listens once the part is stopped.
                let _ = sender.send(line);
            }
        });
        Ok(Part { arguments, child, log })
    }

    /// The rest of the first line from now on that holds these words.
    pub async fn logged(&mut self, words: &str) -> Result<String> {
        let found = async {
            while let Some(line) = self.log.recv().await {
                if let Some((_, rest)) = line.split_once(words) {
                    return Ok(rest.to_string());
                }
            }
            bail!("`souk {}` ended without logging `{words}`", self.arguments[0])
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .context("not logged in time")?
    }

    /// Where a `souk serve` says that it serves.
    pub async fn address(&mut self) -> Result<String> {
        let rest = self.logged("serving http://").await?;
        let host = rest.split_whitespace().next().context("no address")?;
        Ok(format!("http://{}", host.trim_end_matches('/')))
    }

    /// `kill -9`, and another one in its place.
    pub async fn killed_and_restarted(self) -> Result<Part> {
        self.killed().await?.restarted()
    }

    /// `kill -9`.
    pub async fn killed(mut self) -> Result<Dead> {
        self.child.kill().await?;
        Ok(Dead {
            arguments: self.arguments,
        })
    }

    /// Waits until it ends by itself; its exit code, and what it logged that nobody has read yet.
    pub async fn ended(mut self) -> Result<(i32, String)> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("`souk {}` goes on", self.arguments[0]))??;
        let mut said = String::new();
        while let Some(line) = self.log.recv().await {
            said.push_str(&line);
            said.push('\n');
        }
        Ok((status.code().unwrap_or(-1), said))
    }

    /// Has it end in order.
    pub async fn stop(self) -> Result<()> {
        end(self.child, &self.arguments[0]).await
    }
}

/// A part that was killed.
pub struct Dead {
    arguments: Vec<String>,
}

impl Dead {
    /// Starts another one in its place.
    pub fn restarted(self) -> Result<Part> {
        Part::spawn(self.arguments)
    }
}

/// Starts `souk up` without waiting for anything; it is killed when dropped.
pub fn spawn_up(arguments: &[String]) -> Result<Child> {
    let mut command = Command::new(program());
    command
        .arg("up")
        .args(arguments)
        .env("SOUK_LOG", "warn")
        .env_remove("SOUK_CONFIG");
    Ok(command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?)
}

/// Sends SIGTERM to `souk <name>`, which has to end well.
async fn end(mut child: Child, name: &str) -> Result<()> {
    let pid = child.id().context("it has ended already")?;
    let sent = Command::new("kill").arg(pid.to_string()).status().await?;
    ensure!(sent.success(), "kill: {sent}");
    let status = tokio::time::timeout(PATIENCE, child.wait())
        .await
        .context("it did not end")??;
    ensure!(status.success(), "souk {name} ended with {status} after SIGTERM");
    Ok(())
}

/// What a `souk` command printed and how it ended.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a `souk` command to its end.
pub async fn run(arguments: &[&str]) -> Result<Answer> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program());
    command
        .args(arguments)
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("SOUK_LOG", "error")
        .stdin(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output())
        .await
        .context("the command hangs")??;
    Ok(Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// What GraphQL at this address answers; it must be without errors.
pub async fn ask(url: &str, query: &str) -> Result<Value> {
    let request = reqwest::Client::new().post(format!("{url}/graphql"));
    let mut answer: Value = request.json(&json!({ "query": query })).send().await?.json().await?;
    ensure!(answer.get("errors").is_none(), "{query}: {answer}");
    Ok(answer["data"].take())
}

/// The `souk` program that was built along with the tests.
fn program() -> PathBuf {
    let this = std::env::current_exe().expect("a test has a path");
    let folder = this.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps");
    let program = folder.join("souk");
    assert!(
        program.is_file(),
        "{} is missing: `cargo build -p souk` makes it",
        program.display()
    );
    program
}
