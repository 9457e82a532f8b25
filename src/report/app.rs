//! App registrations of a report: when what they prove themselves with ends.

use std::collections::HashSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Expiries, Instant, seconds};
use crate::model::credential::renewal;
use crate::model::health::{self, Health};
use crate::model::target::Target;

/// An app registration of a report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AppRow {
    pub name: String,
    pub tenant_id: String,
    pub client_id: String,
    /// `client secret`, `certificate`, `federated credential`, or `none (public client)`.
    pub credential: String,
    /// When the client secret or certificate ends, as the certificate, the vault or the configuration says.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Instant>")]
    pub expires_at: Option<OffsetDateTime>,
    /// Whole days, rounded up.
    pub days_left: Option<i64>,
    /// By the thresholds of its tokens; `unknown` where nobody says when it ends; `fresh` where nothing ends.
    pub health: Health,
    /// Whether nobody says when it ends, though somebody was asked.
    #[serde(skip, default)]
    unknown: bool,
}

/// Each app once, in the order of its first token; judged by the most cautious of its tokens.
#[must_use]
pub fn rows(targets: &[Arc<Target>], expiries: &Expiries, now: OffsetDateTime) -> Vec<AppRow> {
    let mut seen = HashSet::new();
    let first = targets.iter().filter(|target| seen.insert(target.app.name.as_str()));
    let row = |target: &Arc<Target>| {
        let app = &target.app;
        let policies = || targets.iter().filter(|other| other.app.name == app.name).map(|other| &other.policy);
        let warn_before = policies().map(|policy| policy.warn_before).max().unwrap_or_default();
        let critical_before = policies().map(|policy| policy.critical_before).max().unwrap_or_default();
        let asked = expiries.get(&app.name).copied();
        let end = asked.flatten();
        let ends = app.credential.source().is_some();
        AppRow {
            name: app.name.clone(),
            tenant_id: app.tenant_id.clone(),
            client_id: app.client_id.clone(),
            credential: app.credential.as_str().to_owned(),
            unknown: ends && asked == Some(None),
            expires_at: end.map(seconds),
            days_left: end.map(|end| health::days_left(end - now)),
            health: match end {
                Some(end) => health::of(end - now, warn_before, critical_before),
                None if ends => Health::Unknown,
                None => Health::Fresh,
            },
        }
    };
    first.map(row).collect()
}

impl AppRow {
    /// Whether `--fail-on warning` counts this app.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self.health, Health::Aging | Health::Expiring | Health::Expired)
    }

    /// What there is to say of its credential, if anything, and what to do.
    #[must_use]
    pub(crate) fn remark(&self) -> Option<(String, String)> {
        let what = &self.credential;
        match (self.health, self.days_left) {
            (Health::Unknown, None) if self.unknown => Some((
                format!("nobody says when its {what} ends"),
                "set credential_expires in its table, or the expiry of the secret in the vault".to_owned(),
            )),
            (Health::Fresh | Health::Unknown, _) | (_, None) => None,
            (_, Some(days)) => Some((format!("its {what} {}", health::end(days)), renewal(what, &self.client_id))),
        }
    }
}
