//! What a vault answers. Order of checks, texts and forms as recorded from the service.

use serde_json::{Map, Value, json};
use time::Duration;

use super::list;
use super::right::{Control, Right};
use super::store::{Deleted, Secret, Vault, Version, rounded};
use crate::sandbox::http::{Ask, Reply};
use crate::sandbox::state::{State, guid, now};

const LONGEST_VALUE: usize = 25 * 1024;
const RECOVERABLE_DAYS: i64 = 90;
const SLOW: Duration = Duration::seconds(2);
const API_VERSIONS: [&str; 9] = ["7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"];

type Answer = Result<Reply, Reply>;

pub(crate) fn answer(state: &mut State, ask: &Ask) -> Reply {
    let reply = checked(state, ask).unwrap_or_else(|refusal| refusal);
    let reply = reply
        .with("Cache-Control", "no-cache")
        .with("x-ms-keyvault-region", "westeurope")
        .with("x-ms-keyvault-service-version", "1.9.3449.1")
        .with("x-ms-keyvault-network-info", "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;")
        .with("x-ms-request-id", guid())
        .with("Strict-Transport-Security", "max-age=31536000;includeSubDomains")
        .with("X-Content-Type-Options", "nosniff")
        .with("Pragma", "no-cache")
        .with("Expires", "-1");
    match ask.header("x-ms-client-request-id") {
        Some(id) => reply.with("x-ms-client-request-id", id),
        None => reply,
    }
}

fn checked(state: &mut State, ask: &Ask) -> Answer {
    authorize(state, ask)?;
    if ask.method == "PUT" && ask.path == "/secrets/" {
        return Err(refuse(405, "MethodNotAllowed", None, "HTTP PUT not allowed"));
    }
    match ask.query("api-version") {
        None => return Err(refuse(400, "BadParameter", None, "api-version must be specified")),
        Some(version)
            if !API_VERSIONS.contains(&version) && !version.ends_with("-preview") && !version.contains("-preview.") =>
        {
            return Err(refuse(400, "BadParameter", None, "The specified version is not recognized"));
        }
        Some(_) => {}
    }
    let host = ask.host.clone();
    let vault = state.vault(&host);
    within_limits(vault, ask)?;
    if vault.rights.control == Control::Firewall {
        let text = format!(
            "Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\nVault: {host}"
        );
        return Err(refuse(403, "Forbidden", Some("ForbiddenByFirewall"), &text));
    }
    route(vault, ask, &host)
}

/// A challenge comes before every other check.
fn authorize(state: &State, ask: &Ask) -> Result<(), Reply> {
    let token = ask.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let named = state.vaults.get(&ask.host).and_then(|vault| vault.resource.clone());
    let resource = named.unwrap_or_else(|| resource(&ask.host));
    let challenge = |text: &str| {
        let tenant = state.directory.home();
        let value =
            format!("Bearer authorization=\"https://login.microsoftonline.com/{tenant}\", resource=\"{resource}\"");
        refuse(401, "Unauthorized", None, text).with("WWW-Authenticate", value)
    };
    let Some(token) = token else {
        return Err(challenge("AKV10000: Request is missing a Bearer, PoP, or MTLS_POP token."));
    };
    match state.access.get(token) {
        Some(grant) if grant.expires <= now() => Err(challenge("AKV10022: Invalid audience or expired token.")),
        Some(grant) if grant.audience.trim_end_matches('/') == resource => Ok(()),
        _ => Err(challenge("AKV10032: Invalid issuer or audience.")),
    }
}

fn resource(host: &str) -> String {
    let suffix = host.split_once('.').map_or(host, |(_, suffix)| suffix);
    format!("https://{suffix}")
}

fn within_limits(vault: &mut Vault, ask: &Ask) -> Result<(), Reply> {
    let at = now();
    let window = vault.window.get_or_insert((at, 0, 0));
    if at - window.0 >= Duration::seconds(10) {
        *window = (at, 0, 0);
    }
    // Requests that are refused for this do not count.
    let (count, most) =
        if ask.method == "PUT" { (&mut window.1, vault.limits.create) } else { (&mut window.2, vault.limits.other) };
    if *count < most {
        *count += 1;
        return Ok(());
    }
    let text = "Request was not processed because too many requests were received.";
    Err(refuse(429, "Throttled", None, text).with("Retry-After", "1"))
}

