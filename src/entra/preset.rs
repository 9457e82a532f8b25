//! What access tokens are for, by name and cloud, kept as data in `presets.toml`.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::entra::cloud::Cloud;
use crate::model::name::is_guid;

const SOURCE: &str = include_str!("presets.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Presets {
    preset: Vec<Preset>,
    retired: Vec<Retired>,
}

/// An API that scripts use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Preset {
    pub name: String,
    public: Option<Api>,
    us_government: Option<Api>,
    china: Option<Api>,
}

/// An API in one cloud.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub scope: String,
    /// What an access token for it may have as its audience, without a slash at the end.
    pub audiences: Vec<String>,
}

/// An API that is no more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retired {
    name: String,
    resource: String,
    answer: String,
}

impl Preset {
    /// This API in a cloud, where that has it.
    #[must_use]
    pub const fn of(&self, cloud: Cloud) -> Option<&Api> {
        match cloud {
            Cloud::Public => self.public.as_ref(),
            Cloud::UsGovernment => self.us_government.as_ref(),
            Cloud::China => self.china.as_ref(),
        }
    }
}

fn presets() -> &'static Presets {
    static PRESETS: OnceLock<Presets> = OnceLock::new();
    // A file that cannot be read is none, which a test excludes.
    PRESETS.get_or_init(|| toml::from_str(SOURCE).unwrap_or(Presets { preset: Vec::new(), retired: Vec::new() }))
}

/// All presets, in the order of the file.
#[must_use]
pub fn all() -> &'static [Preset] {
    &presets().preset
}

/// Every API in every cloud.
fn apis() -> impl Iterator<Item = &'static Api> {
    all().iter().flat_map(|preset| [&preset.public, &preset.us_government, &preset.china]).flatten()
}

/// The API of a name in a cloud.
///
/// # Errors
/// What replaced it, where it was retired; which clouds have it; which names there are.
pub fn named(name: &str, cloud: Cloud) -> Result<Api, String> {
    let Presets { preset, retired } = presets();
    if let Some(retired) = retired.iter().find(|retired| retired.name == name) {
        return Err(retired.answer.clone());
    }
    let known: Vec<&str> = preset.iter().map(|preset| preset.name.as_str()).collect();
    let known = known.join(", ");
    let preset = preset.iter().find(|preset| preset.name == name);
    let preset =
        preset.ok_or_else(|| format!("there is no such API by name; known: {known}; anything else by --scope"))?;
    preset.of(cloud).cloned().ok_or_else(|| "not known by name in this cloud: name it by --scope".to_owned())
}

/// The client id of an API's enterprise application, by its name here or by itself.
#[must_use]
pub fn application_id(api: &str) -> Option<String> {
    if is_guid(api) {
        return Some(api.to_ascii_lowercase());
    }
    let preset = all().iter().find(|preset| preset.name == api)?;
    preset.public.as_ref()?.audiences.iter().find(|audience| is_guid(audience)).cloned()
}

/// Whether an audience is one of an API that is known by name.
#[must_use]
pub fn is_known(audience: &str) -> bool {
    apis().flat_map(|api| &api.audiences).any(|known| known.eq_ignore_ascii_case(audience))
}

/// The API of a scope: what stands before the last slash, and every audience that is known for it.
///
/// # Errors
/// What replaced it, where it was retired.
pub fn scoped(scope: &str) -> Result<Api, String> {
    if let Some(retired) = presets().retired.iter().find(|retired| scope.contains(&retired.resource)) {
        return Err(retired.answer.clone());
    }
    let of_sign_in = ["email", "offline_access", "openid", "profile"];
    let first = scope.split_whitespace().find(|word| !of_sign_in.contains(word)).unwrap_or_default();
    let resource = first.rsplit_once('/').map_or("https://graph.microsoft.com", |(resource, _)| resource);
    let resource = resource.trim_end_matches('/').to_owned();
    let known = apis().find(|api| api.audiences.contains(&resource));
    let audiences = known.map_or_else(|| vec![resource], |api| api.audiences.clone());
    Ok(Api { scope: scope.to_owned(), audiences })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_and_is_for_what_its_scope_names() {
        let all = all();
        assert_eq!(all.len(), SOURCE.matches("[[preset]]").count());
        for preset in all {
            for api in [Cloud::Public, Cloud::UsGovernment, Cloud::China].iter().filter_map(|cloud| preset.of(*cloud)) {
                let resource = api.scope.strip_suffix("/.default").unwrap().trim_end_matches('/');
                assert!(api.audiences.iter().any(|audience| audience == resource), "{}", preset.name);
                assert!(api.audiences.iter().all(|audience| !audience.ends_with('/')), "{}", preset.name);
            }
        }
    }

    #[test]
    fn what_was_retired_is_answered_with_what_replaced_it() {
        for answer in [named("azure-ad", Cloud::Public), named("msonline", Cloud::China)] {
            assert!(answer.unwrap_err().contains("--for graph"));
        }
        assert!(scoped("https://graph.windows.net/.default").unwrap_err().contains("--for graph"));
        assert!(named("teams", Cloud::China).unwrap_err().contains("--scope"));
        assert!(named("nothing", Cloud::Public).unwrap_err().contains("partner-center"));
    }

    #[test]
    fn a_scope_knows_the_audiences_of_its_api() {
        let arm = scoped("https://management.azure.com//user_impersonation").unwrap();
        assert!(arm.audiences.contains(&"https://management.core.windows.net".to_owned()));
        assert_eq!(scoped("api://contoso-api/access").unwrap().audiences, ["api://contoso-api"]);
        let mixed = scoped("offline_access https://management.azure.com//.default").unwrap();
        assert!(mixed.audiences.contains(&"https://management.azure.com".to_owned()));
        assert!(scoped("User.Read").unwrap().audiences.contains(&"https://graph.microsoft.com".to_owned()));
    }
}
