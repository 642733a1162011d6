//! `driftless demo`: the daemon at work, in one terminal. It supplies a configuration, an S3
//! server, a git repository and a mischief-maker; the daemon itself is `driftless run`, started as
//! a process of its own.

mod daemon;
mod mischief;
mod repository;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use daemon::Daemon;
use mischief::Mischief;
use repository::Repository;

use super::CANNOT_TELL;
use crate::sandbox::{Options, Sandbox};

/// Shows the daemon at work on an S3 server and a git repository of its own. Needs no account, no
/// network and no manual; Ctrl-C ends it.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Ends by itself, with a summary, and with 0 when everything went as told.
    #[arg(long)]
    pub once: bool,
    /// The port of the page; 0 takes a free one.
    #[arg(long, default_value_t = 9464)]
    pub port: u16,
}

/// How long one part of the story may take. Generous, as a slow machine is no failure.
const PATIENCE: Duration = Duration::from_secs(90);

/// The person who commits.
const ENGINEER: (&str, &str) = ("Mia Engineer", "mia@example.com");

/// Runs the command.
pub async fn run(args: &DemoArgs) -> ExitCode {
    match Demo::begin(args).await {
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(CANNOT_TELL)
        }
        Ok(mut demo) => {
            let told = tokio::select! {
                told = demo.tell() => told,
                signal = super::run::told_to_end() => {
                    println!("\n{signal}: the demo ends");
                    demo.end().await;
                    return ExitCode::SUCCESS;
                }
            };
            if let Err(error) = told {
                eprintln!("\nthe demo did not go as told: {error:#}");
                demo.end().await;
                return ExitCode::from(CANNOT_TELL);
            }
            if !args.once {
                demo.invite();
                super::run::told_to_end().await;
                println!("\nthe demo ends");
            }
            demo.end().await
        }
    }
}

struct Demo {
    home: Home,
    sandbox: crate::sandbox::Running,
    repository: Repository,
    mischief: Mischief,
    daemon: Daemon,
}

/// The folder of the demo. It goes with the demo.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn chapter(title: &str) {
    println!("\n== {title}");
}

impl Demo {
    async fn begin(args: &DemoArgs) -> anyhow::Result<Self> {
        let home = Home(std::env::temp_dir().join(format!("driftless-demo-{}", std::process::id())));
        std::fs::create_dir_all(&home.0)?;
        let sandbox = Sandbox::start(Options::default()).await?;
        let repository = Repository::init(&home.0.join("specs.git"))?;
        repository.commit(
            "Five buckets for AI training data",
            &[
                ("defaults.yaml", include_str!("demo/specs/defaults.yaml")),
                ("buckets/training.yaml", include_str!("demo/specs/training.yaml")),
                ("buckets/models.yaml", include_str!("demo/specs/models.yaml")),
            ],
        )?;
        let config = home.0.join("driftless.yaml");
        std::fs::write(&config, configuration(&home.0, &sandbox.url(), args.port))?;
        let mischief = Mischief::new(&sandbox.url());

        println!("driftless keeps S3 buckets exactly as git says and policy demands.");
        println!("Everything here is real but S3, which runs in this process and keeps no objects:");
        println!("  S3             {}", sandbox.url());
        println!("  specs          {} (a git repository, branch main)", repository.path().display());
        println!("  configuration  {}", config.display());
        println!("Lines that begin with a time are the daemon's own log.");

        chapter("1. Five buckets are in git, none is in S3");
        let daemon = Daemon::start(&config).await?;
        Ok(Self { home, sandbox, repository, mischief, daemon })
    }

