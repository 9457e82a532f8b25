//! Reads `rotator.toml` table by table, so that a fault in one hides none in another.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::Schema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::config::fault::{Fault, Path, line_and_column, shown};
use crate::config::notify_table::{HeartbeatTable, NotifyTable};
use crate::config::table::{AppTable, NetworkTable, TokenTable, VaultTable};

/// A table that was read, or that has a type fault and is not judged further.
#[derive(Debug, Clone)]
pub(super) enum Slot<T> {
    Read(T),
    Unreadable,
}

/// The tables of a file with their places.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) vault: Option<Slot<VaultTable>>,
    pub(super) vaults: BTreeMap<String, Slot<VaultTable>>,
    pub(super) apps: BTreeMap<String, Slot<AppTable>>,
    pub(super) defaults: Option<Slot<TokenTable>>,
    pub(super) token: Vec<Slot<TokenTable>>,
    pub(super) notify: Vec<Slot<NotifyTable>>,
    pub(super) heartbeat: Option<Slot<HeartbeatTable>>,
    pub(super) network: Option<Slot<NetworkTable>>,
}

/// A file's text, and where each of its values stands.
#[derive(Debug)]
pub(super) struct Document<'a> {
    name: &'a str,
    text: &'a str,
    root: DeTable<'a>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Document<'a> {
    /// Parses the text; its syntax errors are all there is to say if it has any.
    pub(super) fn parse(name: &'a str, text: &'a str) -> Result<Self, Vec<Fault>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Self { name, text, root: root.into_inner(), faults: Vec::new() };
        if errors.is_empty() {
            return Ok(document);
        }
        let syntax = |error: &toml::de::Error| {
            let message = format!("not TOML: {}", error.message().lines().collect::<Vec<_>>().join(", "));
            document.fault(
                error.span().unwrap_or_default(),
                message,
                "correct the syntax; `rotator config example` shows a file".into(),
            )
        };
        Err(errors.iter().map(syntax).collect())
    }

    /// Reads all tables; unknown keys and type faults are noted.
    pub(super) fn tables(&mut self) -> Tables {
        let schema = super::schema();
        let root: BTreeMap<String, Spanned<DeValue<'a>>> =
            self.root.iter().map(|(key, value)| (key.get_ref().to_string(), value.clone())).collect();
        self.unknown_keys(&schema);
        Tables {
            vault: root.get("vault").map(|value| self.table(value)),
            vaults: self.tables_of(root.get("vaults")),
            apps: self.tables_of(root.get("apps")),
            defaults: root.get("defaults").map(|value| self.table(value)),
            token: self.array_of(root.get("token"), "[[token]]"),
            notify: self.array_of(root.get("notify"), "[[notify]]"),
            heartbeat: root.get("heartbeat").map(|value| self.table(value)),
            network: root.get("network").map(|value| self.table(value)),
        }
    }

    fn table<T: DeserializeOwned>(&mut self, value: &Spanned<DeValue<'a>>) -> Slot<T> {
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(table) => Slot::Read(table),
            Err(error) => {
                let span = error.span().unwrap_or_else(|| value.span());
                let message = self.without_value(error.message(), &span);
                let fault = self.fault(span, message, "`rotator config example` shows every key with its form".into());
                self.faults.push(fault);
                Slot::Unreadable
            }
        }
    }

    /// A message that quotes the value it is about, if that may be shown.
    fn without_value(&self, message: &str, span: &Range<usize>) -> String {
        let message = message.lines().collect::<Vec<_>>().join(", ");
        let value = self.text.get(span.clone()).unwrap_or_default();
        if shown(value) != "this" {
            return message;
        }
        // The message quotes the value in its own way; what was expected in its place stands behind it.
        let expected = message.rfind(", expected").map(|at| &message[at..]).unwrap_or_default();
        format!("this value has the wrong form{expected}")
    }

    fn tables_of<T: DeserializeOwned>(&mut self, value: Option<&Spanned<DeValue<'a>>>) -> BTreeMap<String, Slot<T>> {
        match value.map(|value| (value, value.get_ref().as_table())) {
            Some((_, Some(table))) => {
                table.iter().map(|(key, value)| (key.get_ref().to_string(), self.table(value))).collect()
            }
            Some((value, None)) => {
                self.wrong_form(value, "a table of tables", "[apps.partner]");
                BTreeMap::new()
            }
            None => BTreeMap::new(),
        }
    }

    fn array_of<T: DeserializeOwned>(&mut self, value: Option<&Spanned<DeValue<'a>>>, example: &str) -> Vec<Slot<T>> {
        match value.map(|value| (value, value.get_ref().as_array())) {
            Some((_, Some(array))) => array.iter().map(|value| self.table(value)).collect(),
            Some((value, None)) => {
                self.wrong_form(value, "an array of tables", example);
                vec![Slot::Unreadable]
            }
            None => Vec::new(),
        }
    }

    fn wrong_form(&mut self, value: &Spanned<DeValue<'a>>, form: &str, example: &str) {
        let fault = self.fault(value.span(), format!("this must be {form}"), format!("write it as {example}"));
        self.faults.push(fault);
    }

    /// Every key that the schema does not know, at any depth.
    fn unknown_keys(&mut self, schema: &Schema) {
        let root = schema.as_value();
        let mut unknown = Vec::new();
        for (key, value) in &self.root {
            visit_key(root, root, key, value, &mut unknown);
        }
        for (span, key, known) in unknown {
            let fix = match nearest(&key, &known) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("remove it; known here: {}", known.join(", ")),
            };
            let fault = self.fault(span, format!("unknown key `{key}`"), fix);
            self.faults.push(fault);
        }
    }

    /// The place of a value, or of the nearest table around it that is there.
    pub(super) fn span(&self, path: &Path) -> Range<usize> {
        let mut span = 0..0;
        let mut table = Some(&self.root);
        let mut array: Option<&toml::de::DeArray<'a>> = None;
        for step in path {
            let found = match (table, array) {
                (Some(table), _) => {
                    table.iter().find(|(key, _)| key.get_ref() == step).map(|(key, value)| (key.span(), value))
                }
                (None, Some(array)) => {
                    step.parse().ok().and_then(|index: usize| array.get(index)).map(|value| (value.span(), value))
                }
                (None, None) => None,
            };
            let Some((at, value)) = found else { break };
            span = at;
            table = value.get_ref().as_table();
            array = value.get_ref().as_array();
        }
        span
    }

    pub(super) fn fault(&self, span: Range<usize>, message: String, fix: String) -> Fault {
        let (line, column) = line_and_column(self.text, &span);
        Fault { place: format!("{}:{line}:{column}", self.name), message, fix, at: span.start }
    }
}

