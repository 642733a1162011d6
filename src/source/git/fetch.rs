//! The fetch itself, as it runs in a process of its own: network in, a bare repository out.
//!
//! libgit2 has no deadline for a whole fetch, and it parses what strangers send. So the daemon
//! starts this in a child process (see [`crate::source::worker`]), which it can end at any moment.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{
    AutotagOption, CertificateCheckStatus, Config, Cred, CredentialType, ErrorClass, ErrorCode, FetchOptions, Oid,
    ProxyOptions, Remote, RemoteCallbacks, RemoteRedirect, Repository, RepositoryInitOptions,
};
use serde::{Deserialize, Serialize};

use super::store::{self, FETCHED};
use crate::source::known_hosts::KnownHosts;
use crate::source::url::{GitUrl, Reference, Scheme};
use crate::source::{Error, ErrorKind};

/// All that a fetch needs. It crosses a pipe and holds secrets: it is never logged.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The address, without credentials.
    pub url: String,
    /// What of it.
    pub reference: Reference,
    /// The folder that holds the bare repository; it is created.
    pub store: PathBuf,
    /// How to sign in.
    pub credential: Option<Presented>,
    /// The `known_hosts` file; required for ssh.
    pub known_hosts: Option<PathBuf>,
    /// An http proxy; none is used unless it stands here.
    pub proxy: Option<String>,
    /// How many bytes may come over the wire.
    pub received_max: u64,
    /// Begins with an empty repository.
    pub anew: bool,
}

/// Credentials with their values.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Presented {
    /// For https.
    Token {
        /// The user name.
        username: String,
        /// The token.
        token: String,
    },
    /// For ssh.
    SshKey {
        /// The file of the private key.
        file: PathBuf,
        /// What opens it.
        passphrase: Option<String>,
    },
}

impl Presented {
    /// The part that must never be seen.
    fn secret(&self) -> Option<&str> {
        match self {
            Self::Token { token, .. } => Some(token),
            Self::SshKey { passphrase, .. } => passphrase.as_deref(),
        }
    }
}

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Response {
    /// The id of the commit that the reference stands for.
    pub commit: String,
    /// Bytes that came over the wire.
    pub received: u64,
    /// Whether the local repository was made anew.
    pub anew: bool,
}

/// Fetches one reference into the bare repository, and makes that anew when it is not usable.
///
/// Blocks, for as long as the server likes. No configuration of git but the repository's own is
/// in force, so neither `url.<base>.insteadOf` nor `http.proxy` of a user or a system can send
/// the request or its credentials elsewhere.
///
/// # Errors
/// [`Error`], free of credentials.
pub fn fetch_blocking(request: &Request) -> Result<Response, Error> {
    attempt(request).map_err(|mut error| {
        if let Some(secret) = request.credential.as_ref().and_then(Presented::secret) {
            error.forget(secret);
        }
        error
    })
}

fn attempt(request: &Request) -> Result<Response, Error> {
    let fail = |kind, message: &str| Error::new(kind, "fetch", &request.url, message);
    let url: GitUrl = request.url.parse().map_err(|error: crate::source::url::Illegal| {
        Error::new(ErrorKind::RefusedUrl, "fetch", "the source", error.message)
    })?;
    request.reference.check().map_err(|error| fail(ErrorKind::RefusedUrl, &error.message))?;

    let disk = |error: std::io::Error| fail(ErrorKind::Other, &format!("the local repository: {error}"));
    store::create(&request.store).map_err(disk)?;
    // The kernel frees the lock when this process ends, however it ends.
    let lock = fs::File::create(request.store.join("lock")).map_err(disk)?;
    if lock.try_lock().is_err() {
        return Err(fail(ErrorKind::Other, "another process is fetching into the same folder")
            .hint("give each agent a data folder of its own"));
    }
    if url.local_path().is_some_and(|path| !path.is_dir()) {
        return Err(
            fail(ErrorKind::NotFound, "no such repository").hint("check the path, and whether its disk is mounted")
        );
    }
    let fetch = Fetch { request, url: &url };
    fetch.prepare_home().map_err(disk)?;

    store::recover(&request.store).map_err(disk)?;
    let kept = store::repository(&request.store);
    if !request.anew && kept.exists() {
        store::sweep(&kept);
        let fetched = open(&kept).map_err(|error| fetch.failed(&error)).and_then(|repository| fetch.bring(&repository));
        match fetched {
            Ok((commit, received)) => {
                if store::packs(&kept) > PACKS_MAX {
                    // It saves files and memory only: the next fetch tries again.
                    let _ = compact(&request.store);
                }
                return Ok(Response { commit, received, anew: false });
            }
            Err(error) if error.kind == ErrorKind::Corrupt => {}
            Err(error) => return Err(error),
        }
    }
    // The old one stays until the new one is complete.
    let repository =
        store::fresh(&request.store).map_err(disk).and_then(|at| init(&at).map_err(|error| fetch.failed(&error)))?;
    let (commit, received) = fetch.bring(&repository)?;
    drop(repository);
    store::swap(&request.store).map_err(disk)?;
    Ok(Response { commit, received, anew: true })
}

