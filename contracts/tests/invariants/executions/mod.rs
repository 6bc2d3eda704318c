//! The execution log: examples of each rule, and a random walk of requesters, providers and challengers beside a naive model.
//!
//! Start at [`walk`].

mod challenges;
mod delivery;
mod requests;
mod rounds;
mod walk;

use alloy::primitives::{Address, B256, U256};
use souk_contracts::ExecutionLog::{self, ExecutionInput};
use souk_contracts::{AssetRegistry, ContributionBook};

use crate::world::{ACTORS, START_SECS, World};

/// When the examples' executions end.
const DEADLINE: u64 = START_SECS + 1_000;

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
const CAROL: Address = ACTORS[2];
const DAVE: Address = ACTORS[3];

/// A world in which Alice owns assets 1 and 2, Bob 3, Carol 4 and 5, the log may record on all of them, and everybody can pay fees and
/// bonds. Bob asks, Carol provides.
fn open() -> World {
    let mut world = World::new();
    for (owner, asset) in [(ALICE, 1), (ALICE, 2), (BOB, 3), (CAROL, 4), (CAROL, 5)] {
        assert_eq!(world.register(owner), U256::from(asset));
        world.authorise_log(owner, asset, true);
    }
    for actor in ACTORS {
        world.approve_all(actor, world.log());
    }
    world
}

impl World {
    fn log(&self) -> Address {
        self.at.execution_log.expect("a deployment has a log")
    }

    fn authorise_log(&mut self, owner: Address, asset: u64, allowed: bool) {
        let call = ContributionBook::authoriseRecorderCall {
            assetId: U256::from(asset),
            recorder: self.log(),
            allowed,
        };
        self.must(owner, self.at.contribution_book, &call);
    }

    /// An inference of asset 1 by Carol, for 100 base units of the test dollar.
    fn inference(&self) -> ExecutionInput {
        ExecutionInput {
            assetId: U256::ONE,
            kind: 2,
            provider: CAROL,
            feeToken: self.at.test_usd,
            fee: U256::from(100),
            inputHash: B256::repeat_byte(0x14),
            deadline: DEADLINE,
            ..ExecutionInput::default()
        }
    }

    /// Asks for Bob; the execution's id.
    fn requested(&mut self, input: ExecutionInput) -> U256 {
        self.must(BOB, self.log(), &request(input)).value
    }

    fn recorded(&mut self) -> U256 {
        self.view(self.at.contribution_book, &ContributionBook::contributionCountCall {})
    }

    fn is_voided(&mut self, contribution: U256) -> bool {
        let call = ContributionBook::recordOfCall {
            contributionId: contribution,
        };
        self.view(self.at.contribution_book, &call).voided
    }

    fn usd(&mut self, account: Address) -> U256 {
        self.balance(self.at.test_usd, account)
    }

    /// Lets `to` speak for the asset.
    fn approve_asset(&mut self, owner: Address, asset: u64, to: Address) {
        let call = AssetRegistry::approveCall {
            to,
            tokenId: U256::from(asset),
        };
        self.must(owner, self.at.asset_registry, &call);
    }
}

fn request(input: ExecutionInput) -> ExecutionLog::requestCall {
    ExecutionLog::requestCall { input }
}

fn name_output(execution: U256, asset: u64) -> ExecutionLog::nameOutputCall {
    ExecutionLog::nameOutputCall {
        executionId: execution,
        outputAssetId: U256::from(asset),
    }
}

fn complete(execution: U256, output: u64, units: u64) -> ExecutionLog::completeCall {
    ExecutionLog::completeCall {
        executionId: execution,
        outputAssetId: U256::from(output),
        outputHash: B256::repeat_byte(0x0f),
        meteredUnits: units,
    }
}

fn cancel(execution: U256) -> ExecutionLog::cancelCall {
    ExecutionLog::cancelCall { executionId: execution }
}

fn challenge(execution: U256) -> ExecutionLog::challengeCall {
    ExecutionLog::challengeCall {
        executionId: execution,
        evidenceHash: B256::repeat_byte(0xe0),
        evidenceUri: "ipfs://proof".into(),
    }
}

fn resolve(challenge: U256, upheld: bool) -> ExecutionLog::resolveChallengeCall {
    ExecutionLog::resolveChallengeCall {
        challengeId: challenge,
        upheld,
    }
}

fn lapse(challenge: U256) -> ExecutionLog::lapseChallengeCall {
    ExecutionLog::lapseChallengeCall { challengeId: challenge }
}

fn open_round(asset: u64, deadline: u64) -> ExecutionLog::openRoundCall {
    ExecutionLog::openRoundCall {
        assetId: U256::from(asset),
        privacy: 2,
        epsilonMicros: 0,
        baseHash: B256::repeat_byte(0xba),
        deadline,
    }
}

fn update(round: U256, dataset: u64, weight: u64) -> ExecutionLog::submitUpdateCall {
    ExecutionLog::submitUpdateCall {
        roundId: round,
        datasetId: U256::from(dataset),
        updateHash: B256::with_last_byte(weight as u8),
        weight: U256::from(weight),
    }
}

fn aggregate(round: U256, output: u64, participants: &[Address]) -> ExecutionLog::aggregateCall {
    ExecutionLog::aggregateCall {
        roundId: round,
        outputAssetId: U256::from(output),
        resultHash: B256::repeat_byte(0x4e),
        participants: participants.to_vec(),
    }
}
