//! A file of a git history: all that it is follows from a few numbers.

const WORDS: [&str; 24] = [
    "block",
    "chain",
    "checkpoint",
    "commit",
    "cut",
    "digest",
    "durable",
    "effect",
    "epoch",
    "event",
    "head",
    "journal",
    "key",
    "partition",
    "record",
    "replay",
    "seal",
    "segment",
    "settle",
    "state",
    "tail",
    "torn",
    "verify",
    "watermark",
];
const WORDS_IN_LINE: u64 = 8;
/// A new version changes one line of so many.
const LINES_A_CHANGE: u64 = 8;
const LINES_MAX: u64 = 80;
/// How many files a directory has.
const FILES_IN_DIRECTORY: u64 = 16;
/// How many directories have directories in them.
const TOP_DIRECTORIES: u64 = 8;

#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    /// What its kind and its content follow from.
    pub(crate) number: u64,
    /// What its path follows from.
    pub(crate) name: u64,
    /// How often its content has changed.
    pub(crate) version: u64,
    pub(crate) executable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
    Link,
}

impl File {
    pub(crate) fn kind(&self) -> Kind {
        match self.number % 40 {
            7 | 27 => Kind::Bytes,
            39 => Kind::Link,
            _ => Kind::Text,
        }
    }

    pub(crate) fn path(&self) -> String {
        let directory = self.name / FILES_IN_DIRECTORY;
        let top = directory % TOP_DIRECTORIES;
        format!("part-{top}/module-{directory}/file-{}", self.name)
    }

    /// As git writes it.
    pub(crate) fn mode(&self) -> &'static str {
        match (self.kind(), self.executable) {
            (Kind::Link, _) => "120000",
            (_, true) => "100755",
            (_, false) => "100644",
        }
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        match self.kind() {
            Kind::Link => format!("target-{}-{}", self.number, self.version).into_bytes(),
            Kind::Text => (0..self.lines()).flat_map(|line| self.line(line)).collect(),
            // What has a NUL is no text for git.
            Kind::Bytes => (0..8 * self.lines())
                .flat_map(|word| mixed(&[self.number, self.version, word]).to_le_bytes())
                .chain([0])
                .collect(),
        }
    }

    fn lines(&self) -> u64 {
        1 + mixed(&[self.number]) % LINES_MAX
    }

    fn line(&self, line: u64) -> Vec<u8> {
        // The newest version that changed it. The first line has changed in all of them, so that no two
        // contents are alike.
        let behind = (self.version + LINES_A_CHANGE - line % LINES_A_CHANGE) % LINES_A_CHANGE;
        let version = if line == 0 { self.version } else { self.version.saturating_sub(behind) };
        let word = |at: u64| {
            let word = mixed(&[self.number, version, line, at]) % WORDS.len() as u64;
            WORDS[usize::try_from(word).unwrap_or(0)]
        };
        let words: Vec<&str> = (0..WORDS_IN_LINE).map(word).collect();
        format!("{}-{version}-{line} {}\n", self.number, words.join(" ")).into_bytes()
    }
}

/// Some number that these lead to: the finalizer of `SplitMix64` over each.
fn mixed(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |mixed, number| {
        let mut word = (mixed ^ number).wrapping_add(0x9E37_79B9_7F4A_7C15);
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ word >> 31
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_contents_are_alike_and_a_version_changes_a_part() {
        let mut seen = HashSet::new();
        for number in 0..80 {
            let mut before: HashSet<Vec<u8>> = HashSet::new();
            for version in 0..20 {
                let file = File { number, name: number, version, executable: false };
                let content = file.content();
                assert_eq!(content.contains(&0), file.kind() == Kind::Bytes);
                assert!(seen.insert(content.clone()), "{file:?}");
                let lines: HashSet<_> =
                    content.split(|it| *it == b'\n').map(<[u8]>::to_vec).collect();
                let kept = lines.intersection(&before).count();
                if file.kind() == Kind::Text && lines.len() > 20 && version > 0 {
                    assert!(kept * 10 > lines.len() * 7, "{kept} of {} lines stay", lines.len());
                }
                before = lines;
            }
        }
    }
}
