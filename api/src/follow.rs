//! Following what happens to an asset, or what a payout distributor says, across reorganisations and reconnections.
//!
//! A [`Follower`] knows the last event that it delivered and a few blocks that were canonical when it looked last ([`Markers`]). If a
//! marker's block is gone, it says which block is still good, so that who follows can drop what came after, and goes on from there.
//! Both are in every cursor: a follower that comes back after a reorganisation is told the same.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use souk_schema::{Address, B256, ChainId};
use sqlx::PgPool;

use crate::error::ApiError;
use crate::store::events::{EventRow, Place, following, following_payouts};
use crate::store::{Reader, Snapshot, chain_number};

/// Blocks that were canonical, by number, with the first bytes of their hashes: dense near the newest, sparse below.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Markers(BTreeMap<i64, String>);

/// How many hex digits of a hash are kept.
const DIGITS: usize = 16;

impl Markers {
    fn add(&mut self, number: i64, hash: B256) {
        self.0.insert(number, prefix(hash));
        self.thin();
    }

    /// Keeps gaps that grow with the distance from the newest: each is at most half as wide as it is far away.
    fn thin(&mut self) {
        let Some(newest) = self.newest() else { return };
        let all: Vec<i64> = self.0.keys().rev().copied().collect();
        let mut kept = newest;
        for pair in all[1..].windows(2) {
            let (this, older) = (pair[0], pair[1]);
            // Without this one the gap would still be narrow enough.
            if newest - older <= (newest - kept) * 3 / 2 {
                self.0.remove(&this);
            } else {
                kept = this;
            }
        }
    }

    fn newest(&self) -> Option<i64> {
        self.0.last_key_value().map(|(number, _)| *number)
    }

    fn numbers(&self) -> Vec<i64> {
        self.0.keys().copied().collect()
    }

    /// The newest marker that is still canonical, given the hashes that are; -1 if none is.
    fn newest_still_in(&self, canonical: &[(i64, B256)]) -> i64 {
        let same = |(number, hash): &&(i64, B256)| self.0.get(number).is_some_and(|known| *known == prefix(*hash));
        canonical
            .iter()
            .filter(same)
            .map(|(number, _)| *number)
            .max()
            .unwrap_or(-1)
    }

    fn cut(&mut self, newest: i64) {
        self.0.retain(|number, _| *number <= newest);
    }
}

fn prefix(hash: B256) -> String {
    alloy_primitives::hex::encode(&hash[..DIGITS / 2])
}

/// What a follower is told.
#[derive(Clone, Debug)]
pub enum News {
    /// Something happened.
    Occurred(Box<EventRow>),
    /// What was told of blocks after this one is void; -1 if everything is.
    Reverted(i64),
}

/// Where a follower stands, as a client holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    block: i64,
    log: i32,
    ordinal: i32,
    markers: Markers,
}

/// Whose events are followed.
#[derive(Clone, Debug)]
pub enum Followed {
    /// Those of a token, by its key.
    Token(Vec<u8>),
    /// Those of a payout distributor; of an account only what it was paid.
    Payouts(Address, Option<Address>),
}

impl Followed {
    async fn after(&self, reader: &Reader, chain: ChainId, place: Place) -> Result<Vec<EventRow>, ApiError> {
        match self {
            Followed::Token(key) => following(reader, chain, key, place, BATCH).await,
            Followed::Payouts(distributor, account) => {
                following_payouts(reader, chain, *distributor, *account, place, BATCH).await
            }
        }
    }
}

/// Follows events.
#[derive(Clone, Debug)]
pub struct Follower {
    chain: ChainId,
    followed: Followed,
    place: Place,
    markers: Markers,
}

/// How many events are read at a time.
const BATCH: i64 = 200;

/// News in order, each with the cursor to go on from after it.
pub struct Batch {
    /// The news.
    pub news: Vec<(String, News)>,
    /// What they were read at.
    pub snapshot: Snapshot,
    /// Whether there may be more right now.
    pub more: bool,
}

impl Follower {
    /// Follows from a cursor, else from a block on, else from now on.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a text that is no cursor, `NOT_FOUND` for a chain that is not indexed.
    pub async fn start(
        pool: &PgPool,
        chain: ChainId,
        followed: Followed,
        after: Option<&str>,
        from_block: Option<i64>,
    ) -> Result<Follower, ApiError> {
        let reader = Reader::begin(pool).await?;
        let head = reader.snapshot.chain(chain)?.head_number.unwrap_or(-1);
        if let Some(cursor) = after {
            let Cursor {
                block,
                log,
                ordinal,
                markers,
            } = read_cursor(cursor)?;
            return Ok(Follower {
                chain,
                followed,
                place: Place {
                    block,
                    log_index: log,
                    ordinal,
                },
                markers,
            });
        }
        let block = from_block.map_or(head, |block| block - 1);
        let mut markers = Markers::default();
        for (number, hash) in canonical(&reader, chain, &(0..64).map(|back| block - back).collect::<Vec<_>>()).await? {
            markers.0.insert(number, prefix(hash));
        }
        markers.thin();
        Ok(Follower {
            chain,
            followed,
            place: Place {
                block,
                log_index: i32::MAX,
                ordinal: i32::MAX,
            },
            markers,
        })
    }

