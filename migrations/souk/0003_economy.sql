-- Tasks, executions, disputes, payouts, mirrors, and whose the vault's holdings are.
--
-- As in 0001: rows are true from block `valid_from` on, and `(chain_id, valid_from, log_index)` names the log that made them. What is
-- done, judged or decided later is a row of another table, so that nothing here is changed and *as of a block* is a filter on each: a
-- task is open where no `task_closing` was true yet. `asset_key` is the asset that it is all about, also where the log did not name it.
-- Times are Unix seconds and epsilons millionths, both as the contracts' 64-bit numbers.

-- Work for reward ---------------------------------------------------------------------------------------------------------------

create table task (
    chain_id      bigint not null,
    task_key      bytea not null,
    asset_key     bytea not null,
    poster        bytea not null,
    -- 0 paid, 1 dual reward, 2 community
    mode          smallint not null,
    -- As in contribution
    role          smallint not null,
    reward_token  bytea not null,
    -- For each accepted submission.
    reward        numeric(78, 0) not null,
    second_token  bytea not null,
    second_reward numeric(78, 0) not null,
    places        bigint not null,
    quorum        smallint not null,
    deadline      numeric(20, 0) not null,
    weight        numeric(78, 0) not null,
    reviewers     bytea[] not null,
    spec_hash     bytea not null,
    spec_uri      text not null,
    valid_from    bigint not null,
    valid_to      bigint,
    log_index     integer not null,
    primary key (chain_id, task_key)
);

create table submission (
    chain_id       bigint not null,
    submission_key bytea not null,
    task_key       bytea not null,
    asset_key      bytea not null,
    worker         bytea not null,
    content_hash   bytea not null,
    content_uri    text not null,
    valid_from     bigint not null,
    valid_to       bigint,
    log_index      integer not null,
    primary key (chain_id, submission_key)
);

create table submission_review (
    chain_id       bigint not null,
    submission_key bytea not null,
    task_key       bytea not null,
    asset_key      bytea not null,
    reviewer       bytea not null,
    accepted       boolean not null,
    note_hash      bytea not null,
    valid_from     bigint not null,
    valid_to       bigint,
    log_index      integer not null,
    primary key (chain_id, valid_from, log_index)
);

create table submission_rejection (
    chain_id       bigint not null,
    submission_key bytea not null,
    task_key       bytea not null,
    asset_key      bytea not null,
    worker         bytea not null,
    valid_from     bigint not null,
    valid_to       bigint,
    log_index      integer not null,
    primary key (chain_id, valid_from, log_index)
);

-- One row for each token that an accepted submission was paid in.
create table reward (
    chain_id         bigint not null,
    submission_key   bytea not null,
    task_key         bytea not null,
    asset_key        bytea not null,
    worker           bytea not null,
    token            bytea not null,
    amount           numeric(78, 0) not null,
    contribution_key bytea,
    valid_from       bigint not null,
    valid_to         bigint,
    log_index        integer not null,
    primary key (chain_id, valid_from, log_index)
);

create table task_closing (
    chain_id      bigint not null,
    task_key      bytea not null,
    asset_key     bytea not null,
    accepted      bigint not null,
    refund        numeric(78, 0) not null,
    second_refund numeric(78, 0) not null,
    valid_from    bigint not null,
    valid_to      bigint,
    log_index     integer not null,
    primary key (chain_id, task_key)
);

-- Use -----------------------------------------------------------------------------------------------------------------------------

create table execution (
    chain_id       bigint not null,
    execution_key  bytea not null,
    -- What is executed.
    asset_key      bytea not null,
    requester      bytea not null,
    -- The asset that asked, where it was an agent.
    caller_key     bytea,
    -- The execution in the course of which it was asked for.
    parent_key     bytea,
    -- 0 training, 1 fine-tuning, 2 inference, 3 evaluation, 4 federated
    kind           smallint not null,
    license_id     numeric(78, 0) not null,
    provider       bytea not null,
    fee_token      bytea not null,
    fee            numeric(78, 0) not null,
    -- 0 none, 1 differential privacy, 2 secret sharing, 3 homomorphic, 4 enclave
    privacy        smallint not null,
    epsilon_micros numeric(20, 0) not null,
    -- What it uses beside the asset.
    dataset_keys   bytea[] not null,
    input_hash     bytea not null,
    deadline       numeric(20, 0) not null,
    valid_from     bigint not null,
    valid_to       bigint,
    log_index      integer not null,
    primary key (chain_id, execution_key)
);

