//! Partner Center: customers, the consent to apps in their tenants, and whether the caller had MFA. Forms after the
//! documentation; the refusal as recorded; that a second consent is a 409 is reported, not documented.

use serde_json::{Value, json};

use super::http::{Ask, Reply};
use super::state::{State, guid};

pub const HOST: &str = "api.partnercenter.microsoft.com";

pub(crate) fn answer(state: &mut State, ask: &Ask) -> Reply {
    let token = ask.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let grant = token.and_then(|token| state.directory.partner_center.get(token)).copied();
    let reply = match (grant, ask.method.as_str(), ask.segments().as_slice()) {
        (None, ..) => refuse(401, "1002", "Authorization Failed"),
        (Some(false), ..) if state.directory.quirks.mfa_enforced => {
            refuse(401, "900421", "MFA is required for this request.")
        }
        (Some(_), "GET", ["v1", "customers"]) => customers(state, ask),
        (Some(_), "POST", ["v1", "customers", id, "applicationconsents"]) => consent(state, ask, id),
        (Some(_), "DELETE", ["v1", "customers", id, "applicationconsents", app]) => revoke(state, id, app),
        _ => refuse(404, "2000", "Not found"),
    };
    let reply = match (ask.header("validatemfa"), grant) {
        (Some("true"), Some(mfa)) if !state.directory.quirks.silent_on_mfa => {
            reply.with("isMfaCompliant", mfa.to_string())
        }
        _ => reply,
    };
    let own = |name: &str| ask.header(name).map_or_else(guid, str::to_owned);
    reply.with("MS-RequestId", own("ms-requestid")).with("MS-CorrelationId", own("ms-correlationid"))
}

/// Pages lead on by an address and a header that belongs to it.
fn customers(state: &State, ask: &Ask) -> Reply {
    let customers = &state.directory.customers;
    let asked = ask.query("size").and_then(|size| size.parse().ok()).unwrap_or(100);
    let size = state.directory.quirks.customers_a_page.unwrap_or(asked).clamp(1, 500);
    let begin: usize = match ask.query("seekOperation") {
        Some("Next") => match ask.header("ms-continuationtoken").and_then(|token| token.parse().ok()) {
            Some(begin) => begin,
            None => return refuse(400, "2001", "The continuation token is missing or invalid."),
        },
        _ => 0,
    };
    let items: Vec<Value> = customers
        .iter()
        .skip(begin)
        .take(size)
        .map(|(id, customer)| {
            let profile = json!({ "tenantId": id, "domain": customer.domain, "companyName": customer.name });
            json!({ "id": id, "companyProfile": profile })
        })
        .collect();
    let link = |uri: String, headers: Value| json!({ "uri": uri, "method": "GET", "headers": headers });
    let mut links = json!({ "self": link(format!("/customers?size={size}"), json!([])) });
    if begin + size < customers.len() {
        let token = json!([{ "key": "MS-ContinuationToken", "value": (begin + size).to_string() }]);
        links["next"] = link(format!("/customers?size={size}&seekOperation=Next"), token);
    }
    let body = json!({
        "totalCount": items.len(), "items": items, "links": links, "attributes": { "objectType": "Collection" }
    });
    Reply { body: marked(&body), ..Reply::json(200, &body) }
}

/// A consent on behalf of the customer.
fn consent(state: &mut State, ask: &Ask, id: &str) -> Reply {
    let Some(customer) = state.directory.customers.get_mut(id) else {
        return refuse(404, "3000", "The customer was not found.");
    };
    if customer.unrelated {
        return refuse(403, "1002", "Authorization Failed");
    }
    let body: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    let grants = body["applicationGrants"].as_array().filter(|grants| !grants.is_empty());
    let (Some(app), Some(grants)) = (body["applicationId"].as_str(), grants) else {
        return refuse(400, "2000", "The request is invalid.");
    };
    if customer.consents.contains_key(app) {
        return refuse(409, "600041", "Permission entry already exists.");
    }
    let resource = |grant: &Value| match grant["enterpriseApplicationId"].as_str().unwrap_or_default() {
        "00000003-0000-0000-c000-000000000000" => "https://graph.microsoft.com".to_owned(),
        "00000002-0000-0ff1-ce00-000000000000" => "https://outlook.office365.com".to_owned(),
        "797f4846-ba00-4fd7-ba43-dac1f8f63013" => "https://management.azure.com".to_owned(),
        other => other.to_owned(),
    };
    let scopes =
        |grant: &Value| grant["scope"].as_str().is_some_and(|scopes| !scopes.is_empty() && !scopes.contains(' '));
    if !grants.iter().all(scopes) {
        return refuse(400, "2000", "The scope is invalid.");
    }
    customer.consents.insert(app.to_owned(), grants.iter().map(resource).collect());
    let body = json!({ "applicationGrants": grants, "applicationId": app, "displayName": body["displayName"] });
    Reply { body: marked(&body), ..Reply::json(201, &body) }
}

fn revoke(state: &mut State, id: &str, app: &str) -> Reply {
    let Some(customer) = state.directory.customers.get_mut(id) else {
        return refuse(404, "3000", "The customer was not found.");
    };
    if customer.unrelated {
        return refuse(403, "1002", "Authorization Failed");
    }
    match customer.consents.remove(app) {
        Some(_) => Reply::empty(204),
        None => refuse(404, "3000", "The consent was not found."),
    }
}

fn refuse(status: u16, code: &str, description: &str) -> Reply {
    let body = json!({ "code": code.parse::<u32>().unwrap_or_default(), "description": description, "data": [], "source": "PartnerFD" });
    Reply { body: marked(&body), ..Reply::json(status, &body) }
}

/// With the byte order mark that its answers begin with.
fn marked(body: &Value) -> Vec<u8> {
    format!("\u{feff}{body}").into_bytes()
}
