-- What other protocols say of assets: Story, ERC-8004, EAS and Ocean, Vana. Their payments, claims and the like are rows of `event` only.
--
-- As in 0001: rows are true from block `valid_from` to block `valid_to`, and `(chain_id, valid_from, log_index)` names the log that made
-- them. A thing of another protocol has a key of its own (`asset_key`, `child_key`): the contract that keeps it and its id there. What
-- it stands for is `subject_key`, which is the key of one of our assets where it stands for one, and `asset_id` as CAIP-19.

create table foreign_asset (
    chain_id    bigint not null,
    asset_key   bytea not null,
    -- 0 IP of Story, 1 agent of ERC-8004, 2 data NFT of Ocean, 3 datatoken of Ocean, 4 file of Vana
    kind        smallint not null,
    subject_key bytea not null,
    asset_id    text not null,
    owner       bytea,
    name        text not null,
    uri         text not null,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, asset_key)
);

-- Addresses that stand for a thing: the account of an IP, its vault, the contract of a data NFT or a datatoken. The first meaning of an
-- address is its only one.
create table foreign_account (
    chain_id    bigint not null,
    account     bytea not null,
    subject_key bytea not null,
    asset_id    text not null,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, account)
);

-- Edges of the provenance graph that other protocols declare. `slot` tells the links of a child apart: one that is declared again in
-- the same slot takes the place of the former. They are lineage and never debt: no payout follows them.
create table foreign_link (
    chain_id   bigint not null,
    child_key  bytea not null,
    slot       text not null,
    child_id   text not null,
    parent_id  text not null,
    relation   smallint not null,
    -- Its place among the links of its log.
    ordinal    integer not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, child_key, slot, valid_from)
);

-- Ended when revoked. The log holds neither the data nor what it refers to nor when it expires.
create table attestation (
    chain_id        bigint not null,
    attestation_key bytea not null,
    schema_uid      bytea not null,
    attester        bytea not null,
    recipient       bytea not null,
    -- What the recipient's address stands for, if it was known then.
    subject_key     bytea,
    valid_from      bigint not null,
    valid_to        bigint,
    log_index       integer not null,
    primary key (chain_id, attestation_key)
);

-- Ended when revoked. `feedback_key` is null where the log does not say which feedback of a client it is.
create table agent_feedback (
    chain_id       bigint not null,
    feedback_key   bytea,
    agent_key      bytea not null,
    client         bytea not null,
    feedback_index numeric(20, 0),
    value          numeric(39, 0) not null,
    value_decimals smallint not null,
    tag1           text not null,
    tag2           text not null,
    endpoint       text not null,
    uri            text not null,
    hash           bytea not null,
    valid_from     bigint not null,
    valid_to       bigint,
    log_index      integer not null,
    primary key (chain_id, valid_from, log_index)
);

-- Story's disputes, ended when resolved or taken back.
create table foreign_dispute (
    chain_id      bigint not null,
    dispute_key   bytea not null,
    subject_key   bytea not null,
    initiator     bytea,
    evidence_hash bytea,
    tag           bytea not null,
    valid_from    bigint not null,
    valid_to      bigint,
    log_index     integer not null,
    primary key (chain_id, dispute_key)
);

-- What the projector looks things up by, and what serves reverts and the lineage graph.
create unique index agent_feedback_by_key on agent_feedback (chain_id, feedback_key) where feedback_key is not null;
create index foreign_link_began on foreign_link using brin (chain_id, valid_from) with (autosummarize = on);
create index foreign_link_ended on foreign_link (chain_id, valid_to) where valid_to is not null;
create index attestation_began on attestation using brin (chain_id, valid_from) with (autosummarize = on);
create index attestation_ended on attestation (chain_id, valid_to) where valid_to is not null;
create index agent_feedback_ended on agent_feedback (chain_id, valid_to) where valid_to is not null;
create index foreign_asset_by_id on foreign_asset (asset_id);
create index foreign_asset_began on foreign_asset using brin (chain_id, valid_from) with (autosummarize = on);
