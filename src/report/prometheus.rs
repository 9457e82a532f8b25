//! The report as metrics, for the textfile collector of Prometheus' node exporter: gauges of epoch seconds without timestamps, so
//! that the age is computed where it is looked at, and grows when the job is gone.
//!
//! A file of metrics is written anew each time. What this report does not know stays as it was there: how old a token is whose vault
//! cannot be reached, the tokens that `--only` left out, and when the last run was.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::model::identity::Mfa;
use crate::model::target::Target;
use crate::report::{OutcomeName, Report, Row};

/// One metric with its samples.
struct Metric {
    name: &'static str,
    help: &'static str,
    stays: Stays,
    samples: Vec<Sample>,
}

/// What of a metric outlives a report that does not have it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stays {
    /// What was known of a token or an app.
    Known,
    /// What was found of tokens that this report says less of.
    OfOthers,
    /// What is of whole runs.
    OfRuns,
}

/// A value, and what it is about as labels.
struct Sample {
    labels: String,
    value: i64,
}

/// Everything that the configuration names, as labels.
#[derive(Debug)]
pub struct Known(HashSet<String>);

impl Known {
    #[must_use]
    pub fn of(targets: &[Arc<Target>]) -> Self {
        let tokens = targets.iter().map(|target| token(&target.name, target.vault.url.host(), target.secret.as_str()));
        Self(tokens.chain(targets.iter().map(|target| app(&target.app.name))).collect())
    }
}

pub(super) fn render(report: &Report) -> String {
    written(metrics(report))
}

/// The metrics of a report, with what stays of those in `before`.
#[must_use]
pub fn merged(report: &Report, before: &str, known: &Known) -> String {
    let before: HashMap<&str, Vec<(&str, i64)>> = read(before);
    let mine: HashSet<String> = report.tokens.iter().filter(|row| !row.aside.looked_at).map(of).collect();
    let quiet: HashSet<String> = report.tokens.iter().filter(|row| row.aside.quiet).map(of).collect();
    let mut metrics = metrics(report);
    for metric in &mut metrics {
        let stays = |labels: &str| {
            let subject = subject(labels);
            match metric.stays {
                Stays::Known => known.0.contains(subject) && !quiet.contains(subject),
                Stays::OfOthers => known.0.contains(subject) && !mine.contains(subject),
                Stays::OfRuns => !report.is_whole_run,
            }
        };
        let was =
            |sample: &Sample| before.get(metric.name).into_iter().flatten().any(|(labels, _)| *labels == sample.labels);
        // A look at metadata does not know better than the run before it that all is well.
        if metric.stays == Stays::OfOthers {
            metric.samples.retain(|sample| sample.value != 0 || mine.contains(&sample.labels) || !was(sample));
        }
        let new: HashSet<String> = metric.samples.iter().map(|sample| sample.labels.clone()).collect();
        let old = before.get(metric.name).into_iter().flatten();
        let old = old.filter(|(labels, _)| !new.contains(*labels) && stays(labels));
        let old: Vec<Sample> =
            old.map(|(labels, value)| Sample { labels: (*labels).to_owned(), value: *value }).collect();
        metric.samples.extend(old);
    }
    written(metrics)
}

fn written(metrics: Vec<Metric>) -> String {
    let mut text = String::new();
    for Metric { name, help, samples, .. } in metrics.into_iter().filter(|metric| !metric.samples.is_empty()) {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for Sample { labels, value } in samples {
            let _ = match labels.as_str() {
                "" => writeln!(text, "{name} {value}"),
                labels => writeln!(text, "{name}{{{labels}}} {value}"),
            };
        }
    }
    text
}

/// The samples of a file that was written here, by the name of their metric.
fn read(text: &str) -> HashMap<&str, Vec<(&str, i64)>> {
    let mut all: HashMap<&str, Vec<(&str, i64)>> = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((key, value)) = line.rsplit_once(' ') else { continue };
        let (name, labels) = key.strip_suffix('}').and_then(|key| key.split_once('{')).unwrap_or((key, ""));
        if let Ok(value) = value.parse() {
            all.entry(name).or_default().push((labels, value));
        }
    }
    all
}

/// The token or app that labels are about, without what is said of it.
fn subject(labels: &str) -> &str {
    labels.split_once(",kind=\"").map_or(labels, |(subject, _)| subject)
}

fn metrics(report: &Report) -> Vec<Metric> {
    let mut metrics = of_tokens(report);
    metrics.extend(of_apps_and_runs(report));
    metrics
}

