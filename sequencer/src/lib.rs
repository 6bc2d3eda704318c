//! Runs an engine on streams: commands in, outcomes out, snapshots beside.
