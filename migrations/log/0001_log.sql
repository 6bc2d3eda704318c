-- The embedded event log. A schema of its own, which no rebuild of derived state touches.

-- One row for each stream. Whoever holds its lock appends next: positions come from here and not from a database sequence, which
-- leaves gaps and lets a later number commit first.
CREATE TABLE log.stream (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text   NOT NULL UNIQUE,
    -- Rises with each opening of the one fenced writer; 0 for a stream with many writers.
    epoch         bigint NOT NULL,
    next_sequence bigint NOT NULL DEFAULT 0
);

-- No foreign key: a stream is never removed, and the check would cost each record a look-up.
CREATE TABLE log.record (
    stream_id   bigint      NOT NULL,
    sequence    bigint      NOT NULL,
    -- Name, value, name, value, …
    headers     text[]      NOT NULL,
    payload     bytea       NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream_id, sequence)
);

-- Payloads are hashes, addresses and amounts, which hardly compress; trying to would cost more than the disk it saves.
ALTER TABLE log.record ALTER COLUMN payload SET STORAGE EXTERNAL;

-- The last sequence of one read: at least one record if there is any, then as many as fit both limits.
CREATE FUNCTION log.read_to(of_stream bigint, from_sequence bigint, max_records bigint, max_bytes bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    one   record;
    last  bigint := from_sequence - 1;
    bytes bigint := 0;
BEGIN
    FOR one IN
        SELECT sequence, octet_length(payload) AS size FROM log.record
        WHERE stream_id = of_stream AND sequence >= from_sequence
        ORDER BY sequence LIMIT greatest(max_records, 1)
    LOOP
        bytes := bytes + one.size;
        EXIT WHEN bytes > max_bytes AND last >= from_sequence;
        last := one.sequence;
    END LOOP;
    RETURN last;
END
$$;
