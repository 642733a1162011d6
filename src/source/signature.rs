//! The signature that a commit carries, as it stands there (pure). Nobody checks it here: it says
//! which key the commit names, and whoever writes a commit may name any key.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest signature that is looked at, in bytes; one of an RSA key with certificates has a few
/// thousand.
const LONGEST: usize = 64 * 1024;

/// What a commit carries as its signature, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// Which kind it is.
    pub kind: SignatureKind,
    /// The key that it names: `SHA256:…` as ssh prints it, or the fingerprint (else the id) of an
    /// OpenPGP key in hexadecimal. `None` where it names none that can be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
}

/// The kinds of signature that git knows (`gpg.format` of git-config).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureKind {
    /// Of an ssh key (OpenSSH, `PROTOCOL.sshsig`).
    Ssh,
    /// OpenPGP (RFC 9580).
    OpenPgp,
    /// X.509, in a message of CMS (RFC 5652); its certificates are not read.
    X509,
    /// Something else.
    Other,
}

impl SignatureKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ssh => "SSH",
            Self::OpenPgp => "OpenPGP",
            Self::X509 => "X.509",
            Self::Other => "unknown kind",
        }
    }
}

impl Signature {
    /// Reads the field `gpgsig` of a commit. Whatever stands there is a signature; what cannot be
    /// read of it is left out.
    pub fn read(field: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&field[..field.len().min(LONGEST)]);
        let kind = match text.trim_start().lines().next().unwrap_or_default().trim_end() {
            "-----BEGIN SSH SIGNATURE-----" => SignatureKind::Ssh,
            "-----BEGIN PGP SIGNATURE-----" | "-----BEGIN PGP MESSAGE-----" => SignatureKind::OpenPgp,
            "-----BEGIN SIGNED MESSAGE-----" => SignatureKind::X509,
            _ => SignatureKind::Other,
        };
        let key = match kind {
            SignatureKind::Ssh => unarmoured(&text).and_then(|bytes| ssh_key(&bytes)),
            SignatureKind::OpenPgp => unarmoured(&text).and_then(|bytes| pgp_key(&bytes)),
            SignatureKind::X509 | SignatureKind::Other => None,
        };
        Self { kind, key }
    }
}

/// The bytes between the lines BEGIN and END; the headers and the checksum of OpenPGP are no part of
/// them (RFC 9580, 6.2).
fn unarmoured(text: &str) -> Option<Vec<u8>> {
    let lines = text.trim_start().lines().skip(1).map(str::trim).take_while(|line| !line.starts_with("-----END"));
    let body: String = lines.filter(|line| !line.contains(": ") && !line.starts_with('=')).collect();
    STANDARD.decode(body).ok()
}

/// The fingerprint of the public key in an `SSHSIG`: the magic, the version, then the key as a text
/// with its length before it.
fn ssh_key(bytes: &[u8]) -> Option<String> {
    let rest = bytes.strip_prefix(b"SSHSIG")?;
    let rest = rest.strip_prefix(&[0, 0, 0, 1])?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let key = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (!key.is_empty()).then(|| format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key))))
}

/// The issuer of an OpenPGP signature packet.
fn pgp_key(bytes: &[u8]) -> Option<String> {
    let body = packet(bytes)?;
    let (version, rest) = body.split_first()?;
    let rest = match version {
        // Type, and the algorithms of key and digest.
        4 | 6 => rest.get(3..)?,
        _ => return None,
    };
    let (hashed, rest) = area(rest, *version)?;
    let (unhashed, _) = area(rest, *version)?;
    let found = |wanted: u8| subpackets(hashed).chain(subpackets(unhashed)).find(|(kind, _)| *kind == wanted);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    // The issuer's fingerprint (33) begins with the version of the key; the id (16) is eight bytes.
    let fingerprint = found(33).and_then(|(_, body)| body.get(1..)).filter(|it| matches!(it.len(), 20 | 32));
    let id = || found(16).map(|(_, body)| body).filter(|it| it.len() == 8);
    fingerprint.or_else(id).map(hex)
}

/// The body of the first packet, when it is a signature (RFC 9580, 4.2).
fn packet(bytes: &[u8]) -> Option<&[u8]> {
    let (head, rest) = bytes.split_first()?;
    if head & 0xc0 == 0xc0 {
        let (length, rest) = length(rest)?;
        return (head & 0x3f == 2).then(|| rest.get(..length))?;
    }
    if head & 0xfc != 0x88 {
        return None;
    }
    let size = match head & 3 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return Some(rest),
    };
    let length = rest.get(..size)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    rest.get(size..)?.get(..length)
}

/// A length of one, two or five bytes, and what follows it. Parts of a body are no signature's.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [one @ 0..192, ref rest @ ..] => Some((usize::from(one), rest)),
        [first @ 192..224, second, ref rest @ ..] => {
            Some(((usize::from(first) - 192) * 256 + usize::from(second) + 192, rest))
        }
        [255, a, b, c, d, ref rest @ ..] => Some((usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?, rest)),
        _ => None,
    }
}

