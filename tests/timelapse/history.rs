//! One history of ten years: what happens on each day, what the job does, and what must hold then.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration as Limit;

use rotator::clock::Clock;
use rotator::config::{self, Config};
use rotator::credential::{Host, Proofs};
use rotator::model::alert::Severity;
use rotator::model::outcome::{Outcome, Verdict};
use rotator::model::target::Target;
use rotator::notify::digest::Digest;
use rotator::notify::gather::{self, AppLife};
use rotator::ports::{Entra, Vault};
use rotator::renew::{self, Options, Run};
use rotator::report::app;
use rotator::wire::deadline::Deadline;
use rotator::wire::transport::Transport;
use serde_json::Value;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::promises::Ear;
use super::world::{LIFE, RECEIVERS, World};

/// A rule that does not hold in this history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Nothing,
    /// Tokens that are not due are not probed.
    NoProbe,
    /// Only failures are told, and no deadlines.
    OnlyFailures,
    /// Versions carry no expiry.
    NoExpiry,
    /// What was not looked at is told as over.
    UnseenIsOver,
    /// The end of what was told is not told.
    NoEnd,
    /// Nobody remembers who was told.
    NoMemory,
    /// Everything is a warning.
    NothingIsCritical,
}

impl Broken {
    pub(super) const RULES: [Self; 7] = [
        Self::NoProbe,
        Self::OnlyFailures,
        Self::NoExpiry,
        Self::UnseenIsOver,
        Self::NoEnd,
        Self::NoMemory,
        Self::NothingIsCritical,
    ];

    /// What is not kept where this rule is broken.
    pub(super) const fn promise(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::NoProbe | Self::NothingIsCritical => Some("a revocation was not told"),
            Self::OnlyFailures => Some("days were not told"),
            Self::NoExpiry => Some("no expiry"),
            Self::UnseenIsOver => Some("false all-clear"),
            Self::NoEnd => Some("its end was not told"),
            Self::NoMemory => Some("told again"),
        }
    }

    fn breaks(self, digest: &mut Digest) {
        let deadlines = ["token.aging", "token.expiring", "app.aging", "app.expiring"];
        for notice in &mut digest.notices {
            match self {
                Self::OnlyFailures => notice.facts.retain(|fact| !deadlines.contains(&fact.condition.code)),
                Self::UnseenIsOver => notice.ended.append(&mut notice.unseen),
                Self::NoEnd => notice.ended.clear(),
                Self::NothingIsCritical => {
                    notice.facts.iter_mut().for_each(|fact| fact.condition.severity = Severity::Warning);
                }
                _ => {}
            }
        }
        digest.notices.retain(|notice| !notice.is_over() || !notice.ended.is_empty());
    }
}

/// What came of a history.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) runs: usize,
    pub(super) rotations: usize,
    pub(super) revocations: usize,
    pub(super) expiries: usize,
    pub(super) messages: usize,
    pub(super) sign_ins: usize,
    pub(super) broken_promises: Vec<String>,
}

impl Found {
    pub(super) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.rotations += other.rotations;
        self.revocations += other.revocations;
        self.expiries += other.expiries;
        self.messages += other.messages;
        self.sign_ins += other.sign_ins;
        self.broken_promises.extend(other.broken_promises);
    }
}

pub(super) const TOKENS: [&str; 3] = ["contoso", "fabrikam", "northwind"];
const DAYS: i64 = 3_650;
pub(super) const BEGIN: OffsetDateTime = datetime!(2026-01-01 05:17 UTC);

fn config(broken: Broken) -> Config {
    let probe = if broken == Broken::NoProbe { "never" } else { "every-run" };
    config_of(&TOKENS, &format!("probe = \"{probe}\""))
}

