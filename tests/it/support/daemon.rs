//! The real program as a child process, between a real git repository and the embedded S3 server.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use driftless::sandbox::{Operation, Options, Prepared, Running, Sandbox};
use serde_json::{Value, json};

use super::git_repo::{Repo, file, run};
use super::http::{self, Answer};

/// Far more than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(90);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(25);
/// The secret key and the token: no output may ever hold them.
pub const SECRET_KEY: &str = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY";
pub const TOKEN: &str = "sync-token-3c7a91d0";

/// Waits until `look` gives something.
pub async fn wait<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited in vain: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// S3, specs and a configuration.
pub struct World {
    pub s3: Running,
    pub repo: Repo,
    pub folder: tempfile::TempDir,
    pub config: Value,
    pub environment: Vec<(String, String)>,
}

impl World {
    /// An empty S3 and these specs. Nothing is swept but at the start, on demand, and for a new
    /// revision.
    pub async fn new(specs: &[(&str, &str)]) -> Self {
        Self::with(Options::default(), specs).await
    }

    pub async fn with(options: Options, specs: &[(&str, &str)]) -> Self {
        let s3 = Sandbox::start(options).await.expect("a free port on the loopback interface");
        let (repo, folder) = (Repo::new(), tempfile::tempdir().expect("a folder"));
        std::fs::create_dir(folder.path().join("home")).expect("a home");
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).expect("a token");
        let config = json!({
            "source": {"git": {"url": repo.path}, "interval": "1h"},
            "accounts": [{"endpoint": s3.url(), "pathStyle": true}],
            "schedule": {"cron": "0 0 1 1 *", "jitter": "0s"},
            "http": {"listen": "127.0.0.1:0", "syncTokenFile": folder.path().join("token")},
            "dataDir": folder.path().join("data"),
        });
        let world = Self { s3, repo, folder, config, environment: Vec::new() };
        world.push(specs);
        world
    }

    /// A commit with exactly these files.
    pub fn push(&self, specs: &[(&str, &str)]) -> String {
        self.repo.push(&specs.iter().map(|(path, text)| file(path, text)).collect::<Vec<_>>())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration down.
    pub fn config_file(&self) -> PathBuf {
        let path = self.path("driftless.yaml");
        std::fs::write(&path, self.config.to_string()).expect("a configuration");
        path
    }

    /// The program in an environment of its own.
    pub fn program(&self) -> Command {
        let mut command = program(&self.path("home"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `run`, not yet listening.
    pub fn begin(&self, more: &[&str]) -> Daemon {
        let mut command = self.program();
        command.arg("run").arg("--config").arg(self.config_file()).args(more);
        Daemon::spawn(command)
    }

    /// `run`, listening.
    pub async fn start(&self) -> Daemon {
        let mut daemon = self.begin(&[]);
        daemon.listens().await;
        daemon
    }

    /// `run`, after its first sweep.
    pub async fn swept(&self) -> Daemon {
        let daemon = self.start().await;
        daemon.swept().await;
        daemon
    }

    /// Somebody else's request to S3, as the owner of the buckets.
    pub async fn tamper(&self, line: &str, body: &str) {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, Signature=0\r\n\r\n{body}",
            body.len()
        );
        let answer = http::raw(self.s3.address(), &request).await;
        assert!(answer.status < 300, "{line}: {} {}", answer.status, answer.body);
    }

    /// Versioning of a bucket is set by somebody else.
    pub async fn set_versioning(&self, bucket: &str, status: &str) {
        let body = format!(
            "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>{status}</Status></VersioningConfiguration>"
        );
        self.tamper(&format!("PUT /{bucket}?versioning"), &body).await;
    }

    pub fn versioning(&self, bucket: &str) -> String {
        let body = self.s3.body(bucket, "versioning").unwrap_or_default();
        body.split_once("<Status>").and_then(|(_, rest)| rest.split_once('<')).map_or("", |(word, _)| word).to_owned()
    }

    /// How many requests came that change something.
    pub fn writes(&self) -> u64 {
        writes(&self.s3)
    }

    /// How many requests came of one kind about one bucket.
    pub fn asked(&self, operation: Operation, bucket: &str) -> usize {
        self.s3.log().iter().filter(|it| it.operation == operation && it.bucket == bucket).count()
    }
}

/// How many requests came that change something.
pub fn writes(s3: &Sandbox) -> u64 {
    let changes = |name: &str| ["Put", "Delete", "Create", "Unknown"].iter().any(|begin| name.starts_with(begin));
    s3.requests().iter().filter(|(name, _)| changes(name)).map(|(_, count)| count).sum()
}

/// The program without anything of this machine in its environment.
pub fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// The same command for somebody whom the modes of files bind. Root they bind only without its
/// capabilities, and tests often run as root.
pub fn bound_by_modes(command: &Command) -> Command {
    let probe = tempfile::NamedTempFile::new().expect("a file");
    let nobody = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o000);
    std::fs::set_permissions(probe.path(), nobody).expect("ours");
    let capable = std::fs::File::open(probe.path()).is_ok();
    let mut bound = if capable {
        let mut bound = Command::new("setpriv");
        for set in ["--bounding-set", "--inh-caps"] {
            bound.arg(format!("{set}=-dac_override,-dac_read_search"));
        }
        bound.arg("--").arg(command.get_program());
        bound
    } else {
        Command::new(command.get_program())
    };
    bound.args(command.get_args()).stdin(Stdio::null()).env_clear();
    bound.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bound
}

/// The daemon. It ends with the test.
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    pub address: SocketAddr,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- the daemon's log\n{}", self.log());
        }
    }
}

