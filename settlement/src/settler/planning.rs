//! New transactions in the making: what is to be tried out against the newest state, and what follows from how it went.
//!
//! Pure: the trials themselves, signing and writing are others'. Start at [`Planning::begin`]; then answer [`Planning::question`] until
//! there is a [`Draft`] or nothing to do.

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use souk_contracts::ExchangeVault::{flushRoyaltyCall, heartbeatCall};
use souk_schema::exchange::{FillNumber, GroupId};

use super::batch::{BatchLimits, build, gas_bound};
use super::decide::Want;
use super::error::SettleError;
use super::journal::Purpose;
use super::settling::Settling;
use crate::node::Trial;

/// What bounds new transactions.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Whose fills.
    pub group: GroupId,
    /// Of a batch.
    pub limits: BatchLimits,
    /// Most gas of a block.
    pub block_gas: u64,
    /// Whether a heartbeat is due.
    pub heartbeat_is_due: bool,
}

/// What is to be tried out against the newest state, from the operator's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// How much gas does the call take, at most this much?
    Estimate {
        /// The call.
        call: &'a Bytes,
        /// The bound.
        most_gas: u64,
    },
    /// Does the call work with exactly this much gas?
    Try {
        /// The call.
        call: &'a Bytes,
        /// The gas.
        gas: u64,
    },
}

/// A transaction that is ready to be signed and written down. The sending is the next step's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it is for.
    pub purpose: Purpose,
    /// The call.
    pub call: Bytes,
    /// The most gas that it may use.
    pub gas_limit: u64,
}

/// What an answer came to.
#[derive(Debug)]
pub enum Next {
    /// There is another question.
    Ask,
    /// Fills cannot be settled, for this reason; a heartbeat goes before them, and there is another question. They must not silence the
    /// operator as well: anyone could open the escape then.
    HeartbeatFirst(SettleError),
    /// Done.
    Write(Draft),
    /// The chain has gone on meanwhile: look again later.
    Nothing,
    /// Royalties stay in the vault for now, for this reason. Nobody waits for them; the next look comes in time.
    FlushLater(SettleError),
}

/// A transaction in the making.
#[derive(Debug)]
pub struct Planning<'a> {
    settling: &'a Settling,
    bounds: Bounds,
    /// The first fill, where it is a batch.
    first: FillNumber,
    draft: Draft,
    /// Whether its gas is known.
    is_estimated: bool,
}

impl Planning<'_> {
    /// Begins with what is wanted.
    ///
    /// # Errors
    /// [`SettleError::UnknownFill`]: the fill that is to be settled does not wait.
    pub fn begin(want: Want, settling: &Settling, mut bounds: Bounds) -> Result<Planning<'_>, SettleError> {
        let (first, draft) = match want {
            Want::Settle { first, at_most } => {
                let at_most = usize::try_from(at_most).unwrap_or(usize::MAX);
                bounds.limits.max_fills = bounds.limits.max_fills.min(at_most);
                (first, batch(settling, &bounds, first)?)
            }
            Want::Heartbeat => (FillNumber(0), heartbeat(&bounds)),
            Want::Flush { market } => {
                let call = flushRoyaltyCall { market }.abi_encode().into();
                (FillNumber(0), of_call(Purpose::Flush { market }, call, &bounds))
            }
        };
        Ok(Planning {
            settling,
            bounds,
            first,
            draft,
            is_estimated: false,
        })
    }

    /// What is to be tried out now.
    pub fn question(&self) -> Question<'_> {
        let Draft { call, gas_limit, .. } = &self.draft;
        match self.is_estimated {
            false => Question::Estimate {
                call,
                most_gas: *gas_limit,
            },
            true => Question::Try { call, gas: *gas_limit },
        }
    }

    /// Takes the answer to the question.
    ///
    /// # Errors
    /// [`SettleError::Refused`] and [`SettleError::FillTooDear`]: it cannot be sent.
    pub fn answer(&mut self, trial: Trial) -> Result<Next, SettleError> {
        if self.is_estimated {
            // Anything else, and the chain has gone on since the gas was estimated.
            return Ok(match trial {
                Trial::Works { .. } => Next::Write(self.draft.clone()),
                _ => Next::Nothing,
            });
        }
        let error = match (trial, self.draft.purpose) {
            (Trial::Works { gas }, purpose) => {
                self.draft.gas_limit = self.with_spare(gas, &purpose);
                self.is_estimated = true;
                return Ok(Next::Ask);
            }
            (Trial::TooMuchGas, Purpose::Batch { first, last, .. }) if first < last => {
                // As many as half of them are.
                self.bounds.limits.max_fills = usize::try_from((last.0 - first.0).div_ceil(2)).unwrap_or(usize::MAX);
                self.draft = batch(self.settling, &self.bounds, self.first)?;
                return Ok(Next::Ask);
            }
            (Trial::TooMuchGas, Purpose::Batch { first: fill, .. }) => {
                let limit = self.draft.gas_limit;
                SettleError::FillTooDear { fill, limit }
            }
            (Trial::Refused { is_stale: true, .. }, Purpose::Batch { .. }) => return Ok(Next::Nothing),
            (Trial::TooMuchGas, _) => self.refused("it needs more gas than a block has".to_owned()),
            (Trial::Refused { reason, .. }, _) => self.refused(reason),
        };
        match self.draft.purpose {
            Purpose::Batch { .. } if self.bounds.heartbeat_is_due => {
                self.draft = heartbeat(&self.bounds);
                Ok(Next::HeartbeatFirst(error))
            }
            Purpose::Flush { .. } => Ok(Next::FlushLater(error)),
            _ => Err(error),
        }
    }

    fn refused(&self, reason: String) -> SettleError {
        let what = match self.draft.purpose {
            Purpose::Batch { first, .. } => format!("a batch from fill {first} on"),
            Purpose::Heartbeat => "a heartbeat".to_owned(),
            Purpose::Flush { market } => format!("a flush of market {market}"),
        };
        SettleError::Refused { what, reason }
    }

    /// A quarter more than was estimated, for what changes until it is mined; twice as much where a batch failed for that already.
    fn with_spare(&self, gas: u64, purpose: &Purpose) -> u64 {
        let failed = matches!(purpose, Purpose::Batch { .. }) && self.settling.state().failed_fills().is_some();
        let spare = if failed { gas } else { gas / 4 };
        gas.saturating_add(spare).min(self.bounds.block_gas)
    }
}

fn heartbeat(bounds: &Bounds) -> Draft {
    of_call(Purpose::Heartbeat, heartbeatCall {}.abi_encode().into(), bounds)
}

/// A call of which nothing is known yet but that it must fit into a block.
fn of_call(purpose: Purpose, call: Bytes, bounds: &Bounds) -> Draft {
    Draft {
        purpose,
        call,
        gas_limit: bounds.block_gas,
    }
}

fn batch(settling: &Settling, bounds: &Bounds, first: FillNumber) -> Result<Draft, SettleError> {
    let batch = build(bounds.group, settling.queue(), first, &bounds.limits);
    let batch = batch.ok_or(SettleError::UnknownFill { fill: first })?;
    Ok(Draft {
        purpose: Purpose::Batch {
            first,
            last: batch.last(),
            voided: batch.voided(),
        },
        call: batch.call(),
        gas_limit: bounds.limits.max_gas.max(gas_bound(2, 1)).min(bounds.block_gas),
    })
}
