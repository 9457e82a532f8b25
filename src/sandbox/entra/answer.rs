//! What Entra ID answers.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::client::{Endpoint, authenticate};
use super::directory::{Directory, RefreshToken};
use super::jwt::{self, Subject};
use super::refusal::{self, Refusal};
use super::sign_in;
use crate::sandbox::http::{Ask, Reply};
use crate::sandbox::state::{AccessToken, State, guid, now};

const GRAPH: &str = "https://graph.microsoft.com";

pub(crate) fn answer(state: &mut State, ask: &Ask) -> Reply {
    let ahead = state.directory.ahead;
    let reply = routed(state, ask);
    if ahead.is_zero() { reply } else { reply.with("Date", http_date(now() + ahead)) }
}

fn http_date(at: OffsetDateTime) -> String {
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    at.format(form).unwrap_or_default()
}

fn routed(state: &mut State, ask: &Ask) -> Reply {
    let directory = &mut state.directory;
    match (ask.method.as_str(), ask.segments().as_slice()) {
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => match token(state, ask, tenant) {
            Ok(reply) => reply,
            Err(refused) => refusal::answer(&state.directory, ask, &refused),
        },
        ("GET", [tenant, "oauth2", "v2.0", "authorize"]) => sign_in::authorize(directory, ask, tenant),
        ("POST", [tenant, "login"]) => sign_in::login(directory, ask, tenant),
        ("POST", [tenant, "oauth2", "v2.0", "devicecode"]) => match sign_in::device_code(directory, ask, tenant) {
            Ok(reply) => reply,
            Err(refused) => refusal::answer(directory, ask, &refused),
        },
        ("GET" | "POST", ["devicelogin"]) => sign_in::device_login(directory, ask),
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => configuration(directory, ask, tenant),
        ("GET", ["common", "discovery", "instance"]) => instance(directory, ask),
        ("GET", [_, "discovery", "v2.0", "keys"]) => Reply::json(200, &jwt::key_set()),
        _ => Reply::empty(404),
    }
}

type Form = HashMap<String, String>;

fn token(state: &mut State, ask: &Ask, named: &str) -> Result<Reply, Refusal> {
    let directory = &mut state.directory;
    let mut form: Form = url::form_urlencoded::parse(&ask.body).into_owned().collect();
    let tenant = directory.tenant(named).ok_or_else(|| Refusal::new(90_002, named))?.to_owned();
    let endpoint = Endpoint { host: &ask.host, tenant: &tenant, named };
    directory.given.extend(["client_assertion", "code_verifier"].iter().filter_map(|name| form.get(*name).cloned()));
    let grant_type = required(&form, "grant_type")?.to_owned();
    let grant_type = grant_type.as_str();
    let client_id = required(&form, "client_id")?.to_owned();
    if !GRANT_TYPES.contains(&grant_type) {
        return Err(Refusal::new(70_003, grant_type));
    }
    if !directory.apps.contains_key(&client_id) {
        return Err(Refusal::new(700_016, &client_id));
    }
    if grant_type == "client_credentials" {
        return client_credentials(state, ask, &endpoint, &client_id, &form);
    }
    let stored = match grant_type {
        "refresh_token" => {
            let value = required(&form, "refresh_token")?;
            // A value that cannot be read is refused before the client is authenticated.
            let stored = directory.refresh_tokens.get(value).cloned().ok_or_else(|| Refusal::new(9_002_313, ""))?;
            authenticate(directory, &client_id, &form, &endpoint)?;
            alive(&stored, &client_id)?;
            stored
        }
        "authorization_code" => {
            required(&form, "code")?;
            authenticate(directory, &client_id, &form, &endpoint)?;
            sign_in::redeem(directory, &tenant, &mut form)?
        }
        _ => {
            required(&form, "device_code")?;
            authenticate(directory, &client_id, &form, &endpoint)?;
            sign_in::poll(directory, &tenant, &mut form)?
        }
    };
    let (resource, scopes) = scope(form.get("scope").map(String::as_str).unwrap_or_default())?;
    consented(directory, &tenant, &client_id, &resource)?;
    let request = Request { tenant: &tenant, client_id: &client_id, resource: &resource, scopes: &scopes };
    Ok(grant(directory, ask, &form, &stored, &request))
}

/// A device asks by the RFC's name or by the short one.
const GRANT_TYPES: [&str; 5] = [
    "refresh_token",
    "client_credentials",
    "authorization_code",
    "urn:ietf:params:oauth:grant-type:device_code",
    "device_code",
];

fn required<'f>(form: &'f Form, name: &str) -> Result<&'f str, Refusal> {
    let field = form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    field.ok_or_else(|| Refusal::new(900_144, name))
}

