//! Where messages go that are no chat and no mail: the statuses of commits, and SNS (pure).

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::notifications::{NotificationConfig, address, secret};
use crate::bucket::Region;

/// The statuses of commits on GitHub, or on a GitHub Enterprise Server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GithubConfig {
    /// `owner/name`.
    pub repository: String,
    /// A file that holds a token that may write commit statuses of the repository.
    pub token_file: Option<PathBuf>,
    /// The name of an environment variable that holds the token.
    pub token_env: Option<String>,
    /// The address of the API; `https://github.example.com/api/v3` of a server of one's own.
    #[serde(default = "github_url")]
    pub url: String,
    /// By what the status is called; `driftless: ` and the agent's page or source when nothing is said.
    /// Two agents with one repository need two.
    #[schemars(length(min = 1, max = 200))]
    pub context: Option<String>,
}

/// The statuses of commits on GitLab.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitlabConfig {
    /// `group/name`, or the number of the project.
    pub project: String,
    /// A file that holds a token with the scope `api` and the role Developer.
    pub token_file: Option<PathBuf>,
    /// The name of an environment variable that holds the token.
    pub token_env: Option<String>,
    /// The address of the API; `https://gitlab.example.com/api/v4` of a server of one's own.
    #[serde(default = "gitlab_url")]
    pub url: String,
    /// By what the status is called; `driftless: ` and the agent's page or source when nothing is said.
    /// Two agents with one project need two.
    #[schemars(length(min = 1, max = 200))]
    pub context: Option<String>,
}

/// A topic of AWS SNS. Who speaks is found as for an account.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnsConfig {
    /// The ARN of the topic. Its region is asked.
    pub topic_arn: String,
    /// Another address than AWS's: of a VPC endpoint, or of a server for tests.
    pub endpoint: Option<String>,
    /// A profile of the shared AWS configuration files.
    pub profile: Option<String>,
    /// The ARN of the role to assume. It needs `sns:Publish` on the topic.
    pub role: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
}

fn github_url() -> String {
    "https://api.github.com".to_owned()
}

fn gitlab_url() -> String {
    "https://gitlab.com/api/v4".to_owned()
}

impl SnsConfig {
    /// The region of the topic.
    pub fn region(&self) -> Option<Region> {
        let mut parts = self.topic_arn.split(':');
        let (arn, _partition, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (account, topic) = (parts.next()?, parts.next()?);
        let whole = arn == "arn" && service == "sns" && !account.is_empty() && !topic.is_empty();
        (whole && parts.next().is_none()).then(|| Region::parse(region).ok())?
    }

    /// Whether the topic keeps an order, and wants to be told which.
    pub fn is_fifo(&self) -> bool {
        self.topic_arn.ends_with(".fifo")
    }
}

/// Says a fault at a JSON pointer, with a hint.
type Say<'a> = dyn FnMut(&str, String, Option<String>) + 'a;

impl NotificationConfig {
    /// Whether it is the status of commits, which tells how revisions come out and nothing else.
    pub fn tells_commits(&self) -> bool {
        self.github.is_some() || self.gitlab.is_some()
    }
}

/// What a schema cannot say.
pub(super) fn check(sink: &NotificationConfig, at: &str, say: &mut Say<'_>) {
    if let Some(it) = &sink.github {
        github(it, &format!("{at}/github"), say);
    }
    if let Some(it) = &sink.gitlab {
        gitlab(it, &format!("{at}/gitlab"), say);
    }
    if let Some(it) = &sink.sns {
        sns(it, &format!("{at}/sns"), say);
    }
    if sink.tells_commits() && !sink.when.is_empty() {
        let hint = "leave `when` out: it tells how each revision comes out, and nothing else".to_owned();
        say(&format!("{at}/when"), "the status of a commit has no rules".to_owned(), Some(hint));
    }
}

fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text != "." && text != ".." && text.chars().all(legal)
}

fn github(it: &GithubConfig, at: &str, say: &mut Say<'_>) {
    let parts: Vec<&str> = it.repository.split('/').collect();
    if parts.len() != 2 || !parts.iter().all(|part| is_name(part)) {
        let hint = "write `owner/name`, as in the address of its page".to_owned();
        let message = format!("`{}` is no repository", it.repository.escape_debug());
        say(&format!("{at}/repository"), message, Some(hint));
    }
    address(&it.url, &format!("{at}/url"), say);
    secret(at, "token", &it.token_file, &it.token_env, say);
}

