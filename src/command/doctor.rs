//! `rotator doctor`: what the job depends on, and what of it is broken.

use crate::cli::{Doctor as Arguments, PlainOutput};
use crate::command::{Usage, connect, stdout};
use crate::config::Source;
use crate::doctor::{self, Patient};

pub(super) async fn doctor(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let targets = connect::chosen(&config, &arguments.only)?;
    let connected = connect::open(&config, arguments.deadline)?;
    let findings = doctor::examine(&Patient {
        config: &config,
        targets: &targets,
        run: &connected.run,
        host: &connected.host,
        credentials: &connected.credentials,
        write_probe: arguments.write_probe,
    })
    .await;
    stdout::print(&match arguments.output {
        PlainOutput::Text => doctor::render(&findings, stdout::style()),
        PlainOutput::Json => serde_json::to_string(&findings).unwrap_or_default() + "\n",
    });
    Ok(findings.exit_code)
}
