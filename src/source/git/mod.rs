//! A git repository as a source.
//!
//! The network is another process's work ([`crate::source::worker`]); here is decided what may be
//! asked, whether what came is obeyed, and which blobs are read.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

pub mod blame;
mod failure;
pub mod fetch;
mod log;
pub(crate) mod store;

use self::blame::GitAncestry;
use self::fetch::{Presented, Request};
use self::store::Store;
use super::names::{Reference, SubPath};
use super::url::{GitUrl, Scheme};
use super::worker::Worker;
use super::{Ancestry, BoxFuture, Commits, Error, ErrorKind, Fetched, HeldReason, Limits, Origin, Source, Tree};
use super::{is_accepted, is_shrunk};

pub use self::fetch::fetch_blocking;

/// Where a secret stands. It is read at each fetch, so that it can be changed at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// In a file; a line end after it does not count.
    File(PathBuf),
    /// In a variable of the environment.
    Env(String),
}

impl SecretRef {
    /// Reads it.
    ///
    /// # Errors
    /// A sentence that names the place, never what is in it.
    pub fn read(&self) -> Result<String, String> {
        let (place, value) = match self {
            Self::File(file) => {
                let place = format!("the file `{}`", file.display());
                (place, fs::read_to_string(file).map_err(|error| error.to_string().to_lowercase()))
            }
            Self::Env(name) => {
                (format!("the variable `{name}`"), std::env::var(name).map_err(|error| error.to_string()))
            }
        };
        let value = value.map_err(|error| format!("{place} cannot be read: {error}"))?;
        match value.trim_end_matches(['\r', '\n']) {
            "" => Err(format!("{place} is empty")),
            value => Ok(value.to_owned()),
        }
    }
}

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A token, for https.
    Token {
        /// The user name that goes with it: GitHub and GitLab take any.
        username: String,
        /// The token.
        token: SecretRef,
    },
    /// A private key, for ssh.
    SshKey {
        /// Its file.
        file: PathBuf,
        /// What opens the file, when it is locked.
        passphrase: Option<SecretRef>,
    },
}

impl Credential {
    /// The user name of a token when the configuration names none.
    pub const USERNAME: &'static str = "x-access-token";

    fn present(&self) -> Result<Presented, String> {
        Ok(match self {
            Self::Token { username, token } => Presented::Token { username: username.clone(), token: token.read()? },
            Self::SshKey { file, passphrase } => Presented::SshKey {
                file: file.clone(),
                passphrase: passphrase.as_ref().map(SecretRef::read).transpose()?,
            },
        })
    }
}

/// What to do with a revision that does not descend from the last accepted one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rewritten {
    /// The last accepted one stays in force until a person accepts the new one.
    #[default]
    Hold,
    /// The new one is obeyed, with a warning.
    Accept,
}

/// A git source as the configuration describes it.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// The repository.
    pub url: GitUrl,
    /// What of it.
    pub reference: Reference,
    /// The folder that is read.
    pub path: SubPath,
    /// How to sign in.
    pub credential: Option<Credential>,
    /// The `known_hosts` file: required for ssh.
    pub known_hosts: Option<PathBuf>,
    /// Certificate authorities to trust instead of the system's, for https.
    pub ca_file: Option<PathBuf>,
    /// The http proxy. Variables such as `https_proxy` are not heeded.
    pub proxy: Option<String>,
    /// The folder of local repositories, one for each address and reference. Mode 0700.
    pub data: PathBuf,
    /// How much a revision may hold.
    pub limits: Limits,
    /// How many bytes one fetch may bring. Default 1 GB.
    pub received_max: u64,
    /// What to do after a forced push.
    pub rewritten: Rewritten,
    /// Accepts the revision whose id begins like this although it would be held.
    pub accept: Option<String>,
    /// How long a look through the history may take. Default 4 seconds.
    pub blame_patience: Duration,
    /// The program that fetches; this very program unless a test names another.
    pub program: Option<PathBuf>,
}

