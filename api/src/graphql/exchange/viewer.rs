//! What the account that is signed in has: balances, orders, fills, withdrawals.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use std::sync::Arc;

use async_graphql::{Object, SimpleObject};
use souk_schema::exchange::{GroupId, MarketId};

use super::super::account::Account;
use super::super::connection::{Connection, PageArguments, page_cost};
use super::balance::{ExchangeBalance, balances_of, chain_of};
use super::draft::next_nonce;
use super::fill::{Fill, OwnSide};
use super::input;
use super::kinds::{OrderSelection, WithdrawalState};
use super::market::Instrument;
use super::order::Order;
use crate::auth::sessions::Viewer as SignedIn;
use crate::error::ApiError;
use crate::exchange::gateway::{self, Approved};
use crate::exchange::{Group, order::OrderView};
use crate::scalars::{Address, BigInt, Bytes, Bytes32, ChainId, Decimal, Long, OrderId};
use crate::session::{Pin, Session};
use crate::store::exchange::deposits;
use crate::store::exchange::fills::FillsOf;
use crate::store::exchange::orders::{OrderOf, OrdersOf};
use crate::store::exchange::scope;
use crate::store::exchange::withdrawals::{WithdrawalRow, WithdrawalsOf};
use crate::store::listing::Page;
use crate::store::loaders::PageOf;

/// The account that is signed in.
pub struct Viewer {
    pub(super) session: Session,
    pub(super) viewer: SignedIn,
}

/// A withdrawal that the engine approved.
pub struct Withdrawal {
    session: Session,
    group: Arc<Group>,
    row: WithdrawalRow,
}

/// A withdrawal with what the vault asks for: pass these to `ExchangeVault.withdraw`, with the account's signature or from the account itself.
#[derive(Clone, Debug, SimpleObject)]
pub struct WithdrawalApproval {
    /// Whose balance.
    account: Address,
    /// The contract of the token.
    token: Address,
    /// Its id within the contract; 0 for an ERC-20.
    id: BigInt,
    /// How much, in base units.
    amount: BigInt,
    /// Who gets the tokens.
    receiver: Address,
    /// The nonce.
    nonce: BigInt,
    /// Unix seconds, inclusive.
    deadline: Long,
    /// The market group that was debited.
    group: Long,
    /// The operator's signature, 65 bytes; null where this server does not hold the co-signer's key.
    operator_signature: Option<Bytes>,
}

impl From<Approved> for WithdrawalApproval {
    fn from(approved: Approved) -> WithdrawalApproval {
        let withdraw = approved.withdraw;
        WithdrawalApproval {
            account: Address(withdraw.account),
            token: Address(withdraw.token.contract),
            id: withdraw.token.id.into(),
            amount: withdraw.amount.0.into(),
            receiver: Address(withdraw.receiver),
            nonce: withdraw.nonce.into(),
            deadline: Long::saturating(withdraw.deadline_secs),
            group: Long::saturating(approved.group.0.into()),
            operator_signature: approved.cosigned.map(|cosigned| Bytes(cosigned.signature.to_vec())),
        }
    }
}

/// A withdrawal that the engine approved.
#[Object]
impl Withdrawal {
    /// The market group.
    async fn group(&self) -> Long {
        Long::saturating(self.group.handle.group().0.into())
    }

    /// The nonce.
    async fn nonce(&self) -> BigInt {
        self.row.nonce.0.into()
    }

    /// Of what.
    async fn instrument(&self) -> Result<Instrument, ApiError> {
        Instrument::of(&self.session, chain_of(&self.group)?, self.row.token_key.0)
    }

    /// How much.
    async fn amount(&self) -> Result<Decimal, ApiError> {
        Instrument::of(&self.session, chain_of(&self.group)?, self.row.token_key.0)?.write(self.row.amount.0)
    }

    /// How much, in base units.
    async fn amount_base_units(&self) -> BigInt {
        self.row.amount.0.into()
    }

