//! Receivers of alerts, and the heartbeat.

use url::Url;

use crate::config::fault::shown;
use crate::config::notify_table::{HeartbeatTable, NotifyKind as Kind, NotifyTable, Place};
use crate::config::parse::Slot;
use crate::config::resolve::{Named, Resolver};
use crate::model::alert::Severity;
use crate::model::credential::SecretSource;
use crate::model::name::is_loopback;
use crate::model::receiver::{Address, Email, Heartbeat, MailSecurity, MailServer, Receiver, ReceiverKind};
use crate::model::target::VaultSite;

const PAGER_DUTY: &str = "https://events.pagerduty.com/v2/enqueue";
const URL_FIX: &str =
    "write it as url = \"https://…\", or as { vault_secret = \"NAME\" }, { env = \"VARIABLE\" }, { file = \"PATH\" }";

impl Resolver<'_> {
    pub(super) fn receivers(&mut self, slots: &[Slot<NotifyTable>], vaults: &Named<VaultSite>) -> Vec<Receiver> {
        let mut receivers: Vec<Receiver> = Vec::new();
        for (nth, slot) in slots.iter().enumerate() {
            let Slot::Read(table) = slot else { continue };
            let nth = nth.to_string();
            let at = ["notify", nth.as_str()];
            let Some(receiver) = self.receiver(&at, table, vaults) else { continue };
            if receivers.iter().any(|other| other.name == receiver.name) {
                let fix = "give each its own: name = \"ops\"";
                self.fault(&[&at[..], &["name"]].concat(), format!("two receivers are called {}", receiver.name), fix);
            }
            receivers.push(receiver);
        }
        receivers
    }

    fn receiver(&mut self, at: &[&str], table: &NotifyTable, vaults: &Named<VaultSite>) -> Option<Receiver> {
        let key = |key| [at, &[key]].concat();
        let Some(kind) = table.kind else {
            let fix = "add type = \"webhook\", or teams, slack, pagerduty, alertmanager, email, command";
            self.fault(&key("type"), "`type` is missing", fix);
            return None;
        };
        self.unused_keys(at, table, kind);
        let name = table.name.clone().unwrap_or_else(|| kind.as_str().to_owned());
        // It stands in a tag, between commas.
        let fine =
            (1..=40).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if !fine {
            self.fault(
                &key("name"),
                format!("{} cannot be a receiver's name", shown(&name)),
                "use letters, digits, `.`, `-`, `_`",
            );
        }
        let kind = match kind {
            Kind::Webhook => {
                let signing_key = match &table.signing_key {
                    Some(reference) => Some(self.secret_source(&key("signing_key"), reference, vaults)?),
                    None => None,
                };
                ReceiverKind::Webhook { url: self.address(at, table.url.as_ref(), vaults)?, signing_key }
            }
            Kind::Teams => ReceiverKind::Teams { url: self.address(at, table.url.as_ref(), vaults)? },
            Kind::Slack => ReceiverKind::Slack { url: self.address(at, table.url.as_ref(), vaults)? },
            Kind::Alertmanager => ReceiverKind::Alertmanager { url: self.address(at, table.url.as_ref(), vaults)? },
            Kind::Pagerduty => self.pager_duty(at, table, vaults)?,
            Kind::Email => ReceiverKind::Email(self.email(at, table, vaults)?),
            Kind::Command => {
                let words = table.command.clone().filter(|words| words.first().is_some_and(|word| !word.is_empty()));
                if words.is_none() {
                    self.fault(
                        &key("command"),
                        "`command` is missing or empty",
                        "write it as command = [\"/usr/local/bin/tell\", \"ops\"]",
                    );
                }
                ReceiverKind::Command { words: words? }
            }
        };
        let min_severity = table.min_severity.unwrap_or(Severity::Warning);
        Some(Receiver { name, min_severity, tokens: table.tokens.clone().unwrap_or_default(), kind })
    }

    fn pager_duty(&mut self, at: &[&str], table: &NotifyTable, vaults: &Named<VaultSite>) -> Option<ReceiverKind> {
        let key = |key| [at, &[key]].concat();
        let url = match &table.url {
            None => Url::parse(PAGER_DUTY).ok(),
            Some(Place::Plain(text)) => self.checked(&key("url"), receiver_url(text), URL_FIX),
            Some(Place::Reference(_)) => {
                self.fault(&key("url"), "the address of PagerDuty is no secret", "write it as url = \"https://…\"");
                None
            }
        };
        let Some(reference) = &table.routing_key else {
            self.fault(
                &key("routing_key"),
                "`routing_key` is missing",
                "add routing_key = { vault_secret = \"NAME\" }",
            );
            return None;
        };
        let routing_key = self.secret_source(&key("routing_key"), reference, vaults)?;
        Some(ReceiverKind::PagerDuty { url: url?, routing_key })
    }

    fn email(&mut self, at: &[&str], table: &NotifyTable, vaults: &Named<VaultSite>) -> Option<Email> {
        let key = |key| [at, &[key]].concat();
        let fix = "write it as smtp = \"smtps://mail.example:465\", or \"smtp://mail.example:587\" for STARTTLS";
        let server = self.required(&key("smtp"), table.smtp.as_ref(), "\"smtps://mail.example:465\"");
        let server = server.and_then(|text| self.checked(&key("smtp"), mail_server(text), fix));
        let from = self.required(&key("from"), table.from.as_ref(), "\"rotator@contoso.example\"").map(str::to_owned);
        let to = table.to.clone().filter(|to| !to.is_empty());
        if to.is_none() {
            self.fault(&key("to"), "`to` is missing or empty", "write it as to = [\"ops@contoso.example\"]");
        }
        let addresses = from.iter().chain(to.iter().flatten());
        for odd in addresses.filter(|address| !is_mail_address(address)).cloned().collect::<Vec<_>>() {
            self.fault(at, format!("{} is no mail address", shown(&odd)), "write it as name@contoso.example");
        }
        let password = match &table.password {
            Some(reference) => Some(self.secret_source(&key("password"), reference, vaults)?),
            None => None,
        };
        if table.username.is_some() != password.is_some() {
            let fix = "add the other one, or remove it where the server wants no login";
            self.fault(at, "`username` and `password` go together", fix);
        }
        Some(Email { server: server?, username: table.username.clone(), password, from: from?, to: to? })
    }

    pub(super) fn heartbeat(
        &mut self,
        slot: Option<&Slot<HeartbeatTable>>,
        vaults: &Named<VaultSite>,
    ) -> Option<Heartbeat> {
        let Some(Slot::Read(table)) = slot else { return None };
        Some(Heartbeat { url: self.address(&["heartbeat"], table.url.as_ref(), vaults)? })
    }

    fn address(&mut self, at: &[&str], place: Option<&Place>, vaults: &Named<VaultSite>) -> Option<Address> {
        let at = [at, &["url"]].concat();
        match place {
            None => {
                self.fault(&at, "`url` is missing", URL_FIX);
                None
            }
            Some(Place::Plain(text)) => self.checked(&at, receiver_url(text), URL_FIX).map(Address::Plain),
            Some(Place::Reference(reference)) => {
                let source: Option<SecretSource> = self.secret_source(&at, reference, vaults);
                source.map(Address::Secret)
            }
        }
    }

    /// A key that this type does not look at was meant for another one.
    fn unused_keys(&mut self, at: &[&str], table: &NotifyTable, kind: Kind) {
        let mail = kind == Kind::Email;
        let given = [
            ("url", table.url.is_some(), !mail && kind != Kind::Command),
            ("signing_key", table.signing_key.is_some(), kind == Kind::Webhook),
            ("routing_key", table.routing_key.is_some(), kind == Kind::Pagerduty),
            ("smtp", table.smtp.is_some(), mail),
            ("username", table.username.is_some(), mail),
            ("password", table.password.is_some(), mail),
            ("from", table.from.is_some(), mail),
            ("to", table.to.is_some(), mail),
            ("command", table.command.is_some(), kind == Kind::Command),
        ];
        for (name, _, _) in given.into_iter().filter(|(_, given, used)| *given && !used) {
            let message = format!("`{name}` is not looked at by a receiver of type {}", kind.as_str());
            self.fault(&[at, &[name]].concat(), message, "remove it, or correct the type");
        }
    }
}

/// The address of a receiver: https, or http on this very machine.
fn receiver_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|_| "this is no address".to_owned())?;
    match url.scheme() {
        "https" if url.host_str().is_some() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err("http is for receivers on this machine alone".to_owned()),
        _ => Err("the address does not begin with https://".to_owned()),
    }
}

fn mail_server(text: &str) -> Result<MailServer, String> {
    let url = Url::parse(text).map_err(|_| "this is no address of a mail server".to_owned())?;
    let (security, port) = match url.scheme() {
        "smtps" => (MailSecurity::Tls, 465),
        "smtp" => (MailSecurity::StartTls, 587),
        _ => return Err("the address begins neither with smtps:// nor with smtp://".to_owned()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a password does not belong here: use `username` and `password`".to_owned());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the address names no host")?;
    Ok(MailServer { host: host.to_owned(), port: url.port().unwrap_or(port), security })
}

fn is_mail_address(text: &str) -> bool {
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c));
    plain
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains(|c| c != '@') && !host.contains('@'))
}