fn gitlab(it: &GitlabConfig, at: &str, say: &mut Say<'_>) {
    let number = it.project.chars().all(|c| c.is_ascii_digit()) && !it.project.is_empty();
    let path = it.project.contains('/') && it.project.split('/').all(is_name);
    if !number && !path {
        let hint = "write `group/name`, as in the address of its page, or its number".to_owned();
        say(&format!("{at}/project"), format!("`{}` is no project", it.project.escape_debug()), Some(hint));
    }
    address(&it.url, &format!("{at}/url"), say);
    secret(at, "token", &it.token_file, &it.token_env, say);
}

fn sns(it: &SnsConfig, at: &str, say: &mut Say<'_>) {
    if it.region().is_none() {
        let hint = "write `arn:aws:sns:REGION:ACCOUNT:TOPIC`".to_owned();
        let message = format!("`{}` is no ARN of a topic", it.topic_arn.escape_debug());
        say(&format!("{at}/topicArn"), message, Some(hint));
    }
    if let Some(endpoint) = &it.endpoint {
        address(endpoint, &format!("{at}/endpoint"), say);
    }
    if it.external_id.is_some() && it.role.is_none() {
        say(at, "`externalId` without `role`".to_owned(), Some("name the role that asks for it".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    fn faults(text: &str) -> Vec<String> {
        let text = format!("source: {{git: {{url: /specs}}}}\nnotifications:\n{text}");
        let read = super::super::parse("driftless.yaml", &text, &[]);
        read.err().into_iter().flatten().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn what_can_be_meant_is_taken() {
        let text = "\
- {name: hub, github: {repository: example/buckets, tokenEnv: T}}
- {name: lab, gitlab: {project: platform/storage/buckets, tokenFile: /t, url: \"https://git.example.com/api/v4\"}}
- {name: number, gitlab: {project: \"42\", tokenFile: /t, context: staging}}
- {name: topic, sns: {topicArn: \"arn:aws:sns:eu-central-1:123456789012:drift.fifo\", role: r, externalId: e}}
";
        assert_eq!(faults(text), Vec::<String>::new());
    }

    #[test]
    fn every_mistake_is_said_with_its_place() {
        let text = "\
- {name: hub, github: {repository: \"https://github.com/example/buckets\"}}
- {name: lab, gitlab: {project: buckets, tokenFile: /t, tokenEnv: T, url: \"http://git.example.com\"}}
- {name: dots, gitlab: {project: ../user, tokenFile: /t}}
- {name: topic, sns: {topicArn: \"arn:aws:sqs:eu-central-1:123456789012:drift\", externalId: e}}
- {name: rule, github: {repository: a/b, tokenEnv: T}, when: [{severity: high}]}
";
        assert_eq!(
            faults(text),
            [
                "driftless.yaml:3:15: neither `tokenFile` nor `tokenEnv`\n\
                 hint: name one: secrets stand in a file or a variable, never here",
                "driftless.yaml:3:24: `https://github.com/example/buckets` is no repository\n\
                 hint: write `owner/name`, as in the address of its page",
                "driftless.yaml:4:15: both `tokenFile` and `tokenEnv`\n\
                 hint: name one: secrets stand in a file or a variable, never here",
                "driftless.yaml:4:24: `buckets` is no project\n\
                 hint: write `group/name`, as in the address of its page, or its number",
                "driftless.yaml:4:70: plain http to another machine\n\
                 hint: write `https://…`; http is for this machine alone",
                "driftless.yaml:5:25: `../user` is no project\n\
                 hint: write `group/name`, as in the address of its page, or its number",
                "driftless.yaml:6:17: `externalId` without `role`\nhint: name the role that asks for it",
                "driftless.yaml:6:23: `arn:aws:sqs:eu-central-1:123456789012:drift` is no ARN of a topic\n\
                 hint: write `arn:aws:sns:REGION:ACCOUNT:TOPIC`",
                "driftless.yaml:7:56: the status of a commit has no rules\n\
                 hint: leave `when` out: it tells how each revision comes out, and nothing else",
            ]
        );
    }

    #[test]
    fn a_folder_has_no_commits() {
        let text = "source: {dir: .}\nnotifications: [{name: hub, github: {repository: a/b, tokenEnv: T}}]";
        let faults = super::super::parse("driftless.yaml", text, &[]).expect_err("a fault");
        assert_eq!(
            faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["driftless.yaml:2:17: a folder has no commits whose status could be told\n\
                 hint: commit statuses need `source.git`"]
        );
    }
}