    /// The story, part by part; each waits until it has come true.
    async fn tell(&mut self) -> anyhow::Result<()> {
        self.daemon.until("five buckets in sync", PATIENCE, |status| status.in_sync() == 5).await?;

        chapter("2. Somebody else changes four settings by hand");
        let mischief = &self.mischief;
        mischief.suspend_versioning("ai-training-raw").await?;
        println!("  somebody suspends the versioning of ai-training-raw");
        mischief.open_public_access_block("ai-training-curated").await?;
        println!("  somebody opens the public access block of ai-training-curated");
        mischief.publish("ai-training-curated").await?;
        println!("  somebody gives ai-training-curated a policy that lets everybody read");
        mischief.remove_tag("ai-model-data", "Purpose").await?;
        println!("  somebody removes the tag Purpose of ai-model-data");
        mischief.until_repaired(PATIENCE).await?;
        self.daemon.until("all repaired", PATIENCE, |status| status.in_sync() == 5).await?;

        chapter("3. A commit is pushed: ai-model-data shall answer browsers of the notebook server");
        let models = include_str!("demo/specs/models.yaml").replace(
            "  tags: {Name: AI Model Data Storage, Purpose: Distributed AI Model Training}\n",
            concat!(
                "  tags: {Name: AI Model Data Storage, Purpose: Distributed AI Model Training}\n",
                "  cors:\n",
                "    rules:\n",
                "      - allowedMethods: [GET]\n",
                "        allowedOrigins: [\"https://notebooks.example.com\"]\n",
            ),
        );
        let revision = self.repository.commit("Let notebooks read model data", &[("buckets/models.yaml", &models)])?;
        self.daemon.until("the commit in force", PATIENCE, |status| status.is_at(&revision)).await?;
        self.mischief.until_cors("ai-model-data", PATIENCE).await?;

        chapter("4. A commit that would delete data: raw training data shall expire after 30 days");
        let training = include_str!("demo/specs/training.yaml").replace(
            "    rules:\n",
            "    rules:\n      - id: expire-raw-data\n        status: Enabled\n        expiration: {days: 30}\n",
        );
        self.repository.commit("Keep raw data for 30 days only", &[("buckets/training.yaml", &training)])?;
        let approval = self.daemon.until_approval("ai-training-raw", PATIENCE).await?;

        chapter("5. Mia commits that text, with her reason, and it happens");
        let approval = approval.replace("TELL WHY", "raw data is copied to the archive after a week");
        self.repository.commit("Approve the expiry of raw data", &[("approvals/expire-raw-data.yaml", &approval)])?;
        self.daemon.until("nothing held", PATIENCE, |status| status.held() == 0 && status.in_sync() == 5).await?;

        chapter("What happened");
        let counts = self.daemon.counts();
        println!(
            "  {} buckets created, {} settings repaired or set and read back, {} change held until it was approved",
            counts.created, counts.repaired, counts.held
        );
        println!("  nothing was deleted: {} DELETE requests reached S3", self.deletes());
        anyhow::ensure!(counts.created == 5, "{} buckets were created instead of 5", counts.created);
        anyhow::ensure!(counts.repaired >= 4, "only {} repairs were told", counts.repaired);
        anyhow::ensure!(
            self.sandbox.requests().get("DeleteBucket").is_none_or(|count| *count == 0),
            "a bucket was deleted"
        );
        Ok(())
    }

    fn deletes(&self) -> u64 {
        self.sandbox.requests().iter().filter(|(name, _)| name.starts_with("Delete")).map(|(_, count)| *count).sum()
    }

    fn invite(&self) {
        let address = self.daemon.address();
        println!("\n== It goes on until Ctrl-C");
        println!("  page      http://{address}/");
        println!("  metrics   http://{address}/metrics");
        println!("  change the specs:   git clone {}", self.repository.path().display());
        println!("  make mischief:      aws --endpoint-url {} s3api put-bucket-versioning \\", self.sandbox.url());
        println!("                        --bucket ai-training-raw --versioning-configuration Status=Suspended");
        println!("  read the history:   driftless history --data-dir {}", self.home.0.join("data").display());
    }

    async fn end(&mut self) -> ExitCode {
        match self.daemon.end().await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) | Err(_) => {
                eprintln!("the daemon did not end in good order");
                ExitCode::from(CANNOT_TELL)
            }
        }
    }
}

/// The configuration of the demo's daemon: nothing in it that a user could not write.
fn configuration(home: &Path, endpoint: &str, port: u16) -> String {
    let quoted = |path: PathBuf| serde_json::to_string(&path.display().to_string()).expect("a path is text");
    format!(
        "# The configuration of the demo. Everything in it works for AWS as well.\n\
         source:\n  git: {{url: {}, branch: main}}\n  interval: 1s\n\
         accounts:\n  - endpoint: {endpoint}\n    pathStyle: true\n\
         schedule: {{cron: \"*/5 * * * * *\", zone: UTC, jitter: 0s}}   # every five seconds\n\
         http: {{listen: \"127.0.0.1:{port}\"}}\n\
         dataDir: {}\n",
        quoted(home.join("specs.git")),
        quoted(home.join("data")),
    )
}
