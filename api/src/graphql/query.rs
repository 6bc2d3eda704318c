//! What can be asked of the index: assets, accounts, tokens, chains.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use async_graphql::{Context, ID, InputObject, Object};
use futures::future::BoxFuture;
use souk_schema::TokenStandard;

use super::account::Account;
use super::asset::Asset;
use super::chain::{Block, Chain};
use super::connection::{Connection, PageArguments, page_cost};
use super::event::QuarantinedLog;
use super::kinds::AssetKind;
use super::license::LicenseSeries;
use super::lineage::{LineagePaths, LineageSize, paths};
use super::meta::Meta;
use super::nodes::{GlobalId, Node};
use super::token::Token;
use crate::error::ApiError;
use crate::scalars::{AccountId, Address, AssetId, Bytes32, ChainId, Long};
use crate::session::{AsOf, Pin, Session};
use crate::store::assets::{self, AssetFilter};
use crate::store::blocks;
use crate::store::events::Quarantined;
use crate::store::listing::Scope;

/// The longest text that names are searched for.
const LONGEST_NAME: usize = 200;

/// Which assets to list. Every condition that is given has to hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AssetWhere {
    /// Of this chain.
    chain: Option<ChainId>,
    /// Of one of these kinds.
    kinds: Option<Vec<AssetKind>>,
    /// Whose name contains this text, without regard to case; at most 200 characters.
    name: Option<String>,
    /// Owned by this address.
    owner: Option<Address>,
    /// Of this registry.
    registry: Option<Address>,
}

/// A block by number or by hash.
#[derive(Clone, Copy, Debug, async_graphql::OneofObject)]
pub enum BlockBy {
    /// By its number.
    Number(Long),
    /// By the hash of its header.
    Hash(Bytes32),
}

/// What can be asked of the index.
pub struct Query;

