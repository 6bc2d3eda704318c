//! One Apache Kafka broker in KRaft mode, from the jars that Maven fetched, as one child process.
//!
//! Start at [`Kafka::start`].

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Error;
use crate::place::Home;
use crate::ports::{free_port, is_free};
use crate::process::{Process, Signal, Spec, end_orphan, run_helper};
use crate::tools::{java, locate};

/// A broker that was killed checks the segments it had open.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_GRACE: Duration = Duration::from_secs(60);

/// Identifies the one-node cluster in its own data folder; every KRaft cluster needs some 16 bytes in base 64.
const CLUSTER_ID: &str = "c291a29uZW5vZGVrYWZrYQ";

/// The largest batch a producer may send: a log block of 64 MiB and its frame.
const MAX_MESSAGE_BYTES: u32 = 68 * 1024 * 1024;

/// Log4j without a configuration file writes to standard output, errors only unless told otherwise.
const LOG_LEVEL: &str = "-Dorg.apache.logging.log4j.level=WARN";

/// How the broker is run.
#[derive(Clone, Debug, Default)]
pub struct KafkaConfig {
    /// Where the log is kept; `None` for a new folder that is removed at the end.
    pub dir: Option<PathBuf>,
    /// Loopback port for clients; `None` for the port of the folder's previous life, or a free one.
    pub port: Option<u16>,
    /// Broker properties on top of, or instead of, the built-in ones: `("log.segment.bytes", "1048576")`.
    pub properties: Vec<(String, String)>,
}

/// A running broker; runs until stopped or dropped.
#[derive(Debug)]
pub struct Kafka {
    process: Process,
    spec: Spec,
    ports: Ports,
    data: PathBuf,
    // Held for its `Drop`, after the process is gone.
    _home: Home,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    clients: u16,
    controller: u16,
}

impl Kafka {
    /// Starts the broker, formatting its storage first if the folder holds none, after ending whatever a previous life left running.
    ///
    /// # Errors
    /// [`Error::Missing`] when Java or the jars are not there, [`Error::Busy`] when the folder is another process's, [`Error::Ended`] or
    /// [`Error::NotReady`] when it does not come up.
    pub async fn start(config: &KafkaConfig) -> Result<Self, Error> {
        let java = java()?;
        let jars = locate("Apache Kafka", "SOUK_KAFKA_LIB", &["kafka/lib"])?;
        let home = Home::open(config.dir.as_deref(), false)?;
        let pid_record = home.join("kafka.pid");
        end_orphan(&pid_record, Signal::SIGTERM, STOP_GRACE).await;

        let data = home.join("data");
        let properties = home.join("server.properties");
        let ports = Ports::choose(config.port, &home.join("ports"))?;
        let text = properties_text(ports, &data, &config.properties);
        fs::write(&properties, text).map_err(Error::io(&properties))?;

        let java_args = |main: &str, heap: &str| -> Vec<OsString> {
            // Quick to start and small: the client compiler alone, the shared class archive, the collector with the least memory.
            let flags = [
                heap,
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-XX:+UseSerialGC",
                LOG_LEVEL,
                "-cp",
            ];
            let class_path = jars.join("*").into_os_string();
            flags
                .map(OsString::from)
                .into_iter()
                .chain([class_path, main.into()])
                .collect()
        };
        // The formatter's own files do not tell whether it came to its end.
        let formatted = home.join("formatted");
        if !formatted.exists() {
            if data.exists() {
                fs::remove_dir_all(&data).map_err(Error::io(&data))?;
            }
            let mut format = tokio::process::Command::new(&java);
            format.args(java_args("kafka.tools.StorageTool", "-Xmx256m"));
            format
                .args(["format", "--cluster-id", CLUSTER_ID, "--config"])
                .arg(&properties);
            run_helper("the Kafka storage formatter", format).await?;
            fs::write(&formatted, "").map_err(Error::io(&formatted))?;
        }
        let mut args = java_args("kafka.Kafka", "-Xmx1g");
        args.push(properties.into_os_string());
        let spec = Spec {
            name: "kafka".into(),
            program: java,
            args,
            envs: Vec::new(),
            cwd: home.path().into(),
            log: home.join("kafka.log"),
            pid_record,
            user: None,
            stop_signal: Signal::SIGTERM,
        };
        let process = launch(&spec, ports).await?;
        Ok(Self {
            process,
            spec,
            ports,
            data,
            _home: home,
        })
    }

