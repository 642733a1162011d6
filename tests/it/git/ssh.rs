//! ssh, against a real sshd.

use driftless::source::ErrorKind;
use driftless::source::git::{Credential, SecretRef};

use super::*;
use crate::support::git_repo::run;
use crate::support::git_ssh::GitSsh;

/// A repository behind a real sshd, and a source of it that signs in with the key.
struct OverSsh {
    repo: Repo,
    server: GitSsh,
    options: GitOptions,
    _data: tempfile::TempDir,
}

impl OverSsh {
    fn start() -> Option<Self> {
        let repo = Repo::new();
        repo.push(&[file("a.yaml", "1")]);
        let server = GitSsh::start()?;
        let data = tempfile::tempdir().unwrap();
        let mut options = options(&server.url(&repo.path), data.path());
        options.credential = Some(Credential::SshKey { file: server.path("client_key"), passphrase: None });
        options.known_hosts = Some(server.known_hosts(""));
        Some(Self { repo, server, options, _data: data })
    }

    fn host(&self) -> String {
        format!("[127.0.0.1]:{}", self.server.port)
    }
}

#[tokio::test]
async fn ssh_reads_from_a_server_that_known_hosts_names() {
    let Some(over) = OverSsh::start() else { return };
    let (server, host) = (&over.server, over.host());
    // The type in the file decides which of its keys the server is asked for.
    for name in ["host_ed25519.pub", "host_rsa.pub"] {
        server.known_hosts(&format!("# ours\n{host} {}\n", server.public(name)));
        assert_eq!(paths(&new(&over.options, None).await), ["a.yaml"], "{name}");
    }
    // Hashed by OpenSSH itself.
    let file = server.known_hosts(&format!("{host} {}\n", server.public("host_ed25519.pub")));
    run(std::process::Command::new("ssh-keygen").arg("-q").arg("-H").arg("-f").arg(&file), b"");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("|1|"));
    assert_eq!(paths(&new(&over.options, None).await), ["a.yaml"]);
    // A key that has to be opened.
    let mut options = over.options.clone();
    let passphrase = server.path("passphrase");
    std::fs::write(&passphrase, "open sesame\n").unwrap();
    options.credential = Some(Credential::SshKey {
        file: server.path("locked_key"),
        passphrase: Some(SecretRef::File(passphrase.clone())),
    });
    assert_eq!(paths(&new(&options, None).await), ["a.yaml"]);
    std::fs::write(&passphrase, "open wrong\n").unwrap();
    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::Auth, "{error}");
    assert!(!format!("{error:?}").contains("open wrong"));
    assert_eq!(over.repo.resolve("main"), Some(new(&over.options, None).await.revision.id));
}

#[tokio::test]
async fn another_ssh_host_key_says_got_expected_and_where_it_stands() {
    let Some(over) = OverSsh::start() else { return };
    let (server, host) = (&over.server, over.host());
    let file = server.known_hosts(&format!("\n{host} {}\n", server.public("client_key.pub")));
    let error = failed(&over.options).await;
    assert_eq!(error.kind, ErrorKind::HostKey);
    assert_eq!(
        error.to_string(),
        format!(
            "fetch of `{}` failed: the host key of `{host}` is another one: got ssh-ed25519 {}, \
             expected ssh-ed25519 {} ({}:2)",
            over.options.url,
            server.fingerprint("host_ed25519.pub"),
            server.fingerprint("client_key.pub"),
            file.display(),
        )
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("either the server's owner replaced the key, then replace the line, or somebody stands in between")
    );
    server.known_hosts(&format!("{host} {0}\n@revoked * {0}\n", server.public("host_ed25519.pub")));
    let error = failed(&over.options).await;
    assert_eq!(
        error.message,
        format!(
            "the host key of `{host}` is revoked ({}:2): ssh-ed25519 {}",
            file.display(),
            server.fingerprint("host_ed25519.pub")
        )
    );
}

#[tokio::test]
async fn an_unknown_ssh_host_says_the_line_to_add_and_that_line_helps() {
    let Some(over) = OverSsh::start() else { return };
    let error = failed(&over.options).await;
    assert_eq!(error.kind, ErrorKind::HostKey);
    let file = over.options.known_hosts.clone().unwrap();
    assert!(
        error.message.starts_with(&format!("`{}` does not know `{}`; its key is ", file.display(), over.host())),
        "{error}"
    );
    let hint = error.hint.unwrap();
    let line = hint.split_once("then add the line `").unwrap().1.trim_end_matches('`');
    over.server.known_hosts(line);
    assert_eq!(paths(&new(&over.options, None).await), ["a.yaml"]);
    std::fs::remove_file(&file).unwrap();
    let error = failed(&over.options).await;
    assert_eq!(error.kind, ErrorKind::HostKey);
    assert!(error.message.starts_with(&format!("`{}` cannot be read: ", file.display())), "{error}");
}

#[tokio::test]
async fn a_refused_ssh_key_and_a_missing_repository_are_said() {
    let Some(over) = OverSsh::start() else { return };
    let server = &over.server;
    server.known_hosts(&format!("{} {}\n", over.host(), server.public("host_ed25519.pub")));
    let mut options = over.options.clone();
    options.credential = Some(Credential::SshKey { file: server.path("host_rsa"), passphrase: None });
    let error = failed(&options).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Auth, "the server refused the ssh key"));
    options.credential = Some(Credential::SshKey { file: server.path("no_key"), passphrase: None });
    let error = failed(&options).await;
    assert!(error.message.starts_with(&format!("the key file `{}` cannot be read: ", server.path("no_key").display())));
    options.credential = None;
    let error = failed(&options).await;
    assert_eq!(error.message, "the server asks for credentials and none are configured");
    let mut options = over.options.clone();
    options.url = server.url(&over.repo.folder.path().join("other.git")).parse().unwrap();
    let error = failed(&options).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotFound, "no such repository"));
}
