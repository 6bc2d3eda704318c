//! The privacy that datasets have spent.

use async_graphql::Object;

use super::chain::Origin;
use super::connection::{Connection, PageArguments, page_cost};
use super::economy::Around;
use super::execution::Use;
use super::kinds::PrivacyMode;
use crate::error::ApiError;
use crate::scalars::BigInt;
use crate::store::listing::Scope;
use crate::store::privacy::{ChargeRow, ChargesOf, EpsilonOf};

/// What a dataset was charged in differential privacy.
pub struct PrivacyBudget {
    around: Around,
    scope: Scope,
}

impl PrivacyBudget {
    /// Of a dataset, as of a moment.
    pub(super) fn new(around: Around, scope: Scope) -> PrivacyBudget {
        PrivacyBudget { around, scope }
    }
}

/// What a dataset was charged in differential privacy: by each completed execution that used it, and once by each aggregated round that an
/// update from it was handed in to. What an execution charged no longer counts once a challenge of it was upheld.
#[Object]
impl PrivacyBudget {
    /// The sum of the charges that count, in millionths of an epsilon.
    #[graphql(complexity = 5)]
    async fn epsilon_micros(&self) -> Result<BigInt, ApiError> {
        let key = EpsilonOf((self.scope.chain, self.scope.key.clone(), self.scope.at));
        Ok(self.around.session.load(key).await?.unwrap_or_else(|| 0u64.into()))
    }

    /// The charges that count, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn charges(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PrivacyCharge>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let around = self.around.clone();
        Connection::of(
            &self.around.session,
            arguments,
            ChargesOf(self.scope.clone()),
            move |row| PrivacyCharge {
                around: around.clone(),
                row,
            },
        )
        .await
    }
}

/// What one use of a dataset was charged.
pub struct PrivacyCharge {
    around: Around,
    row: ChargeRow,
}

/// What one use of a dataset was charged.
#[Object]
impl PrivacyCharge {
    /// The execution or round that used it.
    async fn used_by(&self) -> Result<Option<Use>, ApiError> {
        Use::load(&self.around, self.row.source_key, self.row.is_round).await
    }

    /// How much, in millionths of an epsilon.
    async fn epsilon_micros(&self) -> BigInt {
        self.row.epsilon_micros
    }

    /// How the data was kept private.
    async fn privacy(&self) -> Result<PrivacyMode, ApiError> {
        PrivacyMode::from_table(self.row.privacy)
    }

    /// The log from which it counts.
    async fn charged(&self) -> Origin {
        self.around.origin(self.row.valid_from, self.row.log_index)
    }
}
