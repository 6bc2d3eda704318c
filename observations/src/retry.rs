//! What is tried again, and when. Pure: whoever asks brings the time.
//!
//! What may heal (a server that does not answer, or is too busy) is tried a few times over some hours before it is recorded as a failure,
//! and once a day after that. What cannot heal (a document that is not JSON) is recorded at once, and for good.

use std::time::Duration;

use souk_schema::B256;
use souk_schema::observation::FailureKind;

/// After the first try.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// The longest wait between two tries, and the longest that a server may ask for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// How long after a failure that may heal it is tried again.
pub const AGAIN_AFTER: Duration = Duration::from_secs(86_400);

/// How often something that fails so is tried before the failure is recorded; 1 for what cannot heal.
pub fn tries(kind: FailureKind) -> u32 {
    match kind {
        FailureKind::Unreachable | FailureKind::TimedOut | FailureKind::Refused | FailureKind::Truncated => 8,
        // A document is often published after its asset, gateways find content late, and nodes lag.
        FailureKind::Missing | FailureKind::WrongCid | FailureKind::WrongUid => 4,
        FailureKind::Unsupported
        | FailureKind::Malformed
        | FailureKind::ForbiddenAddress
        | FailureKind::Redirected
        | FailureKind::TooLarge
        | FailureKind::Encoding
        | FailureKind::NotUtf8
        | FailureKind::NotJson
        | FailureKind::TooDeep => 1,
    }
}

/// Whether something that failed so may be found another day.
pub fn may_heal(kind: FailureKind) -> bool {
    tries(kind) > 1
}

/// How long to wait after so many tries, all failed; `None` when the failure is to be recorded. A server's own wish counts where it is
/// longer. A part of the wait depends on what is wanted, so that what failed together is not tried together.
pub fn wait(kind: FailureKind, tries_so_far: u32, wish: Option<Duration>, wanted: &B256) -> Option<Duration> {
    if tries_so_far >= tries(kind) {
        return None;
    }
    let doublings = tries_so_far.saturating_sub(1).saturating_mul(2).min(20);
    let plain = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let spread = plain.saturating_mul(u32::from(wanted[31])) / 1_020;
    let wished = wish.unwrap_or_default().min(LONGEST_WAIT);
    Some(plain.saturating_add(spread).max(wished))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_end() {
        let waits: Vec<u64> = (1..10)
            .map_while(|tries| wait(FailureKind::TimedOut, tries, None, &B256::ZERO))
            .map(|wait| wait.as_secs())
            .collect();
        assert_eq!(waits, [2, 8, 32, 128, 512, 2_048, 3_600]);
        assert_eq!(wait(FailureKind::NotJson, 1, None, &B256::ZERO), None);
        assert!(!may_heal(FailureKind::NotJson) && may_heal(FailureKind::Missing));
    }

    #[test]
    fn a_server_can_ask_for_more_and_never_for_less_or_for_ever() {
        let after = |wish| wait(FailureKind::Refused, 1, Some(Duration::from_secs(wish)), &B256::ZERO).expect("again");
        assert_eq!(after(0).as_secs(), 2);
        assert_eq!(after(120).as_secs(), 120);
        assert_eq!(after(u64::MAX), LONGEST_WAIT);
    }

    #[test]
    fn what_failed_together_is_tried_apart() {
        let wait = |byte| wait(FailureKind::Refused, 3, None, &B256::repeat_byte(byte)).expect("again");
        assert!(wait(0) < wait(100) && wait(100) < wait(255));
        assert_eq!(wait(255).as_secs(), 40);
    }

    #[test]
    fn every_failure_is_tried_at_least_once() {
        assert!(FailureKind::ALL.into_iter().all(|kind| tries(kind) >= 1));
    }
}
