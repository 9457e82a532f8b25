//! Notes on the newest version what people were told of its token.

use super::Run;
use crate::model::alert::Standing;
use crate::model::failure::Cause;
use crate::model::kind::{Kind, Remedy};
use crate::model::target::Target;
use crate::model::version::{Change, Version, VersionId};
use crate::ports::Vault;
use crate::vault::tags;

/// Writes the note on one version. Its tags are read first, since Key Vault replaces them all.
///
/// # Errors
/// The vault's refusal.
pub async fn note(
    target: &Target,
    vault: &dyn Vault,
    run: &Run,
    version: &VersionId,
    standing: &Standing,
) -> Result<(), Cause> {
    let work = async {
        let now = tagged(target, vault, version).await?;
        let tags = tags::noted(&now.tags, standing.written());
        if tags == now.tags {
            return Ok(());
        }
        let change = Change { tags: Some(tags), ..Change::default() };
        vault.update(&target.secret, version, &change).await.map(drop)
    };
    run.deadline.bound(work).await?
}

/// A version as it is now. Without the right to list, its value comes along, and is dropped.
async fn tagged(target: &Target, vault: &dyn Vault, version: &VersionId) -> Result<Version, Cause> {
    match vault.versions(&target.secret).await {
        Ok(all) => {
            let gone = || Cause::new(Kind::VaultConflict, format!("version {version} is not listed"));
            all.into_iter().find(|known| known.id == *version).ok_or_else(gone)
        }
        Err(cause) if cause.kind.remedy() == Remedy::GrantAccess => {
            Ok(vault.read(&target.secret, Some(version)).await?.version)
        }
        Err(cause) => Err(cause),
    }
}
