//! Token requests, built without sending them.

use url::Url;
use url::form_urlencoded::Serializer;

use crate::model::target::App;
use crate::secret::{ClientSecret, Form, RefreshToken};

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
pub fn refresh(app: &App, secret: &ClientSecret, scope: &str, refresh: &RefreshToken) -> TokenRequest {
    let mut form = Serializer::new(String::with_capacity(2048 + refresh.expose().len()));
    form.append_pair("client_id", &app.client_id)
        .append_pair("grant_type", "refresh_token")
        .append_pair("scope", &format!("{scope} offline_access openid"))
        .append_pair("client_info", "1")
        .append_pair("client_secret", secret.expose())
        .append_pair("refresh_token", refresh.expose());
    TokenRequest { url: token_endpoint(app), form: Form::new(form.finish()) }
}

fn token_endpoint(app: &App) -> Url {
    let mut url = app.authority.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([app.tenant_id.as_str(), "oauth2", "v2.0", "token"]);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::cloud::Cloud;
    use crate::model::target::SecretSource;

    fn app(authority: Url) -> App {
        App {
            name: "partner".into(),
            tenant_id: "contoso.example".into(),
            client_id: "c1".into(),
            authority,
            secret: SecretSource::Env("X".into()),
        }
    }

    #[test]
    fn the_form_is_encoded_and_the_scope_is_kept() {
        let (secret, token) = (ClientSecret::new("a+b&c=d~é".into()), RefreshToken::new("0.A/x+y".into()));
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
    fn a_custom_authority_may_have_a_path() {
        let request = refresh(
            &app(Url::parse("https://login.example/adfs/").unwrap()),
            &ClientSecret::new("s".into()),
            "x/.default",
            &RefreshToken::new("r".into()),
        );
        assert_eq!(request.url.as_str(), "https://login.example/adfs/contoso.example/oauth2/v2.0/token");
    }
}
