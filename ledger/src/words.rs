//! Words in text columns: what the vocabulary serialises to, so that tables, JSON and GraphQL say the same.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The word of a choice that has no fields.
///
/// # Panics
/// When the choice has fields, which none of those that are stored as words has.
pub(crate) fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        other => panic!("not a choice without fields: {other:?}"),
    }
}

/// The choice that a word stands for.
pub(crate) fn parse<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.into())).ok()
}
