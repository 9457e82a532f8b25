//! The pages under docs/recipes: each command of rotator on them is run, up to the hand-over of the access token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rotator::entra::cloud::Cloud;
use rotator::entra::preset;
use rotator::sandbox::entra::directory::TENANT;
use rotator::sandbox::scenario::entra::FABRIKAM;
use rotator::sandbox::seed::CLIENT;
use rotator::sandbox::setting;
use serde_json::Value;

use super::{named, pages, typed};
use crate::support::{Rig, due};

fn claims(access: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(access.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The access token in whatever form.
fn handed_over(stdout: &str) -> &str {
    let begin = stdout.find("eyJ").unwrap_or_else(|| panic!("{stdout}"));
    let end = stdout[begin..].find(['\'', '"', '\n']).map_or(stdout.len(), |length| begin + length);
    &stdout[begin..end]
}

async fn rig() -> Rig {
    Rig::within(&setting::PARTNER, &due(), |state| {
        let consented: Vec<&str> = ["graph", "arm", "exchange", "key-vault"]
            .iter()
            .map(|api| preset::named(api, Cloud::Public).unwrap().scope.trim_end_matches("/.default").to_owned().leak())
            .map(|resource| &*resource)
            .collect();
        state.directory.add_customer(FABRIKAM, "Fabrikam", "fabrikam.example", &[(CLIENT, &consented)]);
    })
    .await
}

/// In place of the tool that takes the token: what shows it.
#[cfg(unix)]
const SHOW: [&str; 3] = ["--", "printenv", "ACCESS_TOKEN"];
#[cfg(not(unix))]
const SHOW: [&str; 4] = ["--", "cmd", "/c", "echo %ACCESS_TOKEN%"];

#[tokio::test]
async fn every_command_hands_over_what_its_page_says() {
    let (mut tokens, mut others) = (0, 0);
    for (name, page) in pages().into_iter().filter(|(name, _)| name.starts_with("docs/recipes/")) {
        let all = typed(&page).into_iter().chain(named(&page)).map(|command| command[1..].to_vec());
        // A placeholder in place of a name makes a form of a command, not one to be run.
        let commands: Vec<_> = all.filter(|command| command.iter().any(|word| word == "contoso-partner")).collect();
        assert!(!commands.is_empty(), "{name}");
        for mut command in commands {
            let rig = rig().await;
            if let Some(end) = command.iter().position(|word| word == "--exec") {
                command.truncate(end + 1);
                command.extend(SHOW.map(str::to_owned));
            }
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let value = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]);
            match words[0] {
                "token" => {
                    let outcome = rig.call(&words).await;
                    assert_eq!(outcome.code, Some(0), "{name}: {words:?}: {outcome:?}");
                    let claims = claims(handed_over(&outcome.stdout));
                    let api = preset::named(value("--for").unwrap(), Cloud::Public).unwrap();
                    let audience = claims["aud"].as_str().unwrap().trim_end_matches('/').to_owned();
                    assert!(api.audiences.contains(&audience), "{name}: {words:?}: {audience}");
                    assert_eq!(claims["tid"], if value("--tenant").is_some() { FABRIKAM } else { TENANT }, "{name}");
                    tokens += 1;
                }
                "mfa" => assert_eq!(rig.call(&words).await.code, Some(0), "{name}"),
                "customers" => {
                    let mut words = words.clone();
                    if words[1] != "list" && !words.contains(&"--yes") {
                        words.push("--yes");
                    }
                    let outcome = rig.call(&words).await;
                    assert_eq!(outcome.code, Some(0), "{name}: {words:?}: {outcome:?}");
                    others += 1;
                }
                // A person is needed: here it is enough that it is one of the ways to sign in.
                "consent" => {
                    let outcome = rig.call(&words).await;
                    assert!(outcome.code == Some(2) && outcome.stderr.contains("add --yes"), "{name}: {outcome:?}");
                    others += 1;
                }
                other => panic!("{name}: rotator {other}"),
            }
        }
    }
    println!("{tokens} access tokens and {others} other commands");
    assert!(tokens >= 10 && others >= 4, "{tokens} {others}");
}
