//! `souk log`: a stream's records as JSON lines, for people and for `jq`.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use souk_eventlog::{EventLog, ReadLimits, StoredRecord, StreamName};
use souk_schema::observation::STREAM;

use crate::cli::LogArgs;
use crate::instance::DataDir;
use crate::parts::Store;
use crate::projectors::chain_of;
use crate::records;

/// Records read at a time.
const LIMITS: ReadLimits = ReadLimits {
    max_records: 1_000,
    max_bytes: 8 << 20,
};

/// How long a follower waits for the next record before it asks again.
const WAIT: Duration = Duration::from_secs(10);

/// Prints the stream that the arguments name, or the streams that there are.
///
/// # Errors
/// One line when the log or the stream cannot be read.
pub async fn run(args: &LogArgs, dir: &DataDir) -> Result<()> {
    let store = Store::of_command(&args.instance, dir)?;
    let pool = store.database().await?;
    let log = store.log(&pool).await?;
    let mut out = std::io::stdout().lock();
    let Some(name) = &args.stream else {
        for stream in log.streams().await? {
            let records = log.next_sequence(&stream).await?;
            if args.instance.json {
                writeln!(out, "{}", json!({ "stream": stream.as_str(), "records": records }))?;
            } else {
                writeln!(out, "{stream}\t{records} records")?;
            }
        }
        return Ok(());
    };
    let stream = StreamName::new(name.as_str())?;
    if log.next_sequence(&stream).await? == 0 && !args.follow {
        bail!("the log has no stream `{stream}`; `souk log` without a name lists those that it has");
    }
    match print(args, log.as_ref(), &stream, &mut out).await {
        // Whoever reads our output has enough, as `head` has after ten lines.
        Err(error) if is_closed_pipe(&error) => Ok(()),
        other => other,
    }
}

async fn print(args: &LogArgs, log: &dyn EventLog, stream: &StreamName, out: &mut impl Write) -> Result<()> {
    let mut next = args.from;
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let limits = ReadLimits {
            max_records: LIMITS.max_records.min(usize::try_from(left).unwrap_or(usize::MAX)),
            ..LIMITS
        };
        let records = log.read(stream, next, limits).await?;
        for record in &records {
            writeln!(out, "{}", line(stream, record)?)?;
        }
        out.flush()?;
        left -= records.len() as u64;
        match records.last() {
            Some(last) => next = last.sequence + 1,
            None if args.follow => {
                log.wait_beyond(stream, next, WAIT).await?;
            }
            None => break,
        }
    }
    Ok(())
}

/// A record as one JSON object. A payload that is neither a chain record nor an observation is shown in hex.
fn line(stream: &StreamName, record: &StoredRecord) -> Result<Value> {
    let payload = || json!({ "payload": souk_schema::Bytes::from(record.payload.clone()) });
    let body = match stream.as_str() {
        STREAM => records::observation(record).with_context(|| stream.to_string())?,
        name if chain_of(name).is_some() => match records::decode(record).with_context(|| stream.to_string())? {
            Some(decoded) => serde_json::to_value(decoded)?,
            None => payload(),
        },
        _ => payload(),
    };
    let headers: serde_json::Map<String, Value> = record
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    Ok(json!({ "stream": stream.as_str(), "sequence": record.sequence, "headers": headers, "record": body }))
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use souk_schema::encoding::{self, VERSION_HEADER};
    use souk_schema::record::{ChainRecord, ChainRecordBody};
    use souk_schema::{B256, BlockRef, ChainId};

    use super::*;

    fn stored(headers: Vec<(String, String)>, payload: Vec<u8>) -> StoredRecord {
        StoredRecord {
            sequence: 7,
            headers,
            payload: payload.into(),
        }
    }

    #[test]
    fn records_are_printed_whole() {
        let stream = StreamName::new("chain.1").unwrap();
        let body = ChainRecordBody::FinalityAdvanced(BlockRef {
            number: 5,
            hash: B256::ZERO,
        });
        let payload = encoding::encode(&ChainRecord {
            chain: ChainId(1),
            body,
        });
        let printed = line(
            &stream,
            &stored(vec![(VERSION_HEADER.into(), "1".into())], payload.to_vec()),
        )
        .unwrap();
        assert_eq!(printed["sequence"], 7);
        assert_eq!(printed["record"]["type"], "finality_advanced");
        assert_eq!(printed["record"]["number"], 5);
        let other = line(&stream, &stored(vec![], vec![0xca, 0xfe])).unwrap();
        assert_eq!(other["record"]["payload"], "0xcafe");
    }

    #[test]
    fn a_record_of_a_newer_souk_is_named() {
        let stream = StreamName::new("chain.1").unwrap();
        let error = line(&stream, &stored(vec![(VERSION_HEADER.into(), "99".into())], vec![])).unwrap_err();
        assert!(format!("{error:#}").starts_with("chain.1: record 7: "), "{error:#}");
    }
}
