//! What is written is read back by Polars as it was.

use std::io::Cursor;
use std::sync::Arc;

use polars_core::prelude::DataFrame;
use polars_io::SerReader;
use polars_io::csv::read::CsvReadOptions;
use polars_io::parquet::read::ParquetReader;
use souk_analytics::frame::{Amounts, schema};
use souk_analytics::{Period, Statement, statement, write};

use crate::economy::{BEGINNING, Economy, Size, account};

fn csv_of(statement: &Statement) -> Vec<u8> {
    let mut file = Vec::new();
    write::csv(statement, &mut file).unwrap();
    file
}

fn parquet_of(statement: &Statement) -> Vec<u8> {
    let mut file = Vec::new();
    write::parquet(statement, &mut file).unwrap();
    file
}

fn read_csv(file: Vec<u8>, amounts: Amounts) -> DataFrame {
    let options = CsvReadOptions::default().with_schema(Some(Arc::new(schema(amounts))));
    options
        .into_reader_with_file_handle(Cursor::new(file))
        .finish()
        .unwrap()
}

#[test]
fn csv_and_parquet_come_back_equal() {
    for (seed, size) in [(1, Size::Usual), (2, Size::Any), (3, Size::Usual), (4, Size::Any)] {
        let economy = Economy::new(seed, size);
        let middle = u64::midpoint(BEGINNING, economy.end);
        for period in [Period::default(), Period::new(Some(middle), None).unwrap()] {
            let statement = economy.statement(account(1), period);
            assert!(statement.frame.height() > 10, "seed {seed}");
            let wanted = match size {
                Size::Usual => Amounts::Decimal,
                Size::Any => Amounts::Text,
            };
            assert_eq!(statement.amounts, wanted);
            assert_eq!(**statement.frame.schema(), schema(wanted));
            let csv = read_csv(csv_of(&statement), wanted);
            assert!(csv.equals_missing(&statement.frame), "seed {seed}");
            let parquet = ParquetReader::new(Cursor::new(parquet_of(&statement)))
                .finish()
                .unwrap();
            assert_eq!(parquet.schema(), statement.frame.schema());
            assert!(parquet.equals_missing(&statement.frame), "seed {seed}");
        }
    }
}

/// The economies' claims are within what vested; without their changes, every one is beyond it.
#[test]
fn what_was_overpaid_is_in_both_files() {
    let economy = Economy::new(1, Size::Usual);
    let (lines, claims) = (&economy.lines, &economy.claims);
    let statement = statement(lines, &[], claims, account(1), Period::default()).unwrap();
    assert!(statement.totals.iter().any(|total| !total.closing_overpaid.is_zero()));
    assert!(read_csv(csv_of(&statement), Amounts::Decimal).equals_missing(&statement.frame));
    let parquet = ParquetReader::new(Cursor::new(parquet_of(&statement))).finish();
    assert!(parquet.unwrap().equals_missing(&statement.frame));
    let text = String::from_utf8(csv_of(&statement)).unwrap();
    assert!(text.lines().next().unwrap().ends_with(",claimable,overpaid"), "{text}");
    assert!(text.contains("claimed on chain beyond what the lines give"), "{text}");
}

#[test]
fn parquet_says_whose_it_is_and_how_amounts_are_written() {
    let economy = Economy::new(2, Size::Any);
    let period = Period::new(Some(BEGINNING), None).unwrap();
    let file = parquet_of(&economy.statement(account(1), period));
    let mut reader = ParquetReader::new(Cursor::new(file));
    let metadata = reader.get_metadata().unwrap().key_value_metadata().clone().unwrap();
    let said = |key: &str| {
        metadata
            .iter()
            .find(|pair| pair.key == key)
            .and_then(|pair| pair.value.clone())
    };
    assert_eq!(said("souk.account"), Some(account(1).to_string()));
    assert_eq!(said("souk.from"), Some(BEGINNING.to_string()));
    assert_eq!(said("souk.to"), None);
    assert_eq!(said("souk.amounts"), Some("text".into()));
}

#[test]
fn an_unknown_account_has_an_empty_statement_in_both_forms() {
    let economy = Economy::new(1, Size::Usual);
    let statement = economy.statement(account(99), Period::default());
    assert!(statement.totals.is_empty() && statement.frame.height() == 0);
    let header = String::from_utf8(csv_of(&statement)).unwrap();
    assert_eq!(header.lines().count(), 1);
    assert!(header.starts_with("entry,token,time,block,revenue,"), "{header}");
    let parquet = ParquetReader::new(Cursor::new(parquet_of(&statement)))
        .finish()
        .unwrap();
    assert!(parquet.equals_missing(&statement.frame));
}
