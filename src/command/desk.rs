//! Going to Partner Center on behalf of a token's user.

use std::sync::Arc;

use crate::access;
use crate::command::Usage;
use crate::command::connect::{self, Connected};
use crate::entra::cloud::Cloud;
use crate::entra::preset::{self, Api};
use crate::model::failure::Failure;
use crate::model::target::Target;
use crate::partner_center::PartnerCenter;
use crate::ports::Vault;
use crate::secret::AccessToken;

/// Everything that it takes to go to Partner Center on behalf of the token's user.
pub(super) struct Desk {
    pub(super) connected: Connected,
    target: Arc<Target>,
    vault: Arc<dyn Vault>,
    api: Api,
}

impl Desk {
    pub(super) fn prepare(connected: Connected, target: Arc<Target>) -> Result<Self, Usage> {
        let api = preset::named("partner-center", Cloud::of_authority(&target.app.authority))?;
        let vault = connect::vault_of(&target, &connected.run)?;
        Ok(Self { connected, target, vault, api })
    }

    pub(super) async fn enter(&self) -> Result<AccessToken, Failure> {
        let (run, target) = (&self.connected.run, &self.target);
        let access = access::exchange(target, self.vault.as_ref(), run, &self.api, &target.app.tenant_id, None).await?;
        Ok(access.token)
    }

    pub(super) fn partner_center<'a>(&'a self, access: &'a AccessToken) -> PartnerCenter<'a> {
        PartnerCenter {
            client: &self.connected.host.outer,
            deadline: &self.connected.run.deadline,
            address: self.api.scope.trim_end_matches("/.default"),
            access,
        }
    }
}
