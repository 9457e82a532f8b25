//! What is promised of a token, held against how it really is after every run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rotator::model::outcome::{Outcome, Verdict};
use serde_json::Value;
use time::Duration;

use super::history::{History, TOKENS};
use super::world::{RECEIVERS, Truth};

/// What one receiver knows.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// What holds, as far as it was told: codes with their severities, by the name of the token or app.
    pub(super) standing: BTreeMap<String, BTreeSet<(String, String)>>,
    /// How often it may still be told the same, by the id of what it was told.
    repeats: HashMap<String, usize>,
    /// What was told and could not be noted: nobody knows later that an end is to be told.
    unnoted: BTreeSet<String>,
    /// Messages of this day.
    today: usize,
    /// Messages of this day that may be repetitions.
    excused: usize,
}

impl Ear {
    fn knows(&self, name: &str, severity: &str, code: &str) -> bool {
        self.standing.get(name).is_some_and(|all| all.contains(&(severity.to_owned(), code.to_owned())))
    }

    fn knows_nothing_bad(&self, name: &str) -> bool {
        self.unnoted.contains(name) || self.knows_nothing(name)
    }

    fn knows_nothing(&self, name: &str) -> bool {
        self.standing.get(name).is_none_or(BTreeSet::is_empty)
    }
}

/// Days left at which somebody must know: all for the first receiver, those of a critical end for the others.
const WARN: i64 = 30;
const CRITICAL: i64 = 14;

impl History {
    /// What people hear in a run, and what they make of it.
    pub(super) fn listen(&mut self, day: i64, nth: usize) {
        let (received, can_note, vault_up) = {
            let mut state = self.world.state();
            (std::mem::take(&mut state.received), state.vault_up && state.notes_failed == 0, state.vault_up)
        };
        if nth == 0 {
            self.ears.iter_mut().for_each(|ear| (ear.today, ear.excused) = (0, 0));
        }
        let mut wrong = Vec::new();
        for (who, body) in received {
            let ear = &mut self.ears[RECEIVERS.iter().position(|name| *name == who).unwrap()];
            if who == "pager" {
                page(ear, &body);
                continue;
            }
            self.found.messages += 1;
            ear.today += 1;
            ear.excused += usize::from(!can_note);
            if ear.today > 1 + ear.excused {
                wrong.push(format!("{} messages in one day to {who}", ear.today));
            }
            // Without a vault every run says so while it lasts, and nothing else changes.
            if !vault_up {
                continue;
            }
            wrong.extend(heard(ear, &body, can_note).into_iter().map(|text| format!("{who}: {text}")));
            for alert in body["data"]["alerts"].as_array().unwrap() {
                let name = alert["name"].as_str().unwrap().to_owned();
                if alert["status"] == "resolved" {
                    wrong.extend(self.false_all_clear(who, &name));
                }
                self.appoint(day, &name, alert);
            }
        }
        for wrong in wrong {
            self.broken_promise(day, &wrong);
        }
    }

    /// Whether somebody is told that all is well while it is not.
    fn false_all_clear(&self, who: &str, name: &str) -> Option<String> {
        let days = if who == "boss" { CRITICAL } else { WARN };
        let mut state = self.world.state();
        let is_fine = match TOKENS.iter().find(|token| **token == name) {
            Some(token) => state.truth(token).is_fine_for(days),
            None => state.secret_left() > Duration::days(days),
        };
        (!is_fine).then(|| format!("a false all-clear for {name} to {who}"))
    }

    /// What must hold after a run.
    pub(super) fn check(&mut self, day: i64, outcomes: &[Outcome]) {
        let (vault_up, entra_up, deaf) = {
            let state = self.world.state();
            (state.vault_up, state.entra_up, state.deaf.clone())
        };
        let mut wrong = Vec::new();
        for (token, outcome) in TOKENS.into_iter().zip(outcomes) {
            let (truth, version) = {
                let mut state = self.world.state();
                (state.truth(token), state.newest(token).0.clone())
            };
            if matches!(outcome.verdict, Verdict::Rotated) && version.expires.is_none() {
                wrong.push(format!("{token}: a version has no expiry: nothing outside the job could ever notice"));
            }
            for (who, ear) in RECEIVERS.iter().zip(&self.ears).filter(|(who, _)| vault_up && !deaf.contains(**who)) {
                let missing = if *who == "pager" {
                    page_is_wrong(ear, token, truth, entra_up)
                } else {
                    let age_known = outcome.issued.is_some();
                    unknown_of_token(ear, token, truth, *who == "boss", (entra_up, age_known))
                };
                wrong.extend(missing.map(|missing| format!("{token}: {missing} ({who})")));
            }
            let is_told = |ear: &Ear| {
                let mut codes = ear.standing.get(token).into_iter().flatten();
                codes.any(|(severity, code)| severity == "critical" && code.starts_with("entra."))
            };
            if self.untold.contains(token) && self.ears[0..2].iter().any(is_told) {
                self.untold.remove(token);
            }
        }
        if vault_up {
            let left = self.world.state().secret_left();
            let hearing = RECEIVERS.iter().zip(&self.ears).filter(|(who, _)| **who != "pager" && !deaf.contains(**who));
            for (who, ear) in hearing {
                let unknown = deadline(ear, "partner", "app", left, *who == "boss");
                wrong.extend(unknown.map(|unknown| format!("client secret: {unknown} ({who})")));
            }
        }
        for wrong in wrong {
            self.broken_promise(day, &wrong);
        }
    }
}

