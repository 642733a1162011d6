//! `driftless endpoints`: what each endpoint can do with each setting.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::session::{Failed, complain, connect_unlearned};
use super::{CANNOT_TELL, ConfigArgs, IN_SYNC, print_findings, status};
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::capability::{Ability, EndpointCard, Evidence, SettingCard, as_a_store_means_it, evidence};
use crate::clock::{Clock, SystemClock};
use crate::cloud::read_only::ReadOnly;
use crate::cloud::{Cloud, Presence, Target};
use crate::config::Override;
use crate::settings::SETTINGS;

/// Shows which settings each endpoint has, lacks, or has not shown yet, as the running daemon
/// learned it; or asks one bucket itself.
///
/// Ends with 0, or with 1 when it could not be told: with `--probe`, when one setting could not.
#[derive(Debug, clap::Args)]
pub struct EndpointsArgs {
    /// Asks this bucket for every setting, and no daemon. It is only read.
    #[arg(long, value_name = "BUCKET")]
    pub probe: Option<String>,
    /// The account of the bucket to ask; the only one, or the one called `default`, else.
    #[arg(long, value_name = "NAME", requires = "probe")]
    pub account: Option<String>,
    /// The address of an S3-compatible store, for the only account; turns path style on.
    #[arg(long, value_name = "URL", requires = "probe")]
    pub endpoint: Option<String>,
    /// The daemon's address. Default: what the configuration says, where one is named, or
    /// 127.0.0.1:9464.
    #[arg(long, value_name = "HOST:PORT", env = "DRIFTLESS_ADDRESS")]
    pub address: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub output: TableOutput,
}

/// How to print a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Default)]
pub enum TableOutput {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
    /// For a page.
    Markdown,
}

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &EndpointsArgs) -> ExitCode {
    let found = match &args.probe {
        Some(bucket) => probe(config, args, bucket).await.map(|card| vec![card]),
        None => learned(config, args).await,
    };
    let Ok(endpoints) = found else { return ExitCode::from(CANNOT_TELL) };
    match args.output {
        TableOutput::Text => super::say(text(&endpoints).trim_end()),
        TableOutput::Json => super::say(format_args!("{:#}", json!({ "endpoints": endpoints }))),
        TableOutput::Markdown => super::say(markdown(&endpoints).trim_end()),
    }
    let open = endpoints.iter().flat_map(|it| &it.settings).any(|it| it.ability == Ability::NotYetKnown);
    ExitCode::from(if args.probe.is_some() && open { CANNOT_TELL } else { IN_SYNC })
}

async fn learned(config: &ConfigArgs, args: &EndpointsArgs) -> Result<Vec<EndpointCard>, Failed> {
    let address = status::address_of(config, args.address.as_deref())?;
    let mut answer = status::ask(&address, "/api/v1/endpoints").await?;
    serde_json::from_value(answer["endpoints"].take())
        .map_err(|_| complain(format!("what answers at {address} is another version of driftless"), None))
}

