//! Use of assets: executions, challenges of them, rounds of federated learning, and the derivations that they back.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use souk_schema::ChainId;
use sqlx::FromRow;

use super::chain_number;
use super::listing::{SortType, listing};
use super::loaders::Loaders;
use crate::error::ApiError;
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};

const BY_LOG: &[(&str, SortType)] = &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer)];

/// A row of `execution`, with what came of it as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct ExecutionRow {
    /// The execution in its log.
    pub execution_key: Key,
    /// What is executed.
    pub asset_key: Key,
    /// Who asked.
    pub requester: Address,
    /// The asset that asked, where it was an agent.
    pub caller_key: Option<Key>,
    /// The execution in the course of which it was asked for.
    pub parent_key: Option<Key>,
    /// The kind's number.
    pub kind: i16,
    /// The licence series' number; 0 where none was needed.
    pub license_id: BigInt,
    /// Who is to do it.
    pub provider: Address,
    /// What it is paid in.
    pub fee_token: Address,
    /// How much.
    pub fee: BigInt,
    /// The privacy mode's number.
    pub privacy: i16,
    /// Millionths of an epsilon.
    pub epsilon_micros: BigInt,
    /// What it uses beside the asset.
    pub dataset_keys: Vec<Vec<u8>>,
    /// Commitment to the input.
    pub input_hash: Bytes32,
    /// Unix time in seconds.
    pub deadline: BigInt,
    /// The block that asked for it.
    pub valid_from: Long,
    /// The log that asked for it.
    pub log_index: i32,
    /// The asset that came of it.
    pub output_key: Option<Key>,
    /// Commitment to the output; there once it is completed, as are the next.
    pub output_hash: Option<Bytes32>,
    /// How much was used.
    pub metered_units: Option<BigInt>,
    /// The revenue that the fee became.
    pub revenue_key: Option<Key>,
    /// The contribution that was recorded for the provider.
    pub contribution_key: Option<Key>,
    /// The block that completed it.
    pub completed_block: Option<Long>,
    /// The log that completed it.
    pub completed_log_index: Option<i32>,
    /// What went back when it was cancelled.
    pub refund: Option<BigInt>,
    /// The block that cancelled it.
    pub cancelled_block: Option<Long>,
    /// The log that cancelled it.
    pub cancelled_log_index: Option<i32>,
}

const EXECUTION: &str = "t.execution_key, t.asset_key, t.requester, t.caller_key, t.parent_key, t.kind, t.license_id::text as license_id, \
    t.provider, t.fee_token, t.fee::text as fee, t.privacy, t.epsilon_micros::text as epsilon_micros, t.dataset_keys, t.input_hash, \
    t.deadline::text as deadline, t.valid_from, t.log_index, c.output_key, c.output_hash, c.metered_units::text as metered_units, \
    c.revenue_key, c.contribution_key, c.valid_from as completed_block, c.log_index as completed_log_index, \
    x.refund::text as refund, x.valid_from as cancelled_block, x.log_index as cancelled_log_index";

macro_rules! executions_where {
    ($condition:literal) => {
        concat!(
            "execution t left join execution_completion c on c.chain_id = t.chain_id and c.execution_key = t.execution_key \
             and c.valid_from <= k.at left join execution_cancellation x on x.chain_id = t.chain_id \
             and x.execution_key = t.execution_key and x.valid_from <= k.at where ",
            $condition,
            " and t.valid_from <= k.at and (t.valid_to is null or t.valid_to > k.at)"
        )
    };
}