/// A token for the app itself: no user, no refresh token.
fn client_credentials(
    state: &mut State,
    ask: &Ask,
    endpoint: &Endpoint<'_>,
    client_id: &str,
    form: &Form,
) -> Result<Reply, Refusal> {
    authenticate(&state.directory, client_id, form, endpoint)?;
    let scope = required(form, "scope")?;
    let resource = scope.strip_suffix("/.default").ok_or_else(|| Refusal::new(1_002_012, scope))?;
    let lifetime = Duration::seconds(3_599);
    let access = jwt::access_for_app(endpoint.tenant, resource, client_id, now() + lifetime);
    let expires = now() + lifetime;
    let given = AccessToken { audience: resource.to_owned(), principal: client_id.to_owned(), expires };
    state.access.insert(access.clone(), given);
    let body = json!({
        "token_type": "Bearer", "expires_in": lifetime.whole_seconds(), "ext_expires_in": lifetime.whole_seconds(),
        "access_token": access,
    });
    Ok(refusal::headers(Reply::json(200, &body), ask, &guid(), Some((0, None))))
}

struct Request<'a> {
    tenant: &'a str,
    client_id: &'a str,
    resource: &'a str,
    scopes: &'a [String],
}

fn alive(token: &RefreshToken, client_id: &str) -> Result<(), Refusal> {
    let expired = now() - token.issued >= token.lifetime();
    match token {
        token if token.client_id != client_id => Err(Refusal::of(70_000, token)),
        token if token.revoked.is_some() => Err(Refusal::of(50_173, token)),
        token if expired && token.single_page => Err(Refusal::of(700_084, token)),
        token if expired => Err(Refusal::of(700_082, token)),
        RefreshToken { refused_with: Some(code), .. } => Err(Refusal::of(*code, token)),
        _ => Ok(()),
    }
}

/// The one resource that scopes are for, and its scopes.
fn scope(text: &str) -> Result<(String, Vec<String>), Refusal> {
    let openid = ["openid", "profile", "email", "offline_access"];
    let scopes: Vec<String> =
        text.split_whitespace().filter(|scope| !openid.contains(scope)).map(str::to_owned).collect();
    let resources: Vec<&str> = scopes.iter().map(|scope| resource_of(scope)).collect();
    let resource = resources.first().copied().unwrap_or(GRAPH);
    if resources.iter().any(|other| *other != resource) {
        return Err(Refusal::new(700_022, text));
    }
    let is_client_id = resource.len() == 36 && resource.matches('-').count() == 4;
    if !(resource.starts_with("https://") || resource.starts_with("api://") || is_client_id) {
        return Err(Refusal::new(70_011, text));
    }
    if resource.contains("unknown-resource") {
        return Err(Refusal::new(500_011, resource));
    }
    Ok((resource.to_owned(), scopes))
}

/// The resource is what stands before the last slash; the double slash of Azure Resource Manager is part of it.
pub(super) fn resource_of(scope: &str) -> &str {
    match scope.rsplit_once('/') {
        Some((resource, _)) => resource,
        None => GRAPH,
    }
}

/// At a customer an app that was never consented to is not authorised at all, and one that was may lack an API.
fn consented(directory: &Directory, tenant: &str, client_id: &str, resource: &str) -> Result<(), Refusal> {
    if let Some(customer) = directory.customers.get(tenant) {
        let resources = customer.consents.get(client_id).ok_or_else(|| Refusal::new(90_099, client_id))?;
        let given = resources.iter().any(|known| known.trim_end_matches('/') == resource.trim_end_matches('/'));
        return if given { Ok(()) } else { Err(Refusal::new(65_001, client_id)) };
    }
    let app = directory.apps.get(client_id);
    let given = app.is_none_or(|app| app.consented.is_empty() || app.consented.iter().any(|known| known == resource));
    if given { Ok(()) } else { Err(Refusal::new(65_001, client_id)) }
}

fn grant(directory: &mut Directory, ask: &Ask, form: &Form, old: &RefreshToken, request: &Request<'_>) -> Reply {
    let quirks = directory.quirks.clone();
    let asked = form.get("scope").map(String::as_str).unwrap_or_default();
    let wants = |scope: &str| asked.split_whitespace().any(|asked| asked == scope);
    let user_id = quirks.other_user.clone().unwrap_or_else(|| old.user.clone());
    let client_id = quirks.other_app.clone().unwrap_or_else(|| request.client_id.to_owned());
    let Some(user) = directory.users.get(&user_id).cloned() else {
        return refusal::answer(directory, ask, &Refusal::of(50_034, old));
    };
    let granted = granted_scopes(request);
    let tenant = quirks.other_tenant.as_deref().unwrap_or(request.tenant);
    let subject = Subject { tenant, user_id: &user_id, user: &user, client_id: &client_id, mfa: old.mfa };
    let access = if quirks.opaque_access {
        format!("EwBwA8l6BAAU{}", guid().replace('-', ""))
    } else {
        jwt::access(&subject, quirks.other_resource.as_deref().unwrap_or(request.resource), &granted)
    };
    let id_token = jwt::id(&subject, form.get("nonce").map(String::as_str));
    if request.resource.contains("partnercenter") {
        directory.partner_center.insert(access.clone(), old.mfa);
    }
    directory.given.extend([access.clone(), id_token.clone()]);
    let mut body = Map::new();
    body.insert("token_type".to_owned(), "Bearer".into());
    body.insert("scope".to_owned(), granted.into());
    body.insert("expires_in".to_owned(), 3_599.into());
    body.insert("ext_expires_in".to_owned(), 3_599.into());
    body.insert("access_token".to_owned(), access.into());
    if quirks.same_token {
        body.insert("refresh_token".to_owned(), form.get("refresh_token").cloned().into());
    } else if wants("offline_access") && !quirks.no_refresh_token {
        body.insert("refresh_token".to_owned(), renewed(directory, old, &user_id).into());
    }
    if quirks.short_lived {
        body.insert("refresh_token_expires_in".to_owned(), 86_399.into());
    }
    if wants("openid") && !quirks.no_identity {
        body.insert("id_token".to_owned(), id_token.into());
    }
    if form.get("client_info").is_some_and(|flag| flag == "1") && !quirks.no_identity {
        body.insert("client_info".to_owned(), jwt::client_info(&user).into());
    }
    let age = (now() - old.issued).as_seconds_f64() * 1000.0;
    refusal::headers(Reply::json(200, &Value::Object(body)), ask, &guid(), Some((0, Some(age))))
}

