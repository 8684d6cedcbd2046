//! The report as JSON: written, and read again if its schema is known.

use std::path::Path;

use serde::Deserialize;

use super::{Report, SCHEMA};
use crate::Measured;

/// All that must be known before the rest is looked at.
#[derive(Deserialize)]
struct Header {
    schema: u64,
}

impl Report {
    /// Writes it, for others to read.
    pub(crate) fn write(&self, path: &Path) -> Measured<()> {
        let json = serde_json::to_string_pretty(self)? + "\n";
        let write = std::fs::write(path, json);
        write.map_err(|error| format!("{} can't be written: {error}", path.display()).into())
    }

    /// Reads what was written.
    pub(crate) fn read(path: &Path) -> Measured<Self> {
        let name = path.display();
        let json = std::fs::read_to_string(path);
        let json = json.map_err(|error| format!("{name} can't be read: {error}"))?;
        Self::parse(&json).map_err(|error| format!("{name} {error}").into())
    }

    /// Reads it; what is wrong is said as of something that is named before.
    fn parse(json: &str) -> Result<Self, String> {
        let Header { schema } =
            serde_json::from_str(json).map_err(|error| format!("is no report: {error}"))?;
        if schema != u64::from(SCHEMA) {
            return Err(format!(
                "has schema {schema}, and this program reads schema {SCHEMA}: \
                 read it with the program that wrote it, or measure again"
            ));
        }
        serde_json::from_str(json)
            .map_err(|error| format!("isn't as schema {SCHEMA} says: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    /// Written by the first program that had reports.
    const SCHEMA_1: &str = include_str!("golden/schema-1.json");

    #[test]
    fn the_first_report_is_still_read() {
        let report = Report::parse(SCHEMA_1).unwrap();
        assert_eq!(report.machine.processor, "AMD EPYC");
        assert_eq!(report.table[0].measure, "replay throughput");
        assert_eq!(report.table[0].ours.count, 9);
        assert_eq!(report.table[0].claimed, Some([12_000.0, 8_500.0]));
        assert_eq!(report.rooflines[0].1.cores, 2);
        assert_eq!(report.workloads[0].events, 1_000_000);
        assert_eq!(report.sweeps[0].points[1].label, "10k");
        assert_eq!(report.sweeps[0].points[1].peak_bytes, 11_116_544);
        assert_eq!((report.profile, report.peers.len()), (None, 0));
    }

    #[test]
    fn another_schema_is_refused_whatever_else_it_holds() {
        for schema in ["0", "2", "4294967297"] {
            let error = Report::parse(&format!("{{\"schema\": {schema}, \"a\": []}}")).unwrap_err();
            assert!(error.contains(&format!("has schema {schema}, and")), "{error}");
        }
        for json in ["", "{}", "[]", "{\"schema\": \"1\"}", "{\"schema\": 1.5}"] {
            assert!(Report::parse(json).unwrap_err().starts_with("is no report"), "{json}");
        }
        let error = Report::parse("{\"schema\": 1}").unwrap_err();
        assert!(error.contains("missing field `version`"), "{error}");
    }

    #[test]
    fn a_report_without_parts_is_read() {
        let report = Report::new();
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(Report::parse(&json).unwrap(), report);
    }

    proptest! {
        /// Figures that are none, too: a field that can't be `null` fails here.
        #[test]
        fn what_is_written_is_read(report in samples::whatever()) {
            let json = serde_json::to_string(&report).unwrap();
            let read = Report::parse(&json).unwrap();
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
    }
}
