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
