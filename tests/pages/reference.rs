//! `docs/reference.md` is made of the code.
//!
//! `ROTATOR_WRITE_REFERENCE=1 cargo test reference` writes it anew.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};
use rotator::cli::Cli;
use rotator::entra::catalogue;
use rotator::model::kind::Kind;
use serde_json::Value;

use super::root;

const INTRODUCTION: &str = "# Reference\n\n\
    Made of the code by `ROTATOR_WRITE_REFERENCE=1 cargo test reference`; a test fails where it is stale.\n\n\
    [Commands](#commands) · [Configuration](#configuration) · [Exit codes](#exit-codes) · [Failures](#failures) · \
    [Codes of Entra ID](#codes-of-entra-id) · report: [report.schema.json](report.schema.json) · \
    doctor: [doctor.md](doctor.md), [doctor.schema.json](doctor.schema.json)\n";

const EXIT_CODES: &str = "\n## Exit codes\n\n\
    | code | of `run` and `status` |\n|---|---|\n\
    | 0 | every token is safe; an age warning is in the report (`--fail-on warning` makes it 3) |\n\
    | 2 | usage or configuration, found before the first request |\n\
    | 3 | a person must act |\n\
    | 4 | try again later: only failures that pass |\n\n\
    3 beats 4. `status --nagios` speaks the plugin convention: 0 OK, 1 warning, 2 critical, 3 unknown.\n";

/// In a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

fn commands(text: &mut String, command: &Command, path: &str) {
    let path = if path.is_empty() { command.get_name().to_owned() } else { format!("{path} {}", command.get_name()) };
    let shown = command.get_subcommands().filter(|sub| sub.get_name() != "help");
    if command.get_subcommands().next().is_none() || path == "rotator" {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "\n### `{path}`\n\n{about}\n");
        let arguments: Vec<String> = command.get_arguments().filter_map(argument).collect();
        if !arguments.is_empty() {
            let _ = writeln!(text, "| argument | |\n|---|---|\n{}", arguments.join("\n"));
        }
    }
    for sub in shown {
        commands(text, sub, &path);
    }
}

fn argument(argument: &clap::Arg) -> Option<String> {
    if ["help", "version"].contains(&argument.get_id().as_str()) {
        return None;
    }
    let takes = argument.get_action().takes_values();
    let value = argument.get_value_names().and_then(<[_]>::first).map(|name| format!(" <{name}>")).unwrap_or_default();
    let name = match argument.get_long() {
        Some(long) => format!("--{long}{}", if takes { value } else { String::new() }),
        None => value.trim().to_owned(),
    };
    let mut about = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if takes && !values.is_empty() {
        let _ = write!(about, " ({})", values.join(", "));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes && !defaults.is_empty() {
        let _ = write!(about, "; `{}` if absent", defaults.join(","));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(about, "; or `{}`", variable.to_string_lossy());
    }
    Some(format!("| `{name}` | {} |", cell(&about)))
}

/// One table of the configuration for each of the schema's.
fn configuration(text: &mut String) {
    let schema = serde_json::to_value(rotator::config::schema()).unwrap();
    let _ = writeln!(
        text,
        "\n## Configuration\n\n`rotator config example` prints it with comments, `rotator config schema` as JSON Schema."
    );
    tables(text, "the file", &schema);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        tables(text, name, definition);
    }
}

fn tables(text: &mut String, name: &str, table: &Value) {
    let about = table["description"].as_str().unwrap_or_default();
    let Some(properties) = table["properties"].as_object() else {
        let each = table["oneOf"].as_array().cloned().unwrap_or_default().into_iter();
        let words = each.flat_map(|one| one["enum"].as_array().cloned().unwrap_or_else(|| vec![one["const"].clone()]));
        let words: Vec<String> = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        if !words.is_empty() {
            let _ = writeln!(text, "\n### {name}\n\n{about}\n\n`{}`", words.join("`, `"));
        }
        return;
    };
    let _ = writeln!(text, "\n### {name}\n\n{about}\n\n| key | type | |\n|---|---|---|");
    for (key, property) in properties {
        let what = property["description"].as_str().unwrap_or_default();
        let _ = writeln!(text, "| `{key}` | {} | {} |", cell(&kind(property)), cell(what));
    }
}

/// The type of a key, in a word.
fn kind(property: &Value) -> String {
    let reference = |value: &Value| value["$ref"].as_str().map(|path| path.rsplit('/').next().unwrap().to_owned());
    let plain = |value: &Value| match &value["type"] {
        Value::String(one) => Some(one.clone()),
        Value::Array(many) => many.iter().filter_map(Value::as_str).find(|word| *word != "null").map(str::to_owned),
        _ => None,
    };
    let one = |value: &Value| reference(value).or_else(|| plain(value));
    let any = property["anyOf"].as_array().and_then(|all| all.iter().filter_map(one).find(|word| word != "null"));
    let word = one(property).or(any).unwrap_or_else(|| "any".to_owned());
    let part = |key: &str| one(&property[key]).unwrap_or_else(|| "any".to_owned());
    match word.as_str() {
        "array" => format!("list of {}", part("items")),
        "object" if property["additionalProperties"].is_object() => {
            format!("tables of {}", part("additionalProperties"))
        }
        _ => word,
    }
}

fn failures(text: &mut String) {
    let _ = writeln!(text, "\n## Failures\n\n| `kind` | remedy | what to do |\n|---|---|---|");
    for kind in Kind::ALL {
        let remedy = serde_json::to_value(kind.remedy()).unwrap();
        let _ = writeln!(text, "| `{}` | {} | {} |", kind.slug(), remedy.as_str().unwrap(), cell(kind.hint()));
    }
    let _ = writeln!(text, "\n## Codes of Entra ID\n\n| AADSTS | `kind` | meaning |\n|---|---|---|");
    for row in catalogue::rows() {
        let _ = writeln!(text, "| {} | `{}` | {} |", row.code, row.kind.slug(), cell(row.cause));
    }
}

#[test]
fn the_reference_is_that_of_the_code() {
    let mut text = INTRODUCTION.to_owned();
    let _ = writeln!(text, "\n## Commands");
    let mut command = Cli::command();
    command.build();
    commands(&mut text, &command, "");
    configuration(&mut text);
    text.push_str(EXIT_CODES);
    failures(&mut text);
    let path = root().join("docs/reference.md");
    if std::env::var_os("ROTATOR_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let differs = written.lines().zip(text.lines()).find(|(written, made)| written != made);
    assert!(written == text, "docs/reference.md is stale: {differs:?}");
}

/// Each condition that people are told of has its row.
#[test]
fn operations_say_what_to_do_about_each_alert() {
    let source = std::fs::read_to_string(root().join("src/notify/condition.rs")).unwrap();
    let mut codes: Vec<&str> = source.split('"').skip(1).step_by(2).collect();
    codes.push(rotator::model::alert::WAITING);
    codes.retain(|word| ["token.", "app.", "vault."].iter().any(|part| word.starts_with(part)) && word.len() > 6);
    let page = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let missing: Vec<&&str> = codes.iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty() && codes.len() > 8, "{missing:?} of {codes:?}");
}
