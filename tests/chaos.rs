//! Faults at random: whatever happens in one run, the stored token stays good and the next quiet run is well. Each
//! case is told by its seed.

use crate::support::{Rig, TOKEN};
use rotator::report::OutcomeName;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{Fate, Seed};

const CASES: u64 = 60;

/// `SplitMix64`: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed ^ (mixed >> 27)) % sides as u64).unwrap()
    }

    fn rule(&mut self) -> Rule {
        let faults = [
            Fault::status(500),
            Fault::status(503),
            Fault::throttled(1),
            Fault::Reset,
            Fault::Cut,
            Fault::Half,
            Fault::page(200),
            Fault::page(403),
            Fault::Flood,
        ];
        let routes = [Route::Identity, Route::Versions, Route::Read, Route::Token, Route::Write, Route::Update];
        let phase = [Phase::Before, Phase::After][self.roll(2)];
        let fault = faults[self.roll(faults.len())].clone();
        Rule::new(phase, fault).on(routes[self.roll(routes.len())]).skip(self.roll(3)).times(1 + self.roll(6))
    }
}

async fn case(seed: u64) {
    let mut dice = Dice(seed);
    let token = Seed::new(TOKEN).days_old([1, 8, 61][dice.roll(3)]).older(1 + dice.roll(3));
    let token = if dice.roll(4) == 0 { token.fate(Fate::Damaged) } else { token };
    let rig = Rig::new(&[token]).await;
    for _ in 0..=dice.roll(4) {
        rig.fault(dice.rule());
    }
    let first = rig.run_one(&["--deadline", "3s"]).await;
    rig.world().heal();
    let second = rig.run_one(&[]).await;
    let well = [OutcomeName::Rotated, OutcomeName::Probed, OutcomeName::Recovered];
    let story = format!("seed {seed}: {:?} {:?}, then {:?}", first.outcome, first.failure, second.failure);
    assert!(well.contains(&second.outcome), "{story}");
    assert!(rig.accepted(TOKEN), "{story}");
    assert_eq!(first.failure.is_some(), !well.contains(&first.outcome), "{story}");
    if well.contains(&first.outcome) && first.outcome != OutcomeName::Probed {
        assert_eq!(second.outcome, OutcomeName::Probed, "what was reported as stored is there: {story}");
    }
}

#[tokio::test]
async fn faults_at_random_lose_nothing() {
    for seeds in (0..CASES).collect::<Vec<_>>().chunks(12) {
        futures::future::join_all(seeds.iter().map(|seed| case(*seed))).await;
    }
    println!("{CASES} random cases");
}
