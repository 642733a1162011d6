//! The rules by name: how bad, after how long, in which words. `tests/it/watch/pushed.rs` holds them
//! against `deploy/prometheus/rules.yml`.

use std::time::Duration;

use super::Labels;

/// What can be wrong, one for each alert of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // Each has a section in docs/operations.md.
pub enum Rule {
    BucketPublicDrift,
    BucketDrifted,
    DriftOccurred,
    PolicyUnknown,
    RepairFailing,
    Fight,
    SuspendedTooLong,
    ExemptionExpiring,
    SourceStale,
    SourceHeld,
    SpecErrors,
    BreakerOpen,
    SweepStuck,
    SweepMissing,
    AwsThrottled,
    HistoryDegraded,
    NotificationFailing,
    NotificationDropped,
    TaskPanicked,
    Watchdog,
}

/// Which of the labels that Prometheus itself adds the alerts of a rule have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `job` and `instance`.
    Instance,
    /// `job`, as the rule sums over instances.
    Job,
    /// None.
    World,
}

impl Scope {
    /// Whether its alerts have a label that the configuration adds.
    pub fn has(self, label: &str) -> bool {
        match label {
            "job" => self != Self::World,
            "instance" => self == Self::Instance,
            _ => true,
        }
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

impl Rule {
    /// All of them, in the order of the file.
    pub const ALL: [Self; 20] = [
        Self::BucketPublicDrift,
        Self::BucketDrifted,
        Self::DriftOccurred,
        Self::PolicyUnknown,
        Self::RepairFailing,
        Self::Fight,
        Self::SuspendedTooLong,
        Self::ExemptionExpiring,
        Self::SourceStale,
        Self::SourceHeld,
        Self::SpecErrors,
        Self::BreakerOpen,
        Self::SweepStuck,
        Self::SweepMissing,
        Self::AwsThrottled,
        Self::HistoryDegraded,
        Self::NotificationFailing,
        Self::NotificationDropped,
        Self::TaskPanicked,
        Self::Watchdog,
    ];

    /// The name of the alert, which is API.
    pub fn name(self) -> &'static str {
        match self {
            Self::BucketPublicDrift => "DriftlessBucketPublicDrift",
            Self::BucketDrifted => "DriftlessBucketDrifted",
            Self::DriftOccurred => "DriftlessDriftOccurred",
            Self::PolicyUnknown => "DriftlessPolicyUnknown",
            Self::RepairFailing => "DriftlessRepairFailing",
            Self::Fight => "DriftlessFight",
            Self::SuspendedTooLong => "DriftlessSuspendedTooLong",
            Self::ExemptionExpiring => "DriftlessExemptionExpiring",
            Self::SourceStale => "DriftlessSourceStale",
            Self::SourceHeld => "DriftlessSourceHeld",
            Self::SpecErrors => "DriftlessSpecErrors",
            Self::BreakerOpen => "DriftlessBreakerOpen",
            Self::SweepStuck => "DriftlessSweepStuck",
            Self::SweepMissing => "DriftlessSweepMissing",
            Self::AwsThrottled => "DriftlessAwsThrottled",
            Self::HistoryDegraded => "DriftlessHistoryDegraded",
            Self::NotificationFailing => "DriftlessNotificationFailing",
            Self::NotificationDropped => "DriftlessNotificationDropped",
            Self::TaskPanicked => "DriftlessTaskPanicked",
            Self::Watchdog => "Watchdog",
        }
    }

    /// How bad it is: `critical`, `warning`, `info`, or `none` for the one that always fires.
    pub fn severity(self) -> &'static str {
        match self {
            Self::BucketPublicDrift
            | Self::RepairFailing
            | Self::SourceHeld
            | Self::BreakerOpen
            | Self::SweepStuck
            | Self::SweepMissing => "critical",
            Self::BucketDrifted
            | Self::PolicyUnknown
            | Self::Fight
            | Self::SuspendedTooLong
            | Self::SourceStale
            | Self::SpecErrors
            | Self::AwsThrottled
            | Self::HistoryDegraded
            | Self::NotificationFailing
            | Self::NotificationDropped
            | Self::TaskPanicked => "warning",
            Self::DriftOccurred | Self::ExemptionExpiring => "info",
            Self::Watchdog => "none",
        }
    }

