//! Work for reward: tasks, what was submitted for them, what reviewers said, what was paid.

use sqlx::FromRow;

use super::listing::{SortType, listing};
use crate::scalars::{Address, BigInt, Bytes32, Key, Long};

/// A row of `task`, with how far it got as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct TaskRow {
    /// The task on its board.
    pub task_key: Key,
    /// The asset that it is done for.
    pub asset_key: Key,
    /// Who pays.
    pub poster: Address,
    /// The mode's number.
    pub mode: i16,
    /// The role's number.
    pub role: i16,
    /// What is paid.
    pub reward_token: Address,
    /// How much for each accepted submission.
    pub reward: BigInt,
    /// The second token of a dual reward; else zero.
    pub second_token: Address,
    /// How much of that.
    pub second_reward: BigInt,
    /// How many submissions may be accepted.
    pub places: i64,
    /// How many accepting reviews accept one.
    pub quorum: i16,
    /// Unix time in seconds.
    pub deadline: BigInt,
    /// The weight of each contribution that comes of it.
    pub weight: BigInt,
    /// Who may review, 20 bytes each.
    pub reviewers: Vec<Vec<u8>>,
    /// Commitment to the description.
    pub spec_hash: Bytes32,
    /// Where the description is.
    pub spec_uri: String,
    /// The block that posted it.
    pub valid_from: Long,
    /// The log that posted it.
    pub log_index: i32,
    /// How many submissions were accepted.
    pub accepted: i64,
    /// What went back when it was closed.
    pub refund: Option<BigInt>,
    /// What went back of the second token.
    pub second_refund: Option<BigInt>,
    /// The block that closed it.
    pub closed_block: Option<Long>,
    /// The log that closed it.
    pub closed_log_index: Option<i32>,
}

macro_rules! tasks_where {
    ($condition:literal) => {
        concat!(
            "task t left join task_closing c on c.chain_id = t.chain_id and c.task_key = t.task_key and c.valid_from <= k.at where ",
            $condition,
            " and t.valid_from <= k.at and (t.valid_to is null or t.valid_to > k.at)"
        )
    };
}

const TASK: &str = "t.task_key, t.asset_key, t.poster, t.mode, t.role, t.reward_token, t.reward::text as reward, t.second_token, \
    t.second_reward::text as second_reward, t.places, t.quorum, t.deadline::text as deadline, t.weight::text as weight, t.reviewers, \
    t.spec_hash, t.spec_uri, t.valid_from, t.log_index, \
    (select count(distinct w.submission_key) from reward w where w.chain_id = t.chain_id and w.task_key = t.task_key \
     and w.valid_from <= k.at) as accepted, \
    c.refund::text as refund, c.second_refund::text as second_refund, c.valid_from as closed_block, c.log_index as closed_log_index";

const BY_LOG: &[(&str, SortType)] = &[("t.valid_from", SortType::Integer), ("t.log_index", SortType::Integer)];

