//! `rotator config`: what a configuration looks like.

use crate::cli::ConfigWhat;
use crate::command::stdout;
use crate::{config, doctor, report};

pub(super) fn print(what: ConfigWhat) -> u8 {
    let text = match what {
        ConfigWhat::Example => config::EXAMPLE.to_owned(),
        ConfigWhat::Schema => pretty(&config::schema()),
        ConfigWhat::ReportSchema => pretty(&report::schema()),
        ConfigWhat::DoctorSchema => pretty(&doctor::schema()),
    };
    stdout::print(&text);
    0
}

fn pretty(schema: &schemars::Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}
