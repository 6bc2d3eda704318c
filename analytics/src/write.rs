//! A statement as a file.
//!
//! CSV has what Polars writes by default: commas, a header, empty cells for what is not there. Parquet is compressed with zstd and says in its
//! metadata whose statement it is (`souk.account`), its period in Unix seconds (`souk.from`, `souk.to`; left out where open) and how amounts
//! are written (`souk.amounts`: `decimal` or `text`).

#![deny(clippy::disallowed_methods)]

use std::io::Write;

use polars_core::error::PolarsResult;
use polars_io::SerWriter;
use polars_io::csv::write::CsvWriter;
use polars_io::parquet::write::{KeyValueMetadata, ParquetWriter};

use crate::statement::Statement;

/// Writes it as CSV.
///
/// # Errors
/// When it cannot be written.
pub fn csv(statement: &Statement, file: impl Write) -> PolarsResult<()> {
    CsvWriter::new(file).finish(&mut statement.frame.clone())
}

/// Writes it as Parquet.
///
/// # Errors
/// When it cannot be written.
pub fn parquet(statement: &Statement, file: impl Write) -> PolarsResult<()> {
    ParquetWriter::new(file)
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata(statement))))
        .finish(&mut statement.frame.clone())
        .map(|_| ())
}

fn metadata(statement: &Statement) -> Vec<(String, String)> {
    let period = statement.period;
    let known = [
        ("souk.account", Some(statement.account.to_string())),
        ("souk.from", period.from().map(|from| from.to_string())),
        ("souk.to", period.to().map(|to| to.to_string())),
        ("souk.amounts", Some(statement.amounts.as_str().into())),
    ];
    let known = known.into_iter().filter_map(|(key, value)| Some((key.into(), value?)));
    known.collect()
}
