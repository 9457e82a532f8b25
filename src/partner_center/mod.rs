//! Partner Center's REST API, as far as the consent of an app and the question of MFA need it
//! (learn.microsoft.com/partner-center/developer/headers).

pub mod customer;

use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::name::printable;
use crate::secret::AccessToken;
use crate::wire::deadline::Deadline;
use crate::wire::{answer, network, retry};

/// Partner Center in one cloud, on behalf of one user.
#[derive(Debug)]
pub struct PartnerCenter<'a> {
    pub client: &'a Client,
    pub deadline: &'a Deadline,
    /// Such as `https://api.partnercenter.microsoft.com`.
    pub address: &'a str,
    pub access: &'a AccessToken,
}

/// What Partner Center answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Its own word on whether the caller's token had MFA.
    mfa: Option<bool>,
    correlation_id: Option<String>,
    request_id: Option<String>,
    body: Zeroizing<Vec<u8>>,
}

/// `{"code":1002,"description":"Authorization Failed","data":[],"source":"PartnerFD"}`
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    code: Option<serde_json::Value>,
    description: Option<String>,
}

impl Answer {
    /// What its body holds. It may begin with a byte order mark.
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body)).ok()
    }

    /// What Partner Center itself refused, and nothing in between.
    fn refusal(&self) -> Option<Refusal> {
        self.read().filter(|refusal: &Refusal| refusal.code.is_some())
    }
}

impl PartnerCenter<'_> {
    /// Whether Partner Center sees MFA in the access token. It says so in a header, whether or not it grants the request;
    /// `None` where it does not say.
    ///
    /// # Errors
    /// That it cannot be reached, or does not take the token at all.
    pub async fn sees_mfa(&self) -> Result<Option<bool>, Cause> {
        let ask = |request: RequestBuilder| request.header("ValidateMfa", "true");
        let answer = self.send(Method::GET, "/v1/customers?size=1", ask).await?;
        match (answer.mfa, answer.status) {
            (Some(sees), _) => Ok(Some(sees)),
            (None, 200..=299) => Ok(None),
            _ => Err(self.refusal(&answer)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        prepare: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Cause> {
        // One for each request, the same for each try, so that Partner Center knows a repetition.
        let request_id = Uuid::new_v4().to_string();
        let attempt = || {
            let request = self.client.request(method.clone(), format!("{}{path}", self.address));
            let request = request
                .bearer_auth(self.access.expose())
                .header("Accept", "application/json")
                .header("MS-Contract-Version", "v1")
                .header("MS-RequestId", &request_id)
                .header("MS-CorrelationId", Uuid::new_v4().to_string());
            retry::within_try(self.host(), self.once(prepare(request)))
        };
        retry::repeat(self.deadline, attempt).await
    }

    async fn once(&self, request: RequestBuilder) -> Result<Answer, Cause> {
        let broken = |error: reqwest::Error| network::cause(self.host(), &error.without_url());
        let response = request.send().await.map_err(broken)?;
        let retry_after = answer::retry_after(&response);
        let answer = Answer {
            status: response.status().as_u16(),
            mfa: answer::header(&response, "isMfaCompliant").and_then(|word| word.to_ascii_lowercase().parse().ok()),
            correlation_id: answer::header(&response, "MS-CorrelationId"),
            request_id: answer::header(&response, "MS-RequestId"),
            body: answer::body(response, self.host(), Kind::PartnerCenterAnswer).await?,
        };
        match answer.status {
            408 | 429 | 500..=599 => Err(Cause { retry_after, ..self.refusal(&answer) }),
            _ => Ok(answer),
        }
    }

    fn refusal(&self, answer: &Answer) -> Cause {
        let refusal = answer.refusal();
        let known = refusal.is_some();
        let Refusal { code, description } = refusal.unwrap_or_default();
        let code = code.map(|code| code.to_string().trim_matches('"').to_owned());
        let kind = match (answer.status, code.as_deref()) {
            (_, Some("900421")) => Kind::PartnerCenterMfa,
            (408 | 429 | 500..=599, _) => Kind::PartnerCenterUnavailable,
            (401 | 403, _) => Kind::PartnerCenterRefused,
            _ if known => Kind::PartnerCenterRefused,
            _ => Kind::PartnerCenterAnswer,
        };
        let said = printable(&description.unwrap_or_default(), 300);
        let message = match said.as_str() {
            "" => format!("{} answered HTTP {}", self.host(), answer.status),
            said => format!("{}: {said}", self.host()),
        };
        Cause {
            code: Some(code.unwrap_or_else(|| answer.status.to_string())),
            correlation_id: answer.correlation_id.clone(),
            trace_id: answer.request_id.clone(),
            ..Cause::new(kind, message)
        }
    }

    fn host(&self) -> &str {
        self.address.strip_prefix("https://").unwrap_or(self.address)
    }
}