/// Packs in the local repository above which they are made one: each fetch adds one.
const PACKS_MAX: usize = 50;

/// Copies what is noted into a fresh repository, as one pack, and puts that in place.
fn compact(store: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let fresh = init(&store::fresh(store)?)?;
    let from = std::path::absolute(store::repository(store))?;
    let from = from.to_str().ok_or("the path is not UTF-8")?;
    fresh.remote_anonymous(from)?.fetch(&["+refs/driftless/*:refs/driftless/*"], None, None)?;
    drop(fresh);
    Ok(store::swap(store)?)
}

fn init(at: &Path) -> Result<Repository, git2::Error> {
    Repository::init_opts(at, RepositoryInitOptions::new().bare(true).external_template(false))?;
    open(at)
}

/// Opens a bare repository with its own configuration only.
pub(super) fn open(path: &Path) -> Result<Repository, git2::Error> {
    let repository = Repository::open_bare(path)?;
    repository.set_config(&Config::open(&path.join("config"))?)?;
    Ok(repository)
}

/// Whether another refspec would fail in the same way.
fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Auth
            | ErrorKind::HostKey
            | ErrorKind::Certificate
            | ErrorKind::Redirect
            | ErrorKind::RefusedUrl
            | ErrorKind::Timeout
            | ErrorKind::TooLarge
    )
}

struct Fetch<'a> {
    request: &'a Request,
    url: &'a GitUrl,
}

