//! What is known of who was told: each receiver hears of a condition once, and of its end once.

use super::{events, facts, revoked, rig, state_tag, told, with_second};
use crate::support::{Rig, TOKEN, kind};
use rotator::report::OutcomeName;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, Seed, VAULT};
use rotator::sandbox::vault::right::Right;
use rotator::sandbox::vault::store::Version;
use serde_json::Value;

fn second(rig: &Rig) -> Vec<String> {
    events(rig, "/second").iter().flat_map(facts).collect()
}

/// A token that Entra ID accepts, as somebody would get it at another place.
fn fresh_token(rig: &Rig) -> String {
    let user = rotator::sandbox::entra::directory::USER;
    rig.world().state().directory.issue(CLIENT, user, true, time::Duration::ZERO)
}

#[tokio::test]
async fn a_receiver_that_is_added_or_renamed_hears_what_stands() {
    let rig = rig(&revoked()).await;
    rig.run(&[]).await;
    assert_eq!(told(&rig).len(), 1);
    with_second(&rig, "");
    for expected in [vec!["critical entra.revoked".to_owned()], vec![]] {
        rig.run(&[]).await;
        assert_eq!((told(&rig).len(), second(&rig)), (0, expected));
    }
    rig.configure(&rig.config_text().replace("name = \"second\"", "name = \"third\""));
    rig.run(&[]).await;
    assert_eq!((told(&rig).len(), second(&rig)), (0, vec!["critical entra.revoked".to_owned()]));
}

#[tokio::test]
async fn who_did_not_hear_of_the_end_hears_of_it_later() {
    let rig = rig(&revoked()).await;
    with_second(&rig, "");
    rig.run(&[]).await;
    assert_eq!((told(&rig).len(), second(&rig).len()), (1, 1));
    crate::consent::import(&rig, &fresh_token(&rig), &[]).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(410)).on(Route::Receiver).about("/second"));
    rig.run(&[]).await;
    assert_eq!((told(&rig).concat(), second(&rig).len()), (vec![format!("{TOKEN} fine")], 0));
    rig.world().heal();
    for expected in [vec![format!("{TOKEN} fine")], vec![]] {
        rig.run(&[]).await;
        assert_eq!((told(&rig).len(), second(&rig)), (0, expected));
    }
}

/// Two conditions, and receivers that look at different ones: nobody hears again what they know because of what is of interest to another.
#[tokio::test]
async fn what_is_news_to_one_is_not_told_to_others_again() {
    let rig = rig(&[Seed::new(TOKEN).days_old(1).without_mfa()]).await;
    with_second(&rig, "min_severity = \"critical\"");
    rig.run(&[]).await;
    assert_eq!((told(&rig).concat(), second(&rig).len()), (vec!["warning token.mfa".to_owned()], 0));
    rig.world().state().directory.revoke(rotator::sandbox::entra::directory::USER);
    rig.run(&[]).await;
    let critical = "critical entra.revoked".to_owned();
    assert_eq!((told(&rig).concat(), second(&rig)), (vec![critical.clone()], vec![critical]));
    // Somebody signs in again, without MFA.
    let user = rotator::sandbox::entra::directory::USER;
    let token = rig.world().state().directory.issue(CLIENT, user, false, time::Duration::ZERO);
    crate::consent::import(&rig, &token, &["--allow-no-mfa"]).await;
    rig.run(&[]).await;
    let events = events(&rig, "/ops");
    assert_eq!((events.len(), facts(&events[0])), (1, vec!["warning token.mfa".to_owned()]), "it has eased");
    assert_eq!(events[0]["data"]["alerts"][0]["ended"][0], "entra.revoked");
    assert_eq!(second(&rig), [format!("{TOKEN} fine")]);
    rig.run(&[]).await;
    assert_eq!((told(&rig).len(), second(&rig).len()), (0, 0));
}

/// A version that somebody stores by hand has no note; the one before it has.
#[tokio::test]
async fn the_end_is_told_of_a_token_that_was_stored_by_hand() {
    let rig = rig(&revoked()).await;
    rig.world().state().vault(VAULT).secret_mut(TOKEN).versions[0]
        .tags
        .insert("rotator-run".to_owned(), "run replaced".to_owned());
    rig.run(&[]).await;
    assert_eq!(told(&rig), [["critical entra.revoked"]]);
    let value = fresh_token(&rig);
    rig.world().state().vault(VAULT).add(TOKEN, Version::new(&value));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    assert_eq!(told(&rig), [[format!("{TOKEN} fine")]]);
    rig.run_one(&[]).await;
    assert_eq!(told(&rig).len(), 0);
}

/// What returns on the same version is another event, and receivers that drop repetitions must not take it for one.
#[tokio::test]
async fn what_returns_has_another_id() {
    let rig = rig(&[Seed::new(TOKEN).days_old(1)]).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        for enabled in [false, true] {
            rig.world().state().vault(VAULT).secret_mut(TOKEN).versions[0].enabled = enabled;
            rig.run_one(&[]).await;
            let id = |event: &Value| event["data"]["alerts"][0]["facts"][0]["id"].as_str().map(str::to_owned);
            ids.extend(events(&rig, "/ops").iter().filter_map(id));
        }
    }
    let distinct: std::collections::HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (2, 2), "{ids:?}");
}

