//! What a message says, in words (pure): the title and the sentences that every sink shares.

use super::notice::{Happening, Notice, Outcome, Standing, State};
use super::picture::Item;
use crate::doc::{Change, flow};
use crate::finding::is_invisible;

/// A value is told with so many characters.
const LONGEST_VALUE: usize = 200;

/// So many buckets, in words.
pub fn counted(count: usize) -> String {
    if count == 1 { "1 bucket".to_owned() } else { format!("{count} buckets") }
}

/// The beginning of a text, in characters; an ellipsis stands for what is left out.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let end = text.char_indices().nth(most.saturating_sub(1)).map_or(0, |(end, _)| end);
            format!("{}…", &text[..end])
        }
    }
}

/// Text in one line, without characters that steer a terminal or a mail, and without those that make a
/// text look like another.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

fn steers(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// What differs of a setting, in one line; without values where a sink is told none.
pub fn change(setting: &str, change: &Change, values: bool) -> String {
    let dot = if change.path.is_empty() || change.path.starts_with('[') { "" } else { "." };
    let field = line(&format!("{setting}{dot}{}", change.path));
    if !values {
        return field;
    }
    let show = |value: &Option<serde_json::Value>| {
        value.as_ref().map_or_else(|| "not set".to_owned(), |value| cut(&line(&flow(value)), LONGEST_VALUE))
    };
    format!("{field}: {} -> {}", show(&change.from), show(&change.to))
}

/// The title of a message about these items.
pub fn title(first: &Item, count: usize, state: State, various: bool) -> String {
    let buckets = counted(count);
    let only = first.bucket.as_ref().filter(|_| count == 1).map(ToString::to_string);
    let which = only.unwrap_or(buckets);
    let setting = if first.setting.is_empty() { first.policies.join(", ") } else { first.setting.clone() };
    let how = if various { " in various ways" } else { "" };
    let said = match (first.happening, state) {
        (Happening::Repaired, _) if first.revision.is_some() => format!("Revision carried out in {which}"),
        (Happening::Repaired, _) if first.setting == "existence" => format!("Created: {which}"),
        (Happening::Repaired, _) => format!("Repaired: {setting} of {which}{how}"),
        (Happening::Source, State::Resolved) if first.reason == "findings" => {
            "The documents have no faults any more".to_owned()
        }
        // It may be in another trouble instead, which is told by itself.
        (Happening::Source, State::Resolved) => format!("The source is not {} any more", first.reason),
        (Happening::Source, _) if first.reason == "findings" => "Faults in the documents".to_owned(),
        (Happening::Source, _) => format!("The source is {}", first.reason),
        (Happening::Breaker, State::Resolved) => "The fleet breaker is closed again".to_owned(),
        (Happening::Breaker, _) => format!("The fleet breaker is open: {which} would change"),
        (Happening::Unknown, State::Resolved) => format!("Readable again: {which}"),
        (Happening::Unknown, _) => format!("Not readable ({}): {which}", first.reason),
        (Happening::Drift, State::Resolved) => format!("Over: drift of {setting} in {which}"),
        (Happening::Drift, _) => format!("Drift: {setting} of {which} differs{how}"),
        (Happening::Held, State::Resolved) => format!("Over: held change of {setting} in {which}"),
        (Happening::Held, _) => format!("Held ({}): {setting} of {which}{how}", first.reason),
        (Happening::Failed, State::Resolved) => format!("Over: failed repair of {setting} in {which}"),
        (Happening::Failed, _) => format!("Repair failed ({}): {setting} of {which}{how}", first.reason),
        (Happening::Revision, _) => "Revision".to_owned(),
    };
    cut(&line(&said), 250)
}

/// How a revision came out, in one line.
pub fn revision(id: &str, standing: &Standing) -> String {
    let short = crate::source::short(id);
    let said = match standing.outcome {
        Outcome::Pending => "is in force; its buckets are being checked".to_owned(),
        Outcome::Good => format!("is carried out: {} in sync", counted(standing.buckets)),
        Outcome::Refused => "is not obeyed".to_owned(),
        Outcome::Bad => {
            let faults = if standing.findings == 1 { "fault in its documents" } else { "faults in its documents" };
            let parts =
                [(standing.drifted, "not as wanted"), (standing.unknown, "unknown"), (standing.findings, faults)];
            let said: Vec<String> =
                parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
            format!("is in force: {}", said.join(", "))
        }
    };
    format!("Revision {short} {said}")
}

/// The buckets of a message, in one line: the first by name, the rest as a number.
pub fn buckets(notice: &Notice) -> String {
    let mut said: Vec<String> = notice.buckets.iter().map(ToString::to_string).collect();
    if notice.bucket_count > notice.buckets.len() {
        said.push(format!("and {} more", notice.bucket_count - notice.buckets.len()));
    }
    line(&said.join(", "))
}

/// The facts of a message: what stands in each line, and what it is called.
pub fn facts(notice: &Notice) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if notice.bucket_count > 0 {
        facts.push((if notice.bucket_count == 1 { "Bucket" } else { "Buckets" }, buckets(notice)));
    }
    if !notice.policies.is_empty() {
        facts.push(("Asked for by", line(&notice.policies.join(", "))));
    }
    facts.push(("Severity", notice.severity.word().to_owned()));
    if let Some(reason) = notice.reason.as_ref().filter(|it| !it.is_empty()) {
        facts.push(("Reason", line(reason)));
    }
    if let Some(revision) = &notice.revision {
        let mut said = crate::source::short(&revision.id).to_owned();
        if !revision.subject.is_empty() {
            said.push_str(&format!(" {}", revision.subject));
        }
        if !revision.author.is_empty() {
            said.push_str(&format!(", by {}", revision.author));
        }
        facts.push(("Revision", cut(&line(&said), 300)));
    }
    facts.push(("Since", notice.since.format("%Y-%m-%d %H:%M:%S UTC").to_string()));
    facts
}

