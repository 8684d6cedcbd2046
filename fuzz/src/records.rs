//! Edits to the JSON that recoveries write down: bytes, or whole numbers and strings, so that it stays
//! JSON whatever a fuzzer does.

use std::ops::Range;

use crate::story::number;

/// Strings that something may be named: files that are there, some that aren't, and paths that lead out.
const NAMES: [&str; 12] = [
    "",
    "..",
    "attempt.json",
    "rollback.json",
    "../segment-00000000",
    "segment-0000000000.vexj",
    "undone-00000000000000000030-x",
    "checkpoint-00000000000000000030-base.vxcp",
    "full",
    "emergency",
    "completed",
    "00000000000000000000000000000000",
];

/// The text with bytes changed: offset u16, byte to xor with.
#[must_use]
pub fn with_bytes(text: &[u8], edits: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        return Vec::new();
    }
    crate::checkpoints::changed(text, edits)
}

/// The text with values changed: which one, and to what.
#[must_use]
pub fn with_values(text: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for &[which, to] in edits.as_chunks().0 {
        let values = values(&text);
        let Some(range) = values.get(usize::from(which) % values.len().max(1)) else { break };
        let value = match text[range.start] {
            b'"' => format!("\"{}\"", NAMES[usize::from(to) % NAMES.len()]),
            _ => number(to).to_string(),
        };
        text.splice(range.clone(), value.into_bytes());
    }
    text
}

/// Where the numbers and the strings lie that are no keys. What isn't JSON has some, too.
fn values(text: &[u8]) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    let mut at = 0;
    while let Some(&first) = text.get(at) {
        let start = at;
        at += 1;
        let rest = &text[at..];
        let length = |is_part: fn(&u8) -> bool| rest.iter().take_while(|it| is_part(it)).count();
        match first {
            b'"' => {
                at = (at + length(|&it| it != b'"') + 1).min(text.len());
                if text.get(at) != Some(&b':') {
                    values.push(start..at);
                }
            }
            b'0'..=b'9' | b'-' => {
                at += length(|it| it.is_ascii_digit() || b".eE+-".contains(it));
                values.push(start..at);
            }
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_changed_and_keys_are_not() {
        let text = br#"{"a": 12, "b2": ["x", -1.5e3], "c": {"d": "y"}}"#;
        let values: Vec<&[u8]> = values(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(values, [&b"12"[..], b"\"x\"", b"-1.5e3", b"\"y\""]);
        let changed = with_values(text, &[0, 0xF7, 1, 2, 3, 8]);
        let expected =
            br#"{"a": 18446744073709551608, "b2": ["attempt.json", -1.5e3], "c": {"d": "full"}}"#;
        assert_eq!(changed, expected);
        assert_eq!(with_values(b"no json \" 1", &[0, 0]), b"no json \"\"");
        assert_eq!(with_values(b"", &[0, 0]), b"");
    }
}
