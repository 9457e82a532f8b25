//! Logs on stderr: lines for a person, or one JSON object a line.

use std::str::FromStr as _;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Log, LogFormat};

pub(super) fn start(log: &Log) -> Result<(), String> {
    let filter = Targets::from_str(&log.log_level)
        .map_err(|error| format!("--log-level {}: {error}; write it as debug or rotator=debug", log.log_level))?;
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let layer = match log.log_format {
        LogFormat::Text => layer.with_target(false).compact().boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    Ok(())
}
