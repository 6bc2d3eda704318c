//! Configuration: the command line over the environment over `souk.toml`.
//!
//! The file's keys become the defaults of the flags of the same name, so that every rule about a flag is written once, in
//! [`crate::cli`]. Only `[[chain]]` tables are the file's own: they say what a flag cannot, several chains.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use alloy::providers::{Provider, ProviderBuilder};
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{Command as ClapCommand, CommandFactory, FromArgMatches};
use serde::Deserialize;
use souk_adapters::{ContractSet, WatchSet};
use souk_contracts::Deployment;
use souk_indexer::{ChainSource, Finality, ProofPolicy};
use souk_observations::Nodes;
use souk_schema::{Address, ChainId};
use url::Url;

use crate::cli::{ChainArgs, Cli};

/// What the command line, the environment and the file say together.
#[derive(Debug)]
pub struct Config {
    /// Flags and their values.
    pub cli: Cli,
    /// The file's `[[chain]]` tables.
    pub chains: Vec<ChainTable>,
}

/// A `[[chain]]` table of `souk.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainTable {
    /// EIP-155 chain id; the nodes are asked whether they are of this chain.
    pub id: u64,
    /// The chain's nodes, the preferred first.
    pub rpc: Vec<Url>,
    /// What to watch.
    #[serde(default)]
    pub watch: Vec<ContractSet>,
    /// Deployment of Souk's own contracts to watch as well.
    pub deployment: Option<PathBuf>,
    /// First block to index.
    pub start_block: Option<u64>,
    /// `"tag"` or a number of blocks.
    pub finality: Option<toml::Value>,
    /// `"receipts"` or `"logs"`.
    pub proof: Option<String>,
    /// Ask two nodes and compare.
    #[serde(default)]
    pub cross_check: bool,
}

/// Reads the configuration for a command line, without its first word's path.
///
/// # Errors
/// One line that names the file, key or flag that is wrong. Help and version are printed by clap, which then ends the process.
pub fn load(arguments: impl IntoIterator<Item = OsString>) -> Result<Config> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let file = match file_named(&arguments) {
        Some(path) => Some(path),
        None => Some(PathBuf::from("souk.toml")).filter(|path| path.exists()),
    };
    let (table, chains) = match &file {
        Some(path) => read_file(path)?,
        None => (toml::Table::new(), Vec::new()),
    };
    let command = with_defaults(Cli::command(), &table).with_context(|| match &file {
        Some(path) => format!("{}", path.display()),
        None => "configuration".into(),
    })?;
    let matches = command
        .try_get_matches_from(arguments)
        .unwrap_or_else(|error| error.exit());
    Ok(Config {
        cli: Cli::from_arg_matches(&matches)?,
        chains,
    })
}

/// The configuration file that the command line or the environment names. It must be known before clap reads the rest.
fn file_named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--config" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    std::env::var_os("SOUK_CONFIG").map(PathBuf::from)
}

fn read_file(path: &Path) -> Result<(toml::Table, Vec<ChainTable>)> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
    let mut table: toml::Table = text
        .parse()
        .with_context(|| format!("{} is not TOML", path.display()))?;
    let chains = match table.remove("chain") {
        Some(chains) => chains
            .try_into()
            .with_context(|| format!("[[chain]] in {}", path.display()))?,
        None => Vec::new(),
    };
    Ok((table, chains))
}

/// Makes the file's values the defaults of the flags of the same name, in every command that has them.
fn with_defaults(command: ClapCommand, table: &toml::Table) -> Result<ClapCommand> {
    let mut unknown: Vec<&String> = table.keys().collect();
    let command = apply(command, table, &mut unknown)?;
    if let Some(key) = unknown.first() {
        bail!("unknown key `{key}`; `souk help <command>` names the flags, whose names with `_` for `-` are the keys");
    }
    Ok(command)
}