/// Some tokens of one app, with lines in `[defaults]`.
pub(super) fn config_of(tokens: &[&str], defaults: &str) -> Config {
    let table = |name: &&str| format!("[[token]]\nsecret = \"{name}\"\nscope = \"https://x/.default\"\n");
    let tokens = tokens.iter().map(table).collect::<Vec<_>>().concat();
    let hook = |name: &str, more: &str| {
        format!("[[notify]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"https://hooks.example/{name}\"\n{more}\n")
    };
    let text = format!(
        "[vault]\nurl = \"https://contoso-kv.vault.azure.net\"\ncredential = \"managed-identity\"\n\
         [apps.partner]\ntenant_id = \"contoso.example\"\nclient_id = \"00000000-0000-0000-0000-0000000000c1\"\n\
         credential = {{ secret = {{ vault_secret = \"partner-client-secret\" }} }}\n\
         [defaults]\n{defaults}\n{tokens}{}{}\
         [[notify]]\ntype = \"pagerduty\"\nurl = \"https://hooks.example/pager\"\nrouting_key = {{ env = \"PATH\" }}\n",
        hook("ops", ""),
        hook("boss", "min_severity = \"critical\""),
    );
    config::load_text("timelapse", &text).unwrap()
}

/// How long things are out, and what waits for a person.
#[derive(Debug, Default)]
struct Fate {
    vault_back: i64,
    entra_back: i64,
    notes_back: i64,
    receivers_back: [i64; 3],
    scheduler_back: i64,
    /// The day on which a person does something about a token, or about the client secret.
    appointments: BTreeMap<String, i64>,
}

pub(super) struct History {
    seed: u64,
    random: fastrand::Rng,
    broken: Broken,
    pub(super) world: World,
    pub(super) config: Config,
    host: Host,
    fate: Fate,
    pub(super) found: Found,
    /// What each receiver knows.
    pub(super) ears: [Ear; 3],
    /// Tokens that are refused for good, and nobody has heard of it.
    pub(super) untold: BTreeSet<&'static str>,
    /// Tokens that could have been renewed and were not, since they were issued.
    missed: BTreeSet<&'static str>,
}

pub(super) async fn play(seed: u64, broken: Broken) -> Found {
    let world = World::new(BEGIN);
    world.state().forgets_expiry = broken == Broken::NoExpiry;
    world.state().forgets_notes = broken == Broken::NoMemory;
    let mut history = History {
        seed,
        random: fastrand::Rng::with_seed(seed),
        broken,
        world,
        config: config(broken),
        host: host(),
        fate: Fate::default(),
        found: Found::default(),
        ears: Default::default(),
        untold: BTreeSet::new(),
        missed: BTreeSet::new(),
    };
    for token in TOKENS {
        history.world.state().sign_in(token);
    }
    for day in 0..DAYS {
        history.day(day).await;
        // One is enough to know that a broken rule is caught.
        let promise = broken.promise();
        if promise.is_some_and(|promise| history.found.broken_promises.iter().any(|text| text.contains(promise))) {
            break;
        }
    }
    history.found
}

impl History {
    pub(super) fn happens(&mut self, once_in: u32) -> bool {
        self.random.u32(0..once_in) == 0
    }

    pub(super) fn broken_promise(&mut self, day: i64, text: &str) {
        let seed = self.seed;
        self.found.broken_promises.push(format!("seed {seed}, day {day}: {text}"));
    }

    async fn day(&mut self, day: i64) {
        self.world.state().now = BEGIN + Duration::days(day);
        self.people(day);
        self.weather(day);
        self.mishaps();
        self.age(day);
        if day < self.fate.scheduler_back {
            return;
        }
        // Some days somebody runs it once more by hand.
        let times = if self.happens(15) { 2 } else { 1 };
        for nth in 0..times {
            self.found.runs += 1;
            self.world.state().notes_failed = 0;
            let outcomes = self.run().await;
            self.listen(day, nth);
            self.check(day, &outcomes);
        }
    }

    /// What goes down, and for how long.
    fn weather(&mut self, day: i64) {
        let mut until = |current: i64, once_in: u32, most: i64| {
            if day >= current && self.random.u32(0..once_in) == 0 { day + self.random.i64(1..=most) } else { current }
        };
        let vault = until(self.fate.vault_back, 60, 5);
        let entra = until(self.fate.entra_back, 90, 3);
        let notes = until(self.fate.notes_back, 80, 3);
        let receivers = self.fate.receivers_back.map(|back| until(back, 40, 6));
        let most = if until(0, 20, 1) > day { 120 } else { 4 };
        let scheduler = until(self.fate.scheduler_back, 40, most);
        self.fate.vault_back = vault;
        self.fate.entra_back = entra;
        self.fate.notes_back = notes;
        self.fate.receivers_back = receivers;
        self.fate.scheduler_back = scheduler;
        let mut state = self.world.state();
        (state.vault_up, state.entra_up, state.notes_up) = (day >= vault, day >= entra, day >= notes);
        state.deaf =
            RECEIVERS.into_iter().zip(receivers).filter(|(_, back)| day < *back).map(|(name, _)| name).collect();
    }

    /// What befalls tokens.
    fn mishaps(&mut self) {
        for token in TOKENS {
            let (revoked, policy, disabled) = (self.happens(250), self.happens(500), self.happens(600));
            let mut state = self.world.state();
            let value = state.newest(token).1.clone();
            state.newest(token).0.enabled &= !disabled;
            let Some(grant) = state.grants.get_mut(&value) else { continue };
            let was_good = !grant.revoked && !grant.mfa_wanted;
            grant.revoked |= revoked;
            grant.mfa_wanted |= policy;
            if was_good && (revoked || policy) {
                self.found.revocations += 1;
                self.untold.insert(token);
            }
        }
    }

    /// People who were told do something about it, some days later.
    fn people(&mut self, day: i64) {
        let due: Vec<String> =
            self.fate.appointments.iter().filter(|(_, at)| **at <= day).map(|(subject, _)| subject.clone()).collect();
        for subject in due {
            self.fate.appointments.remove(&subject);
            let mut state = self.world.state();
            if !state.vault_up {
                self.fate.appointments.insert(subject, day + 1);
            } else if subject == "partner" {
                state.renew_client_secret();
            } else if let Some(token) = TOKENS.into_iter().find(|token| *token == subject) {
                self.found.sign_ins += 1;
                state.sign_in(token);
                self.untold.remove(token);
                self.missed.remove(token);
            }
        }
    }

    /// Whether today the job could renew a token that is due, and whether one has died of inactivity though it could before.
    fn age(&mut self, day: i64) {
        for token in TOKENS {
            let mut state = self.world.state();
            let now = state.now;
            let (version, value) = state.newest(token).clone();
            let Some(grant) = state.grants.get(&value).cloned() else { continue };
            let age = now - grant.issued;
            let good = version.enabled && !grant.revoked && !grant.mfa_wanted && state.client_secret_ends > now;
            let could = good && state.vault_up && state.entra_up && day >= self.fate.scheduler_back;
            drop(state);
            if age >= LIFE && good {
                self.found.expiries += 1;
                if self.missed.remove(token) {
                    self.broken_promise(day, &format!("{token} died of inactivity though it could have been renewed"));
                }
            } else if could && age >= Duration::days(8) {
                self.missed.insert(token);
            } else if age < Duration::days(7) {
                self.missed.remove(token);
            }
        }
    }

    async fn run(&mut self) -> Vec<Outcome> {
        let id = format!("{:032x}", self.random.u128(..));
        let outcomes = run(&self.world, &self.config, &self.host, id, self.broken).await;
        self.found.rotations += outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Rotated)).count();
        outcomes
    }

    /// Some react on the next day, some after ten, and some only when it is critical.
    pub(super) fn appoint(&mut self, day: i64, name: &str, alert: &Value) {
        let critical = alert["severity"] == "critical";
        let is_person = alert["facts"].as_array().unwrap().iter().any(|fact| {
            let code = fact["code"].as_str().unwrap();
            code.starts_with("entra.")
                || code.starts_with("app.")
                || code == "token.expired"
                || code == "vault.secret.disabled"
        });
        if is_person && (critical || self.happens(2)) {
            let at = day + self.random.i64(1..=10);
            self.fate.appointments.entry(name.to_owned()).or_insert(at);
        }
    }
}

