//! Whose token it is; and the managed identities that lead to the vault.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, Transport};

use crate::support::{Rig, TOKEN, due, kind};
use rotator::clock::Clock;
use rotator::credential::Host;
use rotator::entra::client::Endpoint;
use rotator::model::credential::VaultCredential;
use rotator::model::identity::Mfa;
use rotator::model::kind::Kind;
use rotator::model::name::{SecretName, VaultUrl};
use rotator::model::target::VaultSite;
use rotator::ports::{Entra, Vault as _};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::{TENANT, USER, User};
use rotator::sandbox::seed::{Seed, VAULT};
use rotator::sandbox::state::State;
use rotator::vault::{Connection, KeyVault};
use rotator::wire::deadline::Deadline;

const OTHER: &str = "00000000-0000-0000-0000-0000000000a2";

fn add_other(state: &mut State, home: (&str, &str)) {
    let user = User { name: "Bob Billing".into(), home: (home.0.into(), home.1.into()) };
    state.directory.users.insert(OTHER.into(), user);
}

#[tokio::test]
async fn a_token_of_another_user_is_refused() {
    let rig = Rig::with(&due(), |state| {
        add_other(state, (TENANT, OTHER));
        state.directory.quirks.other_user = Some(OTHER.into());
    })
    .await;
    let row = rig.run_one(&[]).await;
    assert_eq!((kind(&row), rig.version_count(TOKEN)), ("identity.contradiction.user", 1));
    // A configured user replaces the tagged one.
    rig.configure(&rig.config_text().replace("name = ", &format!("user_id = \"{OTHER}\"\nname = ")));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
}

#[tokio::test]
async fn a_configured_user_is_pinned_from_the_first_run() {
    let seed = Seed::new(TOKEN).untagged().line("user_id = \"00000000-0000-0000-0000-0000000000ff\"");
    let row = Rig::new(&[seed]).await.run_one(&[]).await;
    assert_eq!(kind(&row), "identity.contradiction.user");
}

#[tokio::test]
async fn a_token_of_another_app_is_refused() {
    let rig = Rig::with(&due(), |state| {
        state.directory.quirks.other_app = Some("00000000-0000-0000-0000-0000000000c9".into());
    })
    .await;
    assert_eq!(kind(&rig.run_one(&[]).await), "identity.contradiction.app");
}

#[tokio::test]
async fn a_probe_refuses_another_user_as_well() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(1)], |state| {
        add_other(state, (TENANT, OTHER));
        state.directory.quirks.other_user = Some(OTHER.into());
    })
    .await;
    assert_eq!(kind(&rig.run_one(&[]).await), "identity.contradiction.user");
}

#[tokio::test]
async fn what_cannot_be_read_is_stored_and_said() {
    let rig = Rig::with(&due(), |state| {
        state.directory.quirks.opaque_access = true;
        state.directory.quirks.no_identity = true;
    })
    .await;
    let outcome = rig.call(&["run"]).await;
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("does not say whose token it is"), "{}", outcome.stdout);
    let identity = rig.world().state().vaults[VAULT].newest(TOKEN).unwrap().tags["rotator-identity"].clone();
    assert!(identity.starts_with(&format!("{TENANT}/{USER}/")), "the pin is carried on: {identity}");
}

#[tokio::test]
async fn an_access_token_of_version_2_does_not_tell_about_mfa() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).scope("api://contoso-api/access")]).await;
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, row.mfa), (OutcomeName::Rotated, Mfa::Unknown));
    assert_eq!(row.user_id.as_deref(), Some(USER));
}

#[tokio::test]
async fn a_guest_is_rotated_by_the_home_account() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).user(OTHER)], |state| {
        // Seeds are planted before this runs, so the tag is written here.
        add_other(state, ("00000000-0000-0000-0000-000000000009", "00000000-0000-0000-0000-0000000000e1"));
        let version = &mut state.vault(VAULT).secret_mut(TOKEN).versions[0];
        version.tags.remove("rotator-identity");
    })
    .await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    let row = rig.run_one(&["--force"]).await;
    assert_eq!(row.outcome, OutcomeName::Rotated);
    assert_eq!(row.user_id.as_deref(), Some("00000000-0000-0000-0000-0000000000e1"));
}

