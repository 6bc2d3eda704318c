//! The task board: examples of each rule, and a random walk of posters, workers and reviewers beside a naive model.
//!
//! Start at [`walk`].

mod posting;
mod reviewing;
mod walk;

use alloy::primitives::{Address, B256, U256};
use souk_contracts::TaskBoard::{self, TaskInput};
use souk_contracts::{AssetShares, ContributionBook};

use crate::world::{ACTORS, START_SECS, World};

/// Base units of shares that each asset has, all its owner's.
const SHARES: u64 = 1_000_000;
/// When the examples' task ends.
const DEADLINE: u64 = START_SECS + 1_000;

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
const CAROL: Address = ACTORS[2];
const DAVE: Address = ACTORS[3];

/// A world in which Alice owns asset 1 and Bob asset 2, with shares of both, and the board may record and take what it escrows.
fn open() -> World {
    let mut world = World::new();
    let board = world.board();
    for (owner, asset) in [(ALICE, 1_u64), (BOB, 2)] {
        world.register(owner);
        world.authorise_board(owner, asset, true);
        let issue = AssetShares::issueCall {
            assetId: U256::from(asset),
            supply: U256::from(SHARES),
            receivers: vec![owner],
            amounts: vec![U256::from(SHARES)],
        };
        world.must(owner, world.at.asset_shares, &issue);
        let approve = AssetShares::setApprovalForAllCall {
            operator: board,
            approved: true,
        };
        world.must(owner, world.at.asset_shares, &approve);
    }
    for actor in ACTORS {
        world.approve_all(actor, board);
    }
    world
}

impl World {
    fn board(&self) -> Address {
        self.at.task_board.expect("a deployment has a board")
    }

    fn authorise_board(&mut self, owner: Address, asset: u64, allowed: bool) {
        let call = ContributionBook::authoriseRecorderCall {
            assetId: U256::from(asset),
            recorder: self.board(),
            allowed,
        };
        self.must(owner, self.at.contribution_book, &call);
    }

    fn shares(&mut self, account: Address, asset: u64) -> U256 {
        let id = U256::from(asset);
        self.view(self.at.asset_shares, &AssetShares::balanceOfCall { account, id })
    }

    fn contributions(&mut self) -> U256 {
        self.view(self.at.contribution_book, &ContributionBook::contributionCountCall {})
    }

    /// A task of Alice for asset 1: three places at 100 dollars' base units, reviewed by Alice, Bob and Dave, two of whom accept.
    fn task(&self) -> TaskInput {
        TaskInput {
            assetId: U256::ONE,
            mode: 0,
            role: 1,
            rewardToken: self.at.test_usd,
            reward: U256::from(100),
            secondToken: Address::ZERO,
            secondReward: U256::ZERO,
            places: 3,
            quorum: 2,
            deadline: DEADLINE,
            weight: U256::from(7),
            reviewers: vec![ALICE, BOB, DAVE],
            specHash: B256::repeat_byte(0x5e),
            specUri: "ipfs://spec".into(),
        }
    }

    /// The same, with a second reward of 30 base units of the token that calls back once armed.
    fn dual_task(&self) -> TaskInput {
        TaskInput {
            mode: 1,
            secondToken: self.reentrant_token,
            secondReward: U256::from(30),
            ..self.task()
        }
    }

    /// The same, for 100 base units of the asset's shares.
    fn community_task(&self) -> TaskInput {
        TaskInput {
            mode: 2,
            rewardToken: self.at.asset_shares,
            ..self.task()
        }
    }

    /// Posts a task for Alice; its id.
    fn posted(&mut self, input: TaskInput) -> U256 {
        self.must(ALICE, self.board(), &post(input)).value
    }

    /// Hands something in for Carol; the submission's id.
    fn submitted(&mut self, task: U256) -> U256 {
        self.must(CAROL, self.board(), &submit(task)).value
    }

    /// Has Bob and Dave accept.
    fn accepted(&mut self, submission: U256) {
        for reviewer in [BOB, DAVE] {
            self.must(reviewer, self.board(), &review(submission, true));
        }
    }
}

fn post(input: TaskInput) -> TaskBoard::postCall {
    TaskBoard::postCall { input }
}

fn submit(task: U256) -> TaskBoard::submitCall {
    TaskBoard::submitCall {
        taskId: task,
        contentHash: B256::repeat_byte(0xc0),
        contentUri: "ipfs://work".into(),
    }
}

fn review(submission: U256, accepted: bool) -> TaskBoard::reviewCall {
    TaskBoard::reviewCall {
        submissionId: submission,
        accepted,
        noteHash: B256::repeat_byte(0x0e),
    }
}

fn close(task: U256) -> TaskBoard::closeCall {
    TaskBoard::closeCall { taskId: task }
}
