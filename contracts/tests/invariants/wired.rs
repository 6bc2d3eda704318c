//! The economy's contracts as the tests deploy them: payouts, tasks, executions, disputes and the gateway, with windows and a bond of
//! round numbers.
//!
//! Start at [`World::create_economy`].

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall, SolConstructor, SolError};
use souk_contracts::DisputeCourt::CourtConfig;
use souk_contracts::ExecutionLog::ExecutionLogConfig;
use souk_contracts::PayoutDistributor::DistributorConfig;
use souk_contracts::{DisputeCourt, ExecutionLog, Gateway, PayoutDistributor, TaskBoard, TestUSD};

use crate::world::{DEPLOYER, Done, Refusal, World};

/// Proposes roots.
pub const PROPOSER: Address = Address::repeat_byte(0x50);
/// Judges disputes.
pub const JUDGE: Address = Address::repeat_byte(0x1d);
/// Mirrors assets.
pub const RELAYER: Address = Address::repeat_byte(0x2e);
/// Receives the protocol fee and lost bonds.
pub const TREASURY: Address = Address::repeat_byte(0x7e);
/// The bond of every objection, in base units of the test dollar.
pub const BOND: u64 = 1_000;
/// Protocol fee in parts per 100,000,000.
pub const FEE_E8: u32 = 2_500_000;
/// How long a root can be disputed, in seconds.
pub const DISPUTE_SECS: u64 = 100;
/// How long after a task's deadline its reviewers may review, in seconds.
pub const REVIEW_SECS: u64 = 50;
/// How long a completed execution can be challenged, in seconds.
pub const CHALLENGE_SECS: u64 = 200;
/// How long an objection waits for whoever decides it, in seconds.
pub const DECISION_SECS: u64 = 30 * 86_400;
/// How long a judgement can be overruled, in seconds.
pub const APPEAL_SECS: u64 = 70;

/// What a model says of a call: it goes through, or the selector of the error that it is refused with.
pub type Expected = Result<(), [u8; 4]>;

/// A refusal with the error `E`.
pub fn refused<E: SolError>() -> Expected {
    Err(E::SELECTOR)
}

/// A refusal with the error `E` unless the condition holds.
pub fn ensure<E: SolError>(condition: bool) -> Expected {
    if condition { Ok(()) } else { refused::<E>() }
}

/// The distributor's constructor arguments, which tests change.
pub fn distributor_arguments(bond_token: Address) -> PayoutDistributor::constructorCall {
    PayoutDistributor::constructorCall {
        admin: DEPLOYER,
        config: DistributorConfig {
            proposer: PROPOSER,
            feeAccount: TREASURY,
            protocolFeeE8: FEE_E8,
            bondToken: bond_token,
            bond: U256::from(BOND),
            disputeWindowSecs: DISPUTE_SECS,
        },
    }
}

/// The court's constructor arguments, which tests change.
pub fn court_arguments(assets: Address, bond_token: Address) -> DisputeCourt::constructorCall {
    DisputeCourt::constructorCall {
        assets,
        admin: DEPLOYER,
        config: CourtConfig {
            judge: JUDGE,
            treasury: TREASURY,
            bondToken: bond_token,
            bond: U256::from(BOND),
            appealWindowSecs: APPEAL_SECS,
        },
    }
}

impl World {
    /// Deploys the five, where the other contracts are already.
    pub fn create_economy(&mut self) {
        let at = self.at;
        let bond_token = at.test_usd;
        self.create("PayoutDistributor", &distributor_arguments(bond_token).abi_encode());
        self.create("TaskBoard", &self.board_arguments(REVIEW_SECS).abi_encode());
        self.create("ExecutionLog", &self.log_arguments(bond_token).abi_encode());
        self.create(
            "DisputeCourt",
            &court_arguments(at.asset_registry, bond_token).abi_encode(),
        );
        let gateway = Gateway::constructorCall {
            assets: at.asset_registry,
            admin: DEPLOYER,
            relayer: RELAYER,
        };
        self.create("Gateway", &gateway.abi_encode());
    }

    /// The board's constructor arguments, which tests change.
    pub fn board_arguments(&self, review_period_secs: u64) -> TaskBoard::constructorCall {
        TaskBoard::constructorCall {
            assets: self.at.asset_registry,
            contributions: self.at.contribution_book,
            shares: self.at.asset_shares,
            reviewPeriodSecs: review_period_secs,
        }
    }

    /// The log's constructor arguments, which tests change.
    pub fn log_arguments(&self, bond_token: Address) -> ExecutionLog::constructorCall {
        ExecutionLog::constructorCall {
            assets: self.at.asset_registry,
            licenses: self.at.license_registry,
            contributions: self.at.contribution_book,
            router: self.at.revenue_router,
            admin: DEPLOYER,
            config: ExecutionLogConfig {
                treasury: TREASURY,
                bondToken: bond_token,
                bond: U256::from(BOND),
                challengeWindowSecs: CHALLENGE_SECS,
            },
        }
    }

    /// Lets `spender` take all that the account has of every token.
    pub fn approve_all(&mut self, account: Address, spender: Address) {
        for token in self.tokens() {
            let approve = TestUSD::approveCall {
                spender,
                value: U256::MAX,
            };
            self.must(account, token, &approve);
        }
    }

    /// Sends a transaction of which a model says what becomes of it; what was done, if it was.
    #[track_caller]
    pub fn expect<C: SolCall>(
        &mut self,
        from: Address,
        to: Address,
        call: &C,
        expected: Expected,
    ) -> Option<Done<C::Return>> {
        let outcome = self.send(from, to, call);
        let found = outcome.as_ref().map(|_| ()).map_err(Refusal::selector);
        assert_eq!(found, expected, "{} by {from}: {:?}", C::SIGNATURE, outcome.err());
        outcome.ok()
    }
}
