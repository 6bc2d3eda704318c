//! The fold of facts, block by block, into who is owed what.
//!
//! [`State::apply`] takes a block in or leaves everything as it was; [`State::revert`] takes the head back out, exactly, until it is final.
//! Changes of shares and owners count from the next block on, so that nothing can be borrowed for one block: they wait until the block's end.
//! Start with [`State::apply`]; `assets` and `licenses` hold the facts about who has what, `revenue`, `holds` and `roots` those about money.

mod assets;
mod cache;
mod escrow;
mod hash;
mod holds;
mod journal;
mod licenses;
mod output;
mod own;
mod refused;
mod revenue;
mod roots;
mod settled;
mod tables;

use std::collections::VecDeque;

use alloy_primitives::{Address, B256, U256};
use souk_schema::id::BlockRef;

use crate::codec::{Malformed, Reader, Stored, Writer};
use crate::fact::{BlockFacts, Contracts, Fact, Holding};
use crate::rule::{AssetNo, Lineage, Plan, Recipients, Splitter};
use cache::Cache;
use own::Own;
use tables::Tables;

pub use holds::{Hold, HoldKey};
pub use output::{Change, Line, Output, PortionChange};
pub use refused::Refused;
pub use revenue::{Later, Mark, Portion, PortionStatus, Revenue};
pub use roots::{Entry, PendingRoot};
pub use tables::{Asset, Contribution, Epoch, Fee, RootStatus, Series};

/// Who is owed what, as of the head.
#[derive(Clone, Debug)]
pub struct State {
    contracts: Own,
    tables: Tables,
    /// Settled revenues that are kept elsewhere.
    gone: settled::Numbers,
    /// The blocks that can be reverted, the head last.
    blocks: VecDeque<Applied>,
    head: Option<BlockRef>,
    cache: Cache,
    splitter: Splitter,
}

/// A block that can be reverted.
#[derive(Clone, Debug)]
struct Applied {
    block: BlockRef,
    /// The head before it.
    parent: Option<BlockRef>,
    /// Where every table was before it.
    positions: Vec<u64>,
}

/// A change that counts from the next block on.
#[derive(Clone, Debug)]
enum Deferred {
    Shares {
        asset: AssetNo,
        account: Address,
        change: Step,
    },
    Owner {
        asset: AssetNo,
        to: Address,
    },
}

/// More or less of something.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(U256),
    Take(U256),
}

/// Where a fact is, and what waits for the end of its block.
struct Block<'a> {
    number: u64,
    log_index: u32,
    deferred: Vec<Deferred>,
    output: &'a mut Output,
}

impl State {
    /// Nothing registered, nothing owed.
    pub fn new(contracts: &Contracts) -> State {
        State {
            contracts: contracts.into(),
            tables: Tables::default(),
            gone: settled::Numbers::default(),
            blocks: VecDeque::new(),
            head: None,
            cache: Cache::default(),
            splitter: Splitter::default(),
        }
    }

    /// Folds a block. What it changed for revenues and lines is in `output`, which is cleared first. Blocks without facts may be left out.
    ///
    /// # Errors
    /// [`Refused`] for facts that our contracts cannot emit; the state is then as it was.
    pub fn apply(&mut self, block: &BlockFacts, output: &mut Output) -> Result<(), Refused> {
        output.clear();
        if let Some(head) = self.head.filter(|head| block.block.number <= head.number) {
            return Err(Refused::NotAfterHead {
                number: block.block.number,
                head: head.number,
            });
        }
        let positions = self.tables.positions();
        let folded = self.fold(block, output);
        if let Err(refused) = folded {
            self.tables.rewind(&positions);
            self.cache.clear();
            output.clear();
            return Err(refused);
        }
        self.blocks.push_back(Applied {
            block: block.block,
            parent: self.head,
            positions,
        });
        self.head = Some(block.block);
        Ok(())
    }

    /// Takes the head back out: the state is as it was before it was applied.
    ///
    /// # Errors
    /// [`Refused::NotTheHead`] for any other block, and for one that is final.
    pub fn revert(&mut self, block: BlockRef) -> Result<(), Refused> {
        match self.blocks.back() {
            Some(applied) if applied.block == block => {}
            _ => return Err(Refused::NotTheHead { number: block.number }),
        }
        let applied = self.blocks.pop_back().expect("just seen");
        self.tables.rewind(&applied.positions);
        self.head = applied.parent;
        self.cache.clear();
        Ok(())
    }

    /// Blocks up to `number`, inclusive, will not be reverted any more: forgets how to.
    pub fn finalise(&mut self, number: u64) {
        while self
            .blocks
            .front()
            .is_some_and(|applied| applied.block.number <= number)
        {
            self.blocks.pop_front();
        }
        let positions = match self.blocks.front() {
            Some(first_left) => first_left.positions.clone(),
            None => self.tables.positions(),
        };
        self.tables.forget(&positions);
    }