fn route(vault: &mut Vault, ask: &Ask, host: &str) -> Answer {
    let segments = ask.segments();
    let right = |vault: &Vault, right| permitted(vault, right, host);
    match (ask.method.as_str(), segments.as_slice()) {
        ("GET", ["secrets"]) => right(vault, Right::List).map(|()| list::secrets(vault, ask, host, false)),
        ("GET", ["deletedsecrets"]) => right(vault, Right::List).map(|()| list::secrets(vault, ask, host, true)),
        ("GET", ["secrets", name, "versions"]) => {
            right(vault, Right::List).map(|()| list::versions(vault, ask, host, name))
        }
        ("GET", ["secrets", name] | ["secrets", name, ""]) => {
            right(vault, Right::Get).and_then(|()| get(vault, ask, host, name, None))
        }
        ("GET", ["secrets", name, id]) => right(vault, Right::Get).and_then(|()| get(vault, ask, host, name, Some(id))),
        ("PUT", ["secrets", name]) => right(vault, Right::Set).and_then(|()| set(vault, ask, host, name)),
        ("PATCH", ["secrets", name, id]) => {
            right(vault, Right::Update).and_then(|()| patch(vault, ask, host, name, id))
        }
        ("DELETE", ["secrets", name]) => right(vault, Right::Delete).and_then(|()| delete(vault, host, name)),
        ("GET", ["deletedsecrets", name]) => right(vault, Right::List).and_then(|()| get_deleted(vault, host, name)),
        ("POST", ["deletedsecrets", name, "recover"]) => {
            right(vault, Right::Recover).and_then(|()| recover(vault, host, name))
        }
        ("DELETE", ["deletedsecrets", name]) => right(vault, Right::Delete).and_then(|()| purge(vault, name)),
        _ => Err(refuse(405, "MethodNotAllowed", None, &format!("HTTP {} not allowed", ask.method))),
    }
}

fn permitted(vault: &Vault, right: Right, host: &str) -> Result<(), Reply> {
    if !vault.rights.denied.contains(&right) {
        return Ok(());
    }
    let name = host.split('.').next().unwrap_or_default();
    Err(match vault.rights.control {
        Control::Policy => refuse(
            403,
            "Forbidden",
            Some("ForbiddenByPolicy"),
            &format!(
                "The user, group or application 'appid=sandbox' does not have secrets permission on key vault '{name};location=westeurope'."
            ),
        ),
        Control::Rbac | Control::Firewall => refuse(
            403,
            "Forbidden",
            Some("ForbiddenByRbac"),
            &format!(
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role \
                 definitions were changed recently, please observe propagation time.\r\nCaller: appid=sandbox;oid=sandbox\r\n\
                 Action: '{}'\r\nResource: '/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/{name}'\r\n\
                 Assignment: (not found)\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {name};location=westeurope\r\n",
                right.action()
            ),
        ),
    })
}

pub(super) fn refuse(status: u16, code: &str, inner: Option<&str>, message: &str) -> Reply {
    let mut error = Map::new();
    error.insert("code".to_owned(), code.into());
    error.insert("message".to_owned(), message.into());
    if let Some(inner) = inner {
        error.insert("innererror".to_owned(), json!({ "code": inner }));
    }
    Reply::json(status, &json!({ "error": error }))
}

fn not_found(name: &str) -> Reply {
    let text = format!(
        "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be \
         able to recover it using the correct recovery command. For help resolving this issue, please see \
         https://go.microsoft.com/fwlink/?linkid=2125182"
    );
    refuse(404, "SecretNotFound", None, &text)
}

/// A secret that is there: neither deleted nor being recovered.
pub(super) fn live<'v>(vault: &'v mut Vault, name: &str) -> Result<&'v mut Secret, Reply> {
    vault
        .secrets
        .get_mut(&name.to_ascii_lowercase())
        .filter(|secret| secret.deleted.is_none() && secret.recovering_until.is_none_or(|until| until <= now()))
        .ok_or_else(|| not_found(name))
}

