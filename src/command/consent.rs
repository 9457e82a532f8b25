//! `rotator consent NAME`: a person signs in once, and the token goes into the vault.

use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Consent as Arguments;
use crate::command::{Usage, connect, failed, question, stdout};
use crate::config::Source;
use crate::consent::authorization::{Answer, Attempt, Prompt};
use crate::consent::landing::{self, Landing, Listener};
use crate::consent::page::Page;
use crate::consent::{self, device, summary};
use crate::entra::answer::Grant;
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::outcome::Outcome;
use crate::model::target::Target;
use crate::ports::Vault;
use crate::renew::adopt::{self, Terms};
use crate::renew::inspect::Seen;
use crate::renew::{Inventory, Run};
use crate::report::progress;
use crate::secret::{Code, RefreshToken};
use crate::wire::deadline::Deadline;

/// What follows the sign-in has this much time, however late that came.
const AFTERWARDS: Duration = Duration::from_secs(120);
/// Key Vault stores no longer value.
const LONGEST_IMPORT: u64 = 64 * 1024;
const PASTED_PORT: u16 = 8400;
/// The person decided against it.
const NOT_STORED: u8 = 3;

pub(super) async fn consent(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let target = connect::named(&config, &arguments.name)?;
    attended(arguments)?;
    let imported = if arguments.import { Some(imported(&target.name)?) } else { None };
    let run = connect::connect(&config, arguments.deadline.saturating_add(AFTERWARDS))?;
    let vault = connect::vault_of(&target, &run)?;
    let patience = Deadline::after(arguments.deadline);
    let session = Session { target: &target, vault: vault.as_ref(), run: &run, arguments, patience };
    match session.hold(imported).await {
        Ok((outcome, seen)) => {
            stdout::print(&summary::stored(&target, &outcome, &seen).text());
            Ok(0)
        }
        Err(End::Failed(failure)) => Ok(failed(&failure, &target)),
        Err(End::Refused(usage)) => Err(usage),
        Err(End::Declined) => {
            stdout::complain("nothing was stored");
            Ok(NOT_STORED)
        }
    }
}

/// Whether somebody is there to be asked, before anything is sent.
fn attended(arguments: &Arguments) -> Result<(), Usage> {
    let terminal = std::io::stdin().is_terminal();
    if arguments.import && terminal {
        let name = &arguments.name;
        return Err(Usage(format!(
            "--import reads the refresh token from stdin, and a terminal would show it\n    \
             fix: rotator consent {name} --import --yes < refresh-token.txt"
        )));
    }
    if !arguments.yes && !terminal {
        let text = "nobody is at the terminal to be asked whether the token is to be stored\n    fix: add --yes";
        return Err(Usage(text.to_owned()));
    }
    Ok(())
}

/// How a sign-in ends without a token.
enum End {
    Failed(Failure),
    Refused(Usage),
    Declined,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Usage> for End {
    fn from(usage: Usage) -> Self {
        Self::Refused(usage)
    }
}

type Held<T> = Result<T, End>;

struct Session<'a> {
    target: &'a Target,
    vault: &'a dyn Vault,
    run: &'a Run,
    arguments: &'a Arguments,
    /// How long the sign-in is waited for.
    patience: Deadline,
}