impl Daemon {
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, theirs) = (child.stderr.take().expect("a pipe"), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = theirs.lock().expect("nobody panics with it");
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// Waits until it has said something.
    pub async fn said(&self, text: &str) -> String {
        wait(&format!("the log says {text:?}"), async || Some(self.log()).filter(|log| log.contains(text))).await
    }

    /// Waits for the address of its page.
    pub async fn listens(&mut self) {
        let log = self.said("page, API and health at http://").await;
        let after = log.split_once("page, API and health at http://").expect("was just seen").1;
        self.address = after.split('/').next().expect("an address").parse().expect("an address");
    }

    pub async fn get(&self, path: &str) -> Answer {
        http::get(self.address, path).await
    }

    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.json()
    }

    /// Waits until an answer of the API is as wanted, and gives it.
    pub async fn until(&self, path: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let begun = Instant::now();
        loop {
            let answer = self.get(path).await;
            if answer.header("content-type").starts_with("application/json") {
                last = answer.json();
                if answer.status == 200 && wanted(&last) {
                    return last;
                }
            }
            assert!(begun.elapsed() < DEADLINE, "waited in vain for {path}; at last it was {last:#}\n{}", self.log());
            tokio::time::sleep(GLANCE).await;
        }
    }

    pub async fn bucket(&self, name: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        self.until(&format!("/api/v1/buckets/default/{name}"), wanted).await
    }

    /// Waits for the first sweep.
    pub async fn swept(&self) {
        self.until("/api/v1/status", |it| !it["sweep"]["last"].is_null()).await;
    }

    /// Asks for a look at the source and a sweep.
    pub async fn sync(&self) {
        let token = format!("Authorization: Bearer {TOKEN}");
        let answer = http::send(self.address, "POST", "/api/v1/sync", &[&token, "Content-Length: 0"]).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }

    /// Asks for a sweep, and waits until one that began after that has ended.
    pub async fn sweep(&self) {
        let now = moment(&self.json("/api/v1/status").await["now"]);
        self.sync().await;
        self.until("/api/v1/status", |it| moment(&it["sweep"]["last"]["startedAt"]) > now).await;
    }

    /// Asks for a look at the source, and waits until this revision is in force and swept.
    pub async fn follow(&self, revision: &str) {
        let now = moment(&self.json("/api/v1/status").await["now"]);
        self.sync().await;
        self.until("/api/v1/source", |it| it["revision"] == revision).await;
        let swept = |last: &Value| last["cause"] == "revision" && moment(&last["startedAt"]) > now;
        self.until("/api/v1/status", |it| swept(&it["sweep"]["last"])).await;
    }

    /// The value of a metric, by its whole line up to the value; 0 where it is not there.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Sends it SIGTERM.
    pub fn terminate(&self) {
        run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]), b"");
    }

    /// Waits for its end.
    pub async fn ends(&mut self) -> ExitStatus {
        wait("the daemon ends", async || self.child.try_wait().expect("it is our child")).await
    }

    /// Ends it in good order.
    pub async fn stop(mut self) -> String {
        self.terminate();
        let status = self.ends().await;
        // The reader of the log may be a line behind.
        let log = self.said("ended in good order").await;
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }
}

fn moment(value: &Value) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok()
}

/// Buckets that comply with the built-in policies.
pub fn compliant(count: usize) -> Options {
    Options { buckets: vec![Prepared { count, ..Prepared::default() }], ..Options::default() }
}

/// The spec of a bucket with the tags that the built-in policy wants, and what else is said.
pub fn spec(name: &str, more: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Bucket\nmetadata:\n  name: {name}\nspec:\n  region: us-east-1\n  \
         tags: {{Name: AI Model Data Storage, Purpose: Distributed AI Model Training}}\n{more}"
    )
}
