-- What the proposer of a deployment's roots sent last, written before it is sent: where it is in no block after a while, what takes its place at
-- its nonce offers more, also in another life of the publisher.
create table payouts.sent (
    chain_id   bigint not null,
    registry   bytea not null,
    -- Block 0 of the chain: nonces of one that was begun anew begin anew.
    genesis    bytea not null,
    proposer   bytea not null,
    nonce      bigint not null,
    -- Wei per gas.
    max_wei    numeric(39, 0) not null,
    tip_wei    numeric(39, 0) not null,
    -- The newest block when so much was first offered.
    since_block bigint not null,
    primary key (chain_id, registry)
);