/// What can be asked of the index.
#[Object(name = "IndexQuery")]
impl Query {
    /// Anything by its global id; null where it is not indexed.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id.")] id: ID,
    ) -> Result<Option<Node>, ApiError> {
        let session = Session::of(ctx);
        Ok(match GlobalId::read(&id)? {
            GlobalId::Asset(id) => {
                let id = id.evm().map_err(ApiError::input)?;
                session.snapshot().await?.chain(id.chain)?;
                Asset::by_key(&session, Pin::Head, id.chain, id.token)
                    .await?
                    .map(Node::Asset)
            }
            GlobalId::Account(id) => Some(Node::Account(account(&session, Pin::Head, id).await?)),
            GlobalId::Token(id) => Some(Node::Token(token(&session, Pin::Head, &id).await?)),
            GlobalId::Series(id) => LicenseSeries::load(&session, Pin::Head, &id.evm().map_err(ApiError::input)?)
                .await?
                .map(Node::LicenseSeries),
            GlobalId::Chain(id) => {
                let row = session.snapshot().await?.chain(id.0)?.clone();
                Some(Node::Chain(Chain {
                    session: session.clone(),
                    row,
                }))
            }
        })
    }

    /// An asset by its CAIP-19 id. An error tells if it is not indexed, or was not registered as of then.
    async fn asset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset, for example `eip155:31337/erc721:0x…/42`.")] id: AssetId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Option<Asset>, ApiError> {
        let session = Session::of(ctx);
        let evm = id.evm().map_err(ApiError::input)?;
        if evm.standard != TokenStandard::Erc721 {
            return Err(ApiError::input(format!(
                "`{id}` is no asset: assets are erc721 tokens of a registry; ask `token` for other tokens"
            )));
        }
        let pin = Pin::Head.or(as_of, evm.chain);
        session.moment(pin, evm.chain).await?;
        let asset = Asset::by_key(&session, pin, evm.chain, evm.token).await?;
        let when = if as_of.is_some() { " as of then" } else { "" };
        asset.map(Some).ok_or_else(|| {
            ApiError::not_found(format!(
                "asset {id} is not known{when}: check the registry's address and the number"
            ))
        })
    }

    /// Assets in the order of their registration, by chain.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn assets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which ones; all if left out.")] conditions: Option<AssetWhere>,
        #[graphql(
            desc = "As of when everything within is answered. A block needs `where.chain`, unless only one chain is indexed."
        )]
        as_of: Option<AsOf>,
    ) -> Result<Connection<Asset>, ApiError> {
        let session = Session::of(ctx);
        let conditions = conditions.unwrap_or_default();
        let page = PageArguments {
            first,
            last,
            after,
            before,
        }
        .page("assets", assets::SEARCH_SORT)?;
        let filter = filter(&conditions)?;
        let (pin, chains) = chains_as_of(&session, conditions.chain, as_of).await?;
        let found = assets::search(session.reader().await?, &chains, &filter, &page).await?;
        let asset = Asset::maker(&session, pin);
        let rows = found.rows.into_iter().map(|(values, row)| (values, asset(row)));
        let total = move || -> BoxFuture<'static, Result<i64, ApiError>> {
            let (session, chains, filter) = (session.clone(), chains.clone(), filter.clone());
            Box::pin(async move { assets::count(session.reader().await?, &chains, &filter).await })
        };
        Ok(Connection::new("assets", &page, rows, found.more, total))
    }

    /// A token of any watched contract, by its CAIP-19 id.
    async fn token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token, for example `eip155:31337/erc1155:0x…/7` or `eip155:31337/erc20:0x…`.")]
        id: AssetId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Token, ApiError> {
        let chain = id.evm().map_err(ApiError::input)?.chain;
        token(&Session::of(ctx), Pin::Head.or(as_of, chain), &id).await
    }

    /// A licence series by its CAIP-19 id: an ERC-1155 token of a licence registry.
    async fn license_series(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The series, for example `eip155:31337/erc1155:0x…/7`.")] id: AssetId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Option<LicenseSeries>, ApiError> {
        let evm = id.evm().map_err(ApiError::input)?;
        let series = LicenseSeries::load(&Session::of(ctx), Pin::Head.or(as_of, evm.chain), &evm).await?;
        series
            .map(Some)
            .ok_or_else(|| ApiError::not_found(format!("licence series {id} is not known")))
    }

    /// An account by its CAIP-10 id. Every address is an account, whether or not it ever did anything.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account, for example `eip155:31337:0x…`.")] id: AccountId,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Account, ApiError> {
        account(&Session::of(ctx), Pin::Head.or(as_of, id.0.chain), id).await
    }

    /// The ways from a descendant up to an ancestor, shortest first, with the event behind each step.
    #[graphql(complexity = "LineageSize(limit).cost(child_complexity)")]
    async fn lineage_paths(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The descendant.")] from: AssetId,
        #[graphql(desc = "The ancestor.")] to: AssetId,
        #[graphql(desc = "How many ways at most, from 1 to 1000.", default = 10)] limit: i32,
        #[graphql(desc = "As of when; a block is one of the descendant's chain.")] as_of: Option<AsOf>,
    ) -> Result<LineagePaths, ApiError> {
        let chain = from.evm().map_err(ApiError::input)?.chain;
        let session = Session::of(ctx);
        session.snapshot().await?.chain(chain)?;
        paths(&session, Pin::Head.or(as_of, chain), &from.0, &to.0, LineageSize(limit)).await
    }

    /// Every chain that is indexed.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn chains(&self, ctx: &Context<'_>) -> Result<Vec<Chain>, ApiError> {
        let session = Session::of(ctx);
        let rows = session.snapshot().await?.chains.values().cloned();
        Ok(rows
            .map(|row| Chain {
                session: session.clone(),
                row,
            })
            .collect())
    }

    /// A chain that is indexed.
    async fn chain(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain, for example `eip155:31337`.")] id: ChainId,
    ) -> Result<Option<Chain>, ApiError> {
        let session = Session::of(ctx);
        let row = session.snapshot().await?.chain(id.0)?.clone();
        Ok(Some(Chain { session, row }))
    }

    /// A canonical block; null where it is not indexed.
    async fn block(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain.")] chain: ChainId,
        #[graphql(desc = "Which block; the newest if left out.")] by: Option<BlockBy>,
    ) -> Result<Option<Block>, ApiError> {
        let session = Session::of(ctx);
        let head = session.snapshot().await?.chain(chain.0)?.head_number;
        let number = match by {
            None => head,
            Some(BlockBy::Number(Long(number))) => Some(number),
            Some(BlockBy::Hash(hash)) => blocks::number_of(session.reader().await?, chain.0, hash.0).await?,
        };
        match number {
            Some(number) => Block::load(&session, chain, number).await,
            None => Ok(None),
        }
    }

    /// Watched logs of a chain that no adapter could decode, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain.")] chain: ChainId,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<QuarantinedLog>, ApiError> {
        let session = Session::of(ctx);
        let moment = session.moment(Pin::Head, chain.0).await?;
        let list = Quarantined(Scope {
            chain: chain.0,
            key: Vec::new(),
            at: moment.block,
            time: moment.time,
        });
        Connection::of(
            &session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            QuarantinedLog,
        )
        .await
    }

    /// Where the answer comes from: the blocks that it was computed at, and how far behind they are.
    async fn meta(&self) -> Meta {
        Meta
    }
}