fn get(vault: &mut Vault, ask: &Ask, host: &str, name: &str, id: Option<&str>) -> Answer {
    let secret = live(vault, name)?;
    let version = match id {
        None => secret.versions.last(),
        Some(id) => secret.versions.iter().find(|version| version.id == id),
    };
    let version = version.ok_or_else(|| not_found(&id.map_or(name.to_owned(), |id| format!("{name}/{id}"))))?;
    if !version.enabled {
        return Err(refuse(
            403,
            "Forbidden",
            Some("SecretDisabled"),
            "Operation get is not allowed on a disabled secret.",
        ));
    }
    if ask.query("outContentType").is_some() {
        let text =
            "The 'Unsupported' to 'PEM' transformation is not supported. Only PFX to PEM transformation is supported.";
        return Err(refuse(400, "BadParameter", None, text));
    }
    Ok(Reply::json(200, &bundle(host, &secret.name, version, true)))
}

fn set(vault: &mut Vault, ask: &Ask, host: &str, name: &str) -> Answer {
    let body: Value = serde_json::from_slice(&ask.body).unwrap_or(Value::Null);
    let Some(value) = body["value"].as_str() else {
        return Err(refuse(400, "BadParameter", None, "Property  value is required"));
    };
    if value.len() > LONGEST_VALUE {
        return Err(refuse(400, "BadParameter", None, "The specified value exceeds the maximum size of 25600 bytes."));
    }
    let tags = tags(&body)?;
    if name.is_empty() || name.len() > 127 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(refuse(400, "BadParameter", None, &format!("The request URI contains an invalid name: {name}")));
    }
    if let Some(existing) = vault.secrets.get(&name.to_ascii_lowercase()) {
        if existing.deleted.is_some() {
            let text = format!(
                "Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this \
                 state, the secret can only be recovered or purged."
            );
            return Err(refuse(409, "Conflict", Some("ObjectIsDeletedButRecoverable"), &text));
        }
        if existing.recovering_until.is_some_and(|until| until > now()) {
            let text = format!("Secret {name} is currently being recovered.");
            return Err(refuse(409, "Conflict", Some("ObjectIsBeingRecovered"), &text));
        }
    }
    let mut version = Version::new(value);
    version.tags = tags.unwrap_or_default();
    version.content_type = body["contentType"].as_str().map(str::to_owned);
    attributes(&mut version, &body["attributes"]);
    let version = vault.add(name, version).clone();
    let name = vault.secret_mut(name).name.clone();
    Ok(Reply::json(200, &bundle(host, &name, &version, true)))
}

fn patch(vault: &mut Vault, ask: &Ask, host: &str, name: &str, id: &str) -> Answer {
    let body: Value = serde_json::from_slice(&ask.body).unwrap_or(Value::Null);
    let tags = tags(&body)?;
    let secret = live(vault, name)?;
    let stored = secret.name.clone();
    let version = match id {
        "" => secret.versions.last_mut(),
        id => secret.versions.iter_mut().find(|version| version.id == id),
    };
    let version = version.ok_or_else(|| not_found(&format!("{name}/{id}")))?;
    if let Some(tags) = tags {
        version.tags = tags;
    }
    if let Some(content_type) = body["contentType"].as_str() {
        version.content_type = Some(content_type.to_owned());
    }
    attributes(version, &body["attributes"]);
    version.updated = rounded(now());
    Ok(Reply::json(200, &bundle(host, &stored, version, false)))
}

/// What a body says of attributes; read-only ones are ignored.
fn attributes(version: &mut Version, attributes: &Value) {
    version.enabled = attributes["enabled"].as_bool().unwrap_or(version.enabled);
    version.not_before = attributes["nbf"].as_i64().or(version.not_before);
    version.expires = match &attributes["exp"] {
        // Told to drop it, in so many words.
        Value::Null if attributes.get("exp").is_some() && !version.keeps_expiry => None,
        expires => expires.as_i64().or(version.expires),
    };
}

type Tags = std::collections::BTreeMap<String, String>;

fn tags(body: &Value) -> Result<Option<Tags>, Reply> {
    let Some(map) = body["tags"].as_object() else { return Ok(None) };
    let fits = |text: &str| text.len() <= 256;
    if map.len() > 15 || !map.iter().all(|(name, value)| fits(name) && value.as_str().is_some_and(fits)) {
        return Err(refuse(400, "BadParameter", None, "Tags are limited to 15 of up to 256 characters."));
    }
    Ok(Some(map.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()))
}

fn bundle(host: &str, name: &str, version: &Version, with_value: bool) -> Value {
    let id = format!("https://{host}/secrets/{name}/{}", version.id);
    let mut bundle = properties(&id, version);
    if with_value {
        bundle.insert("value".to_owned(), version.value.clone().into());
    }
    Value::Object(bundle)
}

