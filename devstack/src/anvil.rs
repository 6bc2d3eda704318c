//! An anvil dev chain: a real EVM node with instant or clocked blocks, as one child process.
//!
//! After SIGKILL it comes back as old as its last written state; [`AnvilConfig::state_interval_secs`] bounds by how much. A chain that
//! restarts older than a reader's log is the reader's to recognise.
//! Start at [`Anvil::start`].

mod state;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Error;
use crate::place::Home;
use crate::ports::free_port;
use crate::process::{Process, Signal, Spec, end_orphan};
use crate::tools::locate;

use self::state::KeptState;

/// Where npm puts the platform package's binary, below `tools/`.
const BELOW_TOOLS: &[&str] = &[
    "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil",
    "node_modules/@foundry-rs/anvil-linux-arm64/bin/anvil",
];

/// Reading back a state of a million events takes a while.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_GRACE: Duration = Duration::from_secs(60);

/// How often a start is tried on another port when the free one was taken in between.
const PORT_ATTEMPTS: u32 = 5;

/// When blocks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mining {
    /// A block for each transaction, at once.
    Auto,
    /// A block every so many seconds.
    EverySecs(u64),
    /// Only when `evm_mine` or its like is called.
    OnDemand,
}

/// How a dev chain is run.
#[derive(Clone, Debug)]
pub struct AnvilConfig {
    /// Where log and pid record, and with [`Self::keep_state`] the chain, are kept; `None` for a new folder removed at the end.
    pub dir: Option<PathBuf>,
    /// Whether the chain is written to the folder at the end and every [`Self::state_interval_secs`], and read back at the start.
    pub keep_state: bool,
    /// Seconds between two writings of the state.
    pub state_interval_secs: u64,
    /// Chain id; 31337 is anvil's own.
    pub chain_id: u64,
    /// Loopback port; `None` for a free one.
    pub port: Option<u16>,
    /// When blocks are made.
    pub mining: Mining,
    /// Number of funded accounts of the well-known test mnemonic.
    pub accounts: u32,
    /// Balance of each of them, in whole ether.
    pub balance_ether: u64,
    /// Time of the genesis block in seconds since 1970, for a chain that is the same in every run; `None` for now.
    pub genesis_timestamp_secs: Option<u64>,
    /// Gas limit of a block; `None` for anvil's default.
    pub block_gas_limit: Option<u64>,
    /// Largest contract in bytes; `None` for the 24,576 of EIP-170.
    pub code_size_limit: Option<u64>,
    /// Finalised is the head less twice this number of blocks, safe the head less once this number.
    pub slots_in_an_epoch: u64,
    /// Any further command-line arguments of anvil.
    pub extra_args: Vec<String>,
}

impl Default for AnvilConfig {
    fn default() -> Self {
        Self {
            dir: None,
            keep_state: false,
            state_interval_secs: 30,
            chain_id: 31_337,
            port: None,
            mining: Mining::Auto,
            accounts: 10,
            balance_ether: 1_000_000,
            genesis_timestamp_secs: None,
            block_gas_limit: None,
            code_size_limit: None,
            slots_in_an_epoch: 32,
            extra_args: Vec::new(),
        }
    }
}

/// A running dev chain; runs until stopped or dropped.
#[derive(Debug)]
pub struct Anvil {
    process: Process,
    spec: Spec,
    port: u16,
    state: Option<KeptState>,
    // Held for its `Drop`, after the process is gone.
    _home: Home,
}