/// One run of the job, as `rotator run` does it, with this rule broken.
pub(super) async fn run(world: &World, config: &Config, host: &Host, id: String, broken: Broken) -> Vec<Outcome> {
    let now = world.state().now;
    let world = Arc::new(world.clone());
    let run = Arc::new(Run {
        id,
        clock: Clock::starting_at(now),
        deadline: Deadline::after(Limit::from_secs(300)),
        entra: Arc::clone(&world) as Arc<dyn Entra>,
        vaults: HashMap::from([("default".to_owned(), Arc::clone(&world) as Arc<dyn Vault>)]),
        proofs: Proofs::of_apps(["partner"], host.clone()),
    });
    let targets = &config.targets;
    let outcomes = renew::run(targets, &run, Options::default(), |_| {}).await;
    let app = &targets[0].app;
    let expiries = run.proofs.expiry(app).map(|end| (app.name.clone(), end)).into_iter().collect();
    let life = |row: app::AppRow| AppLife {
        name: row.name,
        client_id: row.client_id,
        credential: row.credential,
        expires: row.expires_at,
        health: row.health,
        days_left: row.days_left,
    };
    let apps: Vec<AppLife> = app::rows(targets, &expiries, now).into_iter().map(life).collect();
    let tokens: Vec<(&Arc<Target>, &Outcome)> = targets.iter().zip(&outcomes).collect();
    let mut gathered = gather::gather(&run.id, &tokens, &apps, now);
    broken.breaks(&mut gathered.digest);
    renew::tell::tell(&config.receivers, &gathered, world.as_ref(), &run, &run.deadline).await;
    outcomes
}

/// What the job signs in to nothing with.
pub(super) fn host() -> Host {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outer = rotator::wire::client::identity().unwrap();
    let identity = azure_core::http::Transport::new(Arc::new(Transport(outer.clone())));
    Host { outer, identity, deadline: Deadline::after(Limit::from_secs(60)), clock: Clock::starting_at(BEGIN) }
}
