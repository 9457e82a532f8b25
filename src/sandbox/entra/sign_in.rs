//! The sign-in of a person: the page at `/authorize`, the codes it gives out, and codes for other devices. What people do on
//! the real pages is two buttons here.

use std::collections::HashMap;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::directory::{App, Directory, RefreshToken};
use super::refusal::{self, Refusal};
use crate::sandbox::http::{Ask, Reply};
use crate::sandbox::state::{guid, now};

/// Who signed in.
#[derive(Debug, Clone)]
pub struct Person {
    pub user: String,
    pub mfa: bool,
}

/// An authorization code that was given out.
#[derive(Debug, Clone)]
pub struct Code {
    tenant: String,
    client_id: String,
    redirect: String,
    challenge: Option<String>,
    scope: String,
    nonce: Option<String>,
    person: Person,
    issued: OffsetDateTime,
    redeemed: bool,
}

/// A code for another device.
#[derive(Debug, Clone)]
pub struct Device {
    tenant: String,
    client_id: String,
    scope: String,
    pub user_code: String,
    expires: OffsetDateTime,
    pub decision: Decision,
    polls: usize,
}

/// What the person at the other device has done.
#[derive(Debug, Clone, Default)]
pub enum Decision {
    #[default]
    None,
    SignedIn(Person),
    Declined,
}

/// What the service does with device codes.
#[derive(Debug, Clone)]
pub struct DeviceHabits {
    pub lifetime: Duration,
    /// Seconds between two polls.
    pub interval: u64,
    /// So many polls are told to slow down.
    pub slow_downs: usize,
    /// What a person does when so many polls have been answered.
    pub then: Option<(usize, Decision)>,
}

impl Default for DeviceHabits {
    fn default() -> Self {
        Self { lifetime: Duration::minutes(15), interval: 5, slow_downs: 0, then: None }
    }
}

#[derive(Template)]
#[template(path = "sandbox/entra/sign_in.html", config = "src/askama.toml")]
struct SignInPage<'a> {
    action: &'a str,
    hidden: &'a [(String, String)],
    asks_code: bool,
    users: Vec<(&'a str, &'a str)>,
    client: &'a str,
    scopes: Vec<&'a str>,
}

type Form = HashMap<String, String>;

fn form_of(ask: &Ask) -> Form {
    url::form_urlencoded::parse(&ask.body).into_owned().collect()
}

fn html(status: u16, page: &str) -> Reply {
    Reply::text(status, "text/html; charset=utf-8", page).with("Cache-Control", "no-store, no-cache")
}

fn page(directory: &Directory, action: &str, hidden: &[(String, String)], client: &str, scopes: Vec<&str>) -> Reply {
    let users = directory.users.iter().map(|(id, user)| (id.as_str(), user.name.as_str())).collect();
    let page = SignInPage { action, hidden, asks_code: client.is_empty(), users, client, scopes };
    html(200, &page.render().unwrap_or_default())
}

/// The page at `/authorize`. What is wrong with the app or the redirect is said here, since nobody can be sent back.
pub(super) fn authorize(directory: &mut Directory, ask: &Ask, named: &str) -> Reply {
    let query: Form = ask.query.iter().cloned().collect();
    if let Err(refused) = check(directory, &query, named) {
        refusal::page(&refused)
    } else {
        directory.sign_ins.push(query.clone());
        let scopes = query["scope"].split_whitespace().collect();
        page(directory, &format!("/{named}/login"), &ask.query, &query["client_id"], scopes)
    }
}

fn check(directory: &Directory, query: &Form, named: &str) -> Result<(), Refusal> {
    directory.tenant(named).ok_or_else(|| Refusal::new(90_002, named))?;
    let field = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let required = |name: &str| field(name).ok_or_else(|| Refusal::new(900_144, name));
    let client_id = required("client_id")?;
    let app = directory.apps.get(client_id).ok_or_else(|| Refusal::new(700_016, client_id))?;
    let redirect = required("redirect_uri")?;
    if !registered(app, redirect) {
        return Err(Refusal::new(50_011, redirect));
    }
    if required("response_type")? != "code" {
        return Err(Refusal::new(700_051, &query["response_type"]));
    }
    if field("code_challenge").is_some() && field("code_challenge_method").is_none_or(|method| method != "S256") {
        return Err(Refusal::new(501_491, ""));
    }
    all_scopes(required("scope")?).map(drop)
}

/// The port of `http://localhost` is ignored; path and host are not.
fn registered(app: &App, redirect: &str) -> bool {
    let without_port = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        if url.host_str() == Some("localhost") {
            url.set_port(None).ok()?;
        }
        Some(url)
    };
    let asked = without_port(redirect);
    asked.is_some() && app.redirects.iter().any(|known| without_port(known) == asked)
}

