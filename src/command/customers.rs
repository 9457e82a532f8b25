//! `rotator customers`: the app in the tenants of a partner's customers.

use std::fmt::Write as _;

use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::access;
use crate::cli::{CustomerChoice, CustomerList, Customers as What, PlainOutput};
use crate::command::connect::{self, Connected};
use crate::command::{Usage, failed, question, signal, stdout};
use crate::config::Source;
use crate::entra::cloud::Cloud;
use crate::entra::preset;
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::kind::Remedy;
use crate::model::name::is_guid;
use crate::model::target::Target;
use crate::partner_center::PartnerCenter;
use crate::partner_center::customer::{Consent, Customer};
use crate::report::progress;
use crate::secret::AccessToken;

/// Partner Center takes 50 requests a second of one app; each takes it about a second.
const AT_ONCE: usize = 8;

pub(super) async fn customers(source: &Source, what: &What) -> Result<u8, Usage> {
    match what {
        What::List(arguments) => list(source, arguments).await,
        What::Consent(arguments) if arguments.renew => each(source, &arguments.choice, Act::Renew).await,
        What::Consent(arguments) => each(source, &arguments.choice, Act::Consent).await,
        What::Revoke(choice) => each(source, choice, Act::Revoke).await,
    }
}

/// What is done for each customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Consent,
    /// Revoke and consent.
    Renew,
    Revoke,
}

async fn list(source: &Source, arguments: &CustomerList) -> Result<u8, Usage> {
    let config = source.load()?;
    let target = connect::named(&config, &arguments.name)?;
    let connected = connect::open(&config, arguments.deadline)?;
    let found = async {
        let entry = Entry::open(&connected, &target).await?;
        entry.partner_center().customers().await.at(Stage::Inspect)
    };
    let customers = match found.await {
        Ok(customers) => customers,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    stdout::print(&match arguments.output {
        PlainOutput::Json => format!("{:#}\n", json!({ "customers": customers })),
        PlainOutput::Text => customers.iter().fold(String::new(), |mut text, Customer { id, name, domain }| {
            let _ = writeln!(text, "{id}  {domain:32}  {name}");
            text
        }),
    });
    Ok(0)
}

async fn each(source: &Source, choice: &CustomerChoice, act: Act) -> Result<u8, Usage> {
    let config = source.load()?;
    let target = connect::named(&config, &choice.name)?;
    if act != Act::Revoke && target.app.grants.is_empty() {
        return Err(no_grants(&target));
    }
    let connected = connect::open(&config, choice.deadline)?;
    let listener = tokio::spawn(signal::end(connected.run.deadline.clone()));
    let entered = async {
        let entry = Entry::open(&connected, &target).await?;
        let chosen = entry.chosen(choice).await?;
        Ok((entry, chosen))
    };
    let (entry, (chosen, unknown)) = match entered.await {
        Ok(entered) => entered,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    if !unknown.is_empty() {
        let text = format!("no customer is called {}", unknown.join(", "));
        return Err(Usage(format!("{text}\n    fix: rotator customers list {}", target.name)));
    }
    if !choice.yes && !question::confirmed(&asked(&target, act, chosen.len())).await? {
        stdout::complain("nothing was changed");
        return Ok(0);
    }
    let results = entry.all(&chosen, act).await;
    listener.abort();
    stdout::print(&match choice.output {
        PlainOutput::Json => format!("{:#}\n", document(&target, &results)),
        PlainOutput::Text => text(&target, &results, choice),
    });
    Ok(exit_code(&results))
}

fn no_grants(target: &Target) -> Usage {
    let app = &target.app.name;
    Usage(format!(
        "nothing says what customers are to grant app {app}\n    \
         fix: add [[apps.{app}.grants]] with api = \"graph\" and scopes = [\"Directory.Read.All\"]"
    ))
}

fn asked(target: &Target, act: Act, count: usize) -> String {
    let app = format!("app {} ({})", target.app.name, target.app.client_id);
    let grants: Vec<String> =
        target.app.grants.iter().map(|grant| format!("{} of {}", grant.scopes.join(", "), grant.api)).collect();
    match act {
        Act::Revoke => format!("Take back the consent to {app} in the tenants of {}?", counted(count)),
        Act::Consent | Act::Renew => {
            format!("Grant {app} {} in the tenants of {}?", grants.join("; "), counted(count))
        }
    }
}

fn counted(customers: usize) -> String {
    if customers == 1 { "1 customer".to_owned() } else { format!("{customers} customers") }
}

/// The way into Partner Center, on behalf of the token's user.
struct Entry<'a> {
    connected: &'a Connected,
    target: &'a Target,
    address: String,
    access: AccessToken,
}

/// A customer and what became of it; nothing where the time was over before its turn.
type Tried = (Customer, Option<Result<Consent, Failure>>);

impl<'a> Entry<'a> {
    async fn open(connected: &'a Connected, target: &'a Target) -> Result<Self, Failure> {
        let cloud = Cloud::of_authority(&target.app.authority);
        let unnamed = |text| Cause::new(crate::model::kind::Kind::AccessAudience, text);
        let api = preset::named("partner-center", cloud).map_err(unnamed).at(Stage::Plan)?;
        let vault = connect::vault_of(target, &connected.run).map_err(|usage| unnamed(usage.0)).at(Stage::Plan)?;
        let access = access::exchange(target, vault.as_ref(), &connected.run, &api, &target.app.tenant_id).await?;
        let address = api.scope.trim_end_matches("/.default").to_owned();
        Ok(Self { connected, target, address, access: access.token })
    }

    fn partner_center(&self) -> PartnerCenter<'_> {
        PartnerCenter {
            client: &self.connected.host.outer,
            deadline: &self.connected.run.deadline,
            address: &self.address,
            access: &self.access,
        }
    }

    /// The customers that were named, and the names that are none's. A list is asked for only where a name is no id.
    async fn chosen(&self, choice: &CustomerChoice) -> Result<(Vec<Customer>, Vec<String>), Failure> {
        let by_id = |id: &String| Customer { id: id.to_ascii_lowercase(), name: String::new(), domain: String::new() };
        if !choice.all && choice.customers.iter().all(|name| is_guid(name)) {
            return Ok((choice.customers.iter().map(by_id).collect(), Vec::new()));
        }
        let all = self.partner_center().customers().await.at(Stage::Inspect)?;
        if choice.all {
            return Ok((all, Vec::new()));
        }
        let (mut chosen, mut unknown) = (Vec::new(), Vec::new());
        for name in &choice.customers {
            let is = |text: &str| text.eq_ignore_ascii_case(name);
            match all.iter().find(|known| is(&known.id) || is(&known.domain) || is(&known.name)) {
                Some(known) => chosen.push(known.clone()),
                None => unknown.push(name.clone()),
            }
        }
        Ok((chosen, unknown))
    }

    async fn all(&self, chosen: &[Customer], act: Act) -> Vec<Tried> {
        let bar = progress::bar(chosen.len(), "customers");
        let one = |customer: Customer| async {
            let result = match self.connected.run.deadline.closed() {
                Some(_) => None,
                None => Some(self.one(&customer.id, act).await.at(Stage::Consent)),
            };
            bar.set_message(customer.name.clone());
            bar.inc(1);
            (customer, result)
        };
        let results = futures::stream::iter(chosen.iter().cloned()).map(one).buffered(AT_ONCE).collect().await;
        bar.finish_and_clear();
        results
    }

    async fn one(&self, customer: &str, act: Act) -> Result<Consent, Cause> {
        let (partner_center, app) = (self.partner_center(), &self.target.app);
        if act != Act::Consent {
            let revoked = partner_center.revoke(customer, &app.client_id).await?;
            if act == Act::Revoke {
                return Ok(revoked);
            }
        }
        partner_center.consent(customer, (&app.client_id, &app.name), &app.grants).await
    }
}

