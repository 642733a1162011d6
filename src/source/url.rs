//! Which addresses of a git repository are allowed.
//!
//! Credentials never stand in an address: addresses are logged and shown.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// An address or name that is not allowed, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Illegal {
    /// What is wrong: lower case, no full stop, no credentials.
    pub message: String,
    /// What to write instead.
    pub hint: Option<&'static str>,
}

fn illegal(message: impl Into<String>) -> Illegal {
    Illegal { message: message.into(), hint: None }
}

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `https://`
    Https,
    /// `http://`: to this machine only. Whoever is on the way to another could write the specs.
    Http,
    /// `ssh://` or `user@host:path`
    Ssh,
    /// `/path` or `file:///path`
    Local,
}

/// The address of a git repository, legal by construction and free of credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GitUrl {
    text: String,
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl GitUrl {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The ssh user, when the address names one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The host in lower case, empty for a local path.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that is asked, 0 for a local path.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            Scheme::Https => 443,
            Scheme::Http => 80,
            Scheme::Ssh => 22,
            Scheme::Local => 0,
        })
    }

    /// The folder of a local repository.
    pub fn local_path(&self) -> Option<&Path> {
        let path = self.text.strip_prefix("file://").unwrap_or(&self.text);
        (self.scheme == Scheme::Local).then(|| Path::new(path))
    }

    /// Whether a token may be sent: over https, or to this very machine.
    pub fn may_carry_token(&self) -> bool {
        match self.scheme {
            Scheme::Https => true,
            Scheme::Http => is_loopback(&self.host),
            Scheme::Ssh | Scheme::Local => false,
        }
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for GitUrl {
    type Err = Illegal;

    fn from_str(text: &str) -> Result<Self, Illegal> {
        if text.is_empty() {
            return Err(illegal("the address is empty"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(illegal("the address has a space, a backslash or a control character in it"));
        }
        let local = |path: &str| -> Result<Self, Illegal> {
            if !path.starts_with('/') {
                return Err(illegal("a local repository is named by its absolute path"));
            }
            Ok(Self { text: text.to_owned(), scheme: Scheme::Local, user: None, host: String::new(), port: None })
        };
        if text.starts_with('/') {
            return local(text);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                "file" => local(rest),
                "https" => network(text, Scheme::Https, rest),
                "http" => network(text, Scheme::Http, rest),
                "ssh" => network(text, Scheme::Ssh, rest),
                other => Err(Illegal {
                    message: format!("`{}` is not a way to reach a repository", crate::source::error::scrub(other)),
                    hint: Some("use https://, ssh://, user@host:path or an absolute path"),
                }),
            };
        }
        scp_like(text)
    }
}

fn network(text: &str, scheme: Scheme, rest: &str) -> Result<GitUrl, Illegal> {
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => return Err(illegal("the address has no path to a repository")),
    };
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    if let Some(user) = user {
        // An ssh user is no secret; anything else before the `@` may be one.
        if scheme != Scheme::Ssh || user.contains(':') {
            return Err(Illegal {
                message: "credentials do not belong in the address of a repository".to_owned(),
                hint: Some(
                    "take what stands before the `@` out of the address and name it in the source's credentials",
                ),
            });
        }
        ssh_user(user)?;
    }
    let (host, port) = host_and_port(place)?;
    if path.is_empty() {
        return Err(illegal("the address has no path to a repository"));
    }
    if path.contains(['?', '#']) {
        return Err(illegal("the address of a repository has no `?` or `#`"));
    }
    if scheme == Scheme::Ssh {
        ssh_path(path)?;
    }
    if scheme == Scheme::Http && !is_loopback(&host) {
        return Err(Illegal {
            message: "plain http to another machine: whoever is on the way could change what is wanted".to_owned(),
            hint: Some("use https:// or ssh://; http is for this machine alone"),
        });
    }
    Ok(GitUrl { text: text.to_owned(), scheme, user: user.map(str::to_owned), host, port })
}

/// Whether a host is this machine, whatever a name server says.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

fn scp_like(text: &str) -> Result<GitUrl, Illegal> {
    let parts = text.split_once(':').and_then(|(place, path)| Some((place.split_once('@')?, path)));
    let Some(((user, host), path)) = parts else {
        return Err(Illegal {
            message: "the address is neither a URL, nor `user@host:path`, nor an absolute path".to_owned(),
            hint: Some("use https://, ssh://, user@host:path or an absolute path"),
        });
    };
    ssh_user(user)?;
    let (host, port) = host_and_port(host)?;
    if port.is_some() || path.is_empty() {
        return Err(illegal("the address is not of the form `user@host:path`"));
    }
    ssh_path(path)?;
    Ok(GitUrl { text: text.to_owned(), scheme: Scheme::Ssh, user: Some(user.to_owned()), host, port: None })
}

fn ssh_user(user: &str) -> Result<(), Illegal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if user.is_empty() || user.starts_with('-') || !user.chars().all(legal) {
        return Err(illegal("the ssh user has a character other than A-Z a-z 0-9 . _ -"));
    }
    Ok(())
}