create table execution_completion (
    chain_id         bigint not null,
    execution_key    bytea not null,
    asset_key        bytea not null,
    provider         bytea not null,
    -- The asset that came of it.
    output_key       bytea,
    output_hash      bytea not null,
    metered_units    numeric(20, 0) not null,
    revenue_key      bytea,
    contribution_key bytea,
    valid_from       bigint not null,
    valid_to         bigint,
    log_index        integer not null,
    primary key (chain_id, execution_key)
);

create table execution_cancellation (
    chain_id      bigint not null,
    execution_key bytea not null,
    asset_key     bytea not null,
    refund        numeric(78, 0) not null,
    valid_from    bigint not null,
    valid_to      bigint,
    log_index     integer not null,
    primary key (chain_id, execution_key)
);

-- A round of federated learning.
create table federated_round (
    chain_id       bigint not null,
    round_key      bytea not null,
    asset_key      bytea not null,
    coordinator    bytea not null,
    -- Among the asset's rounds, from 1.
    number         bigint not null,
    privacy        smallint not null,
    epsilon_micros numeric(20, 0) not null,
    base_hash      bytea not null,
    deadline       numeric(20, 0) not null,
    valid_from     bigint not null,
    valid_to       bigint,
    log_index      integer not null,
    primary key (chain_id, round_key)
);

create table round_update (
    chain_id    bigint not null,
    round_key   bytea not null,
    asset_key   bytea not null,
    participant bytea not null,
    -- Null where the data are no asset.
    dataset_key bytea,
    update_hash bytea not null,
    weight      numeric(78, 0) not null,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, valid_from, log_index)
);

create table round_aggregation (
    chain_id               bigint not null,
    round_key              bytea not null,
    asset_key              bytea not null,
    output_key             bytea,
    result_hash            bytea not null,
    -- The first of as many contributions as there are participants, one after the other.
    first_contribution_key bytea,
    participants           numeric(78, 0) not null,
    valid_from             bigint not null,
    valid_to               bigint,
    log_index              integer not null,
    primary key (chain_id, round_key)
);

create table challenge (
    chain_id      bigint not null,
    challenge_key bytea not null,
    execution_key bytea not null,
    asset_key     bytea not null,
    challenger    bytea not null,
    bond          numeric(78, 0) not null,
    evidence_hash bytea not null,
    evidence_uri  text not null,
    valid_from    bigint not null,
    valid_to      bigint,
    log_index     integer not null,
    primary key (chain_id, challenge_key)
);

create table challenge_resolution (
    chain_id                bigint not null,
    challenge_key           bytea not null,
    execution_key           bytea not null,
    asset_key               bytea not null,
    upheld                  boolean not null,
    bond_to                 bytea not null,
    bond                    numeric(78, 0) not null,
    voided_contribution_key bytea,
    valid_from              bigint not null,
    valid_to                bigint,
    log_index               integer not null,
    primary key (chain_id, challenge_key)
);

-- Disputes ------------------------------------------------------------------------------------------------------------------------

create table dispute (
    chain_id      bigint not null,
    dispute_key   bytea not null,
    asset_key     bytea not null,
    challenger    bytea not null,
    -- 0 improper registration, 1 improper usage, 2 improper payment, 3 content
    tag           smallint not null,
    bond          numeric(78, 0) not null,
    evidence_hash bytea not null,
    evidence_uri  text not null,
    valid_from    bigint not null,
    valid_to      bigint,
    log_index     integer not null,
    primary key (chain_id, dispute_key)
);

-- The newest counts.
create table dispute_judgement (
    chain_id      bigint not null,
    dispute_key   bytea not null,
    asset_key     bytea not null,
    judge         bytea not null,
    upheld        boolean not null,
    resolvable_at numeric(20, 0) not null,
    ruling_hash   bytea not null,
    valid_from    bigint not null,
    valid_to      bigint,
    log_index     integer not null,
    primary key (chain_id, valid_from, log_index)
);

create table dispute_resolution (
    chain_id    bigint not null,
    dispute_key bytea not null,
    asset_key   bytea not null,
    -- 0 dismissed, 1 upheld, 2 withdrawn
    outcome     smallint not null,
    bond_to     bytea not null,
    bond        numeric(78, 0) not null,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, dispute_key)
);

