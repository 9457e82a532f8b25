//! Partner Center: customers, and whether the caller had MFA. Forms after the documentation; the refusal as recorded.

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
        (Some(_), "GET", ["v1", "customers"]) => customers(state),
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

fn customers(state: &State) -> Reply {
    let items: Vec<Value> = state
        .directory
        .customers
        .iter()
        .map(|(id, customer)| json!({ "id": id, "companyProfile": { "tenantId": id, "companyName": customer.name } }))
        .collect();
    let body = json!({ "totalCount": items.len(), "items": items, "attributes": { "objectType": "Collection" } });
    Reply { body: marked(&body), ..Reply::json(200, &body) }
}

fn refuse(status: u16, code: &str, description: &str) -> Reply {
    let body = json!({ "code": code.parse::<u32>().unwrap_or_default(), "description": description, "data": [], "source": "PartnerFD" });
    Reply { body: marked(&body), ..Reply::json(status, &body) }
}

/// With the byte order mark that its answers begin with.
fn marked(body: &Value) -> Vec<u8> {
    format!("\u{feff}{body}").into_bytes()
}
