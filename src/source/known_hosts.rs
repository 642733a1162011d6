//! Which ssh servers are trusted: the `known_hosts` file as OpenSSH writes it.
//!
//! Plain names, patterns, hashed names (`|1|salt|hash`), `[host]:port` and `@revoked` are
//! understood; `@cert-authority` lines trust nobody here, as the ssh library knows no
//! certificates. There is no way to switch the check off.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A `known_hosts` file.
#[derive(Debug, Clone)]
pub struct KnownHosts {
    file: String,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    number: usize,
    marker: Marker,
    names: Names,
    kind: String,
    key: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    None,
    Revoked,
    Authority,
}

#[derive(Debug, Clone)]
enum Names {
    Plain(Vec<String>),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

/// Why a server is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// No line names the server.
    #[error("`{file}` does not know `{host}`; its key is {kind} {got}")]
    Unknown {
        /// The file.
        file: String,
        /// The server as the file would name it.
        host: String,
        /// The type of its key.
        kind: String,
        /// The fingerprint of its key.
        got: String,
        /// The line that would make it known.
        line: String,
    },
    /// The server has another key than every line says.
    #[error("the host key of `{host}` is another one: got {kind} {got}, expected {}", .expected.join(" or "))]
    Other {
        /// The server as the file would name it.
        host: String,
        /// The type of its key.
        kind: String,
        /// The fingerprint of its key.
        got: String,
        /// Each expected key: type, fingerprint, file and line.
        expected: Vec<String>,
    },
    /// A line revokes the key.
    #[error("the host key of `{host}` is revoked ({place}): {kind} {got}")]
    Revoked {
        /// The server as the file would name it.
        host: String,
        /// The type of its key.
        kind: String,
        /// The fingerprint of its key.
        got: String,
        /// File and line.
        place: String,
    },
}

impl Distrust {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { line, .. } => {
                format!(
                    "compare the fingerprint with the one that the server's owner publishes, then add the line `{line}`"
                )
            }
            Self::Other { .. } => {
                "either the server's owner replaced the key, then replace the line, or somebody stands in between"
                    .to_owned()
            }
            Self::Revoked { .. } => "the server must not be used until its owner has replaced the key".to_owned(),
        }
    }
}

impl KnownHosts {
    /// Reads the text of a file. A line that cannot be read trusts nobody.
    pub fn parse(file: impl Into<String>, text: &str) -> Self {
        let lines = text.lines().enumerate().filter_map(|(index, text)| line(index + 1, text)).collect();
        Self { file: file.into(), lines }
    }

    /// Whether a server that shows this key is trusted. `key` is in ssh's wire format.
    ///
    /// # Errors
    /// Why it is not.
    pub fn judge(&self, host: &str, port: u16, key: &[u8]) -> Result<(), Distrust> {
        let host = name(host, port);
        let kind = kind_of(key).unwrap_or_else(|| "unreadable".to_owned());
        let got = fingerprint(key);
        let naming: Vec<&Line> = self.lines.iter().filter(|line| line.names.match_host(&host)).collect();

        if let Some(line) = naming.iter().find(|line| line.marker == Marker::Revoked && line.key == key) {
            return Err(Distrust::Revoked { host, kind, got, place: format!("{}:{}", self.file, line.number) });
        }
        let trusted: Vec<&&Line> = naming.iter().filter(|line| line.marker == Marker::None).collect();
        if trusted.iter().any(|line| line.key == key) {
            return Ok(());
        }
        if trusted.is_empty() {
            let line = format!("{host} {kind} {}", STANDARD.encode(key));
            return Err(Distrust::Unknown { file: self.file.clone(), host, kind, got, line });
        }
        let expected = trusted
            .iter()
            .map(|line| format!("{} {} ({}:{})", line.kind, fingerprint(&line.key), self.file, line.number))
            .collect();
        Err(Distrust::Other { host, kind, got, expected })
    }