-- Payouts -------------------------------------------------------------------------------------------------------------------------

-- Roots as they were proposed. What became of one is in payout_root_change, after it.
create table payout_root (
    chain_id        bigint not null,
    distributor     bytea not null,
    epoch           numeric(20, 0) not null,
    root            bytea not null,
    -- The final block that it was computed at.
    computed_number numeric(20, 0) not null,
    computed_hash   bytea not null,
    finalisable_at  numeric(20, 0) not null,
    proposer        bytea not null,
    valid_from      bigint not null,
    valid_to        bigint,
    log_index       integer not null,
    primary key (chain_id, valid_from, log_index)
);

create table payout_root_change (
    chain_id    bigint not null,
    distributor bytea not null,
    epoch       numeric(20, 0) not null,
    root        bytea not null,
    -- 0 disputed, 1 the dispute was dismissed, 2 upheld (the root is gone), 3 withdrawn (it is gone), 4 finalised
    change      smallint not null,
    -- Who disputed, or who got the bond.
    account     bytea,
    bond        numeric(78, 0),
    reason      text,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, valid_from, log_index)
);

create table payout_claim (
    chain_id    bigint not null,
    distributor bytea not null,
    account     bytea not null,
    token       bytea not null,
    amount      numeric(78, 0) not null,
    -- All that the account was ever paid of the token, this included.
    cumulative  numeric(78, 0) not null,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, valid_from, log_index)
);

-- The newest counts.
create table protocol_fee (
    chain_id    bigint not null,
    distributor bytea not null,
    share_e8    integer not null,
    fee_account bytea not null,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, valid_from, log_index)
);

-- Several chains ------------------------------------------------------------------------------------------------------------------

create table announcement (
    chain_id        bigint not null,
    gateway         bytea not null,
    announcement_id bytea not null,
    asset_key       bytea not null,
    target_chain    numeric(20, 0) not null,
    content_hash    bytea not null,
    valid_from      bigint not null,
    valid_to        bigint,
    log_index       integer not null,
    primary key (chain_id, valid_from, log_index)
);

-- What a relayer claims. A derivation MIRROR_OF, status unconfirmed, goes with it; mirror_confirmation says what backs it.
create table mirror (
    chain_id        bigint not null,
    gateway         bytea not null,
    announcement_id bytea not null,
    -- The asset of this chain.
    mirror_key      bytea not null,
    -- The asset of the other chain.
    origin_chain    numeric(20, 0) not null,
    origin_key      bytea not null,
    origin_gateway  bytea not null,
    content_hash    bytea not null,
    relayer         bytea not null,
    valid_from      bigint not null,
    valid_to        bigint,
    log_index       integer not null,
    primary key (chain_id, valid_from, log_index)
);

-- The vault -----------------------------------------------------------------------------------------------------------------------

create table vault_market (
    chain_id        bigint not null,
    vault           bytea not null,
    market          bytea not null,
    base_key        bytea not null,
    quote_key       bytea not null,
    asset_key       bytea,
    royalty_account bytea not null,
    valid_from      bigint not null,
    valid_to        bigint,
    log_index       integer not null,
    primary key (chain_id, vault, market)
);

-- Where the fees of trades gathered, and when. There is no vault without one.
create table vault_fee_account (
    chain_id   bigint not null,
    vault      bytea not null,
    account    bytea not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, vault, valid_from)
);

-- Whose the vault's holdings were, and when. As in balance no row is of zero, and one can be negative.
create table vault_balance (
    chain_id   bigint not null,
    vault      bytea not null,
    token_key  bytea not null,
    account    bytea not null,
    amount     numeric not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, vault, token_key, account, valid_from)
);

-- For reverts, and for the lineage graph, which asks what is new since it looked last. -----------------------------------------

create index task_began on task (chain_id, valid_from);
create index submission_began on submission (chain_id, valid_from);
create index task_closing_began on task_closing (chain_id, valid_from);
create index execution_began on execution (chain_id, valid_from);
create index execution_completion_began on execution_completion (chain_id, valid_from);
create index execution_cancellation_began on execution_cancellation (chain_id, valid_from);
create index federated_round_began on federated_round (chain_id, valid_from);
create index round_aggregation_began on round_aggregation (chain_id, valid_from);
create index challenge_began on challenge (chain_id, valid_from);
create index challenge_resolution_began on challenge_resolution (chain_id, valid_from);
create index dispute_began on dispute (chain_id, valid_from);
create index dispute_resolution_began on dispute_resolution (chain_id, valid_from);
create index vault_market_began on vault_market (chain_id, valid_from);
create index vault_fee_account_began on vault_fee_account (chain_id, valid_from);
create index vault_balance_began on vault_balance using brin (chain_id, valid_from) with (autosummarize = on);
create index vault_fee_account_ended on vault_fee_account (chain_id, valid_to) where valid_to is not null;
create index vault_balance_ended on vault_balance (chain_id, valid_to) where valid_to is not null;

