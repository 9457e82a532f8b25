//! The managed-identity endpoint, in the forms of App Service and Container Apps and of virtual machines.

use serde_json::json;
use time::Duration;

use super::IDENTITY_HEADER;
use super::entra::jwt;
use super::http::{Ask, Reply};
use super::state::{AccessToken, State, now};

pub(crate) fn answer(state: &mut State, ask: &Ask) -> Reply {
    let app_service = ask.path.starts_with("/msi/");
    let allowed = if app_service {
        ask.header("x-identity-header") == Some(IDENTITY_HEADER)
    } else {
        ask.header("metadata") == Some("true")
    };
    if !allowed {
        return refuse(app_service, 403, "the header that proves the caller is local is missing");
    }
    let Some(resource) = ask.query("resource") else {
        return refuse(app_service, 400, "resource is missing");
    };
    let id = ask.query("client_id").or_else(|| state.identities.first().map(String::as_str));
    let Some(id) = id.filter(|id| state.identities.iter().any(|known| known == id)).map(str::to_owned) else {
        let text = if app_service {
            "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
        } else {
            "Identity not found"
        };
        return refuse(app_service, 400, text);
    };
    let expires = now() + Duration::hours(24);
    let tenant = state.directory.home();
    let token = if resource == "api://AzureADTokenExchange" {
        jwt::exchange(tenant, &id, expires)
    } else {
        jwt::access_for_app(tenant, resource, &id, expires)
    };
    let grant = AccessToken { audience: resource.to_owned(), principal: id.clone(), expires };
    state.access.insert(token.clone(), grant);
    let expires_on = expires.unix_timestamp().to_string();
    Reply::json(
        200,
        &if app_service {
            json!({"access_token": token, "expires_on": expires_on, "resource": resource, "token_type": "Bearer", "client_id": id})
        } else {
            json!({
                "access_token": token, "client_id": id, "expires_in": "86399", "expires_on": expires_on,
                "ext_expires_in": "86399", "not_before": now().unix_timestamp().to_string(),
                "resource": resource, "token_type": "Bearer"
            })
        },
    )
}

fn refuse(app_service: bool, status: u16, text: &str) -> Reply {
    Reply::json(
        status,
        &if app_service {
            json!({"statusCode": status, "message": text})
        } else {
            json!({"error": "invalid_request", "error_description": text})
        },
    )
}