fn word(result: Option<&Result<Consent, Failure>>) -> &'static str {
    match result {
        Some(Ok(Consent::Given)) => "consented",
        Some(Ok(Consent::Present)) => "present",
        Some(Ok(Consent::Revoked)) => "revoked",
        Some(Ok(Consent::Absent)) => "absent",
        Some(Err(_)) => "failed",
        None => "untried",
    }
}

fn text(target: &Target, results: &[Tried], choice: &CustomerChoice) -> String {
    let mut text = String::new();
    for (customer, result) in results {
        let name = if customer.name.is_empty() { &customer.domain } else { &customer.name };
        let _ = writeln!(text, "{:10} {}  {name}", word(result.as_ref()), customer.id);
        if let Some(Err(failure)) = result {
            let _ = writeln!(text, "  {}: {}\n  → {}", failure.cause.kind.slug(), failure.cause, failure.hint(target));
        }
    }
    let count = |wanted: &str| results.iter().filter(|(_, result)| word(result.as_ref()) == wanted).count();
    let counts = ["consented", "present", "revoked", "absent", "failed", "untried"].map(|word| (word, count(word)));
    let told: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}")).collect();
    let _ = writeln!(text, "\n{}: {}", counted(results.len()), told.join(", "));
    if choice.all && count("untried") > 0 {
        let _ = writeln!(text, "the same command goes on: what is done already is passed by");
    }
    text
}

fn document(target: &Target, results: &[Tried]) -> Value {
    let rows: Vec<Value> = results
        .iter()
        .map(|(customer, result)| {
            let failure = result.as_ref().and_then(|result| result.as_ref().err()).map(|failure| {
                json!({
                    "kind": failure.cause.kind.slug(), "message": failure.cause.message, "code": failure.cause.code,
                    "remedy": failure.remedy().as_str(), "hint": failure.hint(target),
                    "correlation_id": failure.cause.correlation_id,
                })
            });
            json!({
                "id": customer.id, "name": customer.name, "domain": customer.domain,
                "outcome": word(result.as_ref()), "failure": failure,
            })
        })
        .collect();
    json!({ "customers": rows })
}

/// 3 where a person must act, else 4 where it may be tried again.
fn exit_code(results: &[Tried]) -> u8 {
    let failures = || results.iter().filter_map(|(_, result)| result.as_ref()?.as_ref().err());
    let untried = results.iter().any(|(_, result)| result.is_none());
    match () {
        () if failures().any(|failure| failure.remedy() != Remedy::Retry) => 3,
        () if untried || failures().next().is_some() => 4,
        () => 0,
    }
}
