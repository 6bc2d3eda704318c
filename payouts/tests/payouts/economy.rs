//! A random economy in which everything happens that can: block after block of facts that our contracts could emit.

use alloy_primitives::{Address, B256, U256, address};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_payouts::fact::{BlockFacts, Contracts, Fact, Holding, Payment, Terms};
use souk_payouts::state::HoldKey;
use souk_schema::E8;
use souk_schema::event::{Relation, RevenueReason, RoyaltyPolicy};
use souk_schema::id::BlockRef;

use crate::oracle::{Oracle, Task};

pub const VAULT: Address = address!("00000000000000000000000000000000000000e1");
pub const EXECUTIONS: Address = address!("00000000000000000000000000000000000000e2");
pub const BOARD: Address = address!("00000000000000000000000000000000000000e3");
pub const DISTRIBUTOR: Address = address!("00000000000000000000000000000000000000e4");

pub fn contracts() -> Contracts {
    let contract = |byte| Address::with_last_byte(byte);
    Contracts {
        registry: contract(0xc1),
        licenses: contract(0xc2),
        shares: contract(0xc3),
        contributions: contract(0xc4),
        router: contract(0xc5),
        distributor: Some(DISTRIBUTOR),
        vault: Some(VAULT),
        tasks: Some(BOARD),
        disputes: Some(contract(0xc7)),
        executions: Some(EXECUTIONS),
    }
}

pub fn account(number: u64) -> Address {
    Address::left_padding_from(&(number + 1).to_be_bytes())
}

pub fn id(number: u64) -> U256 {
    U256::from(number)
}

pub fn e8(parts: u64) -> E8 {
    E8::from_parts(parts).expect("a share")
}

pub fn block_ref(number: u64, salt: u64) -> BlockRef {
    BlockRef {
        number,
        hash: B256::from(U256::from(number) << 64 | U256::from(salt)),
    }
}

pub fn block(number: u64, facts: Vec<Fact>) -> BlockFacts {
    let facts = facts
        .into_iter()
        .enumerate()
        .map(|(index, fact)| (index as u32, fact))
        .collect();
    BlockFacts {
        block: block_ref(number, 0),
        timestamp: number * 12,
        facts,
    }
}

/// Draws blocks.
pub struct Economy {
    rng: ChaCha8Rng,
    /// Never more assets than this.
    pub most_assets: u64,
}

/// A block in the making, with the world as it is after its facts so far.
struct Draft<'a> {
    rng: &'a mut ChaCha8Rng,
    world: Oracle,
    facts: Vec<Fact>,
    number: u64,
    most_assets: u64,
}

impl Economy {
    pub fn new(seed: u64) -> Economy {
        Economy {
            rng: ChaCha8Rng::seed_from_u64(seed),
            most_assets: 14,
        }
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.rng.random_range(0..bound)
    }

    /// The next block after the world's.
    pub fn block(&mut self, world: &Oracle, number: u64) -> BlockFacts {
        let salt = self.rng.random();
        let mut world = world.clone();
        world.begin(number);
        let most_assets = self.most_assets;
        let mut draft = Draft {
            rng: &mut self.rng,
            world,
            facts: Vec::new(),
            number,
            most_assets,
        };
        if draft.world.paid.is_none() {
            draft.push(Fact::DistributorChanged { to: DISTRIBUTOR });
        }
        for _ in 0..draft.rng.random_range(0..9) {
            draft.happen();
        }
        let facts = draft
            .facts
            .into_iter()
            .enumerate()
            .map(|(index, fact)| (index as u32 * 2, fact))
            .collect();
        BlockFacts {
            block: block_ref(number, salt),
            timestamp: number * 12,
            facts,
        }
    }
}

