//! The columns of rows of tasks, executions, disputes, payouts, mirrors and markets, as JSON; and which asset each belongs to.

use serde_json::{Value, json};
use souk_schema::caip::AssetId;
use souk_schema::event::DomainEvent;
use souk_schema::{Address, B256, TokenRef, U256};

use super::fields::{hex, key};

/// What an event says of things that are made once.
#[derive(Default)]
pub struct Story {
    /// Table and key of what is made, and the words for it.
    pub makes: Option<(&'static str, TokenRef, &'static str, &'static str)>,
    /// Table and key of what must be there, and the words for it.
    pub needs: Option<(&'static str, TokenRef, &'static str, &'static str)>,
}

/// What an event needs and makes.
pub fn story(event: &DomainEvent) -> Story {
    use DomainEvent as E;
    let task = |key| ("task", key, "task", "posted");
    let submission = |key| ("submission", key, "submission", "made");
    let execution = |key| ("execution", key, "execution", "requested");
    let round = |key| ("federated_round", key, "round", "opened");
    let challenge = |key| ("challenge", key, "challenge", "raised");
    let dispute = |key| ("dispute", key, "dispute", "raised");
    let (makes, needs) = match event {
        E::TaskPosted(e) => (Some(task(e.task)), None),
        E::SubmissionMade(e) => (Some(submission(e.submission)), Some(task(e.task))),
        E::SubmissionReviewed(e) => (None, Some(submission(e.submission))),
        E::SubmissionRejected(e) => (None, Some(submission(e.submission))),
        E::RewardPaid(e) => (None, Some(submission(e.submission))),
        E::TaskClosed(e) => (Some(("task_closing", e.task, "task", "closed")), Some(task(e.task))),
        E::ExecutionRequested(e) => (Some(execution(e.execution)), None),
        E::ExecutionCompleted(e) => {
            let made = ("execution_completion", e.execution, "execution", "completed");
            (Some(made), Some(execution(e.execution)))
        }
        E::ExecutionCancelled(e) => {
            let made = ("execution_cancellation", e.execution, "execution", "cancelled");
            (Some(made), Some(execution(e.execution)))
        }
        E::RoundOpened(e) => (Some(round(e.round)), None),
        E::UpdateSubmitted(e) => (None, Some(round(e.round))),
        E::RoundAggregated(e) => {
            let made = ("round_aggregation", e.round, "round", "aggregated");
            (Some(made), Some(round(e.round)))
        }
        E::ExecutionChallenged(e) => (Some(challenge(e.challenge)), Some(execution(e.execution))),
        E::ChallengeResolved(e) => {
            let made = ("challenge_resolution", e.challenge, "challenge", "resolved");
            (Some(made), Some(challenge(e.challenge)))
        }
        E::DisputeRaised(e) => (Some(dispute(e.dispute)), None),
        E::DisputeJudged(e) => (None, Some(dispute(e.dispute))),
        E::DisputeResolved(e) => {
            let made = ("dispute_resolution", e.dispute, "dispute", "resolved");
            (Some(made), Some(dispute(e.dispute)))
        }
        _ => (None, None),
    };
    Story { makes, needs }
}

fn some(token: &Option<TokenRef>) -> Value {
    token.as_ref().map_or(Value::Null, key)
}

fn keys(tokens: &[TokenRef]) -> Vec<Value> {
    tokens.iter().map(key).collect()
}

/// The table and columns of an event's row, with the asset that it belongs to where it is of things.
pub fn fields(event: &DomainEvent, asset: Option<TokenRef>) -> (&'static str, Value) {
    use DomainEvent as E;
    let asset_key = some(&asset);
    match event {
        E::TaskPosted(e) => {
            let reviewers: Vec<Value> = e.reviewers.iter().map(hex).collect();
            let fields = json!({ "task_key": key(&e.task), "asset_key": asset_key, "poster": hex(e.poster),
                "mode": e.mode.number(), "role": e.role.number(), "reward_token": hex(e.reward_token),
                "reward": e.reward.to_string(), "second_token": hex(e.second_token),
                "second_reward": e.second_reward.to_string(), "places": e.places, "quorum": e.quorum,
                "deadline": e.deadline, "weight": e.weight.to_string(), "reviewers": reviewers,
                "spec_hash": hex(e.spec_hash), "spec_uri": e.spec_uri });
            ("task", fields)
        }
        E::SubmissionMade(e) => {
            let fields = json!({ "submission_key": key(&e.submission), "task_key": key(&e.task),
                "asset_key": asset_key, "worker": hex(e.worker), "content_hash": hex(e.content_hash),
                "content_uri": e.content_uri });
            ("submission", fields)
        }
        E::SubmissionReviewed(e) => {
            let fields = json!({ "submission_key": key(&e.submission), "task_key": key(&e.task),
                "asset_key": asset_key, "reviewer": hex(e.reviewer), "accepted": e.accepted,
                "note_hash": hex(e.note_hash) });
            ("submission_review", fields)
        }
        E::SubmissionRejected(e) => {
            let fields = json!({ "submission_key": key(&e.submission), "task_key": key(&e.task),
                "asset_key": asset_key, "worker": hex(e.worker) });
            ("submission_rejection", fields)
        }
        E::RewardPaid(e) => {
            let fields = json!({ "submission_key": key(&e.submission), "task_key": key(&e.task),
                "asset_key": asset_key, "worker": hex(e.worker), "token": hex(e.token),
                "amount": e.amount.to_string(), "contribution_key": some(&e.contribution) });
            ("reward", fields)
        }
        E::TaskClosed(e) => {
            let fields = json!({ "task_key": key(&e.task), "asset_key": asset_key, "accepted": e.accepted,
                "refund": e.refund.to_string(), "second_refund": e.second_refund.to_string() });
            ("task_closing", fields)
        }
        _ => of_use(event, asset_key),
    }
}

fn of_use(event: &DomainEvent, asset_key: Value) -> (&'static str, Value) {
    use DomainEvent as E;
    match event {
        E::ExecutionRequested(e) => {
            let fields = json!({ "execution_key": key(&e.execution), "asset_key": asset_key,
                "requester": hex(e.requester), "caller_key": some(&e.caller), "parent_key": some(&e.parent),
                "kind": e.kind.number(), "license_id": e.license_id.to_string(), "provider": hex(e.provider),
                "fee_token": hex(e.fee_token), "fee": e.fee.to_string(), "privacy": e.privacy.number(),
                "epsilon_micros": e.epsilon_micros, "dataset_keys": keys(&e.datasets),
                "input_hash": hex(e.input_hash), "deadline": e.deadline });
            ("execution", fields)
        }
        E::ExecutionCompleted(e) => {
            let fields = json!({ "execution_key": key(&e.execution), "asset_key": asset_key,
                "provider": hex(e.provider), "output_key": some(&e.output), "output_hash": hex(e.output_hash),
                "metered_units": e.metered_units, "revenue_key": some(&e.revenue),
                "contribution_key": some(&e.contribution) });
            ("execution_completion", fields)
        }
        E::ExecutionCancelled(e) => {
            let fields =
                json!({ "execution_key": key(&e.execution), "asset_key": asset_key, "refund": e.refund.to_string() });
            ("execution_cancellation", fields)
        }
        E::RoundOpened(e) => {
            let fields = json!({ "round_key": key(&e.round), "asset_key": asset_key,
                "coordinator": hex(e.coordinator), "number": e.number, "privacy": e.privacy.number(),
                "epsilon_micros": e.epsilon_micros, "base_hash": hex(e.base_hash), "deadline": e.deadline });
            ("federated_round", fields)
        }
        E::UpdateSubmitted(e) => {
            let fields = json!({ "round_key": key(&e.round), "asset_key": asset_key,
                "participant": hex(e.participant), "dataset_key": some(&e.dataset),
                "update_hash": hex(e.update_hash), "weight": e.weight.to_string() });
            ("round_update", fields)
        }
        E::RoundAggregated(e) => {
            let fields = json!({ "round_key": key(&e.round), "asset_key": asset_key, "output_key": some(&e.output),
                "result_hash": hex(e.result_hash), "first_contribution_key": some(&e.first_contribution),
                "participants": e.participants.to_string() });
            ("round_aggregation", fields)
        }
        E::ExecutionChallenged(e) => {
            let fields = json!({ "challenge_key": key(&e.challenge), "execution_key": key(&e.execution),
                "asset_key": asset_key, "challenger": hex(e.challenger), "bond": e.bond.to_string(),
                "evidence_hash": hex(e.evidence_hash), "evidence_uri": e.evidence_uri });
            ("challenge", fields)
        }
        E::ChallengeResolved(e) => {
            let fields = json!({ "challenge_key": key(&e.challenge), "execution_key": key(&e.execution),
                "asset_key": asset_key, "upheld": e.upheld, "bond_to": hex(e.bond_to), "bond": e.bond.to_string(),
                "voided_contribution_key": some(&e.voided_contribution) });
            ("challenge_resolution", fields)
        }
        E::DisputeRaised(e) => {
            let fields = json!({ "dispute_key": key(&e.dispute), "asset_key": asset_key,
                "challenger": hex(e.challenger), "tag": e.tag.number(), "bond": e.bond.to_string(),
                "evidence_hash": hex(e.evidence_hash), "evidence_uri": e.evidence_uri });
            ("dispute", fields)
        }
        E::DisputeJudged(e) => {
            let fields = json!({ "dispute_key": key(&e.dispute), "asset_key": asset_key, "judge": hex(e.judge),
                "upheld": e.upheld, "resolvable_at": e.resolvable_at, "ruling_hash": hex(e.ruling_hash) });
            ("dispute_judgement", fields)
        }
        E::DisputeResolved(e) => {
            let fields = json!({ "dispute_key": key(&e.dispute), "asset_key": asset_key,
                "outcome": e.outcome.number(), "bond_to": hex(e.bond_to), "bond": e.bond.to_string() });
            ("dispute_resolution", fields)
        }
        _ => of_money(event),
    }
}

fn of_money(event: &DomainEvent) -> (&'static str, Value) {
    use DomainEvent as E;
    match event {
        E::RootProposed(e) => {
            let fields = json!({ "distributor": hex(e.distributor), "epoch": e.epoch, "root": hex(e.root),
                "computed_number": e.computed_at.number, "computed_hash": hex(e.computed_at.hash),
                "finalisable_at": e.finalisable_at, "proposer": hex(e.proposer) });
            ("payout_root", fields)
        }
        E::RootDisputed(e) => {
            let of = (e.distributor, e.epoch, e.root);
            root_change(of, 0, Some((e.disputer, e.bond)), Some(&e.reason))
        }
        E::RootDisputeResolved(e) => {
            let of = (e.distributor, e.epoch, e.root);
            root_change(of, if e.upheld { 2 } else { 1 }, Some((e.bond_to, e.bond)), None)
        }
        E::RootWithdrawn(e) => root_change((e.distributor, e.epoch, e.root), 3, None, None),
        E::RootFinalised(e) => root_change((e.distributor, e.epoch, e.root), 4, None, None),
        E::PayoutClaimed(e) => {
            let fields = json!({ "distributor": hex(e.distributor), "account": hex(e.account), "token": hex(e.token),
                "amount": e.amount.to_string(), "cumulative": e.cumulative.to_string() });
            ("payout_claim", fields)
        }
        E::ProtocolFeeChanged(e) => {
            let fields = json!({ "distributor": hex(e.distributor), "share_e8": e.current.parts(),
                "fee_account": hex(e.fee_account) });
            ("protocol_fee", fields)
        }
        E::AssetAnnounced(e) => {
            let fields = json!({ "gateway": hex(e.gateway), "announcement_id": hex(e.announcement),
                "asset_key": key(&e.asset), "target_chain": e.target_chain.0, "content_hash": hex(e.content_hash) });
            ("announcement", fields)
        }
        E::AssetMirrored(e) => {
            let AssetId::Evm(origin) = &e.origin else {
                unreachable!("this world mirrors EVM assets")
            };
            let fields = json!({ "gateway": hex(e.gateway), "announcement_id": hex(e.announcement),
                "mirror_key": key(&e.mirror), "origin_chain": origin.chain.0, "origin_key": key(&origin.token),
                "origin_gateway": hex(e.origin_gateway), "content_hash": hex(e.content_hash),
                "relayer": hex(e.relayer) });
            ("mirror", fields)
        }
        E::VaultMarketListed(e) => {
            let fields = json!({ "vault": hex(e.vault), "market": hex(e.market), "base_key": key(&e.base),
                "quote_key": key(&e.quote), "asset_key": some(&e.asset), "royalty_account": hex(e.royalty_account) });
            ("vault_market", fields)
        }
        other => unreachable!("{} is handled before", other.name()),
    }
}

fn root_change(
    (distributor, epoch, root): (Address, u64, B256),
    change: u8,
    by: Option<(Address, U256)>,
    reason: Option<&str>,
) -> (&'static str, Value) {
    let fields = json!({ "distributor": hex(distributor), "epoch": epoch, "root": hex(root), "change": change,
        "account": by.map(|(account, _)| hex(account)), "bond": by.map(|(_, bond)| bond.to_string()),
        "reason": reason });
    ("payout_root_change", fields)
}