listing! {
    /// The tasks of an asset, newest first.
    TasksOfAsset of TaskRow {
        name: "tasks",
        columns: TASK,
        from: tasks_where!("t.chain_id = k.chain and t.asset_key = k.key"),
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// The tasks of a chain, newest first; the key is empty, or the one byte of the state that they are in as the API numbers them: 0 open,
    /// 1 full, 2 in review, 3 closed.
    TasksOfChain of TaskRow {
        name: "chainTasks",
        columns: TASK,
        from: tasks_where!(
            "t.chain_id = k.chain and (k.key = ''::bytea or k.key = set_byte('\\x00'::bytea, 0, case when c.valid_from is not null then 3 \
             when (select count(distinct w.submission_key) from reward w where w.chain_id = t.chain_id and w.task_key = t.task_key \
             and w.valid_from <= k.at) >= t.places then 1 when k.time >= t.deadline then 2 else 0 end))"
        ),
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// The tasks that an account posted, newest first.
    TasksOfPoster of TaskRow {
        name: "accountTasks",
        columns: TASK,
        from: tasks_where!("t.chain_id = k.chain and t.poster = k.key"),
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// A task by its own key: at most one row.
    TaskByKey of TaskRow {
        name: "task",
        columns: TASK,
        from: tasks_where!("t.chain_id = k.chain and t.task_key = k.key"),
        sort: BY_LOG,
        descending: false,
    }
}

/// A row of `submission`, with what became of it as of a block.
#[derive(Clone, Debug, FromRow)]
pub struct SubmissionRow {
    /// The submission on its board.
    pub submission_key: Key,
    /// The task.
    pub task_key: Key,
    /// Whose work it is.
    pub worker: Address,
    /// Commitment to the work.
    pub content_hash: Bytes32,
    /// Where the work is.
    pub content_uri: String,
    /// The block that it was submitted in.
    pub valid_from: Long,
    /// The log that says so.
    pub log_index: i32,
    /// The block that accepted and paid it.
    pub accepted_block: Option<Long>,
    /// The first log that paid it.
    pub accepted_log_index: Option<i32>,
    /// The contribution that was recorded for it.
    pub contribution_key: Option<Key>,
    /// The block that rejected it.
    pub rejected_block: Option<Long>,
    /// The log that rejected it.
    pub rejected_log_index: Option<i32>,
}

macro_rules! submissions_where {
    ($condition:literal) => {
        concat!(
            "submission t left join lateral (select w.valid_from, w.log_index, w.contribution_key from reward w \
             where w.chain_id = t.chain_id and w.task_key = t.task_key and w.submission_key = t.submission_key and w.valid_from <= k.at \
             order by w.valid_from, w.log_index limit 1) w on true \
             left join lateral (select x.valid_from, x.log_index from submission_rejection x where x.chain_id = t.chain_id \
             and x.submission_key = t.submission_key and x.valid_from <= k.at order by x.valid_from, x.log_index limit 1) x on true where ",
            $condition,
            " and t.valid_from <= k.at and (t.valid_to is null or t.valid_to > k.at)"
        )
    };
}

const SUBMISSION: &str = "t.submission_key, t.task_key, t.worker, t.content_hash, t.content_uri, t.valid_from, t.log_index, \
    w.valid_from as accepted_block, w.log_index as accepted_log_index, w.contribution_key, \
    x.valid_from as rejected_block, x.log_index as rejected_log_index";

listing! {
    /// What was submitted for a task, oldest first.
    SubmissionsOfTask of SubmissionRow {
        name: "submissions",
        columns: SUBMISSION,
        from: submissions_where!("t.chain_id = k.chain and t.task_key = k.key"),
        sort: BY_LOG,
        descending: false,
    }
}

listing! {
    /// What an account submitted, newest first.
    SubmissionsOfWorker of SubmissionRow {
        name: "accountSubmissions",
        columns: SUBMISSION,
        from: submissions_where!("t.chain_id = k.chain and t.worker = k.key"),
        sort: BY_LOG,
        descending: true,
    }
}

const REVIEW: &str = "t.submission_key, t.reviewer, t.accepted, t.note_hash, t.valid_from, t.log_index";

/// A row of `submission_review`.
#[derive(Clone, Debug, FromRow)]
pub struct ReviewRow {
    /// What was judged.
    pub submission_key: Key,
    /// Who judged.
    pub reviewer: Address,
    /// How.
    pub accepted: bool,
    /// Commitment to the reasons.
    pub note_hash: Bytes32,
    /// The block of the review.
    pub valid_from: Long,
    /// The log of the review.
    pub log_index: i32,
}

listing! {
    /// What reviewers said of a submission, oldest first.
    ReviewsOf of ReviewRow {
        name: "reviews",
        columns: REVIEW,
        from: "submission_review t where t.chain_id = k.chain and t.submission_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: false,
    }
}

listing! {
    /// What an account said of submissions, newest first.
    ReviewsBy of ReviewRow {
        name: "accountReviews",
        columns: REVIEW,
        from: "submission_review t where t.chain_id = k.chain and t.reviewer = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: true,
    }
}

listing! {
    /// A submission by its own key: at most one row.
    SubmissionByKey of SubmissionRow {
        name: "submission",
        columns: SUBMISSION,
        from: submissions_where!("t.chain_id = k.chain and t.submission_key = k.key"),
        sort: BY_LOG,
        descending: false,
    }
}

/// A row of `reward`.
#[derive(Clone, Debug, FromRow)]
pub struct RewardRow {
    /// What was paid.
    pub token: Address,
    /// How much.
    pub amount: BigInt,
    /// The block that paid.
    pub valid_from: Long,
    /// The log that paid.
    pub log_index: i32,
}

listing! {
    /// What was paid for a submission: a row for each token.
    RewardsOf of RewardRow {
        name: "rewards",
        columns: "t.token, t.amount::text as amount, t.valid_from, t.log_index",
        from: "submission s join reward t on t.chain_id = s.chain_id and t.task_key = s.task_key and t.submission_key = s.submission_key \
               where s.chain_id = k.chain and s.submission_key = k.key and t.valid_from <= k.at",
        sort: BY_LOG,
        descending: false,
    }
}