/// Declares a list of executions, newest first.
macro_rules! executions {
    ($($(#[doc = $doc:literal])+ $list:ident, $name:literal, $condition:literal;)+) => { $(
        listing! {
            $(#[doc = $doc])+
            $list of ExecutionRow {
                name: $name,
                columns: EXECUTION,
                from: executions_where!($condition),
                sort: BY_LOG,
                descending: true,
            }
        }
    )+ };
}

executions! {
    /// The executions of an asset.
    RunsOf, "runs", "t.chain_id = k.chain and t.asset_key = k.key";
    /// The executions that an asset came of.
    OutputsOf, "outputExecutions", "c.chain_id = k.chain and c.output_key = k.key";
    /// The executions that use an asset as a dataset.
    UsesOf, "datasetExecutions", "t.chain_id = k.chain and t.dataset_keys @> array[k.key]";
    /// The executions that an asset asked for.
    AskedBy, "callerExecutions", "t.chain_id = k.chain and t.caller_key = k.key";
    /// The executions that an account asked for.
    RequestedBy, "requesterExecutions", "t.chain_id = k.chain and t.requester = k.key";
    /// The executions that an account provides.
    ProvidedBy, "providerExecutions", "t.chain_id = k.chain and t.provider = k.key";
    /// The executions that were asked for in the course of one.
    CallsOf, "calls", "t.chain_id = k.chain and t.parent_key = k.key";
    /// An execution by its own key: at most one row.
    ExecutionByKey, "execution", "t.chain_id = k.chain and t.execution_key = k.key";
}

/// A row of `challenge`, with what became of it as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct ChallengeRow {
    /// The challenge in the execution log.
    pub challenge_key: Key,
    /// Who questions the execution.
    pub challenger: Address,
    /// What the challenger loses if wrong.
    pub bond: BigInt,
    /// Commitment to the evidence.
    pub evidence_hash: Bytes32,
    /// Where the evidence is.
    pub evidence_uri: String,
    /// The block that raised it.
    pub valid_from: Long,
    /// The log that raised it.
    pub log_index: i32,
    /// Whether the challenger was right; there once it is resolved, as are the next.
    pub upheld: Option<bool>,
    /// Who got the bond.
    pub bond_to: Option<Address>,
    /// The contribution that was voided.
    pub voided_contribution_key: Option<Key>,
    /// The block that resolved it.
    pub resolved_block: Option<Long>,
    /// The log that resolved it.
    pub resolved_log_index: Option<i32>,
}

listing! {
    /// The challenges of an execution, oldest first.
    ChallengesOf of ChallengeRow {
        name: "challenges",
        columns: "t.challenge_key, t.challenger, t.bond::text as bond, t.evidence_hash, t.evidence_uri, t.valid_from, t.log_index, \
                  r.upheld, r.bond_to, r.voided_contribution_key, r.valid_from as resolved_block, r.log_index as resolved_log_index",
        from: "challenge t left join challenge_resolution r on r.chain_id = t.chain_id and r.challenge_key = t.challenge_key \
               and r.valid_from <= k.at where t.chain_id = k.chain and t.execution_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: false,
    }
}

/// A row of `federated_round`, with what came of it as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct RoundRow {
    /// The round in its log.
    pub round_key: Key,
    /// What is trained.
    pub asset_key: Key,
    /// By whom.
    pub coordinator: Address,
    /// Its number among the asset's rounds.
    pub number: Long,
    /// The privacy mode's number.
    pub privacy: i16,
    /// Millionths of an epsilon.
    pub epsilon_micros: BigInt,
    /// Commitment to what the round starts from.
    pub base_hash: Bytes32,
    /// Unix time in seconds.
    pub deadline: BigInt,
    /// The block that opened it.
    pub valid_from: Long,
    /// The log that opened it.
    pub log_index: i32,
    /// The asset that came of it.
    pub output_key: Option<Key>,
    /// Commitment to the result; there once it is aggregated, as are the next.
    pub result_hash: Option<Bytes32>,
    /// How many participants there were.
    pub participants: Option<BigInt>,
    /// The block that aggregated it.
    pub aggregated_block: Option<Long>,
    /// The log that aggregated it.
    pub aggregated_log_index: Option<i32>,
}

const ROUND: &str = "t.round_key, t.asset_key, t.coordinator, t.number, t.privacy, t.epsilon_micros::text as epsilon_micros, t.base_hash, \
    t.deadline::text as deadline, t.valid_from, t.log_index, a.output_key, a.result_hash, a.participants::text as participants, \
    a.valid_from as aggregated_block, a.log_index as aggregated_log_index";

