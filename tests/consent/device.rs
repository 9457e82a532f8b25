//! By a code for another device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rotator::clock::Clock;
use rotator::config;
use rotator::consent::device;
use rotator::credential::{Host, Proofs};
use rotator::entra::answer::{RawAnswer, SecretBody};
use rotator::entra::request::TokenRequest;
use rotator::model::failure::Cause;
use rotator::ports::Entra;
use rotator::renew::Run;
use rotator::wire::deadline::Deadline;
use rotator::wire::transport::Transport;
use time::OffsetDateTime;
use tokio::time::Instant;

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

#[cfg(unix)]
#[tokio::test]
async fn whoever_watches_sees_the_time_that_is_left() {
    use crate::support::Terminal;
    let rig = Rig::with(&due(), |state| habits(state, Some((1, ada())))).await;
    let mut command = rig.command(&["consent", TOKEN, "--device-code", "--yes", "--log-level", "off"]);
    let (shown, code) = Terminal::of_stderr(command.env("TERM", "xterm")).await;
    assert!(code == Some(0) && shown.contains("waiting, 14 min 59 s left"), "{shown}");
}

/// A token endpoint that answers one thing after the other, and when it was asked.
#[derive(Debug)]
struct Script {
    answers: Mutex<Vec<(u16, &'static str)>>,
    asked: Mutex<Vec<Instant>>,
}

#[async_trait]
impl Entra for Script {
    async fn send(&self, _: &TokenRequest) -> Result<RawAnswer, Cause> {
        self.asked.lock().unwrap().push(Instant::now());
        let (status, body) = self.answers.lock().unwrap().remove(0);
        let body = SecretBody(body.as_bytes().to_vec().into());
        let received_at = OffsetDateTime::UNIX_EPOCH;
        Ok(RawAnswer { status, retry_after: None, request_id: None, body, received_at, date: None })
    }
}

const PUBLIC: &str = r#"
[vault]
url = "https://contoso-kv.vault.azure.net"
credential = "managed-identity"
[apps.public]
tenant_id = "00000000-0000-0000-0000-000000000001"
client_id = "00000000-0000-0000-0000-0000000000c5"
credential = "none"
[[token]]
secret = "contoso-partner"
scope = "https://graph.microsoft.com/.default"
"#;

/// RFC 8628 section 3.5, on a clock that is turned by hand: the pause that the server names, five seconds more each time it
/// says so, and never less again.
#[tokio::test(start_paused = true)]
async fn it_is_polled_as_slowly_as_the_server_wants() {
    const PENDING: (u16, &str) = (400, r#"{"error":"authorization_pending"}"#);
    const SLOWER: (u16, &str) = (400, r#"{"error":"slow_down"}"#);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let issued =
        r#"{"device_code":"d","user_code":"ABC","verification_uri":"https://x","expires_in":"900","interval":"7"}"#;
    let done = (200, r#"{"access_token":"a","expires_in":3600,"refresh_token":"r"}"#);
    let answers = vec![(200, issued), PENDING, SLOWER, PENDING, (503, ""), SLOWER, PENDING, done];
    let entra = Arc::new(Script { answers: Mutex::new(answers), asked: Mutex::default() });
    let config = config::load_text("public", PUBLIC).unwrap();
    let deadline = Deadline::after(std::time::Duration::from_secs(3_600));
    let outer = rotator::wire::client::identity().unwrap();
    let identity = azure_core::http::Transport::new(Arc::new(Transport(outer.clone())));
    let clock = Clock::system();
    let host = Host { outer, identity, deadline: deadline.clone(), clock };
    let vaults = HashMap::new();
    let proofs = Proofs::of_apps([], host);
    let run = Run {
        id: "1".into(),
        clock,
        deadline: deadline.clone(),
        entra: Arc::clone(&entra) as Arc<dyn Entra>,
        vaults,
        proofs,
    };
    let target = &config.targets[0];
    let invitation = device::invite(target, &run, "s").await.unwrap();
    let grant = device::wait(
        target,
        &run,
        &invitation,
        device::patience(&invitation, std::time::Duration::from_secs(900)),
        |_| {},
    )
    .await
    .unwrap();
    assert!(grant.refresh.is_some());
    let asked = entra.asked.lock().unwrap();
    let pauses: Vec<u64> = asked.windows(2).map(|two| (two[1] - two[0]).as_secs()).collect();
    assert_eq!(pauses, [7, 7, 12, 12, 17, 22, 22]);
}

/// A wait that is shorter than the code lives ends by itself, and a longer one by the code.
#[tokio::test]
async fn the_end_is_called_by_its_reason() {
    let rig = Rig::with(&due(), |state| habits(state, None)).await;
    let outcome = rig.call(&["consent", TOKEN, "--device-code", "--yes", "--deadline", "100ms"]).await;
    assert!(outcome.code == Some(3) && outcome.stderr.contains("consent.timeout"), "{outcome:?}");
    assert!(outcome.stderr.contains("within 100ms"), "{outcome:?}");
}