pub(super) fn properties(id: &str, version: &Version) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("enabled".to_owned(), version.enabled.into());
    for (name, value) in [("nbf", version.not_before), ("exp", version.expires)] {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value.into());
        }
    }
    attributes.insert("created".to_owned(), version.created.into());
    attributes.insert("updated".to_owned(), version.updated.into());
    attributes.insert("recoveryLevel".to_owned(), "Recoverable+Purgeable".into());
    attributes.insert("recoverableDays".to_owned(), RECOVERABLE_DAYS.into());
    let mut properties = Map::new();
    properties.insert("id".to_owned(), id.into());
    properties.insert("attributes".to_owned(), attributes.into());
    if !version.tags.is_empty() {
        properties.insert("tags".to_owned(), json!(version.tags));
    }
    if let Some(content_type) = &version.content_type {
        properties.insert("contentType".to_owned(), content_type.clone().into());
    }
    properties
}

pub(super) fn deletion_members(host: &str, name: &str, deletion: &Deleted) -> Map<String, Value> {
    let at = rounded(deletion.at);
    [
        ("recoveryId".to_owned(), Value::from(format!("https://{host}/deletedsecrets/{name}"))),
        ("deletedDate".to_owned(), at.into()),
        ("scheduledPurgeDate".to_owned(), (at + RECOVERABLE_DAYS * 86_400).into()),
    ]
    .into_iter()
    .collect()
}

fn deleted_bundle(host: &str, secret: &Secret) -> Value {
    let mut bundle = match secret.versions.last() {
        Some(version) => properties(&format!("https://{host}/secrets/{}/{}", secret.name, version.id), version),
        None => Map::new(),
    };
    if let Some(deletion) = &secret.deleted {
        bundle.extend(deletion_members(host, &secret.name, deletion));
    }
    Value::Object(bundle)
}

fn delete(vault: &mut Vault, host: &str, name: &str) -> Answer {
    let secret = live(vault, name)?;
    secret.deleted = Some(Deleted { at: now(), settled: now() + SLOW });
    Ok(Reply::json(200, &deleted_bundle(host, secret)))
}

/// A deleted secret, whether or not the deletion is finished.
fn gone<'v>(vault: &'v mut Vault, name: &str) -> Result<(&'v mut Secret, bool), Reply> {
    let secret = vault.secrets.get_mut(&name.to_ascii_lowercase()).filter(|secret| secret.deleted.is_some());
    let secret = secret.ok_or_else(|| not_found(name))?;
    let settled = secret.deleted.as_ref().is_some_and(|deleted| deleted.settled <= now());
    Ok((secret, settled))
}

fn get_deleted(vault: &mut Vault, host: &str, name: &str) -> Answer {
    let (secret, settled) = gone(vault, name)?;
    if !settled {
        return Err(refuse(404, "SecretNotFound", None, &format!("Deleted Secret not found: {name}")));
    }
    if secret.versions.last().is_some_and(|version| !version.enabled) {
        return Err(refuse(
            403,
            "Forbidden",
            Some("SecretDisabled"),
            "Operation get is not allowed on a disabled secret.",
        ));
    }
    Ok(Reply::json(200, &deleted_bundle(host, secret)))
}

fn recover(vault: &mut Vault, host: &str, name: &str) -> Answer {
    let (secret, settled) = gone(vault, name)?;
    if !settled {
        let text = "Secret is currently being deleted.";
        return Err(refuse(409, "Conflict", Some("ObjectIsBeingDeleted"), text));
    }
    secret.deleted = None;
    secret.recovering_until = Some(now() + SLOW);
    let id = secret.versions.last().map(|version| format!("https://{host}/secrets/{}/{}", secret.name, version.id));
    let body = secret.versions.last().zip(id).map(|(version, id)| Value::Object(properties(&id, version)));
    Ok(Reply::json(200, &body.unwrap_or_default()))
}

fn purge(vault: &mut Vault, name: &str) -> Answer {
    let (_, settled) = gone(vault, name)?;
    if !settled {
        let text = "Secret is currently being deleted.";
        return Err(refuse(409, "Conflict", Some("ObjectIsBeingDeleted"), text));
    }
    vault.secrets.remove(&name.to_ascii_lowercase());
    Ok(Reply::empty(204))
}