type Unknown = (Range<usize>, String, Vec<String>);

fn visit_key(
    root: &Value,
    schema: &Value,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    unknown: &mut Vec<Unknown>,
) {
    let Some(known) = schema.get("properties").and_then(Value::as_object) else {
        // A table with keys of the user's own choice.
        if let Some(inner) = schema.get("additionalProperties") {
            visit(root, inner, value, unknown);
        }
        return;
    };
    match known.get(key.get_ref().as_ref()) {
        Some(inner) => visit(root, inner, value, unknown),
        None => unknown.push((key.span(), key.get_ref().to_string(), known.keys().cloned().collect())),
    }
}

fn visit(root: &Value, schema: &Value, value: &Spanned<DeValue<'_>>, unknown: &mut Vec<Unknown>) {
    let schema = resolved(root, schema);
    if let Some(table) = value.get_ref().as_table() {
        for (key, value) in table {
            visit_key(root, schema, key, value, unknown);
        }
    }
    if let (Some(array), Some(items)) = (value.get_ref().as_array(), schema.get("items")) {
        for value in array {
            visit(root, items, value, unknown);
        }
    }
}

/// Follows a reference, and the one alternative that is not `null`.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str).and_then(|link| link.strip_prefix('#')) {
        return root.pointer(pointer).map_or(schema, |schema| resolved(root, schema));
    }
    match schema.get("anyOf").and_then(Value::as_array).and_then(|any| any.first()) {
        Some(first) => resolved(root, first),
        None => schema,
    }
}

/// The known key that was probably meant: the same but for a few letters.
fn nearest(key: &str, known: &[String]) -> Option<String> {
    let distance = |known: &String| edits(key, known);
    known.iter().min_by_key(|known| distance(known)).filter(|known| distance(known) <= known.len().div_ceil(3)).cloned()
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