impl Draft<'_> {
    fn push(&mut self, fact: Fact) {
        self.world.take_in(&fact);
        self.facts.push(fact);
    }

    fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound)
    }

    fn pick<T: Clone>(&mut self, items: Vec<T>) -> Option<T> {
        if items.is_empty() {
            None
        } else {
            Some(items[self.below(items.len())].clone())
        }
    }

    fn asset(&mut self) -> Option<U256> {
        let assets = self.world.assets.keys().copied().collect();
        self.pick(assets)
    }

    fn someone(&mut self) -> Address {
        account(self.rng.random_range(0..7))
    }

    fn happen(&mut self) {
        match self.below(33) {
            0..=3 => self.register(),
            4..=8 => _ = self.derive(),
            9 => _ = self.issue(),
            10..=11 => _ = self.move_shares(),
            12 => _ = self.deposit(),
            13 => _ = self.fill(),
            14 => _ = self.withdraw(),
            15 => _ = self.move_asset(),
            16..=17 => _ = self.contribute(),
            18 => _ = self.void(),
            19..=22 => _ = self.pay(),
            23 => _ = self.hold(),
            24 => _ = self.resolve(),
            25 => self.root(),
            26..=27 => _ = self.root_ends(),
            28 => _ = self.post_task(),
            29 => _ = self.pay_worker(),
            30 => _ = self.close_task(),
            31 => self.change_distributor(),
            _ => {
                if self.below(3) == 0 {
                    let share = e8(self.rng.random_range(0..20_000_000));
                    let account = self.someone();
                    self.push(Fact::ProtocolFeeChanged { share, account });
                }
            }
        }
    }

    fn register(&mut self) {
        let count = self.world.assets.len() as u64;
        if count < self.most_assets {
            let contributor_share = e8([0, 0, 30_000_000, 100_000_000, 12_345_678][self.below(5)]);
            let owner = self.someone();
            self.push(Fact::AssetRegistered {
                asset: id(count + 1),
                owner,
                contributor_share,
            });
        }
    }

    fn derive(&mut self) -> Option<()> {
        let childless = |world: &Oracle, asset: &U256| {
            !world
                .assets
                .values()
                .any(|row| row.edges.iter().any(|edge| edge.parent == *asset))
        };
        let assets: Vec<U256> = self.world.assets.keys().copied().collect();
        let children = assets
            .iter()
            .copied()
            .filter(|asset| childless(&self.world, asset))
            .collect();
        let child = self.pick(children)?;
        let edges = self.world.assets[&child].edges.clone();
        let is_free = |parent: &U256| *parent != child && !edges.iter().any(|edge| edge.parent == *parent);
        let parents = assets.iter().copied().filter(is_free).collect();
        let parent = self.pick(parents)?;
        if edges.len() == 3 || self.world.is_above(parent, child) {
            return None;
        }
        let relation = Relation::DerivedFrom;
        let stack = self.world.lap_stack(child) + self.world.lrp_sum(child) + self.world.lap_stack(parent);
        if self.below(5) == 0 && stack <= 100_000_000 {
            self.push(Fact::DerivationDeclared {
                child,
                parent,
                relation,
                license: U256::ZERO,
            });
            return Some(());
        }
        let policy = [
            RoyaltyPolicy::None,
            RoyaltyPolicy::Lap,
            RoyaltyPolicy::Lap,
            RoyaltyPolicy::Lrp,
            RoyaltyPolicy::Lrp,
        ];
        let policy = policy[self.below(5)];
        let share = match policy {
            RoyaltyPolicy::None => 0,
            _ => [0, 1, 5_000_000, 10_000_000, 33_333_333][self.below(5)],
        };
        if stack + share > 100_000_000 {
            return None;
        }
        let license = id(self.world.series.len() as u64 + 1);
        let terms = Terms {
            commercial_use: true,
            derivatives_allowed: true,
            policy,
            share: e8(share),
        };
        let terms_id = id(share * 3 + u64::from(policy.number()));
        self.push(Fact::LicenseTermsRegistered { terms_id, terms });
        self.push(Fact::LicenseMinted {
            series: license,
            asset: parent,
            terms_id,
            expires_at: self.number * 12 + 1,
        });
        self.push(Fact::DerivationDeclared {
            child,
            parent,
            relation,
            license,
        });
        Some(())
    }

    fn issue(&mut self) -> Option<()> {
        let unissued = self
            .world
            .assets
            .iter()
            .filter(|(_, row)| row.issued_in.is_none())
            .map(|(id, _)| *id)
            .collect();
        let asset = self.pick(unissued)?;
        self.push(Fact::SharesIssued { asset });
        for _ in 0..=self.below(4) {
            let (to, amount) = (self.someone(), self.rng.random_range(1..1_000u64));
            self.push(Fact::Moved {
                what: Holding::Shares(asset),
                from: Address::ZERO,
                to,
                amount: id(amount),
            });
        }
        if self.below(3) == 0 {
            self.pay_for(asset);
        }
        Some(())
    }

    fn part_of(&mut self, amount: U256) -> U256 {
        match self.below(3) {
            0 => amount,
            _ => id(self.rng.random_range(1..=amount.to::<u64>())),
        }
    }

    /// Asset, account and amount of a direct holding or of one in the vault.
    fn held(&mut self, in_vault: bool) -> Option<(U256, Address, U256)> {
        let balances = if in_vault {
            &self.world.credited
        } else {
            &self.world.direct
        };
        let held = balances
            .iter()
            .filter(|((_, account), amount)| ![VAULT, BOARD].contains(account) && !amount.is_zero());
        let held = held
            .map(|((asset, account), amount)| (*asset, *account, *amount))
            .collect();
        self.pick(held)
    }

    fn move_shares(&mut self) -> Option<()> {
        let (asset, from, amount) = self.held(false)?;
        let (to, amount) = (self.someone(), self.part_of(amount));
        // As if borrowed: there and back around a revenue.
        let borrowed = self.below(3) == 0;
        let what = Holding::Shares(asset);
        self.push(Fact::Moved { what, from, to, amount });
        if borrowed {
            self.pay_for(asset);
            self.push(Fact::Moved {
                what,
                from: to,
                to: from,
                amount,
            });
        }
        Some(())
    }

    fn deposit(&mut self) -> Option<()> {
        let (asset, from, amount) = self.held(false)?;
        let (what, amount) = (Holding::Shares(asset), self.part_of(amount));
        let credited = if self.below(4) == 0 { self.someone() } else { from };
        let moved = Fact::Moved {
            what,
            from,
            to: VAULT,
            amount,
        };
        let credit = Fact::VaultCredited {
            what,
            account: credited,
            amount,
        };
        let (first, second) = if self.below(2) == 0 {
            (moved, credit)
        } else {
            (credit, moved)
        };
        self.push(first);
        if self.below(4) == 0 {
            self.pay_for(asset);
        }
        self.push(second);
        Some(())
    }

    fn fill(&mut self) -> Option<()> {
        let (asset, seller, amount) = self.held(true)?;
        let market = B256::from(asset);
        if !self.world.markets.contains_key(&market) {
            self.push(Fact::VaultMarketListed {
                market,
                base: Holding::Shares(asset),
            });
        }
        let (buyer, base_amount) = (self.someone(), self.part_of(amount));
        self.push(Fact::VaultFilled {
            market,
            buyer,
            seller,
            base_amount,
        });
        Some(())
    }

    fn withdraw(&mut self) -> Option<()> {
        let (asset, account, amount) = self.held(true)?;
        let (what, to, amount) = (Holding::Shares(asset), self.someone(), self.part_of(amount));
        self.push(Fact::VaultDebited { what, account, amount });
        self.push(Fact::Moved {
            what,
            from: VAULT,
            to,
            amount,
        });
        Some(())
    }

    /// The board speaks before the token does.
    fn post_task(&mut self) -> Option<()> {
        let (asset, poster, amount) = self.held(false)?;
        let places = 1 + self.below(3) as u32;
        let reward = self.part_of(amount) / U256::from(places);
        if reward.is_zero() {
            return None;
        }
        let task = id(self.world.tasks.len() as u64 + 1);
        self.push(Fact::SharesEscrowed {
            task,
            asset,
            poster,
            reward,
            places,
        });
        self.move_escrow(asset, (poster, BOARD), reward * U256::from(places));
        Some(())
    }

    /// An open task with something left in it.
    fn open_task(&mut self) -> Option<(U256, Task)> {
        let open = self.world.tasks.iter().filter(|(_, task)| !task.left.is_zero());
        let open = open.map(|(id, task)| (*id, task.clone())).collect();
        self.pick(open)
    }

    fn pay_worker(&mut self) -> Option<()> {
        let (id, task) = self.open_task()?;
        let worker = self.someone();
        self.push(Fact::EscrowReleased {
            task: id,
            amount: task.reward,
        });
        self.move_escrow(task.asset, (BOARD, worker), task.reward);
        Some(())
    }

    fn close_task(&mut self) -> Option<()> {
        let (id, task) = self.open_task()?;
        self.push(Fact::EscrowReleased {
            task: id,
            amount: task.left,
        });
        self.move_escrow(task.asset, (BOARD, task.poster), task.left);
        Some(())
    }

    fn move_escrow(&mut self, asset: U256, (from, to): (Address, Address), amount: U256) {
        if self.below(4) == 0 {
            self.pay_for(asset);
        }
        let what = Holding::Shares(asset);
        self.push(Fact::Moved { what, from, to, amount });
        if self.below(3) == 0 {
            self.pay_for(asset);
        }
    }

    /// With payments around it, and mostly back to ours at once.
    fn change_distributor(&mut self) {
        let to = [DISTRIBUTOR, account(60), account(61)][self.below(3)];
        self.pay();
        self.push(Fact::DistributorChanged { to });
        self.pay();
        if self.below(4) != 0 {
            self.push(Fact::DistributorChanged { to: DISTRIBUTOR });
            self.pay();
        }
    }

    fn move_asset(&mut self) -> Option<()> {
        let asset = self.asset()?;
        let to = match self.below(6) {
            0 => VAULT,
            1 => BOARD,
            _ => self.someone(),
        };
        self.push(Fact::AssetMoved { asset, to });
        Some(())
    }

    fn contribute(&mut self) -> Option<()> {
        let (asset, contributor) = (self.asset()?, self.someone());
        let weight = if self.below(5) == 0 {
            U256::from(u128::MAX)
        } else {
            id(self.rng.random_range(1..100))
        };
        let contribution = id(self.world.contributions.len() as u64 + 1);
        self.push(Fact::ContributionRecorded {
            contribution,
            asset,
            contributor,
            weight,
        });
        Some(())
    }

    fn void(&mut self) -> Option<()> {
        let counting = self.world.contributions.iter().filter(|(_, record)| !record.voided);
        let counting = counting.map(|(id, record)| (*id, record.asset)).collect();
        let (contribution, asset) = self.pick(counting)?;
        self.push(Fact::ContributionVoided { contribution, asset });
        Some(())
    }

    fn pay(&mut self) -> Option<()> {
        let asset = self.asset()?;
        self.pay_for(asset);
        Some(())
    }

    fn pay_for(&mut self, asset: U256) {
        let amount = match self.below(6) {
            0 => id(1),
            1 => id(self.rng.random_range(2..100)),
            2 => U256::MAX >> self.below(200),
            _ => id(self.rng.random_range(100..1 << 60)),
        };
        let revenue = id(self.world.revenues.len() as u64 + 1);
        let executed = self.below(3) == 0;
        self.push(Fact::RevenueReceived(Payment {
            revenue,
            asset,
            payer: if executed { EXECUTIONS } else { account(50) },
            // Amounts near 2^256 are of a token each, so that no sum passes it.
            token: if amount.bit_len() > 100 {
                account(1_000 + self.world.revenues.len() as u64)
            } else {
                account(100)
            },
            amount,
            reason: if executed {
                RevenueReason::Inference
            } else {
                RevenueReason::Usage
            },
            reference: B256::from(revenue),
        }));
    }

    fn hold(&mut self) -> Option<()> {
        let number = id(self.world.raised + 1);
        if self.below(2) == 0 {
            let asset = self.asset()?;
            self.push(Fact::DisputeRaised { dispute: number, asset });
        } else {
            let earned = self
                .world
                .revenues
                .values()
                .filter(|revenue| revenue.payment.payer == EXECUTIONS);
            let earned = earned.map(|revenue| revenue.payment.revenue).collect();
            let execution = self.pick(earned)?;
            self.push(Fact::ExecutionChallenged {
                challenge: number,
                execution,
            });
        }
        Some(())
    }

    fn resolve(&mut self) -> Option<()> {
        let open = self.world.holds.keys().copied().collect();
        let upheld = self.below(3) != 0;
        match self.pick(open)? {
            HoldKey::Dispute(dispute) => self.push(Fact::DisputeResolved { dispute, upheld }),
            HoldKey::Challenge(challenge) => {
                let voided = self.world.contributions.keys().copied().collect();
                let voided = self.pick(voided).filter(|_| upheld);
                self.push(Fact::ChallengeResolved {
                    challenge,
                    upheld,
                    voided,
                });
            }
        }
        Some(())
    }

    fn root(&mut self) {
        if self.world.pending.is_none() {
            let epoch = self.world.finalised.map_or(0, |(epoch, _)| epoch) + 1;
            let back = self.rng.random_range(1..6);
            let computed_at = block_ref(self.number.saturating_sub(back), 0);
            self.push(Fact::RootProposed {
                epoch,
                root: B256::repeat_byte(epoch as u8),
                computed_at,
            });
        }
    }

    fn root_ends(&mut self) -> Option<()> {
        let (epoch, _) = self.world.pending?;
        if self.below(3) == 0 {
            // A judgement takes away what the root counts, and the root becomes final all the same.
            let (dispute, asset) = (id(self.world.raised + 1), self.asset()?);
            self.push(Fact::DisputeRaised { dispute, asset });
            self.push(Fact::DisputeResolved { dispute, upheld: true });
        }
        if self.below(4) == 0 {
            self.push(Fact::RootDropped { epoch });
        } else {
            self.push(Fact::RootFinalised {
                epoch,
                root: B256::repeat_byte(epoch as u8),
            });
        }
        Some(())
    }
}
