//! What the status of a commit says, on GitHub and GitLab alike (pure): how a revision came out, and
//! nothing else. One is sent only when that is another than before, as each stays in the history of
//! the commit.

use crate::notify::notice::{Notice, Outcome, Standing};
use crate::notify::words;

/// The commit that a message is about, and how it came out; none for any other message, and for what
/// is no commit.
pub fn about(notice: &Notice) -> Option<(&str, &Standing)> {
    let (revision, standing) = (notice.revision.as_ref()?, notice.standing.as_ref()?);
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_commit = revision.id.len() == 40 && revision.id.chars().all(hex);
    is_commit.then_some((&*revision.id, standing))
}

/// By what the status is called: two agents must not overwrite each other's.
pub fn context(own: Option<&String>, notice: &Notice) -> String {
    let instance = notice.instance.split_once("://").map_or(&*notice.instance, |(_, rest)| rest);
    own.cloned().unwrap_or_else(|| words::cut(&words::line(&format!("driftless: {instance}")), 200))
}

/// How the revision came out, in so many characters.
pub fn description(standing: &Standing, most: usize) -> String {
    let findings = (standing.findings, "finding", "findings");
    let parts: &[(usize, &str, &str)] = match standing.outcome {
        Outcome::Pending => &[findings],
        Outcome::Good | Outcome::Refused => &[],
        Outcome::Bad => &[
            findings,
            (standing.drifted, "bucket not as wanted", "buckets not as wanted"),
            (standing.unknown, "bucket unknown", "buckets unknown"),
            (standing.held, "change held", "changes held"),
        ],
    };
    let several = parts.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| {
        let word = if *count == 1 { one } else { many };
        format!("{count} {word}")
    });
    let several = several.collect::<Vec<_>>().join(", ");
    let said = match standing.outcome {
        Outcome::Pending if several.is_empty() => "Loaded; its buckets are being checked".to_owned(),
        Outcome::Pending => format!("Loaded with {several}; its buckets are being checked"),
        Outcome::Good => format!("Applied: {} in sync", words::counted(standing.buckets)),
        Outcome::Bad => format!("In force: {several}"),
        Outcome::Refused => "Not obeyed: the revision before it stays in force".to_owned(),
    };
    words::cut(&said, most)
}

/// A test that asks about a commit that no repository has.
pub const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::notify::notice::RevisionNote;

    /// A message about a revision.
    pub(in crate::notify::sinks) fn notice(outcome: Outcome) -> Notice {
        let standing = Standing { outcome, buckets: 12, in_sync: 9, drifted: 2, unknown: 1, held: 3, findings: 1 };
        let id = "4f1c2b7d9e0a4f1c2b7d9e0a4f1c2b7d9e0a4f1c".to_owned();
        Notice {
            revision: Some(RevisionNote { id, subject: "A\u{7}".to_owned(), author: String::new() }),
            standing: Some(standing),
            url: Some("https://driftless.example.com/source".to_owned()),
            ..Notice::test("https://driftless.example.com", None, Default::default())
        }
    }

    #[test]
    fn a_status_says_how_the_revision_came_out() {
        let said = |outcome| description(notice(outcome).standing.as_ref().expect("has one"), 140);
        assert_eq!(said(Outcome::Pending), "Loaded with 1 finding; its buckets are being checked");
        assert_eq!(said(Outcome::Good), "Applied: 12 buckets in sync");
        assert_eq!(
            said(Outcome::Bad),
            "In force: 1 finding, 2 buckets not as wanted, 1 bucket unknown, 3 changes held"
        );
        assert_eq!(said(Outcome::Refused), "Not obeyed: the revision before it stays in force");
        let standing = Standing { findings: 0, ..notice(Outcome::Pending).standing.expect("has one") };
        assert_eq!(description(&standing, 140), "Loaded; its buckets are being checked");
        assert_eq!(description(&standing, 10), "Loaded; i…");
    }

    #[test]
    fn only_a_commit_has_a_status() {
        assert!(about(&notice(Outcome::Good)).is_some());
        assert_eq!(about(&Notice::test("a", None, Default::default())), None);
        for id in ["", "4f1c2b7", "../../../user/keys?aaaaaaaaaaaaaaaaaaaaa", &"a".repeat(64)] {
            let mut notice = notice(Outcome::Good);
            notice.revision.as_mut().expect("has one").id = id.to_owned();
            assert_eq!(about(&notice), None, "{id}");
        }
    }

    #[test]
    fn a_status_has_the_name_of_the_agent_that_gives_it() {
        let notice = notice(Outcome::Good);
        assert_eq!(context(None, &notice), "driftless: driftless.example.com");
        assert_eq!(context(Some(&"staging".to_owned()), &notice), "staging");
    }
}
