//! Small texts inside documents: moments, and paths to ignore.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::IgnorePath;
use crate::clock::Timestamp;
use crate::finding::{Place, did_you_mean};
use crate::settings::{self, SETTINGS};

/// A moment: RFC 3339, or a day, which means its end in UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.with_timezone(&Utc));
    }
    let four_digits = text.len() == 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    let day = four_digits.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())??;
    Some(day.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN).and_utc())
}

/// The last day of what ends at a moment, as a document would say it.
pub(crate) fn last_day(end: Timestamp) -> String {
    (end - chrono::Duration::nanoseconds(1)).format("%Y-%m-%d").to_string()
}

/// What is wrong with a path to ignore, and what to write instead.
pub(super) type Refusal = (String, String);

/// A path to ignore: a setting, then field names after dots, or names in brackets.
pub(super) fn ignore_path(text: &str, at: Place) -> Result<IgnorePath, Refusal> {
    let refuse = |message: String, hint: &str| Err((message, hint.to_owned()));
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let Some(setting) = settings::find(name) else {
        let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name()).collect();
        let hint = match did_you_mean(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a path begins with a setting: {}", known.join(", ")),
        };
        return Err((format!("unknown setting `{name}`"), hint));
    };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (step, after) = after.split_at(end);
            steps.push(step.to_owned());
            rest = after;
        } else if let Some(after) = rest.strip_prefix("[\"") {
            // A name in quotes, as JSON writes it.
            let quoted = &rest[1..];
            let mut stream = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            let Some(Ok(step)) = stream.next() else {
                return refuse(format!("the quotes in `{text}` are not closed"), "write `[\"name\"]`");
            };
            let Some(after_bracket) = quoted[stream.byte_offset()..].strip_prefix(']') else {
                return refuse(format!("a bracket in `{text}` is not closed"), "write `[\"name\"]`");
            };
            debug_assert!(after.len() > after_bracket.len(), "each step takes something away");
            steps.push(step);
            rest = after_bracket;
        } else if let Some(after) = rest.strip_prefix('[') {
            let Some((step, after)) = after.split_once(']') else {
                return refuse(format!("a bracket in `{text}` is not closed"), "write `[id]` or `[\"name\"]`");
            };
            steps.push(step.to_owned());
            rest = after;
        } else {
            return refuse(format!("`{rest}` follows a bracket in `{text}`"), "a dot or a bracket begins each step");
        }
        if steps.last().is_some_and(String::is_empty) {
            return refuse(format!("a step of `{text}` is empty"), "name a field after each dot, or an id in brackets");
        }
    }
    Ok(IgnorePath { setting: setting.name(), steps, text: text.to_owned(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_means_its_end() {
        let said = |text| moment(text).map(|moment| moment.to_rfc3339());
        assert_eq!(said("2026-12-31").as_deref(), Some("2027-01-01T00:00:00+00:00"));
        assert_eq!(said("2026-12-31T18:00:00+02:00").as_deref(), Some("2026-12-31T16:00:00+00:00"));
        for bad in ["31.12.2026", "2026-13-01", "tomorrow", "", "2026-1-1", "+2026-01-1", "9999999-1-1"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    /// An exemption until the end of a year was told to end a day later.
    #[test]
    fn the_last_day_of_what_a_document_dates_is_the_day_that_it_says() {
        for said in ["2026-12-31", "2026-12-31T18:00:00Z"] {
            assert_eq!(last_day(moment(said).expect("a moment")), "2026-12-31", "{said}");
        }
    }

    fn path(text: &str) -> Result<(&'static str, Vec<String>), Refusal> {
        let at = Place { file: "a.yaml".into(), line: 1, column: 1 };
        ignore_path(text, at).map(|path| (path.setting, path.steps))
    }

    #[test]
    fn paths_have_dots_brackets_and_quotes() {
        let good = |text: &str, steps: &[&str]| {
            let (setting, found) = path(text).expect("a path");
            assert_eq!((setting, found.iter().map(String::as_str).collect::<Vec<_>>()), ("tags", steps.to_vec()));
        };
        good("tags", &[]);
        good("tags.CostCenter", &["CostCenter"]);
        good("tags[\"a.b\"]", &["a.b"]);
        good("tags.team-*", &["team-*"]);
        good("tags[archive].days", &["archive", "days"]);
    }

    #[test]
    fn a_path_that_means_nothing_is_refused() {
        let bad = |text: &str, message: &str, hint: &str| {
            assert_eq!(path(text), Err((message.to_owned(), hint.to_owned())), "{text}");
        };
        bad("tag.x", "unknown setting `tag`", "did you mean `tags`?");
        bad("tags.", "a step of `tags.` is empty", "name a field after each dot, or an id in brackets");
        bad("tags[a", "a bracket in `tags[a` is not closed", "write `[id]` or `[\"name\"]`");
        bad("tags[\"a", "the quotes in `tags[\"a` are not closed", "write `[\"name\"]`");
        bad("tags[a]b", "`b` follows a bracket in `tags[a]b`", "a dot or a bracket begins each step");
    }
}
