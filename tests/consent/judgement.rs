//! What may take the place of what lies there: whose it is, with MFA or without, and into which secret.

use super::import::{import, issue};
use crate::support::person::{Consent, Person};
use crate::support::{Rig, TOKEN, due};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::{TENANT, User};
use rotator::sandbox::seed::{CLIENT, Seed, VAULT};

const BOB: &str = "00000000-0000-0000-0000-0000000000a2";

async fn with_bob(seeds: &[Seed]) -> Rig {
    Rig::with(seeds, |state| {
        let home = (TENANT.to_owned(), BOB.to_owned());
        state.directory.users.insert(BOB.to_owned(), User { name: "Bob Billing".to_owned(), home });
    })
    .await
}

#[tokio::test]
async fn another_user_needs_a_word() {
    let rig = with_bob(&due()).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    Person::of(&rig).named(BOB).sign_in(&consent.url).await;
    let refused = consent.ended().await;
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("identity.contradiction.user") && refused.stderr.contains("--replace-identity"));
    assert_eq!(rig.version_count(TOKEN), 1);
    let consent = Consent::start(&rig, &["--yes", "--no-browser", "--replace-identity"]).await;
    Person::of(&rig).named(BOB).sign_in(&consent.url).await;
    assert_eq!(consent.ended().await.code, Some(0));
    assert!(rig.world().state().vault(VAULT).newest(TOKEN).unwrap().tags["rotator-identity"].contains(BOB));
    assert_eq!(rig.run_one(&["--force"]).await.outcome, OutcomeName::Rotated);
}

#[tokio::test]
async fn the_configured_user_is_not_replaced_by_a_word() {
    let rig =
        with_bob(&[Seed::new(TOKEN).days_old(8).line("user_id = \"00000000-0000-0000-0000-0000000000a1\"")]).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser", "--replace-identity"]).await;
    let shown = Person::of(&rig).named(BOB).sign_in(&consent.url).await;
    assert!(shown.text.contains("sign in as the user that user_id names"), "{}", shown.text);
    assert_eq!((consent.ended().await.code, rig.version_count(TOKEN)), (Some(3), 1));
}

#[tokio::test]
async fn partner_center_needs_mfa() {
    let rig = Rig::new(&due()).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).without_mfa().sign_in(&consent.url).await;
    assert!(shown.text.contains("had no MFA") && shown.text.contains("--allow-no-mfa"), "{}", shown.text);
    let refused = consent.ended().await;
    assert!(refused.code == Some(3) && refused.stderr.contains("consent.mfa at inspect"), "{refused:?}");
    assert_eq!(rig.version_count(TOKEN), 1);
    let consent = Consent::start(&rig, &["--yes", "--no-browser", "--allow-no-mfa"]).await;
    let shown = Person::of(&rig).without_mfa().sign_in(&consent.url).await;
    assert!(shown.text.contains("class=\"warn\">no: "), "{}", shown.text);
    assert_eq!(consent.ended().await.code, Some(0));
    assert_eq!(rig.world().state().vault(VAULT).newest(TOKEN).unwrap().tags["rotator-mfa"], "no");
}

#[tokio::test]
async fn other_apis_do_not() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).scope("https://graph.microsoft.com/.default")]).await;
    let token = issue(&mut rig.world().state(), CLIENT, false);
    let outcome = import(&rig, &token, &[]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("no: amr does not contain mfa"), "{outcome:?}");
}

#[tokio::test]
async fn a_token_that_lives_a_day_is_not_stored() {
    let rig = Rig::with(&due(), |state| state.directory.quirks.short_lived = true).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    assert!(shown.text.contains("24 hours") && shown.text.contains("platform Web"), "{}", shown.text);
    let outcome = consent.ended().await;
    assert!(outcome.code == Some(3) && outcome.stderr.contains("entra.single-page at inspect"), "{outcome:?}");
    assert_eq!(rig.version_count(TOKEN), 1);
}

#[tokio::test]
async fn a_deleted_secret_is_recovered_only_where_that_is_said() {
    for disabled in [false, true] {
        let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).older(2)], |state| {
            state.vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap().enabled = !disabled;
            state.vault(VAULT).delete(TOKEN);
        })
        .await;
        let token = issue(&mut rig.world().state(), CLIENT, true);
        let refused = import(&rig, &token, &[]).await;
        assert!(refused.code == Some(3) && refused.stderr.contains("vault.secret.deleted at inventory"), "{refused:?}");
        assert!(rig.world().state().vault(VAULT).secret_mut(TOKEN).deleted.is_some());
        let outcome = import(&rig, &token, &["--recover"]).await;
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(rig.accepted(TOKEN) && rig.version_count(TOKEN) == 4);
    }
}

/// Whoever disabled the newest version wanted the old token out of use, and signs in for a new one.
#[tokio::test]
async fn a_disabled_version_is_left_as_it_is_below_the_new_one() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).disabled()]).await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    assert_eq!(import(&rig, &token, &[]).await.code, Some(0));
    assert!(rig.accepted(TOKEN));
    let state = rig.world().state();
    let enabled: Vec<bool> = state.vaults[VAULT].versions(TOKEN).iter().map(|version| version.enabled).collect();
    assert_eq!(enabled, [false, true]);
}

/// Where the access token cannot be read, nothing is held against it, and the person is told.
#[tokio::test]
async fn what_the_answer_does_not_say_is_said() {
    let rig = Rig::with(&due(), |state| state.directory.quirks.opaque_access = true).await;
    let consent = Consent::start(&rig, &["--yes", "--no-browser"]).await;
    let shown = Person::of(&rig).sign_in(&consent.url).await;
    assert!(shown.text.contains("class=\"warn\">the access token does not say"), "{}", shown.text);
    assert_eq!(consent.ended().await.code, Some(0));
    let rig = Rig::with(&due(), |state| {
        state.directory.quirks.no_identity = true;
        state.directory.quirks.opaque_access = true;
    })
    .await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    let outcome = import(&rig, &token, &[]).await;
    assert!(
        outcome.code == Some(0) && outcome.stdout.contains("note: the answer does not say whose token it is"),
        "{outcome:?}"
    );
    // Nobody's account is taken over from the version before.
    assert!(rig.world().state().vault(VAULT).newest(TOKEN).unwrap().tags["rotator-identity"].starts_with("-/-/"));
}

#[cfg(unix)]
#[tokio::test]
async fn at_a_terminal_the_recovery_is_a_question() {
    use crate::support::Terminal;
    for (answer, recovered) in [("n\n", false), ("y\n", true)] {
        let rig = Rig::with(&due(), |state| state.vault(VAULT).delete(TOKEN)).await;
        let mut command = rig.command(&["consent", TOKEN, "--no-browser", "--log-level", "off", "--deadline", "100ms"]);
        let keyboard = Terminal::of_stdin(&mut command);
        keyboard.types(answer);
        let output = crate::support::soon(command.output()).await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("Recover it with all its versions?"), "{stderr}");
        let said = if recovered { "recovered: contoso-partner with 1 versions" } else { "vault.secret.deleted" };
        assert!(stderr.contains(said), "{stderr}");
        assert_eq!(rig.world().state().vault(VAULT).secret_mut(TOKEN).deleted.is_none(), recovered);
    }
}