/// Takes in one message; what it says again although it must know that it said it.
fn heard(ear: &mut Ear, body: &Value, can_note: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for alert in body["data"]["alerts"].as_array().unwrap() {
        let name = alert["name"].as_str().unwrap();
        let standing = ear.standing.entry(name.to_owned()).or_default();
        standing.clear();
        if can_note {
            ear.unnoted.remove(name)
        } else {
            ear.unnoted.insert(name.to_owned())
        };
        // What an alert says that has not eased and is not new is told along with the rest.
        let mut news = alert["status"] == "resolved" || !alert["ended"].as_array().unwrap().is_empty();
        for fact in alert["facts"].as_array().unwrap() {
            let text = |key: &str| fact[key].as_str().unwrap().to_owned();
            standing.insert((text("severity"), text("code")));
            let left = ear.repeats.get(&text("id")).copied();
            news |= left != Some(0);
            ear.repeats.insert(text("id"), usize::from(!can_note));
        }
        for unseen in alert["unseen"].as_array().unwrap() {
            let text = |key: &str| unseen[key].as_str().unwrap().to_owned();
            standing.insert((text("severity"), text("code")));
        }
        if !news {
            wrong.push(format!("{name}: told again though it was noted: {standing:?}"));
        }
    }
    wrong
}

/// An incident for each token or app.
fn page(ear: &mut Ear, body: &Value) {
    let key = body["dedup_key"].as_str().unwrap();
    let standing = ear.standing.entry(key.rsplit('/').next().unwrap().to_owned()).or_default();
    standing.clear();
    if body["event_action"] == "trigger" {
        standing.insert((body["payload"]["severity"].as_str().unwrap().to_owned(), "incident".to_owned()));
    }
}

fn page_is_wrong(ear: &Ear, token: &str, truth: Truth, entra_up: bool) -> Option<&'static str> {
    let quiet = ear.knows_nothing(token);
    match truth {
        _ if entra_up && truth.is_fine_for(WARN) && !quiet => Some("an incident was not resolved"),
        Truth { enabled, is_accepted, .. } if quiet && (!enabled || entra_up && !is_accepted) => {
            Some("an incident was not triggered")
        }
        _ => None,
    }
}

/// What a receiver that can hear does not know of a token.
fn unknown_of_token(
    ear: &Ear,
    token: &str,
    truth: Truth,
    is_boss: bool,
    (entra_up, age_known): (bool, bool),
) -> Option<&'static str> {
    let any = |code: &str| ear.knows(token, "critical", code);
    let refused = ["entra.revoked", "entra.mfa", "entra.expired"].into_iter().any(any);
    let asked = entra_up && truth.enabled && truth.secret_left > Duration::ZERO;
    if asked && truth.is_fine_for(if is_boss { CRITICAL } else { WARN }) && !ear.knows_nothing_bad(token) {
        return Some("its end was not told");
    }
    if !truth.enabled {
        return (!any("vault.secret.disabled")).then_some("a disabled version was not told");
    }
    if asked && !truth.is_accepted {
        return (!refused).then_some("a revocation was not told by the next run that could");
    }
    // What is refused has no deadline any more, and what somebody stored by hand has none that could be known.
    if refused || !age_known { None } else { deadline(ear, token, "token", truth.left, is_boss) }
}

/// A deadline that a receiver that can hear does not know.
fn deadline(ear: &Ear, name: &str, what: &str, left: Duration, is_boss: bool) -> Option<&'static str> {
    let knows = |severity, end: &str| ear.knows(name, severity, &format!("{what}.{end}"));
    match left.whole_seconds() {
        ..=0 if !knows("critical", "expired") => Some("its end was not told"),
        1..=1_209_600 if !knows("critical", "expiring") => Some("14 days were not told as critical"),
        1_209_601..=2_592_000 if !is_boss && !knows("warning", "aging") => Some("30 days were not told"),
        _ => None,
    }
}
