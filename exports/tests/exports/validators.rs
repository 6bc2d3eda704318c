//! Runs the formats' own libraries on documents.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use souk_exports::Format;

/// What a library said about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The document's name.
    pub name: String,
    /// What is wrong with it.
    pub errors: Vec<String>,
    /// What the library found in it, by kind.
    pub counts: BTreeMap<String, u64>,
}

impl Verdict {
    /// How many of a kind the library found.
    pub fn count(&self, kind: &str) -> u64 {
        self.counts.get(kind).copied().unwrap_or(0)
    }
}

/// Asks the libraries about documents, all in one run; the answers come in the same order.
pub fn validate(documents: &[(String, Format, String)]) -> Vec<Verdict> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let python: PathBuf = root.join("tools/.venv/bin/python");
    assert!(python.exists(), "{} is not there: run `make setup`", python.display());
    let mut child = Command::new(&python)
        .arg("-W")
        .arg("ignore")
        .arg(root.join("exports/tests/validate.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let requests: String = documents
        .iter()
        .map(|(name, format, document)| {
            format!(
                "{}\n",
                json!({ "name": name, "format": format.as_str(), "document": document })
            )
        })
        .collect();
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(requests.as_bytes()));
    let output = child.wait_with_output().expect("python ends");
    writer
        .join()
        .expect("the writer ends")
        .expect("python reads everything");
    assert!(output.status.success(), "validate.py failed: {}", output.status);
    let answers = String::from_utf8(output.stdout).expect("text");
    let verdicts: Vec<Verdict> = answers.lines().map(verdict).collect();
    let asked: Vec<&String> = documents.iter().map(|(name, _, _)| name).collect();
    let answered: Vec<&String> = verdicts.iter().map(|verdict| &verdict.name).collect();
    assert_eq!(asked, answered);
    verdicts
}

fn verdict(line: &str) -> Verdict {
    let answer: Value = serde_json::from_str(line).expect("an answer");
    Verdict {
        name: answer["name"].as_str().expect("a name").to_string(),
        errors: serde_json::from_value(answer["errors"].clone()).expect("errors"),
        counts: serde_json::from_value(answer["counts"].clone()).expect("counts"),
    }
}