    /// The trusted keys of one server as plain lines.
    ///
    /// The ssh library reads them to ask the server for a key of a type that is known, and not
    /// for one that nobody has noted.
    pub fn plain_lines(&self, host: &str, port: u16) -> String {
        let host = name(host, port);
        self.lines
            .iter()
            .filter(|line| line.marker == Marker::None && line.names.match_host(&host))
            .map(|line| format!("{host} {} {}\n", line.kind, STANDARD.encode(&line.key)))
            .collect()
    }
}

/// A server as `known_hosts` names it: the port only where it is not 22.
fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// The fingerprint as `ssh-keygen -l` shows it.
pub fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}

/// The type of a key: the first string in it.
fn kind_of(key: &[u8]) -> Option<String> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let kind = rest.get(..u32::from_be_bytes(*length) as usize)?;
    let legal = |byte: &u8| byte.is_ascii_graphic();
    (kind.len() <= 64 && kind.iter().all(legal)).then(|| String::from_utf8_lossy(kind).into_owned())
}

fn line(number: usize, text: &str) -> Option<Line> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let mut words = text.split_ascii_whitespace();
    let mut names = words.next()?;
    let marker = match names {
        "@revoked" => Marker::Revoked,
        "@cert-authority" => Marker::Authority,
        other if other.starts_with('@') => return None,
        _ => Marker::None,
    };
    if marker != Marker::None {
        names = words.next()?;
    }
    let kind = words.next()?.to_owned();
    let key = STANDARD.decode(words.next()?).ok()?;
    // The type stands twice, and a line that contradicts itself says nothing.
    if kind_of(&key)? != kind {
        return None;
    }
    let names = match names.strip_prefix("|1|") {
        Some(hashed) => {
            let (salt, hash) = hashed.split_once('|')?;
            Names::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? }
        }
        None => Names::Plain(names.split(',').map(str::to_ascii_lowercase).collect()),
    };
    Some(Line { number, marker, names, kind, key })
}

impl Names {
    fn match_host(&self, host: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => {
                let mut mac = Hmac::<Sha1>::new_from_slice(salt).expect("HMAC takes a key of any length");
                mac.update(host.as_bytes());
                mac.verify_slice(hash).is_ok()
            }
            Self::Plain(patterns) => {
                let any = |negated: bool| {
                    patterns.iter().any(|pattern| match pattern.strip_prefix('!') {
                        Some(pattern) => negated && matches(pattern.as_bytes(), host.as_bytes()),
                        None => !negated && matches(pattern.as_bytes(), host.as_bytes()),
                    })
                };
                any(false) && !any(true)
            }
        }
    }
}

