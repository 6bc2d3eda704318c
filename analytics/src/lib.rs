//! Statements: what an account earned, had taken back, may claim and was paid in a period, token by token, as CSV and Parquet.
//!
//! - [`record`] is what a statement is made from, and its period.
//! - [`course`] is what became of a line up to some time.
//! - [`statement`](mod@statement) makes rows and totals of them; start there.
//! - [`frame`] puts the rows into a Polars frame, amounts exact: decimals of 38 digits where all of them fit, text where not.
//! - [`write`](mod@write) writes the frame.
//! - [`load`] reads the records from Postgres; all else is pure.
//!
//! Nothing here decides who is owed what: lines and what becomes of them are [`souk_payouts`]'. No amount is ever a float.

pub mod course;
pub mod frame;
pub mod load;
pub mod record;
pub mod statement;
pub mod write;

pub use record::{Claim, Dated, Period, PeriodError};
pub use statement::{Statement, StatementError, Total, statement};