/// One of the two areas of subpackets, and what follows it.
fn area(bytes: &[u8], version: u8) -> Option<(&[u8], &[u8])> {
    let size = if version == 4 { 2 } else { 4 };
    let length = bytes.get(..size)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    bytes.get(size..)?.split_at_checked(length)
}

/// The subpackets of an area, up to the first that is broken.
fn subpackets(mut area: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (length, rest) = length(area)?;
        let (packet, rest) = rest.split_at_checked(length)?;
        area = rest;
        let (kind, body) = packet.split_first()?;
        // The highest bit says that whoever does not know the kind must not go on.
        Some((kind & 0x7f, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn armour(kind: &str, bytes: &[u8]) -> String {
        let body = STANDARD.encode(bytes);
        let lines: Vec<&str> = (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
    }

    /// A signature packet of version 4 with these subpackets.
    fn pgp(hashed: &[u8], unhashed: &[u8]) -> Vec<u8> {
        let long = |area: &[u8]| [&u16::try_from(area.len()).expect("short").to_be_bytes()[..], area].concat();
        let body = [&[4, 0, 22, 8][..], &long(hashed), &long(unhashed), &[0; 70]].concat();
        [&[0x89][..], &u16::try_from(body.len()).expect("short").to_be_bytes(), &body].concat()
    }

    #[test]
    fn an_ssh_signature_names_its_key_as_ssh_prints_it() {
        // Made with `ssh-keygen -Y sign -n git`; what is expected is what `ssh-keygen -lf` prints.
        let field = "-----BEGIN SSH SIGNATURE-----\n\
            U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgF1k+CHZ8ilP7vaK26u4EeUeofu\n\
            ynojS6V66HkCuJA/wAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5\n\
            AAAAQLBw9bIt0u/vlo8k0YWNwg8/TwJPekTMwyGW4CJ9Gc0/oaUpRRXjG03CY/9JXVKkBL\n\
            dzr7wpOC4QUCCarJvJYQI=\n\
            -----END SSH SIGNATURE-----\n";
        let key = Some("SHA256:WqlW08KMNAQ2Mj5tmrWD0QYc+fFFlKHCRf11rdoTO+M".to_owned());
        assert_eq!(Signature::read(field.as_bytes()), Signature { kind: SignatureKind::Ssh, key });
    }

    #[test]
    fn an_openpgp_signature_names_the_fingerprint_else_the_id_of_its_key() {
        let fingerprint = [&[22, 33, 4][..], &[0xab; 20]].concat();
        let id = [&[9, 16][..], &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]].concat();
        let key = |bytes: &[u8]| Signature::read(armour("PGP SIGNATURE", bytes).as_bytes()).key;
        assert_eq!(key(&pgp(&[5, 2, 0, 0, 0, 0], &id)), Some("0123456789ABCDEF".to_owned()));
        assert_eq!(key(&pgp(&fingerprint, &id)), Some("AB".repeat(20)));
        assert_eq!(key(&pgp(&[], &[])), None);
        // The same, in the newer format of packets, with the headers that tools add.
        let old = pgp(&fingerprint, &[]);
        let new = [&[0xc2, old[2]][..], &old[3..]].concat();
        let text = armour("PGP SIGNATURE", &new)
            .replacen('\n', "\nVersion: GnuPG v2\n\n", 1)
            .replace("\n-----END", "\n=abcd\n-----END");
        assert_eq!(
            Signature::read(text.as_bytes()),
            Signature { kind: SignatureKind::OpenPgp, key: Some("AB".repeat(20)) }
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_signature_without_a_key() {
        for (text, kind) in [
            ("-----BEGIN SIGNED MESSAGE-----\nMIIB\n-----END SIGNED MESSAGE-----", SignatureKind::X509),
            ("-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----", SignatureKind::Ssh),
            ("-----BEGIN PGP SIGNATURE-----\n%%%\n-----END PGP SIGNATURE-----", SignatureKind::OpenPgp),
            ("trust me", SignatureKind::Other),
            ("", SignatureKind::Other),
        ] {
            assert_eq!(Signature::read(text.as_bytes()), Signature { kind, key: None }, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..3_usize) {
            let name = ["SSH SIGNATURE", "PGP SIGNATURE", "SIGNED MESSAGE"][kind];
            Signature::read(&bytes);
            let begin: &[&[u8]] = &[b"SSHSIG\0\0\0\x01", &[0x88], &[0xc2], b""];
            for begin in begin {
                Signature::read(armour(name, &[begin, &bytes[..]].concat()).as_bytes());
            }
            Signature::read(armour(name, &pgp(&bytes, &bytes[..bytes.len() / 2])[..]).as_bytes());
        }
    }
}