fn apply(mut command: ClapCommand, table: &toml::Table, unknown: &mut Vec<&String>) -> Result<ClapCommand> {
    let known: Vec<(clap::Id, String)> = command
        .get_arguments()
        .filter_map(|argument| Some((argument.get_id().clone(), argument.get_long()?.replace('-', "_"))))
        .collect();
    for (id, key) in known {
        let Some(value) = table.get(&key) else { continue };
        unknown.retain(|other| **other != key);
        let words = words_of(&key, value)?;
        command = command.mut_arg(id, |argument| argument.default_values(words));
    }
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_string())
        .collect();
    for name in names {
        let mut problem = None;
        command = command.mut_subcommand(name, |sub| match apply(sub.clone(), table, unknown) {
            Ok(sub) => sub,
            Err(error) => {
                problem = Some(error);
                sub
            }
        });
        if let Some(problem) = problem {
            return Err(problem);
        }
    }
    Ok(command)
}

fn words_of(key: &str, value: &toml::Value) -> Result<Vec<String>> {
    match value {
        toml::Value::String(text) => Ok(vec![text.clone()]),
        toml::Value::Integer(number) => Ok(vec![number.to_string()]),
        toml::Value::Boolean(flag) => Ok(vec![flag.to_string()]),
        toml::Value::Array(values) => {
            let lists: Result<Vec<Vec<String>>> = values.iter().map(|value| words_of(key, value)).collect();
            Ok(lists?.concat())
        }
        _ => bail!("key `{key}` must be a text, a number, true, false, or a list of these"),
    }
}

impl Config {
    /// The chains to index that the configuration names; none where it leaves that to a dev chain of our own.
    ///
    /// # Errors
    /// One line for a chain that cannot be indexed as configured.
    pub async fn sources(&self, args: &ChainArgs) -> Result<Vec<ChainSource>> {
        let mut sources = Vec::new();
        for table in &self.chains {
            sources.push(table.source().with_context(|| format!("[[chain]] {}", table.id))?);
        }
        if !args.rpc.is_empty() {
            sources.push(source_of_flags(args).await?);
        } else if !args.watch.is_empty() || args.deployment.is_some() {
            bail!("--watch and --deployment say what to index, but no node was named: add --rpc <URL>");
        }
        Ok(sources)
    }

    /// The nodes of the configured chains, and those that `--rpc` names, which will say themselves which chain they are of.
    ///
    /// # Errors
    /// One line for what is no node's address.
    pub fn nodes(&self, rpc: &[Url]) -> Result<Nodes> {
        let of_chain = self.chains.iter().map(|table| (ChainId(table.id), table.rpc.clone()));
        Ok(Nodes::new(of_chain, rpc)?)
    }
}

impl ChainTable {
    fn source(&self) -> Result<ChainSource> {
        let deployment = self.deployment.as_deref().map(read_deployment).transpose()?;
        let finality = match &self.finality {
            None => Finality::Tag,
            Some(toml::Value::Integer(blocks)) => Finality::Depth(u64::try_from(*blocks).context("finality")?),
            Some(toml::Value::String(text)) => parse_finality(text)?,
            Some(other) => bail!("finality must be \"tag\" or a number of blocks, not {other}"),
        };
        let proof = parse_proof(self.proof.as_deref().unwrap_or("receipts"))?;
        let parts = SourceParts {
            watch: self.watch.clone(),
            deployment,
            start_block: self.start_block,
            finality,
            proof,
        };
        parts.source(ChainId(self.id), self.rpc.clone(), self.cross_check)
    }
}

async fn source_of_flags(args: &ChainArgs) -> Result<ChainSource> {
    let deployment = args.deployment.as_deref().map(read_deployment).transpose()?;
    let watch = args.watch.iter().map(|spec| parse_watch(spec)).collect::<Result<_>>()?;
    let finality = parse_finality(&args.finality)?;
    let proof = parse_proof(&args.proof)?;
    let parts = SourceParts {
        watch,
        deployment,
        start_block: args.start_block,
        finality,
        proof,
    };
    let chain = ask_chain_id(&args.rpc[0]).await?;
    parts.source(chain, args.rpc.clone(), args.cross_check)
}

