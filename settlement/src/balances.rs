//! What every account has in the vault, as of any final block: the vault's own bookkeeping, folded from its events (LED-2).
//!
//! Never asks a node; a test compares it with the contract's `balanceOf`. Start at [`VaultFold::fold`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::{Address, B256, U256};
use souk_contracts::ExchangeVault::SettledFill;
use souk_contracts::exchange::royalty_account;
use souk_schema::exchange::Amount;
use souk_schema::record::ChainRecordBody;
use souk_schema::{BlockRef, TokenRef};

use crate::vault_log::{Contracts, VaultEvent, read};

/// Events that do not add up: not this vault's, or not all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BalanceError {
    /// A balance would leave what 128 bits hold.
    #[error("block {block}: {account} would have less than nothing, or more than there can be, of {token:?}")]
    OutOfRange {
        /// Where.
        block: u64,
        /// Whose.
        account: Address,
        /// Of what.
        token: TokenRef,
    },
    /// A fill of a market whose listing was not seen.
    #[error(
        "block {block}: a fill of market {market}, which the stream does not list; does it begin after the vault's first block?"
    )]
    UnknownMarket {
        /// Where.
        block: u64,
        /// Which.
        market: B256,
    },
    /// A record does not fit to those before it.
    #[error("block {number} does not fit to the blocks before it in the stream")]
    Unlinked {
        /// The block of which the record speaks.
        number: u64,
    },
}

/// The vault's balances over time. A generation of a stream is folded from its beginning.
#[derive(Clone, Debug)]
pub struct VaultFold {
    contracts: Contracts,
    unfinal: VecDeque<(BlockRef, Vec<VaultEvent>)>,
    last_final: Option<BlockRef>,
    markets: BTreeMap<B256, (TokenRef, TokenRef)>,
    fee_account: Address,
    /// Per account and token the balances, each with the block from which on it holds, oldest first.
    balances: BTreeMap<(Address, TokenRef), Vec<(u64, u128)>>,
}

impl VaultFold {
    /// Before the vault's first event.
    pub fn new(contracts: Contracts) -> VaultFold {
        VaultFold {
            contracts,
            unfinal: VecDeque::new(),
            last_final: None,
            markets: BTreeMap::new(),
            fee_account: Address::ZERO,
            balances: BTreeMap::new(),
        }
    }

    /// Takes the next record; a `StreamOpened` starts from nothing.
    ///
    /// # Errors
    /// [`BalanceError`]; the fold is of no use afterwards.
    pub fn fold(&mut self, body: &ChainRecordBody) -> Result<(), BalanceError> {
        match body {
            ChainRecordBody::StreamOpened(_) => *self = VaultFold::new(self.contracts),
            ChainRecordBody::BlockAppended(block) => {
                let events = read(&self.contracts, &block.logs);
                let events = events.into_iter().map(|(_, event)| event).collect();
                self.unfinal.push_back((block.block_ref(), events));
            }
            ChainRecordBody::BlockReverted(reverted) => {
                let number = reverted.number;
                let head = self.unfinal.pop_back();
                head.filter(|(block, _)| block.hash == reverted.hash)
                    .ok_or(BalanceError::Unlinked { number })?;
            }
            ChainRecordBody::FinalityAdvanced(block) => self.finalize(*block)?,
        }
        Ok(())
    }

    /// The newest final block.
    pub fn last_final(&self) -> Option<BlockRef> {
        self.last_final
    }

    /// What an account has of a token at the end of a final block.
    pub fn balance_at(&self, block: u64, account: Address, token: TokenRef) -> Amount {
        self.balances
            .get(&(account, token))
            .map_or(Amount::ZERO, |history| balance_in(history, block))
    }