/// The scopes of APIs, which at a sign-in may be of several; `.default` goes with no other.
fn all_scopes(text: &str) -> Result<Vec<String>, Refusal> {
    let openid = ["openid", "profile", "email", "offline_access"];
    let scopes: Vec<String> =
        text.split_whitespace().filter(|scope| !openid.contains(scope)).map(str::to_owned).collect();
    let mixed = scopes.len() > 1 && scopes.iter().any(|scope| scope.ends_with("/.default"));
    if mixed { Err(Refusal::new(70_011, text)) } else { Ok(scopes) }
}

/// One of the two buttons of that page was pressed.
pub(super) fn login(directory: &mut Directory, ask: &Ask, named: &str) -> Reply {
    let form = form_of(ask);
    if let Err(refused) = check(directory, &form, named) {
        return refusal::page(&refused);
    }
    let Ok(mut back) = Url::parse(&form["redirect_uri"]) else { return Reply::empty(400) };
    let state = form.get("state").cloned().unwrap_or_default();
    if form.get("answer").is_some_and(|answer| answer == "decline") {
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("error_description", &refusal::description(directory, &Refusal::new(65_004, "")))
            .append_pair("error_uri", "https://login.microsoftonline.com/error?code=65004")
            .append_pair("state", &state);
        return Reply::empty(302).with("Location", back.as_str());
    }
    let Some(person) = person(directory, &form) else { return refusal::page(&Refusal::new(50_034, "")) };
    let (tenant, client_id) = (directory.tenant(named).unwrap_or_default().to_owned(), form["client_id"].clone());
    consent(directory, &client_id, &all_scopes(&form["scope"]).unwrap_or_default());
    let code = Code {
        tenant,
        client_id,
        redirect: form["redirect_uri"].clone(),
        challenge: form.get("code_challenge").cloned(),
        scope: form["scope"].clone(),
        nonce: form.get("nonce").cloned(),
        person,
        issued: now(),
        redeemed: false,
    };
    let value = format!("1.AXoA_sandbox-code-{}", guid().replace('-', "").repeat(12));
    directory.codes.insert(value.clone(), code);
    back.query_pairs_mut()
        .append_pair("code", &value)
        .append_pair("state", &state)
        .append_pair("session_state", &guid());
    Reply::empty(302).with("Location", back.as_str())
}

fn person(directory: &Directory, form: &Form) -> Option<Person> {
    let user = form.get("user").filter(|user| directory.users.contains_key(*user))?;
    Some(Person { user: user.clone(), mfa: form.contains_key("mfa") })
}

/// From now on the app may have tokens for these APIs.
fn consent(directory: &mut Directory, client_id: &str, scopes: &[String]) {
    let Some(app) = directory.apps.get_mut(client_id).filter(|app| !app.consented.is_empty()) else { return };
    for scope in scopes {
        let resource = super::answer::resource_of(scope).to_owned();
        if !app.consented.contains(&resource) {
            app.consented.push(resource);
        }
    }
}

/// Redeems a code: it must be the app's own, from the same redirect, with the right verifier, and not used before.
pub(super) fn redeem(directory: &mut Directory, tenant: &str, form: &mut Form) -> Result<RefreshToken, Refusal> {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let single_page = directory.apps.get(field("client_id")).is_some_and(|app| app.single_page);
    let code = directory.codes.get_mut(field("code")).ok_or_else(|| Refusal::new(9_002_313, ""))?;
    let client_id = code.client_id.as_str();
    let verified = code.challenge.as_ref().is_none_or(|challenge| {
        *challenge == URL_SAFE_NO_PAD.encode(digest(&SHA256, field("code_verifier").as_bytes()))
    });
    let refused = match () {
        () if client_id != field("client_id") => Some(70_000),
        () if code.tenant != tenant => Some(700_005),
        () if code.redeemed => Some(54_005),
        () if now() - code.issued > Duration::minutes(10) => Some(70_008),
        () if code.redirect != field("redirect_uri") => Some(500_112),
        () if !verified => Some(501_481),
        () if single_page => Some(9_002_327),
        () => None,
    };
    if let Some(number) = refused {
        return Err(Refusal::new(number, client_id));
    }
    code.redeemed = true;
    let (client_id, person) = (code.client_id.clone(), code.person.clone());
    let (scope, nonce) = (code.scope.clone(), code.nonce.clone());
    form.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce)));
    form.entry("scope".to_owned()).or_insert_with(|| of_first_resource(&scope));
    Ok(signed_in(client_id, person))
}

/// Whoever names no scope gets the first API that was asked for at the sign-in.
fn of_first_resource(scope: &str) -> String {
    let of_api = |scope: &&str| scope.contains("://");
    let first = scope.split_whitespace().find(of_api).map(super::answer::resource_of);
    let fits = |scope: &&str| !of_api(scope) || Some(super::answer::resource_of(scope)) == first;
    scope.split_whitespace().filter(fits).collect::<Vec<_>>().join(" ")
}

