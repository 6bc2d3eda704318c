-- The exchange's ledger and what is read beside it. Everything here but `settlement` can be dropped and projected again from the streams
-- `exchange.events.<group>`.
--
-- The tables are created in the first schema of the search path: `exchange` is the live one, a rebuild projects into another beside it.
--
-- Every table is of market groups: one engine, one stream, balances of its own. Amounts are base units, prices ticks, quantities lots, all
-- `numeric` without decimals. Times are Unix milliseconds (`…_secs`: seconds; beyond 2^63 - 1: that number). A column `number`, and those
-- that end with `_by`, hold numbers of commands. Addresses are 20 bytes; a `token_key` is the contract's 20 bytes followed by the id as
-- big-endian bytes without leading zeros.

-- How far each group is projected. The row is written in the same transaction as the rows of the commands that it counts (LOG-2).
create table projection (
    group_id      bigint primary key,
    -- The next record of the group's stream to apply.
    next_sequence bigint not null,
    -- The last command whose outcome was applied.
    last_number   bigint not null,
    -- Rises when the group's rows were replaced as a whole (a rebuild): who keeps a copy loads it anew.
    epoch         bigint not null default 1,
    updated_at    timestamptz not null default now()
);

-- What a group settles on, and how far it has come.
create table market_group (
    group_id              bigint primary key,
    chain_id              bigint not null,
    vault                 bytea not null,
    fee_account           bytea not null,
    exit_delay_secs       bigint not null,
    settlement_grace_secs bigint not null,
    max_open_orders       bigint not null,
    -- Engine time of the last command.
    engine_time           bigint not null,
    -- What all markets are limited to while settlement lags; `open` for no limit.
    settlement_limit      text not null,
    -- The newest fill, and the newest that is settled for good; 0 before there is one.
    last_fill             bigint not null,
    settled_through       bigint not null
);

create table instrument (
    group_id  bigint not null,
    id        bigint not null,
    token_key bytea not null,
    primary key (group_id, id),
    unique (group_id, token_key)
);

-- Accounts. 0, `deficit`, bears what nobody else can; 1 receives fees. In postings there is another that has no row: -1, `custody`, stands for
-- the vault, and gives and takes what comes into the group and leaves it.
create table account (
    group_id bigint not null,
    id       bigint not null,
    address  bytea not null,
    -- It asked for its exit and trades no more until that is over.
    stopped  boolean not null,
    number   bigint not null,
    primary key (group_id, id)
);
create index account_by_address on account (group_id, address);

create table market (
    group_id        bigint not null,
    id              bigint not null,
    -- Its id in the vault.
    key             bytea not null,
    base            bigint not null,
    quote           bigint not null,
    royalty_account bigint not null,
    -- `shares` or `licence`.
    kind            text not null,
    -- When a licence series ends; null for ever.
    expires_at      bigint,
    lot_size        numeric not null,
    tick_size       numeric not null,
    maker_ppm       integer not null,
    taker_ppm       integer not null,
    royalty_ppm     integer not null,
    min_lots        numeric not null,
    max_lots        numeric not null,
    max_price       numeric not null,
    max_open_orders bigint not null,
    band_ppm        integer,
    auction_secs    bigint not null,
    reference_price numeric not null,
    state           text not null,
    -- Why; null for a market that was never in another state.
    state_cause     text,
    auction_ends_at bigint,
    -- Of the newest fill, busted or not, as the engine has it; null before there is one.
    last_price      numeric,
    -- The command that listed it.
    number          bigint not null,
    primary key (group_id, id),
    unique (group_id, key)
);

-- One row for every command that moved anything, unique by its position.
create table transaction (
    group_id bigint not null,
    number   bigint not null,
    time     bigint not null,
    -- How many postings it has.
    postings integer not null check (postings > 0),
    primary key (group_id, number)
);

-- A posting takes an amount from one account and gives it to another: a debit and a credit in one row, so that none can be unbalanced and
-- every transaction sums to zero per instrument (LED-1). An account of the ledger is (group, account, instrument, held or available).
-- `kind` says why, and what `reference` numbers; `posting_side` has the words.
create table posting (
    group_id      bigint not null,
    number        bigint not null,
    -- Its place in the transaction, from 0.
    entry         integer not null check (entry >= 0),
    kind          smallint not null check (kind between 1 and 14),
    debited_held  boolean not null,
    credited_held boolean not null,
    instrument    bigint not null,
    debited       bigint not null,
    credited      bigint not null,
    amount        numeric not null,
    reference     numeric not null,
    primary key (group_id, number, entry),
    constraint posting_amount check (amount > 0 and amount < 'infinity' and scale(amount) = 0),
    constraint posting_two_accounts check (debited <> credited or debited_held <> credited_held),
    constraint posting_custody_and_deficit_hold_nothing check (
        (debited > 0 or not debited_held) and (credited > 0 or not credited_held) and debited >= -1 and credited >= -1
    )
);
create index posting_deficit on posting (group_id, number) where kind = 12;

