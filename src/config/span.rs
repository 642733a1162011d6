//! Lengths of time as people write them: `30s`, `5m`, `1h30m`, `7d`.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Span {
    /// Reads a length of time: numbers with units, the largest first.
    ///
    /// # Errors
    /// A sentence that says what a length of time looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no length of time: write for example `30s`, `5m`, `1h30m` or `7d`");
        let mut millis: u64 = 0;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            let letters = &rest[digits..];
            let end = letters.find(|c: char| c.is_ascii_digit()).unwrap_or(letters.len());
            let (_, unit) = UNITS.iter().find(|(name, _)| *name == &letters[..end]).ok_or_else(wrong)?;
            millis = number.checked_mul(*unit).and_then(|more| millis.checked_add(more)).ok_or_else(wrong)?;
            rest = &letters[end..];
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_millis();
        if left == 0 {
            return f.write_str("0s");
        }
        for (name, unit) in UNITS.iter().rev() {
            let unit = u128::from(*unit);
            if left >= unit {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^([0-9]+(ms|s|m|h|d))+$",
            "description": "A length of time, such as `30s`, `5m`, `1h30m` or `7d`.",
            "examples": ["30s", "5m", "1h30m", "7d"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_they_are_written() {
        for text in ["30s", "5m", "1h30m", "7d", "250ms", "0s"] {
            assert_eq!(Span::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(Span::parse("90m").expect("minutes").to_string(), "1h30m");
    }

    #[test]
    fn what_is_none_says_how_one_looks() {
        for text in ["", "5", "m", "5 minutes", "-1s", "99999999999999999999d"] {
            assert_eq!(
                Span::parse(text).expect_err(text),
                format!("`{text}` is no length of time: write for example `30s`, `5m`, `1h30m` or `7d`")
            );
        }
    }
}