    /// What is new since the last call.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next(&mut self, pool: &PgPool) -> Result<Batch, ApiError> {
        let reader = Reader::begin(pool).await?;
        let mut news = Vec::new();
        if let Some(newest) = self.markers.newest() {
            let known = canonical(&reader, self.chain, &self.markers.numbers()).await?;
            let good = self.markers.newest_still_in(&known);
            if good < newest {
                self.markers.cut(good);
                // A follower that waits for a block beyond all of these was told nothing that is void.
                if (good + 1..=newest).contains(&self.place.block) {
                    self.place = Place {
                        block: good,
                        log_index: i32::MAX,
                        ordinal: i32::MAX,
                    };
                    news.push((self.cursor(), News::Reverted(good)));
                }
            }
        }
        let events = self.followed.after(&reader, self.chain, self.place).await?;
        let more = events.len() as i64 == BATCH;
        let mut numbers: Vec<i64> = events.iter().map(|event| event.block_number.0).collect();
        numbers.dedup();
        let hashes: BTreeMap<i64, B256> = canonical(&reader, self.chain, &numbers).await?.into_iter().collect();
        for event in events {
            let block = event.block_number.0;
            if let Some(hash) = hashes.get(&block) {
                self.markers.add(block, *hash);
            }
            self.place = Place {
                block,
                log_index: event.log_index,
                ordinal: event.ordinal,
            };
            news.push((self.cursor(), News::Occurred(Box::new(event))));
        }
        let head = reader
            .snapshot
            .chains
            .get(&self.chain)
            .and_then(|row| Some((row.head_number?, row.head_hash?.0)));
        if let (Some((number, hash)), false) = (head, more) {
            self.markers.add(number, hash);
        }
        Ok(Batch {
            news,
            snapshot: reader.snapshot.clone(),
            more,
        })
    }

    fn cursor(&self) -> String {
        let Place {
            block,
            log_index,
            ordinal,
        } = self.place;
        let cursor = Cursor {
            block,
            log: log_index,
            ordinal,
            markers: self.markers.clone(),
        };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }
}

fn read_cursor(text: &str) -> Result<Cursor, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() < 8192);
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| ApiError::input("`after` is no cursor of this subscription: use the `cursor` of an item"))
}

async fn canonical(reader: &Reader, chain: ChainId, numbers: &[i64]) -> Result<Vec<(i64, B256)>, ApiError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let query = sqlx::query("select number, hash from block where chain_id = $1 and number = any($2)")
        .bind(chain_number(chain))
        .bind(numbers.to_vec());
    let rows: Vec<(i64, crate::scalars::Bytes32)> = reader.all(query).await?;
    Ok(rows.into_iter().map(|(number, hash)| (number, hash.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: i64, fork: u8) -> B256 {
        let mut hash = B256::with_last_byte(fork);
        hash[..8].copy_from_slice(&(number * 256 + i64::from(fork)).to_be_bytes());
        hash
    }

    #[test]
    fn markers_stay_few_and_reach_far_back() {
        let mut markers = Markers::default();
        for number in 0..100_000 {
            markers.add(number, hash(number, 1));
        }
        assert!(markers.0.len() < 48, "{}", markers.0.len());
        for back in [1, 10, 100, 1000, 10_000] {
            let reach = 99_999 - back;
            assert!(
                markers.0.range(reach - 2 * back..=reach).next().is_some(),
                "no marker {back} blocks back"
            );
        }
    }

    #[test]
    fn the_newest_marker_that_is_still_canonical_is_found() {
        let mut markers = Markers::default();
        (0..10).for_each(|number| markers.add(number, hash(number, 1)));
        let now: Vec<_> = (0..12)
            .map(|number| (number, hash(number, if number < 7 { 1 } else { 2 })))
            .collect();
        assert_eq!(markers.newest_still_in(&now), 6);
        assert_eq!(markers.newest_still_in(&[]), -1);
        markers.cut(6);
        assert_eq!(markers.newest(), Some(6));
    }

    #[test]
    fn cursors_come_back_and_others_are_refused() {
        let mut markers = Markers::default();
        markers.add(7, hash(7, 1));
        let follower = Follower {
            chain: ChainId(1),
            followed: Followed::Token(vec![1]),
            place: Place {
                block: 7,
                log_index: 1,
                ordinal: 2,
            },
            markers: markers.clone(),
        };
        assert_eq!(
            read_cursor(&follower.cursor()).unwrap(),
            Cursor {
                block: 7,
                log: 1,
                ordinal: 2,
                markers
            }
        );
        for bad in ["", "x", "e30", &"A".repeat(20_000)] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