async fn ask_chain_id(node: &Url) -> Result<ChainId> {
    let shown = souk_wire::redacted(node);
    let provider = ProviderBuilder::new()
        .connect(node.as_str())
        .await
        .with_context(|| format!("--rpc {shown}: cannot connect; is the node up, and the address right?"))?;
    let id = provider
        .get_chain_id()
        .await
        .with_context(|| format!("--rpc {shown}: no answer to eth_chainId; is the node up, and the address right?"))?;
    Ok(ChainId(id))
}

/// What a table and the flags say alike.
struct SourceParts {
    watch: Vec<ContractSet>,
    deployment: Option<Deployment>,
    start_block: Option<u64>,
    finality: Finality,
    proof: ProofPolicy,
}

impl SourceParts {
    fn source(self, chain: ChainId, endpoints: Vec<Url>, cross_check: bool) -> Result<ChainSource> {
        ensure!(
            !endpoints.is_empty(),
            "rpc is empty: name at least one node of the chain"
        );
        let mut sets = self.watch;
        if let Some(deployment) = &self.deployment {
            ensure!(
                deployment.chain_id == chain.0,
                "the deployment is on chain {}, but the node is of chain {chain}",
                deployment.chain_id
            );
            sets.push(ContractSet::from(deployment));
        }
        let watch = WatchSet::new(sets)
            .context("nothing can be indexed: give --watch <STANDARD:ADDRESS> or --deployment <FILE>")?;
        let start_block = self
            .start_block
            .or(self.deployment.map(|deployment| deployment.block))
            .unwrap_or(0);
        let mut source = ChainSource::new(chain, endpoints, watch, start_block);
        source.finality = self.finality;
        source.proof = self.proof;
        source.cross_check = cross_check;
        Ok(source)
    }
}

/// Which blocks are final, as settlement asks a node.
///
/// # Errors
/// One line for a word that says nothing of the kind.
pub fn settlement_finality(text: &str) -> Result<souk_settlement::Finality> {
    Ok(match parse_finality(text)? {
        Finality::Tag => souk_settlement::Finality::Tag,
        Finality::Depth(blocks) => souk_settlement::Finality::Depth(blocks),
    })
}

/// Reads a deployment file.
///
/// # Errors
/// One line that names the file.
pub fn read_deployment(path: &Path) -> Result<Deployment> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the deployment {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no deployment as `souk up` writes it", path.display()))
}

fn parse_watch(spec: &str) -> Result<ContractSet> {
    let wrong = || {
        anyhow!(
            "--watch {spec}: expected erc20:0x…, erc721:0x…, erc1155:0x…, story:0x…, erc8004:0x…, eas:0x…, ocean:0x…, vana:0x…, \
             morpho_distributor:0x… or merkl:0x… with an address of 20 bytes in hex, and a protocol's other contracts by name, as in \
             erc8004:0x…+reputation=0x…"
        )
    };
    let (kind, contracts) = spec.split_once(':').ok_or_else(wrong)?;
    let first = match kind {
        "erc20" | "erc721" | "erc1155" | "morpho_distributor" | "merkl" => "address",
        "story" => "registry",
        "erc8004" => "identity",
        "eas" => "attestations",
        "ocean" => "factory",
        "vana" => "data_registry",
        _ => return Err(wrong()),
    };
    // What stands in `souk.toml` as a table is said in one word here, so both are read by the same rules.
    let mut set = serde_json::Map::from_iter([("kind".to_string(), kind.into())]);
    for (at, contract) in contracts.split('+').enumerate() {
        let (name, address) = match contract.split_once('=') {
            None if at == 0 => (first, contract),
            Some((name, address)) if at > 0 => (name, address),
            _ => return Err(wrong()),
        };
        let address: Address = address.parse().map_err(|_| wrong())?;
        set.insert(name.into(), address.to_string().into());
    }
    serde_json::from_value(set.into()).map_err(|error| wrong().context(error.to_string()))
}

