//! When sweeps are due: cron expressions as people write them, in a named time zone (pure).

use std::str::FromStr;

use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::finding::did_you_mean;

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: cron::Schedule,
    zone: Tz,
}

/// What is wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The expression is none.
    #[error("`{text}` is no cron expression: {message}")]
    Cron {
        /// What was written.
        text: String,
        /// What is wrong with it.
        message: String,
    },
    /// There is no such zone.
    #[error("there is no time zone `{text}`")]
    Zone {
        /// What was written.
        text: String,
        /// The nearest that there is.
        near: Option<&'static str>,
    },
}

impl Error {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Cron { .. } => {
                "write five fields (minute hour day month weekday), such as `*/5 * * * *`, or six with seconds first"
                    .to_owned()
            }
            Self::Zone { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::Zone { near: None, .. } => "write a name such as `UTC` or `Europe/Berlin`".to_owned(),
        })
    }
}

impl Schedule {
    /// Reads an expression of five fields, or of six or seven with seconds.
    ///
    /// # Errors
    /// What is wrong with the expression or the zone.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, Error> {
        let wrong = |message: String| Error::Cron { text: expression.to_owned(), message };
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let cron = match fields.len() {
            5 => {
                // Crontab counts the days of the week from Sunday as 0; the parser from 1.
                let weekday = weekdays(fields[4]).ok_or_else(|| wrong(format!("`{}` is no weekday", fields[4])))?;
                format!("0 {} {weekday}", fields[..4].join(" "))
            }
            6 | 7 => expression.to_owned(),
            count => return Err(wrong(format!("{count} fields"))),
        };
        let cron = cron::Schedule::from_str(&cron).map_err(|error| wrong(in_short(&error.to_string())))?;
        // From a year in which every day and hour that there is comes again.
        let long_ago = chrono::DateTime::<chrono::Utc>::UNIX_EPOCH;
        if cron.after(&long_ago).next().is_none() {
            return Err(wrong("it names a day that never comes".to_owned()));
        }
        let zone = Tz::from_str(zone).map_err(|_| Error::Zone {
            text: zone.to_owned(),
            near: did_you_mean(zone, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())),
        })?;
        Ok(Self { cron, zone })
    }

    /// The first moment after `now` at which a sweep is due. A moment that the clock skips when
    /// summer time begins falls to the next one that exists.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.cron.after(&now.with_timezone(&self.zone)).next().map(|at| at.with_timezone(&chrono::Utc))
    }
}

/// Everything that is wrong with an expression and a zone.
pub fn faults(expression: &str, zone: &str) -> Vec<Error> {
    let both = [Schedule::parse(expression, "UTC"), Schedule::parse("* * * * *", zone)];
    both.into_iter().filter_map(Result::err).collect()
}

/// What the parser says, in one line: above it stands the expression as the parser was given it,
/// which nobody wrote. Its "less than" means "at most".
fn in_short(said: &str) -> String {
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().trim_end_matches('.').to_lowercase().replace("must be less than", "must be at most")
}

/// Turns crontab's numbers of weekdays (0 and 7 are Sunday) into names, which need no counting.
fn weekdays(field: &str) -> Option<String> {
    const NAMES: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let name = |day: &str| match day.parse::<usize>() {
        Ok(number) => NAMES.get(number).map(|name| (*name).to_owned()),
        Err(_) => Some(day.to_owned()),
    };
    let parts: Option<Vec<String>> = field
        .split(',')
        .map(|part| {
            let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let range = match range.split_once('-') {
                // A range that ends on Sunday runs over the end of the parser's week.
                Some((from, "7" | "0")) if from != "0" => format!("{}-SAT,SUN", name(from)?),
                Some((from, to)) => format!("{}-{}", name(from)?, name(to)?),
                None => name(range)?,
            };
            Some(step.map_or(range.clone(), |step| format!("{range}/{step}")))
        })
        .collect();
    Some(parts?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: &str, after: &str) -> String {
        let schedule = Schedule::parse(expression, zone).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let after = after.parse().expect("a moment");
        schedule.next_after(after).expect("there is a next").to_rfc3339()
    }

    #[test]
    fn five_fields_are_what_people_write() {
        assert_eq!(next("*/5 * * * *", "UTC", "2026-11-22T10:02:00Z"), "2026-11-22T10:05:00+00:00");
        assert_eq!(next("0 6 * * 1", "UTC", "2026-11-22T10:00:00Z"), "2026-11-23T06:00:00+00:00", "1 is Monday");
        assert_eq!(next("0 6 * * 0", "UTC", "2026-11-23T10:00:00Z"), "2026-11-29T06:00:00+00:00", "0 is Sunday");
        assert_eq!(next("0 6 * * 1-5", "UTC", "2026-11-28T10:00:00Z"), "2026-11-30T06:00:00+00:00");
        assert_eq!(next("0 6 * * 5-7", "UTC", "2026-11-28T10:00:00Z"), "2026-11-29T06:00:00+00:00");
    }

    #[test]
    fn six_fields_have_seconds() {
        assert_eq!(next("*/10 * * * * *", "UTC", "2026-11-22T10:02:01Z"), "2026-11-22T10:02:10+00:00");
    }

    #[test]
    fn the_zone_decides_when_six_o_clock_is() {
        assert_eq!(next("0 6 * * *", "Europe/Berlin", "2026-11-22T10:00:00Z"), "2026-11-23T05:00:00+00:00");
        assert_eq!(next("0 6 * * *", "Europe/Berlin", "2026-07-22T10:00:00Z"), "2026-07-23T04:00:00+00:00");
    }

    #[test]
    fn an_hour_that_summer_time_skips_does_not_stop_the_schedule() {
        let at = next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z");
        assert!(("2026-03-28T12".."2026-03-31").contains(&at.as_str()), "{at}");
    }

    #[test]
    fn a_bad_cron_and_a_bad_zone_say_what_to_write() {
        let error = Schedule::parse("every 5 minutes", "UTC").expect_err("no cron");
        assert_eq!(error.to_string(), "`every 5 minutes` is no cron expression: 3 fields");
        assert!(Schedule::parse("61 * * * *", "UTC").is_err());
        let error = Schedule::parse("* * * * *", "Europe/Berlim").expect_err("no zone");
        assert_eq!(error.to_string(), "there is no time zone `Europe/Berlim`");
        assert_eq!(error.hint().expect("a hint"), "did you mean `Europe/Berlin`?");
    }
}
