//! What comes after the tokens: people are told, and what they were told is noted on the versions.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tracing::Instrument as _;

use super::{Run, note};
use crate::model::receiver::Receiver;
use crate::notify::gather::Gathered;
use crate::notify::remember::{self, Note};
use crate::notify::tell::{self, Told};
use crate::ports::Notifier;
use crate::wire::deadline::Deadline;

const NOTING: Duration = Duration::from_secs(15);
/// More for each note.
const EACH: Duration = Duration::from_millis(100);
const AT_ONCE: usize = 16;

/// Tells everybody, and notes it: also where nobody is to be told, since `rotator status` goes by it. A note that cannot be written leads to a repetition, and to nothing worse.
pub async fn tell(
    receivers: &[Receiver],
    gathered: &Gathered,
    notifier: &dyn Notifier,
    run: &Run,
    deadline: &Deadline,
) -> Vec<Told> {
    let told = tell::all(receivers, &gathered.digest, notifier, &run.vaults, deadline).await;
    let notes = remember::notes(gathered, receivers, &told);
    // However long a receiver took, there is time to note what the others were told.
    run.deadline.restart(NOTING + EACH * u32::try_from(notes.len()).unwrap_or(u32::MAX));
    stream::iter(notes.iter().map(|note| write(note, run))).buffer_unordered(AT_ONCE).collect::<()>().await;
    told
}

async fn write(note: &Note, run: &Run) {
    let Note { target, version, standing } = note;
    let Some(vault) = run.vaults.get(&target.vault.name) else { return };
    let span = tracing::info_span!("note", run_id = run.id, token = target.name);
    if let Err(cause) = note::note(target, vault.as_ref(), run, version, standing).instrument(span).await {
        let (token, kind) = (target.name.as_str(), cause.kind.slug());
        tracing::warn!(run_id = run.id, token, kind, "what was told was not noted, and is told again: {cause}");
    }
}