#[tokio::test]
async fn a_user_assigned_identity_is_asked_for_by_its_client_id() {
    let assigned = "00000000-0000-0000-0000-00000000002d";
    let rig = Rig::new(&due()).await;
    let text = rig.config_text();
    rig.configure(&text.replacen("credential = ", &format!("identity_client_id = \"{assigned}\"\ncredential = "), 1));
    let row = rig.run_one(&[]).await;
    assert_eq!(kind(&row), "identity.unassigned");
    rig.world().state().identities.push(assigned.into());
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    let principals: Vec<String> = rig.world().state().access.values().map(|grant| grant.principal.clone()).collect();
    assert_eq!(principals, [assigned]);
}

/// Sends what the SDK means for 169.254.169.254, which it does not let be changed, to the sandbox's endpoint of the
/// same form.
#[derive(Debug)]
struct ToSandbox {
    client: reqwest::Client,
    endpoint: String,
}

#[async_trait]
impl HttpClient for ToSandbox {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let asked = request.url();
        assert_eq!((asked.host_str(), asked.path()), (Some("169.254.169.254"), "/metadata/identity/oauth2/token"));
        let mut request = request.clone();
        let url = format!("{}?{}", self.endpoint, asked.query().unwrap_or_default());
        *request.url_mut() = url.parse().unwrap();
        self.client.execute_request(&request).await
    }
}

/// The product's own vault, by the identity of a virtual machine.
async fn vault_on_a_virtual_machine(rig: &Rig, endpoint: String, client_id: Option<&str>) -> Result<usize, Kind> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let environment: std::collections::HashMap<&str, String> = rig.sandbox.environment().into_iter().collect();
    let ca = reqwest::Certificate::from_pem(&std::fs::read(rig.sandbox.ca_file()).unwrap()).unwrap();
    let proxy = reqwest::Proxy::https(&environment["HTTPS_PROXY"]).unwrap();
    let outer = reqwest::Client::builder().proxy(proxy).tls_certs_only([ca]).build().unwrap();
    let client = rotator::wire::client::identity().unwrap();
    let (deadline, clock) = (Deadline::after(Duration::from_secs(20)), Clock::system());
    let identity = Transport::new(Arc::new(ToSandbox { client, endpoint }));
    let host = Host { outer: outer.clone(), identity, deadline: deadline.clone(), clock };
    let entra: Arc<dyn Entra> = Arc::new(Endpoint { client: outer.clone(), clock });
    let connection =
        Connection { outer: Transport::new(Arc::new(rotator::wire::transport::Transport(outer))), deadline };
    let credential = VaultCredential::ManagedIdentity { client_id: client_id.map(str::to_owned) };
    let url = VaultUrl::parse(&format!("https://{VAULT}")).unwrap();
    let site = VaultSite { name: "default".into(), url, credential, chosen: None };
    let credential = rotator::credential::vault::credential(&site, &host, &entra).unwrap();
    let vault = KeyVault::connect(&site, credential, &connection).unwrap();
    let versions = vault.versions(&SecretName::parse(TOKEN).unwrap()).await;
    versions.map(|versions| versions.len()).map_err(|cause| cause.kind)
}

#[tokio::test]
async fn the_identity_of_a_virtual_machine() {
    let rig = Rig::new(&due()).await;
    assert_eq!(vault_on_a_virtual_machine(&rig, rig.sandbox.imds(), None).await, Ok(1));
    let other = Some("00000000-0000-0000-0000-0000000000ee");
    let refused = vault_on_a_virtual_machine(&rig, rig.sandbox.imds(), other).await;
    assert_eq!(refused, Err(Kind::IdentityUnassigned));
}

#[tokio::test]
async fn outside_azure_there_is_no_identity_and_that_is_said_in_time() {
    let rig = Rig::new(&due()).await;
    // Nothing listens on the port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let begun = std::time::Instant::now();
    let missing = vault_on_a_virtual_machine(&rig, format!("http://127.0.0.1:{port}/x"), None).await;
    assert_eq!(missing, Err(Kind::IdentityUnavailable));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