    /// All balances that are not 0 at the end of a final block, by account and token.
    pub fn all_at(&self, block: u64) -> impl Iterator<Item = (Address, TokenRef, Amount)> + '_ {
        let all = self.balances.iter();
        all.map(move |(&(account, token), history)| (account, token, balance_in(history, block)))
            .filter(|(_, _, balance)| *balance != Amount::ZERO)
    }

    /// Every token that a market on chain trades or is paid in.
    pub fn traded(&self) -> BTreeSet<TokenRef> {
        self.markets.values().flat_map(|&(base, quote)| [base, quote]).collect()
    }

    /// Those of them that pay: ERC-20 tokens.
    pub fn payments(&self) -> BTreeSet<TokenRef> {
        self.markets.values().map(|&(_, quote)| quote).collect()
    }

    /// Tokens that are about to be traded: their first market is listed in a block that is not final yet.
    pub fn listing(&self) -> BTreeSet<TokenRef> {
        let traded = self.traded();
        let events = self.unfinal.iter().flat_map(|(_, events)| events);
        let listed = events.filter_map(|event| match event {
            VaultEvent::MarketListed { base, quote, .. } => Some([*base, TokenRef::new(*quote, U256::ZERO)]),
            _ => None,
        });
        listed.flatten().filter(|token| !traded.contains(token)).collect()
    }

    fn finalize(&mut self, block: BlockRef) -> Result<(), BalanceError> {
        let unlinked = BalanceError::Unlinked { number: block.number };
        let place = self.unfinal.iter().position(|(unfinal, _)| *unfinal == block);
        let finalized: Vec<_> = self.unfinal.drain(..=place.ok_or(unlinked)?).collect();
        for (at, events) in finalized {
            for event in events {
                self.apply(at.number, event)?;
            }
        }
        self.last_final = Some(block);
        Ok(())
    }

    fn apply(&mut self, block: u64, event: VaultEvent) -> Result<(), BalanceError> {
        match event {
            VaultEvent::MarketListed { market, base, quote } => {
                self.markets.insert(market, (base, TokenRef::new(quote, U256::ZERO)));
                Ok(())
            }
            VaultEvent::FeeAccountChanged { account } => {
                self.fee_account = account;
                Ok(())
            }
            VaultEvent::Deposited {
                account, token, amount, ..
            } => self.credit(block, account, token, amount.0),
            VaultEvent::Withdrawn {
                account, token, amount, ..
            }
            | VaultEvent::ExitExecuted {
                account,
                token,
                paid: amount,
                ..
            }
            | VaultEvent::Escaped { account, token, amount } => self.debit(block, account, token, amount.0),
            VaultEvent::RoyaltyFlushed {
                market, quote, amount, ..
            } => self.debit(
                block,
                royalty_account(market),
                TokenRef::new(quote, U256::ZERO),
                amount.0,
            ),
            VaultEvent::FillSettled { market, fill, .. } => self.settle(block, market, &fill),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, block: u64, market: B256, fill: &SettledFill) -> Result<(), BalanceError> {
        let &(base, quote) = self
            .markets
            .get(&market)
            .ok_or(BalanceError::UnknownMarket { block, market })?;
        self.debit(block, fill.seller, base, fill.baseAmount)?;
        self.credit(block, fill.buyer, base, fill.baseAmount)?;
        self.debit(block, fill.buyer, quote, fill.quoteAmount)?;
        self.debit(block, fill.buyer, quote, fill.buyerFee)?;
        self.credit(block, fill.seller, quote, fill.quoteAmount)?;
        self.debit(block, fill.seller, quote, fill.sellerFee)?;
        self.debit(block, fill.seller, quote, fill.royalty)?;
        self.credit(block, self.fee_account, quote, fill.buyerFee)?;
        self.credit(block, self.fee_account, quote, fill.sellerFee)?;
        self.credit(block, royalty_account(market), quote, fill.royalty)
    }

    fn credit(&mut self, block: u64, account: Address, token: TokenRef, amount: u128) -> Result<(), BalanceError> {
        self.change(block, account, token, |balance| balance.checked_add(amount))
    }

    fn debit(&mut self, block: u64, account: Address, token: TokenRef, amount: u128) -> Result<(), BalanceError> {
        self.change(block, account, token, |balance| balance.checked_sub(amount))
    }

    fn change(
        &mut self,
        block: u64,
        account: Address,
        token: TokenRef,
        change: impl FnOnce(u128) -> Option<u128>,
    ) -> Result<(), BalanceError> {
        let history = self.balances.entry((account, token)).or_default();
        let before = history.last().map_or(0, |&(_, balance)| balance);
        let after = change(before).ok_or(BalanceError::OutOfRange { block, account, token })?;
        match history.last_mut() {
            Some((at, balance)) if *at == block => *balance = after,
            _ if after == before => {}
            _ => history.push((block, after)),
        }
        Ok(())
    }
}

fn balance_in(history: &[(u64, u128)], block: u64) -> Amount {
    let newer = history.partition_point(|&(from, _)| from <= block);
    Amount(newer.checked_sub(1).map_or(0, |newest| history[newest].1))
}
