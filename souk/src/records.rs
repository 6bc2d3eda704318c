//! Records of the log as what they say.

use anyhow::{Context, Result};
use souk_eventlog::StoredRecord;
use souk_schema::encoding::{self, VERSION_HEADER};
use souk_schema::record::ChainRecord;

/// The chain record that was stored, of whatever version; `None` for a record of another kind.
///
/// # Errors
/// One line that names the record when it is damaged or of a newer souk.
pub fn decode(stored: &StoredRecord) -> Result<Option<ChainRecord>> {
    let version = stored.headers.iter().find(|(name, _)| name == VERSION_HEADER);
    let Some(version) = version.and_then(|(_, version)| version.parse().ok()) else {
        return Ok(None);
    };
    let record = encoding::decode(version, &stored.payload).with_context(|| format!("record {}", stored.sequence))?;
    Ok(Some(record))
}