    /// How long it must have been so.
    pub fn after(self) -> Duration {
        Duration::from_secs(match self {
            Self::DriftOccurred | Self::NotificationDropped | Self::TaskPanicked | Self::Watchdog => 0,
            Self::BucketPublicDrift | Self::RepairFailing | Self::Fight | Self::SourceHeld | Self::BreakerOpen => {
                MINUTE
            }
            Self::SweepStuck => 5 * MINUTE,
            Self::SourceStale | Self::SweepMissing | Self::HistoryDegraded => 10 * MINUTE,
            Self::BucketDrifted | Self::SpecErrors | Self::AwsThrottled | Self::NotificationFailing => 15 * MINUTE,
            Self::PolicyUnknown => 30 * MINUTE,
            Self::ExemptionExpiring => HOUR,
            Self::SuspendedTooLong => 2 * HOUR,
        })
    }

    /// Which of Prometheus' labels its alerts have.
    pub fn scope(self) -> Scope {
        match self {
            Self::Watchdog => Scope::World,
            Self::DriftOccurred
            | Self::RepairFailing
            | Self::Fight
            | Self::AwsThrottled
            | Self::NotificationFailing
            | Self::NotificationDropped
            | Self::TaskPanicked => Scope::Job,
            _ => Scope::Instance,
        }
    }

    /// The section of `docs/operations.md` that says what to do.
    pub fn section(self) -> String {
        self.name().to_lowercase()
    }

    /// The dashboard that shows it, with its variables.
    pub fn dashboard(self, labels: &Labels) -> String {
        let of = |label: &str| labels.get(label).map_or("", String::as_str);
        match self {
            Self::BucketPublicDrift
            | Self::BucketDrifted
            | Self::PolicyUnknown
            | Self::SuspendedTooLong
            | Self::ExemptionExpiring
                if !of("bucket").is_empty() =>
            {
                format!("driftless-bucket?var-bucket={}&var-account={}", of("bucket"), of("account"))
            }
            // Where `metrics.detail` is `summary`, no bucket has a name, and its dashboard is empty.
            Self::BucketPublicDrift
            | Self::BucketDrifted
            | Self::PolicyUnknown
            | Self::SuspendedTooLong
            | Self::ExemptionExpiring
            | Self::DriftOccurred
            | Self::RepairFailing
            | Self::Fight => "driftless-fleet".to_owned(),
            _ => "driftless-agent".to_owned(),
        }
    }

    /// One line on what is wrong. `value` is the rule's number.
    pub fn summary(self, labels: &Labels, value: f64) -> String {
        let of = |label: &str| labels.get(label).map_or("", String::as_str);
        let (bucket, policy) = (of("bucket"), of("policy"));
        let a_bucket = if bucket.is_empty() { "A bucket".to_owned() } else { format!("Bucket {bucket}") };
        match self {
            Self::BucketPublicDrift => format!("{a_bucket} breaks the critical policy {policy}"),
            Self::BucketDrifted => format!("{a_bucket} is not as {policy} wants it"),
            Self::DriftOccurred => format!("Drift from {policy} was seen in the last hour"),
            Self::PolicyUnknown if bucket.is_empty() => format!("Nobody knows how a bucket stands to {policy}"),
            Self::PolicyUnknown => format!("Nobody knows how bucket {bucket} stands to {policy}"),
            Self::RepairFailing => format!("Repairs for {policy} fail"),
            Self::Fight => format!("Something writes drift from {policy} back"),
            Self::SuspendedTooLong => format!("Bucket {bucket} has been suspended for two hours"),
            Self::ExemptionExpiring => format!("The exemption of bucket {bucket} from {policy} ends soon"),
            Self::SourceStale => format!("The source {} does not answer", of("source")),
            Self::SourceHeld => format!("A new revision of {} is not obeyed", of("source")),
            Self::SpecErrors => format!("{value} fault(s) in the documents of {}", of("source")),
            Self::BreakerOpen => format!("Writes are held back: {}", of("reason")),
            Self::SweepStuck => "A sweep has been running for over ten minutes".to_owned(),
            Self::SweepMissing => "Nobody checks the buckets".to_owned(),
            Self::AwsThrottled => format!("S3 throttles account {}", of("account")),
            Self::HistoryDegraded => "The history cannot be written".to_owned(),
            Self::NotificationFailing => format!("Notifications by {} do not arrive", of("service")),
            Self::NotificationDropped => format!("A notification by {} was given up", of("service")),
            Self::TaskPanicked => "The check of a bucket failed by a fault of driftless".to_owned(),
            Self::Watchdog => "Alerts of driftless are evaluated".to_owned(),
        }
    }

