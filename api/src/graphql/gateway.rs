//! One asset on several chains: announcements where it is, mirrors where relayers say that it is known too.

use async_graphql::{Enum, Object};
use futures::future::BoxFuture;

use super::account::Account;
use super::asset::AssetRef;
use super::chain::Origin;
use super::connection::{Connection, PageArguments};
use super::economy::Around;
use crate::error::{ApiError, ErrorCode};
use crate::scalars::{Address, BigInt, Bytes32, ChainId, Long};
use crate::store::gateway::{AnnouncementRow, MirrorRow, MirrorsOf};
use crate::store::listing::{Scope, SortType};

fn chain_of(number: BigInt) -> souk_schema::ChainId {
    let number = number.unsigned().and_then(|number| u64::try_from(number).ok());
    souk_schema::ChainId(number.unwrap_or(u64::MAX))
}

/// That an asset is to be known on another chain.
pub struct Announcement {
    around: Around,
    row: AnnouncementRow,
}

impl Announcement {
    /// Makes announcements of rows.
    pub(super) fn maker(around: &Around) -> impl Fn(AnnouncementRow) -> Announcement + use<> {
        let around = around.clone();
        move |row| Announcement {
            around: around.clone(),
            row,
        }
    }
}

/// That an asset is to be known on another chain.
#[Object]
impl Announcement {
    /// Commitment to the asset, the gateway and both chains, by which a mirror names it.
    async fn announcement_id(&self) -> Bytes32 {
        self.row.announcement_id
    }

    /// The gateway that announced it.
    async fn gateway(&self) -> Address {
        self.row.gateway
    }

    /// The other chain.
    async fn target_chain(&self) -> ChainId {
        ChainId(chain_of(self.row.target_chain))
    }

    /// Commitment to the asset's content then.
    async fn content_hash(&self) -> Bytes32 {
        self.row.content_hash
    }

    /// The log that announced it.
    async fn announced(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }
}

/// What is known of the announcement that a mirror names.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorState {
    /// No announcement of exactly this asset, gateway and content was seen on the origin's chain, or that chain is not indexed.
    Unconfirmed,
    /// It was seen, in a block that is not final yet.
    Announced,
    /// It was seen, and its block is final.
    Confirmed,
}

/// A relayer's claim that an asset is that of another chain.
pub struct Mirror {
    around: Around,
    row: MirrorRow,
    /// Whether the announcement was made as of the moment.
    is_announced: bool,
}

/// A relayer's claim that an asset of one chain is that of another.
#[Object]
impl Mirror {
    /// The announcement that it names.
    async fn announcement_id(&self) -> Bytes32 {
        self.row.announcement_id
    }

    /// The asset where it comes from.
    async fn origin(&self) -> AssetRef {
        self.around
            .named_on(chain_of(self.row.origin_chain), self.row.origin_key.0)
    }

    /// The asset that is said to be the same.
    async fn mirror(&self) -> AssetRef {
        self.around.named(self.row.mirror_key.0)
    }

    /// The gateway of the origin's chain.
    async fn origin_gateway(&self) -> Address {
        self.row.origin_gateway
    }

    /// The gateway of the mirror's chain.
    async fn gateway(&self) -> Address {
        self.row.gateway
    }

    /// Commitment to the content that was announced.
    async fn content_hash(&self) -> Bytes32 {
        self.row.content_hash
    }

    /// Who says so.
    async fn relayer(&self) -> Account {
        self.around.account(self.row.relayer)
    }

    /// What is known of the announcement. Finality is that of now.
    async fn state(&self) -> MirrorState {
        match (self.is_announced, self.row.confirmed) {
            (false, _) => MirrorState::Unconfirmed,
            (true, false) => MirrorState::Announced,
            (true, true) => MirrorState::Confirmed,
        }
    }

    /// The log of the mirror's chain that says so.
    async fn mirrored(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }

    /// The log of the origin's chain that announced it; null where it was not seen.
    async fn announced(&self) -> Option<Origin> {
        let row = self.is_announced.then_some(&self.row)?;
        let chain = ChainId(chain_of(row.origin_chain));
        let around = Around::new(&self.around.session, self.around.pin, chain);
        around.origin_of(row.announced_at, row.announced_log_index)
    }
}

const SORT: &[(&str, SortType)] = &[
    ("chain", SortType::Integer),
    ("block", SortType::Integer),
    ("log", SortType::Integer),
];

fn place(row: &MirrorRow) -> [i128; 3] {
    [row.chain.0.0.into(), row.valid_from.0.into(), row.log_index.into()]
}

/// Whether a block of a chain was there as of the moment. Nothing of a chain that was not known then was.
async fn was_there(around: &Around, chain: souk_schema::ChainId, block: Long) -> Result<bool, ApiError> {
    match around.session.moment(around.pin, chain).await {
        Ok(moment) => Ok(block.0 <= moment.block),
        Err(error) if error.code == ErrorCode::AsOfUnknown && chain != around.chain.0 => Ok(false),
        Err(error) => Err(error),
    }
}

/// The mirrors that an asset is in, each as of the moment on its own chain. They are as few as there are chains and gateways.
pub(super) async fn mirrors(
    around: &Around,
    scope: Scope,
    arguments: &PageArguments,
) -> Result<Connection<Mirror>, ApiError> {
    let page = arguments.page("mirrors", SORT)?;
    let mut all = Vec::new();
    for row in around
        .session
        .load(MirrorsOf((scope.chain, scope.key)))
        .await?
        .unwrap_or_default()
    {
        if !was_there(around, row.chain.0, row.valid_from).await? {
            continue;
        }
        let is_announced = match row.announced_at {
            Some(block) => was_there(around, chain_of(row.origin_chain), block).await?,
            None => false,
        };
        all.push(Mirror {
            around: Around::new(&around.session, around.pin, row.chain),
            row,
            is_announced,
        });
    }
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let bound = |cursor: &Option<Vec<String>>| -> Option<Vec<i128>> {
        let values = cursor.as_ref()?.iter();
        Some(values.filter_map(|value| value.parse().ok()).collect())
    };
    let (after, before) = (bound(&page.after), bound(&page.before));
    all.retain(|mirror| {
        let place = place(&mirror.row);
        after.as_ref().is_none_or(|after| place[..] > after[..])
            && before.as_ref().is_none_or(|before| place[..] < before[..])
    });
    let size = usize::try_from(page.size).unwrap_or(0);
    let more = all.len() > size;
    if page.backward {
        all.drain(..all.len().saturating_sub(size));
    } else {
        all.truncate(size);
    }
    let rows = all
        .into_iter()
        .map(|mirror| (place(&mirror.row).iter().map(ToString::to_string).collect(), mirror));
    let rows: Vec<(Vec<String>, Mirror)> = rows.collect();
    let total = move || -> BoxFuture<'static, Result<i64, ApiError>> { Box::pin(async move { Ok(total) }) };
    Ok(Connection::new("mirrors", &page, rows, more, total))
}
