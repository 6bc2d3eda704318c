//! Finds, in a factory's log, the contract that it created.

use alloy_primitives::{Address, B256};
use souk_schema::record::RawLog;

use crate::decoder::Undecodable;
use crate::watch_set::ChildPosition;

/// The address of the contract that the log says was created.
pub(crate) fn child(log: &RawLog, position: ChildPosition) -> Result<Address, Undecodable> {
    let word = match position {
        ChildPosition::Topic(topic) => log.topics.get(usize::from(topic)).copied(),
        ChildPosition::Word(word) => {
            let start = usize::from(word) * 32;
            log.data.get(start..start + 32).map(B256::from_slice)
        }
    };
    let word = word.ok_or_else(|| Undecodable::new(format!("the factory's event has nothing at {position:?}")))?;
    if word[..12].iter().any(|byte| *byte != 0) {
        return Err(Undecodable::new(format!(
            "the factory's event holds no address at {position:?}: {word}"
        )));
    }
    Ok(Address::from_word(word))
}