    /// Who gets the tokens.
    async fn receiver(&self) -> Address {
        self.row.receiver
    }

    /// Unix seconds, inclusive.
    async fn deadline(&self) -> Long {
        Long::saturating(self.row.deadline_secs.unsigned_abs())
    }

    /// Engine time of the approval, milliseconds.
    async fn timestamp(&self) -> Long {
        Long::saturating(self.row.approved_at.unsigned_abs())
    }

    /// What became of it.
    async fn state(&self) -> WithdrawalState {
        match (self.row.executed, self.row.expired) {
            (true, _) => WithdrawalState::Executed,
            (false, true) => WithdrawalState::Expired,
            (false, false) => WithdrawalState::Approved,
        }
    }

    /// What the vault asks for, again; null once it is over.
    async fn approval(&self) -> Result<Option<WithdrawalApproval>, ApiError> {
        let withdraw = gateway::in_flight(&self.group, self.row.address.0, self.row.nonce.small());
        let approved = withdraw.map(|withdraw| gateway::approved(&self.group, withdraw));
        Ok(approved.transpose()?.map(Into::into))
    }
}

impl Viewer {
    /// The groups that settle on the session's chain, or the one that is named.
    fn groups(&self, named: Option<Long>) -> Result<Vec<Arc<Group>>, ApiError> {
        let exchange = self.session.exchange()?;
        if let Some(group) = input::group(named)? {
            return Ok(vec![exchange.group(Some(group))?.clone()]);
        }
        let mine = exchange.groups().filter(|group| {
            group
                .opened()
                .is_ok_and(|opened| opened.venue.chain == self.viewer.chain)
        });
        Ok(mine.cloned().collect())
    }

    /// The one group that lists are of.
    fn group(&self, named: Option<Long>) -> Result<Arc<Group>, ApiError> {
        Ok(self.session.exchange()?.group(input::group(named)?)?.clone())
    }

    fn key(&self) -> Vec<u8> {
        self.viewer.account.to_vec()
    }

    /// Looks at the account as the engine has it; `None` before its first deposit.
    fn in_engine<T>(
        &self,
        named: Option<Long>,
        look: impl FnOnce(souk_exchange::AccountView<'_>) -> T,
    ) -> Result<Option<T>, ApiError> {
        let group = self.group(named)?;
        Ok(group
            .handle
            .read(|engine| engine.account(self.viewer.account).map(look)))
    }

    fn market(&self, group: &Group, market: Option<Bytes32>) -> Result<Option<MarketId>, ApiError> {
        let Some(market) = market else { return Ok(None) };
        let (of, view) = self.session.exchange()?.group_of(market.0)?;
        if of.handle.group() != group.handle.group() {
            return Err(ApiError::input(format!("market {market} is of another group")));
        }
        Ok(Some(view.id))
    }
}

/// A row's order, or an order that says it cannot be read.
fn order(session: &Session, view: Result<OrderView, ApiError>) -> Result<Order, ApiError> {
    Order::new(session, Arc::new(view?))
}

/// A deposit whose block is not final yet.
pub struct PendingDeposit {
    instrument: Instrument,
    deposit: deposits::PendingDeposit,
}

/// A deposit whose block is not final yet.
#[Object]
impl PendingDeposit {
    /// What was deposited.
    async fn instrument(&self) -> Instrument {
        self.instrument.clone()
    }

    /// How much, in base units.
    async fn amount_base_units(&self) -> BigInt {
        self.deposit.credited.amount.into()
    }

    /// The block.
    async fn block_number(&self) -> Long {
        Long(self.deposit.block_number)
    }

    /// The transaction.
    async fn transaction_hash(&self) -> Bytes32 {
        self.deposit.transaction_hash
    }
}

/// The account that is signed in.
#[Object]
impl Viewer {
    /// The account.
    async fn address(&self) -> Address {
        Address(self.viewer.account)
    }

