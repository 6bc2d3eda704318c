//! Which seeds a test runs.

use std::ops::Range;

/// The one seed that `SOUK_SIMULATION_SEED` names, or as many as `SOUK_SIMULATION_SEEDS` says, or `usual` ones.
pub fn seeds(usual: u64) -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SOUK_SIMULATION_SEED") {
        return seed..seed + 1;
    }
    0..number("SOUK_SIMULATION_SEEDS").unwrap_or(usual)
}

/// Whether at least the usual seeds are run, on which coverage can be asked for.
pub fn cover(usual: u64) -> bool {
    let seeds = seeds(usual);
    seeds.start == 0 && seeds.end >= usual
}
