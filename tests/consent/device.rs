//! By a code for another device.

use crate::redaction;
use crate::support::person::Person;
use crate::support::{Outcome, Rig, TOKEN, due};
use rotator::sandbox::entra::directory::USER;
use rotator::sandbox::entra::sign_in::{Decision, DeviceHabits, Person as SignedIn};
use rotator::sandbox::state::State;
use time::Duration;

fn habits(state: &mut State, then: Option<(usize, Decision)>) {
    state.directory.device_habits = DeviceHabits { interval: 1, then, ..DeviceHabits::default() };
}

fn ada() -> Decision {
    Decision::SignedIn(SignedIn { user: USER.to_owned(), mfa: true })
}

async fn consent(rig: &Rig) -> Outcome {
    let outcome = rig.call(&["consent", TOKEN, "--device-code", "--yes", "--log-level", "trace"]).await;
    redaction::check("device code", &outcome, &redaction::secrets(rig));
    outcome
}

#[tokio::test]
async fn a_person_types_it_in() {
    let rig = Rig::with(&due(), |state| habits(state, None)).await;
    let person = Person::of(&rig);
    let typed = async {
        let code = loop {
            let found = rig.world().state().directory.devices.values().next().map(|device| device.user_code.clone());
            match found {
                Some(code) => break code,
                None => tokio::task::yield_now().await,
            }
        };
        let page = person.get("https://microsoft.com/devicelogin").await;
        assert!(page.text.contains("user_code"), "{}", page.text);
        assert!(person.type_in("NOSUCHCODE", "accept").await.contains("no such code"));
        assert!(person.type_in(&code.to_lowercase(), "accept").await.contains("Go back to your device"));
        code
    };
    let (outcome, code) = tokio::join!(consent(&rig), typed);
    assert!(outcome.code == Some(0) && outcome.stdout.contains("the token is stored"), "{outcome:?}");
    for said in [code.as_str(), "https://microsoft.com/devicelogin", "within 15m", "Conditional Access"] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:?}");
    }
    assert!(rig.accepted(TOKEN) && rig.version_count(TOKEN) == 2);
}

#[tokio::test]
async fn they_decline_or_nobody_comes() {
    let rig = Rig::with(&due(), |state| habits(state, Some((0, Decision::Declined)))).await;
    let declined = consent(&rig).await;
    assert!(declined.code == Some(3) && declined.stderr.contains("consent.declined"), "{declined:?}");
    rig.world().state().directory.device_habits =
        DeviceHabits { lifetime: Duration::seconds(1), interval: 1, ..DeviceHabits::default() };
    let expired = consent(&rig).await;
    assert!(expired.code == Some(3) && expired.stderr.contains("consent.expired"), "{expired:?}");
    assert_eq!(rig.version_count(TOKEN), 1);
}

#[tokio::test]
async fn an_unreachable_entra_is_asked_again() {
    use rotator::sandbox::fault::{Fault, Phase, Rule};
    use rotator::sandbox::route::Route;
    let rig = Rig::with(&due(), |state| habits(state, Some((0, ada())))).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Token).times(1));
    let outcome = consent(&rig).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}