impl GitOptions {
    /// A source with the defaults: no credentials, everything of the branch, hold after a forced push.
    pub fn new(url: GitUrl, reference: Reference, data: impl Into<PathBuf>) -> Self {
        Self {
            url,
            reference,
            path: SubPath::default(),
            credential: None,
            known_hosts: None,
            ca_file: None,
            proxy: None,
            data: data.into(),
            limits: Limits::default(),
            received_max: 1_000_000_000,
            rewritten: Rewritten::Hold,
            accept: None,
            blame_patience: blame::PATIENCE,
            program: None,
        }
    }
}

/// A git repository whose files are the wanted state.
#[derive(Debug)]
pub struct GitSource {
    options: GitOptions,
    origin: String,
    store: PathBuf,
    worker: Worker,
    /// The newest revision, when it is not obeyed: it need not be read again.
    held: Option<String>,
}

impl GitSource {
    /// Checks what can be checked without the network.
    ///
    /// # Errors
    /// When address, credentials and `known_hosts` do not go together.
    pub fn new(options: GitOptions) -> Result<Self, Error> {
        let refuse = |message: &str| Error::new(ErrorKind::RefusedUrl, "open", options.url.as_str(), message);
        options.reference.check().map_err(|error| refuse(&error.message))?;
        match (&options.credential, options.url.scheme()) {
            (Some(Credential::Token { .. }), Scheme::Https | Scheme::Http) if !options.url.may_carry_token() => {
                return Err(refuse("a token is not sent over plain http").hint("use https://"));
            }
            (Some(Credential::Token { .. }), Scheme::Ssh | Scheme::Local) => {
                return Err(refuse("a token is for https only").hint("use an ssh key, or an https address"));
            }
            (Some(Credential::SshKey { .. }), Scheme::Https | Scheme::Http | Scheme::Local) => {
                return Err(refuse("an ssh key is for ssh only").hint("use a token, or an ssh address"));
            }
            (_, Scheme::Ssh) if options.known_hosts.is_none() => {
                return Err(refuse("ssh needs a `known_hosts` file, as no server is trusted without one").hint(
                    format!(
                        "`ssh-keyscan {}` prints its lines; compare them with what the server's owner publishes",
                        options.url.host()
                    ),
                ));
            }
            _ => {}
        }
        let id = Sha256::digest(format!("{}\n{}", options.url, options.reference));
        let store = options.data.join(format!("git-{}", hex::encode(&id[..8])));
        let worker = Worker::new(options.program.clone(), options.ca_file.clone());
        let origin = options.url.to_string();
        Ok(Self { options, origin, store, worker, held: None })
    }

    fn request(&self, anew: bool) -> Result<Request, Error> {
        let credential = self.options.credential.as_ref().map(Credential::present).transpose();
        Ok(Request {
            url: self.origin.clone(),
            reference: self.options.reference.clone(),
            store: self.store.clone(),
            credential: credential.map_err(|message| Error::new(ErrorKind::Auth, "fetch", &self.origin, message))?,
            known_hosts: self.options.known_hosts.clone(),
            proxy: self.options.proxy.clone(),
            received_max: self.options.received_max,
            anew,
        })
    }

    async fn look(&mut self, known: Option<&str>, deadline: Duration, anew: bool) -> Result<Fetched, Error> {
        let began = Instant::now();
        let response = self.worker.fetch(&self.request(anew)?, deadline).await?;
        if known == Some(response.commit.as_str()) {
            self.held = None;
            return Ok(Fetched::Unchanged);
        }
        // What decides is in the revision, in the one before, and in the configuration.
        if self.held.as_ref() == Some(&response.commit) {
            return Ok(Fetched::StillHeld);
        }
        let (options, known) = (self.options.clone(), known.map(str::to_owned));
        let judging = self.reading("read", move |store| judged(&store, &options, known.as_deref(), &response.commit));
        let left = deadline.saturating_sub(began.elapsed());
        match tokio::time::timeout(left, judging).await {
            Ok(fetched) => {
                let fetched = fetched?;
                self.held = match &fetched {
                    Fetched::Held { revision, .. } => Some(revision.id.clone()),
                    _ => None,
                };
                Ok(fetched)
            }
            Err(_) => {
                let message = format!("the revision could not be read within {deadline:?}");
                Err(Error::new(ErrorKind::Timeout, "read", &self.origin, message))
            }
        }
    }

