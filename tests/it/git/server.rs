//! Servers that refuse, fail, hang and redirect, and the process that asks them.

use std::time::Instant;

use driftless::source::ErrorKind;
use driftless::source::git::{Credential, SecretRef};

use super::*;
use crate::support::git_http::{GitHttp, Mode};
use crate::support::git_repo::{Ends, run};

#[tokio::test]
async fn a_commit_is_found_on_a_server_that_does_not_give_commits_by_id() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    repo.push(&[file("a.yaml", "2")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    for allowed in ["false", "true"] {
        repo.git(&["config", "uploadpack.allowAnySHA1InWant", allowed]);
        let data = tempfile::tempdir().unwrap();
        let mut options = options(&server.url("specs.git"), data.path());
        options.reference = Reference::commit(&first).unwrap();
        assert_eq!(&*new(&options, None).await.files["a.yaml"], b"1", "allowed: {allowed}");
    }
}

#[tokio::test]
async fn an_unchanged_revision_is_not_read_again() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    let data = tempfile::tempdir().unwrap();
    let options = options(&server.url("specs.git"), data.path());
    assert_eq!(new(&options, None).await.revision.id, first);
    server.take_seen();
    assert_eq!(fetch(&options, Some(&first)).await.unwrap(), Fetched::Unchanged);
    assert_eq!(server.take_seen(), ["GET /specs.git/info/refs?service=git-upload-pack"]);
    let second = repo.push(&[file("a.yaml", "2")]);
    assert_eq!(new(&options, Some(&first)).await.revision.id, second);
}

#[tokio::test]
async fn a_token_from_a_file_is_read_at_each_fetch_and_a_wrong_one_is_said() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), Some("x-access-token:right-token")).await;
    let data = tempfile::tempdir().unwrap();
    let mut options = options(&server.url("specs.git"), data.path());
    let url = options.url.to_string();

    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::Auth);
    assert_eq!(
        error.to_string(),
        format!("fetch of `{url}` failed: the server asks for credentials and none are configured")
    );

    let token = data.path().join("token");
    options.credential =
        Some(Credential::Token { username: Credential::USERNAME.to_owned(), token: SecretRef::File(token.clone()) });
    let mut source = GitSource::new(options.clone()).unwrap();
    let error = source.fetch(None, ENOUGH).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.starts_with(&format!("the file `{}` cannot be read: ", token.display())), "{error}");

    std::fs::write(&token, "wrong-token\n").unwrap();
    server.take_seen();
    let error = source.fetch(None, ENOUGH).await.unwrap_err();
    assert_eq!(error.to_string(), format!("fetch of `{url}` failed: the server refused the token"));
    assert_eq!(error.hint.as_deref(), Some("check that the token is valid and may read the repository"));
    assert!(server.take_seen().len() <= 3, "a refused token is not sent again and again");

    std::fs::write(&token, "right-token\n").unwrap();
    let Fetched::New { tree, .. } = source.fetch(None, ENOUGH).await.unwrap() else { panic!() };
    assert_eq!(tree.revision.id, first);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let repo = Repo::new();
    repo.push(&[file("a.yaml", "1")]);
    let elsewhere = GitHttp::start(repo.folder.path(), None).await;
    let server = GitHttp::start(repo.folder.path(), None).await;
    server.set(Mode::Redirect(format!("http://localhost:{}", elsewhere.port())));
    let data = tempfile::tempdir().unwrap();
    let mut options = options(&server.url("specs.git"), data.path());
    let token = data.path().join("token");
    std::fs::write(&token, "secret-token").unwrap();
    options.credential = Some(Credential::Token { username: "bot".to_owned(), token: SecretRef::File(token) });
    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::Redirect);
    assert_eq!(error.message, "the server sends elsewhere: cannot redirect from '127.0.0.1' to 'localhost'");
    assert_eq!(elsewhere.take_seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_fails_is_told_from_one_that_has_no_such_repository() {
    let repo = Repo::new();
    repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    let data = tempfile::tempdir().unwrap();
    for (mode, path, kind, message) in [
        (Mode::Status(500), "specs.git", ErrorKind::Server, "the server answered with status 500"),
        (Mode::Status(403), "specs.git", ErrorKind::Auth, "the server answered with status 403"),
        (Mode::Serve, "other.git", ErrorKind::NotFound, "the server answered with status 404"),
        (Mode::Status(200), "specs.git", ErrorKind::Network, "no content-type header in response"),
    ] {
        server.set(mode.clone());
        let error = failed(&options(&server.url(path), data.path())).await;
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{mode:?}");
    }
    let error = failed(&options("/nowhere/specs.git", data.path())).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotFound, "no such repository"));
    let error = failed(&options("https://driftless.invalid/specs.git", data.path())).await;
    assert_eq!(error.kind, ErrorKind::Network, "{error}");
    let closed = format!("http://127.0.0.1:{}/x", free_port());
    let error = failed(&options(&closed, data.path())).await;
    assert_eq!(error.kind, ErrorKind::Network, "{error}");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_fetch_that_hangs_is_ended_by_its_deadline_and_the_next_one_succeeds() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    server.set(Mode::Hang);
    let data = tempfile::tempdir().unwrap();
    let mut source = GitSource::new(options(&server.url("specs.git"), data.path())).unwrap();
    let began = Instant::now();
    let error = source.fetch(None, Duration::from_millis(500)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.message, "not done within 500ms; the fetch was ended");
    server.set(Mode::Serve);
    let Fetched::New { tree, .. } = source.fetch(None, ENOUGH).await.unwrap() else { panic!() };
    assert_eq!(tree.revision.id, first);
}