impl Anvil {
    /// Starts the chain, reading back its state if it is kept, after ending whatever a previous life left running.
    ///
    /// # Errors
    /// [`Error::Missing`] when anvil is not installed, [`Error::Busy`] when the folder is another process's, [`Error::Ended`] or
    /// [`Error::NotReady`] when it does not come up, for instance because a port that was asked for is taken.
    pub async fn start(config: &AnvilConfig) -> Result<Self, Error> {
        let program = locate("anvil", "SOUK_ANVIL", BELOW_TOOLS)?;
        let home = Home::open(config.dir.as_deref(), false)?;
        let pid_record = home.join("anvil.pid");
        end_orphan(&pid_record, Signal::SIGTERM, STOP_GRACE).await;
        if let Some(port) = config.port {
            // anvil's own message for this is a page of stack trace.
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
                Error::Invalid(format!(
                    "port {port} for anvil: {error}; stop what listens there, or choose another"
                ))
            })?;
        }
        let state = config.keep_state.then(|| KeptState::in_folder(home.path()));

        let mut attempt = 0;
        loop {
            attempt += 1;
            let port = config.port.map_or_else(free_port, Ok)?;
            let spec = Spec {
                name: "anvil".into(),
                program: program.clone(),
                args: arguments(config, port, state.as_ref()),
                envs: vec![("NO_COLOR".into(), "1".into())],
                cwd: home.path().into(),
                log: home.join("anvil.log"),
                pid_record: pid_record.clone(),
                user: None,
                stop_signal: Signal::SIGTERM,
            };
            match launch(&spec, port, state.as_ref()).await {
                Ok(process) => {
                    return Ok(Self {
                        process,
                        spec,
                        port,
                        state,
                        _home: home,
                    });
                }
                Err(Error::Ended { .. }) if config.port.is_none() && attempt < PORT_ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
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

    /// The loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Waits until it has ended, for whatever reason.
    pub async fn ended(&self) {
        self.process.ended().await;
    }

    /// Stops in order, writing the state if it is kept.
    pub async fn stop(&self) {
        self.process.stop(STOP_GRACE).await;
    }

    /// SIGKILL: what was not yet written is lost.
    pub async fn kill9(&self) {
        self.process.kill9().await;
    }

    /// Starts it again on the same port with the last written state, or from genesis if none is kept; stops it first if it still runs.
    ///
    /// # Errors
    /// Those of [`Anvil::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await;
        self.process = launch(&self.spec, self.port, self.state.as_ref()).await?;
        Ok(())
    }
}

fn arguments(config: &AnvilConfig, port: u16, state: Option<&KeptState>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["--quiet", "--host", "127.0.0.1", "--order", "fifo"]
        .map(OsString::from)
        .into();
    // Batches of transactions are larger than the 2 MB that anvil takes by default.
    arguments.push("--no-request-size-limit".into());
    let mut option = |name: &str, value: String| arguments.extend([OsString::from(name), value.into()]);
    option("--port", port.to_string());
    option("--chain-id", config.chain_id.to_string());
    option("--accounts", config.accounts.to_string());
    option("--balance", config.balance_ether.to_string());
    option("--slots-in-an-epoch", config.slots_in_an_epoch.to_string());
    if let Mining::EverySecs(seconds) = config.mining {
        option("--block-time", seconds.to_string());
    }
    if let Some(seconds) = config.genesis_timestamp_secs {
        option("--timestamp", seconds.to_string());
    }
    if let Some(gas) = config.block_gas_limit {
        option("--gas-limit", gas.to_string());
    }
    if let Some(bytes) = config.code_size_limit {
        option("--code-size-limit", bytes.to_string());
    }
    if let Some(state) = state {
        option("--state", state.file().display().to_string());
        option("--state-interval", config.state_interval_secs.to_string());
    }
    if config.mining == Mining::OnDemand {
        arguments.push("--no-mining".into());
    }
    arguments.extend(config.extra_args.iter().map(OsString::from));
    arguments
}

/// Starts the node and waits until it answers; from an older state if it refuses a state that was cut short.
async fn launch(spec: &Spec, port: u16, state: Option<&KeptState>) -> Result<Process, Error> {
    loop {
        state.map_or(Ok(()), KeptState::before_start)?;
        let process = Process::spawn(spec)?;
        match (process.wait_ready(START_LIMIT, || answers(port)).await, state) {
            (Ok(()), _) => {
                state.map_or(Ok(()), KeptState::after_start)?;
                return Ok(process);
            }
            (Err(Error::Ended { .. }), Some(state)) if state.is_cut_short() => state.fall_back()?,
            (Err(error), _) => return Err(error),
        }
    }
}

/// Whether a JSON-RPC server answers on the port.
async fn answers(port: u16) -> bool {
    rpc(port, "eth_chainId", "[]").await.is_some()
}

/// One JSON-RPC call; `None` when there is no answer or it is an error. Only for readiness: clients bring their own RPC library.
async fn rpc(port: u16, method: &str, params: &str) -> Option<String> {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let request = format!(
            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), ask).await.ok()?.ok()?;
    let (_, content) = answer.split_once("\r\n\r\n")?;
    let value: serde_json::Value = serde_json::from_str(content).ok()?;
    value.get("result").map(ToString::to_string)
}

#[cfg(test)]
#[path = "tests/anvil.rs"]
mod tests;
