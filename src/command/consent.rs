//! `rotator consent NAME`: a person signs in once, and the token goes into the vault.

use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Consent as Arguments;
use crate::command::{DECLINED, Usage, connect, failed, question, signal, stdout};
use crate::config::Source;
use crate::consent::authorization::{Answer, Attempt, Prompt};
use crate::consent::landing::{self, Landing, Listener};
use crate::consent::page::Page;
use crate::consent::{self, WORK, device, summary};
use crate::entra::answer::Grant;
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::outcome::Outcome;
use crate::model::target::Target;
use crate::model::version::Version;
use crate::ports::Vault;
use crate::renew::adopt::{self, Fate, Proved, Terms, Unstored};
use crate::renew::inspect::Seen;
use crate::renew::{Inventory, Run};
use crate::report::progress;
use crate::secret::{Code, RefreshToken};
use crate::wire::deadline::Deadline;

/// Key Vault stores no longer value.
const LONGEST_IMPORT: u64 = 64 * 1024;
const PASTED_PORT: u16 = 8400;
/// A person must sign in again.
const SIGN_IN: u8 = 3;
const PASTE_WHOLE: &str = "paste one whole line; where a terminal takes only a part of it, put it into a file: \
    rotator consent {name} --paste --yes";

pub(super) async fn consent(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load_by_hand()?;
    let target = connect::named(&config, &arguments.name)?;
    if arguments.import && std::io::stdin().is_terminal() {
        return Err(Usage(format!(
            "--import reads the refresh token from stdin, and a terminal would show it\n    fix: {}",
            bring(arguments, &target.name)
        )));
    }
    if !arguments.yes && !arguments.dry_run {
        question::attended()?;
    }
    let imported = if arguments.import { Some(imported(arguments, &target.name)?) } else { None };
    let run = connect::connect(&config, WORK)?;
    let vault = connect::vault_of(&target, &run)?;
    let session = Session { target: &target, vault: vault.as_ref(), run: &run, arguments };
    if let Some(refresh) = imported.as_ref().filter(|_| arguments.dry_run) {
        return Ok(session.trial(refresh).await);
    }
    let mut landing = None;
    let ended = session.hold(imported, &mut landing).await;
    let (code, page) = told(&target, ended);
    if let Some(landing) = landing {
        landing.show(page).await;
    }
    Ok(code)
}

/// Says how it ended, and what the browser is to show of that.
fn told(target: &Target, ended: Held<(Outcome, Seen)>) -> (u8, Page) {
    let failed_page = |unknown, what, fix| Page::Failed { unknown, what, fix };
    match ended {
        Ok((outcome, seen)) => {
            let stored = summary::stored(target, &outcome, &seen);
            stdout::print(&stored.text());
            (0, Page::Stored(Box::new(stored)))
        }
        Err(End::Declined) => {
            stdout::complain("nothing was stored");
            let fix = format!("Start again: rotator consent {}", target.name);
            (DECLINED, failed_page(false, "It was declined at the terminal.".to_owned(), fix))
        }
        Err(End::Failed(Unstored { failure, fate })) => {
            failed(&failure, target);
            let what = format!("{} ({})", failure.cause, failure.cause.kind.slug());
            // Nobody but a person can try again.
            (SIGN_IN, failed_page(fate != Fate::Untouched, what, failure.hint(target)))
        }
    }
}

/// How a sign-in ends without a token.
enum End {
    Failed(Unstored),
    Declined,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.into())
    }
}

type Held<T> = Result<T, End>;

struct Session<'a> {
    target: &'a Target,
    vault: &'a dyn Vault,
    run: &'a Run,
    arguments: &'a Arguments,
}

