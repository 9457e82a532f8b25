//! The rules of one token, from its own table, `[defaults]`, and the standard.

use std::time::Duration;

use crate::config::fault::{Path, path};
use crate::config::resolve::Resolver;
use crate::config::table::{Auto, ProbeKind, RequireMfa, TokenTable, VerifyKind};
use crate::model::policy::{Policy, Probe, Verify};

impl Resolver<'_> {
    pub(super) fn policy(
        &mut self,
        index: &str,
        table: &TokenTable,
        defaults: &TokenTable,
        scope: &str,
    ) -> Option<Policy> {
        let faults_before = self.faults.len();
        let standard = Policy::default();
        let mut duration = |key, own: &Option<String>, default: &Option<String>, standard| {
            self.duration(index, key, own.as_ref(), default.as_ref(), standard)
        };
        let policy = Policy {
            rotate_after: duration("rotate_after", &table.rotate_after, &defaults.rotate_after, standard.rotate_after),
            expire_after: duration("expire_after", &table.expire_after, &defaults.expire_after, standard.expire_after),
            warn_before: duration("warn_before", &table.warn_before, &defaults.warn_before, standard.warn_before),
            critical_before: duration(
                "critical_before",
                &table.critical_before,
                &defaults.critical_before,
                standard.critical_before,
            ),
            grace: duration("grace", &table.grace, &defaults.grace, standard.grace),
            reconsent_after: table
                .reconsent_after
                .as_ref()
                .or(defaults.reconsent_after.as_ref())
                .map(|_| duration("reconsent_after", &table.reconsent_after, &defaults.reconsent_after, Duration::MAX)),
            probe: table.probe.or(defaults.probe).map_or(standard.probe, probe),
            verify: table.verify.or(defaults.verify).map_or(standard.verify, verify),
            require_mfa: require_mfa(table.require_mfa.or(defaults.require_mfa), scope),
            keep_versions: table.keep_versions.or(defaults.keep_versions).unwrap_or(standard.keep_versions),
        };
        if self.faults.len() > faults_before {
            return None;
        }
        for disorder in policy.check() {
            let own = disorder.keys().iter().find(|key| has(table, key)).map(|key| place_of(index, key, true));
            let default =
                || disorder.keys().iter().find(|key| has(defaults, key)).map(|key| place_of(index, key, false));
            let at = own.or_else(default).unwrap_or_else(|| path(&["token", index]));
            let at: Vec<&str> = at.iter().map(String::as_str).collect();
            self.fault(
                &at,
                disorder.to_string(),
                "the defaults are 7d, 90d, 30d, 14d: change the one that is out of order",
            );
        }
        (self.faults.len() == faults_before).then_some(policy)
    }

    fn duration(
        &mut self,
        index: &str,
        key: &str,
        own: Option<&String>,
        default: Option<&String>,
        standard: Duration,
    ) -> Duration {
        let Some(text) = own.or(default) else { return standard };
        if let Ok(duration) = humantime::parse_duration(text) {
            return duration;
        }
        // The parser's own message quotes the text, which may be a secret in the wrong place.
        let at = place_of(index, key, own.is_some());
        let at: Vec<&str> = at.iter().map(String::as_str).collect();
        let fix = format!("write it as {key} = \"7d\" or \"36h\"");
        self.fault(&at, format!("`{key}` is not a duration"), fix);
        standard
    }
}

/// A key stands in the token's own table or in `[defaults]`.
fn place_of(index: &str, key: &str, own: bool) -> Path {
    if own { path(&["token", index, key]) } else { path(&["defaults", key]) }
}

fn has(table: &TokenTable, key: &str) -> bool {
    match key {
        "rotate_after" => table.rotate_after.is_some(),
        "expire_after" => table.expire_after.is_some(),
        "warn_before" => table.warn_before.is_some(),
        "critical_before" => table.critical_before.is_some(),
        _ => table.keep_versions.is_some(),
    }
}

fn probe(kind: ProbeKind) -> Probe {
    match kind {
        ProbeKind::EveryRun => Probe::EveryRun,
        ProbeKind::Never => Probe::Never,
    }
}

fn verify(kind: VerifyKind) -> Verify {
    match kind {
        VerifyKind::Redeem => Verify::Redeem,
        VerifyKind::Claims => Verify::Claims,
    }
}

/// Partner Center wants MFA (learn.microsoft.com/partner-center/security/partner-security-requirements).
fn require_mfa(setting: Option<RequireMfa>, scope: &str) -> bool {
    match setting {
        Some(RequireMfa::Plain(required)) => required,
        Some(RequireMfa::Auto(Auto::Auto)) | None => scope.contains("partnercenter"),
    }
}