/// Asks one bucket for every setting, by GETs alone.
async fn probe(config: &ConfigArgs, args: &EndpointsArgs, bucket: &str) -> Result<EndpointCard, Failed> {
    let say = |path: &[&str], value: String| Override {
        path: path.iter().map(|step| (*step).to_owned()).collect(),
        value,
        from: "the command line".to_owned(),
    };
    let mut defaults = Vec::new();
    if config.config.is_none() {
        defaults.push(say(&["source", "dir"], ".".to_owned()));
    }
    if let Some(endpoint) = &args.endpoint {
        defaults.push(say(&["accounts"], format!("[{{endpoint: {}, pathStyle: true}}]", json!(endpoint))));
    }
    let config = config.load(&defaults).map_err(|findings| {
        print_findings(&findings);
        Failed
    })?;
    let name = BucketName::parse(bucket).map_err(|error| complain(&error.message, Some(&error.hint)))?;
    let account = match (&args.account, &config.accounts[..]) {
        (Some(said), accounts) => accounts.iter().find(|it| it.name.as_str() == said),
        (None, [only]) => Some(only),
        (None, several) => several.iter().find(|it| it.name == AccountName::default()),
    };
    let Some(account) = account else {
        let names: Vec<&str> = config.accounts.iter().map(|it| it.name.as_str()).collect();
        let hint = format!("name one of the configuration with --account: {}", names.join(", "));
        return Err(complain("no such account", Some(&hint)));
    };
    let progress = Progress::begin("connecting");
    let cloud = ReadOnly(connect_unlearned(&config, &CancellationToken::new()).await?);
    let mut target = Target { id: BucketId { account: account.name.clone(), name }, region: account.region.clone() };
    match cloud.head(&target).await {
        Ok(Presence::Here(Some(region))) => target.region = region,
        Ok(Presence::Here(None)) => {}
        Ok(Presence::Missing | Presence::Foreign) => {
            return Err(complain(format!("no bucket `{bucket}` of account `{}`", account.name), None));
        }
        Err(error) => return Err(complain(&error, error.hint().as_deref())),
    }
    progress.doing("asking for settings");
    let tell = |done, total| progress.count(done, total);
    Ok(asked(&cloud, &target, account.endpoint.clone(), tell).await)
}

/// What one bucket answers to a read of every setting; `tell` hears how many of how many were read.
pub async fn asked(
    cloud: &dyn Cloud,
    target: &Target,
    address: Option<String>,
    tell: impl Fn(u64, u64),
) -> EndpointCard {
    let mut settings = Vec::with_capacity(SETTINGS.len());
    for (done, setting) in (0_u64..).zip(SETTINGS) {
        tell(done, SETTINGS.len() as u64);
        let mut answer = cloud.read(target, setting.name()).await;
        if address.is_some() {
            answer = answer.map_err(as_a_store_means_it);
        }
        let ability = match evidence(&answer) {
            Evidence::Has => Ability::Supported,
            Evidence::Lacks => Ability::Unsupported,
            Evidence::Silent => Ability::NotYetKnown,
        };
        settings.push(SettingCard {
            setting: setting.name().to_owned(),
            ability,
            answer: Some(match answer {
                Ok(_) => format!("`{}` answered", target.id.name),
                Err(error) => error.to_string(),
            }),
            learned_at: Some(SystemClock.now()),
            asked_again_at: None,
        });
    }
    EndpointCard { account: target.id.account.clone(), region: target.region.clone(), address, settings }
}

fn title(endpoint: &EndpointCard) -> String {
    format!("{} {} ({})", endpoint.account, endpoint.region, endpoint.address.as_deref().unwrap_or("AWS"))
}

/// The words of a setting, one an endpoint.
fn words(endpoints: &[EndpointCard], setting: &str) -> Vec<&'static str> {
    let of = |it: &EndpointCard| it.settings.iter().find(|it| it.setting == setting).map(|it| it.ability);
    endpoints.iter().map(|it| of(it).unwrap_or(Ability::NotYetKnown).word()).collect()
}

/// By which answers it was learned that something is missing, or why it is not known.
fn reasons(endpoint: &EndpointCard) -> Vec<String> {
    let open = endpoint.settings.iter().filter(|it| it.ability != Ability::Supported);
    open.filter_map(|it| {
        let (answer, at) = (it.answer.as_ref()?, it.learned_at?);
        let again = it.asked_again_at.map_or(String::new(), |at| format!("; asked again after {}", moment(at)));
        Some(format!("{}: {answer}, {}{again}", it.setting, moment(at)))
    })
    .collect()
}

fn moment(at: crate::clock::Timestamp) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

