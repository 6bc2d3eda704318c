//! The committed artifacts are what the committed sources give.

use std::path::Path;
use std::process::Command;

/// Compiles everything again and compares, to the byte.
#[test]
fn artifacts_are_reproducible() {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = contracts.join("../tools/node_modules");
    assert!(
        modules.join("solc").is_dir() && modules.join("@openzeppelin/contracts").is_dir(),
        "solc and @openzeppelin/contracts are not installed in tools/node_modules: run `npm ci --prefix tools`"
    );
    let output = Command::new("node")
        .arg(contracts.join("build.mjs"))
        .arg("--check")
        .env_remove("SOUK_NODE_MODULES")
        .output()
        .expect("node 18 or later is on the PATH");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
