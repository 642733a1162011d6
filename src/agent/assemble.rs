//! Parts from the configuration: the accounts' S3, the source, the documents of a revision.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Error;
use crate::capability::Capabilities;
use crate::clock::Timestamp;
use crate::cloud::aws::{AccountOptions, AwsCloud};
use crate::cloud::budget::Bounds;
use crate::cloud::patient::{Patience, Patient};
use crate::cloud::{Cloud, Observer};
use crate::config::{Config, GitConfig, Rewritten};
use crate::desired::{Desired, resolve};
use crate::notify::group::Speaker;
use crate::source::dir::DirSource;
use crate::source::git::{Credential, GitOptions, GitSource, Rewritten as GitRewritten, SecretRef};
use crate::source::url::GitUrl;
use crate::source::{Limits, Origin, Reference, Source, SubPath, Tree};
use crate::spec::Loaded;
use crate::spec::load::{Context, LastGood, load_tree};

/// S3 for every account, asked patiently.
///
/// # Errors
/// When the credentials of an account are another account's.
pub async fn cloud(
    config: &Config,
    patience: Patience,
    observer: &Arc<dyn Observer>,
    stop: &CancellationToken,
) -> Result<Arc<dyn Cloud>, Error> {
    let accounts = config.accounts.iter().map(|account| AccountOptions {
        name: account.name.clone(),
        id: account.id.clone(),
        region: account.region.clone(),
        endpoint: account.endpoint.clone(),
        control_endpoint: account.s3_control_endpoint.clone(),
        path_style: account.path_style,
        profile: account.profile.clone(),
        role: account.role.clone(),
        writer_role: account.writer_role.clone(),
        external_id: account.external_id.clone(),
    });
    let aws = AwsCloud::connect(accounts.collect(), observer)
        .await
        .map_err(|error| Error::new(&error, Some(error.hint())))?;
    let bounds = config.accounts.iter().map(|account| {
        let defaults = Bounds::default();
        let most = account.max_concurrency.unwrap_or(defaults.most);
        let start = defaults.start.max(config.limits.concurrency).min(most);
        (account.name.clone(), Bounds { rate: account.requests_per_second, start, most })
    });
    Ok(Arc::new(Patient::new(aws, patience, bounds, Arc::clone(observer), stop.clone())))
}

/// What the accounts' endpoints can do: nothing is known yet.
pub fn capabilities(config: &Config) -> Capabilities {
    Capabilities::of(config.accounts.iter().map(|account| (account.name.clone(), account.endpoint.clone())))
}

/// The source that the configuration names.
///
/// # Errors
/// What is wrong with its address or its credentials.
pub fn source(config: &Config) -> Result<Box<dyn Source>, Error> {
    if let Some(dir) = &config.source.dir {
        let mut source = DirSource::new(dir, Limits::default());
        if let Some(accept) = &config.source.accept {
            source = source.accept(accept);
        }
        return Ok(Box::new(source));
    }
    let git = config.source.git.as_ref().expect("a configuration without a source is refused");
    let wrong = |error: crate::source::url::Illegal| Error::new(&error, error.hint);
    let url = git.url.parse::<GitUrl>().map_err(wrong)?;
    let reference = match (&git.tag, &git.commit) {
        (Some(tag), _) => Reference::tag(tag),
        (None, Some(commit)) => Reference::commit(commit),
        (None, None) => Reference::branch(git.branch.as_deref().unwrap_or("main")),
    };
    let mut options = GitOptions::new(url, reference.map_err(wrong)?, &config.data_dir);
    options.path = git.path.parse::<SubPath>().map_err(wrong)?;
    options.credential = credential(git)?;
    options.known_hosts.clone_from(&git.known_hosts_file);
    options.ca_file.clone_from(&git.ca_file);
    options.accept.clone_from(&config.source.accept);
    options.rewritten = match git.rewritten_history {
        Rewritten::Hold => GitRewritten::Hold,
        Rewritten::Accept => GitRewritten::Accept,
    };
    let source = GitSource::new(options).map_err(|error| Error::new(&error, error.hint.clone()))?;
    Ok(Box::new(source))
}

/// Which agent speaks in messages: that of this page, or else of this source.
pub(super) fn speaker(config: &Config, origin: &Origin) -> Speaker {
    let page = config.http.public_url.as_ref().map(|it| it.trim_end_matches('/').to_owned());
    let Origin { url, reference, path, .. } = origin;
    Speaker {
        instance: page.clone().unwrap_or_else(|| url.clone()),
        seed: format!("{} {url} {reference} {path}", page.as_deref().unwrap_or_default()),
        page,
    }
}

fn credential(git: &GitConfig) -> Result<Option<Credential>, Error> {
    let token = match (&git.token_file, &git.token_env) {
        (Some(_), Some(_)) => {
            return Err(Error::new("both `tokenFile` and `tokenEnv` of the source", Some("name one")));
        }
        (Some(file), None) => Some(SecretRef::File(file.clone())),
        (None, Some(name)) => Some(SecretRef::Env(name.clone())),
        (None, None) => None,
    };
    match (token, &git.ssh_key_file) {
        (Some(_), Some(_)) => Err(Error::new("both a token and an ssh key of the source", Some("name one"))),
        (Some(token), None) => {
            let username = git.username.clone().unwrap_or_else(|| Credential::USERNAME.to_owned());
            Ok(Some(Credential::Token { username, token }))
        }
        (None, Some(file)) => {
            let passphrase = git.ssh_passphrase_file.clone().map(SecretRef::File);
            Ok(Some(Credential::SshKey { file: file.clone(), passphrase }))
        }
        (None, None) => Ok(None),
    }
}

/// Reads the documents of a revision and joins them. Whatever is good comes into force, and every
/// fault is found.
pub fn load_files(config: &Config, tree: &Tree, last_good: &dyn LastGood, now: Timestamp) -> (Desired, Loaded) {
    let accounts = config.accounts.iter().map(|account| (account.name.clone(), account.region.clone()));
    let accounts: BTreeMap<_, _> = accounts.collect();
    let ids = config.accounts.iter().filter_map(|it| Some((it.name.clone(), it.id.clone()?))).collect();
    let context =
        Context { now, accounts: Some(accounts), ids, regions: config.own_regions(), own_stores: config.own_stores() };
    let mut loaded = load_tree(tree, last_good, &context);
    config.choose_policies(&mut loaded.specs.policies);
    let (desired, joined) = resolve(&loaded.specs, &config.agent());
    loaded.findings.extend(joined);
    loaded.findings.sort();
    (desired, loaded)
}
