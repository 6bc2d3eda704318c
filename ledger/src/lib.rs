//! The double-entry ledger of the exchange in Postgres, and what is read beside it: orders, trades, candles.
