//! By an address that is pasted: whoever signs in is elsewhere.

use crate::support::person::{Consent, Person, query};
use crate::support::{Rig, TOKEN, due};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

async fn start(rig: &Rig) -> Consent {
    let mut command = rig.command(&["consent", TOKEN, "--paste", "--yes", "--log-level", "off"]);
    Consent::of(command.stdin(Stdio::piped()).spawn().unwrap()).await
}

#[tokio::test]
async fn the_address_is_taken_back_and_no_other_is() {
    let rig = Rig::new(&due()).await;
    let mut consent = start(&rig).await;
    assert_eq!(consent.redirect, "http://localhost:8400");
    let person = Person::of(&rig);
    let back = person.answer(&consent.url, "accept").await;
    assert!(back.as_str().starts_with("http://localhost:8400/?code="), "{back}");
    let declined = person.answer(&consent.url, "decline").await;
    for (wrong, said) in [
        ("nonsense", "has no code"),
        ("http://localhost:8400/?code=abc&state=other", "belongs to another sign-in"),
        (declined.as_str(), "access_denied"),
    ] {
        consent.stdin().write_all(format!("{wrong}\n").as_bytes()).await.unwrap();
        consent.says(said).await;
    }
    consent.stdin().write_all(format!("  {back}#\n").as_bytes()).await.unwrap();
    let outcome = consent.ended().await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("the token is stored"), "{outcome:?}");
    assert!(rig.accepted(TOKEN) && rig.version_count(TOKEN) == 2);
}

/// Somebody who sees the pasted address has a code that is bound to a verifier they do not have.
#[tokio::test]
async fn a_code_of_another_attempt_is_not_redeemed() {
    let rig = Rig::new(&due()).await;
    let (mut first, second) = (start(&rig).await, start(&rig).await);
    let back = Person::of(&rig).answer(&second.url, "accept").await;
    let state = query(&first.url)["state"].clone();
    let stolen = back.as_str().replace(&query(&second.url)["state"], &state);
    first.stdin().write_all(format!("{stolen}\n").as_bytes()).await.unwrap();
    let outcome = first.ended().await;
    assert!(outcome.code == Some(3) && outcome.stderr.contains("AADSTS501481"), "{outcome:?}");
    assert_eq!(rig.version_count(TOKEN), 1);
}

#[tokio::test]
async fn an_input_that_ends_is_nobody_who_came() {
    let rig = Rig::new(&due()).await;
    let outcome = start(&rig).await.ended().await;
    assert!(
        outcome.code == Some(3) && outcome.stderr.contains("consent.timeout at consent: the input ended"),
        "{outcome:?}"
    );
}
