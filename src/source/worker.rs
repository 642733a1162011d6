//! The process that fetches: started for one fetch, ended at its deadline. Another looks through
//! the history for who changed some lines.
//!
//! The program starts itself with the hidden command `fetch-git` (or `blame-git`), writes one JSON [`Request`] to
//! its stdin and reads one JSON [`Answer`] from its stdout. Secrets pass through the pipe only:
//! arguments and environment are visible to others. The child has an empty environment and a home
//! folder of its own, so that no setting of a user reaches it; a hang, a crash or a leak of
//! libgit2 ends with it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::git::blame::{Found, Question, blame_blocking};
use super::git::fetch::{Request, Response, fetch_blocking};
use super::git::store;
use super::{Error, ErrorKind};

/// The hidden command of the program.
pub const COMMAND: &str = "fetch-git";

/// The other one: it looks through the history and never asks the network.
pub const BLAME: &str = "blame-git";

/// The longest answer or complaint that is read from the child, in bytes.
const ANSWER_MAX: u64 = 1_000_000;

/// Variables that the child inherits: where trusted certificates are, and what the C library needs
/// to resolve names as its parent does.
const INHERITED: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR", "RES_OPTIONS", "LOCALDOMAIN", "TZ"];

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// The fetch succeeded.
    Fetched(Response),
    /// It did not.
    Failed(Error),
}

/// Starts the fetching process.
#[derive(Debug, Clone)]
pub struct Worker {
    program: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

impl Worker {
    /// Fetches with `program`, else with the program that is running, and trusts the certificate
    /// authorities in `ca_file` where one is named.
    pub fn new(program: Option<PathBuf>, ca_file: Option<PathBuf>) -> Self {
        Self { program, ca_file }
    }

    /// Runs one fetch. To drop the future ends the process.
    ///
    /// # Errors
    /// What the fetch failed with, [`ErrorKind::Timeout`] when its time was over, or
    /// [`ErrorKind::Other`] when the process could not be started or crashed.
    pub async fn fetch(&self, request: &Request, deadline: Duration) -> Result<Response, Error> {
        match self.ask(COMMAND, ("fetch", "fetching"), &request.url, &request.store, request, deadline).await? {
            Answer::Fetched(response) => Ok(response),
            Answer::Failed(error) => Err(error),
        }
    }

    /// Looks through the history. To drop the future ends the process.
    ///
    /// # Errors
    /// As [`Worker::fetch`].
    pub async fn blame(&self, question: &Question, deadline: Duration) -> Result<Found, Error> {
        self.ask::<Result<Found, Error>>(
            BLAME,
            ("blame", "blaming"),
            &question.file,
            &question.store,
            question,
            deadline,
        )
        .await?
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        command: &str,
        (operation, doing): (&str, &str),
        origin: &str,
        store: &Path,
        question: &impl Serialize,
        deadline: Duration,
    ) -> Result<A, Error> {
        let fail = |kind, message: String| Error::new(kind, operation, origin, message);
        let mut child = self
            .start(command, store)
            .map_err(|error| fail(ErrorKind::Other, format!("the {doing} process could not be started: {error}")))?;
        let text = serde_json::to_vec(question).expect("a question is plain data");
        match tokio::time::timeout(deadline, talk(&mut child, &text)).await {
            Ok(Ok((answer, complaint))) => match serde_json::from_slice::<A>(&answer) {
                Ok(answer) => Ok(answer),
                Err(_) => {
                    let status = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
                    let complaint = String::from_utf8_lossy(&complaint);
                    let last = complaint.lines().last().unwrap_or_default();
                    Err(fail(ErrorKind::Other, format!("the {doing} process gave no answer ({status}) {last}")))
                }
            },
            Ok(Err(error)) => Err(fail(ErrorKind::Other, format!("the {doing} process broke off: {error}"))),
            Err(_) => {
                // Waited for, so that the next fetch finds the lock free.
                if let Err(error) = child.kill().await {
                    return Err(fail(
                        ErrorKind::Timeout,
                        format!("not done within {deadline:?}, nor could it be ended: {error}"),
                    ));
                }
                Err(fail(ErrorKind::Timeout, format!("not done within {deadline:?}; the {operation} was ended"))
                    .hint("the server accepts the connection and does not answer in time; it is asked again later"))
            }
        }
    }

    fn start(&self, name: &str, store: &Path) -> std::io::Result<Child> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        };
        let mut command = Command::new(program);
        command
            .arg(name)
            .env_clear()
            .env("HOME", std::path::absolute(store::home(store))?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(file) = &self.ca_file {
            command.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR");
        }
        command.spawn()
    }
}

/// Writes the request, reads the answer and the complaints, and waits for the end.
async fn talk(child: &mut Child, request: &[u8]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let stderr = child.stderr.take().expect("stderr is a pipe");
    let (mut answer, mut complaint) = (Vec::new(), Vec::new());
    let write = async {
        // A child that died early is recognised by its missing answer.
        let _ = stdin.write_all(request).await;
        drop(stdin);
        Ok(0)
    };
    let (mut stdout, mut stderr) = (stdout.take(ANSWER_MAX), stderr.take(ANSWER_MAX));
    tokio::try_join!(write, stdout.read_to_end(&mut answer), stderr.read_to_end(&mut complaint))?;
    child.wait().await?;
    Ok((answer, complaint))
}

/// The child's side: the whole of the hidden command `fetch-git`.
pub fn serve(input: impl Read, output: impl Write) -> ExitCode {
    let answer = match serde_json::from_reader::<_, Request>(input) {
        Ok(request) => match fetch_blocking(&request) {
            Ok(response) => Answer::Fetched(response),
            Err(error) => Answer::Failed(error),
        },
        Err(_) => Answer::Failed(
            Error::new(ErrorKind::Other, "fetch", "the source", "the request on stdin is not one")
                .hint("this command is for the daemon itself"),
        ),
    };
    write(&answer, output)
}

/// The child's side of the hidden command `blame-git`.
pub fn serve_blame(input: impl Read, output: impl Write) -> ExitCode {
    let answer: Result<Found, Error> = match serde_json::from_reader::<_, Question>(input) {
        Ok(question) => blame_blocking(&question),
        Err(_) => Err(Error::new(ErrorKind::Other, "blame", "the source", "the request on stdin is not one")
            .hint("this command is for the daemon itself")),
    };
    write(&answer, output)
}

fn write(answer: &impl Serialize, mut output: impl Write) -> ExitCode {
    let text = serde_json::to_vec(answer).expect("an answer is plain data");
    match output.write_all(&text).and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
