//! Accounts: what they own, hold and did.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use async_graphql::{ID, Object};
use souk_schema::TokenStandard;
use souk_schema::caip;

use super::asset::Asset;
use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::contribution::Contribution;
use super::economy::Around;
use super::execution::{AccountExecutionRole, Execution};
use super::license::HeldLicense;
use super::nodes::GlobalId;
use super::payout::account::{AccountPayout, payouts_of};
use super::payout::line::PayoutLine;
use super::task::{Review, Submission, Task};
use super::token::{Token, scope};
use crate::error::ApiError;
use crate::scalars::{AccountId, Address, BigInt, ChainId};
use crate::session::{AsOf, Pin, Session};
use crate::store::accounts::{Balances, HoldingRow, OwnedAssets, OwnedTokens, Shares};
use crate::store::contributions::OfAccount;
use crate::store::executions::{ProvidedBy, RequestedBy};
use crate::store::licenses::HeldSeries;
use crate::store::listing::Scope;
use crate::store::tasks::{ReviewsBy, SubmissionsOfWorker, TasksOfPoster};
use crate::store::tokens::{BalanceRow, OwnershipRow};

/// What an account holds of a fungible token.
#[derive(Clone)]
pub struct TokenBalance {
    session: Session,
    pin: Pin,
    chain: ChainId,
    row: BalanceRow,
}

/// What an account holds of a token.
#[Object]
impl TokenBalance {
    /// The contract that keeps the token.
    async fn contract(&self) -> Address {
        Address(self.row.token_key.0.contract)
    }

    /// The id within the contract; 0 for an ERC-20, which has none, and for the ERC-1155 id 0.
    async fn number(&self) -> BigInt {
        self.row.token_key.0.id.into()
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

/// Shares of an asset that an account holds.
#[derive(Clone)]
pub struct ShareHolding {
    session: Session,
    pin: Pin,
    chain: ChainId,
    row: HoldingRow,
}

/// Shares of an asset that an account holds.
#[Object]
impl ShareHolding {
    /// The asset.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        Asset::by_key(&self.session, self.pin, self.chain.0, self.row.asset_key.0).await
    }

    /// The shares' own token.
    async fn token(&self) -> Token {
        Token::new(
            &self.session,
            self.pin,
            self.chain.0,
            TokenStandard::Erc1155,
            self.row.token_key.0,
        )
    }

    /// How many.
    async fn amount(&self) -> BigInt {
        self.row.amount
    }

    /// Of how many.
    async fn supply(&self) -> BigInt {
        self.row.supply
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

/// An account on a chain.
#[derive(Clone)]
pub struct Account {
    pub(super) session: Session,
    pub(super) pin: Pin,
    pub(super) chain: ChainId,
    pub(super) address: Address,
}

impl Account {
    async fn scope(&self, as_of: Option<AsOf>) -> Result<Scope, ApiError> {
        scope(
            &self.session,
            self.pin.or(as_of, self.chain.0),
            self.chain.0,
            self.address.0.to_vec(),
        )
        .await
    }

    fn around(&self, as_of: Option<AsOf>) -> Around {
        Around::new(&self.session, self.pin.or(as_of, self.chain.0), self.chain)
    }
}

/// An account on a chain. Every address is one, whether or not it ever did anything.
#[Object]
impl Account {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Account(AccountId(caip::AccountId {
            chain: self.chain.0,
            address: self.address.0,
        }))
        .write()
    }

    /// The account as CAIP-10.
    async fn account_id(&self) -> AccountId {
        AccountId(caip::AccountId {
            chain: self.chain.0,
            address: self.address.0,
        })
    }

    /// The chain.
    async fn chain_id(&self) -> ChainId {
        self.chain
    }

    /// Its address.
    async fn address(&self) -> Address {
        self.address
    }

    /// The assets that it owns, newest acquisition first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn assets(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Asset>, ApiError> {
        let list = OwnedAssets(self.scope(as_of).await?);
        let asset = Asset::maker(&self.session, self.pin.or(as_of, self.chain.0));
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            asset,
        )
        .await
    }

