//! Balances of an account in a group.

use async_graphql::Object;
use souk_schema::exchange::{Amount, GroupId};
use souk_schema::{Address, ChainId as Chain, TokenRef};

use super::market::Instrument;
use crate::error::ApiError;
use crate::exchange::Group;
use crate::scalars::{BigInt, Decimal, Long};
use crate::session::Session;

/// What an account has of an instrument in a group.
#[derive(Clone)]
pub struct ExchangeBalance {
    group: GroupId,
    instrument: Instrument,
    balance: souk_exchange::Balance,
}

/// Balances of an account in a group as the engine has them, and after which command; only those with anything in them.
pub(super) fn balances_of(
    session: &Session,
    group: &Group,
    account: Address,
) -> Result<(u64, Vec<ExchangeBalance>), ApiError> {
    let chain = group.opened()?.venue.chain;
    let (number, found): (u64, Vec<(TokenRef, souk_exchange::Balance)>) = group.handle.read(|engine| {
        let named = |(instrument, balance)| Some((engine.instrument(instrument)?, balance));
        let found = engine
            .account(account)
            .map(|account| account.balances().filter_map(named).collect());
        (engine.commands().0, found.unwrap_or_default())
    });
    let balances = found.into_iter().map(|(token, balance)| {
        Ok(ExchangeBalance {
            group: group.handle.group(),
            instrument: Instrument::of(session, chain, token)?,
            balance,
        })
    });
    Ok((number, balances.collect::<Result<_, ApiError>>()?))
}

/// The chain that a group settles on.
pub(super) fn chain_of(group: &Group) -> Result<Chain, ApiError> {
    Ok(group.opened()?.venue.chain)
}

impl ExchangeBalance {
    fn available(&self) -> u128 {
        u128::try_from(self.balance.available).unwrap_or(0)
    }

    fn write(&self, amount: Amount) -> Result<Decimal, ApiError> {
        self.instrument.write(amount.0)
    }
}

/// What an account has of an instrument in a group. Deposits count once their block is final; what fills bring and take is moved at the
/// match and pending until its settlement is final.
#[Object]
impl ExchangeBalance {
    /// The market group.
    async fn group(&self) -> Long {
        Long::saturating(self.group.0.into())
    }

    /// Of what.
    async fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// The instrument's symbol.
    async fn currency(&self) -> Result<String, ApiError> {
        self.instrument.written_symbol().await
    }

    /// What a new order may use.
    async fn free(&self) -> Result<Decimal, ApiError> {
        self.write(Amount(self.available()))
    }

    /// What open orders reserve.
    async fn used(&self) -> Result<Decimal, ApiError> {
        self.write(self.balance.held)
    }

    /// Both together.
    async fn total(&self) -> Result<Decimal, ApiError> {
        self.write(Amount(self.available().saturating_add(self.balance.held.0)))
    }

    /// What can be withdrawn now: what is free, and settled or sure to be covered without what unsettled fills bring.
    async fn withdrawable(&self) -> Result<Decimal, ApiError> {
        self.write(self.balance.withdrawable)
    }

    /// What unsettled fills bring; part of `free` and `used` already.
    async fn pending_in(&self) -> Result<Decimal, ApiError> {
        self.write(self.balance.pending_in)
    }

    /// What unsettled fills take; out of `free` and `used` already.
    async fn pending_out(&self) -> Result<Decimal, ApiError> {
        self.write(self.balance.pending_out)
    }

    /// `free` in base units.
    async fn free_base_units(&self) -> BigInt {
        self.available().into()
    }

    /// `used` in base units.
    async fn used_base_units(&self) -> BigInt {
        self.balance.held.0.into()
    }

    /// `withdrawable` in base units.
    async fn withdrawable_base_units(&self) -> BigInt {
        self.balance.withdrawable.0.into()
    }

    /// `pendingIn` in base units.
    async fn pending_in_base_units(&self) -> BigInt {
        self.balance.pending_in.0.into()
    }

    /// `pendingOut` in base units.
    async fn pending_out_base_units(&self) -> BigInt {
        self.balance.pending_out.0.into()
    }
}
