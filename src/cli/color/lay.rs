//! Which words get which colour (pure). The text is finished and holds no control characters, so
//! whatever a repository or S3 says cannot steer the terminal; it may at most be coloured.

use super::Pen;

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// What `plan`, `apply` and `scan` print.
    Plan,
    /// What `status` prints.
    Status,
    /// What `history` prints.
    History,
    /// Findings, faults and hints.
    Faults,
}

/// Lays colours over a text.
pub fn lay(look: Look, text: &str) -> String {
    let line = |line: &str| match look {
        Look::Plan => plan(line),
        Look::Status => status(line),
        Look::History => history(line),
        Look::Faults => fault(line),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The colour of a word for how something stands.
fn of(word: &str) -> Option<Pen> {
    Some(match word {
        "in sync" | "compliant" | "ready" | "applied" | "done" => Pen::Good,
        "drifted" | "failed" | "invalid" | "with a faulty spec" | "unreachable" | "not proved" => Pen::Bad,
        "held" | "unknown" | "stale" | "suspended" => Pen::Careful,
        "exempt" | "unsupported" | "undeclared" => Pen::Dim,
        _ => return None,
    })
}

/// Inks the word that a text begins with, when it is one for how something stands.
fn state(text: &str) -> String {
    let ends = |end: &usize| text[*end..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    // The longest first: `in sync` before anything that is one word.
    let mut candidates: Vec<usize> = text.match_indices([' ', ':', ';', ',', '(']).map(|(at, _)| at).collect();
    candidates.push(text.len());
    candidates.truncate(4);
    let found = candidates.into_iter().rev().filter(ends).find_map(|end| Some((end, of(&text[..end])?)));
    match found {
        Some((end, pen)) => format!("{}{}", pen.ink(&text[..end]), &text[end..]),
        None => text.to_owned(),
    }
}

/// Inks the state after the first of these separators.
fn state_after(line: &str, separator: &str) -> String {
    match line.split_once(separator) {
        Some((before, after)) => format!("{before}{separator}{}", state(after)),
        None => line.to_owned(),
    }
}

/// The text after its leading blanks, with the mark or the word before it inked.
fn begins(line: &str, begin: &str, pen: Pen) -> Option<String> {
    let bare = line.trim_start_matches(' ');
    let rest = bare.strip_prefix(begin)?;
    Some(format!("{}{}{rest}", &line[..line.len() - bare.len()], pen.ink(begin)))
}

fn plan(line: &str) -> String {
    let marks = [
        ("  = ", Pen::Good),
        ("  + ", Pen::Good),
        ("  ~ ", Pen::Careful),
        ("  ! ", Pen::Careful),
        ("  ? ", Pen::Careful),
    ];
    for (mark, pen) in marks {
        if let Some(rest) = line.strip_prefix(mark) {
            // A write that was made says how it went.
            let rest = if mark == "  = " { state_after(rest, "  ") } else { rest.to_owned() };
            return format!("  {} {rest}", pen.ink(mark.trim()));
        }
    }
    if line.starts_with("  policy ") {
        return state_after(line, "): ");
    }
    if let Some(inked) = begins(line, "hint:", Pen::Hint) {
        return inked;
    }
    match line.split_once(" (") {
        Some((name, rest)) if !line.starts_with(' ') && rest.ends_with(')') => {
            format!("{} ({rest}", Pen::Strong.ink(name))
        }
        _ => line.to_owned(),
    }
}

fn status(line: &str) -> String {
    let first = line.split(' ').next().unwrap_or_default();
    if let Some(inked) = begins(line, "hint:", Pen::Hint) {
        return inked;
    }
    if let Some(inked) = begins(line, "not ready:", Pen::Bad).or_else(|| begins(line, "breaker open:", Pen::Bad)) {
        return inked;
    }
    if let Some(inked) = begins(line, "held", Pen::Careful).or_else(|| begins(line, "not read:", Pen::Careful)) {
        return inked;
    }
    if line.starts_with("policy ") && line.contains("): ") {
        return state_after(line, "): ");
    }
    if line.starts_with("spec ") {
        return state_after(line, ": ");
    }
    if line.starts_with("source ") {
        return state_after(line, " ");
    }
    // The count of the fleet: `2 buckets: 1 in sync, 1 drifted`.
    if first.parse::<u64>().is_ok()
        && let Some((buckets, counts)) = line.split_once(": ")
    {
        let counts: Vec<String> = counts.split(", ").map(|count| state_after(count, " ")).collect();
        return format!("{buckets}: {}", counts.join(", "));
    }
    // A bucket of the list, or the head of a bucket's own page.
    if let Some((name, rest)) = line.split_once("  ").filter(|(name, _)| !name.is_empty()) {
        return format!("{}  {}", Pen::Strong.ink(name), state(rest));
    }
    if let Some((name, rest)) = line.split_once(" in ").filter(|(name, _)| !name.contains(' ') && !name.is_empty()) {
        return format!("{} in {}", Pen::Strong.ink(name), state_after(rest, ": "));
    }
    fault(line)
}

fn history(line: &str) -> String {
    if !line.starts_with(' ') {
        return if line.is_empty() { String::new() } else { Pen::Strong.ink(line) };
    }
    // `  11:00:00  held  web  …`: the time, then what happened.
    let Some((time, rest)) = line.get(2..).and_then(|it| it.split_once("  ")) else { return line.to_owned() };
    if time.len() != 8 || line.starts_with("   ") {
        return line.to_owned();
    }
    let end = rest.find(' ').unwrap_or(rest.len());
    let (kind, after) = rest.split_at(end);
    let pen = match kind {
        "repair" if after.contains("[failed") || after.contains("[not proved") => Pen::Bad,
        "repair" | "created" | "drift-closed" => Pen::Good,
        "drift-detected" | "lost" => Pen::Bad,
        "held" | "unmanaged" | "source" => Pen::Careful,
        _ => Pen::Hint,
    };
    format!("  {}  {}{after}", Pen::Dim.ink(time), pen.ink(kind))
}

fn fault(line: &str) -> String {
    if let Some(inked) = begins(line, "hint:", Pen::Hint) {
        return inked;
    }
    for (word, pen) in [(": error: ", Pen::Bad), (": warning: ", Pen::Careful)] {
        if let Some((before, after)) = line.split_once(word) {
            let bare = word.trim_matches([':', ' ']);
            return format!("{}: {}: {after}", Pen::Strong.ink(before), pen.ink(bare));
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::without;
    use super::*;

    const TEXTS: &[(Look, &str)] = &[
        (
            Look::Plan,
            "ai-model-data (us-east-1)\n  = tags  done; asked for by a.yaml:1\n  ~ versioning  asked for by policy versioned\n      \
             status: Suspended -> Enabled\n  ! lifecycle  held (needs-approval): objects would be deleted\n  ? acl  unknown: \
             GetBucketAcl failed\n      hint: the role needs it\n  policy private (critical): drifted: open\n  + create in \
             us-east-1; asked for by a.yaml:1\n1 setting to repair, 2 held",
        ),
        (
            Look::Status,
            "2 buckets: 1 in sync, 1 drifted\nsource ready: /specs branch main\nsweep: none yet\nnot ready: no sweep\n\
             breaker open: fleet (over-limit)\n\nbucket-1  drifted (versioned) for 3 s; held: observe-only\nc.yaml:1:1: error: \
             no kind\nhint: did you mean it\nbucket-1 in us-east-1: drifted; checked 3 s ago\nspec: b.yaml:1\npolicy versioned \
             (low): drifted for 3 s: status\nspec versioning: compliant\nheld (observe-only): versioning: would be repaired",
        ),
        (
            Look::History,
            "Sunday 2026-11-22\n  11:00:00  held    web  tags\n  10:00:00  repair  ai   versioning [failed: denied]\n            \
             status: Suspended -> Enabled",
        ),
        (Look::Faults, "a.yaml:4:9: error: no\nhint: write it\na.yaml:1:1: warning: well\nnothing"),
    ];

    #[test]
    fn colours_taken_away_leave_the_text_as_it_was() {
        for (look, text) in TEXTS {
            let inked = lay(*look, text);
            assert_ne!(&inked, text, "{look:?}");
            assert_eq!(&without(&inked), text, "{look:?}");
        }
    }

    #[test]
    fn how_it_stands_is_what_is_coloured() {
        let status = lay(Look::Status, TEXTS[1].1);
        let lines: Vec<&str> = status.lines().collect();
        assert_eq!(lines[0], "2 buckets: 1 \u{1b}[32min sync\u{1b}[0m, 1 \u{1b}[31mdrifted\u{1b}[0m");
        assert_eq!(lines[1], "source \u{1b}[32mready\u{1b}[0m: /specs branch main");
        assert!(
            lines[6].starts_with("\u{1b}[1mbucket-1\u{1b}[0m  \u{1b}[31mdrifted\u{1b}[0m (versioned)"),
            "{}",
            lines[6]
        );
        assert!(lines[11].starts_with("policy versioned (low): \u{1b}[31mdrifted\u{1b}[0m for"), "{}", lines[11]);
        let plan = lay(Look::Plan, TEXTS[0].1);
        assert!(
            plan.starts_with(
                "\u{1b}[1mai-model-data\u{1b}[0m (us-east-1)\n  \u{1b}[32m=\u{1b}[0m tags  \u{1b}[32mdone\u{1b}[0m;"
            ),
            "{plan}"
        );
        assert!(plan.ends_with("\n1 setting to repair, 2 held"), "{plan}");
        let history = lay(Look::History, TEXTS[2].1);
        assert!(history.contains("\u{1b}[31mrepair\u{1b}[0m  ai"), "{history}");
    }

    #[test]
    fn any_text_survives() {
        for text in ["", " ", "\n\n", "policy ", "12 ", "ä: ü  ö", "  ", "  11:00:00", "spec", "a  ", ": error: "] {
            for look in [Look::Plan, Look::Status, Look::History, Look::Faults] {
                assert_eq!(without(&lay(look, text)), text, "{look:?} {text:?}");
            }
        }
    }
}
