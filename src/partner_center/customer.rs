//! The customers of a partner, and the consent to an app in their tenants
//! (learn.microsoft.com/partner-center/developer/control-panel-vendor-apis).

use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, PartnerCenter};
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::ApiGrant;

/// A customer's tenant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Customer {
    pub id: String,
    pub name: String,
    pub domain: String,
}

/// What became of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given,
    /// It was there already.
    Present,
    Revoked,
    /// There was none.
    Absent,
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
        let mut headers = Vec::new();
        for _ in 0..MOST_PAGES {
            let along = |request: RequestBuilder| {
                headers.iter().fold(request, |request, Header { key, value }| request.header(key, value))
            };
            let answer = self.send(Method::GET, &path, along).await?;
            let page: Page = self.granted(&answer)?;
            all.extend(page.items.into_iter().map(customer));
            let Some(next) = page.links.and_then(|links| links.next) else { return Ok(all) };
            path = format!("/v1{}", next.uri.strip_prefix("/v1").unwrap_or(&next.uri));
            headers = next.headers;
        }
        Err(Cause::new(Kind::PartnerCenterAnswer, "the list of customers does not end"))
    }

    /// Consents to an app in the tenant of a customer, on behalf of an administrator there.
    ///
    /// # Errors
    /// A refusal.
    pub async fn consent(&self, customer: &str, app: (&str, &str), grants: &[ApiGrant]) -> Result<Consent, Cause> {
        let (client_id, name) = app;
        let grants = grants
            .iter()
            .map(|grant| json!({ "enterpriseApplicationId": grant.application_id, "scope": grant.scopes.join(",") }));
        let body =
            json!({ "applicationId": client_id, "displayName": name, "applicationGrants": grants.collect::<Vec<_>>() });
        let body = body.to_string();
        let with = |request: RequestBuilder| request.header("Content-Type", "application/json").body(body.clone());
        let answer = self.send(Method::POST, &path(customer, ""), with).await?;
        match answer.status {
            200..=299 => Ok(Consent::Given),
            409 => Ok(Consent::Present),
            _ => Err(self.refusal_there(&answer)),
        }
    }

    /// Takes the consent back.
    ///
    /// # Errors
    /// A refusal.
    pub async fn revoke(&self, customer: &str, client_id: &str) -> Result<Consent, Cause> {
        let answer = self.send(Method::DELETE, &path(customer, &format!("/{client_id}")), |request| request).await?;
        match answer.status {
            200..=299 => Ok(Consent::Revoked),
            404 => Ok(Consent::Absent),
            _ => Err(self.refusal_there(&answer)),
        }
    }

    fn granted<T: serde::de::DeserializeOwned>(&self, answer: &Answer) -> Result<T, Cause> {
        let read = (200..300).contains(&answer.status).then(|| answer.read()).flatten();
        read.ok_or_else(|| self.refusal(answer))
    }

    /// What is refused for one customer has its reason in the relation to that one.
    fn refusal_there(&self, answer: &Answer) -> Cause {
        let cause = self.refusal(answer);
        let kind = if cause.kind == Kind::PartnerCenterRefused { Kind::PartnerCenterCustomer } else { cause.kind };
        Cause { kind, ..cause }
    }
}

fn customer(item: Item) -> Customer {
    let Profile { tenant_id, domain, company_name } = item.profile;
    let shown = |text: Option<String>| {
        text.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect::<String>()
    };
    Customer { id: tenant_id.unwrap_or(item.id), name: shown(company_name), domain: shown(domain) }
}

fn path(customer: &str, rest: &str) -> String {
    format!("/v1/customers/{customer}/applicationconsents{rest}")
}
