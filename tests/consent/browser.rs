//! By a browser that comes back to this machine.

use crate::redaction;
use crate::support::person::{Consent, Person, query};
#[cfg(unix)]
use crate::support::{Keyboard, Terminal};
use crate::support::{Rig, TOKEN, due, soon};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::{TENANT, USER};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, Fate, Seed, VAULT};
use rotator::sandbox::vault::right::Right;

#[tokio::test]
async fn the_token_may_be_the_first_of_its_secret() {
    let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).secrets.remove(TOKEN))).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    // The code is neither in the address bar nor in the page.
    assert!(shown.address.as_str().starts_with(&format!("{}/result/", consent.redirect)), "{}", shown.address);
    assert_eq!(shown.address.query(), None);
    let outcome = consent.ended().await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("the token is stored") && outcome.stdout.contains("Ada Admin"), "{outcome:?}");
    assert!(rig.accepted(TOKEN));
    for told in ["Ada Admin", USER, TENANT, "<dd id=\"mfa\">yes", VAULT, "dies on"] {
        assert!(shown.text.contains(told), "{told}: {}", shown.text);
    }
    let newest = rig.world().state().vault(VAULT).newest(TOKEN).unwrap().clone();
    for tag in ["issued", "consented", "identity", "run", "mfa", "scope"] {
        assert!(newest.tags.contains_key(&format!("rotator-{tag}")), "{tag}: {:?}", newest.tags);
    }
    assert_eq!(newest.tags["rotator-identity"], format!("{TENANT}/{USER}/{CLIENT}"));
    assert!(newest.expires.is_some());
    // The job takes it for its own.
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
}

#[tokio::test]
async fn what_lies_there_is_replaced_and_its_tags_of_others_stay() {
    let seeds = [Seed::new(TOKEN).days_old(80).older(3).fate(Fate::Revoked)];
    let rig = Rig::with(&seeds, |state| {
        let version = state.vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap();
        version.tags.insert("cost-centre".to_owned(), "42".to_owned());
    })
    .await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    Person::of(&rig).sign_in(&consent.url).await;
    assert_eq!(consent.ended().await.code, Some(0));
    assert!(rig.accepted(TOKEN));
    let state = rig.world().state();
    let versions = state.vaults[VAULT].versions(TOKEN);
    let newest = versions.last().unwrap();
    assert_eq!((newest.tags["cost-centre"].as_str(), versions.len()), ("42", 5));
    assert!(newest.tags["rotator-run"].ends_with(&versions[3].id));
    // Old ones of ours are retired as a rotation does it.
    assert!(versions[..3].iter().all(|version| !version.enabled), "{versions:?}");
}

#[tokio::test]
async fn the_address_asks_for_what_the_configuration_and_the_last_refusal_say() {
    let claims = r#"{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}"#;
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).fate(Fate::RefusedWith(50_076))], |state| {
        state.directory.quirks.claims = Some(claims.to_owned());
    })
    .await;
    for (arguments, prompt) in
        [(&["--yes", "--no-browser"][..], "select_account"), (&["--yes", "--no-browser", "--fresh"], "login")]
    {
        let consent = Consent::start(&rig, arguments).await;
        let asked = query(&consent.url);
        assert_eq!((asked["prompt"].as_str(), asked["claims"].as_str()), (prompt, claims));
        assert_eq!((asked["code_challenge_method"].as_str(), asked["response_type"].as_str()), ("S256", "code"));
        assert_eq!(
            asked["scope"],
            "https://api.partnercenter.microsoft.com/user_impersonation offline_access openid profile"
        );
        let port: u16 = asked["redirect_uri"].strip_prefix("http://localhost:").unwrap().parse().unwrap();
        assert!((8400..=8999).contains(&port));
    }
}