impl Fetch<'_> {
    /// The home folder that the worker gives this process: nobody's settings are in it.
    fn prepare_home(&self) -> std::io::Result<()> {
        let home = store::home(&self.request.store);
        let ssh = home.join(".ssh");
        fs::create_dir_all(&ssh)?;
        // The ssh library takes from here which types of host key to ask for. It decides nothing:
        // the callback below does.
        let lines = self.known_hosts().map(|hosts| hosts.plain_lines(self.url.host(), self.url.port()));
        fs::write(ssh.join("known_hosts"), lines.unwrap_or_default())?;
        // A repository on this disk may belong to somebody else. Its hooks and settings are never
        // run, only its objects are read, and the operator named it.
        let settings = match self.url.scheme() {
            Scheme::Local => "[safe]\n\tdirectory = *\n",
            _ => "",
        };
        fs::write(home.join(".gitconfig"), settings)
    }

    fn known_hosts(&self) -> Result<KnownHosts, Error> {
        let Some(file) = &self.request.known_hosts else {
            return Err(self.error(
                ErrorKind::HostKey,
                "no `known_hosts` file is named, and no ssh server is trusted without one",
            ));
        };
        let shown = file.display().to_string();
        let text = fs::read_to_string(file)
            .map_err(|error| self.error(ErrorKind::HostKey, &format!("`{shown}` cannot be read: {error}")))?;
        Ok(KnownHosts::parse(shown, &text))
    }

    fn error(&self, kind: ErrorKind, message: &str) -> Error {
        Error::new(kind, "fetch", &self.request.url, message)
    }

    fn bring(&self, repository: &Repository) -> Result<(String, u64), Error> {
        match &self.request.reference {
            Reference::Commit(id) => self.commit(repository, id),
            reference => {
                let name = reference.full_name().expect("a branch or a tag has a name");
                self.named(repository, reference, &name)
            }
        }
    }

    /// A branch or a tag: one pinned refspec.
    fn named(&self, repository: &Repository, reference: &Reference, name: &str) -> Result<(String, u64), Error> {
        let mut remote = self.remote(repository)?;
        let received = self.download(&mut remote, &[format!("+{name}:{FETCHED}")])?;
        let heads: Vec<(String, Oid)> = match remote.list() {
            Ok(heads) => heads.iter().map(|head| (head.name().to_owned(), head.oid())).collect(),
            Err(error) => return Err(self.failed(&error)),
        };
        let Some((_, id)) = heads.iter().find(|(head, _)| head == name) else {
            return Err(self.not_there(reference, &heads));
        };
        // A tag stands for the commit that it names, through any number of tags.
        let commit = repository
            .find_object(*id, None)
            .and_then(|object| object.peel_to_commit())
            .map_err(|error| self.failed(&error))?;
        Ok((commit.id().to_string(), received))
    }

    /// One commit: by its id where the server allows that, else among all branches and tags.
    fn commit(&self, repository: &Repository, id: &str) -> Result<(String, u64), Error> {
        let oid = Oid::from_str(id).map_err(|error| self.failed(&error))?;
        let pin = |received: u64| -> Result<(String, u64), Error> {
            repository.find_commit(oid).map_err(|error| self.failed(&error))?;
            repository.reference(FETCHED, oid, true, "fetched").map_err(|error| self.failed(&error))?;
            Ok((id.to_owned(), received))
        };
        if repository.find_commit(oid).is_ok() {
            return pin(0);
        }
        match self.remote(repository).and_then(|mut remote| self.download(&mut remote, &[format!("+{id}:{FETCHED}")])) {
            Ok(received) if repository.find_commit(oid).is_ok() => return pin(received),
            Ok(_) => {}
            // A server that does not give commits by id says so in one of many ways.
            Err(error) if !is_final(error.kind) => {}
            Err(error) => return Err(error),
        }
        let all = ["+refs/heads/*:refs/driftless/heads/*", "+refs/tags/*:refs/driftless/tags/*"].map(str::to_owned);
        let received = self.remote(repository).and_then(|mut remote| self.download(&mut remote, &all))?;
        if repository.find_commit(oid).is_err() {
            return Err(self
                .error(ErrorKind::NotFound, &format!("commit `{id}` not found"))
                .hint("the commit must be reachable from a branch or a tag"));
        }
        pin(received)
    }

    fn not_there(&self, reference: &Reference, heads: &[(String, Oid)]) -> Error {
        let under = match reference {
            Reference::Branch(_) => "refs/heads/",
            _ => "refs/tags/",
        };
        if !heads.iter().any(|(head, _)| head.starts_with("refs/")) {
            return self
                .error(ErrorKind::NotFound, &format!("{reference} not found: the repository is empty"))
                .hint("push a first commit");
        }
        let mut names: Vec<&str> = heads
            .iter()
            .filter_map(|(head, _)| head.strip_prefix(under))
            .filter(|name| !name.ends_with("^{}"))
            .collect();
        names.sort_unstable();
        let more = names.len().saturating_sub(10);
        names.truncate(10);
        let list = match (names.is_empty(), more) {
            (true, _) => "none".to_owned(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        };
        self.error(ErrorKind::NotFound, &format!("{reference} not found; it has: {list}"))
    }

    fn remote<'r>(&self, repository: &'r Repository) -> Result<Remote<'r>, Error> {
        let remote = repository.remote_anonymous(self.url.as_str()).map_err(|error| self.failed(&error))?;
        if remote.url().ok() != Some(self.url.as_str()) {
            return Err(self.error(ErrorKind::RefusedUrl, "a setting of git on this machine replaces the address"));
        }
        Ok(remote)
    }

    fn download(&self, remote: &mut Remote<'_>, refspecs: &[String]) -> Result<u64, Error> {
        // What a callback refused says more than what libgit2 makes of it.
        let said: RefCell<Option<Error>> = RefCell::new(None);
        let refuse = |error: Error| -> git2::Error {
            let text = git2::Error::new(ErrorCode::User, ErrorClass::Callback, &error.message);
            said.borrow_mut().get_or_insert(error);
            text
        };
        let (mut tried, mut named) = (false, false);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|_, _, allowed| self.sign_in(allowed, &mut tried, &mut named).map_err(refuse));
        callbacks.certificate_check(|certificate, _| match certificate.as_hostkey() {
            Some(key) => self.check_host(key.hostkey()).map(|()| CertificateCheckStatus::CertificateOk).map_err(refuse),
            None => Ok(CertificateCheckStatus::CertificatePassthrough),
        });
        let limit = self.request.received_max;
        callbacks.transfer_progress(|progress| {
            let received = progress.received_bytes() as u64;
            if received > limit {
                let message = format!("the server sent at least {received} bytes, the limit is {limit}");
                refuse(self.error(ErrorKind::TooLarge, &message));
            }
            received <= limit
        });
        let mut proxy = ProxyOptions::new();
        if let Some(url) = &self.request.proxy {
            proxy.url(url);
        }
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(callbacks)
            .proxy_options(proxy)
            .follow_redirects(RemoteRedirect::None)
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        let done = remote.fetch(refspecs, Some(&mut options), Some("fetched"));
        drop(options);
        match (done, said.into_inner()) {
            (_, Some(error)) => Err(error),
            (Err(error), None) => Err(self.failed(&error)),
            (Ok(()), None) => Ok(remote.stats().received_bytes() as u64),
        }
    }

    /// Each way is tried once: libgit2 asks again after a refusal, without end.
    fn sign_in(&self, allowed: CredentialType, tried: &mut bool, named: &mut bool) -> Result<Cred, Error> {
        let broken = |error: git2::Error| self.error(ErrorKind::Auth, error.message());
        if allowed.contains(CredentialType::USERNAME) && !*named {
            *named = true;
            return Cred::username(self.url.user().unwrap_or("git")).map_err(broken);
        }
        let Some(credential) = &self.request.credential else {
            return Err(self
                .error(ErrorKind::Auth, "the server asks for credentials and none are configured")
                .hint("configure a token for https, or a key file for ssh"));
        };
        if std::mem::replace(tried, true) {
            let (what, hint) = match credential {
                Presented::Token { .. } => ("token", "check that the token is valid and may read the repository"),
                Presented::SshKey { .. } => {
                    ("ssh key", "check that the server knows the public key and it may read the repository")
                }
            };
            return Err(self.error(ErrorKind::Auth, &format!("the server refused the {what}")).hint(hint));
        }
        match credential {
            Presented::Token { username, token } if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
                if !self.url.may_carry_token() {
                    return Err(self.error(ErrorKind::RefusedUrl, "a token is not sent over plain http"));
                }
                Cred::userpass_plaintext(username, token).map_err(broken)
            }
            Presented::SshKey { file, passphrase } if allowed.contains(CredentialType::SSH_KEY) => {
                fs::File::open(file).map_err(|error| {
                    self.error(ErrorKind::Auth, &format!("the key file `{}` cannot be read: {error}", file.display()))
                })?;
                let user = self.url.user().unwrap_or("git");
                Cred::ssh_key(user, None, file, passphrase.as_deref()).map_err(broken)
            }
            _ => Err(self.error(ErrorKind::Auth, "the server does not accept credentials of the configured kind")),
        }
    }

    fn check_host(&self, key: Option<&[u8]>) -> Result<(), Error> {
        let Some(key) = key else {
            return Err(self.error(ErrorKind::HostKey, "the server shows no host key"));
        };
        self.known_hosts()?
            .judge(self.url.host(), self.url.port(), key)
            .map_err(|distrust| self.error(ErrorKind::HostKey, &distrust.to_string()).hint(distrust.hint()))
    }

    fn failed(&self, error: &git2::Error) -> Error {
        super::failure::failed("fetch", &self.request.url, error)
    }
}