/// The sign-in as the refresh token that its own will be a copy of.
fn signed_in(client_id: String, person: Person) -> RefreshToken {
    RefreshToken {
        client_id,
        user: person.user,
        issued: now(),
        mfa: person.mfa,
        revoked: None,
        single_page: false,
        refused_with: None,
    }
}

const DEVICE_LOGIN: &str = "https://microsoft.com/devicelogin";

/// Gives out a code for another device.
pub(super) fn device_code(directory: &mut Directory, ask: &Ask, named: &str) -> Result<Reply, Refusal> {
    let form = form_of(ask);
    let tenant = directory.tenant(named).ok_or_else(|| Refusal::new(90_002, named))?.to_owned();
    let client_id = form.get("client_id").ok_or_else(|| Refusal::new(900_144, "client_id"))?.clone();
    if !directory.apps.contains_key(&client_id) {
        return Err(Refusal::new(700_016, &client_id));
    }
    let scope = form.get("scope").cloned().unwrap_or_default();
    all_scopes(&scope)?;
    let code = format!("DAQABIQEAAAsandbox{}", guid().replace('-', "").repeat(4));
    let user_code: String = guid().replace('-', "").bytes().map(|byte| char::from(b'A' + byte % 26)).take(9).collect();
    let habits = &directory.device_habits;
    let body = json!({
        "user_code": user_code, "device_code": code, "verification_uri": DEVICE_LOGIN,
        "expires_in": habits.lifetime.whole_seconds(), "interval": habits.interval,
        "message": format!("To sign in, use a web browser to open the page {DEVICE_LOGIN} and enter the code {user_code} to authenticate."),
    });
    let expires = now() + habits.lifetime;
    let device = Device { tenant, client_id, scope, user_code, expires, decision: Decision::None, polls: 0 };
    directory.devices.insert(code, device);
    Ok(refusal::headers(Reply::json(200, &body), ask, &guid(), None))
}

/// The page on the other device.
pub(super) fn device_login(directory: &mut Directory, ask: &Ask) -> Reply {
    if ask.method != "POST" {
        return page(directory, "/devicelogin", &[], "", Vec::new());
    }
    let form = form_of(ask);
    let decision = match person(directory, &form) {
        _ if form.get("answer").is_some_and(|answer| answer == "decline") => Decision::Declined,
        Some(person) => Decision::SignedIn(person),
        None => return Reply::empty(400),
    };
    let typed = form.get("user_code").map(|code| code.trim().to_ascii_uppercase()).unwrap_or_default();
    let Some(device) = directory.devices.values_mut().find(|device| device.user_code == typed) else {
        return html(400, "<!doctype html><title>Sign in (sandbox)</title><p id=\"said\">There is no such code.");
    };
    device.decision = decision;
    html(200, "<!doctype html><title>Sign in (sandbox)</title><p id=\"said\">Go back to your device.")
}

/// A device asks whether the person has signed in.
pub(super) fn poll(directory: &mut Directory, tenant: &str, form: &mut Form) -> Result<RefreshToken, Refusal> {
    let habits = directory.device_habits.clone();
    let about = form.get("device_code").cloned().unwrap_or_default();
    let device = directory.devices.get_mut(&about).ok_or_else(|| Refusal::new(70_018, ""))?;
    device.polls += 1;
    if let Some((_, then)) = habits.then.filter(|(polls, _)| device.polls > *polls) {
        device.decision = then;
    }
    if form.get("client_id") != Some(&device.client_id) || device.tenant != tenant {
        return Err(Refusal::new(70_018, ""));
    }
    if device.expires <= now() {
        return Err(Refusal::new(70_020, ""));
    }
    if device.polls <= habits.slow_downs {
        return Err(Refusal::new(SLOW_DOWN, ""));
    }
    let (client_id, scope) = (device.client_id.clone(), device.scope.clone());
    match std::mem::take(&mut device.decision) {
        Decision::None => Err(Refusal::new(70_016, "")),
        Decision::Declined => Err(Refusal::new(DECLINED, "")),
        Decision::SignedIn(person) => {
            directory.devices.remove(&about);
            consent(directory, &client_id, &all_scopes(&scope).unwrap_or_default());
            form.entry("scope".to_owned()).or_insert_with(|| of_first_resource(&scope));
            Ok(signed_in(client_id, person))
        }
    }
}

/// Not numbers of Entra ID's: it has no page for the RFC's `slow_down`, and none tells the number of a declined code.
pub(super) const SLOW_DOWN: u32 = 1;
pub(super) const DECLINED: u32 = 2;
