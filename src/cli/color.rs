//! Whether output is coloured, decided in this one place; and the colours themselves, which are laid
//! over the finished text, so that they can neither change a word of it nor be changed by it.

use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ValueEnum;

mod lay;

pub use lay::{Look, lay};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum When {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Results.
    Out,
    /// Faults, and the log.
    Err,
}

static WHEN: OnceLock<When> = OnceLock::new();

/// Takes the word of the command line; the first call counts.
pub fn choose(when: When) {
    let _ = WHEN.set(when);
}

/// Whether what is printed there is coloured.
pub fn is_on(stream: Stream) -> bool {
    let terminal = match stream {
        Stream::Out => std::io::stdout().is_terminal(),
        Stream::Err => std::io::stderr().is_terminal(),
    };
    decide(WHEN.get().copied().unwrap_or_default(), &|name| std::env::var(name).ok(), terminal)
}

/// The decision: the command line, then NO_COLOR (no-color.org), CLICOLOR_FORCE and CLICOLOR
/// (bixense.com/clicolors), then whether it is a terminal that knows colours.
pub fn decide(when: When, variable: &dyn Fn(&str) -> Option<String>, terminal: bool) -> bool {
    let said = |name: &str| variable(name).filter(|it| !it.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if said("NO_COLOR").is_some() => false,
        When::Auto if said("CLICOLOR_FORCE").is_some_and(|it| it != "0") => true,
        When::Auto if said("CLICOLOR").is_some_and(|it| it == "0") => false,
        When::Auto => terminal && said("TERM").is_none_or(|it| it != "dumb"),
    }
}

/// A colour, by what it says. The eight colours of every terminal, so that its user's palette holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pen {
    /// As it shall be.
    Good,
    /// Not as it shall be.
    Bad,
    /// Somebody should look.
    Careful,
    /// Advice.
    Hint,
    /// What it is about.
    Strong,
    /// Beside the point.
    Dim,
}

impl Pen {
    /// The text in this colour.
    pub fn ink(self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let code = match self {
            Self::Good => 32,
            Self::Bad => 31,
            Self::Careful => 33,
            Self::Hint => 36,
            Self::Strong => 1,
            Self::Dim => 2,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The text without its colours.
pub fn without(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.strip_prefix('m').unwrap_or(rest);
    }
    bare + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(when: When, variables: &[(&str, &str)], terminal: bool) -> bool {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        decide(when, &find, terminal)
    }

    #[test]
    fn by_itself_only_a_terminal_has_colours() {
        assert!(on(When::Auto, &[("TERM", "xterm")], true));
        assert!(on(When::Auto, &[], true));
        assert!(!on(When::Auto, &[("TERM", "xterm")], false));
        assert!(!on(When::Auto, &[("TERM", "dumb")], true));
    }

    #[test]
    fn the_environment_forbids_and_forces() {
        assert!(!on(When::Auto, &[("NO_COLOR", "1")], true));
        assert!(on(When::Auto, &[("NO_COLOR", "")], true), "an empty one says nothing");
        assert!(on(When::Auto, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], false));
        assert!(!on(When::Auto, &[("CLICOLOR_FORCE", "0")], false));
        assert!(!on(When::Auto, &[("CLICOLOR", "0")], true));
        assert!(!on(When::Auto, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true), "who forbids wins");
    }

    #[test]
    fn the_command_line_wins() {
        assert!(on(When::Always, &[("NO_COLOR", "1"), ("TERM", "dumb")], false));
        assert!(!on(When::Never, &[("CLICOLOR_FORCE", "1")], true));
    }

    #[test]
    fn colours_can_be_taken_away_again() {
        let inked = format!("a {} b {}", Pen::Bad.ink("drifted"), Pen::Strong.ink("c"));
        assert_ne!(inked, "a drifted b c");
        assert_eq!(without(&inked), "a drifted b c");
        assert_eq!(Pen::Good.ink(""), "");
    }
}