-- By what the views below look things up: few rows beside the others', so they are kept from the first one on.
create index execution_completion_by_output on execution_completion (chain_id, output_key) where output_key is not null;
create index round_aggregation_by_output on round_aggregation (chain_id, output_key) where output_key is not null;
create index round_update_by_round on round_update (chain_id, round_key);
create index challenge_by_execution on challenge (chain_id, execution_key);
create index challenge_resolution_by_execution on challenge_resolution (chain_id, execution_key);
create index dispute_by_asset on dispute (chain_id, asset_key);

-- Edges: what backs them and what speaks against them ------------------------------------------------------------------------------

-- What made an asset, and what it used: a completed execution its asset and its datasets, an aggregated round its asset and the datasets
-- of the updates that went in. Where the round recorded contributions, those of the participants say which updates these were.
create view derivation_evidence as
select c.chain_id, c.output_key as child_key, used.parent_key, c.execution_key as source_key, c.valid_from, c.log_index
from execution_completion c
join execution e on e.chain_id = c.chain_id and e.execution_key = c.execution_key
cross join lateral (select e.asset_key as parent_key union select unnest(e.dataset_keys)) used
where c.output_key is not null
union all
select a.chain_id, a.output_key, used.parent_key, a.round_key, a.valid_from, a.log_index
from round_aggregation a
cross join lateral (
    select a.asset_key as parent_key
    union
    select u.dataset_key
    from round_update u
    where u.chain_id = a.chain_id and u.round_key = a.round_key and u.dataset_key is not null
      and (a.first_contribution_key is null or exists (
          select from contribution k
          where k.chain_id = a.chain_id and k.asset_key = a.output_key and k.contributor = u.participant
            and k.evidence_hash = u.update_hash and k.valid_from = a.valid_from
      ))
) used
where a.output_key is not null;

-- What speaks against an asset's edges: against all of them (parent_key null) a dispute that is open or upheld, and a challenge that
-- was upheld of an execution that made the asset; against those that an execution backs, an open challenge of it.
create view derivation_doubt as
select d.chain_id, d.asset_key as child_key, null::bytea as parent_key, d.dispute_key as source_key, d.valid_from,
       case when r.outcome <> 1 then r.valid_from end as valid_to
from dispute d
left join dispute_resolution r on r.chain_id = d.chain_id and r.dispute_key = d.dispute_key
union all
select p.chain_id, p.output_key, null, r.challenge_key, greatest(r.valid_from, p.valid_from), null
from execution_completion p
join challenge_resolution r on r.chain_id = p.chain_id and r.execution_key = p.execution_key
where p.output_key is not null and r.upheld
union all
select p.chain_id, p.output_key, used.parent_key, c.challenge_key, greatest(c.valid_from, p.valid_from), r.valid_from
from execution_completion p
join execution e on e.chain_id = p.chain_id and e.execution_key = p.execution_key
join challenge c on c.chain_id = p.chain_id and c.execution_key = p.execution_key
left join challenge_resolution r on r.chain_id = c.chain_id and r.challenge_key = c.challenge_key
cross join lateral (select e.asset_key as parent_key union select unnest(e.dataset_keys)) used
where p.output_key is not null;

