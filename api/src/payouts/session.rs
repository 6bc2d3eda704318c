//! What a request asks of payouts.

use souk_distribution::{Deployed, Found};
use souk_payouts::Contracts;
use souk_payouts::explain::Evidence;
use souk_schema::{Address, ChainId, U256};

use super::sheet::AccountSheet;
use super::{Moment, Payouts, not_running, unknown};
use crate::error::{ApiError, ErrorCode};
use crate::session::Session;
use crate::store::payouts::{self, TablePosition};

impl Session {
    fn followed(&self) -> Result<&Payouts, ApiError> {
        self.payouts().ok_or_else(not_running)
    }

    /// The contracts of every deployment of a chain.
    ///
    /// # Errors
    /// `NOT_FOUND` where the chain's payouts are not followed, `UNAVAILABLE` while they are behind.
    pub async fn deployments(&self, chain: ChainId) -> Result<Vec<Contracts>, ApiError> {
        self.followed()?.deployments(chain).await
    }

    /// The contracts of a deployment; the only one where no registry is named.
    ///
    /// # Errors
    /// As [`Session::deployments`]; `BAD_USER_INPUT` where a registry has to be named.
    pub async fn deployment(&self, chain: ChainId, registry: Option<Address>) -> Result<Contracts, ApiError> {
        let mut all = self.deployments(chain).await?;
        match registry {
            Some(registry) => {
                let found = all.into_iter().find(|contracts| contracts.registry == registry);
                found.ok_or_else(|| unknown(chain, registry))
            }
            None if all.len() > 1 => Err(ApiError::input(format!(
                "chain eip155:{chain} has {} registries with payouts: say which one with `registry`",
                all.len()
            ))),
            None => all.pop().ok_or_else(|| {
                ApiError::not_found(format!("no registry with payouts is known on chain eip155:{chain}"))
            }),
        }
    }

    /// The deployment whose router this revenue is of.
    ///
    /// # Errors
    /// As [`Session::deployments`]; `NOT_FOUND` for another router.
    pub async fn deployment_of_router(&self, chain: ChainId, router: Address) -> Result<Contracts, ApiError> {
        let mut all = self.deployments(chain).await?.into_iter();
        all.find(|contracts| contracts.router == router).ok_or_else(|| {
            ApiError::not_found(format!(
                "no revenue router {router:#x} is known on chain eip155:{chain}"
            ))
        })
    }

    /// Asks about a deployment, at the moment at which the request asked about it before.
    ///
    /// # Errors
    /// As [`Session::deployments`]; `UNAVAILABLE` where payouts went on since.
    pub async fn ask_payouts<T: Send + 'static>(
        &self,
        chain: ChainId,
        registry: Address,
        question: impl FnOnce(&mut Deployed) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let (moment, answer) = self.followed()?.ask(chain, registry, question).await?;
        self.same_moment(chain, registry, moment)?;
        Ok(answer)
    }

    /// Works something out of what was copied from a state, off the async threads.
    ///
    /// # Errors
    /// `UNAVAILABLE` where too many do.
    pub async fn compute_payouts<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.followed()?.blocking(question).await
    }

    /// What explains the lines of a revenue, in memory or not; none for a revenue that nobody knows.
    ///
    /// # Errors
    /// As [`Session::ask_payouts`].
    pub async fn payout_evidence(
        &self,
        chain: ChainId,
        registry: Address,
        revenue: U256,
    ) -> Result<Option<Evidence>, ApiError> {
        let found = self
            .ask_payouts(chain, registry, move |deployed| Found::of(&deployed.state, revenue))
            .await?;
        match found {
            Found::Here(evidence) => Ok(Some(*evidence)),
            Found::Nowhere => Ok(None),
            Found::Kept => {
                let Some(kept) = self.followed()?.settled(chain, registry, revenue).await? else {
                    return Ok(None);
                };
                self.ask_payouts(chain, registry, move |deployed| deployed.state.evidence_of(kept))
                    .await
            }
        }
    }

    /// What an account is owed by a deployment, by token.
    ///
    /// # Errors
    /// As [`Session::ask_payouts`].
    pub async fn owed(&self, chain: ChainId, registry: Address, account: Address) -> Result<AccountSheet, ApiError> {
        let (moment, sheet) = self.followed()?.owed(chain, registry, account).await?;
        self.same_moment(chain, registry, moment)?;
        Ok(sheet)
    }

    fn same_moment(&self, chain: ChainId, registry: Address, moment: Moment) -> Result<(), ApiError> {
        if self.seen_payouts().note(chain, registry, moment) {
            return Ok(());
        }
        self.set_moved();
        Err(ApiError::new(
            ErrorCode::Unavailable,
            "payouts went on while this was answered; try again",
        ))
    }

    /// Whether the tables have lines of a chain.
    ///
    /// # Errors
    /// As [`Session::payout_tables`]; `UNAVAILABLE` where nobody wrote any yet.
    pub async fn has_payout_lines(&self, chain: ChainId) -> Result<(), ApiError> {
        let tables = self.payout_tables().await?;
        if tables.iter().any(|position| position.chain.0 == chain) {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::Unavailable,
            format!("the lines of chain eip155:{chain} are not in the tables yet: try again in a moment"),
        ))
    }

    /// How far the tables of lines are in the request's view.
    ///
    /// # Errors
    /// `NOT_FOUND` where payouts are not followed, or when the database does not answer.
    pub async fn payout_tables(&self) -> Result<&[TablePosition], ApiError> {
        self.followed()?;
        let load = || async { payouts::positions(self.reader().await?).await };
        Ok(self.seen_payouts().tables.get_or_try_init(load).await?)
    }
}