    /// Runs a reader of the local repository where it may block.
    async fn reading<T, F>(&self, operation: &'static str, reader: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Store<'_>) -> Result<T, Error> + Send + 'static,
    {
        let (folder, origin) = (self.store.clone(), self.origin.clone());
        let (path, limits) = (self.options.path.clone(), self.options.limits);
        let task = tokio::task::spawn_blocking(move || match Store::open(&folder, &origin, &path, limits)? {
            Some(store) => reader(store),
            None => Err(Error::new(ErrorKind::Corrupt, operation, &origin, "the local repository is gone")),
        });
        let ended = |_| Error::new(ErrorKind::Other, operation, &self.origin, "the reading task ended early");
        task.await.map_err(ended)?
    }
}

/// Whether the fetched commit is obeyed.
fn judged(store: &Store<'_>, options: &GitOptions, known: Option<&str>, id: &str) -> Result<Fetched, Error> {
    let Some(commit) = store.commit(id)? else {
        return Err(Error::new(ErrorKind::Corrupt, "read", options.url.as_str(), "the fetched commit is not there"));
    };
    let good = store.good();
    let accepted = is_accepted(options.accept.as_deref(), id);
    let mut despite = None;
    let hold = |reason| Ok(Fetched::Held { revision: store::revision(&commit), reason });
    // A commit is pinned by the operator: the one that pinned another before owes nothing to it.
    let pinned = matches!(options.reference, Reference::Commit(_));
    let base = known.or(good.as_deref());
    if let Some(from) = base.filter(|_| !pinned)
        && !store.descends(&commit, from)?
    {
        let reason = HeldReason::HistoryRewritten { from: from.to_owned(), to: id.to_owned() };
        if !accepted && options.rewritten == Rewritten::Hold {
            return hold(reason);
        }
        despite = Some(reason);
    }
    let tree = store.read(&commit)?;
    if let Some(from) = base
        && let Some(before) = store.commit(from)?
        // A path that was not there before had no files to lose.
        && let Ok(before) = store.names(&before)
        && let to = tree.left_of(&before)
        && is_shrunk(before.len(), to)
    {
        let reason = HeldReason::Shrunk { from: before.len(), to, revision: id.to_owned() };
        if !accepted {
            return hold(reason);
        }
        despite.get_or_insert(reason);
    }
    Ok(Fetched::New { tree, despite })
}

