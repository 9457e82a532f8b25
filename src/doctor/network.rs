//! Whether the services can be reached, and whether this machine's clock agrees with theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Client;
use time::OffsetDateTime;
use url::Url;

use super::{Check, Patient, Status, Subject, at};
use crate::entra::answer::{MOST_SKEW, RawAnswer};
use crate::entra::{self, client};
use crate::model::failure::{Cause, Stage};
use crate::model::kind::Kind;
use crate::model::target::{App, Target};
use crate::wire::{answer, network, retry};

/// The hosts that answer.
pub(super) type Reached = BTreeSet<String>;

/// What is asked of a host without any right.
struct Probe<'a> {
    url: Url,
    what: What,
    /// The first token that depends on it.
    target: &'a Arc<Target>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Vault,
    Authority,
}

pub(super) async fn examine(patient: &Patient<'_>, checks: &mut Vec<Check>) -> Reached {
    let (mut reached, mut skews) = (Reached::new(), Vec::new());
    for (host, probe) in probes(patient) {
        let attempt = || retry::within_try(&host, ask(&patient.host.outer, &host, &probe));
        match retry::repeat(&patient.run.deadline, attempt).await {
            Ok(date) => {
                skews.extend(date.map(|date| patient.run.clock.now() - date));
                reached.insert(host.clone());
                checks.push(Check::ok(Subject::Network, &host, "answers over TLS"));
            }
            Err(cause) => {
                checks.push(Check::fail(Subject::Network, &host, &at(Stage::Inventory, cause), probe.target));
            }
        }
    }
    checks.push(clock(&skews, patient.targets.first()));
    reached
}

/// One probe for each host.
fn probes<'a>(patient: &Patient<'a>) -> BTreeMap<String, Probe<'a>> {
    let mut probes = BTreeMap::new();
    for target in patient.targets {
        let url = entra::tenant::address(&target.app.authority, &target.app.tenant_id);
        let host = url.host_str().unwrap_or_default().to_owned();
        probes.entry(host).or_insert(Probe { url, what: What::Authority, target });
    }
    for (site, target) in super::vault::sites(patient) {
        if let Ok(url) = Url::parse(&format!("{}/secrets?api-version=7.4", site.url)) {
            probes.entry(site.url.host().to_owned()).or_insert(Probe { url, what: What::Vault, target });
        }
    }
    probes
}

/// Asks without a token, and returns the other side's clock.
async fn ask(client: &Client, host: &str, probe: &Probe<'_>) -> Result<Option<OffsetDateTime>, Cause> {
    let broken = |error: reqwest::Error| network::cause(host, &error.without_url());
    let response = client.get(probe.url.clone()).send().await.map_err(broken)?;
    let status = response.status().as_u16();
    let date = answer::date(&response);
    let unexpected = |kind| {
        let text = format!("{host}: HTTP {status} is not what this service answers");
        Cause { code: Some(status.to_string()), ..Cause::new(kind, text) }
    };
    match (probe.what, status) {
        (What::Vault, 408 | 429 | 500..=599) => Err(unexpected(Kind::VaultUnavailable)),
        (What::Vault, 401) => {
            challenge(host, &answer::header(&response, "www-authenticate").unwrap_or_default()).map(|()| date)
        }
        (What::Vault, _) => Err(unexpected(Kind::VaultAnswer)),
        (What::Authority, 200) => Ok(date),
        (What::Authority, _) => {
            let cause = refusal(response, host).await?.unwrap_or_else(|| unexpected(Kind::EntraAnswer));
            // A refusal of Entra ID's own is an answer: whose tenant it is about is looked at app by app.
            if cause.is_transient() { Err(cause) } else { Ok(date) }
        }
    }
}

/// Why Entra ID does not describe itself, as it says.
async fn refusal(response: reqwest::Response, host: &str) -> Result<Option<Cause>, Cause> {
    let raw = client::read(response, host, OffsetDateTime::UNIX_EPOCH).await?;
    // Asked without a token, there is no clock to speak of.
    Ok(entra::answer::read(&RawAnswer { date: None, ..raw }).err())
}

/// Whether the tenant of a token's app exists, as its authority says.
///
/// # Errors
/// `entra.tenant`, or what came in between.
pub(super) async fn tenant(patient: &Patient<'_>, target: &Target) -> Result<(), Cause> {
    let App { authority, tenant_id, .. } = &*target.app;
    entra::tenant::id(&patient.host.outer, &patient.run.deadline, authority, tenant_id).await.map(drop)
}

/// A vault names the resource that its tokens are for, and that is the domain it lives in
/// (learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses).
fn challenge(host: &str, header: &str) -> Result<(), Cause> {
    let resource = header.split("resource=\"").nth(1).and_then(|rest| rest.split('"').next());
    let domain = resource.and_then(|resource| resource.strip_prefix("https://")).map(|host| host.trim_end_matches('/'));
    match domain {
        Some(domain) if host.ends_with(&format!(".{domain}")) => Ok(()),
        Some(_) => Err(Cause::new(Kind::VaultChallenge, format!("{host}: the challenge is for another resource"))),
        None => Err(Cause::new(Kind::VaultAnswer, format!("{host}: a 401 without the challenge of a Key Vault"))),
    }
}

fn clock(skews: &[time::Duration], target: Option<&Arc<Target>>) -> Check {
    let worst = skews.iter().max_by_key(|skew| skew.abs());
    match (worst, target) {
        (Some(skew), Some(target)) if skew.abs() > MOST_SKEW => {
            let cause = Cause::new(Kind::ClockSkew, format!("{} the services'", entra::answer::off(*skew)));
            Check::fail(Subject::Clock, "this machine", &at(Stage::Inventory, cause), target)
        }
        (Some(skew), _) => Check::ok(
            Subject::Clock,
            "this machine",
            format!("within {} s of the services'", skew.abs().whole_seconds() + 1),
        ),
        (None, _) => Check::new(Subject::Clock, "this machine", Status::Skip, "no service answered to compare it with"),
    }
}
