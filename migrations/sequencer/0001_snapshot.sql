-- Snapshots of the exchange's engines. Nothing here is needed: without them an engine replays its stream of commands from the start.

CREATE TABLE sequencer.snapshot (
    group_id         bigint      NOT NULL,
    -- The last command that the state has seen.
    command_number   bigint      NOT NULL,
    -- Sequence of the command stream's record that this command was the last of.
    command_sequence bigint      NOT NULL,
    -- The state's hash, 32 bytes; a state that does not hash to it is not used.
    state_hash       bytea       NOT NULL,
    bytes            bigint      NOT NULL,
    taken_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (group_id, command_number)
);

-- The state, in pieces: one value of Postgres would be bounded, and held in memory twice.
CREATE TABLE sequencer.snapshot_piece (
    group_id       bigint  NOT NULL,
    command_number bigint  NOT NULL,
    piece          integer NOT NULL,
    data           bytea   NOT NULL,
    PRIMARY KEY (group_id, command_number, piece),
    FOREIGN KEY (group_id, command_number) REFERENCES sequencer.snapshot ON DELETE CASCADE
);

-- Hashes and amounts hardly compress.
ALTER TABLE sequencer.snapshot_piece ALTER COLUMN data SET STORAGE EXTERNAL;
