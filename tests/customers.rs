//! The app in the tenants of a partner's customers.

use crate::support::{Outcome, Rig, TOKEN, due};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::scenario::entra::{FABRIKAM, NORTHWIND};
use rotator::sandbox::seed::CLIENT;
use rotator::sandbox::setting;
use serde_json::Value;

async fn rig(more: usize) -> Rig {
    Rig::within(&setting::PARTNER, &due(), |state| {
        let directory = &mut state.directory;
        directory.add_customer(FABRIKAM, "Fabrikam", "fabrikam.example", &[]);
        directory.add_customer(NORTHWIND, "Northwind", "northwind.example", &[]);
        for nth in 0..more {
            let id = format!("00000000-0000-0000-0001-{nth:012}");
            directory.add_customer(&id, &format!("Customer {nth}"), &format!("c{nth}.example"), &[]);
        }
    })
    .await
}

async fn customers(rig: &Rig, what: &str, arguments: &[&str]) -> Outcome {
    rig.call(&[&["customers", what, TOKEN, "--log-level", "off"], arguments].concat()).await
}

/// How many customers the app is consented to at.
fn consented(rig: &Rig) -> usize {
    let state = rig.world().state();
    state.directory.customers.values().filter(|customer| customer.consents.contains_key(CLIENT)).count()
}