#[tokio::test]
async fn scopes_of_several_apis_are_consented_to_at_once() {
    let line = r#"consent_scopes = ["https://management.azure.com//user_impersonation", "https://graph.microsoft.com/User.Read"]"#;
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).line(line)], |state| {
        let app = state.directory.apps.get_mut(CLIENT).unwrap();
        app.consented = vec!["https://api.partnercenter.microsoft.com".to_owned()];
    })
    .await;
    let before = rig.call(&["token", TOKEN, "--for", "arm"]).await;
    assert!(before.stderr.contains("AADSTS65001"), "{before:?}");
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    assert!(query(&consent.url)["scope"].contains("https://management.azure.com//user_impersonation https://graph"));
    Person::of(&rig).sign_in(&consent.url).await;
    assert_eq!(consent.ended().await.code, Some(0));
    for api in ["arm", "graph"] {
        assert_eq!(rig.call(&["token", TOKEN, "--for", api]).await.code, Some(0), "{api}");
    }
    assert!(rig.call(&["token", TOKEN, "--for", "exchange"]).await.stderr.contains("AADSTS65001"));
}

#[tokio::test]
async fn whoever_declines_may_try_again() {
    let rig = Rig::new(&due()).await;
    let mut consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let person = Person::of(&rig);
    let back = person.answer(&consent.url, "decline").await;
    let shown = person.follow(&back).await;
    assert!(shown.text.contains("access_denied: AADSTS65004") && shown.text.contains("id=\"again\""), "{}", shown.text);
    consent.says("still waiting").await;
    assert!(consent.waits());
    person.sign_in(&consent.url).await;
    assert_eq!(consent.ended().await.code, Some(0));
    assert_eq!(rig.version_count(TOKEN), 2);
}

#[tokio::test]
async fn what_goes_wrong_afterwards_is_shown_in_the_browser_too() {
    let rig = Rig::with(&due(), |state| state.directory.apps.get_mut(CLIENT).unwrap().single_page = true).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    assert!(shown.text.contains("Nothing was stored") && shown.text.contains("Web redirect"), "{}", shown.text);
    let outcome = consent.ended().await;
    assert_eq!(outcome.code, Some(3));
    assert!(
        outcome.stderr.contains("entra.single-page at redeem") && outcome.stderr.contains("AADSTS9002327"),
        "{outcome:?}"
    );
    assert_eq!(rig.version_count(TOKEN), 1);
}

#[tokio::test]
async fn nobody_comes() {
    let rig = Rig::new(&due()).await;
    let outcome = rig.call(&["consent", TOKEN, "--yes", "--no-browser", "--deadline", "100ms"]).await;
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.stderr.contains("consent.timeout at consent"), "{outcome:?}");
}

/// A browser that was closed keeps nobody: the page is offered for some seconds, and what was said stays said.
#[tokio::test]
async fn a_closed_browser_is_not_waited_for() {
    let rig = Rig::new(&due()).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let person = Person::of(&rig);
    let back = person.answer(&consent.url, "accept").await;
    assert_eq!(person.get(back.as_str()).await.status, 303);
    let outcome = consent.ended().await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("the token is stored"), "{outcome:?}");
}

/// Opens what `BROWSER` names, as the person's own browser.
#[cfg(unix)]
#[tokio::test]
async fn the_browser_is_opened_with_the_address() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new(&due()).await;
    let (program, opened) = (rig.sandbox.folder().join("browser"), rig.sandbox.folder().join("opened"));
    std::fs::write(
        &program,
        format!("#!/bin/sh\nprintf '%s' \"$1\" > '{}.part'\nmv '{0}.part' '{0}'\n", opened.display()),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let rig = rig.env("BROWSER", program.to_str().unwrap()).env("PATH", "/usr/bin:/bin");
    let consent = Consent::start(&rig, &["--yes"]).await;
    let address = soon(async {
        loop {
            match std::fs::read_to_string(&opened) {
                Ok(address) => break address,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(address.await, consent.url.as_str());
}

#[tokio::test]
async fn nothing_is_asked_for_where_nobody_can_confirm() {
    let rig = Rig::new(&due()).await;
    for arguments in [&["--no-browser"][..], &["--paste"], &["--device-code"], &["--import"]] {
        let outcome = rig.call(&[&["consent", TOKEN], arguments].concat()).await;
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("--yes"), "{outcome:?}");
    }
    assert!(rig.world().journal().entries().is_empty());
}

#[tokio::test]
async fn an_app_without_a_credential_is_found_before_anybody_signs_in() {
    let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).secrets.remove("partner-client-secret"))).await;
    let outcome = rig.call(&["consent", TOKEN, "--yes", "--no-browser"]).await;
    assert!(outcome.code == Some(3) && outcome.stderr.contains("app.secret.missing"), "{outcome:?}");
    assert!(!outcome.stderr.contains("/authorize"));
}

