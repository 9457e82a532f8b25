//! `rotator config`: what a configuration looks like, and whether one is right.

use std::collections::HashSet;

use crate::cli::ConfigWhat;
use crate::command::{Usage, stdout};
use crate::config::Source;
use crate::{config, doctor, report};

pub(super) fn print(source: &Source, what: ConfigWhat) -> Result<u8, Usage> {
    let text = match what {
        ConfigWhat::Check => checked(source)?,
        ConfigWhat::Example => config::EXAMPLE.to_owned(),
        ConfigWhat::Schema => pretty(&config::schema()),
        ConfigWhat::ReportSchema => pretty(&report::schema()),
        ConfigWhat::DoctorSchema => pretty(&doctor::schema()),
    };
    stdout::print(&text);
    Ok(0)
}

/// What a configuration names, if nothing is wrong with it.
fn checked(source: &Source) -> Result<String, Usage> {
    let config = source.load()?;
    let apps: HashSet<&str> = config.targets.iter().map(|target| target.app.name.as_str()).collect();
    let vaults: HashSet<&str> = config.targets.iter().map(|target| target.vault.url.host()).collect();
    let parts = [
        (config.targets.len(), "token"),
        (apps.len(), "app"),
        (vaults.len(), "vault"),
        (config.receivers.len(), "receiver"),
        (usize::from(config.heartbeat.is_some()), "heartbeat"),
    ];
    let parts = parts.map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    Ok(format!("the configuration is right: {}\n", parts.join(", ")))
}

fn pretty(schema: &schemars::Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}
