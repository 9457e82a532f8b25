//! Ten years in a second: daily runs of the real decision code over a fleet, with outages, revocations, policies, expiring client
//! secrets, and admins who react after days or switch things off. What is promised of a token is checked every day.
//!
//! `ROTATOR_TIMELAPSE_SEED=7 cargo test timelapse` plays one history again.

mod alarm;
mod history;
mod promises;
mod world;

use history::{Broken, Found, play};

/// Each is ten simulated years; they are played in two halves, one for each core of a small machine.
const HISTORIES: u64 = 24;

async fn lives_through(half: u64) {
    let seeds: Vec<u64> = match std::env::var("ROTATOR_TIMELAPSE_SEED") {
        Ok(seed) if half == 0 => vec![seed.parse().unwrap()],
        Ok(_) => return,
        Err(_) => (1..=HISTORIES).filter(|seed| seed % 2 == half).collect(),
    };
    let mut found = Found::default();
    for seed in &seeds {
        found.add(play(*seed, Broken::Nothing).await);
    }
    println!("{} simulated years, seeds {seeds:?}: {found:?}", seeds.len() * 10);
    assert_eq!(found.broken_promises, [""; 0]);
    // It was no idle time.
    let Found { runs, rotations, revocations, messages, sign_ins, .. } = found;
    let busy = runs > 3_000 && rotations > 500 && revocations > 10 && messages > 50 && sign_ins > 20;
    assert!(busy, "{runs} {rotations} {revocations} {messages} {sign_ins}");
}

#[tokio::test(start_paused = true)]
async fn no_token_dies_silently() {
    lives_through(0).await;
}

#[tokio::test(start_paused = true)]
async fn no_token_dies_silently_in_other_histories() {
    lives_through(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_broken_on_purpose_is_caught() {
    for broken in Broken::RULES {
        let (found, promise) = (play(1, broken).await, broken.promise().unwrap());
        let caught = found.broken_promises.iter().find(|text| text.contains(promise));
        println!("{broken:?} is caught: {caught:?}");
        assert!(caught.is_some(), "{broken:?}: {:?}", found.broken_promises.first());
    }
}