impl Session<'_> {
    /// Looks at what is there, lets the person sign in, and stores what that gives.
    async fn hold(&self, imported: Option<RefreshToken>, landing: &mut Option<Landing>) -> Held<(Outcome, Seen)> {
        let inventory = self.survey().await?;
        let inventory = inventory.as_ref();
        // What the app lacks is found before a person signs in for nothing.
        self.run.proofs.of(&self.target.app, &self.run.vaults).await.at(Stage::Credential)?;
        let Arguments { device_code, paste, .. } = self.arguments;
        let grant = match &imported {
            Some(refresh) => adopt::bring_in(self.target, self.run, refresh).await?,
            None if *device_code => self.by_device().await?,
            None if *paste => self.by_paste(inventory).await?,
            None => self.by_browser(inventory, landing).await?,
        };
        self.take(inventory, grant, imported.as_ref()).await
    }

    /// Says whether Entra ID accepts a token, whatever else there is to say of it; stores nothing.
    async fn trial(&self, refresh: &RefreshToken) -> u8 {
        let grant = match adopt::bring_in(self.target, self.run, refresh).await {
            Ok(grant) => grant,
            Err(failure) => {
                failed(&failure, self.target);
                return SIGN_IN;
            }
        };
        let judged = adopt::survey(self.target, self.vault)
            .await
            .and_then(|inventory| adopt::judge(self.target, inventory.as_ref(), grant, Some(refresh), self.terms()));
        stdout::print(&summary::tried(self.target, &judged.map(|candidate| candidate.seen)));
        0
    }

    const fn terms(&self) -> Terms {
        Terms { replace_identity: self.arguments.replace_identity, allow_no_mfa: self.arguments.allow_no_mfa }
    }

    async fn survey(&self) -> Held<Option<Inventory>> {
        let failure = match adopt::survey(self.target, self.vault).await {
            Err(failure) if failure.cause.kind == Kind::SecretDeleted => failure,
            found => return Ok(found?),
        };
        let question = format!("{}. Recover it with all its versions?", failure.cause);
        // `--yes` is about the token: that a secret was deleted may have had its reason.
        let wanted = self.arguments.recover || (!self.arguments.yes && question::confirmed(&question).await);
        if !wanted {
            return Err(failure.into());
        }
        self.run.deadline.restart(WORK);
        let recovered = adopt::recover(self.target, self.vault, self.run).await?;
        stdout::complain(&format!("recovered: {} with {} versions", self.target.secret, recovered.versions.len()));
        Ok(Some(recovered))
    }

    async fn attempt(&self, inventory: Option<&Inventory>, redirect: &str) -> Held<Attempt> {
        let stored = inventory.is_some_and(|inventory| inventory.newest().enabled);
        let claims = if stored { consent::challenge(self.target, self.vault, self.run).await } else { None };
        let prompt = if self.arguments.fresh { Prompt::Login } else { Prompt::SelectAccount };
        let scopes = consent::scopes(self.target);
        let attempt = Attempt::new(&self.target.app, &scopes, redirect, prompt, claims.as_deref());
        Ok(attempt.at(Stage::Consent)?)
    }

    async fn by_browser(&self, inventory: Option<&Inventory>, landing: &mut Option<Landing>) -> Held<Grant> {
        let ports = self.arguments.port.map_or(landing::PORTS, |port| port..=port);
        let listener = Listener::open(ports).await.at(Stage::Consent)?;
        let attempt = Arc::new(self.attempt(inventory, &listener.redirect()).await?);
        self.announce(&attempt, listener.port());
        let landing = landing.insert(Landing::serve(listener, Arc::clone(&attempt)));
        if !self.arguments.no_browser {
            open(&attempt);
        }
        let refused =
            |cause: &Cause| stdout::complain(&format!("{cause}\nstill waiting: the address can be opened again"));
        let code = landing.code(&self.patience(), refused).await.at(Stage::Consent)?;
        self.redeem(&attempt, &code).await
    }

    async fn by_paste(&self, inventory: Option<&Inventory>) -> Held<Grant> {
        let redirect = consent::redirect(self.arguments.port.unwrap_or(PASTED_PORT));
        let attempt = self.attempt(inventory, &redirect).await?;
        stdout::complain(&format!(
            "Sign in at this address, in any browser on any machine:\n\n  {}\n\n\
             It ends at an address that cannot be opened, {redirect}/?code=…: copy that whole address and paste it here.",
            attempt.url
        ));
        let code = self.pasted(&attempt).await?;
        self.redeem(&attempt, &code).await
    }

    /// How long the person is waited for, from now on.
    fn patience(&self) -> Deadline {
        Deadline::after(self.arguments.deadline)
    }

    /// Reads addresses until one is the answer to this attempt.
    async fn pasted(&self, attempt: &Attempt) -> Held<Code> {
        let patience = self.patience();
        loop {
            stdout::ask("address: ");
            let line = patience.bound(question::line()).await.map_err(|_| consent::nobody_came()).at(Stage::Consent)?;
            let ended = || Cause {
                fix: Some(PASTE_WHOLE),
                ..Cause::new(Kind::ConsentTimeout, "the input ended before an address was pasted")
            };
            let line = line.ok_or_else(ended).at(Stage::Consent)?;
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
        let patience = device::patience(&invitation, self.arguments.deadline);
        stdout::complain(&format!(
            "Open {} on any device, and type in the code {} within {}.\n\
             A Conditional Access policy that blocks device code flow later also ends tokens that were got by it: \
             where a browser can be used, leave --device-code away.",
            invitation.verification_uri,
            invitation.user_code,
            humantime::format_duration(patience.0),
        ));
        let spinner = progress::waiting();
        let left = |left: Duration| {
            spinner.set_message(format!("waiting, {} min {:02} s left", left.as_secs() / 60, left.as_secs() % 60));
        };
        let grant = device::wait(self.target, self.run, &invitation, patience, left).await.at(Stage::Consent);
        spinner.finish_and_clear();
        Ok(grant?)
    }

    async fn redeem(&self, attempt: &Attempt, code: &Code) -> Held<Grant> {
        self.run.deadline.restart(WORK);
        Ok(consent::redeem(self.target, self.run, attempt, code).await.at(Stage::Redeem)?)
    }

    /// Judges what the sign-in gave, asks the person, proves and stores it.
    async fn take(
        &self,
        inventory: Option<&Inventory>,
        grant: Grant,
        redeemed: Option<&RefreshToken>,
    ) -> Held<(Outcome, Seen)> {
        let candidate = adopt::judge(self.target, inventory, grant, redeemed, self.terms())?;
        let seen = candidate.seen.clone();
        if !self.arguments.yes && !question::confirmed(&summary::question(self.target, inventory, &seen)).await {
            return Err(End::Declined);
        }
        self.run.deadline.restart(WORK);
        // From here on a token may be half stored: what is under way is finished.
        let listener = tokio::spawn(signal::end(self.run.deadline.clone()));
        let proved = adopt::proved(self.target, self.run, candidate).await?;
        let outcome = self.store(&proved, inventory.map(Inventory::newest)).await;
        listener.abort();
        Ok((outcome?, seen))
    }

    /// Stores it; where that fails and somebody is there to do something about it, as often as they want.
    async fn store(&self, proved: &Proved, judged: Option<&Version>) -> Held<Outcome> {
        let mut fate = Fate::Untouched;
        loop {
            let storing = adopt::store(self.target, self.vault, self.run, proved, judged, fate);
            let unstored = match storing.await {
                Ok(outcome) => return Ok(outcome),
                Err(unstored) => unstored,
            };
            let failure = &unstored.failure;
            let question = format!(
                "{} at {failure}\n    fix: {}\nThe sign-in is still here. Try to store it again?",
                failure.cause.kind.slug(),
                failure.hint(self.target)
            );
            let again =
                async { !self.arguments.yes && unstored.may_be_repeated() && question::confirmed(&question).await };
            // Whoever says stop is not asked further.
            let again = tokio::select! { again = again => again, () = signal::stop() => false };
            if !again {
                return Err(End::Failed(unstored));
            }
            fate = unstored.fate;
            self.run.deadline.restart(WORK);
        }
    }

    fn announce(&self, attempt: &Attempt, port: u16) {
        let browser = if self.arguments.no_browser {
            "Open this address in a browser"
        } else {
            "A browser opens at this address"
        };
        stdout::complain(&format!(
            "{browser}; sign in there with MFA, as the user whose token {} is to be:\n\n  {}\n\n\
             The app registration needs http://localhost as a redirect of the platform Web. The answer is waited for on {} for {}. From another machine a browser reaches it through\n\
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

/// How a token is brought in, or tried.
fn bring(arguments: &Arguments, name: &str) -> String {
    let how = if arguments.dry_run { "--dry-run" } else { "--yes" };
    format!("rotator consent {name} --import {how} < refresh-token.txt")
}

/// A refresh token from stdin.
fn imported(arguments: &Arguments, name: &str) -> Result<RefreshToken, Usage> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST_IMPORT).read_to_string(&mut text);
    let token = text.trim();
    if read.is_err() || token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Usage(format!(
            "--import: stdin holds no refresh token, which is one word and nothing else\n    fix: {}",
            bring(arguments, name)
        )));
    }
    Ok(RefreshToken::new(token.to_owned()))
}