/// The table for people.
pub fn text(endpoints: &[EndpointCard]) -> String {
    if endpoints.is_empty() {
        return "no endpoint has answered yet\n".to_owned();
    }
    let mut text = String::new();
    let width = SETTINGS.iter().map(|it| it.name().len()).max().unwrap_or_default();
    let column = |it: &EndpointCard| title(it).len().max(Ability::NotYetKnown.word().len());
    let mut line = |first: &str, cells: Vec<String>| {
        let mut line = format!("{first:width$}");
        for (cell, endpoint) in cells.iter().zip(endpoints) {
            let _ = write!(line, "  {cell:0$}", column(endpoint));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    };
    line("", endpoints.iter().map(title).collect());
    for setting in SETTINGS {
        line(setting.name(), words(endpoints, setting.name()).into_iter().map(str::to_owned).collect());
    }
    for endpoint in endpoints {
        let reasons = reasons(endpoint);
        if !reasons.is_empty() {
            let _ = writeln!(text, "\n{}", title(endpoint));
            for reason in reasons {
                let _ = writeln!(text, "  {reason}");
            }
        }
    }
    text
}

/// The table for a page.
pub fn markdown(endpoints: &[EndpointCard]) -> String {
    let mut text = "| Setting |".to_owned();
    // What comes from elsewhere must not end a cell.
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for endpoint in endpoints {
        let _ = write!(text, " {} |", cell(&title(endpoint)));
    }
    text.push_str("\n| --- |");
    endpoints.iter().for_each(|_| text.push_str(" --- |"));
    text.push('\n');
    for setting in SETTINGS {
        let _ = write!(text, "| `{}` |", setting.name());
        for word in words(endpoints, setting.name()) {
            let _ = write!(text, " {word} |");
        }
        text.push('\n');
    }
    for endpoint in endpoints {
        for reason in reasons(endpoint) {
            let _ = write!(text, "\n- {}: {}", cell(&title(endpoint)), cell(&reason));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Region;

    fn endpoint(address: Option<&str>, ability: Ability) -> EndpointCard {
        let at = Some("2026-11-22T12:00:00Z".parse().expect("a moment"));
        let answer = Some("`data` answered GetBucketCors: a|b (status 501)".to_owned());
        let cors = SettingCard { setting: "cors".to_owned(), ability, answer, learned_at: at, asked_again_at: at };
        EndpointCard {
            account: AccountName::default(),
            region: Region::us_east_1(),
            address: address.map(str::to_owned),
            settings: vec![cors],
        }
    }

    #[test]
    fn the_table_has_settings_down_endpoints_across_and_says_why_something_is_missing() {
        let both = [endpoint(None, Ability::Supported), endpoint(Some("http://a"), Ability::Unsupported)];
        let text = text(&both);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("  default us-east-1 (AWS)  default us-east-1 (http://a)"), "{}", lines[0]);
        let cors = lines.iter().find(|line| line.starts_with("cors ")).expect("a line");
        assert_eq!(cors.split_whitespace().collect::<Vec<_>>(), ["cors", "supported", "unsupported"]);
        let end = "\ndefault us-east-1 (http://a)\n  cors: `data` answered GetBucketCors: a|b (status 501), 2026-11-22 \
                   12:00 UTC; asked again after 2026-11-22 12:00 UTC\n";
        assert!(text.ends_with(end), "{text}");
        assert_eq!(super::text(&[]), "no endpoint has answered yet\n");
    }

    #[test]
    fn a_page_gets_a_table_that_nothing_from_a_store_can_break() {
        let text = markdown(&[endpoint(Some("http://a"), Ability::Unsupported)]);
        assert!(text.starts_with("| Setting | default us-east-1 (http://a) |\n| --- | --- |\n"), "{text}");
        assert!(
            text.contains("\n| `cors` | unsupported |\n| ") || text.contains("\n| `cors` | unsupported |\n\n"),
            "{text}"
        );
        assert!(text.contains("GetBucketCors: a\\|b (status 501)"), "{text}");
    }
}
