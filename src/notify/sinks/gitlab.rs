//! The status of a commit on GitLab ("Commits API", "Set the pipeline status of a commit").

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::commit;
use crate::clock::{Clock, Timestamp};
use crate::notify::http::{Answered, Client};
use crate::notify::notice::{Notice, Outcome};
use crate::notify::sink::{Failure, Retry, Sending, Sink, secret};
use crate::source::git::SecretRef;

/// So many characters may a description have.
const DESCRIPTION: usize = 255;

/// No limit holds for longer than an hour.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);

/// The statuses of the commits of a project.
pub struct Gitlab {
    /// The address of the API.
    pub url: String,
    /// `group/name`, or a number.
    pub project: String,
    /// By what the status is called, when the configuration says it.
    pub context: Option<String>,
    /// Where the token is kept.
    pub token: SecretRef,
    /// The client.
    pub client: Client,
    /// The time, as limits end at a moment.
    pub clock: Arc<dyn Clock>,
}

impl Sink for Gitlab {
    fn service(&self) -> &'static str {
        "gitlab"
    }

    fn keeps_each_revision(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let Some((commit, _)) = commit::about(notice) else { return Ok(()) };
            let Some(status) = status(notice, self.context.as_ref()) else { return Ok(()) };
            let answered = self.ask(commit, &status).await?;
            // It has this state already, as when the answer to an earlier attempt was lost.
            if answered.status == 400 && answered.body.contains("Cannot transition status") {
                return Ok(());
            }
            taken(answered, self.clock.now())
        })
    }

    /// There is no commit to try it with. Of one that there is not, GitLab says so only to those who
    /// may see the project.
    fn test<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let status = json!({"state": "success", "name": commit::context(self.context.as_ref(), notice)});
            let answered = self.ask(commit::NO_COMMIT, &status).await?;
            let no_commit = answered.status == 404 && answered.body.contains("Commit");
            if no_commit { Ok(()) } else { taken(answered, self.clock.now()) }
        })
    }
}

impl Gitlab {
    async fn ask(&self, commit: &str, status: &Value) -> Result<Answered, Failure> {
        let token = secret(&self.token)?;
        let project = self.project.replace('/', "%2F");
        let url = format!("{}/projects/{project}/statuses/{commit}", self.url.trim_end_matches('/'));
        self.client.exchange(&url, "application/json", &[("private-token", token)], status.to_string()).await
    }
}

/// What is sent.
pub fn status(notice: &Notice, context: Option<&String>) -> Option<Value> {
    let (_, standing) = commit::about(notice)?;
    let state = match standing.outcome {
        Outcome::Pending => "pending",
        Outcome::Good => "success",
        Outcome::Bad | Outcome::Refused => "failed",
    };
    let mut status = json!({
        "state": state,
        "name": commit::context(context, notice),
        "description": commit::description(standing, DESCRIPTION),
    });
    if let Some(url) = &notice.url {
        status["target_url"] = url.as_str().into();
    }
    Some(status)
}

/// Whether GitLab took it.
fn taken(answered: Answered, now: Timestamp) -> Result<(), Failure> {
    let (status, pause) = (answered.status, pause(&answered, now));
    let Err(failure) = answered.taken() else { return Ok(()) };
    Err(match (status, pause) {
        (_, Some(pause)) => Failure { retry: Retry::After(pause), ..failure },
        (401, _) => failure.hint("the token is not, or no longer, valid: make a new one with the scope `api`"),
        (403, _) => failure.hint("the token needs the scope `api` and the role Developer in the project"),
        (404, _) => failure.hint(
            "GitLab answers so too when the token may not see the project; or the commit is not pushed to `project`",
        ),
        _ => failure,
    })
}

/// How long GitLab wants to be left alone ("User and IP rate limits").
fn pause(answered: &Answered, now: Timestamp) -> Option<Duration> {
    if answered.status != 429 {
        return None;
    }
    let number = |name: &str| answered.header(name).and_then(|it| it.trim().parse::<i64>().ok());
    let reset = || number("ratelimit-reset").map(|reset| reset.saturating_sub(now.timestamp()));
    let seconds = number("retry-after").or_else(reset)?;
    Some(Duration::from_secs(seconds.max(1).unsigned_abs()).min(MOST_PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::super::commit::tests::notice;
    use super::*;

    #[test]
    fn a_status_is_what_gitlab_wants() {
        assert_eq!(
            status(&notice(Outcome::Good), Some(&"staging".to_owned())),
            Some(json!({
                "state": "success",
                "name": "staging",
                "description": "Applied: 12 buckets in sync",
                "target_url": "https://driftless.example.com/source",
            }))
        );
        let state = |outcome| status(&notice(outcome), None).expect("a status")["state"].clone();
        assert_eq!([Outcome::Pending, Outcome::Bad, Outcome::Refused].map(state), ["pending", "failed", "failed"]);
    }
}