impl Session<'_> {
    /// Looks at what is there, lets the person sign in, and stores what that gives.
    async fn hold(&self, imported: Option<RefreshToken>) -> Held<(Outcome, Seen)> {
        let inventory = self.survey().await?;
        // What the app lacks is found before a person signs in for nothing.
        self.run.proofs.of(&self.target.app, &self.run.vaults).await.at(Stage::Credential)?;
        let inventory = inventory.as_ref();
        if let Some(refresh) = imported {
            let grant = adopt::bring_in(self.target, self.run, &refresh).await?;
            return self.take(inventory, grant, Some(&refresh)).await;
        }
        if self.arguments.device_code {
            let grant = self.by_device().await?;
            return self.take(inventory, grant, None).await;
        }
        if self.arguments.paste { self.by_paste(inventory).await } else { self.by_browser(inventory).await }
    }

    async fn survey(&self) -> Held<Option<Inventory>> {
        let failure = match adopt::survey(self.target, self.vault).await {
            Err(failure) if failure.cause.kind == Kind::SecretDeleted => failure,
            found => return Ok(found?),
        };
        let question = format!("{}. Recover it with all its versions?", failure.cause);
        // `--yes` is about the token: that a secret was deleted may have had its reason.
        let wanted = self.arguments.recover || (!self.arguments.yes && question::confirmed(&question).await?);
        if !wanted {
            return Err(failure.into());
        }
        Ok(Some(adopt::recover(self.target, self.vault, self.run).await?))
    }

    async fn attempt(&self, inventory: Option<&Inventory>, redirect: &str) -> Held<Attempt> {
        let stored = inventory.is_some_and(|inventory| inventory.newest().enabled);
        let claims = if stored { consent::challenge(self.target, self.vault, self.run).await } else { None };
        let prompt = if self.arguments.fresh { Prompt::Login } else { Prompt::SelectAccount };
        let scopes = consent::scopes(self.target);
        let attempt = Attempt::new(&self.target.app, &scopes, redirect, prompt, claims.as_deref());
        Ok(attempt.at(Stage::Consent)?)
    }

    async fn by_browser(&self, inventory: Option<&Inventory>) -> Held<(Outcome, Seen)> {
        let ports = self.arguments.port.map_or(landing::PORTS, |port| port..=port);
        let listener = Listener::open(ports).await.at(Stage::Consent)?;
        let attempt = Arc::new(self.attempt(inventory, &listener.redirect()).await?);
        self.announce(&attempt, listener.port());
        let mut landing = Landing::serve(listener, Arc::clone(&attempt));
        if !self.arguments.no_browser {
            open(&attempt);
        }
        let refused =
            |cause: &Cause| stdout::complain(&format!("{cause}\nstill waiting: the address can be opened again"));
        let code = landing.code(&self.patience, refused).await.at(Stage::Consent)?;
        let ended = self.redeem(inventory, &attempt, &code).await;
        landing.show(page(self.target, &ended)).await;
        ended
    }

    async fn by_paste(&self, inventory: Option<&Inventory>) -> Held<(Outcome, Seen)> {
        let redirect = landing::redirect(self.arguments.port.unwrap_or(PASTED_PORT));
        let attempt = self.attempt(inventory, &redirect).await?;
        stdout::complain(&format!(
            "Sign in at this address, in any browser on any machine:\n\n  {}\n\n\
             It ends at an address that cannot be opened, {redirect}/?code=…: copy that whole address and paste it here.",
            attempt.url
        ));
        let code = self.pasted(&attempt).await?;
        self.redeem(inventory, &attempt, &code).await
    }

    /// Reads addresses until one is the answer to this attempt.
    async fn pasted(&self, attempt: &Attempt) -> Held<Code> {
        loop {
            stdout::ask("address: ");
            let line = self.patience.bound(question::line()).await.ok().flatten();
            let line = line.ok_or_else(landing::nobody_came).at(Stage::Consent)?;
            let query =
                line.trim().split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
            match attempt.read(query) {
                Answer::Code(code) => return Ok(code),
                Answer::Refused(cause) => stdout::complain(&format!("{cause}\nstill waiting: sign in there once more")),
                Answer::Stranger => {
                    stdout::complain("that address belongs to another sign-in: paste the one of this one");
                }
                Answer::Nothing => stdout::complain("that address has no code: copy it whole, from http:// to the end"),
            }
        }
    }

    async fn by_device(&self) -> Held<Grant> {
        let scopes = consent::scopes(self.target);
        let invitation = device::invite(self.target, self.run, &scopes).await.at(Stage::Consent)?;
        stdout::complain(&format!(
            "Open {} on any device, and type in the code {} within {}.\n\
             A Conditional Access policy that blocks device code flow later also ends tokens that were got by it: \
             where a browser can be used, leave --device-code away.",
            invitation.verification_uri,
            invitation.user_code,
            humantime::format_duration(invitation.expires_in),
        ));
        let spinner = progress::waiting();
        let left = |left: Duration| {
            spinner.set_message(format!("waiting, {} min {:02} s left", left.as_secs() / 60, left.as_secs() % 60));
        };
        let grant = device::wait(self.target, self.run, &invitation, &self.patience, left).await.at(Stage::Consent);
        spinner.finish_and_clear();
        Ok(grant?)
    }

    async fn redeem(&self, inventory: Option<&Inventory>, attempt: &Attempt, code: &Code) -> Held<(Outcome, Seen)> {
        let grant = consent::redeem(self.target, self.run, attempt, code).await.at(Stage::Redeem)?;
        self.take(inventory, grant, None).await
    }

    /// Judges what the sign-in gave, asks the person, and stores it.
    async fn take(
        &self,
        inventory: Option<&Inventory>,
        grant: Grant,
        redeemed: Option<&RefreshToken>,
    ) -> Held<(Outcome, Seen)> {
        let terms =
            Terms { replace_identity: self.arguments.replace_identity, allow_no_mfa: self.arguments.allow_no_mfa };
        let candidate = adopt::judge(self.target, inventory, grant, redeemed, terms)?;
        let seen = candidate.seen.clone();
        if !self.arguments.yes {
            let question = summary::question(self.target, inventory, &seen);
            if !question::confirmed(&question).await? {
                return Err(End::Declined);
            }
        }
        let outcome = adopt::adopt(self.target, self.vault, self.run, candidate).await?;
        Ok((outcome, seen))
    }

    fn announce(&self, attempt: &Attempt, port: u16) {
        let browser = if self.arguments.no_browser {
            "Open this address in a browser"
        } else {
            "A browser opens at this address"
        };
        stdout::complain(&format!(
            "{browser}; sign in there with MFA, as the user whose token {} is to be:\n\n  {}\n\n\
             The answer is waited for on {} for {}. From another machine a browser reaches it through\n\
             \x20 ssh -L {port}:localhost:{port} <this machine>\n\
             and where that is no way: rotator consent {} --paste",
            self.target.name,
            attempt.url,
            attempt.redirect,
            humantime::format_duration(self.arguments.deadline),
            self.target.name,
        ));
    }
}

