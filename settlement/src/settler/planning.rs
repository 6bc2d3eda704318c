//! New transactions: made, tried out against the newest state, signed and written down. The sending is the next step's.

use alloy::primitives::{Bytes, keccak256};
use alloy::sol_types::SolCall;
use souk_contracts::ExchangeVault::{flushRoyaltyCall, heartbeatCall};
use souk_schema::exchange::FillNumber;

use super::batch::{build, gas_bound};
use super::decide::{Observation, Want, heartbeat_is_due};
use super::error::SettleError;
use super::journal::{Entry, Planned, Purpose};
use super::run::{Settler, Step};
use crate::node::{Head, Trial};

impl Settler {
    pub(super) async fn plan(&mut self, want: Want, seen: &Observation, head: Head) -> Result<Step, SettleError> {
        match want {
            Want::Settle { first, at_most } => match self.plan_batch(first, at_most, seen, head).await {
                // Fills that cannot be settled must not silence the operator as well: anyone could open the escape then.
                Err(error @ (SettleError::Refused { .. } | SettleError::FillTooDear { .. }))
                    if heartbeat_is_due(seen, &self.config.policy) =>
                {
                    tracing::warn!(group = %self.config.group, %error, "a heartbeat goes before the fills");
                    self.plan_heartbeat(seen, head).await
                }
                planned => planned,
            },
            Want::Heartbeat => self.plan_heartbeat(seen, head).await,
            Want::Flush { market } => {
                let call = flushRoyaltyCall { market }.abi_encode().into();
                match self
                    .plan_call("a flush", Purpose::Flush { market }, call, seen, head)
                    .await
                {
                    Err(error @ SettleError::Refused { .. }) => {
                        // Nobody waits for it; the next look comes in time.
                        tracing::warn!(group = %self.config.group, %market, %error, "royalties stay in the vault for now");
                        self.royalties_seen_secs = head.secs;
                        Ok(Step::Idle)
                    }
                    planned => planned,
                }
            }
        }
    }

    async fn plan_heartbeat(&mut self, seen: &Observation, head: Head) -> Result<Step, SettleError> {
        let call = heartbeatCall {}.abi_encode().into();
        self.plan_call("a heartbeat", Purpose::Heartbeat, call, seen, head)
            .await
    }

    async fn plan_batch(
        &mut self,
        first: FillNumber,
        at_most: u64,
        seen: &Observation,
        head: Head,
    ) -> Result<Step, SettleError> {
        let mut limits = self.config.limits;
        limits.max_fills = limits.max_fills.min(usize::try_from(at_most).unwrap_or(usize::MAX));
        let most_gas = limits.max_gas.max(gas_bound(2, 1)).min(head.gas_limit);
        loop {
            let batch = build(self.config.group, &self.queue, first, &limits);
            let batch = batch.ok_or(SettleError::UnknownFill { fill: first })?;
            let purpose = Purpose::Batch {
                first,
                last: batch.last(),
                voided: batch.voided(),
            };
            let call = batch.call();
            match self.node.try_out(self.operator.address(), &call, most_gas).await? {
                Trial::Works { gas } => {
                    let spare = if self.state.failed_fills().is_some() {
                        gas
                    } else {
                        gas / 4
                    };
                    let gas_limit = gas.saturating_add(spare).min(head.gas_limit);
                    return self.plan_sure(purpose, call, gas_limit, seen).await;
                }
                Trial::TooMuchGas if batch.fills.len() > 1 => limits.max_fills = batch.fills.len() / 2,
                Trial::TooMuchGas => {
                    let (fill, limit) = (first, most_gas);
                    return Err(SettleError::FillTooDear { fill, limit });
                }
                // The chain has gone on meanwhile.
                Trial::Refused { is_stale: true, .. } => return Ok(Step::Idle),
                Trial::Refused { reason, .. } => {
                    let what = format!("a batch from fill {first} on");
                    return Err(SettleError::Refused { what, reason });
                }
            }
        }
    }

    async fn plan_call(
        &mut self,
        what: &str,
        purpose: Purpose,
        call: Bytes,
        seen: &Observation,
        head: Head,
    ) -> Result<Step, SettleError> {
        match self
            .node
            .try_out(self.operator.address(), &call, head.gas_limit)
            .await?
        {
            Trial::Works { gas } => self.plan_sure(purpose, call, gas.saturating_add(gas / 4), seen).await,
            Trial::TooMuchGas => Err(SettleError::Refused {
                what: what.to_owned(),
                reason: "it needs more gas than a block has".to_owned(),
            }),
            Trial::Refused { reason, .. } => {
                let what = what.to_owned();
                Err(SettleError::Refused { what, reason })
            }
        }
    }

    /// Looks once more, with exactly the gas that will be sent, signs and writes down. The sending is the next step's.
    async fn plan_sure(
        &mut self,
        purpose: Purpose,
        call: Bytes,
        gas_limit: u64,
        seen: &Observation,
    ) -> Result<Step, SettleError> {
        if !matches!(
            self.node.simulate(self.operator.address(), &call, gas_limit).await?,
            Trial::Works { .. }
        ) {
            // The chain has gone on since the gas was estimated.
            return Ok(Step::Idle);
        }
        let fees = self.config.policy.fees.first(seen.base_fee_wei);
        let call_hash = keccak256(&call);
        let signer = self.operator.signer.key();
        let attempt = self.node.sign(signer, seen.nonce, gas_limit, call, fees)?;
        let planned = Planned {
            id: self.state.next_id(),
            nonce: seen.nonce,
            to: self.node.vault(),
            gas_limit,
            call_hash,
            purpose,
            attempt,
        };
        self.record(Entry::Planned(planned)).await?;
        Ok(Step::Acted)
    }
}
