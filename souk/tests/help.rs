//! The program explains itself: every command and every flag's environment variable is in its help.

use std::process::Command;

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_souk"))
        .args(arguments)
        .output()
        .expect("souk runs");
    assert!(output.status.success(), "souk {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn help_names_every_command() {
    let text = help(&["--help"]);
    for command in [
        "up", "index", "project", "observe", "serve", "exchange", "market", "demo", "status", "log", "replay",
        "verify", "bench",
    ] {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(command)),
            "{command} is not in:\n{text}"
        );
    }
}

#[test]
fn help_names_the_environment_variable_of_a_flag() {
    let text = help(&["help", "up"]);
    for (flag, variable) in [
        ("--port", "SOUK_PORT"),
        ("--database-url", "SOUK_DATABASE_URL"),
        ("--kafka", "SOUK_KAFKA"),
        ("--rpc", "SOUK_RPC"),
    ] {
        assert!(
            text.contains(flag) && text.contains(variable),
            "{flag} or {variable} is not in:\n{text}"
        );
    }
}