-- Both sides of every posting, in words: amounts that leave an account are negative.
create view posting_side as
select p.group_id, p.number, p.entry, k.kind, p.instrument, s.account, s.held, s.amount, p.reference
from posting p
cross join lateral (
    values (p.debited, p.debited_held, -p.amount), (p.credited, p.credited_held, p.amount)
) s (account, held, amount)
join (
    values
        (1, 'hold'), (2, 'release'), (3, 'trade'), (4, 'fee'), (5, 'royalty'), (6, 'deposit'), (7, 'withdrawal'),
        (8, 'withdrawal_expired'), (9, 'exit'), (10, 'royalty_flush'), (11, 'deposit_vanished'), (12, 'deficit'), (13, 'bust'),
        (14, 'reinstatement')
) k (number, kind) on k.number = p.kind;

create table balance (
    group_id    bigint not null,
    account     bigint not null,
    instrument  bigint not null,
    available   numeric not null,
    held        numeric not null,
    -- What unsettled fills bring and take; already in, or out of, the other two.
    pending_in  numeric not null,
    pending_out numeric not null,
    -- The last command that changed it.
    version     bigint not null,
    primary key (group_id, account, instrument),
    constraint balance_available check (available < 'infinity' and (available >= 0 or account = 0)),
    constraint balance_held check (held >= 0 and held < 'infinity'),
    constraint balance_pending check (pending_in >= 0 and pending_in < 'infinity' and pending_out >= 0 and pending_out < 'infinity')
) with (fillfactor = 70);

-- Orders that the engine took, open and past.
create table exchange_order (
    group_id        bigint not null,
    id              bigint not null,
    account         bigint not null,
    market          bigint not null,
    -- 0 buys, 1 sells. This and the next four as they are signed.
    side            smallint not null,
    kind            smallint not null,
    time_in_force   smallint not null,
    post_only       smallint not null,
    self_trade      smallint not null,
    nonce           numeric not null,
    client_order_id bytea,
    -- As signed, in base units; the newest signature where it was amended.
    base_amount     numeric not null,
    limit_price     numeric not null,
    fee_cap         numeric not null,
    display_amount  numeric not null,
    trigger_price   numeric not null,
    expiry_secs     bigint not null,
    good_until_secs bigint not null,
    signer          bytea not null,
    signature       bytea not null,
    -- The command whose signature counts.
    signed_by       bigint not null,
    placed_at       bigint not null,
    -- As worked: the price (after a slide, the price it moved to), all lots that were signed, what is left, and when it ends.
    price           numeric not null,
    lots            numeric not null,
    remaining       numeric not null,
    expires_at      bigint not null,
    -- Fills that were not busted.
    filled_lots     numeric not null,
    filled_quote    numeric not null,
    -- With the seller's royalties, in quote base units.
    fees            numeric not null,
    -- `open`, `waiting` (a stop that was not triggered), or why it is over.
    status          text not null,
    updated_at      bigint not null,
    primary key (group_id, id)
) with (fillfactor = 85);
create index exchange_order_by_nonce on exchange_order (group_id, account, nonce);
create index exchange_order_by_client_id on exchange_order (group_id, account, client_order_id) where client_order_id is not null;
create index exchange_order_open on exchange_order (group_id, account, id) where status in ('open', 'waiting');

-- Matches. A fill is busted where `busted_by` is set and `reinstated_by` is not, settled where `market_group.settled_through` has passed it.
create table fill (
    group_id         bigint not null,
    number           bigint not null,
    market           bigint not null,
    -- The command that matched it.
    matched_by       bigint not null,
    time             bigint not null,
    price            numeric not null,
    lots             numeric not null,
    -- The side that came to the book: 0 the buyer, 1 the seller.
    taker            smallint not null,
    base             numeric not null,
    quote            numeric not null,
    royalty          numeric not null,
    buyer            bigint not null,
    buyer_order      bigint not null,
    buyer_signed_by  bigint not null,
    buyer_fee        numeric not null,
    seller           bigint not null,
    seller_order     bigint not null,
    seller_signed_by bigint not null,
    seller_fee       numeric not null,
    busted_by        bigint,
    -- `skipped`, `uncovered` or `escape`, and the vault's reason code of a skipped one.
    bust_cause       text,
    bust_reason      smallint,
    reinstated_by    bigint,
    primary key (group_id, number)
);
create index fill_of_market on fill (group_id, market, number);
create index fill_by_time on fill using brin (time) with (pages_per_range = 16);

