//! What every data set with a name comes to as a journal: so a figure that names one says what it was
//! measured on, on any machine and in any version.
//!
//! Whoever changes a recipe, the generator, the format or the digest on purpose puts the new values here:
//! `bench-harness datasets` says them.

/// The seed that all of them are made with.
pub const SEED: u64 = 1;

/// A data set and what it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub name: &'static str,
    /// What is special about it, in a sentence.
    pub about: &'static str,
    /// What its journal must be like; none where nobody had room for it yet.
    pub expected: Option<Expected>,
}

/// What tells a journal and its state from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// How many events there are.
    pub events: u64,
    /// The digest of the last block, in hex.
    pub head: &'static str,
    /// The digest of the state after the last event, in hex.
    pub state: &'static str,
}

impl Record {
    /// Every one, in the order of [`crate::Dataset::names`].
    pub const ALL: &[Self] = &[
        Self {
            name: "tiny",
            about: "200 small events of nearly every type, dense in all that is rare elsewhere.",
            expected: Some(Expected {
                events: 200,
                head: "023426894e9aace2764eb6afdf5b163ce024b9523b996ec3aeb04efb24251afb",
                state: "4ff9f7ed54e70eaaecc6d6052dc8599b16e1803a6650e9df814b6578c07f20bc",
            }),
        },
        Self {
            name: "1k",
            about: "As 1M, with a thousand events.",
            expected: Some(Expected {
                events: 1_000,
                head: "137fc930dd8fd7ff3832928fc4104ca2f336de6e628c36a099ebed2d1410d2d1",
                state: "8e94ce03bb868ff4f5ff62603e0e8c10e7aefe2e14c073bd258b2b6abde6083f",
            }),
        },
        Self {
            name: "10k",
            about: "As 1M, with ten thousand events.",
            expected: Some(Expected {
                events: 10_000,
                head: "770d9612748c67fb1638d109eeb045670281ef31a77c8c38ade9b9c48a41ed25",
                state: "8f2ab01dd0151390bb87ea8768c248c157ff8241130581193b2b5315f6ff009f",
            }),
        },
        Self {
            name: "100k",
            about: "As 1M, with a hundred thousand events.",
            expected: Some(Expected {
                events: 100_000,
                head: "80dd4d11a5918816f23b6d80b61a205d6cf8cfc1250b2f289cf79a538a3cdf4a",
                state: "51bda2c068b089941c4b8a542f3ef4e999b03cade36482bfe693a12eacbd651d",
            }),
        },
        Self {
            name: "1M",
            about: "The usual one: a million events of 256 bytes on the mean, over 100,000 keys.",
            expected: Some(Expected {
                events: 1_000_000,
                head: "f2258ddf77cc84286c71cdb22ebe2d00cb7c7ec34e31e37163825f009a283cca",
                state: "977d79946d0226ccff3c1051e6442b155a921444ed437d0d8caec82e708be85f",
            }),
        },
        Self {
            name: "10M",
            about: "As 1M, with ten million events.",
            expected: Some(Expected {
                events: 10_000_000,
                head: "cba8858251300b74029aa97d45b8a6e0bfb50d9ccce72d79c01caf2bf7cae858",
                state: "d8a9fa825f5c347743cdde1f7b578d7552e8ed95a3591aa4fa8bec9050f37da9",
            }),
        },
        Self {
            name: "100M",
            about: "As 1M, with a hundred million events.",
            expected: Some(Expected {
                events: 100_000_000,
                head: "a9a570c6b5c35e549bdf14d2d07e6be3de92281b7c94c5449f60d8f59822b64f",
                state: "ee6f16da2eaef65f8ca9655d847df3ff36605b676ec9048d67d6d82b21d99ba2",
            }),
        },
        Self {
            name: "hot-key",
            about: "As 1M, with a zipf exponent of 1.2: one key of 100,000 gets a fifth of all changes.",
            expected: Some(Expected {
                events: 1_000_000,
                head: "85ab69cb2c4064654dfa3accc49cb107eaa54bffe031e8479bac30fb156902d5",
                state: "074066af083822d60c04371cfba21ab72279833dbe450d696bedbb213851844e",
            }),
        },
        Self {
            name: "huge-transaction",
            about: "As 1M, with nine of ten events in one transaction.",
            expected: Some(Expected {
                events: 1_000_000,
                head: "f6ab7f3a129e5b6f13434226c2e226e54129146624f2b78728a055638c785a76",
                state: "b001bfc9fbacd48cf53618b469a1777d4a1dc81006ed7e5661ec4219f9e79d90",
            }),
        },
        Self {
            name: "tiny-blocks",
            about: "As 1M, in blocks of 4 KiB instead of 64.",
            expected: Some(Expected {
                events: 1_000_000,
                head: "16062190eefc870ad3b0192f6a98bb8930cc29e1b51ee692c64811e123f06127",
                state: "977d79946d0226ccff3c1051e6442b155a921444ed437d0d8caec82e708be85f",
            }),
        },
        Self {
            name: "unique-keys",
            about: "A million keys in random order, each put once, with 200 bytes on the mean.",
            expected: Some(Expected {
                events: 1_000_000,
                head: "8bc5ed2f30e239da92475ce6d9dae7b4fcee74e5a04000ad4d481419ac2fa2e4",
                state: "6076f504ac44f6ccf4adecc1e445a3e5844584d35c42baee75b2bd19934839b6",
            }),
        },
        Self {
            name: "vectors-384",
            about: "Vectors of 384 floats alone, made, changed and removed.",
            expected: Some(Expected {
                events: 250_000,
                head: "fa1d398f9409b8cb82854cbd0c3bff78ef8d6882cc0f14cc7b71643018099234",
                state: "50185fb78961c0b744c8941c9ce63df4acb1e85bcbb99853d450a938f71b728e",
            }),
        },
        Self {
            name: "git-history",
            about: "2,000 commits with merges, renames and links, imported from a git repository.",
            expected: Some(Expected {
                events: 35_360,
                head: "a3e0ac1e8dba66daad74595ebbfdd12ec8d899ef759c3d29ff561610f8e64cba",
                state: "eaf1656d987b1cdfdd424412691b21b5a943c7f0f973ce7e3c7279c1e4ad3df0",
            }),
        },
    ];

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|record| record.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    #[test]
    fn every_data_set_is_on_record() {
        let on_record: Vec<_> = Record::ALL.iter().map(|record| record.name).collect();
        assert_eq!(on_record, Dataset::names().collect::<Vec<_>>());
        for record in Record::ALL {
            let digests = record.expected.map(|it| [it.head, it.state]);
            let whole = |digest: &&str| {
                digest.len() == 64 && digest.bytes().all(|it| it.is_ascii_hexdigit())
            };
            assert!(digests.as_slice().as_flattened().iter().all(whole), "{}", record.name);
        }
    }

    #[test]
    fn the_documents_have_every_digest() {
        let page = include_str!("../../docs/datasets.md");
        for Record { name, about, expected } in Record::ALL {
            assert!(page.contains(&format!("| `{name}` |")) && page.contains(about), "{name}");
            let Some(Expected { events, head, state }) = expected else { continue };
            let digests =
                format!("    {name}\n        head   {events}:{head}\n        state  {state}\n");
            assert!(page.contains(&digests), "{name}");
        }
    }
}
