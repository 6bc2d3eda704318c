//! Facts of a chain. The differential test's chain is no real one: anything may follow anything, because an engine has to bear it. (The
//! simulation has a vault that behaves.)

use alloy_primitives::Address;
use rand::RngExt;
use souk_schema::TokenRef;
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{AccountId, Amount, FillNumber, InstrumentId};

use super::{Generator, TRADERS, key, tokens};
use crate::oracle::Oracle;

impl Generator {
    pub fn fact(&mut self, oracle: &Oracle) -> Fact {
        match self.random.random_range(0..130) {
            0..34 => self.settlement(oracle),
            34..48 => {
                let newest = oracle.consumed + 1;
                Fact::FillSkipped {
                    fill: FillNumber(if self.one_in(6) { newest + 1 } else { newest }),
                    reason: self.random.random_range(1..13),
                }
            }
            48..66 => self.deposit(oracle),
            66 | 67 if !self.calm => Fact::DepositVanished {
                deposit_id: self.random.random_range(1..self.deposits + 2),
            },
            68..76 => self.withdrawn(oracle),
            76..84 => Fact::FinalityReached {
                block: self.chain_position,
                secs: (oracle.time.secs() + 10).saturating_sub(self.random.random_range(0..90)),
            },
            84..86 => {
                self.exits += u64::from(!self.one_in(8));
                Fact::ExitRequested {
                    account: self.account(),
                    exit_id: self.exits,
                }
            }
            86..98 => self.exit_over(oracle),
            98..104 => {
                let number = self.random.random_range(0..TRADERS);
                let account = self.account();
                Fact::KeyRegistered {
                    account,
                    key: key(number),
                }
            }
            104..109 => self.key_revoked(oracle),
            109..113 => self.nonces_invalidated(oracle),
            113..118 => self.royalty_flushed(oracle),
            118 if !self.calm => Fact::SeriesRevoked {
                token: self.pick(&tokens()),
            },
            119 if !self.calm && self.one_in(3) => Fact::EscapeEntered,
            120..124 if !self.calm => self.vanished(oracle),
            124..127 if oracle.escaped => self.escaped(oracle),
            _ => self.settlement(oracle),
        }
    }

    /// The chain goes back past finality.
    fn vanished(&mut self, oracle: &Oracle) -> Fact {
        match self.random.random_range(0..4) {
            0 => Fact::FillsVanished {
                from: FillNumber(match self.one_in(8) {
                    true => self.pick(&[0, oracle.consumed + 1, u64::MAX]),
                    false => oracle.consumed.saturating_sub(self.random.random_range(0..12)),
                }),
            },
            1 => {
                let paid = oracle.over.iter().filter(|(_, (_, paid))| *paid).map(|(key, _)| *key);
                let (account, nonce) = paid.max().unwrap_or((2, 1));
                let known = oracle.accounts.get(account as usize);
                Fact::WithdrawalVanished {
                    account: known.map_or(Address::ZERO, |account| account.address),
                    nonce: nonce + u64::from(self.one_in(8)),
                }
            }
            2 => Fact::ExitVanished {
                exit_id: match oracle.paid_exits.last_key_value().filter(|_| !self.one_in(8)) {
                    Some((exit_id, _)) => *exit_id,
                    None => self.exits + 1,
                },
            },
            _ => Fact::FlushVanished {
                market: self.market_key(oracle),
                amount: Amount(self.random.random_range(0..40)),
            },
        }
    }

    fn settlement(&mut self, oracle: &Oracle) -> Fact {
        let newest = oracle.fills.len() as u64;
        if newest == oracle.consumed && !self.one_in(6) {
            return self.deposit(oracle);
        }
        let through = match self.one_in(15) {
            true => self.pick(&[0, oracle.consumed, newest + 1, u64::MAX]),
            false => self.random.random_range((oracle.consumed + 1).min(newest)..=newest),
        };
        Fact::FillsSettled {
            through: FillNumber(through),
        }
    }

    fn deposit(&mut self, oracle: &Oracle) -> Fact {
        let vanished = oracle.deposits.iter().find(|(_, deposit)| deposit.vanished);
        if let Some((id, deposit)) = vanished.filter(|_| self.one_in(2)) {
            return Fact::Deposited {
                deposit_id: *id,
                account: oracle.accounts[deposit.account.0 as usize].address,
                token: oracle.instruments[deposit.instrument.0 as usize],
                amount: deposit.amount,
            };
        }
        self.deposits += u64::from(!self.one_in(20));
        let amount = match self.random.random_range(0..60) {
            0 => 0,
            1 => u128::MAX,
            2 => 1 << 126,
            3 => (1 << 126) - 1,
            _ => self.random.random_range(1..200),
        };
        Fact::Deposited {
            deposit_id: self.deposits,
            account: self.account(),
            token: match self.one_in(30) {
                true => TokenRef::new(Address::repeat_byte(0x44), alloy_primitives::U256::ZERO),
                false => self.pick(&tokens()),
            },
            amount: Amount(amount),
        }
    }

