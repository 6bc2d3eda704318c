//! The ends of log files, for error messages of one line.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The last non-empty line of a log file, cut to a readable length.
pub(super) fn last_line(log: &Path) -> String {
    const TAIL_BYTES: u64 = 4096;
    let tail = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    tail()
        .ok()
        .as_deref()
        .map_or_else(|| "nothing was logged".into(), last_line_of)
}

/// The last non-empty line of a text, cut to a readable length.
pub(super) fn last_line_of(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    text.lines().rev().find(|line| !line.trim().is_empty()).map_or_else(
        || "nothing was logged".into(),
        |line| line.trim().chars().take(MAX_CHARS).collect(),
    )
}