fn of_tokens(report: &Report) -> Vec<Metric> {
    let tokens = |value: &dyn Fn(&Row) -> Option<i64>| -> Vec<Sample> {
        report.tokens.iter().filter_map(|row| Some(Sample { labels: of(row), value: value(row)? })).collect()
    };
    let spoken_of = |row: &Row| !row.aside.quiet;
    let failed = |row: &Row| {
        let kind = &row.failure.as_ref()?.kind;
        Some(Sample { labels: format!("{},kind=\"{}\"", of(row), escaped(kind)), value: 1 })
    };
    vec![
        Metric {
            name: "rotator_token_expiry_timestamp_seconds",
            help: "When the refresh token dies unless it is renewed.",
            stays: Stays::Known,
            samples: tokens(&|row| seconds(row.expires_at).filter(|_| spoken_of(row))),
        },
        Metric {
            name: "rotator_token_issued_timestamp_seconds",
            help: "When the refresh token was issued.",
            stays: Stays::Known,
            samples: tokens(&|row| seconds(row.issued_at).filter(|_| spoken_of(row))),
        },
        Metric {
            name: "rotator_token_needs_person",
            help: "Whether a person must act for the token.",
            stays: Stays::OfOthers,
            samples: tokens(&|row| Some(i64::from(row.is_critical()))),
        },
        Metric {
            name: "rotator_token_failure",
            help: "Why the token failed or was held when it was last looked at.",
            stays: Stays::OfOthers,
            samples: report.tokens.iter().filter_map(failed).collect(),
        },
        Metric {
            name: "rotator_token_mfa",
            help: "Whether the sign-in had MFA, where the access token says it.",
            stays: Stays::Known,
            samples: tokens(&|row| (row.mfa != Mfa::Unknown).then(|| i64::from(row.mfa == Mfa::Yes))),
        },
        Metric {
            name: "rotator_token_versions",
            help: "How many versions the secret has.",
            stays: Stays::Known,
            samples: tokens(&|row| row.versions.map(whole)),
        },
    ]
}

fn of_apps_and_runs(report: &Report) -> Vec<Metric> {
    let ends = |row: &super::AppRow| Some(Sample { labels: app(&row.name), value: seconds(row.expires_at)? });
    let count = |name| whole(report.tokens.iter().filter(|row| row.outcome == name).count());
    let counts = OUTCOMES.map(|name| Sample { labels: format!("outcome=\"{}\"", name.as_str()), value: count(name) });
    let run = |samples: Vec<Sample>| if report.is_whole_run { samples } else { Vec::new() };
    let one = |value: i64| run(vec![Sample { labels: String::new(), value }]);
    let of_runs = |name, help, samples| Metric { name, help, stays: Stays::OfRuns, samples };
    vec![
        Metric {
            name: "rotator_app_credential_expiry_timestamp_seconds",
            help: "When the client secret or certificate of the app registration ends.",
            stays: Stays::Known,
            samples: report.apps.iter().filter_map(ends).collect(),
        },
        of_runs("rotator_run_tokens", "How many tokens had which outcome in the last run.", run(counts.into())),
        of_runs(
            "rotator_run_finished_timestamp_seconds",
            "When the last run ended.",
            one(report.finished.unix_timestamp()),
        ),
        of_runs(
            "rotator_run_exit_code",
            "0 every token is safe, 3 a person must act, 4 try again later.",
            one(report.summary.exit_code.into()),
        ),
        of_runs(
            "rotator_run_receivers_not_told",
            "How many receivers of alerts could not be told by the last run.",
            one(whole(report.notify_failed.len())),
        ),
    ]
}

const OUTCOMES: [OutcomeName; 6] = [
    OutcomeName::Rotated,
    OutcomeName::Probed,
    OutcomeName::Held,
    OutcomeName::Superseded,
    OutcomeName::Recovered,
    OutcomeName::Failed,
];

fn seconds(at: Option<OffsetDateTime>) -> Option<i64> {
    at.map(OffsetDateTime::unix_timestamp)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn of(row: &Row) -> String {
    token(&row.name, &row.vault, &row.secret)
}

fn token(name: &str, vault: &str, secret: &str) -> String {
    format!("token=\"{}\",vault=\"{}\",secret=\"{}\"", escaped(name), escaped(vault), escaped(secret))
}

fn app(name: &str) -> String {
    format!("app=\"{}\"", escaped(name))
}

/// The text format's own escapes (`prometheus.io/docs/instrumenting/exposition_formats`).
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