    /// Who signed in: the account, or a trading key that it registered.
    async fn signer(&self) -> Address {
        Address(self.viewer.signer)
    }

    /// The chain of the session.
    async fn chain_id(&self) -> ChainId {
        ChainId(self.viewer.chain)
    }

    /// The account with what it owns on chain; null where the chain is not indexed.
    async fn account(&self) -> Result<Option<Account>, ApiError> {
        let indexed = self.session.snapshot().await?.chains.contains_key(&self.viewer.chain);
        Ok(indexed.then(|| Account {
            session: self.session.clone(),
            pin: Pin::Head,
            chain: ChainId(self.viewer.chain),
            address: Address(self.viewer.account),
        }))
    }

    /// Its balances in the exchange; of all groups on the chain, unless one is named. Instruments of which it has nothing are left out.
    #[graphql(complexity = "5 + 10 * child_complexity")]
    async fn balances(
        &self,
        #[graphql(desc = "Of this market group alone.")] group: Option<Long>,
    ) -> Result<Vec<ExchangeBalance>, ApiError> {
        let mut all = Vec::new();
        for group in self.groups(group)? {
            all.extend(balances_of(&self.session, &group, self.viewer.account)?.1);
        }
        Ok(all)
    }

    /// Its open orders as they are this moment, by id, stops among them.
    #[graphql(complexity = "5 + 20 * child_complexity")]
    async fn open_orders(
        &self,
        #[graphql(desc = "Of this market alone.")] market: Option<Bytes32>,
        #[graphql(desc = "Of this market group alone.")] group: Option<Long>,
    ) -> Result<Vec<Order>, ApiError> {
        let mut all = Vec::new();
        for group in self.groups(group)? {
            let open = group.hub()?.look().open_orders(self.viewer.account);
            let wanted = open
                .into_iter()
                .filter(|order| market.is_none_or(|market| order.signed.market == market.0));
            for order in wanted {
                all.push(Order::new(&self.session, order)?);
            }
        }
        Ok(all)
    }

    /// Its orders, newest first, as the tables have them; `extensions.exchange` says after which command.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn orders(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which ones.", default_with = "OrderSelection::All")] select: OrderSelection,
        #[graphql(desc = "Of this market alone.")] market: Option<Bytes32>,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<Connection<Order>, ApiError> {
        self.session.exchange_tables().await?;
        let group = self.group(group)?;
        let market = self.market(&group, market)?.map_or(-1, |market| market.0.into());
        let selected = match select {
            OrderSelection::All => 0,
            OrderSelection::Open => 1,
            OrderSelection::Over => 2,
        };
        let list = OrdersOf(scope(group.handle.group(), self.key(), market, selected));
        let page = PageArguments {
            first,
            last,
            after,
            before,
        };
        Connection::try_of(&self.session, page, list, |row| order(&self.session, row.view())).await
    }

    /// One of its orders, open or past; null where it has none with this id.
    async fn order(&self, #[graphql(desc = "The order.")] id: OrderId) -> Result<Option<Order>, ApiError> {
        let group = self.session.exchange()?.group(Some(id.0))?.clone();
        let live = group.hub()?.look().order(id.1).cloned();
        if let Some(live) = live {
            let own = live.account == self.viewer.account;
            return own.then(|| Order::new(&self.session, live)).transpose();
        }
        self.session.exchange_tables().await?;
        let Ok(number) = i64::try_from(id.1.0) else {
            return Ok(None);
        };
        let only = Page {
            backward: false,
            size: 1,
            after: None,
            before: None,
        };
        let found = self
            .session
            .load(PageOf(OrderOf(scope(id.0, self.key(), number, 0)), only))
            .await?;
        let row = found.and_then(|found| found.rows.first().map(|(_, row)| row.view()));
        row.map(|view| order(&self.session, view)).transpose()
    }