    fn withdrawn(&mut self, oracle: &Oracle) -> Fact {
        let returned = oracle.over.iter().filter(|(_, (_, paid))| !paid);
        let returned = returned.map(|(key, _)| key).next().filter(|_| self.one_in(3));
        let under_way = oracle.withdrawals.keys().next().filter(|_| !self.one_in(8));
        let known = returned.or(under_way);
        match known {
            Some((account, nonce)) => Fact::Withdrawn {
                account: oracle.accounts[*account as usize].address,
                nonce: *nonce,
            },
            None => Fact::Withdrawn {
                account: self.account(),
                nonce: 1,
            },
        }
    }

    fn exit_over(&mut self, oracle: &Oracle) -> Fact {
        let mut accounts = oracle.accounts.iter().enumerate();
        let stopped = accounts.find(|(_, account)| !account.exits.is_empty());
        let Some((place, account)) = stopped.filter(|_| !self.one_in(8)) else {
            return Fact::ExitCancelled {
                account: self.account(),
                exit_id: self.exits,
            };
        };
        let exit_id = *account.exits.first().expect("it is stopped");
        let address = account.address;
        if self.one_in(3) {
            return Fact::ExitCancelled {
                account: address,
                exit_id,
            };
        }
        let instrument = self.random.random_range(0..oracle.instruments.len().max(1));
        let account = AccountId(place as u32);
        let balance = oracle.balance(account, InstrumentId(instrument as u32));
        let most = balance.available.max(0) as u128 + balance.pending_out;
        Fact::ExitExecuted {
            account: address,
            exit_id,
            token: match self.one_in(10) {
                true => TokenRef::new(Address::repeat_byte(0x44), alloy_primitives::U256::ZERO),
                false => oracle.instruments.get(instrument).copied().unwrap_or(tokens()[0]),
            },
            amount: Amount(match self.one_in(6) {
                true => most + 50,
                false => most - self.random.random_range(0..=most.min(50)),
            }),
        }
    }

    fn key_revoked(&mut self, oracle: &Oracle) -> Fact {
        let mut accounts = oracle.accounts.iter().filter(|account| !account.keys.is_empty());
        match accounts.next_back().filter(|_| !self.one_in(6)) {
            Some(account) => Fact::KeyRevoked {
                account: account.address,
                key: *account.keys.first().expect("filtered"),
            },
            None => Fact::KeyRevoked {
                account: self.account(),
                key: key(0),
            },
        }
    }

    fn nonces_invalidated(&mut self, oracle: &Oracle) -> Fact {
        let account = self.account();
        let nonce = self.nonce(oracle, account);
        Fact::NoncesInvalidated {
            account,
            below: match self.one_in(2) {
                true => nonce.saturating_sub(self.random.random_range(0..30)),
                false => 0,
            },
            single: self
                .one_in(2)
                .then(|| nonce.saturating_sub(self.random.random_range(0..10))),
        }
    }

    fn escaped(&mut self, oracle: &Oracle) -> Fact {
        let account = self.account();
        let instrument = self.random.random_range(0..oracle.instruments.len().max(1));
        let known = oracle.accounts.iter().position(|known| known.address == account);
        let available = known.map_or(1, |place| {
            let balance = oracle.balance(AccountId(place as u32), InstrumentId(instrument as u32));
            balance.available.max(0) as u128
        });
        Fact::Escaped {
            account,
            token: oracle.instruments.get(instrument).copied().unwrap_or(tokens()[0]),
            amount: Amount(match self.one_in(6) {
                true => available + 1,
                false => available,
            }),
        }
    }

    fn royalty_flushed(&mut self, oracle: &Oracle) -> Fact {
        let market = self.market_key(oracle);
        let amount = oracle.market_of(market).map_or(1, |market| {
            let market = &oracle.markets[market as usize];
            oracle.balance(market.royalty_account, market.quote).available.max(0) as u128
        });
        Fact::RoyaltyFlushed {
            market,
            amount: Amount(match self.one_in(6) {
                true => amount + 1,
                false => self.random.random_range(0..=amount.min(1 << 90)),
            }),
        }
    }
}
