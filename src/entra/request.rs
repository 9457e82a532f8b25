//! Token requests, built without sending them.

use std::sync::Arc;

use url::Url;
use url::form_urlencoded::Serializer;

use crate::model::target::App;
use crate::secret::{Assertion, ClientSecret, Code, DeviceCode, Form, RefreshToken, Verifier};

/// What an app registration proves itself with in one request.
#[derive(Debug, Clone)]
pub enum Proof {
    Secret(Arc<ClientSecret>),
    /// RFC 7523 section 2.2: signed by the app's certificate, or issued by somebody it is told to trust.
    Assertion(Arc<Assertion>),
    /// A public client proves nothing.
    Public,
}

/// A request to the v2.0 token endpoint
/// (learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow, RFC 6749 section 6).
#[derive(Debug)]
pub struct TokenRequest {
    pub url: Url,
    pub form: Form,
}

/// Redeems `refresh` for `scope`. `offline_access` makes Entra ID return a new refresh token, `openid` and
/// `client_info` make it say whose it is. The scope goes out as it was written: a double slash is significant.
#[must_use]
pub fn refresh(app: &App, proof: &Proof, scope: &str, refresh: &RefreshToken) -> TokenRequest {
    let mut form = form(refresh.expose().len());
    form.append_pair("client_id", &app.client_id)
        .append_pair("grant_type", "refresh_token")
        .append_pair("scope", &format!("{scope} offline_access openid"))
        .append_pair("client_info", "1");
    prove(&mut form, proof);
    form.append_pair("refresh_token", refresh.expose());
    TokenRequest { url: token_endpoint(app), form: Form::new(form.finish()) }
}

/// What a sign-in asks for besides the scopes of an API: a refresh token, and who signed in.
pub const SIGN_IN_SCOPES: &str = "offline_access openid profile";

/// Redeems the code of a sign-in that came back to `redirect`
/// (learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow, RFC 6749 section 4.1.3, RFC 7636 section 4.5).
#[must_use]
pub fn authorization_code(
    app: &App,
    proof: &Proof,
    scope: &str,
    code: &Code,
    redirect: &str,
    verifier: &Verifier,
) -> TokenRequest {
    let mut form = form(code.expose().len());
    form.append_pair("client_id", &app.client_id)
        .append_pair("grant_type", "authorization_code")
        .append_pair("scope", &format!("{scope} {SIGN_IN_SCOPES}"))
        .append_pair("redirect_uri", redirect)
        .append_pair("client_info", "1");
    prove(&mut form, proof);
    form.append_pair("code_verifier", verifier.expose()).append_pair("code", code.expose());
    TokenRequest { url: token_endpoint(app), form: Form::new(form.finish()) }
}

/// Asks for a code that a person types in on any device
/// (learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code). RFC 8628 section 3.1 has confidential clients prove who
/// they are here as well, which Entra ID's page does not mention.
#[must_use]
pub fn device_authorization(app: &App, proof: &Proof, scopes: &str) -> TokenRequest {
    let mut form = form(0);
    form.append_pair("client_id", &app.client_id).append_pair("scope", &format!("{scopes} {SIGN_IN_SCOPES}"));
    prove(&mut form, proof);
    TokenRequest { url: endpoint(app, "devicecode"), form: Form::new(form.finish()) }
}

/// Asks whether that person has signed in (RFC 8628 section 3.4).
#[must_use]
pub fn device_code(app: &App, proof: &Proof, scope: &str, code: &DeviceCode) -> TokenRequest {
    let mut form = form(code.expose().len());
    form.append_pair("client_id", &app.client_id)
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
        .append_pair("scope", &format!("{scope} {SIGN_IN_SCOPES}"))
        .append_pair("client_info", "1");
    prove(&mut form, proof);
    form.append_pair("device_code", code.expose());
    TokenRequest { url: token_endpoint(app), form: Form::new(form.finish()) }
}

/// An access token for the app itself, without a user
/// (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
#[must_use]
pub fn client_credentials(app: &App, proof: &Proof, scope: &str) -> TokenRequest {
    let mut form = form(0);
    form.append_pair("client_id", &app.client_id)
        .append_pair("grant_type", "client_credentials")
        .append_pair("scope", scope);
    prove(&mut form, proof);
    TokenRequest { url: token_endpoint(app), form: Form::new(form.finish()) }
}

/// Room for the longest proof, so that no copy of a secret is left behind when the form grows.
fn form(token_length: usize) -> Serializer<'static, String> {
    Serializer::new(String::with_capacity(12 * 1024 + 3 * token_length))
}

fn prove(form: &mut Serializer<'_, String>, proof: &Proof) {
    match proof {
        Proof::Secret(secret) => {
            form.append_pair("client_secret", secret.expose());
        }
        Proof::Assertion(assertion) => {
            form.append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                .append_pair("client_assertion", assertion.expose());
        }
        Proof::Public => {}
    }
}

/// Where an app's tokens are asked.
#[must_use]
pub fn token_endpoint(app: &App) -> Url {
    endpoint(app, "token")
}

/// An address of the v2.0 protocol, such as `authorize`.
#[must_use]
pub fn endpoint(app: &App, name: &str) -> Url {
    let mut url = app.authority.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([app.tenant_id.as_str(), "oauth2", "v2.0", name]);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::cloud::Cloud;
    use crate::model::credential::ClientCredential;

    fn app(authority: Url) -> App {
        App {
            name: "partner".into(),
            tenant_id: "contoso.example".into(),
            client_id: "c1".into(),
            authority,
            credential: ClientCredential::None,
            credential_expires: None,
            grants: Vec::new(),
        }
    }

    #[test]
    fn the_form_is_encoded_and_the_scope_is_kept() {
        let secret = Proof::Secret(Arc::new(ClientSecret::new("a+b&c=d~é".into())));
        let token = RefreshToken::new("0.A/x+y".into());
        let request =
            refresh(&app(Cloud::China.authority()), &secret, "https://management.azure.com//.default", &token);
        assert_eq!(request.url.as_str(), "https://login.partner.microsoftonline.cn/contoso.example/oauth2/v2.0/token");
        assert_eq!(
            request.form.expose(),
            "client_id=c1&grant_type=refresh_token&scope=https%3A%2F%2Fmanagement.azure.com%2F%2F.default\
             +offline_access+openid&client_info=1&client_secret=a%2Bb%26c%3Dd%7E%C3%A9&refresh_token=0.A%2Fx%2By"
        );
    }

    #[test]
    fn an_assertion_takes_the_place_of_the_secret() {
        let proof = Proof::Assertion(Arc::new(Assertion::new("e30.e30.c2ln".into())));
        let request = client_credentials(&app(Cloud::Public.authority()), &proof, "https://vault.azure.net/.default");
        assert_eq!(
            request.form.expose(),
            "client_id=c1&grant_type=client_credentials&scope=https%3A%2F%2Fvault.azure.net%2F.default\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=e30.e30.c2ln"
        );
    }

    #[test]
    fn a_custom_authority_may_have_a_path() {
        let request = refresh(
            &app(Url::parse("https://login.example/adfs/").unwrap()),
            &Proof::Public,
            "x/.default",
            &RefreshToken::new("r".into()),
        );
        assert_eq!(request.url.as_str(), "https://login.example/adfs/contoso.example/oauth2/v2.0/token");
    }
}