#[tokio::test]
async fn a_note_needs_no_right_to_list() {
    let rig = rig(&revoked()).await;
    rig.world().state().vault(VAULT).rights.denied.insert(Right::List);
    for expected in [1, 0] {
        assert_eq!(kind(&rig.run_one(&[]).await), "entra.revoked");
        assert_eq!(told(&rig).len(), expected);
    }
    assert!(state_tag(&rig).unwrap().starts_with("critical entra.revoked"));
}

/// What was told of an app is noted at its first token; a run without that one has nothing to say of the app.
#[tokio::test]
async fn an_app_is_told_of_once_whichever_tokens_a_run_has() {
    let rig = rig(&[Seed::new("a").days_old(1), Seed::new("b").days_old(1)]).await;
    let soon = (time::OffsetDateTime::now_utc() + time::Duration::days(20)).unix_timestamp();
    rig.world().state().vault(VAULT).secret_mut("partner-client-secret").versions[0].expires = Some(soon);
    rig.run(&["--only", "b"]).await;
    assert_eq!(told(&rig).len(), 0);
    rig.run(&[]).await;
    assert_eq!(told(&rig), [["warning app.aging"]]);
    for arguments in [&[][..], &["--only", "a"], &["--only", "b"]] {
        rig.run(arguments).await;
        assert_eq!(told(&rig).len(), 0, "{arguments:?}");
    }
}

/// The note tells `status` what metadata alone do not show.
#[tokio::test]
async fn status_says_what_was_told() {
    let rig = rig(&revoked()).await;
    rig.run(&[]).await;
    let status = rig.call(&["status", "--log-level", "off"]).await;
    assert_eq!(status.code, Some(3));
    assert!(status.stdout.contains("not accepted") && status.stdout.contains("rotator consent"), "{status:?}");
    let nagios = rig.call(&["status", "--nagios", "--log-level", "off"]).await;
    let first = format!("ROTATOR CRITICAL - {TOKEN}: critical entra.revoked since ");
    assert!(nagios.code == Some(2) && nagios.stdout.starts_with(&first), "{nagios:?}");
    let page = rig.call(&["status", "--output", "html", "--log-level", "off"]).await.stdout;
    assert!(page.contains(&format!("class=\"bad\" id=\"token-{TOKEN}\"")), "{page}");
}

/// It is noted also where nobody is told.
#[tokio::test]
async fn status_knows_what_a_run_without_receivers_found() {
    let rig = Rig::new(&revoked()).await;
    let file = rig.sandbox.folder().join("rotator.prom");
    let path = file.to_str().unwrap();
    rig.call(&["run", "--metrics-file", path]).await;
    let nagios = rig.call(&["status", "--nagios", "--metrics-file", path, "--log-level", "off"]).await;
    assert!(nagios.code == Some(2) && nagios.stdout.contains("entra.revoked"), "{nagios:?}");
    let needs =
        |text: &str| text.lines().find(|line| line.starts_with("rotator_token_needs_person")).unwrap().ends_with('1');
    assert!(needs(&std::fs::read_to_string(&file).unwrap()));
    // Nor does a look take back what a run found and could not note.
    rig.world().state().vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap().tags.remove("rotator-state");
    rig.call(&["status", "--metrics-file", path, "--log-level", "off"]).await;
    assert!(needs(&std::fs::read_to_string(&file).unwrap()));
}

/// A sign-in is the end of what was told of the token before, whether or not a run has redeemed the new one.
#[tokio::test]
async fn a_sign_in_is_the_end_of_it() {
    let rig = rig(&revoked()).await;
    rig.run(&[]).await;
    rig.configure(&rig.config_text().replace("purpose =", "probe = \"never\"\npurpose ="));
    crate::consent::import(&rig, &fresh_token(&rig), &[]).await;
    let status = rig.call(&["status"]).await;
    assert!(status.code == Some(0) && !status.stdout.contains("not accepted"), "{status:?}");
    assert_eq!(rig.run(&[]).await.outcome.code, Some(0));
}

/// Whoever asked for a token is told of its app as well.
#[tokio::test]
async fn an_app_belongs_to_its_tokens() {
    for (tokens, expected) in [("[\"contoso-*\"]", vec!["warning app.aging".to_owned()]), ("[\"fabrikam-*\"]", vec![])]
    {
        let rig = rig(&[Seed::new(TOKEN).days_old(1)]).await;
        let soon = (time::OffsetDateTime::now_utc() + time::Duration::days(20)).unix_timestamp();
        rig.world().state().vault(VAULT).secret_mut("partner-client-secret").versions[0].expires = Some(soon);
        rig.configure(&rig.config_text().replace("name = \"ops\"", &format!("name = \"ops\"\ntokens = {tokens}")));
        rig.run(&[]).await;
        assert_eq!(told(&rig).concat(), expected);
    }
}

/// What finds no room in a message of fifty blocks is told by the next run.
#[tokio::test]
async fn what_is_cut_is_told_later() {
    let seeds: Vec<Seed> = (0..60).map(|nth| Seed::new(&format!("t{nth}")).days_old(1).without_mfa()).collect();
    let rig = rig(&seeds).await;
    rig.configure(&rig.config_text().replace("type = \"webhook\"", "type = \"slack\""));
    let mut counts = Vec::new();
    for _ in 0..3 {
        rig.run(&[]).await;
        let blocks = |event: &Value| event["blocks"].as_array().unwrap().len();
        counts.extend(events(&rig, "/ops").iter().map(blocks));
    }
    assert_eq!(counts, [50, 1 + 12]);
}
