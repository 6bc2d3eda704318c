//! One line of the table: what was measured, beside what, and whether that is what was aimed at. Pure, save for printing it.

use std::time::Duration;

use serde_json::{Value, json};

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

    fn cells(&self) -> [String; 8] {
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

/// Lines of text up the page: columns as wide as what they hold.
fn table(rows: &[Row]) -> String {
    let lines: Vec<[String; 8]> = std::iter::once(TITLES.map(String::from))
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let padded = |line: &[String; 8]| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(padded).collect::<Vec<_>>().join("\n")
}

/// The profile that this program was built in; a figure of another than `release` says little.
fn profile() -> &'static str {
    if cfg!(debug_assertions) { "dev" } else { "release" }
}

/// Prints the rows as a table, or as one JSON object.
pub fn print(rows: &[Row], as_json: bool) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    if as_json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!(
            "{}",
            json!({ "profile": profile(), "cores": cores, "fsync": true, "rows": rows })
        );
    } else {
        println!(
            "{} build, {cores} cores, private Postgres with fsync, anvil\n{}",
            profile(),
            table(rows)
        );
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
        let table = table(&[row(10, 6, Target::PartOfPeer(0.7))]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0].find("figure"), lines[1].find("10.00 s"));
        assert!(lines[1].ends_with("0.60   ≥ 0.7   short"), "{table}");
    }
}