listing! {
    /// The rounds in which an asset is trained, newest first.
    RoundsOf of RoundRow {
        name: "rounds",
        columns: ROUND,
        from: "federated_round t left join round_aggregation a on a.chain_id = t.chain_id and a.round_key = t.round_key \
               and a.valid_from <= k.at where t.chain_id = k.chain and t.asset_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// A round by its own key: at most one row.
    RoundByKey of RoundRow {
        name: "round",
        columns: ROUND,
        from: "federated_round t left join round_aggregation a on a.chain_id = t.chain_id and a.round_key = t.round_key \
               and a.valid_from <= k.at where t.chain_id = k.chain and t.round_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: false,
    }
}

/// A row of `round_update`, with whether it was taken in as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct UpdateRow {
    /// Who learnt.
    pub participant: Address,
    /// From which dataset, where that is an asset.
    pub dataset_key: Option<Key>,
    /// Commitment to the update.
    pub update_hash: Bytes32,
    /// Its weight in the aggregate.
    pub weight: BigInt,
    /// The block that it was submitted in.
    pub valid_from: Long,
    /// The log that says so.
    pub log_index: i32,
    /// Whether the aggregate holds it; there once the round is aggregated.
    pub is_aggregated: Option<bool>,
    /// The contribution that was recorded for it.
    pub contribution_key: Option<Key>,
}

listing! {
    /// The updates of a round, oldest first. Where the aggregation recorded contributions, these say which updates went in.
    UpdatesOf of UpdateRow {
        name: "updates",
        columns: "t.participant, t.dataset_key, t.update_hash, t.weight::text as weight, t.valid_from, t.log_index, \
                  a.is_aggregated, a.contribution_key",
        from: "round_update t left join lateral (select a.first_contribution_key is null or g.contribution_key is not null as is_aggregated, \
               g.contribution_key from round_aggregation a left join lateral (select g.contribution_key from contribution g \
               where g.chain_id = a.chain_id and g.asset_key = a.output_key and g.contributor = t.participant \
               and g.evidence_hash = t.update_hash and g.valid_from = a.valid_from and a.first_contribution_key is not null \
               order by g.log_index limit 1) g on true \
               where a.chain_id = t.chain_id and a.round_key = t.round_key and a.valid_from <= k.at) a on true \
               where t.chain_id = k.chain and t.round_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: false,
    }
}

/// What backs a derivation: an execution or a round.
#[derive(Clone, Debug, FromRow)]
pub struct SourceRow {
    #[sqlx(rename = "parent_index")]
    parent: i64,
    /// Its own key.
    pub source_key: Key,
    /// Whether it is a round.
    pub is_round: bool,
}

/// What backs a derivation from a parent as of a block: by chain, child, parent and block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EvidenceOf(pub (ChainId, Vec<u8>, Vec<u8>, i64));

/// How much of what backs a derivation is told: more than the first does not make it surer.
pub const MOST_EVIDENCE: i64 = 10;

impl Loader<EvidenceOf> for Loaders {
    type Value = Vec<SourceRow>;
    type Error = ApiError;

    async fn load(&self, keys: &[EvidenceOf]) -> Result<HashMap<EvidenceOf, Vec<SourceRow>>, ApiError> {
        let chains = keys.iter().map(|EvidenceOf((chain, ..))| chain_number(*chain));
        // An execution and a round can have the same key: the log tells which it is.
        let query = sqlx::query(
            "select k.i as parent_index, x.source_key, exists (select from round_aggregation a where a.chain_id = k.chain \
             and a.round_key = x.source_key and a.valid_from = x.valid_from and a.log_index = x.log_index) as is_round \
             from unnest($1::int8[], $2::bytea[], $3::bytea[], $4::int8[]) with ordinality as k(chain, child, parent, at, i) \
             cross join lateral (select e.source_key, e.valid_from, e.log_index from derivation_evidence e where e.chain_id = k.chain \
             and e.child_key = k.child and e.parent_key = k.parent and e.valid_from <= k.at \
             order by e.valid_from, e.log_index limit $5) x order by k.i, x.valid_from, x.log_index",
        )
        .bind(chains.collect::<Vec<_>>())
        .bind(keys.iter().map(|EvidenceOf((_, child, ..))| child.clone()).collect::<Vec<_>>())
        .bind(keys.iter().map(|EvidenceOf((.., parent, _))| parent.clone()).collect::<Vec<_>>())
        .bind(keys.iter().map(|EvidenceOf((.., at))| *at).collect::<Vec<_>>())
        .bind(MOST_EVIDENCE);
        let mut found: HashMap<EvidenceOf, Vec<SourceRow>> = HashMap::new();
        for row in self.0.reader().await?.all::<SourceRow>(query).await? {
            if let Some(key) = usize::try_from(row.parent - 1).ok().and_then(|at| keys.get(at)) {
                found.entry(key.clone()).or_default().push(row);
            }
        }
        Ok(found)
    }
}