    /// What it means. `value` is the rule's number.
    pub fn description(self, labels: &Labels, value: f64) -> String {
        let of = |label: &str| labels.get(label).map_or("", String::as_str);
        let (bucket, policy) = (of("bucket"), of("policy"));
        let buckets = if bucket.is_empty() { format!("{value} bucket(s)") } else { format!("Bucket {bucket}") };
        match self {
            Self::BucketPublicDrift => format!(
                "{buckets} may be open to people outside, and has not been repaired within a minute. Its page says why."
            ),
            Self::BucketDrifted => format!(
                "{buckets} has been drifted for 15 minutes: its repair is held or fails. Its page has the reason in one word."
            ),
            Self::DriftOccurred => format!(
                "{value:.0} time(s) a bucket was found other than {policy} wants it. It may be repaired already; \
                 `driftless history` says what it was."
            ),
            Self::PolicyUnknown => "What S3 would have to answer has not been readable for 30 minutes. Most often a \
                 permission is missing: the page names the IAM action."
                .to_owned(),
            Self::RepairFailing => format!(
                "{value:.0} write(s) in 15 minutes were refused by S3, or read back as something else. Drift stays open \
                 meanwhile."
            ),
            Self::Fight => "The same repair was needed again and again, so it was given up for now. Somebody else \
                 manages the setting."
                .to_owned(),
            Self::SuspendedTooLong => "Its spec pauses all writing to it. Drift is told and not repaired.".to_owned(),
            Self::ExemptionExpiring => format!(
                "It ends in {}; from then on the policy applies and the bucket may be changed.",
                for_people(value)
            ),
            Self::SourceStale => {
                "The last good revision stays in force, and nobody's commit takes effect. The page says \
                 what failed."
                    .to_owned()
            }
            Self::SourceHeld => {
                "Its history was rewritten, or most of its files are gone. The revision before it stays \
                 in force."
                    .to_owned()
            }
            Self::SpecErrors => {
                "A document with a fault has no effect; its last good form stays in force. The findings \
                 name file and line."
                    .to_owned()
            }
            Self::BreakerOpen => {
                "More would be changed than is allowed, or something writes back what is repaired.".to_owned()
            }
            Self::SweepStuck => {
                format!("It has been running for {}. Nothing else is checked until it ends.", for_people(value))
            }
            Self::SweepMissing => "driftless is not there, its sweep is overdue, or no sweep succeeds.".to_owned(),
            Self::AwsThrottled => format!(
                "S3 refuses {value:.2} requests a second. Sweeps take longer; other tools of the account suffer too."
            ),
            Self::HistoryDegraded => {
                "Entries wait in memory and are lost if the daemon ends. Repairs go on.".to_owned()
            }
            Self::NotificationFailing => "Attempts have been failing for a quarter of an hour. Messages wait and are \
                 tried again for as long as giveUpAfter says."
                .to_owned(),
            Self::NotificationDropped => {
                "Its receiver refused it, it was too old, or too many waited. Nobody was told; \
                 the log says of what."
                    .to_owned()
            }
            Self::TaskPanicked => "The other buckets go on. Report it with the log.".to_owned(),
            Self::Watchdog => "It always fires. Have whoever receives it miss it when it does not come.".to_owned(),
        }
    }
}

/// A number of seconds as Prometheus' `humanizeDuration` writes those of a second and more.
fn for_people(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest}s"),
        (0, _, _) => format!("{hours}h {minutes}m {rest}s"),
        _ => format!("{days}d {hours}h {minutes}m {rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_written_as_prometheus_does() {
        let all = [12.0, 61.0, 3600.0, 90_061.5].map(for_people);
        assert_eq!(all, ["12s", "1m 1s", "1h 0m 0s", "1d 1h 1m 1s"]);
    }
}
