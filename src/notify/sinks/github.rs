//! The status of a commit on GitHub ("REST API endpoints for commit statuses").

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
const DESCRIPTION: usize = 140;

/// No limit holds for longer than an hour.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);

/// The statuses of the commits of a repository.
pub struct Github {
    /// The address of the API.
    pub url: String,
    /// `owner/name`.
    pub repository: String,
    /// By what the status is called, when the configuration says it.
    pub context: Option<String>,
    /// Where the token is kept.
    pub token: SecretRef,
    /// The client.
    pub client: Client,
    /// The time, as limits end at a moment.
    pub clock: Arc<dyn Clock>,
}

impl Sink for Github {
    fn service(&self) -> &'static str {
        "github"
    }

    fn keeps_each_revision(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let Some((commit, _)) = commit::about(notice) else { return Ok(()) };
            let Some(status) = status(notice, self.context.as_ref()) else { return Ok(()) };
            let answered = self.ask(commit, &status).await?;
            taken(answered, self.clock.now())
        })
    }

    /// There is no commit to try it with. Of one that there is not, GitHub says so only to those who
    /// could give it a status.
    fn test<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let context = commit::context(self.context.as_ref(), notice);
            let status = json!({"state": "success", "context": context});
            let answered = self.ask(commit::NO_COMMIT, &status).await?;
            if answered.status == 422 { Ok(()) } else { taken(answered, self.clock.now()) }
        })
    }
}

impl Github {
    async fn ask(&self, commit: &str, status: &Value) -> Result<Answered, Failure> {
        let token = secret(&self.token)?;
        let url = format!("{}/repos/{}/statuses/{commit}", self.url.trim_end_matches('/'), self.repository);
        let headers = [
            ("accept", "application/vnd.github+json".to_owned()),
            ("authorization", format!("Bearer {token}")),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        self.client.exchange(&url, "application/json", &headers, status.to_string()).await
    }
}

/// What is sent.
pub fn status(notice: &Notice, context: Option<&String>) -> Option<Value> {
    let (_, standing) = commit::about(notice)?;
    let state = match standing.outcome {
        Outcome::Pending => "pending",
        Outcome::Good => "success",
        Outcome::Bad => "failure",
        Outcome::Refused => "error",
    };
    let mut status = json!({
        "state": state,
        "context": commit::context(context, notice),
        "description": commit::description(standing, DESCRIPTION),
    });
    if let Some(url) = &notice.url {
        status["target_url"] = url.as_str().into();
    }
    Some(status)
}

/// Whether GitHub took it.
fn taken(answered: Answered, now: Timestamp) -> Result<(), Failure> {
    let (status, pause) = (answered.status, pause(&answered, now));
    let Err(failure) = answered.taken() else { return Ok(()) };
    Err(match (status, pause) {
        (_, Some(pause)) => Failure { retry: Retry::After(pause), ..failure },
        (401, _) => failure.hint("the token is not, or no longer, valid: make a new one"),
        (403 | 404, _) => failure.hint(
            "GitHub answers so too when the token may not: it needs the permission \"Commit statuses\", read and write, \
             for this repository",
        ),
        (422, _) => failure.hint("is `repository` the one that `source.git` follows, and the commit pushed there?"),
        _ => failure,
    })
}

/// How long GitHub wants to be left alone: its limits are answered with 403 or 429 ("Rate limits for
/// the REST API").
fn pause(answered: &Answered, now: Timestamp) -> Option<Duration> {
    if !matches!(answered.status, 403 | 429) {
        return None;
    }
    let number = |name: &str| answered.header(name).and_then(|it| it.trim().parse::<i64>().ok());
    let seconds = match (number("retry-after"), number("x-ratelimit-remaining"), number("x-ratelimit-reset")) {
        (Some(seconds), ..) => seconds,
        (None, Some(0), Some(reset)) => reset.saturating_sub(now.timestamp()),
        _ if answered.body.contains("secondary rate limit") => 60,
        _ => return None,
    };
    Some(Duration::from_secs(seconds.max(1).unsigned_abs()).min(MOST_PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::super::commit::tests::notice;
    use super::*;

    #[test]
    fn a_status_is_what_github_wants() {
        assert_eq!(
            status(&notice(Outcome::Bad), None),
            Some(json!({
                "state": "failure",
                "context": "driftless: driftless.example.com",
                "description": "In force: 1 finding, 2 buckets not as wanted, 1 bucket unknown, 3 changes held",
                "target_url": "https://driftless.example.com/source",
            }))
        );
        let state = |outcome| status(&notice(outcome), None).expect("a status")["state"].clone();
        let all = [Outcome::Pending, Outcome::Good, Outcome::Bad, Outcome::Refused].map(state);
        assert_eq!(all, ["pending", "success", "failure", "error"]);
    }
}
