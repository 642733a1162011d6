//! What plain scalars mean.

use serde_json::{Number, Value};

/// What a plain scalar is in the core schema of YAML 1.2 (section 10.3.2), unless it is text.
/// Infinities and NaN stay text: JSON has none.
pub(super) fn core(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let radix = |digits: &str, radix| {
        let legal = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        legal.then(|| u64::from_str_radix(digits, radix).ok().map(Value::from)).flatten()
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let positive = text.strip_prefix('+').unwrap_or(text);
        if let Ok(n) = positive.parse::<u64>() {
            return Some(n.into());
        }
        if let Ok(n) = positive.parse::<i64>() {
            return Some(n.into());
        }
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_legal = digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty());
    let exponent_legal = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if !mantissa_legal || !exponent_legal {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_mean_what_yaml_1_2_says() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("null", json!(null)),
            ("true", json!(true)),
            ("FALSE", json!(false)),
            ("7", json!(7)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("012", json!(12)),
            ("0o14", json!(12)),
            ("0xC", json!(12)),
            ("123456789012", json!(123_456_789_012_u64)),
            ("1.10", json!(1.1)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("-1e3", json!(-1000.0)),
        ] {
            assert_eq!(core(text), Some(value), "{text}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        let texts = [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "2026-12-31",
            "1.2.3",
            "0x",
            "0xg",
            "1e",
            "e1",
            ".",
            "-",
            "+",
            "-.",
            ".inf",
            ".nan",
            "1_000",
            "aws:kms",
            "nUll",
            "1e999",
            "--1",
            "12:30",
        ];
        for text in texts {
            assert_eq!(core(text), None, "{text}");
        }
    }
}
