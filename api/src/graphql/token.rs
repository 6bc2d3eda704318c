//! Tokens of any contract, and who owned how much of them when.

use async_graphql::{ID, Object};
use souk_schema::caip::EvmAssetId;
use souk_schema::{TokenRef, TokenStandard};

use super::account::Account;
use super::asset::Asset;
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::event::ProvenanceEvent;
use super::kinds;
use super::nodes::GlobalId;
use crate::error::ApiError;
use crate::scalars::{Address, AssetId, BigInt, ChainId, Long};
use crate::session::{AsOf, Pin, Session};
use crate::store::events::OfSubject;
use crate::store::listing::{Page, Scope};
use crate::store::loaders::PageOf;
use crate::store::tokens::{BalanceRow, Holders, Owner, OwnershipRow, Ownerships};

/// The rows of a parent as of a pin.
pub(super) async fn scope(
    session: &Session,
    pin: Pin,
    chain: souk_schema::ChainId,
    key: Vec<u8>,
) -> Result<Scope, ApiError> {
    let moment = session.moment(pin, chain).await?;
    Ok(Scope {
        chain,
        key,
        at: moment.block,
        time: moment.time,
    })
}

/// Who owned an ERC-721 token.
pub(super) async fn owner_of(session: &Session, pin: Pin, id: &EvmAssetId) -> Result<Option<Account>, ApiError> {
    let scope = scope(session, pin, id.chain, id.token.key().as_bytes().to_vec()).await?;
    let only = Page {
        backward: false,
        size: 1,
        after: None,
        before: None,
    };
    let found = session.load(PageOf(Owner(scope), only)).await?;
    let owner = found.and_then(|found| found.rows.first().map(|(_, row)| row.owner));
    Ok(owner.map(|owner| Account {
        session: session.clone(),
        pin,
        chain: ChainId(id.chain),
        address: owner,
    }))
}

/// A token of any contract that is watched.
#[derive(Clone)]
pub struct Token {
    session: Session,
    pin: Pin,
    id: EvmAssetId,
}

impl Token {
    /// A token by its parts.
    pub(super) fn new(
        session: &Session,
        pin: Pin,
        chain: souk_schema::ChainId,
        standard: TokenStandard,
        token: TokenRef,
    ) -> Token {
        Token {
            session: session.clone(),
            pin,
            id: EvmAssetId { chain, standard, token },
        }
    }

    /// A token by its id.
    pub(super) fn of(session: &Session, pin: Pin, id: EvmAssetId) -> Token {
        Token {
            session: session.clone(),
            pin,
            id,
        }
    }

    async fn scope(&self, as_of: Option<AsOf>) -> Result<Scope, ApiError> {
        scope(
            &self.session,
            self.pin.or(as_of, self.id.chain),
            self.id.chain,
            self.id.token.key().as_bytes().to_vec(),
        )
        .await
    }
}

/// A token of any contract that is watched: an ERC-721 token, an id of an ERC-1155 contract, a whole ERC-20 contract.
#[Object]
impl Token {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Token(self.id.into()).write()
    }

    /// The token as CAIP-19.
    async fn token_id(&self) -> AssetId {
        self.id.into()
    }

    /// The chain.
    async fn chain_id(&self) -> ChainId {
        ChainId(self.id.chain)
    }

    /// The standard by which it is owned.
    async fn standard(&self) -> kinds::TokenStandard {
        self.id.standard.into()
    }

    /// The contract that keeps it.
    async fn contract(&self) -> Address {
        Address(self.id.token.contract)
    }

    /// Its id within the contract; null for ERC-20.
    async fn number(&self) -> Option<BigInt> {
        (self.id.standard != TokenStandard::Erc20).then(|| self.id.token.id.into())
    }

    /// The asset, where the token is one.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        if self.id.standard != TokenStandard::Erc721 {
            return Ok(None);
        }
        Asset::by_key(&self.session, self.pin, self.id.chain, self.id.token).await
    }

    /// Who owns it; null for a token without one owner (ERC-20, ERC-1155), and for one that was never seen.
    async fn owner(
        &self,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Option<Account>, ApiError> {
        owner_of(&self.session, self.pin.or(as_of, self.id.chain), &self.id).await
    }

    /// Every owner that an ERC-721 token had, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn owners(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only what was known then.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Ownership>, ApiError> {
        let ownership = Ownership::maker(&self.session, self.pin, ChainId(self.id.chain));
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            Ownerships(self.scope(as_of).await?),
            ownership,
        )
        .await
    }

    /// Who holds how much of an ERC-20 or ERC-1155 token, most first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn holders(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Holder>, ApiError> {
        let list = Holders(self.scope(as_of).await?);
        let holder = Holder::maker(&self.session, self.pin.or(as_of, self.id.chain), self.id.chain);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            holder,
        )
        .await
    }

    /// What happened to it, oldest first: its transfers, and for an asset everything else about it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn events(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only what had happened then.")] as_of: Option<AsOf>,
    ) -> Result<Connection<ProvenanceEvent>, ApiError> {
        let list = OfSubject(self.scope(as_of).await?);
        let (session, pin) = (self.session.clone(), self.pin);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            move |row| ProvenanceEvent {
                session: session.clone(),
                pin,
                row,
            },
        )
        .await
    }
}

/// A time in which an account owned a token.
#[derive(Clone)]
pub struct Ownership {
    session: Session,
    pin: Pin,
    chain: ChainId,
    row: OwnershipRow,
}

impl Ownership {
    /// Makes ownerships of rows.
    pub(super) fn maker(session: &Session, pin: Pin, chain: ChainId) -> impl Fn(OwnershipRow) -> Ownership + use<> {
        let session = session.clone();
        move |row| Ownership {
            session: session.clone(),
            pin,
            chain,
            row,
        }
    }
}

/// A time in which an account owned a token.
#[Object]
impl Ownership {
    /// The token.
    async fn token(&self) -> Token {
        Token::new(
            &self.session,
            self.pin,
            self.chain.0,
            TokenStandard::Erc721,
            self.row.token_key.0,
        )
    }

    /// Who owned it.
    async fn account(&self) -> Account {
        Account {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            address: self.row.owner,
        }
    }

    /// The transfer that made it so.
    async fn since(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }

    /// The block whose transfer ended it; null while it lasts.
    async fn until_block(&self) -> Option<Long> {
        self.row.valid_to
    }
}

/// An account with its balance of a token.
#[derive(Clone)]
pub struct Holder {
    session: Session,
    pin: Pin,
    chain: ChainId,
    row: BalanceRow,
}

impl Holder {
    /// Makes holders of rows.
    pub(super) fn maker(
        session: &Session,
        pin: Pin,
        chain: souk_schema::ChainId,
    ) -> impl Fn(BalanceRow) -> Holder + use<> {
        let session = session.clone();
        move |row| Holder {
            session: session.clone(),
            pin,
            chain: ChainId(chain),
            row,
        }
    }
}

/// An account with its balance of a token.
#[Object]
impl Holder {
    /// Who holds it.
    async fn account(&self) -> Account {
        Account {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            address: self.row.account,
        }
    }

    /// How much, in base units. Negative where a contract was watched too late to see all that the account received.
    async fn amount(&self) -> BigInt {
        self.row.amount
    }

    /// The transfer that made it so.
    async fn since(&self) -> Origin {
        Origin {
            session: self.session.clone(),
            pin: self.pin,
            chain: self.chain,
            block: self.row.valid_from,
            log_index: self.row.log_index,
        }
    }
}
