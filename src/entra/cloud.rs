//! The clouds that Entra ID runs in.

use url::Url;

/// A cloud, chosen by one key of the configuration
/// (learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    #[default]
    Public,
    UsGovernment,
    China,
}

impl Cloud {
    /// Where tokens are asked.
    ///
    /// # Panics
    /// Never: a test parses each of the three.
    #[must_use]
    pub fn authority(self) -> Url {
        let host = match self {
            Self::Public => "https://login.microsoftonline.com/",
            Self::UsGovernment => "https://login.microsoftonline.us/",
            Self::China => "https://login.partner.microsoftonline.cn/",
        };
        #[expect(clippy::expect_used, reason = "three literals, each parsed in a test")]
        Url::parse(host).expect("an address")
    }
}

impl Cloud {
    /// The cloud of an authority; the public one for one that is not known.
    #[must_use]
    pub fn of_authority(authority: &Url) -> Self {
        let of = |cloud: &Self| cloud.authority().host_str() == authority.host_str();
        [Self::UsGovernment, Self::China].into_iter().find(of).unwrap_or_default()
    }

    /// The cloud that a vault lives in, by its address; the public one for a suffix that is not known.
    #[must_use]
    pub fn of_vault(host: &str) -> Self {
        match host {
            host if host.ends_with(".vault.usgovcloudapi.net") => Self::UsGovernment,
            host if host.ends_with(".vault.azure.cn") => Self::China,
            _ => Self::Public,
        }
    }
}

/// The audience that a federated token must have at this authority
/// (learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity).
#[must_use]
pub fn federation_audience(authority: &Url) -> &'static str {
    match authority.domain().and_then(|host| host.rsplit('.').next()) {
        Some("us") => "api://AzureADTokenExchangeUSGov",
        Some("cn") => "api://AzureADTokenExchangeChina",
        _ => "api://AzureADTokenExchange",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_an_authority() {
        for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
            assert_eq!(cloud.authority().scheme(), "https");
        }
    }
}