    /// The ERC-721 tokens of any watched contract that it owns, newest acquisition first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn tokens(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Token>, ApiError> {
        let list = OwnedTokens(self.scope(as_of).await?);
        let (session, pin, chain) = (self.session.clone(), self.pin.or(as_of, self.chain.0), self.chain.0);
        let token = move |row: OwnershipRow| Token::new(&session, pin, chain, TokenStandard::Erc721, row.token_key.0);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            token,
        )
        .await
    }

    /// What it holds of ERC-20 and ERC-1155 tokens, shares and licences among them, by token.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn balances(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<TokenBalance>, ApiError> {
        let list = Balances(self.scope(as_of).await?);
        let (session, pin, chain) = (self.session.clone(), self.pin.or(as_of, self.chain.0), self.chain);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            move |row| TokenBalance {
                session: session.clone(),
                pin,
                chain,
                row,
            },
        )
        .await
    }

    /// The shares of assets that it holds.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn shares(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<ShareHolding>, ApiError> {
        let list = Shares(self.scope(as_of).await?);
        let (session, pin, chain) = (self.session.clone(), self.pin.or(as_of, self.chain.0), self.chain);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            move |row| ShareHolding {
                session: session.clone(),
                pin,
                chain,
                row,
            },
        )
        .await
    }

    /// The licences that it holds, newest first; expired and revoked ones included, see their `state`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn licenses(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<HeldLicense>, ApiError> {
        let scope = self.scope(as_of).await?;
        let license = HeldLicense::maker(&self.session, self.pin.or(as_of, self.chain.0), self.chain, scope.time);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            HeldSeries(scope),
            license,
        )
        .await
    }

    /// What it contributed to assets and was not voided, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn contributions(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Contribution>, ApiError> {
        let list = OfAccount(self.scope(as_of).await?);
        let contribution = Contribution::maker(&self.session, self.pin.or(as_of, self.chain.0), self.chain);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            contribution,
        )
        .await
    }

    /// What it is owed, by token, with what it shows to be paid. As of the newest block, whatever holds around this field.
    #[graphql(complexity = "20 + page_cost(first, last, child_complexity)")]
    async fn payouts(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "The registry; may be left out where the chain has one with payouts.")] registry: Option<
            Address,
        >,
        #[graphql(desc = "Only in this ERC-20.")] token: Option<Address>,
    ) -> Result<Connection<AccountPayout>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let account = (self.chain, self.address);
        payouts_of(&self.session, self.pin, account, (registry, token), &arguments).await
    }

    /// The lines of revenues that pay it, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn payout_lines(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "The registry; may be left out where the chain has one with payouts.")] registry: Option<
            Address,
        >,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let account = AccountId(caip::AccountId {
            chain: self.chain.0,
            address: self.address.0,
        });
        let pin = self.pin.or(as_of, self.chain.0);
        PayoutLine::of_account(&self.session, pin, account, registry, arguments).await
    }

    /// The work that it submitted for tasks, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn submissions(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Submission>, ApiError> {
        let list = SubmissionsOfWorker(self.scope(as_of).await?);
        Connection::of(
            &self.session,
            PageArguments {
                first,
                last,
                after,
                before,
            },
            list,
            Submission::maker(&self.around(as_of)),
        )
        .await
    }

    /// The work that it offered rewards for, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn tasks(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Task>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let scope = self.scope(as_of).await?;
        let task = Task::maker(&self.around(as_of), scope.time);
        Connection::of(&self.session, arguments, TasksOfPoster(scope), task).await
    }

    /// What it said of the work of others as a reviewer, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn reviews(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Review>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let list = ReviewsBy(self.scope(as_of).await?);
        let review = Review::maker(&self.around(as_of));
        Connection::of(&self.session, arguments, list, review).await
    }

    /// The executions that it asked for, or that it provides, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn executions(
        &self,
        #[graphql(desc = "Which role it has in them.")] role: AccountExecutionRole,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Execution>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let scope = self.scope(as_of).await?;
        let execution = Execution::maker(&self.around(as_of));
        match role {
            AccountExecutionRole::Requester => {
                Connection::of(&self.session, arguments, RequestedBy(scope), execution).await
            }
            AccountExecutionRole::Provider => {
                Connection::of(&self.session, arguments, ProvidedBy(scope), execution).await
            }
        }
    }
}
