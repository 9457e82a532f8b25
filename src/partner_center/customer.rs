//! The customers of a partner, and the consent to an app in their tenants
//! (learn.microsoft.com/partner-center/developer/control-panel-vendor-apis).

use futures::StreamExt as _;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Answer, PartnerCenter};
use crate::model::customer::{Consent, Customer, Tried};
use crate::model::failure::{AtStage as _, Cause, Stage};
use crate::model::kind::Kind;
use crate::model::name::{is_guid, printable};
use crate::model::target::App;

/// What is done for a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Consent,
    /// Revoke and consent.
    Renew,
    Revoke,
}

/// One page of `GET /v1/customers`.
#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, rename = "companyProfile")]
    profile: Profile,
}

#[derive(Default, Deserialize)]
struct Profile {
    #[serde(rename = "tenantId")]
    tenant_id: Option<String>,
    domain: Option<String>,
    #[serde(rename = "companyName")]
    company_name: Option<String>,
}

#[derive(Deserialize)]
struct Links {
    next: Option<Link>,
}

/// Where the next page is, and what must be sent along.
#[derive(Deserialize)]
struct Link {
    uri: String,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    key: String,
    value: String,
}

/// Partner Center takes 50 requests a second of one app; each takes it about a second.
const AT_ONCE: usize = 8;
/// Customers on one page; Partner Center gives at most 500.
const PAGE: usize = 500;
/// A list that leads on for ever is none.
const MOST_PAGES: usize = 1000;

impl PartnerCenter<'_> {
    /// All customers, in the order of Partner Center.
    ///
    /// # Errors
    /// A refusal, or an answer that is no list.
    pub async fn customers(&self) -> Result<Vec<Customer>, Cause> {
        let mut all = Vec::new();
        let mut path = format!("/v1/customers?size={PAGE}");
        let mut continuation = None;
        for _ in 0..MOST_PAGES {
            let along = |request: RequestBuilder| match &continuation {
                Some(token) => request.header(CONTINUATION, token),
                None => request,
            };
            let answer = self.send(Method::GET, &path, along).await?;
            let page: Page = self.granted(&answer)?;
            for item in page.items {
                all.push(customer(item).ok_or_else(|| unreadable("a customer without an id"))?);
            }
            let Some(next) = page.links.and_then(|links| links.next) else { return Ok(all) };
            (path, continuation) = follow(next).ok_or_else(|| unreadable("a next page that is no part of it"))?;
        }
        Err(Cause::new(Kind::PartnerCenterAnswer, "the list of customers does not end"))
    }

    /// Does one thing for many customers. Each is on its own; those whose turn comes after the end are not tried.
    pub async fn each(&self, customers: &[Customer], app: &App, act: Act, done: impl Fn(&Customer)) -> Vec<Tried> {
        let one = |customer: Customer| async {
            let result = match self.deadline.closed() {
                None => Some(self.act(&customer.id, app, act).await.at(Stage::Consent)),
                Some(_) => None,
            };
            done(&customer);
            Tried { customer, result }
        };
        futures::stream::iter(customers.iter().cloned()).map(one).buffered(AT_ONCE).collect().await
    }

    async fn act(&self, customer: &str, app: &App, act: Act) -> Result<Consent, Cause> {
        if act == Act::Consent {
            return self.consent(customer, app).await;
        }
        let revoked = self.revoke(customer, &app.client_id).await?;
        if act == Act::Revoke {
            return Ok(revoked);
        }
        self.consent(customer, app).await.map_err(|cause| {
            let message = format!("the consent was taken back, and not given again: {}", cause.message);
            Cause { message, ..cause }
        })
    }

    /// Consents to an app in the tenant of a customer, on behalf of an administrator there.
    async fn consent(&self, customer: &str, app: &App) -> Result<Consent, Cause> {
        let grants = app
            .grants
            .iter()
            .map(|grant| json!({ "enterpriseApplicationId": grant.application_id, "scope": grant.scopes.join(",") }));
        let grants: Vec<Value> = grants.collect();
        let body = json!({ "applicationId": app.client_id, "displayName": app.name, "applicationGrants": grants });
        let body = body.to_string();
        let with = |request: RequestBuilder| request.header("Content-Type", "application/json").body(body.clone());
        let answer = self.send(Method::POST, &path(customer, ""), with).await?;
        match answer.status {
            200..=299 => Ok(Consent::Given),
            409 if answer.refusal().is_some() => Ok(Consent::Present),
            _ => Err(self.refusal_there(&answer)),
        }
    }

    /// Takes the consent back.
    async fn revoke(&self, customer: &str, client_id: &str) -> Result<Consent, Cause> {
        let answer = self.send(Method::DELETE, &path(customer, &format!("/{client_id}")), |request| request).await?;
        match answer.status {
            200..=299 => Ok(Consent::Revoked),
            404 if answer.refusal().is_some() => Ok(Consent::Absent),
            _ => Err(self.refusal_there(&answer)),
        }
    }

    fn granted<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Cause> {
        let read = (200..300).contains(&answer.status).then(|| answer.read()).flatten();
        read.ok_or_else(|| self.refusal(answer))
    }

    /// What is forbidden for one customer has its reason in the relation to that one; what is not understood, in the grants.
    fn refusal_there(&self, answer: &Answer) -> Cause {
        let cause = self.refusal(answer);
        match answer.status {
            403 => Cause { kind: Kind::PartnerCenterCustomer, ..cause },
            400 => Cause { fix: Some(GRANTS), ..cause },
            _ => cause,
        }
    }
}

const GRANTS: &str = "check the grants of the app in the configuration: scopes are delegated permissions of their API, and the app \
    registration lists them as well: az ad app permission list --id {client_id}";
const CONTINUATION: &str = "MS-ContinuationToken";

/// The path of the next page, and the token that goes with it. Nothing else of it is followed.
fn follow(next: Link) -> Option<(String, Option<HeaderValue>)> {
    let path = next.uri.strip_prefix("/v1").unwrap_or(&next.uri);
    let token = next.headers.into_iter().find(|header| header.key.eq_ignore_ascii_case(CONTINUATION));
    let token = token.map(|header| header.value.parse()).transpose().ok()?;
    path.starts_with("/customers?").then(|| (format!("/v1{path}"), token))
}

fn unreadable(what: &str) -> Cause {
    Cause::new(Kind::PartnerCenterAnswer, format!("the list of customers holds {what}"))
}

fn customer(item: Item) -> Option<Customer> {
    let Profile { tenant_id, domain, company_name } = item.profile;
    let shown = |text: Option<String>| printable(&text.unwrap_or_default(), 200);
    let id = Some(tenant_id.unwrap_or(item.id)).filter(|id| is_guid(id))?;
    Some(Customer { id: id.to_ascii_lowercase(), name: shown(company_name), domain: shown(domain) })
}

fn path(customer: &str, rest: &str) -> String {
    format!("/v1/customers/{customer}/applicationconsents{rest}")
}
