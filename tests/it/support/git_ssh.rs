//! A real `sshd` on the loopback address, with keys and configuration of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::git_repo::run;

const SSHD: &str = "/usr/sbin/sshd";

/// The server. It ends when it is dropped.
pub struct GitSsh {
    pub folder: tempfile::TempDir,
    pub port: u16,
    server: Child,
}

impl GitSsh {
    /// Starts a server that takes the key `client_key`. `None` only where the machine has no sshd
    /// and `DRIFTLESS_WITHOUT_SSHD=1` says that this is known.
    pub fn start() -> Option<Self> {
        if !Path::new(SSHD).exists() {
            let known = std::env::var("DRIFTLESS_WITHOUT_SSHD").is_ok_and(|value| value == "1");
            assert!(known, "{SSHD} is missing: install openssh-server, or set DRIFTLESS_WITHOUT_SSHD=1 to skip");
            eprintln!("skipped: {SSHD} is missing and DRIFTLESS_WITHOUT_SSHD=1");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for (name, kind) in [("host_ed25519", "ed25519"), ("host_rsa", "rsa"), ("client_key", "ed25519")] {
            key(&at.join(name), kind, "");
        }
        key(&at.join("locked_key"), "ed25519", "open sesame");
        let public = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
        std::fs::write(at.join("authorized_keys"), public("client_key.pub") + &public("locked_key.pub")).unwrap();
        if Path::new("/run").exists() {
            // sshd, when root, wants its empty folder even when it separates nothing.
            let _ = std::fs::create_dir_all("/run/sshd");
        }
        for _ in 0..10 {
            // The port is free now; should another test take it first, the next one is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nUsePAM no\nStrictModes no\n\
                 HostKey {0}/host_ed25519\nHostKey {0}/host_rsa\nAuthorizedKeysFile {0}/authorized_keys\n\
                 PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel ERROR\n\
                 AcceptEnv none\nSetEnv GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1\n",
                at.display()
            );
            std::fs::write(at.join("sshd_config"), config).unwrap();
            let log = std::fs::File::create(at.join("log")).unwrap();
            let mut server = Command::new(SSHD)
                .args(["-D", "-e", "-f"])
                .arg(at.join("sshd_config"))
                .stdin(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            while server.try_wait().unwrap().is_none() {
                if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { folder, port, server });
                }
                assert!(Instant::now() < deadline, "sshd does not answer: {}", public("log"));
                std::thread::yield_now();
            }
        }
        panic!("sshd does not start: {}", std::fs::read_to_string(at.join("log")).unwrap());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of a repository on this server, for the user who runs the test.
    pub fn url(&self, path: &Path) -> String {
        let user = run(Command::new("id").arg("-un"), b"");
        format!("ssh://{user}@127.0.0.1:{}{}", self.port, path.display())
    }

    /// The type and text of a public key.
    pub fn public(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// The fingerprint as ssh-keygen says it.
    pub fn fingerprint(&self, name: &str) -> String {
        let said = run(Command::new("ssh-keygen").arg("-lf").arg(self.path(name)), b"");
        said.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Writes a `known_hosts` file.
    pub fn known_hosts(&self, text: &str) -> PathBuf {
        let file = self.path("known_hosts");
        std::fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for GitSsh {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn key(file: &Path, kind: &str, passphrase: &str) {
    run(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"]).arg(file), b"");
}
