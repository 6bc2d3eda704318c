//! Periods and how they are told.

use souk_analytics::record::{parse_time, time_text};
use souk_analytics::{Period, PeriodError};

#[test]
fn a_time_is_a_date_an_rfc_3339_time_or_seconds() {
    for (text, seconds) in [
        ("0", 0),
        ("1767225600", 1_767_225_600),
        ("2026-01-01", 1_767_225_600),
        ("2026-01-01T00:00:00Z", 1_767_225_600),
        ("2026-01-01T02:00:00+02:00", 1_767_225_600),
        ("2026-01-01T00:00:00.5Z", 1_767_225_601),
    ] {
        assert_eq!(parse_time(text), Ok(seconds), "{text}");
    }
    for wrong in [
        "",
        "yesterday",
        "2026-13-01",
        "2026-01-01T00:00:00",
        "1969-12-31",
        "-5",
        "99999999999999999999",
    ] {
        let error = parse_time(wrong).unwrap_err();
        assert!(error.to_string().contains("expected a date"), "{error}");
    }
}

#[test]
fn a_time_that_no_calendar_has_is_its_number() {
    assert_eq!(time_text(1_767_225_600), "2026-01-01T00:00:00Z");
    assert_eq!(time_text(u64::MAX), u64::MAX.to_string());
}

#[test]
fn a_period_does_not_end_before_it_begins() {
    let refused = Period::new(Some(1_767_225_600), Some(1_767_225_599)).unwrap_err();
    assert!(matches!(refused, PeriodError::Backwards { .. }));
    assert_eq!(
        refused.to_string(),
        "the period ends at 2025-12-31T23:59:59Z, before it begins at 2026-01-01T00:00:00Z"
    );
    let empty = Period::new(Some(5), Some(5)).unwrap();
    assert!(empty.is_after(4) && !empty.is_after(5) && empty.is_over_at(5));
}
