//! Notifications, at receivers that speak the protocol.

mod channels;
mod commits;
mod daemon;
mod ending;
mod mail;
mod picture;
mod sinks;

use std::process::Command;

/// `sha256=` and the HMAC of `timestamp.body`, as the program openssl makes it.
fn signed(secret: &str, timestamp: &str, body: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("signed");
    std::fs::write(&file, format!("{timestamp}.{body}")).expect("a file");
    let output = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", secret, "-r"])
        .arg(&file)
        .output()
        .expect("openssl is there (Debian: apt-get install openssl)");
    let said = String::from_utf8(output.stdout).expect("text");
    format!("sha256={}", said.split(' ').next().expect("a digest"))
}
