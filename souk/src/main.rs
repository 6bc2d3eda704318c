//! The `souk` program: reads the configuration, starts the parts, supervises them. Holds no domain logic.
//!
//! Start with [`cli`] for what can be asked and with `commands/` for what is then done.

mod cli;
mod commands;
mod config;
mod dev_chain;
mod exchange;
mod instance;
mod keys;
mod observations;
mod parts;
mod payouts;
mod progress;
mod projectors;
mod records;
mod telemetry;
mod token_names;
mod waiting;
mod web;

use std::process::ExitCode;

use anyhow::Result;

use cli::{Command, MarketCommand, VerifyCommand};
use config::Config;
use instance::DataDir;

fn main() -> ExitCode {
    match config::load(std::env::args_os()).and_then(run) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("souk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let telemetry = telemetry::start(&config.cli.global)?;
        let code = dispatch(config).await;
        drop(telemetry);
        code
    });
    // Blocking calls that hang (a broker that is gone) must not keep the process.
    runtime.shutdown_background();
    code
}

async fn dispatch(config: Config) -> Result<ExitCode> {
    let dir = DataDir::of(&config.cli.global)?;
    match &config.cli.command {
        Command::Up(args) => commands::up::run(args, &config, &dir).await,
        Command::Index(args) => commands::parts::index(args, &config).await,
        Command::Project(args) => commands::parts::project(args).await,
        Command::Serve(args) => commands::parts::serve(args).await,
        Command::Exchange(args) => commands::parts::exchange(args).await,
        Command::Payouts(args) => commands::parts::payouts(args).await,
        Command::Observe(args) => commands::parts::observe(args, &config).await,
        Command::Market(MarketCommand::List(args)) => commands::market::list(args, &dir).await,
        Command::Market(MarketCommand::State(args)) => commands::market::state(args, &dir).await,
        Command::Market(MarketCommand::Rules(args)) => commands::market::rules(args, &dir).await,
        Command::Market(MarketCommand::Token(args)) => commands::market::token(args, &dir).await,
        Command::Market(MarketCommand::Show(args)) => commands::market::show(args, &dir).await,
        Command::Demo(args) => commands::demo::run(args, &dir).await,
        Command::Status(args) => return commands::status::run(args, &dir).await,
        Command::Log(args) => commands::log::run(args, &dir).await,
        Command::Replay(args) => commands::replay::run(args, &dir).await,
        Command::Verify(VerifyCommand::Chain(args)) => return commands::verify::chain(args, &dir).await,
        Command::Verify(VerifyCommand::State(args)) => return commands::verify::state(args, &dir).await,
        Command::Verify(VerifyCommand::Exchange(args)) => return commands::verify::exchange(args, &dir).await,
        Command::Verify(VerifyCommand::Payouts(args)) => return commands::verify::payouts(args, &dir).await,
        Command::Explain(args) => commands::explain::run(args, &dir).await,
        Command::Statement(args) => commands::statement::run(args, &dir).await,
        Command::Simulate(args) => commands::simulate::run(args, &dir).await,
        Command::LicenseCheck(args) => return commands::license_check::run(args, &dir).await,
        Command::Export(args) => commands::export::run(args, &dir).await,
        Command::Bench(args) => commands::bench::run(args).await,
    }?;
    Ok(ExitCode::SUCCESS)
}
