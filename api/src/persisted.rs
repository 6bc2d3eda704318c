//! Persisted queries by hash (APQ): a client sends a query once with its SHA-256, and from then on the hash alone.

use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{ApiError, ErrorCode};

/// What a client says of a stored query, in `extensions.persistedQuery`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistedQuery {
    /// Of the protocol; 1.
    pub version: u64,
    /// SHA-256 of the query's text in hex.
    pub sha256_hash: String,
}

/// Stored queries, those used last, within a number of bytes.
pub struct PersistedQueries {
    most_bytes: usize,
    stored: Mutex<Stored>,
}

struct Stored {
    bytes: usize,
    texts: LruCache<[u8; 32], String>,
}

impl PersistedQueries {
    /// None stored yet; texts of at most `most_bytes` in all.
    pub fn new(most_bytes: usize) -> PersistedQueries {
        PersistedQueries {
            most_bytes,
            stored: Mutex::new(Stored {
                bytes: 0,
                texts: LruCache::unbounded(),
            }),
        }
    }

    /// The text of a request: its own, or a stored one.
    ///
    /// # Errors
    /// `PERSISTED_QUERY_NOT_FOUND` for a hash that is not stored, `BAD_REQUEST` for one that is not the query's.
    pub fn resolve(&self, query: Option<String>, persisted: Option<&PersistedQuery>) -> Result<String, ApiError> {
        let Some(persisted) = persisted else {
            return query.ok_or_else(|| ApiError::new(ErrorCode::BadRequest, "the parameter `query` is missing"));
        };
        if persisted.version != 1 {
            let message = format!(
                "`extensions.persistedQuery.version` is {}, and only 1 is known",
                persisted.version
            );
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        let hash = hash_of(persisted).ok_or_else(|| {
            ApiError::new(
                ErrorCode::BadRequest,
                "`extensions.persistedQuery.sha256Hash` is not 64 hex digits",
            )
        })?;
        match query {
            None => {
                let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
                // Clients recognise this very text.
                stored
                    .texts
                    .get(&hash)
                    .cloned()
                    .ok_or_else(|| ApiError::new(ErrorCode::PersistedQueryNotFound, "PersistedQueryNotFound"))
            }
            Some(query) if Sha256::digest(query.as_bytes())[..] == hash => Ok(query),
            Some(_) => Err(ApiError::new(
                ErrorCode::BadRequest,
                "`extensions.persistedQuery.sha256Hash` is not the SHA-256 of the query",
            )),
        }
    }

    /// Keeps a text that [`PersistedQueries::resolve`] gave and that turned out to be GraphQL.
    pub fn store(&self, persisted: &PersistedQuery, query: &str) {
        let Some(hash) = hash_of(persisted).filter(|_| query.len() <= self.most_bytes) else {
            return;
        };
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.bytes += query.len();
        if let Some(before) = stored.texts.put(hash, query.to_string()) {
            stored.bytes -= before.len();
        }
        while stored.bytes > self.most_bytes {
            let Some((_, oldest)) = stored.texts.pop_lru() else {
                break;
            };
            stored.bytes -= oldest.len();
        }
    }
}

fn hash_of(persisted: &PersistedQuery) -> Option<[u8; 32]> {
    alloy_primitives::hex::decode(&persisted.sha256_hash)
        .ok()?
        .try_into()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(query: &str) -> PersistedQuery {
        PersistedQuery {
            version: 1,
            sha256_hash: alloy_primitives::hex::encode(Sha256::digest(query.as_bytes())),
        }
    }

    #[test]
    fn a_stored_query_is_found_by_its_hash_alone() {
        let queries = PersistedQueries::new(100);
        let name = named("{ a }");
        assert_eq!(
            queries.resolve(None, Some(&name)).unwrap_err().message,
            "PersistedQueryNotFound"
        );
        let text = queries.resolve(Some("{ a }".into()), Some(&name)).unwrap();
        queries.store(&name, &text);
        assert_eq!(queries.resolve(None, Some(&name)).unwrap(), "{ a }");
        assert_eq!(
            queries.resolve(Some("{ b }".into()), Some(&name)).unwrap_err().code,
            ErrorCode::BadRequest
        );
    }

    #[test]
    fn stored_queries_stay_within_their_bytes() {
        let queries = PersistedQueries::new(10);
        for at in 0..50 {
            let text = format!("{{ a{at} }}");
            queries.store(&named(&text), &text);
            queries.store(&named(&text), &text);
        }
        let stored = queries.stored.lock().unwrap();
        assert_eq!(
            stored.bytes,
            stored.texts.iter().map(|(_, text)| text.len()).sum::<usize>()
        );
        assert!(stored.bytes <= 10);
    }
}