-- Where the things of an account are: an index of whole commits, which costs a busy exchange a tenth of one entry in an index for each
-- account of each posting, fill and order. A row is of one account and the commands of one commit ; rows of an
-- account never overlap. How they are cut says nothing, so that they are no part of what replays must equal.
create table account_activity (
    group_id     bigint not null,
    account      bigint not null,
    first_number bigint not null,
    last_number  bigint not null,
    -- Commands with postings of the account, its fills, and the orders that it placed; each rising.
    transactions bigint[] not null,
    fills        bigint[] not null,
    orders       bigint[] not null,
    primary key (group_id, account, last_number)
);

-- How far the chain had settled at which command.
create table settled (
    group_id bigint not null,
    number   bigint not null,
    through  bigint not null,
    primary key (group_id, number)
);

-- Where fills were settled on chain, as settlement reports it; no event of the engine says so, and no rebuild touches it.
create table settlement (
    group_id         bigint not null,
    first_fill       bigint not null,
    last_fill        bigint not null check (last_fill >= first_fill),
    transaction_hash bytea not null,
    -- Null while the transaction is not in a block.
    block_number     bigint,
    primary key (group_id, first_fill)
);

create table withdrawal (
    group_id      bigint not null,
    account       bigint not null,
    nonce         numeric not null,
    instrument    bigint not null,
    amount        numeric not null,
    receiver      bytea not null,
    deadline_secs bigint not null,
    approved_by   bigint not null,
    approved_at   bigint not null,
    -- Paid out on chain, or credited back after its deadline.
    executed_by   bigint,
    expired_by    bigint,
    primary key (group_id, account, nonce)
);

-- Exits without the operator that were paid out.
create table account_exit (
    group_id   bigint not null,
    exit_id    bigint not null,
    account    bigint not null,
    instrument bigint not null,
    amount     numeric not null,
    number     bigint not null,
    time       bigint not null,
    primary key (group_id, exit_id, number)
);

-- Which command applied which fact of a chain; `position` as in the command's source.
create table fact (
    group_id bigint not null,
    chain_id bigint not null,
    position numeric not null,
    number   bigint not null,
    primary key (group_id, chain_id, position)
);

-- Candles are of the fills that stand: a bust takes its fill out of them, a reinstatement puts it back.
create table candle (
    group_id   bigint not null,
    market     bigint not null,
    -- Its length: 60, 300, 3600 or 86400.
    secs       integer not null,
    -- Its beginning, in seconds, inclusive.
    start_secs bigint not null,
    open       numeric not null,
    high       numeric not null,
    low        numeric not null,
    close      numeric not null,
    lots       numeric not null,
    quote      numeric not null,
    fills      bigint not null,
    primary key (group_id, market, secs, start_secs)
) with (fillfactor = 70);

-- A posting comes with all others of its transaction, in one statement, and only where the transaction says how many there are: none can
-- be left out, and none added later.
create function postings_are_whole() returns trigger language plpgsql set search_path from current as $$
begin
    if exists (
        select from (
            select group_id, number, count(*) as postings, max(entry) as last from added group by group_id, number
        ) a
        left join transaction t on t.group_id = a.group_id and t.number = a.number
        where t.postings is distinct from a.postings or a.last <> a.postings - 1
    ) then
        raise exception 'the postings are not those that their transactions announce' using errcode = 'check_violation';
    end if;
    return null;
end
$$;
create trigger posting_whole after insert on posting
    referencing new table as added for each statement execute function postings_are_whole();

-- History is never changed. (A rebuild, which replaces a group's rows as a whole, takes the triggers off within its transaction.)
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % refused', tg_table_name, lower(tg_op) using errcode = 'insufficient_privilege';
end
$$;
create trigger posting_append_only before update or delete or truncate on posting
    for each statement execute function refuse_change();
create trigger transaction_append_only before update or delete or truncate on transaction
    for each statement execute function refuse_change();
create trigger settled_append_only before update or delete or truncate on settled
    for each statement execute function refuse_change();
create trigger fact_append_only before update or delete or truncate on fact
    for each statement execute function refuse_change();
