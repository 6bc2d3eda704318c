//! Who may do what only one account may, as the chain says. A chain may have given an office to somebody whose key nobody here has: what
//! that office would do is then left out. Start at [`Offices::ask`].

use alloy::primitives::{Address, U256};
use souk_contracts::{DisputeCourt, ExecutionLog, Gateway, announcement_id};

use super::{LoadError, Loader};
use crate::action::{AccountNo, Action, Economy, Step};
use crate::node::Node;
use crate::work::{Mirror, Named, Office, Work};
use souk_contracts::Deployment;

/// The officers of an economy that hold an office.
pub(super) struct Offices {
    /// Whether the deployment has the contracts of the economy.
    has_contracts: bool,
    admin: Option<AccountNo>,
    judge: Option<AccountNo>,
    relayer: Option<AccountNo>,
}

impl Offices {
    /// Asks the contracts, where there are any.
    pub(super) async fn ask(node: &Node, deployment: &Deployment, economy: &Economy) -> Result<Self, LoadError> {
        let to = &deployment.addresses;
        let mut offices = Self {
            has_contracts: false,
            admin: None,
            judge: None,
            relayer: None,
        };
        let (Some(_), Some(log), Some(court), Some(gateway)) =
            (to.task_board, to.execution_log, to.dispute_court, to.gateway)
        else {
            return Ok(offices);
        };
        offices.has_contracts = true;
        let officers = || {
            economy
                .officers
                .clone()
                .map(|number| (number, economy.accounts[number].address()))
        };
        let held_by = |address: Address| {
            officers()
                .find(|(_, officer)| *officer == address)
                .map(|(number, _)| number)
        };
        offices.admin = held_by(ExecutionLog::new(log, node.provider()).owner().call().await?);
        offices.judge = held_by(
            DisputeCourt::new(court, node.provider())
                .appointedJudge()
                .call()
                .await?,
        );
        let gateway = Gateway::new(gateway, node.provider());
        for (number, officer) in officers() {
            if gateway.isRelayer(officer).call().await? {
                offices.relayer = Some(number);
            }
        }
        Ok(offices)
    }

    /// Who sends the step; nobody, if it cannot be done on this chain.
    pub(super) fn sender(&self, step: &Step) -> Option<AccountNo> {
        let Action::Work(work) = &step.action else {
            return Some(step.from);
        };
        if !self.has_contracts {
            return None;
        }
        match work.office() {
            Some(Office::Admin) => self.admin,
            Some(Office::Judge) => self.judge,
            Some(Office::Relayer) => self.relayer,
            // Nobody else can have judged it.
            None if matches!(work, Work::Resolve(_)) => self.judge.map(|_| step.from),
            None => Some(step.from),
        }
    }
}

impl Loader<'_, '_> {
    /// Whether an officer's work is on the chain, or has nothing to be done to: a challenge that came too late was never made.
    pub(super) async fn is_done(&mut self, work: &Work) -> Result<bool, LoadError> {
        match work {
            Work::Judge(dispute, ..) => {
                let Some(id) = self.find_name(Named::Dispute, *dispute).await? else {
                    return Ok(false);
                };
                let court = DisputeCourt::new(self.at(self.deployment.addresses.dispute_court), self.node.provider());
                Ok(court.disputeOf(id).call().await?.resolvableAt != 0)
            }
            Work::DecideChallenge(challenge, ..) => {
                let Some(id) = self.find_name(Named::Challenge, *challenge).await? else {
                    return Ok(true);
                };
                self.is_decided(id).await
            }
            Work::Mirror(mirror) => {
                let gateway = Gateway::new(self.at(self.deployment.addresses.gateway), self.node.provider());
                let announced = announcement(mirror, self.deployment.chain_id);
                Ok(gateway.mirrorOf(announced).call().await? != U256::ZERO)
            }
            _ => Ok(false),
        }
    }

    /// Where a contract of the economy is; steps that need one are only here where there is one.
    pub(super) fn at(&self, contract: Option<Address>) -> Address {
        contract.unwrap_or_default()
    }
}

fn announcement(mirror: &Mirror, here: u64) -> alloy::primitives::B256 {
    announcement_id(
        mirror.origin_chain,
        mirror.origin_gateway,
        mirror.origin_registry,
        U256::from(mirror.origin_asset),
        here,
    )
}