#[tokio::test]
async fn no_token_code_or_verifier_is_shown_at_trace() {
    let rig = Rig::new(&due()).await;
    let arguments = ["consent", TOKEN, "--yes", "--no-browser", "--log-level", "trace"];
    let consent = Consent::of(rig.start(&arguments)).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    let outcome = consent.ended().await;
    assert!(outcome.code == Some(0) && outcome.stderr.contains("TRACE"), "{outcome:?}");
    let secrets = redaction::secrets(&rig);
    assert!(secrets.iter().any(|secret| secret.contains("sandbox-code")));
    redaction::check("consent", &outcome, &secrets);
    let page = crate::support::Outcome { code: None, stdout: shown.text, stderr: shown.address.to_string() };
    redaction::check("page", &page, &secrets);
    let redeemed = rig.world().journal().entries().iter().filter(|entry| entry.route == Route::Token).count();
    // The challenge, the code, the proof.
    assert_eq!(redeemed, 3);
}

/// An answer that was lost on its way may have used the code up, so nothing is sent again.
#[tokio::test]
async fn a_code_is_not_sent_twice_where_it_may_be_used_up() {
    for fault in [Fault::Cut, Fault::Half] {
        let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).secrets.remove(TOKEN))).await;
        rig.fault(Rule::new(Phase::After, fault).on(Route::Token));
        let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
        let shown = Person::of(&rig).sign_in(&consent.url).await;
        assert!(shown.text.contains("the answer with the token was lost"), "{}", shown.text);
        let outcome = consent.ended().await;
        assert!(outcome.code == Some(3) && outcome.stderr.contains("nothing of this sign-in is kept"), "{outcome:?}");
        let sent = rig.world().journal().entries().iter().filter(|entry| entry.route == Route::Token).count();
        assert_eq!(sent, 1);
    }
    // A server that says it could not is asked again.
    let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).secrets.remove(TOKEN))).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Token).times(2));
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    Person::of(&rig).sign_in(&consent.url).await;
    assert_eq!(consent.ended().await.code, Some(0));
}

/// A sign-in at a terminal: somebody has signed in, and has said that it is to be stored.
#[cfg(unix)]
async fn said_yes(rig: &Rig) -> (Consent, Keyboard) {
    let mut command = rig.command(&["consent", TOKEN, "--no-browser", "--log-level", "off"]);
    let keyboard = Terminal::of_stdin(&mut command);
    let mut consent = Consent::of(command.spawn().unwrap()).await;
    let person = Person::of(rig);
    let back = person.answer(&consent.url, "accept").await;
    assert_eq!(person.get(back.as_str()).await.status, 303);
    consent.says("tenant ").await;
    keyboard.types("y\n");
    (consent, keyboard)
}

/// A sign-in is dear: what keeps it from being stored can be put right while it is still there.
#[cfg(unix)]
#[tokio::test]
async fn storing_is_tried_again_when_the_person_says_so() {
    let rig = Rig::with(&due(), |state| {
        state.vault(VAULT).rights.denied.insert(Right::Set);
    })
    .await;
    let (mut consent, keyboard) = said_yes(&rig).await;
    consent.says("fix: give the job's identity a role").await;
    rig.world().state().vault(VAULT).rights.denied.remove(&Right::Set);
    keyboard.types("y\n");
    let outcome = consent.ended().await;
    assert!(outcome.code == Some(0) && outcome.stderr.contains("The sign-in is still here"), "{outcome:?}");
    assert!(rig.accepted(TOKEN) && rig.version_count(TOKEN) == 2);
}

