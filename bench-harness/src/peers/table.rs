//! The result: a row for everybody, as a table and as JSON, and how far we are ahead of whom.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde_json::{Value, json};

use super::program::About;

/// What came of one who was measured.
pub(super) struct Row {
    pub(super) about: About,
    pub(super) load_seconds: Vec<f64>,
    pub(super) recover_seconds: Vec<f64>,
    pub(super) log_bytes: u64,
    pub(super) memory_peak_bytes: Option<u64>,
    pub(super) keys: Option<u64>,
    /// Why it has no result, where it has none.
    pub(super) failed: Option<String>,
}

impl Row {
    pub(super) fn of(about: About) -> Self {
        Self {
            about,
            load_seconds: Vec::new(),
            recover_seconds: Vec::new(),
            log_bytes: 0,
            memory_peak_bytes: None,
            keys: None,
            failed: None,
        }
    }

    /// The median of its recoveries, where it has a result.
    fn recovery(&self) -> Option<f64> {
        if self.failed.is_some() { None } else { median(&self.recover_seconds) }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: &[f64]) -> Option<f64> {
    sorted(values).get(values.len() / 2).copied()
}

/// The table, what everybody does in its time, and the ratios that are aimed at.
pub(super) fn text(rows: &[Row], records: u64) -> String {
    let rate = |seconds: Option<f64>| match seconds {
        Some(seconds) => format!("{:.2}", records as f64 / seconds / 1e6),
        None => "-".to_owned(),
    };
    let own = rows.first().and_then(Row::recovery);
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header([
        "peer",
        "version",
        "load, M/s",
        "recovery, M/s",
        "least to most",
        "log, MB",
        "peak, MB",
        "keys",
        "we are quicker",
    ]);
    for row in rows {
        let all = sorted(&row.recover_seconds);
        let megabytes = |bytes: Option<u64>| match bytes {
            Some(bytes) => format!("{:.0}", bytes as f64 / 1e6),
            None => "-".to_owned(),
        };
        let ratio = own.zip(row.recovery()).map(|(own, other)| format!("{:.1}", other / own));
        table.add_row([
            row.about.title(),
            row.about.version.clone(),
            rate(median(&row.load_seconds)),
            rate(row.recovery()),
            format!("{} to {}", rate(all.last().copied()), rate(all.first().copied())),
            megabytes(Some(row.log_bytes)),
            megabytes(row.memory_peak_bytes),
            row.keys.map_or_else(|| "-".to_owned(), |keys| keys.to_string()),
            ratio.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    let mut does = Table::new();
    does.load_style(ASCII_MARKDOWN);
    does.set_header(["peer", "kind", "load", "verifies in that time", "applies in that time"]);
    for about in rows.iter().map(|row| &row.about) {
        let About { loads, verifies, applies, kind, .. } = about;
        does.add_row([&about.title(), kind, loads, verifies, applies]);
    }
    let failed = rows.iter().filter_map(|row| Some((row.about.title(), row.failed.as_ref()?)));
    let failed: String = failed.map(|(title, why)| format!("\n{title}: failed: {why}")).collect();
    format!("{records} records\n\n{table}\n\n{does}\n\n{}{failed}", goals(rows))
}

/// How far we are ahead of the quickest of each kind.
fn goals(rows: &[Row]) -> String {
    let Some(own) = rows.first().and_then(Row::recovery) else { return String::new() };
    let kinds = [
        ("engine", "engine that applies"),
        ("pages", "that finds what the load put in place"),
        ("log", "bare log"),
    ];
    let lines = kinds.iter().filter_map(|(kind, what)| {
        let of_kind = rows.iter().filter(|row| row.about.kind == *kind);
        let (seconds, row) = of_kind
            .filter_map(|row| Some((row.recovery()?, row)))
            .min_by(|(one, _), (other, _)| one.total_cmp(other))?;
        let (title, ratio) = (row.about.title(), seconds / own);
        Some(format!("the quickest {what} is {title}: we are {ratio:.2} times as quick"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The same for machines.
pub(super) fn json(rows: &[Row], records: u64, absent: &[(String, String)]) -> Value {
    let rows = rows.iter().map(|row| {
        let About { name, variant, version, loads, verifies, applies, kind } = &row.about;
        json!({
            "name": name, "variant": variant, "version": version, "kind": kind,
            "loads": loads, "verifies": verifies, "applies": applies,
            "load_seconds": row.load_seconds, "recover_seconds": row.recover_seconds,
            "log_bytes": row.log_bytes, "memory_peak_bytes": row.memory_peak_bytes,
            "keys": row.keys, "failed": row.failed,
        })
    });
    let absent = absent.iter().map(|(name, reason)| json!({ "name": name, "reason": reason }));
    json!({
        "schema": 1,
        "records": records,
        "rows": rows.collect::<Vec<_>>(),
        "absent": absent.collect::<Vec<_>>(),
    })
}
