//! What comes after the tokens: people are told, and what they were told is noted on the versions.

use std::time::Duration;

use super::{Run, note};
use crate::model::receiver::Receiver;
use crate::notify::gather::Gathered;
use crate::notify::remember;
use crate::notify::tell::{self, Told};
use crate::ports::Notifier;
use crate::wire::deadline::Deadline;

const NOTING: Duration = Duration::from_secs(15);

/// Tells everybody, and notes it. A note that cannot be written leads to a repetition, and to nothing worse.
pub async fn tell(
    receivers: &[Receiver],
    gathered: &Gathered,
    notifier: &dyn Notifier,
    run: &Run,
    deadline: &Deadline,
) -> Vec<Told> {
    if receivers.is_empty() {
        return Vec::new();
    }
    let told = tell::all(receivers, &gathered.digest, notifier, &run.vaults, deadline).await;
    // However long a receiver took, there is time to note what the others were told.
    run.deadline.restart(NOTING);
    for entry in remember::notes(gathered, receivers, &told) {
        let Some(vault) = run.vaults.get(&entry.target.vault.name) else { continue };
        let noted = note::note(&entry.target, vault.as_ref(), run, &entry.version, &entry.standing).await;
        if let Err(cause) = noted {
            let token = entry.target.name.as_str();
            tracing::warn!(token, kind = cause.kind.slug(), "what was told was not noted, and is told again: {cause}");
        }
    }
    told
}