impl Source for GitSource {
    fn fetch<'a>(&'a mut self, known: Option<&'a str>, deadline: Duration) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let began = Instant::now();
            match self.look(known, deadline, false).await {
                Err(error) if error.kind == ErrorKind::Corrupt => {
                    self.look(known, deadline.saturating_sub(began.elapsed()), true).await
                }
                other => other,
            }
        })
    }

    fn hold(&mut self, revision: &str) {
        self.held = Some(revision.to_owned());
    }

    fn describe(&self) -> Origin {
        Origin {
            url: self.origin.clone(),
            reference: self.options.reference.to_string(),
            path: self.options.path.as_str().to_owned(),
        }
    }

    fn identity(&self) -> String {
        let mut origin = self.describe();
        match self.options.reference {
            Reference::Branch(_) => {}
            Reference::Tag(_) => origin.reference = "a tag".to_owned(),
            Reference::Commit(_) => origin.reference = "a commit".to_owned(),
        }
        origin.to_string()
    }

    fn mark_good<'a>(&'a self, revision: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (id, origin) = (revision.to_owned(), self.origin.clone());
            self.reading("mark", move |store| match store.commit(&id)? {
                Some(commit) => store.mark_good(&commit),
                None => Err(Error::new(ErrorKind::NotFound, "mark", &origin, format!("commit `{id}` not found"))),
            })
            .await
        })
    }

    fn load<'a>(&'a self, revision: &'a str) -> BoxFuture<'a, Result<Option<Tree>, Error>> {
        Box::pin(async move {
            if !store::repository(&self.store).exists() {
                return Ok(None);
            }
            let id = revision.to_owned();
            self.reading("load", move |store| store.commit(&id)?.map(|commit| store.read(&commit)).transpose()).await
        })
    }

    fn commits<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Commits> {
        Box::pin(async move {
            let (from, to) = (from.to_owned(), to.to_owned());
            let counting = self.reading("log", move |store| store.commits(&from, &to));
            match tokio::time::timeout(log::PATIENCE, counting).await {
                Ok(Ok(commits)) => commits,
                Ok(Err(_)) | Err(_) => Commits::default(),
            }
        })
    }

    fn ancestry(&self) -> Arc<dyn Ancestry> {
        Arc::new(GitAncestry::new(self.worker.clone(), self.store.clone(), &self.options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_a_file_or_a_variable_and_is_never_empty() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (secret, shown) = (SecretRef::File(file.path().into()), file.path().display());
        assert_eq!(secret.read(), Err(format!("the file `{shown}` is empty")));
        fs::write(file.path(), "s3cret\r\n").unwrap();
        assert_eq!(secret.read(), Ok("s3cret".to_owned()));
        // Cargo sets this one for every test.
        assert_eq!(SecretRef::Env("CARGO_PKG_NAME".to_owned()).read(), Ok("driftless".to_owned()));
        assert_eq!(
            SecretRef::Env("DRIFTLESS_NO_SUCH".to_owned()).read(),
            Err("the variable `DRIFTLESS_NO_SUCH` cannot be read: environment variable not found".to_owned())
        );
    }

    /// The last good files of one repository stood in for the broken files of another.
    #[test]
    fn another_address_branch_or_path_is_another_identity_and_another_pinned_tag_is_not() {
        let of = |url: &str, reference: Reference, path: &str| {
            let mut options = GitOptions::new(url.parse().unwrap(), reference, "/data");
            options.path = path.parse().unwrap();
            GitSource::new(options).unwrap().identity()
        };
        let (main, tag) = (|| Reference::branch("main").unwrap(), |name: &str| Reference::tag(name).unwrap());
        let one = of("https://h/x", main(), "a");
        assert_eq!(one, "https://h/x branch `main` path `a`");
        assert_eq!(of("https://h/x", main(), "a"), one);
        let others = [
            of("https://h/y", main(), "a"),
            of("https://h/x", Reference::branch("next").unwrap(), "a"),
            of("https://h/x", main(), "b"),
            of("https://h/x", tag("v1"), "a"),
        ];
        assert!(others.iter().all(|other| *other != one), "{others:?}");
        assert_eq!(of("https://h/x", tag("v1"), ""), of("https://h/x", tag("v2"), ""));
        let commit = |digit: &str| Reference::commit(&digit.repeat(40)).unwrap();
        assert_eq!(of("https://h/x", commit("1"), ""), of("https://h/x", commit("2"), ""));
    }

    #[test]
    fn another_branch_of_one_address_has_a_local_repository_of_its_own() {
        let store = |branch: &str| {
            let reference = Reference::branch(branch).unwrap();
            GitSource::new(GitOptions::new("https://h/x".parse().unwrap(), reference, "/data")).unwrap().store
        };
        assert_ne!(store("a"), store("b"));
        assert_eq!(store("a"), store("a"));
    }
}