/// The changes of a message, one a line; values are left out where they were taken out.
pub fn changes(notice: &Notice) -> Vec<String> {
    let setting = notice.setting.as_deref().unwrap_or_default();
    let values = |it: &Change| it.from.is_some() || it.to.is_some();
    notice.changes.iter().map(|it| change(setting, it, values(it))).collect()
}

/// All of a message as plain text: for mail, SNS and the like.
pub fn text(notice: &Notice) -> String {
    let mut text = format!("{}\n", notice.title);
    for (name, value) in facts(notice) {
        text.push_str(&format!("\n{name}: {value}"));
    }
    text.push('\n');
    for change in changes(notice) {
        text.push_str(&format!("\n    {change}"));
    }
    if let Some(detail) = &notice.detail {
        text.push_str(&format!("\n\n{}", plain(detail)));
    }
    if let Some(fix) = &notice.fix {
        text.push_str(&format!("\n\nTo do: {}\n", line(&fix.text)));
        if let Some(document) = &fix.document {
            let document = plain(document);
            document.lines().for_each(|it| text.push_str(&format!("\n    {it}")));
        }
    }
    if let Some(url) = &notice.url {
        text.push_str(&format!("\n\n{url}"));
    }
    text.push_str(&format!("\n\n-- \ndriftless, {}\n", line(&notice.instance)));
    text
}

/// Text of several lines, without the other characters that steer or deceive.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if steers(c) && c != '\n' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// U+202E turned a line around in chat and mail, and U+200B hid in a name, while the page and the
    /// terminal showed both.
    #[test]
    fn characters_that_nobody_sees_do_not_reach_chat_and_mail() {
        let hostile = "pri\u{202e}vate\u{200b}\u{feff}\u{2066}\u{61c}\u{2028}\u{7}x\ny";
        assert_eq!(line(hostile), "pri vate      x y");
        assert_eq!(plain(hostile), "pri vate      x\ny");
    }

    /// A message said "1 faults in its documents".
    #[test]
    fn one_fault_is_one_fault() {
        let standing = |findings| Standing {
            outcome: Outcome::Bad,
            buckets: 3,
            in_sync: 2,
            drifted: 1,
            unknown: 0,
            held: 0,
            findings,
        };
        assert_eq!(
            revision("4f1c2b7e9a0d3c5b", &standing(1)),
            "Revision 4f1c2b7e9a0d is in force: 1 not as wanted, 1 fault in its documents"
        );
        assert_eq!(
            revision("4f1c2b7e9a0d3c5b", &standing(2)),
            "Revision 4f1c2b7e9a0d is in force: 1 not as wanted, 2 faults in its documents"
        );
    }
}
