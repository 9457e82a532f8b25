//! The report as metrics, for the textfile collector of Prometheus' node exporter: gauges of epoch seconds without timestamps, so
//! that the age is computed where it is looked at, and grows when the job is gone.

use std::fmt::Write as _;

use time::OffsetDateTime;

use crate::model::identity::Mfa;
use crate::report::{OutcomeName, Report, Row};

/// One metric with its samples.
struct Metric {
    name: &'static str,
    help: &'static str,
    samples: Samples,
}

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for metric in metrics(report).into_iter().filter(|metric| !metric.samples.is_empty()) {
        let Metric { name, help, samples } = metric;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}

type Samples = Vec<(Vec<(&'static str, String)>, i64)>;

fn metrics(report: &Report) -> Vec<Metric> {
    let mut metrics = of_tokens(report);
    metrics.extend(of_the_run(report));
    metrics
}

fn of_tokens(report: &Report) -> Vec<Metric> {
    let tokens = |value: &dyn Fn(&Row) -> Option<i64>| -> Samples {
        report.tokens.iter().filter_map(|row| Some((labels(row), value(row)?))).collect()
    };
    let failed = |row: &Row| {
        let kind = row.failure.as_ref()?.kind.clone();
        Some(([labels(row), vec![("kind", kind)]].concat(), 1))
    };
    vec![
        Metric {
            name: "rotator_token_expiry_timestamp_seconds",
            help: "When the refresh token dies unless it is renewed.",
            samples: tokens(&|row| seconds(row.expires_at)),
        },
        Metric {
            name: "rotator_token_issued_timestamp_seconds",
            help: "When the refresh token was issued.",
            samples: tokens(&|row| seconds(row.issued_at)),
        },
        Metric {
            name: "rotator_token_needs_person",
            help: "Whether a person must act for the token.",
            samples: tokens(&|row| Some(i64::from(row.is_critical()))),
        },
        Metric {
            name: "rotator_token_failure",
            help: "Why the token failed or was held in this run.",
            samples: report.tokens.iter().filter_map(failed).collect(),
        },
        Metric {
            name: "rotator_token_mfa",
            help: "Whether the sign-in had MFA, where the access token says it.",
            samples: tokens(&|row| (row.mfa != Mfa::Unknown).then(|| i64::from(row.mfa == Mfa::Yes))),
        },
        Metric {
            name: "rotator_token_versions",
            help: "How many versions the secret has.",
            samples: tokens(&|row| row.versions.map(whole)),
        },
    ]
}

fn of_the_run(report: &Report) -> Vec<Metric> {
    let apps = report.apps.iter().filter_map(|app| Some((vec![("app", app.name.clone())], seconds(app.expires_at)?)));
    let count = |name| whole(report.tokens.iter().filter(|row| row.outcome == name).count());
    let counts = OUTCOMES.map(|name| (vec![("outcome", name.as_str().to_owned())], count(name)));
    let run = |value: i64| vec![(Vec::new(), value)];
    vec![
        Metric {
            name: "rotator_app_credential_expiry_timestamp_seconds",
            help: "When the client secret or certificate of the app registration ends.",
            samples: apps.collect(),
        },
        Metric { name: "rotator_run_tokens", help: "How many tokens had which outcome.", samples: counts.into() },
        Metric {
            name: "rotator_run_finished_timestamp_seconds",
            help: "When the run ended.",
            samples: run(report.finished.unix_timestamp()),
        },
        Metric {
            name: "rotator_run_exit_code",
            help: "0 every token is safe, 3 a person must act, 4 try again later.",
            samples: run(report.summary.exit_code.into()),
        },
        Metric {
            name: "rotator_run_receivers_not_told",
            help: "How many receivers of alerts could not be told.",
            samples: run(whole(report.notify_failed.len())),
        },
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

fn labels(row: &Row) -> Vec<(&'static str, String)> {
    vec![("token", row.name.clone()), ("vault", row.vault.clone()), ("secret", row.secret.clone())]
}

/// The text format's own escapes (`prometheus.io/docs/instrumenting/exposition_formats`).
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
