//! Access tokens for scripts: the stored refresh token is redeemed for one API in one tenant, and what comes back is checked
//! before it is handed over. The vault is only read.

pub mod form;

use time::OffsetDateTime;

use crate::entra::claims;
use crate::entra::preset::{self, Api};
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::name::is_guid;
use crate::model::target::{App, Target};
use crate::ports::Vault;
use crate::renew::{self, Run};
use crate::secret::AccessToken;

/// An access token that is what was asked for.
#[derive(Debug)]
pub struct Access {
    pub token: AccessToken,
    pub expires_on: OffsetDateTime,
    pub tenant: String,
    pub resource: String,
}

const CONSENT_THERE: &str = "consent to the app for this customer: rotator customers consent {name} {tenant} (with --renew where it \
    is consented already, without this API); \
    where the tenant is no customer, its administrator does: https://login.microsoftonline.com/{tenant}/adminconsent?client_id={client_id}";

/// Redeems the stored refresh token of `target` for `api` in `tenant`. Where that is a domain, `id` is the tenant's id, with which
/// the access token is compared. The tenant of the app is the partner's; at a
/// customer's the app must be consented.
///
/// # Errors
/// Why it was not redeemed; `access.tenant` or `access.audience` where what came back is for something else.
pub async fn exchange(
    target: &Target,
    vault: &dyn Vault,
    run: &Run,
    api: &Api,
    tenant: &str,
    id: Option<&str>,
) -> Result<Access, Failure> {
    let app = App { tenant_id: tenant.to_owned(), ..(*target.app).clone() };
    let home = &target.app.tenant_id;
    let at_home = [Some(tenant), id].into_iter().flatten().any(|tenant| tenant.eq_ignore_ascii_case(home));
    let elsewhere = |mut failure: Failure| {
        if !at_home && failure.cause.kind == Kind::EntraConsent {
            failure.cause.fix = Some(CONSENT_THERE);
        }
        failure
    };
    let grant = renew::redeem_for(target, &app, vault, run, &api.scope).await.map_err(elsewhere)?;
    let addressed = claims::addressed(grant.access.expose());
    let resource = check(addressed.as_ref(), api, id.unwrap_or(tenant)).at(Stage::Inspect)?;
    let tenant = addressed.and_then(|addressed| addressed.tenant).unwrap_or_else(|| tenant.to_owned());
    Ok(Access { token: grant.access, expires_on: grant.received_at + grant.expires_in, tenant, resource })
}

/// Whether an access token is for this API in this tenant. One that does not say is not handed over.
fn check(addressed: Option<&claims::Addressed>, api: &Api, tenant: &str) -> Result<String, Cause> {
    let silent =
        || Cause::new(Kind::AccessAudience, "the access token does not say what it is for, so it is not handed over");
    let addressed = addressed.ok_or_else(silent)?;
    let issued_for = addressed.tenant.as_deref();
    // A domain cannot be compared with the id that the token has.
    if is_guid(tenant) && !issued_for.is_some_and(|issued_for| issued_for.eq_ignore_ascii_case(tenant)) {
        let text = format!("asked for tenant {tenant}, got a token for {}", issued_for.unwrap_or("none"));
        return Err(Cause::new(Kind::AccessTenant, text));
    }
    let audience = addressed.audience.trim_end_matches('/');
    if !of_own_api(audience, api) && !api.audiences.iter().any(|known| known.eq_ignore_ascii_case(audience)) {
        let text = format!("asked for {}, got a token for {audience}", api.scope);
        return Err(Cause::new(Kind::AccessAudience, text));
    }
    Ok(addressed.audience.clone())
}

/// An API of one's own is named by an address in the scope and by its client id in the token. A client id that is known to
/// be another API's, or another than the scope itself names, is not it.
fn of_own_api(audience: &str, api: &Api) -> bool {
    let named = |known: &String| known.strip_prefix("api://").filter(|rest| is_guid(rest)).map(str::to_owned);
    let asked = api.audiences.iter().find_map(named);
    is_guid(audience)
        && !preset::is_known(audience)
        && !api.audiences.iter().any(|known| preset::is_known(known))
        && asked.is_none_or(|asked| asked.eq_ignore_ascii_case(audience))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::claims::Addressed;

    const HOME: &str = "00000000-0000-0000-0000-000000000001";

    fn kind(audience: &str, tenant: &str, scope: &str, asked: &str) -> Option<Kind> {
        let addressed = Addressed { audience: audience.into(), tenant: Some(tenant.into()) };
        check(Some(&addressed), &preset::scoped(scope).unwrap(), asked).err().map(|cause| cause.kind)
    }

    #[test]
    fn what_is_for_another_tenant_or_api_is_refused() {
        let graph = "https://graph.microsoft.com/.default";
        assert_eq!(kind("https://graph.microsoft.com", HOME, graph, HOME), None);
        assert_eq!(kind("00000003-0000-0000-c000-000000000000", HOME, graph, HOME), None);
        assert_eq!(kind("https://graph.microsoft.com", HOME, graph, "contoso.example"), None);
        let other = "00000000-0000-0000-0000-000000000002";
        assert_eq!(kind("https://graph.microsoft.com", other, graph, HOME), Some(Kind::AccessTenant));
        assert_eq!(kind("https://management.azure.com", HOME, graph, HOME), Some(Kind::AccessAudience));
        assert_eq!(kind(other, HOME, graph, HOME), Some(Kind::AccessAudience));
        let graph_id = "00000003-0000-0000-c000-000000000000";
        for own in ["api://contoso-api/access", "https://api.contoso.example/.default"] {
            assert_eq!(kind(other, HOME, own, HOME), None);
            assert_eq!(kind(graph_id, HOME, own, HOME), Some(Kind::AccessAudience));
        }
        assert_eq!(kind(other, HOME, &format!("api://{other}/access"), HOME), None);
        assert_eq!(kind(HOME, HOME, &format!("api://{other}/access"), HOME), Some(Kind::AccessAudience));
        assert_eq!(check(None, &preset::scoped(graph).unwrap(), HOME).unwrap_err().kind, Kind::AccessAudience);
    }
}
