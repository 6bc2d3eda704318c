//! Finds the programs and jars that `make setup` installs: in the checkout's `tools/`, or where an environment variable points.

use std::path::{Path, PathBuf};

use crate::Error;

/// A program on the `PATH`.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // The administrator's folders are not on every user's PATH.
    std::env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A file or folder below `tools/`: where `variable` points if that is set, else upwards from the current folder, from the running
/// program and from where this crate was built.
///
/// # Errors
/// [`Error::Missing`] naming `what` and the variable.
pub(crate) fn locate(what: &'static str, variable: &str, below_tools: &[&str]) -> Result<PathBuf, Error> {
    if let Some(given) = std::env::var_os(variable).map(PathBuf::from) {
        return if given.exists() {
            Ok(given)
        } else {
            Err(Error::Missing {
                what,
                looked: format!("{variable}={} does not exist", given.display()),
            })
        };
    }
    let starts = [
        std::env::current_dir().ok(),
        std::env::current_exe().ok(),
        Some(PathBuf::from(env!("CARGO_MANIFEST_DIR"))),
    ];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .flat_map(|folder| below_tools.iter().map(|file| folder.join("tools").join(file)))
        .find(|file| file.exists())
        .ok_or_else(|| Error::Missing {
            what,
            looked: format!(
                "no tools/{}, and {variable} is not set",
                below_tools.join(" nor tools/")
            ),
        })
}

/// Every `bin` folder with PostgreSQL server programs: Debian's, newest first, then that of a `postgres` on the `PATH`.
pub(crate) fn postgres_bins() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("postgres").is_file())
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    let on_path = in_path("postgres").and_then(|file| file.parent().map(Path::to_path_buf));
    versions.into_iter().map(|(_, bin)| bin).chain(on_path).collect()
}

/// The `java` to run: of `JAVA_HOME` if that is set, else on the `PATH`.
///
/// # Errors
/// [`Error::Missing`] when there is none.
pub(crate) fn java() -> Result<PathBuf, Error> {
    std::env::var_os("JAVA_HOME")
        .map(|home| PathBuf::from(home).join("bin/java"))
        .filter(|java| java.is_file())
        .or_else(|| in_path("java"))
        .ok_or_else(|| Error::Missing {
            what: "java (a JRE from 17)",
            looked: "JAVA_HOME, PATH".into(),
        })
}

/// The code that a contract is deployed with, in hex, as a package of `tools/` publishes it: `artifact` is its JSON file there.
///
/// # Errors
/// [`Error::Missing`] when the packages are not installed, [`Error::Invalid`] when the file is no artifact.
pub fn published_bytecode(artifact: &str) -> Result<String, Error> {
    let packages = locate(
        "the packages of tools/package.json",
        "SOUK_NODE_MODULES",
        &["node_modules"],
    )?;
    let file = packages.join(artifact);
    let invalid = |problem: &dyn std::fmt::Display| Error::Invalid(format!("{}: {problem}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(|error| invalid(&error))?;
    let artifact: serde_json::Value = serde_json::from_str(&text).map_err(|error| invalid(&error))?;
    let code = artifact["bytecode"].as_str().map(str::to_string);
    code.ok_or_else(|| invalid(&"it has no bytecode"))
}
