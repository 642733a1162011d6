//! What libgit2's errors mean.
//!
//! Its codes tell little apart, so its words have to: each of them is held by a test against a
//! real server in `tests/it/git.rs`.

use git2::{ErrorClass, ErrorCode};

use crate::source::{Error, ErrorKind};

/// Turns an error of libgit2 into ours.
pub(super) fn failed(operation: &str, origin: &str, error: &git2::Error) -> Error {
    let said = error.message();
    let (kind, message, hint) = meaning(error.code(), error.class(), said);
    let made = Error::new(kind, operation, origin, message.unwrap_or_else(|| said.to_owned()));
    match hint {
        Some(hint) => made.hint(hint),
        None => made,
    }
}

type Meaning = (ErrorKind, Option<String>, Option<&'static str>);

fn meaning(code: ErrorCode, class: ErrorClass, said: &str) -> Meaning {
    let lower = said.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if let Some(status) = lower.strip_prefix("unexpected http status code: ") {
        return http(status.trim());
    }
    if has(&["cannot redirect", "unexpected redirect", "redirect without location", "too many redirects"]) {
        let hint = "name the repository by its final address; redirects to another host are not followed";
        return (ErrorKind::Redirect, Some(format!("the server sends elsewhere: {said}")), Some(hint));
    }
    if has(&["does not appear to be a git repository", "repository not found", "no such repository"])
        || (class == ErrorClass::Repository && code == ErrorCode::NotFound)
        || (class == ErrorClass::Os && has(&["failed to resolve path"]))
    {
        return (
            ErrorKind::NotFound,
            Some("no such repository".to_owned()),
            Some("check the address, and whether the credentials may see it"),
        );
    }
    match (code, class) {
        (ErrorCode::Auth, _) => (ErrorKind::Auth, None, None),
        (ErrorCode::Owner, _) => {
            (ErrorKind::Auth, None, Some("the repository belongs to another user of this machine"))
        }
        (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) if !has(&["syscall", "eof", "connection"]) => {
            (ErrorKind::Certificate, None, Some("name the certificate authority in the source's `caFile`"))
        }
        (ErrorCode::Timeout, _) => (ErrorKind::Timeout, None, None),
        (_, ErrorClass::Net | ErrorClass::Http | ErrorClass::Ssh | ErrorClass::Ssl) | (ErrorCode::Eof, _) => {
            let auth = has(&["authenticat", "publickey", "passphrase", "private key", "callback returned unsupported"]);
            (if auth { ErrorKind::Auth } else { ErrorKind::Network }, None, None)
        }
        (_, ErrorClass::Os) if has(&["failed to connect", "failed to send", "socket"]) => {
            (ErrorKind::Network, None, None)
        }
        (_, ErrorClass::Odb | ErrorClass::Zlib | ErrorClass::Object | ErrorClass::Indexer | ErrorClass::Sha1)
        | (_, ErrorClass::Repository | ErrorClass::Config | ErrorClass::Reference)
        | (ErrorCode::HashsumMismatch, _) => (ErrorKind::Corrupt, None, None),
        _ => (ErrorKind::Other, None, None),
    }
}

fn http(status: &str) -> Meaning {
    let message = Some(format!("the server answered with status {status}"));
    match status.parse::<u16>() {
        Ok(401 | 403) => (ErrorKind::Auth, message, Some("check that the token is valid and may read the repository")),
        Ok(404 | 410) => {
            (ErrorKind::NotFound, message, Some("check the address, and whether the credentials may see it"))
        }
        Ok(408 | 429) | Ok(500..) => (ErrorKind::Server, message, None),
        _ => (ErrorKind::Other, message, None),
    }
}
