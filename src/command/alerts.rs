//! What a run does when its tokens are done: it tells people, and notes on the versions what they were told.

use std::sync::Arc;
use std::time::Duration;

use crate::command::Usage;
use crate::command::connect::Connected;
use crate::config::Config;
use crate::model::outcome::Outcome;
use crate::model::receiver::{Heartbeat, Receiver};
use crate::model::target::Target;
use crate::notify::gather::{self, AppLife, Gathered};
use crate::notify::message::Message;
use crate::notify::missed::Missed;
use crate::notify::send::Sender;
use crate::notify::tell::{self, Told};
use crate::notify::{example, heartbeat};
use crate::renew;
use crate::report::AppRow;
use crate::secret::ReceiverAddress;
use crate::wire::client;
use crate::wire::deadline::Deadline;

/// People are told in this time, however the run itself ended.
const TELLING: Duration = Duration::from_secs(25);
/// A ping is worth less waiting.
const PING: Duration = Duration::from_secs(5);

/// The receivers of a configuration, ready to be told.
pub(super) struct Office<'a> {
    config: &'a Config,
    connected: &'a Connected,
    sender: Sender,
}

impl<'a> Office<'a> {
    pub(super) fn open(config: &'a Config, connected: &'a Connected) -> Result<Self, Usage> {
        let local = client::identity().map_err(|fault| Usage(fault.to_string()))?;
        let roots =
            config.ca_file.as_deref().map(crate::config::refer::file).and_then(Result::ok).map(String::into_bytes);
        Ok(Self { config, connected, sender: Sender { client: connected.host.outer.clone(), local, roots } })
    }

    pub(super) async fn begun(&self) {
        self.ping(|url| heartbeat::started(url, &self.connected.run.id)).await;
    }

    pub(super) async fn ended(&self, exit_code: u8, summary: &str) {
        self.ping(|url| heartbeat::ended(url, &self.connected.run.id, exit_code, summary)).await;
    }

    async fn ping(&self, message: impl FnOnce(&ReceiverAddress) -> Message) {
        let Some(Heartbeat { url }) = &self.config.heartbeat else { return };
        let deadline = Deadline::after(PING);
        let sent = async {
            let url = tell::address(url, &self.connected.run.vaults, &deadline).await?;
            tell::send(&self.sender, &message(&url), &deadline).await.map_err(Missed::from)
        };
        if let Err(Missed { cause, hint }) = sent.await {
            let kind = cause.kind.slug();
            tracing::warn!(event = "heartbeat.failed", kind, hint, "the heartbeat was not taken: {cause}");
        }
    }

    /// Looks at every outcome.
    pub(super) fn gather(&self, tokens: &[(&Arc<Target>, &Outcome)], apps: &[AppRow]) -> Gathered {
        let life = |app: &AppRow| AppLife {
            name: app.name.clone(),
            client_id: app.client_id.clone(),
            credential: app.credential.clone(),
            expires: app.expires_at,
            health: app.health,
            days_left: app.days_left,
        };
        // What was told of an app is noted at its first token, so that a run without that one has nothing to say of it.
        let first = |app: &&AppRow| {
            let first = self.config.targets.iter().find(|target| target.app.name == app.name);
            first.is_some_and(|first| tokens.iter().any(|(target, _)| target.name == first.name))
        };
        let apps: Vec<AppLife> = apps.iter().filter(first).map(life).collect();
        gather::gather(&self.connected.run.id, tokens, &apps, self.connected.run.clock.now())
    }

    /// Tells these receivers of an example, and ends what that began at those that keep state.
    pub(super) async fn test(&self, receivers: &[Receiver]) -> Vec<Told> {
        let run = &self.connected.run;
        let digest = example::digest(&run.id, run.clock.now());
        let told = tell::all(receivers, &digest, &self.sender, &run.vaults, &run.deadline).await;
        let keeping: Vec<Receiver> = receivers.iter().filter(|receiver| receiver.kind.keeps_state()).cloned().collect();
        tell::all(&keeping, &example::end(digest), &self.sender, &run.vaults, &run.deadline).await;
        told
    }

    /// Tells everybody, and notes it.
    pub(super) async fn tell(&self, gathered: &Gathered) -> Vec<Told> {
        let run = &self.connected.run;
        run.deadline.restart(TELLING);
        renew::tell::tell(&self.config.receivers, gathered, &self.sender, run, &Deadline::after(TELLING)).await
    }
}
