//! Why wanted state could not be had: closed kinds, and no text in which a credential can hide.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

/// The longest text of a server or library that is passed on, in characters.
const SAID_MAX: usize = 300;

/// A failure to get or read wanted state: plain data, so that it crosses the pipe from the
/// fetching process and is held by reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub struct Error {
    /// What it means for the loop, and the label in metrics.
    pub kind: ErrorKind,
    /// What was done: `fetch`, `read`, `load`, `open`.
    pub operation: String,
    /// Of what: the source's address without credentials.
    pub origin: String,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What the user can do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl Error {
    /// A failure of one kind. Credentials in the text are taken out.
    pub fn new(kind: ErrorKind, operation: &str, origin: &str, message: impl AsRef<str>) -> Self {
        Self {
            kind,
            operation: operation.to_owned(),
            origin: scrub(origin),
            message: scrub(message.as_ref()),
            hint: None,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Takes every occurrence of a secret out of the texts.
    pub fn forget(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let clean = |text: &mut String| {
            if text.contains(secret) {
                *text = text.replace(secret, "***");
            }
        };
        clean(&mut self.message);
        clean(&mut self.origin);
        if let Some(hint) = &mut self.hint {
            clean(hint);
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of `{}` failed: {}", self.operation, self.origin, self.message)
    }
}

/// What a failure of a source means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The credentials are missing, unreadable, or refused.
    Auth,
    /// The ssh host key is unknown, another one, or revoked.
    HostKey,
    /// The certificate of the https server is not trusted.
    Certificate,
    /// No such repository, branch, tag, commit or folder.
    NotFound,
    /// The server cannot be reached, or the connection broke.
    Network,
    /// The server answered that it failed.
    Server,
    /// The server sends to another host, which is not followed.
    Redirect,
    /// The deadline passed.
    Timeout,
    /// A limit is exceeded.
    TooLarge,
    /// The address or a combination of options is not allowed.
    RefusedUrl,
    /// The local copy, or what was received, cannot be read.
    Corrupt,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// The word for it in metrics and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::HostKey => "host-key",
            Self::Certificate => "certificate",
            Self::NotFound => "not-found",
            Self::Network => "network",
            Self::Server => "server",
            Self::Redirect => "redirect",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::RefusedUrl => "refused-url",
            Self::Corrupt => "corrupt",
            Self::Other => "other",
        }
    }
}

/// The text on one line, without the userinfo of any URL in it, without control characters (a
/// server's words reach a terminal), and not longer than 300 characters.
pub fn scrub(text: &str) -> String {
    static USERINFO: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/\s'`@]*(?:@[^/\s'`@]*)*@)").expect("the pattern is well formed")
    });
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // The user of ssh alone is no secret, and it is part of the address.
    let clean =
        USERINFO.replace_all(&clean, |found: &Captures<'_>| match &found[1] == "ssh://" && !found[2].contains(':') {
            true => found[0].to_owned(),
            false => found[1].to_owned(),
        });
    let clean = clean.trim();
    match clean.char_indices().nth(SAID_MAX) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_keeps_the_userinfo_of_a_url() {
        assert_eq!(scrub("no https://bob:s3cret@git.example/x"), "no https://git.example/x");
        assert_eq!(scrub("no https://a@b:p@ss@git.example/x"), "no https://git.example/x");
        assert_eq!(scrub("'ssh://git@h/x' and 'https://t:u@h/y'"), "'ssh://git@h/x' and 'https://h/y'");
        assert_eq!(scrub("ssh://git:s3cret@h/x"), "ssh://h/x");
        assert_eq!(scrub("mail me@example.com"), "mail me@example.com");
    }

    #[test]
    fn a_servers_words_cannot_steer_a_terminal_or_fill_a_log() {
        assert_eq!(scrub("a\u{1b}[31mb\r\n"), "a [31mb");
        assert_eq!(scrub(&"x".repeat(400)).chars().count(), 301);
    }

    #[test]
    fn a_secret_is_taken_out_of_every_text() {
        let mut error = Error::new(ErrorKind::Other, "fetch", "https://h/x", "said hunter2").hint("not hunter2");
        error.forget("hunter2");
        assert_eq!(
            (error.to_string().as_str(), error.hint.as_deref()),
            ("fetch of `https://h/x` failed: said ***", Some("not ***"))
        );
    }
}