fn outcomes(outcome: &Outcome) -> Vec<String> {
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    let rows = document["customers"].as_array().unwrap();
    rows.iter().map(|row| row["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn all_pages_are_listed() {
    let rig = rig(5).await;
    for a_page in [None, Some(1), Some(3), Some(7)] {
        rig.world().state().directory.quirks.customers_a_page = a_page;
        let text = customers(&rig, "list", &[]).await;
        assert_eq!((text.code, text.stdout.lines().count()), (Some(0), 7), "{text:?}");
        assert!(text.stdout.contains("fabrikam.example") && text.stdout.contains("Northwind"), "{text:?}");
    }
    let json: Value = serde_json::from_str(&customers(&rig, "list", &["--output", "json"]).await.stdout).unwrap();
    assert_eq!(json["customers"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn a_customer_is_named_by_id_domain_or_name_and_its_tokens_come_then() {
    for name in [NORTHWIND, "northwind.example", "Northwind", "NORTHWIND"] {
        let rig = rig(0).await;
        let before = rig.call(&["token", TOKEN, "--for", "graph", "--tenant", NORTHWIND]).await;
        assert!(before.stderr.contains(&format!("rotator customers consent {TOKEN} {NORTHWIND}")), "{before:?}");
        let outcome = customers(&rig, "consent", &[name, "--yes"]).await;
        assert!(outcome.code == Some(0) && outcome.stdout.contains("consented "), "{name}: {outcome:?}");
        for (api, tenant, code) in
            [("graph", NORTHWIND, 0), ("exchange", NORTHWIND, 0), ("arm", NORTHWIND, 3), ("graph", FABRIKAM, 3)]
        {
            let token = rig.call(&["token", TOKEN, "--for", api, "--tenant", tenant]).await;
            assert_eq!(token.code, Some(code), "{api} {tenant}: {token:?}");
        }
        assert_eq!(consented(&rig), 1);
    }
}

#[tokio::test]
async fn all_are_consented_once_and_revoked_again() {
    let rig = rig(10).await;
    let first = customers(&rig, "consent", &["--all", "--yes", "--output", "json"]).await;
    assert_eq!((first.code, outcomes(&first)), (Some(0), vec!["consented".to_owned(); 12]));
    let again = customers(&rig, "consent", &["--all", "--yes", "--output", "json"]).await;
    assert_eq!((again.code, outcomes(&again)), (Some(0), vec!["present".to_owned(); 12]));
    let renewed = customers(&rig, "consent", &["--all", "--yes", "--renew", "--output", "json"]).await;
    assert_eq!((renewed.code, outcomes(&renewed)), (Some(0), vec!["consented".to_owned(); 12]));
    let revoked = customers(&rig, "revoke", &["Fabrikam", "--yes"]).await;
    assert!(revoked.code == Some(0) && revoked.stdout.contains("1 customer: 1 revoked"), "{revoked:?}");
    assert_eq!(consented(&rig), 11);
    let revoked = customers(&rig, "revoke", &["--all", "--yes", "--output", "json"]).await;
    assert_eq!(outcomes(&revoked).iter().filter(|outcome| *outcome == "absent").count(), 1);
    assert_eq!((revoked.code, consented(&rig)), (Some(0), 0));
}

#[tokio::test]
async fn one_that_fails_keeps_no_other() {
    let rig = rig(3).await;
    rig.world().state().directory.customers.get_mut(FABRIKAM).unwrap().unrelated = true;
    let outcome = customers(&rig, "consent", &["--all", "--yes"]).await;
    assert_eq!((outcome.code, consented(&rig)), (Some(3), 4));
    assert!(outcome.stdout.contains("partner-center.customer: ") && outcome.stdout.contains("GDAP"), "{outcome:?}");
    assert!(outcome.stdout.contains("5 customers: 4 consented, 1 failed"), "{outcome:?}");
    // A failure that passes is tried again.
    rig.world().state().directory.customers.get_mut(FABRIKAM).unwrap().unrelated = false;
    rig.fault(
        Rule::new(Phase::After, Fault::status(503)).on(Route::PartnerCenter).about("applicationconsents").times(1),
    );
    let outcome = customers(&rig, "consent", &["Fabrikam", "--yes"]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("present"), "{outcome:?}");
    assert_eq!(consented(&rig), 5);
}

/// Told to stop in the middle: what is under way is finished, and the same command goes on with the rest.
#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_one_goes_on() {
    let rig = rig(30).await;
    let mut paused = rig.pause(|rule| rule.on(Route::PartnerCenter).about("applicationconsents").skip(8).times(1));
    let mut child = rig.start(&["customers", "consent", TOKEN, "--all", "--yes", "--output", "json"]);
    let resume = paused.arrived().await;
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let mut stderr = tokio::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("told to stop") {
        line.clear();
        assert!(crate::support::soon(tokio::io::AsyncBufReadExt::read_line(&mut stderr, &mut line)).await.unwrap() > 0);
    }
    resume.send(()).unwrap();
    let output = crate::support::soon(child.wait_with_output()).await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let outcome = Outcome { code: output.status.code(), stdout, stderr: String::new() };
    let untried = outcomes(&outcome).iter().filter(|outcome| *outcome == "untried").count();
    assert!(outcome.code == Some(4) && untried > 0, "{outcome:?}");
    assert_eq!(consented(&rig), 32 - untried);
    let again = customers(&rig, "consent", &["--all", "--yes", "--output", "json"]).await;
    assert_eq!(outcomes(&again).iter().filter(|outcome| *outcome == "consented").count(), untried);
    assert_eq!((again.code, consented(&rig)), (Some(0), 32));
}

#[tokio::test]
async fn nothing_is_changed_without_a_word_or_a_grant() {
    let rig = rig(0).await;
    for (arguments, said) in [
        (&["consent", TOKEN, "--all"][..], "add --yes"),
        (&["revoke", TOKEN, "Fabrikam"], "add --yes"),
        (&["consent", TOKEN, "nobody.example", "--yes"], "not the name of one customer: nobody.example"),
        (&["consent", TOKEN, "--yes"], "required"),
        (&["consent", TOKEN, "Fabrikam", "--all", "--yes"], "cannot be used with"),
    ] {
        let outcome = rig.call(&[&["customers"], arguments].concat()).await;
        let code = if said.contains("nobody") { 3 } else { 2 };
        assert!(outcome.code == Some(code) && outcome.stderr.contains(said), "{arguments:?}: {outcome:?}");
    }
    let text = rig.config_text();
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("grants")).collect();
    rig.configure(&without.join("\n"));
    let outcome = customers(&rig, "consent", &["--all", "--yes"]).await;
    assert!(outcome.code == Some(2) && outcome.stderr.contains("[[apps.partner.grants]]"), "{outcome:?}");
    assert_eq!(consented(&rig), 0);
}

/// What stands between may answer as well; nobody is told then that a consent is gone.
#[tokio::test]
async fn only_partner_centers_own_word_counts() {
    let rig = rig(0).await;
    assert_eq!(customers(&rig, "consent", &["Fabrikam", "--yes"]).await.code, Some(0));
    for (what, status) in [("revoke", 404), ("consent", 409)] {
        rig.world().heal();
        rig.fault(Rule::new(Phase::Before, Fault::page(status)).on(Route::PartnerCenter).about("applicationconsents"));
        let outcome = customers(&rig, what, &["Fabrikam", "--yes", "--deadline", "1s"]).await;
        assert!(outcome.code == Some(4) && outcome.stdout.contains("partner-center.answer"), "{what}: {outcome:?}");
    }
    assert_eq!(consented(&rig), 1);
    rig.world().heal();
    // A consent that is taken back and cannot be given again is called that.
    rig.fault(
        Rule::new(Phase::Before, Fault::json(400, r#"{"code":2000,"description":"The scope is invalid."}"#))
            .on(Route::PartnerCenter)
            .about("applicationconsents")
            .skip(1),
    );
    let outcome = customers(&rig, "consent", &["Fabrikam", "--yes", "--renew"]).await;
    assert!(outcome.code == Some(3) && outcome.stdout.contains("taken back, and not given again"), "{outcome:?}");
    assert!(outcome.stdout.contains("check the grants of the app"), "{outcome:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_bar_shows_how_far_it_is() {
    use crate::support::Terminal;
    let rig = rig(20).await;
    let mut command = rig.command(&["customers", "consent", TOKEN, "--all", "--yes", "--log-level", "off"]);
    let (shown, code) = Terminal::of_stderr(command.env("TERM", "xterm")).await;
    assert!(code == Some(0) && shown.contains("customers"), "{shown}");
}
