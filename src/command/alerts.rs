//! What a run does when its tokens are done: it tells people, and notes on the versions what they were told.

use std::sync::Arc;
use std::time::Duration;

use crate::command::Usage;
use crate::command::connect::Connected;
use crate::config::Config;
use crate::model::outcome::Outcome;
use crate::model::receiver::{Heartbeat, Receiver};
use crate::model::target::Target;
use crate::notify::digest::Digest;
use crate::notify::gather::{self, AppLife, Gathered};
use crate::notify::message::Message;
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
        let sent = async {
            let url = tell::address(url, &self.connected.run.vaults).await?;
            tell::send(&self.sender, &message(&url), &Deadline::after(PING)).await
        };
        if let Err(cause) = sent.await {
            tracing::warn!(
                event = "heartbeat.failed",
                kind = cause.kind.slug(),
                "the heartbeat was not taken: {cause}"
            );
        }
    }

    /// Looks at every outcome.
    pub(super) fn gather(&self, tokens: &[(&Arc<Target>, &Outcome)], apps: &[AppRow]) -> Gathered {
        let life = |app: &AppRow| AppLife {
            name: app.name.clone(),
            client_id: app.client_id.clone(),
            credential: app.credential.clone(),
            health: app.health,
            days_left: app.days_left,
        };
        let apps: Vec<AppLife> = apps.iter().map(life).collect();
        gather::gather(&self.connected.run.id, tokens, &apps, self.connected.run.clock.now())
    }

    /// Tells these receivers of an example, and ends at PagerDuty what that began.
    pub(super) async fn test(&self, receivers: &[Receiver]) -> Vec<Told> {
        let run = &self.connected.run;
        let digest = example::digest(&run.id, run.clock.now());
        let told = tell::all(receivers, &digest, &self.sender, &run.vaults, &run.deadline).await;
        let over = Digest {
            healthy: digest.notices.iter().map(|notice| notice.subject.clone()).collect(),
            notices: Vec::new(),
            ..digest
        };
        tell::all(receivers, &over, &self.sender, &run.vaults, &run.deadline).await;
        told
    }

    /// Tells everybody, and notes it.
    pub(super) async fn tell(&self, gathered: &Gathered) -> Vec<Told> {
        let run = &self.connected.run;
        run.deadline.restart(TELLING);
        renew::tell::tell(&self.config.receivers, gathered, &self.sender, run, &Deadline::after(TELLING)).await
    }
}