    /// A copy of the state as it was at the end of block `number`, which cannot go back; `None` if that was forgotten, as the state of a
    /// block before the last final one.
    pub fn as_of(&self, number: u64) -> Option<State> {
        let later = self.blocks.iter().find(|applied| applied.block.number > number);
        let head = later.map_or(self.head, |applied| applied.parent);
        if head.is_some_and(|head| head.number > number) {
            return None;
        }
        let mut tables = self.tables.clone();
        if let Some(applied) = later {
            tables.rewind(&applied.positions);
        }
        tables.forget(&tables.positions());
        Some(State {
            contracts: self.contracts,
            tables,
            gone: self.gone.clone(),
            blocks: VecDeque::new(),
            head,
            cache: Cache::default(),
            splitter: Splitter::default(),
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        self.contracts.put(out);
        self.head.put(out);
        self.gone.put(out);
        self.tables.put(out);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<State, Malformed> {
        let contracts = Stored::take(input)?;
        let head = Stored::take(input)?;
        let gone = Stored::take(input)?;
        Ok(State {
            contracts,
            tables: Stored::take(input)?,
            gone,
            blocks: VecDeque::new(),
            head,
            cache: Cache::default(),
            splitter: Splitter::default(),
        })
    }

    /// Whether it is of these contracts, as far as it knows.
    pub(crate) fn is_of(&self, contracts: &Contracts) -> bool {
        self.contracts == contracts.into()
    }

    /// The newest block.
    pub fn head(&self) -> Option<BlockRef> {
        self.head
    }

    /// Identifies the content of the state: equal for equal states, however they came about.
    pub fn state_hash(&self) -> B256 {
        hash::state_hash(&(&self.head, &self.tables))
    }

    /// An asset by its id.
    pub fn asset(&self, id: U256) -> Option<&Asset> {
        self.number(id).map(|number| &self.tables.assets[number as usize])
    }

    /// An asset by its number.
    pub(crate) fn row(&self, number: AssetNo) -> Option<&Asset> {
        self.tables.assets.get(number as usize)
    }

    /// An asset's number by its id.
    pub fn number(&self, id: U256) -> Option<AssetNo> {
        self.tables.numbers.get(&id).copied()
    }

    /// The graph of assets.
    pub fn lineage(&self) -> &impl Lineage {
        &self.tables
    }

    /// Who has what the asset with this number keeps or receives, for a revenue that arrived now.
    pub fn recipients(&self, asset: AssetNo) -> Recipients {
        self.tables.recipients(asset, &mut assets::RecipientsScratch::default())
    }

    /// The same, shared with whoever asked before.
    pub(crate) fn shared_recipients(&mut self, asset: AssetNo) -> std::sync::Arc<Recipients> {
        self.cache.recipients(&self.tables, asset)
    }

    /// What the protocol takes, once it was told.
    pub fn fee(&self) -> Option<&Fee> {
        self.tables.fee.get(&())
    }

    /// How a revenue of the asset would be split now.
    ///
    /// # Errors
    /// [`Refused::UnknownAsset`].
    pub fn plan(&mut self, asset: U256) -> Result<std::sync::Arc<Plan>, Refused> {
        let number = self.known(asset)?;
        Ok(self.cache.plan(&self.tables, number)?)
    }

    fn known(&self, asset: U256) -> Result<AssetNo, Refused> {
        self.number(asset).ok_or(Refused::UnknownAsset(asset))
    }

    fn fold(&mut self, facts: &BlockFacts, output: &mut Output) -> Result<(), Refused> {
        let mut block = Block {
            number: facts.block.number,
            log_index: 0,
            deferred: Vec::new(),
            output,
        };
        for (log_index, fact) in &facts.facts {
            block.log_index = *log_index;
            self.take_in(fact, &mut block)?;
        }
        for deferred in std::mem::take(&mut block.deferred) {
            match deferred {
                Deferred::Shares { asset, account, change } => self.change_shares(asset, account, change)?,
                Deferred::Owner { asset, to } => self.change_owner(asset, to),
            }
        }
        Ok(())
    }

    fn take_in(&mut self, fact: &Fact, block: &mut Block<'_>) -> Result<(), Refused> {
        match fact {
            Fact::AssetRegistered {
                asset,
                owner,
                contributor_share,
            } => self.asset_registered(*asset, *owner, contributor_share.parts(), block),
            Fact::AssetMoved { asset, to } => self.asset_moved(*asset, *to, block),
            Fact::DerivationDeclared {
                child,
                parent,
                relation,
                license,
            } => self.derivation_declared(*child, *parent, *relation, *license),
            Fact::LicenseTermsRegistered { terms_id, terms } => {
                self.tables.terms.set(*terms_id, *terms);
                Ok(())
            }
            Fact::LicenseTermsAttached { asset, terms_id } => self.terms_attached(*asset, *terms_id),
            Fact::LicenseMinted {
                series,
                asset,
                terms_id,
                expires_at,
            } => self.license_minted(*series, *asset, *terms_id, *expires_at),
            Fact::LicenseRevoked { series } => self.license_revoked(*series),
            Fact::SharesIssued { asset } => self.shares_issued(*asset, block),
            Fact::Moved { what, from, to, amount } => {
                self.change_holding(*what, *from, Step::Take(*amount), block)?;
                self.change_holding(*what, *to, Step::Add(*amount), block)
            }
            Fact::VaultCredited { what, account, amount } => {
                self.change_holding(*what, *account, Step::Add(*amount), block)
            }
            Fact::VaultDebited { what, account, amount } => {
                self.change_holding(*what, *account, Step::Take(*amount), block)
            }
            Fact::VaultMarketListed { market, base } => {
                self.tables.markets.set(*market, *base);
                Ok(())
            }
            Fact::VaultFilled {
                market,
                buyer,
                seller,
                base_amount,
            } => {
                let Some(what) = self.tables.markets.get(market).copied() else {
                    return Ok(());
                };
                self.change_holding(what, *seller, Step::Take(*base_amount), block)?;
                self.change_holding(what, *buyer, Step::Add(*base_amount), block)
            }
            Fact::SharesEscrowed {
                task,
                asset,
                poster,
                reward,
                places,
            } => self.shares_escrowed(*task, (*asset, *poster), (*reward, *places), block),
            Fact::EscrowReleased { task, amount } => self.escrow_released(*task, *amount, block),
            Fact::ContributionRecorded {
                contribution,
                asset,
                contributor,
                weight,
            } => self.contribution_recorded(*contribution, *asset, *contributor, *weight, block),
            Fact::ContributionVoided { contribution, asset } => self.contribution_voided(*contribution, *asset, block),
            Fact::ProtocolFeeChanged { share, account } => {
                self.tables.fee.set(
                    (),
                    Fee {
                        share: *share,
                        account: *account,
                    },
                );
                Ok(())
            }
            _ => self.take_in_money(fact, block),
        }
    }

    fn take_in_money(&mut self, fact: &Fact, block: &mut Block<'_>) -> Result<(), Refused> {
        match fact {
            Fact::RevenueReceived(payment) => self.revenue_received(payment, block),
            Fact::DistributorChanged { to } => {
                self.tables.paid.set((), *to);
                Ok(())
            }
            Fact::DisputeRaised { dispute, asset } => {
                self.known(*asset)?;
                self.hold_raised(HoldKey::Dispute(*dispute), *asset, block)
            }
            Fact::DisputeResolved { dispute, upheld } => {
                self.hold_resolved(HoldKey::Dispute(*dispute), *upheld, None, block)
            }
            Fact::ExecutionChallenged { challenge, execution } => {
                self.hold_raised(HoldKey::Challenge(*challenge), *execution, block)
            }
            Fact::ChallengeResolved {
                challenge,
                upheld,
                voided,
            } => self.hold_resolved(HoldKey::Challenge(*challenge), *upheld, *voided, block),
            Fact::RootProposed {
                epoch,
                root,
                computed_at,
            } => {
                self.root_proposed(*epoch, *root, *computed_at);
                Ok(())
            }
            Fact::RootDropped { epoch } => self.root_dropped(*epoch),
            Fact::RootFinalised { epoch, root } => self.root_finalised(*epoch, *root, block),
            Fact::PayoutClaimed {
                account,
                token,
                cumulative,
            } => {
                self.tables.claimed.set((*account, *token), *cumulative);
                Ok(())
            }
            _ => unreachable!("every other fact is about assets"),
        }
    }

    /// What waits for the block's end, or happens at once where the shares were issued in this block.
    fn change_holding(
        &mut self,
        what: Holding,
        account: Address,
        change: Step,
        block: &mut Block<'_>,
    ) -> Result<(), Refused> {
        // Mints come from the zero address and burns go to it.
        if account.is_zero() || self.contracts.is_custodian(account) {
            return Ok(());
        }
        match what {
            Holding::License(series) => self.change_licenses(series, account, change),
            Holding::Shares(id) => {
                let asset = self.known(id)?;
                if self.tables.assets[asset as usize].issued_in == Some(block.number) {
                    return self.change_shares(asset, account, change);
                }
                block.deferred.push(Deferred::Shares { asset, account, change });
                Ok(())
            }
        }
    }
}

impl Step {
    fn of(self, has: U256, what: Holding, account: Address, id: U256) -> Result<U256, Refused> {
        match self {
            Step::Add(amount) => has.checked_add(amount).ok_or(Refused::TooLarge(id)),
            Step::Take(amount) => has
                .checked_sub(amount)
                .ok_or(Refused::InsufficientHolding { what, account, amount }),
        }
    }
}
