//! One line of the table: what was measured, beside what, and whether that is what was aimed at. Pure, save for printing it.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::commands::say;

/// A measured figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// A time.
    Time(Duration),
    /// Memory in MiB.
    Mebibytes(f64),
}

/// What is aimed at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The peer's figure over ours: at least so much of its speed.
    PartOfPeer(f64),
    /// Our figure over the peer's or the limit's: at most so much.
    TimesLimit(f64),
    /// None: printed to explain another row.
    ForComparison,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The benchmark.
    pub name: &'static str,
    /// What was measured, with its size.
    pub measured: String,
    /// What came out.
    pub figure: Figure,
    /// The peer or the limit.
    pub peer: String,
    /// Its figure, from the same run.
    pub peer_figure: Figure,
    /// What is aimed at.
    pub target: Target,
}

impl Figure {
    /// Seconds or MiB.
    fn value(self) -> f64 {
        match self {
            Figure::Time(time) => time.as_secs_f64(),
            Figure::Mebibytes(mebibytes) => mebibytes,
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Figure::Time(time) if time.as_secs_f64() < 1.0 => write!(f, "{:.1} ms", time.as_secs_f64() * 1e3),
            Figure::Time(time) => write!(f, "{:.2} s", time.as_secs_f64()),
            Figure::Mebibytes(mebibytes) => write!(f, "{mebibytes:.0} MiB"),
        }
    }
}

impl Row {
    /// Ours and the peer's as one number, in the sense of the target.
    pub fn ratio(&self) -> f64 {
        let (ours, peers) = (self.figure.value(), self.peer_figure.value());
        match self.target {
            Target::PartOfPeer(_) | Target::ForComparison => peers / ours,
            Target::TimesLimit(_) => ours / peers,
        }
    }

    /// Whether the target is met; nothing where there is none.
    pub fn is_met(&self) -> Option<bool> {
        match self.target {
            Target::PartOfPeer(least) => Some(self.ratio() >= least),
            Target::TimesLimit(most) => Some(self.ratio() <= most),
            Target::ForComparison => None,
        }
    }

    fn target(&self) -> String {
        match self.target {
            Target::PartOfPeer(least) => format!("≥ {least}"),
            Target::TimesLimit(most) => format!("≤ {most}"),
            Target::ForComparison => "–".into(),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.is_met() {
            Some(true) => "ok",
            Some(false) => "short",
            None => "",
        }
    }

    /// As it stands in the table.
    pub fn cells(&self) -> Cells {
        [
            self.name.into(),
            self.measured.clone(),
            self.figure.to_string(),
            self.peer.clone(),
            self.peer_figure.to_string(),
            format!("{:.2}", self.ratio()),
            self.target(),
            self.verdict().into(),
        ]
    }

    fn json(&self) -> Value {
        let unit = match self.figure {
            Figure::Time(_) => "s",
            Figure::Mebibytes(_) => "MiB",
        };
        json!({
            "name": self.name, "measured": self.measured, "figure": self.figure.value(), "peer": self.peer,
            "peerFigure": self.peer_figure.value(), "unit": unit, "ratio": self.ratio(), "target": self.target(), "met": self.is_met(),
        })
    }
}

/// The cells of a line of the table.
pub type Cells = [String; 8];

const TITLES: [&str; 8] = [
    "benchmark",
    "measured",
    "figure",
    "peer or limit",
    "its figure",
    "ratio",
    "target",
    "",
];

/// Columns as wide as what they hold.
fn table(rows: &[Cells]) -> String {
    let lines: Vec<Cells> = std::iter::once(TITLES.map(String::from))
        .chain(rows.iter().cloned())
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let padded = |line: &Cells| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(padded).collect::<Vec<_>>().join("\n")
}

/// Reads rows that another benchmark wrote: one in each line, its cells in the order of the titles with tabs between.
///
/// # Errors
/// One line that names the line which is none.
pub fn read(text: &str) -> Result<Vec<Cells>> {
    let read = |(number, line): (usize, &str)| {
        let cells: Vec<String> = line.split('\t').map(String::from).collect();
        let found = cells.len();
        Cells::try_from(cells)
            .map_err(|_| anyhow!("line {} has {found} cells with tabs between instead of 8", number + 1))
    };
    text.lines().enumerate().map(read).collect()
}

/// The profile that this program was built in; a figure of another than `release` says little.
fn profile() -> &'static str {
    if cfg!(debug_assertions) { "dev" } else { "release" }
}

/// Prints the rows, below those of other benchmarks, as a table or as one JSON object.
pub fn print(others: &[Cells], rows: &[Row], as_json: bool) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    if as_json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        let all = json!({ "profile": profile(), "cores": cores, "fsync": true, "rows": rows, "others": others });
        say(all);
    } else {
        let all: Vec<Cells> = others.iter().cloned().chain(rows.iter().map(Row::cells)).collect();
        say(format!(
            "{} build, {cores} cores, private Postgres with fsync, anvil\n{}",
            profile(),
            table(&all)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: u64, peers: u64, target: Target) -> Row {
        let time = |secs| Figure::Time(Duration::from_secs(secs));
        Row {
            name: "backfill",
            measured: "9 logs".into(),
            figure: time(ours),
            peer: "download".into(),
            peer_figure: time(peers),
            target,
        }
    }

    #[test]
    fn speed_is_a_part_of_the_peers_and_a_limit_is_not_to_be_passed() {
        assert_eq!(row(10, 7, Target::PartOfPeer(0.7)).is_met(), Some(true));
        assert_eq!(row(10, 6, Target::PartOfPeer(0.7)).is_met(), Some(false));
        assert_eq!(row(2, 2, Target::TimesLimit(1.0)).is_met(), Some(true));
        assert_eq!(row(3, 2, Target::TimesLimit(1.0)).is_met(), Some(false));
        assert_eq!(row(3, 2, Target::ForComparison).is_met(), None);
    }

    #[test]
    fn columns_stand_under_their_titles() {
        let table = table(&[row(10, 6, Target::PartOfPeer(0.7)).cells()]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0].find("figure"), lines[1].find("10.00 s"));
        assert!(lines[1].ends_with("0.60   ≥ 0.7   short"), "{table}");
    }

    #[test]
    fn rows_of_others_have_every_cell() {
        let line = row(10, 6, Target::PartOfPeer(0.7)).cells().join("\t");
        assert_eq!(read(&format!("{line}\n{line}\n")).unwrap().len(), 2);
        let wrong = read(&format!("{line}\nlineage\t1 s\n")).unwrap_err().to_string();
        assert_eq!(wrong, "line 2 has 2 cells with tabs between instead of 8");
    }
}
