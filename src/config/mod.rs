//! The configuration: read from `rotator.toml` or from flags, checked whole, and turned into targets.

mod app;
mod fault;
mod notify;
mod notify_table;
mod parse;
mod policy;
pub mod refer;
mod resolve;
mod source;
pub mod table;
mod vault;

use std::path::PathBuf;
use std::sync::Arc;

pub use fault::{Fault, Faults};
pub use source::{Flags, Source, load_text};

use crate::model::receiver::{Heartbeat, Receiver};
use crate::model::target::{Target, VaultSite};

/// A configuration without faults.
#[derive(Debug)]
pub struct Config {
    pub targets: Vec<Arc<Target>>,
    /// Every vault that a target or an app's credential lies in.
    pub vaults: Vec<Arc<VaultSite>>,
    /// Who is told when a token needs a person.
    pub receivers: Vec<Receiver>,
    /// Who is told that the job runs.
    pub heartbeat: Option<Heartbeat>,
    /// A file of certificates that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// A commented configuration with every key; a test reads it.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The JSON Schema of the configuration file.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(table::File)
}
