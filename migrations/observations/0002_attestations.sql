-- Attestations of EAS are wanted and found as documents are: of kind 3, with the verification 7 where what a node said hashes to the uid.

-- Which assets an attestation is about by its own words: those whose CAIP-19 ids its fields name. Projected from the stream with `found`.
create table observations.attestation_about (
    key            bytea not null,
    -- The chain of the asset.
    chain_id       bigint not null,
    asset_key      bytea not null,
    -- The attestation, and the chain that keeps it.
    attested_chain bigint not null,
    attested_key   bytea not null,
    primary key (key, chain_id, asset_key)
);
create index attestation_about_asset on observations.attestation_about (chain_id, asset_key);