-- When an edge's status became another. Ask by child, with an equality: it costs what the child's own history does. The edge is named by its child and by the log that declared it; statuses are those of
-- derivation, and an edge without a row here always has that of derivation.
create view derivation_status_change as
select chain_id, child_key, declared_block, declared_log_index, declared_status, block, status
from (
    select at.*, lag(status, 1, declared_status)
        over (partition by chain_id, child_key, declared_block, declared_log_index order by block) as before
    from (
        select p.*, case
            when exists (
                select from derivation_doubt x
                where x.chain_id = p.chain_id and x.child_key = p.child_key
                  and (x.parent_key is null or x.parent_key = p.parent_key)
                  and x.valid_from <= p.block and (x.valid_to is null or p.block < x.valid_to)
            ) then 2::smallint
            when exists (
                select from derivation_evidence x
                where x.chain_id = p.chain_id and x.child_key = p.child_key and x.parent_key = p.parent_key
                  and x.valid_from <= p.block
            ) then 1::smallint
            else p.declared_status
        end as status
        from (
            select distinct d.chain_id, d.child_key, d.parent_key, d.valid_from as declared_block,
                d.log_index as declared_log_index, d.status as declared_status, greatest(d.valid_from, t.block) as block
            from (
                select chain_id, child_key, parent_key, valid_from as block from derivation_evidence
                union all
                select chain_id, child_key, parent_key, valid_from from derivation_doubt
                union all
                select chain_id, child_key, parent_key, valid_to from derivation_doubt where valid_to is not null
            ) t
            join derivation d on d.chain_id = t.chain_id and d.child_key = t.child_key
                and (t.parent_key is null or t.parent_key = d.parent_key)
        ) p
    ) at
) changes
where status <> before;

-- The status of edges while it was another than derivation has, with the blocks during which it was.
create view derivation_status as
select chain_id, child_key, declared_block, declared_log_index, status, block as valid_from, valid_to
from (
    select c.*, lead(block)
        over (partition by chain_id, child_key, declared_block, declared_log_index order by block) as valid_to
    from derivation_status_change c
) spans
where status <> declared_status;

-- Others ----------------------------------------------------------------------------------------------------------------------------

-- What is known of a mirror's origin. The two sides are two streams: the announcement counts once it is final on its own chain, and it
-- must be of the very asset, gateway and content that the relayer named.
create view mirror_confirmation as
select m.chain_id, m.mirror_key, m.gateway, m.announcement_id, m.origin_chain, m.origin_key, m.relayer, m.valid_from, m.valid_to,
       m.log_index, a.valid_from as announced_at, coalesce(a.valid_from <= p.finalized_number, false) as confirmed
from mirror m
left join lateral (
    select a.chain_id, a.valid_from from announcement a
    where a.chain_id = m.origin_chain and a.announcement_id = m.announcement_id and a.gateway = m.origin_gateway
      and a.asset_key = m.origin_key and a.target_chain = m.chain_id and a.content_hash = m.content_hash
    order by a.valid_from, a.log_index
    limit 1
) a on true
left join projection p on p.chain_id = a.chain_id;

-- What each dataset was charged in differential privacy, and until when it counts: to the end, unless a challenge of the execution was
-- upheld. An execution charges the datasets that it uses, and its asset where that is one. A round charges each dataset once, whichever updates the coordinator took: all were handed in. The budget used as of a block
-- is the sum over the rows that are true there.
create view privacy_charge as
select c.chain_id, used.dataset_key, c.execution_key as source_key, e.privacy, e.epsilon_micros, c.valid_from,
       (select min(r.valid_from) from challenge_resolution r
        where r.chain_id = c.chain_id and r.execution_key = c.execution_key and r.upheld) as valid_to,
       c.log_index
from execution_completion c
join execution e on e.chain_id = c.chain_id and e.execution_key = c.execution_key
cross join lateral (
    select unnest(e.dataset_keys) as dataset_key
    union
    select a.asset_key from asset a where a.chain_id = e.chain_id and a.asset_key = e.asset_key and a.kind = 0
) used
where e.epsilon_micros > 0
union all
select a.chain_id, used.dataset_key, a.round_key, r.privacy, r.epsilon_micros, a.valid_from, null, a.log_index
from round_aggregation a
join federated_round r on r.chain_id = a.chain_id and r.round_key = a.round_key
cross join lateral (
    select distinct u.dataset_key from round_update u
    where u.chain_id = a.chain_id and u.round_key = a.round_key and u.dataset_key is not null
) used
where r.epsilon_micros > 0;

-- Who held what of a token: in their own account (`vault` null) and in a vault, which itself holds nothing. Whoever has both has two
-- rows.
create view beneficial_balance as
select b.chain_id, b.token_key, b.account, null::bytea as vault, b.amount, b.valid_from, b.valid_to, b.log_index
from balance b
where not exists (select from vault_fee_account v where v.chain_id = b.chain_id and v.vault = b.account)
union all
select chain_id, token_key, account, vault, amount, valid_from, valid_to, log_index
from vault_balance;