fn parse_finality(text: &str) -> Result<Finality> {
    match text {
        "tag" => Ok(Finality::Tag),
        blocks => {
            let blocks = blocks
                .parse()
                .map_err(|_| anyhow!("--finality {text}: expected `tag` or a number of blocks"))?;
            Ok(Finality::Depth(blocks))
        }
    }
}

fn parse_proof(text: &str) -> Result<ProofPolicy> {
    match text {
        "receipts" => Ok(ProofPolicy::Receipts),
        "logs" => Ok(ProofPolicy::Logs),
        _ => bail!("--proof {text}: expected `receipts` or `logs`"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Command;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn parse(line: &str, file: &str) -> Result<Cli> {
        let table: toml::Table = file.parse()?;
        let matches = with_defaults(Cli::command(), &table)?.try_get_matches_from(words(line))?;
        Ok(Cli::from_arg_matches(&matches)?)
    }

    fn port(cli: Cli) -> u16 {
        match cli.command {
            Command::Serve(args) => args.http.port,
            other => panic!("not serve: {other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_file_gives_defaults_and_the_command_line_wins() {
        assert_eq!(port(parse("souk serve", "").unwrap()), 8080);
        assert_eq!(port(parse("souk serve", "port = 9000").unwrap()), 9000);
        assert_eq!(port(parse("souk serve --port 9001", "port = 9000").unwrap()), 9001);
        let Command::Up(up) = parse("souk up", "demo = true\nrpc = ['http://a', 'http://b']")
            .unwrap()
            .command
        else {
            panic!("not up")
        };
        assert!(up.demo);
        assert_eq!(up.chain.rpc.len(), 2);
    }

    #[test]
    fn a_wrong_key_or_value_is_named() {
        assert!(
            parse("souk serve", "prot = 9000")
                .unwrap_err()
                .to_string()
                .contains("unknown key `prot`")
        );
        assert!(
            parse("souk serve", "port = 'many'")
                .unwrap_err()
                .to_string()
                .contains("many")
        );
        assert!(
            parse("souk serve", "[port]\na = 1")
                .unwrap_err()
                .to_string()
                .contains("key `port`")
        );
    }

    #[test]
    fn the_configuration_file_is_found_before_the_rest_is_read() {
        assert_eq!(file_named(&words("souk --config a.toml up")), Some("a.toml".into()));
        assert_eq!(file_named(&words("souk up --config=b.toml")), Some("b.toml".into()));
    }

    #[test]
    fn contracts_to_watch_are_read_or_explained() {
        assert!(parse_watch("erc721:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb").is_ok());
        let (a, b) = (
            "0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
            "0x1234567890123456789012345678901234567890",
        );
        let address = |text: &str| text.parse::<Address>().unwrap();
        assert_eq!(
            parse_watch(&format!("erc8004:{a}+reputation={b}")).unwrap(),
            ContractSet::Erc8004 {
                identity: address(a),
                reputation: Some(address(b)),
                validation: None
            }
        );
        for kind in ["story", "eas", "ocean", "vana", "morpho_distributor", "merkl"] {
            assert_eq!(
                parse_watch(&format!("{kind}:{a}")).unwrap().addresses(),
                [address(a)],
                "{kind}"
            );
            assert!(parse_watch(&format!("{kind}:{a}+nothing={b}")).is_err(), "{kind}");
        }
        for wrong in [
            "erc721",
            "erc721:0x12",
            "eas:schema_registry=0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
            "eas:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb+0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
            "erc999:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb",
        ] {
            assert!(
                parse_watch(wrong).unwrap_err().to_string().contains("expected erc20"),
                "{wrong}"
            );
        }
        assert!(parse_finality("soon").is_err());
        assert!(parse_proof("trust").is_err());
    }
}