/// `*` for any characters, `?` for one. Linear in the pattern for each character of the name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, body: u8) -> Vec<u8> {
        let mut key = (kind.len() as u32).to_be_bytes().to_vec();
        key.extend_from_slice(kind.as_bytes());
        key.extend_from_slice(&[0, 0, 0, 2, body, body]);
        key
    }

    fn text_of(key: &[u8]) -> String {
        format!("{} {}", kind_of(key).unwrap(), STANDARD.encode(key))
    }

    fn judge(text: &str, host: &str, port: u16, key: &[u8]) -> Result<(), String> {
        KnownHosts::parse("/etc/known", text).judge(host, port, key).map_err(|error| error.to_string())
    }

    #[test]
    fn a_server_is_known_by_name_port_pattern_and_list() {
        let ed = key("ssh-ed25519", 1);
        let text = text_of(&ed);
        for (names, host, port) in [
            ("git.example.com", "GIT.example.com", 22),
            ("other,git.example.com,10.0.0.1", "10.0.0.1", 22),
            ("[git.example.com]:2222", "git.example.com", 2222),
            ("*.example.com,!bad.example.com", "git.example.com", 22),
            ("g?t.example.com", "git.example.com", 22),
            ("[::1]:2222", "::1", 2222),
        ] {
            assert_eq!(judge(&format!("# comment\n\n{names} {text} note\n"), host, port, &ed), Ok(()), "{names}");
        }
        for (names, host, port) in [
            ("git.example.com", "git.example.com", 2222),
            ("*.example.com,!bad.example.com", "bad.example.com", 22),
            ("!git.example.com", "git.example.com", 22),
            ("@cert-authority git.example.com", "git.example.com", 22),
            ("@nonsense git.example.com", "git.example.com", 22),
        ] {
            let said = judge(&format!("{names} {text}"), host, port, &ed).unwrap_err();
            assert!(said.starts_with("`/etc/known` does not know"), "{names}: {said}");
        }
    }

    #[test]
    fn a_hashed_name_as_ssh_keygen_writes_it_is_understood() {
        // `ssh-keygen -H` of `example.com` and of `[example.com]:2222` with the salt of 20 times `s`.
        let salt = [b's'; 20];
        let ed = key("ssh-ed25519", 1);
        for (host, port, named) in [("example.com", 22, "example.com"), ("example.com", 2222, "[example.com]:2222")] {
            let mut mac = Hmac::<Sha1>::new_from_slice(&salt).unwrap();
            mac.update(named.as_bytes());
            let hash = STANDARD.encode(mac.finalize().into_bytes());
            let line = format!("|1|{}|{hash} {}", STANDARD.encode(salt), text_of(&ed));
            assert_eq!(judge(&line, host, port, &ed), Ok(()));
            assert!(judge(&line, "example.org", port, &ed).is_err());
        }
    }

    #[test]
    fn another_key_says_what_came_what_was_expected_and_where_it_stands() {
        let (rsa, old, new) = (key("ssh-rsa", 9), key("ssh-ed25519", 1), key("ssh-ed25519", 2));
        let text = format!("h {}\nh {}\n", text_of(&rsa), text_of(&old));
        assert_eq!(
            judge(&text, "h", 22, &new).unwrap_err(),
            format!(
                "the host key of `h` is another one: got ssh-ed25519 {}, expected ssh-rsa {} (/etc/known:1) \
                 or ssh-ed25519 {} (/etc/known:2)",
                fingerprint(&new),
                fingerprint(&rsa),
                fingerprint(&old),
            )
        );
    }

    #[test]
    fn an_unknown_server_says_the_line_to_add() {
        let ed = key("ssh-ed25519", 1);
        let error = KnownHosts::parse("/etc/known", "").judge("h", 2222, &ed).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`/etc/known` does not know `[h]:2222`; its key is ssh-ed25519 {}", fingerprint(&ed))
        );
        assert!(error.hint().ends_with(&format!("then add the line `[h]:2222 {}`", text_of(&ed))), "{}", error.hint());
    }

    #[test]
    fn a_revoked_key_is_refused_though_another_line_trusts_it() {
        let ed = key("ssh-ed25519", 1);
        let text = format!("h {0}\n@revoked * {0}\n", text_of(&ed));
        assert_eq!(
            judge(&text, "h", 22, &ed).unwrap_err(),
            format!("the host key of `h` is revoked (/etc/known:2): ssh-ed25519 {}", fingerprint(&ed))
        );
    }

    #[test]
    fn a_line_that_contradicts_itself_trusts_nobody() {
        let ed = key("ssh-ed25519", 1);
        for line in [format!("h ssh-rsa {}", STANDARD.encode(&ed)), "h ssh-ed25519 %%%".to_owned(), "h".to_owned()] {
            assert!(judge(&line, "h", 22, &ed).is_err(), "{line}");
        }
        assert!(judge("h ssh-ed25519 AAAAC3Nza", "h", 22, b"").is_err());
    }

    #[test]
    fn the_plain_lines_of_a_server_name_the_types_to_ask_for() {
        let (ed, rsa) = (key("ssh-ed25519", 1), key("ssh-rsa", 2));
        let text = format!("*.x {}\nother {}\n@revoked h.x {}\n", text_of(&ed), text_of(&rsa), text_of(&rsa));
        let hosts = KnownHosts::parse("f", &text);
        assert_eq!(hosts.plain_lines("h.x", 22), format!("h.x {}\n", text_of(&ed)));
        assert_eq!(hosts.plain_lines("h.x", 2022), "");
    }
}
