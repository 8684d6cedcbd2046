//! How results are printed: one JSON object, or text. Nothing else writes to stdout.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::exit::Exit;

/// The version of the JSON results; it goes up when a field changes its meaning or goes.
pub(crate) const SCHEMA: u32 = 1;

/// What a verb has to say.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) exit: Exit,
    /// The fields of the JSON result.
    pub(crate) json: Value,
    /// The same for a person.
    pub(crate) text: Vec<u8>,
}

/// Prints a report in the form that was asked for. Arguments may name no verb.
pub(crate) fn print(verb: Option<&str>, as_json: bool, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        let object = result_object(verb, report.exit, &report.json);
        writeln!(out, "{object:#}")?;
    } else {
        out.write_all(&report.text)?;
    }
    out.flush()
}

/// The result object of an error.
pub(crate) fn error_json(error: &dyn std::error::Error) -> Value {
    let cause = error.source().map(ToString::to_string);
    json!({ "error": { "message": error.to_string(), "cause": cause } })
}

/// The result object of arguments that make no sense: what is wrong, without the usage.
pub(crate) fn refusal_json(refusal: &clap::Error) -> Value {
    let text = refusal.to_string();
    // Up to the first empty line: what follows is how it is used rightly.
    let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    let sentence = lines.collect::<Vec<&str>>().join(" ");
    let message = sentence.strip_prefix("error: ").unwrap_or(&sentence);
    json!({ "error": { "message": message, "cause": Value::Null } })
}

fn result_object(verb: Option<&str>, exit: Exit, fields: &Value) -> Value {
    let mut object = Map::new();
    object.insert("schema".to_owned(), json!(SCHEMA));
    object.insert("command".to_owned(), json!(verb));
    object.insert("exit_code".to_owned(), json!(exit as u8));
    if let Value::Object(fields) = fields {
        object.extend(fields.clone());
    }
    Value::Object(object)
}

/// A number with thin groups of three digits, for people.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A plain two-column table.
pub(crate) fn facts(rows: &[(&str, String)]) -> Vec<u8> {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n"));
    lines.collect::<String>().into_bytes()
}
