//! The demo's daemon: this program once more, as `driftless run`, with its log on our terminal.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::mischief::until;

pub(super) struct Daemon {
    child: Child,
    address: String,
    counts: Arc<Mutex<Counts>>,
    log: tokio::task::JoinHandle<()>,
}

/// What the log told so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub created: usize,
    pub repaired: usize,
    pub held: usize,
}

/// What `/api/v1/status` says.
pub(super) struct Status(Value);

impl Status {
    fn count(&self, name: &str) -> u64 {
        self.0.pointer(&format!("/buckets/{name}")).and_then(Value::as_u64).unwrap_or(0)
    }

    pub(super) fn in_sync(&self) -> u64 {
        self.count("inSync")
    }

    pub(super) fn held(&self) -> u64 {
        self.count("held")
    }

    pub(super) fn is_at(&self, revision: &str) -> bool {
        self.0.pointer("/source/revision").and_then(Value::as_str) == Some(revision)
    }
}

const PAGE: &str = "page, API and health at http://";

impl Daemon {
    pub(super) async fn start(config: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["run", "--config"])
            .arg(config)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| {
                ["PATH", "HOME", "TERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"].contains(&name.as_str())
            }))
            .env("AWS_ACCESS_KEY_ID", "driftless-demo")
            .env("AWS_SECRET_ACCESS_KEY", "any-secret-will-do")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let Some(stderr) = child.stderr.take() else { anyhow::bail!("the daemon has no log") };
        let mut lines = BufReader::new(stderr).lines();
        let mut address = None;
        while address.is_none() {
            let Some(line) = lines.next_line().await? else {
                anyhow::bail!("the daemon did not start; its words are above");
            };
            println!("{line}");
            address = line.split_once(PAGE).map(|(_, rest)| rest.trim_end_matches('/').to_owned());
        }
        let counts = Arc::new(Mutex::new(Counts::default()));
        let counting = Arc::clone(&counts);
        let log = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                println!("{line}");
                let mut counts = counting.lock().expect("no holder of the lock panics");
                counts.created += usize::from(line.contains(": created in "));
                counts.repaired += usize::from(line.contains(" and read back, asked for by"));
                counts.held += usize::from(line.contains(": held (needs-approval)"));
            }
        });
        Ok(Self { child, address: address.unwrap_or_default(), counts, log })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn counts(&self) -> Counts {
        *self.counts.lock().expect("no holder of the lock panics")
    }

    /// Waits until the daemon says that it is so.
    pub(super) async fn until(
        &self,
        what: &str,
        patience: Duration,
        is_so: impl Fn(&Status) -> bool,
    ) -> anyhow::Result<()> {
        until(what, patience, async || match self.ask("/api/v1/status").await {
            Some(status) => Ok(is_so(&Status(status))),
            None => Ok(false),
        })
        .await
    }

    /// Waits until a change of the bucket is held for an approval, and returns the document that
    /// the daemon proposes.
    pub(super) async fn until_approval(&self, bucket: &str, patience: Duration) -> anyhow::Result<String> {
        let found = Mutex::new(None);
        until("the change is held", patience, async || {
            let Some(report) = self.ask(&format!("/api/v1/buckets/default/{bucket}")).await else { return Ok(false) };
            let held = report.get("held").and_then(Value::as_array).cloned().unwrap_or_default();
            let approval = held.iter().find_map(|held| held.get("approval")?.as_str().map(str::to_owned));
            let is_held = approval.is_some();
            *found.lock().expect("no holder of the lock panics") = approval;
            Ok(is_held)
        })
        .await?;
        let approval = found.into_inner().expect("no holder of the lock panics");
        approval.ok_or_else(|| anyhow::anyhow!("the held change proposes no approval"))
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        match crate::cli::status::get(&self.address, path).await {
            Ok((200, body)) => Some(body),
            _ => None,
        }
    }

    /// Ends it as an operator would, with SIGTERM, and says whether it ended well.
    pub(super) async fn end(&mut self) -> anyhow::Result<bool> {
        if let Some(id) = self.child.id() {
            // The standard library sends no signals but the one that cannot be caught.
            let _ = Command::new("sh").arg("-c").arg(format!("kill -TERM {id}")).stderr(Stdio::null()).status().await;
        }
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??;
        let _ = (&mut self.log).await;
        Ok(ended.success())
    }
}
