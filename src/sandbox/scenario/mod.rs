//! Prepared worlds by name: each makes a transcript one static command.

mod consent;
mod credential;
pub mod entra;
mod network;
mod notify;
mod token;
mod vault;

use std::sync::Arc;

use super::fault::Rule;
use super::route::Route;
use super::seed::{self, Fate, Seed};
use super::setting::{self, Setting};
use super::{World, state::State};

/// A world with a name.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// What is prepared there.
    pub about: &'static str,
    seeds: fn() -> Vec<Seed>,
    prepare: fn(&mut State),
    faults: fn() -> Vec<Rule>,
    pub setting: &'static Setting,
    /// The request at which the scheduler tells the job to stop.
    pub interrupted_at: Option<Route>,
}

/// All worlds.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [token::ALL, vault::ALL, credential::ALL, network::ALL, entra::ALL, consent::ALL, notify::ALL].into_iter().flatten()
}

impl Scenario {
    /// The scenario of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        all().find(|scenario| scenario.name == name)
    }

    #[must_use]
    pub fn world(&self) -> Arc<World> {
        let mut state = seed::state(&(self.seeds)());
        (self.setting.prepare)(&mut state);
        (self.prepare)(&mut state);
        let world = World::new(state);
        for rule in (self.faults)() {
            world.fault(rule);
        }
        world
    }

    #[must_use]
    pub fn config(&self, ca_file: &str) -> String {
        seed::config_of(&(self.seeds)(), self.setting, ca_file)
    }

    /// One token that is due, in the usual setting.
    const fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            seeds: due,
            prepare: |_| {},
            faults: Vec::new,
            setting: &setting::USUAL,
            interrupted_at: None,
        }
    }

    const fn seeds(mut self, seeds: fn() -> Vec<Seed>) -> Self {
        self.seeds = seeds;
        self
    }

    const fn prepare(mut self, prepare: fn(&mut State)) -> Self {
        self.prepare = prepare;
        self
    }

    const fn faults(mut self, faults: fn() -> Vec<Rule>) -> Self {
        self.faults = faults;
        self
    }

    const fn within(mut self, setting: &'static Setting) -> Self {
        self.setting = setting;
        self
    }

    const fn interrupted_at(mut self, route: Route) -> Self {
        self.interrupted_at = Some(route);
        self
    }
}

fn due() -> Vec<Seed> {
    vec![Seed::new("contoso-partner").days_old(8)]
}

fn fated(fate: Fate) -> Vec<Seed> {
    vec![Seed::new("contoso-partner").days_old(8).fate(fate)]
}
