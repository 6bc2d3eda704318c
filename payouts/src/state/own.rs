//! Those of the deployment's contracts that facts name.

use alloy_primitives::Address;

use crate::codec::stored;
use crate::fact::Contracts;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) distributor: Option<Address>,
    vault: Option<Address>,
    tasks: Option<Address>,
    pub(super) executions: Option<Address>,
}

stored!(Own {
    distributor,
    vault,
    tasks,
    executions
});

impl From<&Contracts> for Own {
    fn from(contracts: &Contracts) -> Own {
        Own {
            distributor: contracts.distributor,
            vault: contracts.vault,
            tasks: contracts.tasks,
            executions: contracts.executions,
        }
    }
}

impl Own {
    /// Whether it holds things for others and can do nothing with money of its own: what the vault has is its accounts', what the task board
    /// has the posters'. Neither is ever a payee.
    pub(super) fn is_custodian(&self, account: Address) -> bool {
        [self.vault, self.tasks].contains(&Some(account))
    }
}