/// Every use gives a new refresh token; the old one stays valid.
fn renewed(directory: &mut Directory, old: &RefreshToken, user: &str) -> String {
    let value = directory.issue(&old.client_id, user, old.mfa, Duration::ZERO);
    if let Some(token) = directory.refresh_tokens.get_mut(&value) {
        token.single_page = old.single_page;
        // A single-page token renews the value, not the life.
        token.issued = if old.single_page { old.issued } else { token.issued };
        token.refused_with = directory.quirks.dead_tokens.then_some(70_000);
    }
    value
}

/// `.default` comes back with what it stands for.
fn granted_scopes(request: &Request<'_>) -> String {
    let scopes: Vec<String> = request
        .scopes
        .iter()
        .map(|scope| match scope.strip_suffix("/.default") {
            Some(resource) => format!("{resource}/user_impersonation {scope}"),
            None => scope.clone(),
        })
        .collect();
    scopes.join(" ")
}

fn configuration(directory: &Directory, ask: &Ask, named: &str) -> Reply {
    let shared = ["common", "organizations"].contains(&named);
    let Some(tenant) = directory.tenant(named).or_else(|| shared.then_some("{tenantid}")) else {
        let refusal = refusal::answer(directory, ask, &Refusal::new(90_002, named));
        let mut body: Value = serde_json::from_slice(&refusal.body).unwrap_or_default();
        body["error"] = "invalid_tenant".into();
        return Reply::json(400, &body).with("Cache-Control", "max-age=86400, private");
    };
    let host = format!("https://{}", ask.host);
    let path = if shared { named } else { tenant };
    let base = format!("{host}/{path}");
    Reply::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{host}/{tenant}/v2.0"),
            "request_uri_parameter_supported": false,
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": true,
            "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
            "claims_supported": [
                "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
                "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash",
                "c_hash", "email"
            ],
            "kerberos_endpoint": format!("{base}/kerberos"),
            "tenant_region_scope": if shared { Value::Null } else { "EU".into() },
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }),
    )
    .with("Cache-Control", "max-age=86400, private")
    .with("Access-Control-Allow-Origin", "*")
    .with("Access-Control-Allow-Methods", "GET, OPTIONS")
    .with("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    .with("X-Content-Type-Options", "nosniff")
    .with("P3P", "CP=\"DSP CUR OTPi IND OTRi ONL FIN\"")
    .with("x-ms-ests-server", "2.1.24000.1 - WEULR1 ProdSlices")
}

fn instance(directory: &Directory, ask: &Ask) -> Reply {
    let network = |preferred: &str, cache: &str, aliases: &[&str]| json!({"preferred_network": preferred, "preferred_cache": cache, "aliases": aliases});
    let endpoint = ask.query("authorization_endpoint").unwrap_or_default();
    let tenant = endpoint.split('/').nth(3).unwrap_or_else(|| directory.home());
    Reply::json(
        200,
        &json!({
            "tenant_discovery_endpoint": format!("https://{}/{tenant}/v2.0/.well-known/openid-configuration", ask.host),
            "api-version": "1.1",
            "metadata": [
                network("login.microsoftonline.com", "login.windows.net",
                    &["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"]),
                network("login.partner.microsoftonline.cn", "login.partner.microsoftonline.cn",
                    &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"]),
                network("login.microsoftonline.us", "login.microsoftonline.us",
                    &["login.microsoftonline.us", "login.usgovcloudapi.net"]),
            ],
        }),
    )
    .with("Cache-Control", "max-age=86400, private")
    .with("Access-Control-Allow-Origin", "*")
    .with("Access-Control-Allow-Methods", "GET, OPTIONS")
    .with("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    .with("X-Content-Type-Options", "nosniff")
    .with("P3P", "CP=\"DSP CUR OTPi IND OTRi ONL FIN\"")
    .with("x-ms-request-id", guid())
    .with("x-ms-ests-server", "2.1.24000.1 - WEULR1 ProdSlices")
}
