//! How long it takes until somebody is told: what goes wrong, day by day, and the first message of each kind.
//!
//! `docs/time-to-alarm.md` has the same table, and this test fails where it says something else.

use std::path::Path;

use rotator::model::kind::Kind;
use time::Duration;

use super::history::{BEGIN, Broken, config_of, host, run};
use super::world::{Door, State, World};

/// Something that goes wrong after the run of a day on which the token is three days old, and that nobody puts right.
struct Mishap {
    what: &'static str,
    defaults: &'static str,
    strikes: fn(&mut State),
}

const TOKEN: &str = "contoso";
const DAY: i64 = 10;

const fn mishap(what: &'static str, strikes: fn(&mut State)) -> Mishap {
    Mishap { what, defaults: "", strikes }
}

fn refuses(state: &mut State, doors: &[Door], kind: Kind) {
    state.refusals.extend(doors.iter().map(|door| (*door, kind)));
}

const VAULT: [Door; 4] = [Door::List, Door::Get, Door::Set, Door::Update];

fn grant(state: &mut State) -> &mut super::world::Grant {
    let value = state.newest(TOKEN).1.clone();
    state.grants.get_mut(&value).unwrap()
}

fn revoke(state: &mut State) {
    grant(state).revoked = true;
}

const MISHAPS: &[Mishap] = &[
    mishap(
        "The sign-in is revoked: by the user, by an administrator, by a reset of the password in the Entra admin center",
        revoke,
    ),
    mishap("A new Conditional Access policy asks for MFA", |state| grant(state).mfa_wanted = true),
    mishap("The user's sign-ins lose MFA, and the token is for Partner Center", |state| state.no_mfa = true),
    mishap("Somebody disables the newest version", |state| state.newest(TOKEN).0.enabled = false),
    mishap("Somebody stores nonsense over the token", |state| {
        drop(state.add(TOKEN, "nonsense".to_owned(), (None, std::collections::BTreeMap::new())));
    }),
    mishap("Somebody deletes the secret", |state| refuses(state, &VAULT, Kind::SecretDeleted)),
    mishap("The job's identity loses its role", |state| refuses(state, &VAULT, Kind::VaultRbac)),
    mishap("The job's identity loses the right to store (set)", |state| refuses(state, &[Door::Set], Kind::VaultRbac)),
    mishap("The vault's firewall closes", |state| refuses(state, &VAULT, Kind::VaultFirewall)),
    mishap("The vault is down, or its name does not resolve", |state| state.vault_up = false),
    mishap("A proxy begins to inspect TLS", |state| {
        refuses(state, &[VAULT[0], VAULT[1], VAULT[2], VAULT[3], Door::Redeem], Kind::NetworkTls);
    }),
    mishap("The managed identity is taken from the host", |state| refuses(state, &VAULT, Kind::IdentityUnassigned)),
    mishap("Entra ID is down", |state| state.entra_up = false),
    mishap("This machine's clock is wrong", |state| refuses(state, &[Door::Redeem], Kind::ClockSkew)),
    mishap("The user account is disabled", |state| refuses(state, &[Door::Redeem], Kind::EntraUser)),
    mishap("The app registration is deleted", |state| refuses(state, &[Door::Redeem], Kind::EntraApp)),
    mishap("The client secret nears its end, 170 days later", |_| {}),
    mishap("The client secret is taken away before its time", |state| {
        refuses(state, &[Door::Redeem], Kind::EntraSecretInvalid);
    }),
    mishap("The first receiver is down for six days, and the sign-in is revoked", |state| {
        revoke(state);
        state.deaf.insert("ops");
    }),
    Mishap {
        what: "The sign-in is revoked, and nothing is probed (probe = never)",
        defaults: "probe = \"never\"",
        strikes: revoke,
    },
];

/// `1 d critical entra.revoked`, for the first message of each kind that tells of it to anybody.
async fn milestones(mishap: &Mishap) -> Vec<String> {
    let world = World::new(BEGIN);
    let defaults = format!("require_mfa = true\n{}", mishap.defaults);
    let (config, host) = (config_of(&[TOKEN], &defaults), host());
    world.state().sign_in(TOKEN);
    let mut told: Vec<String> = Vec::new();
    // Until the client secret of this app ends, which has a row of its own.
    let last = if mishap.what.contains("170 days") { 170 } else { 169 };
    for day in 0..=DAY + last {
        world.state().now = BEGIN + Duration::days(day);
        if day == DAY + 7 {
            world.state().deaf.clear();
        }
        run(&world, &config, &host, format!("{day:032x}"), Broken::Nothing).await;
        let received = std::mem::take(&mut world.state().received);
        for (_, body) in received.iter().filter(|(who, _)| *who == "ops") {
            let alerts = body["data"]["alerts"].as_array().unwrap();
            let facts = alerts.iter().flat_map(|alert| alert["facts"].as_array().unwrap());
            for fact in facts {
                let text = |key: &str| fact[key].as_str().unwrap();
                let what = format!("{} `{}`", text("severity"), text("code"));
                if !told.iter().any(|known| known.ends_with(&what)) {
                    told.push(format!("{} d {what}", day - DAY));
                }
            }
        }
        if day == DAY {
            assert_eq!(told, [""; 0], "nothing was wrong yet");
            (mishap.strikes)(&mut world.state());
        }
    }
    if last == 169 {
        told.retain(|text| !text.contains("`app."));
    }
    told
}

#[tokio::test(start_paused = true)]
async fn the_time_to_alarm_is_as_the_document_says() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/time-to-alarm.md");
    let document = std::fs::read_to_string(document).unwrap();
    let mut missing = Vec::new();
    for mishap in MISHAPS {
        let row = format!("| {} | {} |", mishap.what, milestones(mishap).await.join(", "));
        println!("{row}");
        if !document.contains(&row) {
            missing.push(row);
        }
    }
    assert_eq!(missing, [""; 0]);
}

/// Each command of the document that plays a scenario names one that there is.
#[test]
fn the_commands_of_the_document_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/time-to-alarm.md")).unwrap();
    let names: Vec<&str> =
        document.split("--scenario ").skip(1).map(|rest| rest.split([' ', '`']).next().unwrap()).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(rotator::sandbox::scenario::Scenario::find(name).is_some(), "{name}");
    }
}
