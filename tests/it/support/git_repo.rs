//! Repositories for tests, made by the real git without anybody's configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A bare repository in a temporary folder, as a server holds it.
pub struct Repo {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

/// git with nothing of this machine's settings in force.
pub fn git(at: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(at)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_AUTHOR_DATE", "2026-11-01T10:00:00Z")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_DATE", "2026-11-01T11:00:00Z")
        .env_remove("GIT_DIR");
    command
}

/// Runs a command that must succeed, and gives what it prints, without the line end.
pub fn run(command: &mut Command, input: &[u8]) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().unwrap().write_all(input).expect("it reads its input");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// One entry of a commit: mode, path as bytes, content.
pub struct Entry {
    pub mode: &'static str,
    pub path: Vec<u8>,
    pub content: Vec<u8>,
}

pub fn file(path: &str, content: &str) -> Entry {
    Entry { mode: "100644", path: path.into(), content: content.into() }
}

pub fn entry(mode: &'static str, path: &[u8], content: &[u8]) -> Entry {
    Entry { mode, path: path.into(), content: content.into() }
}

impl Repo {
    /// An empty repository whose branch is `main`.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("specs.git");
        run(git(folder.path()).args(["init", "--quiet", "--bare", "--initial-branch=main", "specs.git"]), b"");
        Self { folder, path }
    }

    /// Adds a commit to a branch with exactly these files, on top of it or (`root`) with no parent.
    pub fn commit(&self, branch: &str, message: &str, files: &[Entry], root: bool) -> String {
        let mut stream = Vec::new();
        let head = self.resolve(&format!("refs/heads/{branch}"));
        if root && head.is_some() {
            write!(stream, "reset refs/heads/{branch}\n\n").unwrap();
        }
        write!(stream, "commit refs/heads/{branch}\n").unwrap();
        write!(stream, "author Ada <ada@example.com> 1793527200 +0000\n").unwrap();
        write!(stream, "committer Ada <ada@example.com> 1793530800 +0000\n").unwrap();
        write!(stream, "data {}\n{message}\n", message.len()).unwrap();
        if let Some(head) = head.filter(|_| !root) {
            write!(stream, "from {head}\n").unwrap();
        }
        stream.extend_from_slice(b"deleteall\n");
        for entry in files {
            // Quoted as C strings, so that any bytes can stand in a name.
            let quoted: String = entry.path.iter().map(|byte| format!("\\{byte:03o}")).collect();
            if entry.mode == "160000" {
                let id = String::from_utf8(entry.content.clone()).unwrap();
                write!(stream, "M 160000 {id} \"{quoted}\"\n").unwrap();
            } else {
                write!(stream, "M {} inline \"{quoted}\"\ndata {}\n", entry.mode, entry.content.len()).unwrap();
                stream.extend_from_slice(&entry.content);
                stream.push(b'\n');
            }
        }
        run(git(&self.path).args(["fast-import", "--quiet", "--force"]), &stream);
        self.resolve(&format!("refs/heads/{branch}")).unwrap()
    }

    /// A commit on `main`.
    pub fn push(&self, files: &[Entry]) -> String {
        self.commit("main", "Change the specs\n\nFor a reason.", files, false)
    }

    pub fn resolve(&self, name: &str) -> Option<String> {
        let output = git(&self.path).args(["rev-parse", "--quiet", "--verify", name]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    pub fn git(&self, args: &[&str]) -> String {
        run(git(&self.path).args(args), b"")
    }
}
