//! One attempt at a sign-in in a browser, built and judged without sending anything: authorization code with PKCE
//! (RFC 6749 section 4.1, RFC 7636, learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::entra::request::{SIGN_IN_SCOPES, endpoint};
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::name::printable;
use crate::model::target::App;
use crate::secret::{Code, Verifier};

/// What a browser is sent out with, and what its answer is compared with.
#[derive(Debug)]
pub struct Attempt {
    /// Where the person signs in.
    pub url: Url,
    /// Where the answer comes back to.
    pub redirect: String,
    pub verifier: Verifier,
    state: String,
}

/// What the person is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// Which account it is to be.
    SelectAccount,
    /// Everything again, whatever session the browser has.
    Login,
}

impl Prompt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SelectAccount => "select_account",
            Self::Login => "login",
        }
    }
}

/// What came back to the redirect address.
#[derive(Debug)]
pub enum Answer {
    /// The answer to this attempt.
    Code(Code),
    /// The answer to this attempt is that it was refused there.
    Refused(Cause),
    /// An answer to something else.
    Stranger,
    /// No answer at all.
    Nothing,
}

impl Attempt {
    /// An attempt to sign in to `app` for `scopes`. `claims` is what Entra ID asked for when it last refused.
    ///
    /// # Errors
    /// A system without random numbers.
    pub fn new(app: &App, scopes: &str, redirect: &str, prompt: Prompt, claims: Option<&str>) -> Result<Self, Cause> {
        let (verifier, state) = (random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut url = endpoint(app, "authorize");
        url.query_pairs_mut()
            .append_pair("client_id", &app.client_id)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", &format!("{scopes} {SIGN_IN_SCOPES}"))
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("prompt", prompt.as_str());
        if let Some(claims) = claims {
            url.query_pairs_mut().append_pair("claims", claims);
        }
        Ok(Self { url, redirect: redirect.to_owned(), verifier: Verifier::new(verifier), state })
    }

    /// Reads the query of an address that came back.
    #[must_use]
    pub fn read(&self, query: &str) -> Answer {
        let value = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
        };
        let (code, error) = (value("code"), value("error"));
        if code.is_none() && error.is_none() {
            return Answer::Nothing;
        }
        let state = value("state").unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(self.state.as_bytes())) {
            return Answer::Stranger;
        }
        match (code, error) {
            (_, Some(error)) => Answer::Refused(refused(&error, &value("error_description").unwrap_or_default())),
            (Some(code), None) => Answer::Code(Code::new(code)),
            (None, None) => Answer::Nothing,
        }
    }
}

/// 32 random bytes, which make 43 characters: the least that RFC 7636 section 4.1 allows and more than anybody guesses.
fn random() -> Result<String, Cause> {
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Cause::new(Kind::ConsentListener, "this system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Both texts come from whoever sent the browser here, so they are shown and never acted on.
fn refused(error: &str, description: &str) -> Cause {
    let sentence = description.split(['\r', '\n']).next().unwrap_or_default();
    let message = match (printable(error, 60), printable(sentence, 300)) {
        (error, said) if said.is_empty() => error,
        (error, said) => format!("{error}: {said}"),
    };
    Cause::new(Kind::ConsentDeclined, format!("the sign-in was refused there: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::cloud::Cloud;
    use crate::model::credential::ClientCredential;
    use std::collections::HashMap;

    fn attempt(claims: Option<&str>) -> Attempt {
        let app = App {
            name: "partner".into(),
            tenant_id: "t1".into(),
            client_id: "c1".into(),
            authority: Cloud::Public.authority(),
            credential: ClientCredential::None,
            credential_expires: None,
            grants: Vec::new(),
        };
        Attempt::new(&app, "https://x/.default", "http://localhost:8400", Prompt::Login, claims).unwrap()
    }

    fn asked(attempt: &Attempt) -> HashMap<String, String> {
        attempt.url.query_pairs().into_owned().collect()
    }

    #[test]
    fn the_address_asks_for_a_code_with_pkce() {
        let attempt = attempt(Some(r#"{"access_token":{}}"#));
        let asked = asked(&attempt);
        assert!(attempt.url.as_str().starts_with("https://login.microsoftonline.com/t1/oauth2/v2.0/authorize?"));
        assert_eq!(asked["scope"], "https://x/.default offline_access openid profile");
        assert_eq!((asked["response_type"].as_str(), asked["response_mode"].as_str()), ("code", "query"));
        assert_eq!((asked["code_challenge_method"].as_str(), asked["prompt"].as_str()), ("S256", "login"));
        assert_eq!(asked["claims"], r#"{"access_token":{}}"#);
        assert!(!attempt.url.as_str().contains(attempt.verifier.expose()));
        assert_eq!((attempt.verifier.expose().len(), asked["state"].len()), (43, 43));
    }

    #[test]
    fn two_attempts_have_nothing_in_common() {
        let (one, two) = (attempt(None), attempt(None));
        assert!(!one.verifier.matches(&two.verifier));
        assert_ne!(asked(&one)["state"], asked(&two)["state"]);
        assert_ne!(asked(&one)["code_challenge"], asked(&two)["code_challenge"]);
    }

    #[test]
    fn only_its_own_state_makes_an_answer() {
        let attempt = attempt(None);
        let state = asked(&attempt)["state"].clone();
        let read = |query: &str| attempt.read(&query.replace("{state}", &state));
        assert!(matches!(read("code=abc&state={state}"), Answer::Code(code) if code.expose() == "abc"));
        for stranger in ["code=abc", "code=abc&state=", "code=abc&state={state}x", "error=access_denied&state=x"] {
            assert!(matches!(read(stranger), Answer::Stranger), "{stranger}");
        }
        for nothing in ["", "state={state}", "code=&state={state}"] {
            assert!(matches!(read(nothing), Answer::Nothing), "{nothing}");
        }
        let Answer::Refused(cause) =
            read("error=access_denied&error_description=AADSTS65004%3A+no%0D%0ATrace&state={state}")
        else {
            panic!("refused")
        };
        assert_eq!(cause.message, "the sign-in was refused there: access_denied: AADSTS65004: no");
    }
}