/// Opens the person's browser; it has its own thread, since some take it for as long as they run.
fn open(attempt: &Attempt) {
    let url = attempt.url.to_string();
    std::thread::spawn(move || {
        let mut options = webbrowser::BrowserOptions::new();
        options.with_suppress_output(true);
        if webbrowser::open_browser_with_options(webbrowser::Browser::Default, &url, &options).is_err() {
            stdout::complain("no browser could be opened here: open the address by hand");
        }
    });
}

/// A refresh token from stdin.
fn imported(name: &str) -> Result<RefreshToken, Usage> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST_IMPORT).read_to_string(&mut text);
    let token = text.trim();
    if read.is_err() || token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Usage(format!(
            "--import: stdin holds no refresh token, which is one word and nothing else\n    \
             fix: rotator consent {name} --import --yes < refresh-token.txt"
        )));
    }
    Ok(RefreshToken::new(token.to_owned()))
}

/// What the browser is shown at the end.
fn page(target: &Target, ended: &Held<(Outcome, Seen)>) -> Page {
    let failed = |what: String, fix: String| Page::Failed { what, fix };
    match ended {
        Ok((outcome, seen)) => Page::Stored(Box::new(summary::stored(target, outcome, seen))),
        Err(End::Failed(failure)) => {
            failed(format!("{} ({})", failure.cause, failure.cause.kind.slug()), failure.hint(target))
        }
        Err(End::Refused(usage)) => failed(usage.0.clone(), String::new()),
        Err(End::Declined) => failed(
            "It was declined at the terminal.".to_owned(),
            format!("Start again: rotator consent {}", target.name),
        ),
    }
}