async fn account(session: &Session, pin: Pin, id: AccountId) -> Result<Account, ApiError> {
    session.moment(pin, id.0.chain).await?;
    Ok(Account {
        session: session.clone(),
        pin,
        chain: ChainId(id.0.chain),
        address: Address(id.0.address),
    })
}

async fn token(session: &Session, pin: Pin, id: &AssetId) -> Result<Token, ApiError> {
    let evm = id.evm().map_err(ApiError::input)?;
    session.moment(pin, evm.chain).await?;
    Ok(Token::of(session, pin, evm))
}

fn filter(conditions: &AssetWhere) -> Result<AssetFilter, ApiError> {
    if conditions
        .name
        .as_ref()
        .is_some_and(|name| name.chars().count() > LONGEST_NAME || name.contains('\0'))
    {
        return Err(ApiError::input(format!(
            "`where.name` has more than {LONGEST_NAME} characters, or a zero character"
        )));
    }
    Ok(AssetFilter {
        kinds: conditions.kinds.iter().flatten().map(|kind| kind.number()).collect(),
        name: conditions.name.clone().filter(|name| !name.is_empty()),
        owner: conditions.owner.map(|owner| owner.0),
        registry: conditions.registry.map(|registry| registry.0),
    })
}

/// The chains to list from, each with its block.
async fn chains_as_of(
    session: &Session,
    chain: Option<ChainId>,
    as_of: Option<AsOf>,
) -> Result<(Pin, Vec<(souk_schema::ChainId, i64)>), ApiError> {
    let snapshot = session.snapshot().await?;
    let named = chain.map(|chain| chain.0).or_else(|| {
        snapshot
            .chains
            .keys()
            .next()
            .copied()
            .filter(|_| snapshot.chains.len() == 1)
    });
    let pin = match (named, as_of) {
        (Some(chain), as_of) => Pin::Head.or(as_of, chain),
        (None, None) => Pin::Head,
        (None, Some(AsOf::Time(Long(time)))) => Pin::Time(time),
        (None, Some(AsOf::Block(_))) if snapshot.chains.is_empty() => Pin::Head,
        (None, Some(AsOf::Block(_))) => {
            return Err(ApiError::input(
                "`asOf.block` needs `where.chain`: several chains are indexed, and each has its own blocks",
            ));
        }
    };
    let chains = match chain {
        Some(chain) => vec![(chain.0, session.moment(pin, chain.0).await?.block)],
        None => session
            .moments(pin)
            .await?
            .into_iter()
            .map(|(chain, moment)| (chain, moment.block))
            .collect(),
    };
    Ok((pin, chains))
}
