//! RFC 3339 times as EIP-4361 writes them, read strictly. Pure.

/// Unix seconds of a time like `2021-09-30T16:25:24Z` or `2021-09-30T18:25:24.5+02:00`; fractions are cut off. `None` for anything else,
/// and for times before 1970.
pub fn unix_secs(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let (year, month, day) = (
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    let rest = rest.strip_prefix(['T', 't'])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let mut parts = time.split(':');
    let (hour, minute, second) = (
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    let valid = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    // 60 is a leap second, which Unix time counts as the second after it.
    if !valid || hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
        return None;
    }
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let end = fraction.find(|digit: char| !digit.is_ascii_digit())?;
            fraction.get(end..).filter(|_| end > 0)?
        }
    };
    let offset = offset_secs(zone)?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    u64::try_from(seconds).ok()
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let plain = text.len() == count && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn offset_secs(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, clock) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, by Howard Hinnant's `days_from_civil`: years begin in March, so that the
/// leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_second() {
        for (text, secs) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2021-09-30T16:25:24Z", 1_633_019_124),
            ("2021-09-30T16:25:24.000Z", 1_633_019_124),
            ("2021-09-30T18:25:24.999+02:00", 1_633_019_124),
            ("2021-09-30t10:55:24-05:30", 1_633_019_124),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(unix_secs(text), Some(secs), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2021-09-30",
            "2021-09-30 16:25:24Z",
            "2021-09-30T16:25:24",
            "2021-9-30T16:25:24Z",
            "2021-13-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2021-09-30T24:00:00Z",
            "2021-09-30T16:25:24.Z",
            "2021-09-30T16:25:24+2:00",
            "2021-09-30T16:25:24Zz",
            "+021-09-30T16:25:24Z",
            "1969-12-31T23:59:59Z",
            "2021-09-30T16:25:é4Z",
        ] {
            assert_eq!(unix_secs(text), None, "{text}");
        }
    }
}