/// The write arrived, its answer did not, and nothing could be read then: the next try finds what it wrote itself.
#[cfg(unix)]
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_by_the_next_try() {
    let rig = Rig::new(&due()).await;
    rig.fault(Rule::new(Phase::After, Fault::Cut).on(Route::Write).times(1));
    // The guard reads once; the read after the lost answer is refused.
    let refused =
        Fault::json(403, r#"{"error":{"code":"Forbidden","message":"no","innererror":{"code":"ForbiddenByRbac"}}}"#);
    rig.fault(Rule::new(Phase::Before, refused).on(Route::Read).about(TOKEN).skip(2).times(1));
    let (mut consent, keyboard) = said_yes(&rig).await;
    consent.says("vault.forbidden.rbac").await;
    keyboard.types("y\n");
    let outcome = consent.ended().await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("the token is stored"), "{outcome:?}");
    assert!(rig.accepted(TOKEN) && rig.version_count(TOKEN) == 2);
}

#[tokio::test]
async fn what_was_refused_before_it_was_written_is_not_called_unknown() {
    let rig = Rig::with(&due(), |state| {
        state.vault(VAULT).rights.denied.insert(Right::Set);
    })
    .await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    assert!(shown.text.contains("Nothing was stored") && shown.text.contains("vault.forbidden.rbac"), "{}", shown.text);
    assert_eq!((consent.ended().await.code, rig.version_count(TOKEN)), (Some(3), 1));
}

/// A version that was written and could not be read back is named, and nobody says that nothing was stored.
#[tokio::test]
async fn what_may_be_stored_is_not_denied() {
    let rig = Rig::new(&due()).await;
    let write = rig.meanwhile(
        |rule| rule.on(Route::Write),
        |state| {
            state.vault(VAULT).rights.denied.insert(Right::Get);
        },
    );
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    soon(write).await.unwrap();
    assert!(shown.text.contains("It is not known whether the token is stored"), "{}", shown.text);
    let outcome = consent.ended().await;
    let newest = rig.world().state().vault(VAULT).newest(TOKEN).unwrap().id.clone();
    assert!(
        outcome.code == Some(3) && outcome.stderr.contains(&format!("version {newest} was written")),
        "{outcome:?}"
    );
}

/// At a terminal the person is asked, and what they are asked about is on the screen.
#[cfg(unix)]
#[tokio::test]
async fn a_person_at_the_terminal_confirms() {
    for (answer, code, versions) in [("y\n", Some(0), 2), ("n\n", Some(3), 1), ("\n", Some(3), 1)] {
        let rig = Rig::new(&due()).await;
        let mut command = rig.command(&["consent", TOKEN, "--no-browser", "--log-level", "off"]);
        let keyboard = Terminal::of_stdin(&mut command);
        let mut consent = Consent::of(command.spawn().unwrap()).await;
        let person = Person::of(&rig);
        let back = person.answer(&consent.url, "accept").await;
        let waiting = person.get(back.as_str()).await;
        assert_eq!(waiting.status, 303);
        let result = back.join(&waiting.headers["location"]).unwrap();
        let waiting = person.get(result.as_str()).await;
        assert!(waiting.text.contains("answer there"), "{}", waiting.text);
        consent.says("tenant ").await;
        keyboard.types(answer);
        let shown = person.follow(&result).await;
        assert_eq!(shown.text.contains("The token is stored"), code == Some(0), "{}", shown.text);
        let outcome = consent.ended().await;
        assert_eq!((outcome.code, rig.version_count(TOKEN)), (code, versions), "{outcome:?}");
        for told in ["Ada Admin", "MFA         yes", "stored now  version", "[y/N]"] {
            assert!(outcome.stderr.contains(told), "{told}: {outcome:?}");
        }
    }
}