#[tokio::test]
async fn a_process_that_dies_without_an_answer_is_said() {
    let (mut options, _data) = local(&Repo::new());
    options.program = Some("/bin/false".into());
    let error = failed(&options).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Other, "the fetching process gave no answer (exit status: 1)")
    );
    options.program = Some("/nowhere/driftless".into());
    let error = failed(&options).await;
    assert!(error.message.starts_with("the fetching process could not be started: "), "{error}");
}

/// The command lines and environments of the fetching processes of this test binary.
fn fetching() -> Vec<(String, String)> {
    let mine = std::process::id().to_string();
    let read = |file: PathBuf| String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|at| {
            read(at.join("status")).lines().any(|line| line.strip_prefix("PPid:").map(str::trim) == Some(&mine))
        })
        .map(|at| (read(at.join("cmdline")), read(at.join("environ"))))
        .filter(|(line, _)| line.contains("fetch-git"))
        .collect()
}

/// Waits until something is so; it is an error when that takes far too long.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(ENOUGH, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
async fn the_fetching_process_shows_no_secret_and_ends_when_nobody_waits_for_it() {
    let repo = Repo::new();
    let server = GitHttp::start(repo.folder.path(), None).await;
    server.set(Mode::Hang);
    let data = tempfile::tempdir().unwrap();
    let mut options = options(&server.url("specs.git"), data.path());
    let token = data.path().join("token");
    std::fs::write(&token, "visible-secret").unwrap();
    options.credential = Some(Credential::Token { username: "bot".to_owned(), token: SecretRef::File(token) });
    let fetching_task = tokio::spawn(async move { fetch(&options, None).await });
    let mark = data.path().to_string_lossy().into_owned();
    let ours = || fetching().into_iter().filter(|(_, environment)| environment.contains(&mark)).collect::<Vec<_>>();
    until("the server is asked", || !server.take_seen().is_empty()).await;
    let [(line, environment)] = &ours()[..] else { panic!("one process fetches") };
    let program = env!("CARGO_BIN_EXE_driftless");
    assert_eq!(line.split('\0').collect::<Vec<_>>(), [program, "fetch-git", ""]);
    assert!(!environment.contains("visible-secret") && !environment.contains("PATH="), "{environment}");
    fetching_task.abort();
    until("the process is gone", || ours().is_empty()).await;
}

#[tokio::test]
async fn no_setting_of_a_user_or_an_environment_changes_where_the_request_goes() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    let other = GitHttp::start(repo.folder.path(), None).await;
    let home = tempfile::tempdir().unwrap();
    let settings = format!("[url \"{0}\"]\n\tinsteadOf = {1}\n[http]\n\tproxy = {0}\n", other.url(""), server.url(""));
    std::fs::write(home.path().join(".gitconfig"), settings).unwrap();
    let request = format!(
        r#"{{"url":"{}","reference":{{"branch":"main"}},"store":"{}","receivedMax":1000000,"anew":false}}"#,
        server.url("specs.git"),
        home.path().join("store").display()
    );
    let home = home.path().to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_driftless"));
        program.arg("fetch-git").env("HOME", home).env("http_proxy", "http://127.0.0.1:1");
        run(&mut program, request.as_bytes())
    })
    .await
    .unwrap();
    assert!(answer.starts_with(&format!(r#"{{"fetched":{{"commit":"{first}","received":"#)), "{answer}");
    assert_eq!(other.take_seen(), Vec::<String>::new());
}

#[tokio::test]
async fn an_https_server_is_trusted_when_its_authority_is_named_and_its_name_fits() {
    use std::io::BufRead;
    use std::process::{Command, Stdio};

    let data = tempfile::tempdir().unwrap();
    let (key, certificate) = (data.path().join("key.pem"), data.path().join("certificate.pem"));
    let openssl = || Command::new("openssl");
    let self_signed = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    let names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.2", "-keyout"];
    run(openssl().args(self_signed).args(names).arg(&key).arg("-out").arg(&certificate), b"");
    // It speaks TLS and no git: an answer that is not git's is proof that it was trusted.
    let server = openssl()
        .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-key"])
        .arg(&key)
        .arg("-cert")
        .arg(&certificate)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut server = Ends(server.unwrap());
    let mut lines = std::io::BufReader::new(server.0.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| Some(line.unwrap().strip_prefix("ACCEPT ")?.rsplit_once(':')?.1.to_owned()));
    let url = |host: &str| format!("https://{host}:{}/specs.git", port.as_ref().unwrap());
    let mut options = options(&url("localhost"), data.path());

    let error = failed(&options).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Certificate, "the SSL certificate is invalid"));
    assert_eq!(error.hint.as_deref(), Some("name the certificate authority in the source's `caFile`"));
    options.ca_file = Some(certificate);
    let error = failed(&options).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Network, "invalid content-type: 'text/html'"));
    options.url = url("127.0.0.1").parse().unwrap();
    let error = failed(&options).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Certificate, "hostname does not match certificate"));
}
