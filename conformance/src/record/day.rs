//! The day, UTC, as the lock and the golden frames write it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Today, `2026-11-22`.
pub(super) fn today() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    of_day(seconds / 86_400)
}

/// The date of a day after 1970-01-01: whole eras of 400 years first, years that start in March inside them, so that the
/// leap day is the last of its year.
fn of_day(days: u64) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::of_day;

    #[test]
    fn days_are_dates_over_leap_days_and_years() {
        let dates = [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_779, "2026-11-22"),
            (20_818, "2026-12-31"),
        ];
        assert!(
            dates.iter().all(|(days, date)| of_day(*days) == *date),
            "{:?}",
            dates.map(|(days, _)| of_day(days))
        );
    }
}