    /// `127.0.0.1:<port>`, what clients call `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.clients)
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The broker's own log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// The folder with a sub-folder for each topic partition.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
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

    /// Stops in order.
    pub async fn stop(&self) {
        self.process.stop(STOP_GRACE).await;
    }

    /// SIGKILL.
    pub async fn kill9(&self) {
        self.process.kill9().await;
    }

    /// Starts it again on the same port and data; stops it in order first if it still runs.
    ///
    /// # Errors
    /// Those of [`Kafka::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await;
        self.process = launch(&self.spec, self.ports).await?;
        Ok(())
    }
}

impl Ports {
    /// The ports of the folder's previous life as far as they are still free, so that clients find the broker where it was.
    fn choose(clients: Option<u16>, record: &Path) -> Result<Self, Error> {
        let recorded = fs::read_to_string(record).unwrap_or_default();
        let mut recorded = recorded.split_whitespace().map(|port| port.parse().ok());
        let mut next = || match recorded.next().flatten().filter(|port| is_free(*port)) {
            Some(port) => Ok(port),
            None => free_port(),
        };
        let (recorded_clients, controller) = (next()?, next()?);
        let clients = clients.unwrap_or(recorded_clients);
        fs::write(record, format!("{clients} {controller}\n")).map_err(Error::io(record))?;
        Ok(Self { clients, controller })
    }
}

/// The broker's configuration. Nothing is ever deleted: the log is the truth that everything else is derived from. After `kill -9` the
/// controller holds the broker for alive until its session has timed out, and keeps it waiting that long.
fn properties_text(ports: Ports, data: &Path, extra: &[(String, String)]) -> String {
    let Ports { clients, controller } = ports;
    let own = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=CLIENTS://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=CLIENTS://127.0.0.1:{clients}\n\
         listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=CLIENTS\n\
         log.dirs={data}\n\
         log.retention.ms=-1\n\
         log.retention.bytes=-1\n\
         message.max.bytes={MAX_MESSAGE_BYTES}\n\
         replica.fetch.max.bytes={MAX_MESSAGE_BYTES}\n\
         auto.create.topics.enable=false\n\
         default.replication.factor=1\n\
         min.insync.replicas=1\n\
         offsets.topic.num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         broker.session.timeout.ms=3000\n\
         broker.heartbeat.interval.ms=500\n\
         group.initial.rebalance.delay.ms=0\n\
         log.cleaner.dedupe.buffer.size=8388608\n\
         num.network.threads=2\n\
         num.io.threads=4\n\
         background.threads=2\n",
        data = data.display(),
    );
    // The last of two lines with one name holds.
    extra
        .iter()
        .fold(own, |text, (name, value)| text + name + "=" + value + "\n")
}

/// Starts the broker and waits until it serves requests.
async fn launch(spec: &Spec, ports: Ports) -> Result<Process, Error> {
    let process = Process::spawn(spec)?;
    process.wait_ready(START_LIMIT, || serves(ports.clients)).await?;
    Ok(process)
}

/// Whether the broker answers an `ApiVersions` request: its port is open well before it is ready, and keeps requests waiting.
async fn serves(port: u16) -> bool {
    // Length 10; API key 18 (ApiVersions), version 0; correlation id 7; no client id (-1).
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(&REQUEST).await?;
        let mut head = [0; 8];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(head[4..] == [0, 0, 0, 7])
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), ask).await, Ok(Ok(true)))
}

#[cfg(test)]
#[path = "tests/kafka.rs"]
mod tests;