    /// Its fills, newest first, with how far each is settled.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn fills(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Of this order alone.")] order: Option<OrderId>,
        #[graphql(desc = "The market group; may be left out where there is one, or with an order.")] group: Option<
            Long,
        >,
    ) -> Result<Connection<Fill>, ApiError> {
        self.session.exchange_tables().await?;
        let group: GroupId = match order {
            Some(OrderId(group, _)) => group,
            None => self.group(group)?.handle.group(),
        };
        let order = order.map_or(-1, |OrderId(_, id)| i64::try_from(id.0).unwrap_or(i64::MAX));
        let list = FillsOf(scope(group, self.key(), order, 0));
        let page = PageArguments {
            first,
            last,
            after,
            before,
        };
        let fill = |row| Fill::new(&self.session, group, OwnSide::of_row(&row)?);
        Connection::try_of(&self.session, page, list, fill).await
    }

    /// Its withdrawals, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn withdrawals(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<Connection<Withdrawal>, ApiError> {
        self.session.exchange_tables().await?;
        let group = self.group(group)?;
        let list = WithdrawalsOf(scope(group.handle.group(), self.key(), 0, 0));
        let session = self.session.clone();
        let page = PageArguments {
            first,
            last,
            after,
            before,
        };
        Connection::of(&self.session, page, list, move |row| Withdrawal {
            session: session.clone(),
            group: group.clone(),
            row,
        })
        .await
    }

    /// The nonce to sign next: one above the highest that the account used.
    async fn next_nonce(
        &self,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<BigInt, ApiError> {
        let group = self.group(group)?.handle.group();
        Ok(next_nonce(self.session.exchange()?, group, self.viewer.account)?.into())
    }

    /// Its deposits in blocks that are not final yet, oldest first, at most a hundred: they may be traded with once they are. Null where the chain
    /// is not indexed.
    #[graphql(complexity = "10 + 10 * child_complexity")]
    async fn pending_deposits(
        &self,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<Option<Vec<PendingDeposit>>, ApiError> {
        let venue = self.group(group)?.opened()?.venue;
        let Some(chain) = self.session.snapshot().await?.chains.get(&venue.chain) else {
            return Ok(None);
        };
        let above = chain.finalized_number.unwrap_or(-1);
        let found = deposits::pending(self.session.reader().await?, venue, above, self.viewer.account).await?;
        let pending = found.into_iter().map(|deposit| {
            let instrument = Instrument::of(&self.session, venue.chain, deposit.credited.token)?;
            Ok::<_, ApiError>(PendingDeposit { instrument, deposit })
        });
        pending.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Whether it trades no more in a group until its exits are over; `exits` says which.
    async fn stopped(
        &self,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<bool, ApiError> {
        Ok(self.in_engine(group, |account| account.stopped())?.unwrap_or(false))
    }

    /// The exits that it asked the vault for and that are not over, by the vault's numbers. While there is one, it does not trade.
    async fn exits(
        &self,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<Vec<Long>, ApiError> {
        let exits = self.in_engine(group, |account| account.exits().to_vec())?;
        Ok(exits.unwrap_or_default().into_iter().map(Long::saturating).collect())
    }

    /// The keys beside its own that it registered in the vault: they sign orders for it.
    async fn keys(
        &self,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<Vec<Address>, ApiError> {
        let keys = self.in_engine(group, |account| account.keys().collect::<Vec<_>>())?;
        let own = self.viewer.account;
        let registered = keys.unwrap_or_default().into_iter().filter(|key| *key != own);
        Ok(registered.map(Address).collect())
    }

    /// When all its orders are cancelled unless `setDeadMan` comes again, in milliseconds of engine time; null while that is off.
    async fn dead_man_at(
        &self,
        #[graphql(desc = "The market group; may be left out where there is one.")] group: Option<Long>,
    ) -> Result<Option<Long>, ApiError> {
        let at = self.in_engine(group, |account| account.dead_man())?.flatten();
        Ok(at.map(|at| Long::saturating(at.0)))
    }
}