/// The path is handed to a shell on the server, so nothing that a shell reads may be in it.
fn ssh_path(path: &str) -> Result<(), Illegal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '~' | '+' | '-');
    match path.chars().find(|c| !legal(*c)) {
        Some(c) => Err(illegal(format!("an ssh path has only A-Z a-z 0-9 . _ / ~ + - in it, not `{c}`"))),
        None if path.starts_with('-') => Err(illegal("an ssh path does not begin with `-`")),
        None => Ok(()),
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), Illegal> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(|| illegal("the `[` of the host is not closed"))?;
        if host.is_empty() || !host.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.')) {
            return Err(illegal("between `[` and `]` stands an IPv6 address"));
        }
        match rest {
            "" => (host, None),
            rest => (host, Some(rest.strip_prefix(':').ok_or_else(|| illegal("after `]` comes `:` and the port"))?)),
        }
    } else {
        match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        }
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || host.starts_with('-') || !(place.starts_with('[') || host.chars().all(legal)) {
        return Err(illegal("the host is not a host name or an address"));
    }
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(illegal("the port is not a number from 1 to 65535")),
        },
    };
    Ok((host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match text.parse::<GitUrl>() {
            Ok(url) => panic!("allowed: {url:?}"),
            Err(error) => error.message,
        }
    }

    #[test]
    fn https_ssh_scp_like_and_local_addresses_are_allowed() {
        for (text, scheme, user, host, port) in [
            ("https://git.Example.com/team/specs.git", Scheme::Https, None, "git.example.com", 443),
            ("https://git.example.com:8443/x", Scheme::Https, None, "git.example.com", 8443),
            ("http://127.0.0.1/x", Scheme::Http, None, "127.0.0.1", 80),
            ("ssh://git@[::1]:2222/srv/x.git", Scheme::Ssh, Some("git"), "::1", 2222),
            ("ssh://host/~me/x.git", Scheme::Ssh, None, "host", 22),
            ("git@github.com:team/specs.git", Scheme::Ssh, Some("git"), "github.com", 22),
            ("/srv/git/specs.git", Scheme::Local, None, "", 0),
            ("file:///srv/git/specs.git", Scheme::Local, None, "", 0),
        ] {
            let url: GitUrl = text.parse().unwrap();
            assert_eq!((url.scheme(), url.user(), url.host(), url.port()), (scheme, user, host, port), "{text}");
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn credentials_in_an_address_are_refused_and_not_repeated() {
        for text in ["https://bob:s3cret@h/x", "https://s3cret@h/x", "http://s3cret@h/x", "ssh://git:s3cret@h/x"] {
            let error = text.parse::<GitUrl>().unwrap_err();
            assert_eq!(error.message, "credentials do not belong in the address of a repository");
            assert!(error.hint.unwrap().contains("source's credentials"));
        }
    }

    #[test]
    fn other_ways_and_broken_addresses_are_refused() {
        assert_eq!(refused("git://h/x"), "`git` is not a way to reach a repository");
        assert_eq!(refused("ext::sh -c id"), "the address has a space, a backslash or a control character in it");
        assert_eq!(refused("ext::sh"), "the address is neither a URL, nor `user@host:path`, nor an absolute path");
        assert_eq!(refused("specs"), "the address is neither a URL, nor `user@host:path`, nor an absolute path");
        assert_eq!(refused(""), "the address is empty");
        assert_eq!(refused("https://h"), "the address has no path to a repository");
        assert_eq!(refused("https://h/"), "the address has no path to a repository");
        assert_eq!(refused("https://h/x?token=1"), "the address of a repository has no `?` or `#`");
        assert_eq!(refused("https://h:0/x"), "the port is not a number from 1 to 65535");
        assert_eq!(refused("https://h:99999/x"), "the port is not a number from 1 to 65535");
        assert_eq!(refused("https:///x"), "the host is not a host name or an address");
        assert_eq!(refused("ssh://-oProxyCommand=id/x"), "the host is not a host name or an address");
        let plain = "plain http to another machine: whoever is on the way could change what is wanted";
        assert_eq!(refused("http://10.0.0.1/x"), plain);
        assert_eq!(refused("http://127.0.0.1.example.com/x"), plain);
        assert_eq!(refused("file://srv/x"), "a local repository is named by its absolute path");
    }

    #[test]
    fn an_ssh_path_has_nothing_for_a_shell_in_it() {
        for (text, c) in [("ssh://h/a'b", '\''), ("git@h:a$b", '$'), ("git@h:a`b", '`'), ("ssh://h/a;b", ';')] {
            assert_eq!(refused(text), format!("an ssh path has only A-Z a-z 0-9 . _ / ~ + - in it, not `{c}`"));
        }
        assert_eq!(refused("git@h:-x"), "an ssh path does not begin with `-`");
    }

    #[test]
    fn a_token_goes_over_https_or_nowhere_but_to_this_machine() {
        let may = |text: &str| text.parse::<GitUrl>().unwrap().may_carry_token();
        assert!(may("https://h/x") && may("http://127.0.0.1:80/x") && may("http://[::1]/x"));
        assert!(!may("git@h:x") && !may("/x"));
    }
}
