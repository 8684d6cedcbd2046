//! Reports of several commands, put together into one.
//!
//! What is measured again takes the place of what was measured before, row by row, and that is said. What
//! was measured on another machine, by another program or on another journal of the same name is refused:
//! such figures say nothing beside each other.

use super::{MadeBy, Report};
use crate::machine::Machine;
use crate::workloads::Workload;

impl Report {
    /// Adds all of another one, and tells what that replaced.
    pub(crate) fn add(&mut self, other: Self) -> Result<Vec<String>, String> {
        if self.version != other.version {
            return Err(format!(
                "was measured with version {}, the reports before it with {}",
                other.version, self.version
            ));
        }
        self.machine.must_be(&other.machine)?;
        self.workloads_must_be(&other.workloads)?;
        self.machine.add_backend(&other.machine);
        let mut replaced = Vec::new();
        put(&mut self.workloads, other.workloads, |it| it.name.clone());
        put(&mut self.rooflines, other.rooflines, |it| it.0.clone());
        let rows =
            put(&mut self.table, other.table, |it| format!("{} on {}", it.measure, it.workload));
        replaced.extend(rows.iter().map(|row| format!("the row {row}")));
        let sweeps = put(&mut self.sweeps, other.sweeps, |it| match it.on.as_str() {
            "" => it.varied.clone(),
            on => format!("{} on {on}", it.varied),
        });
        replaced.extend(sweeps.iter().map(|sweep| format!("the series over {sweep}")));
        if other.profile.is_some() && self.profile.is_some() {
            replaced.push("the profile".to_owned());
        }
        self.profile = other.profile.or(self.profile.take());
        let peers =
            put(&mut self.peers, other.peers, |it| format!("{} on {}", it.name, it.dataset));
        replaced.extend(peers.iter().map(|peer| format!("the peer {peer}")));
        put(&mut self.made_by, other.made_by, MadeBy::clone);
        Ok(replaced)
    }

    fn workloads_must_be(&self, others: &[Workload]) -> Result<(), String> {
        for other in others {
            let ours = self.workloads.iter().find(|it| it.name == other.name);
            if let Some(ours) = ours.filter(|it| it.head != other.head) {
                return Err(format!(
                    "was measured on a journal {} with the head {}, the reports before it with {}",
                    other.name, other.head, ours.head
                ));
            }
        }
        Ok(())
    }
}

impl Machine {
    /// That another one is this one; which backend hashes may change from process to process.
    fn must_be(&self, other: &Self) -> Result<(), String> {
        let [ours, theirs] = [self, other].map(|it| {
            [
                ("processor", it.processor.clone()),
                ("cores", it.cores.to_string()),
                ("memory in bytes", it.memory_bytes.to_string()),
                ("kernel", it.kernel.clone()),
            ]
        });
        let differs = ours.into_iter().zip(theirs).find(|(ours, theirs)| ours != theirs);
        differs.map_or(Ok(()), |((what, ours), (_, theirs))| {
            Err(format!(
                "was measured on another machine than the reports before it: its {what} is {theirs:?}, \
                 theirs is {ours:?}"
            ))
        })
    }

    fn add_backend(&mut self, other: &Self) {
        let known = self.sha256_backend.split(" and ").any(|it| it == other.sha256_backend);
        if !known {
            self.sha256_backend.push_str(&format!(" and {}", other.sha256_backend));
        }
    }
}

/// Puts things in the place of those with the same key, or behind all; tells the keys of those replaced.
/// Those that come together stay together, whatever their keys are.
fn put<T, K: PartialEq>(all: &mut Vec<T>, others: Vec<T>, key: impl Fn(&T) -> K) -> Vec<K> {
    let mut replaced = Vec::new();
    let before = all.len();
    for other in others {
        let its_key = key(&other);
        match all.iter_mut().take(before).find(|it| key(it) == its_key) {
            Some(known) => {
                *known = other;
                replaced.push(its_key);
            }
            None => all.push(other),
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::super::{Part, samples};
    use super::*;

    /// The same report with one part alone.
    fn only(part: Part) -> Report {
        let mut report = samples::full();
        let keep = |it: Part| it == part;
        if !keep(Part::Table) {
            report.table.clear();
            report.rooflines.clear();
            report.workloads.clear();
        }
        if !keep(Part::Scaling) {
            report.sweeps.clear();
        }
        if !keep(Part::Profile) {
            report.profile = None;
        }
        if !keep(Part::Peers) {
            report.peers.clear();
        }
        report.made_by.retain(|it| keep(it.part));
        report
    }

    #[test]
    fn parts_of_several_commands_are_one_report() {
        let mut all = only(Part::Table);
        for part in [Part::Scaling, Part::Profile, Part::Peers] {
            assert_eq!(all.add(only(part)), Ok(Vec::new()));
        }
        assert_eq!(all, samples::full());
    }

    #[test]
    fn what_is_measured_again_takes_the_place_of_what_was() {
        let mut all = samples::full();
        let mut again = samples::full();
        again.table.truncate(1);
        again.table[0].ours.p50 = 7.0;
        again.sweeps.clear();
        again.peers.truncate(1);
        let replaced = all.add(again).unwrap();
        assert_eq!(all.table.len(), samples::full().table.len());
        assert_eq!(all.table[0].ours.p50, 7.0);
        assert_eq!(all.table[1], samples::full().table[1]);
        assert_eq!(all.made_by, samples::full().made_by);
        let expected =
            ["the row replay throughput on 1M", "the profile", "the peer vexfs-replay on 1M"];
        assert_eq!(replaced, expected);
    }

    #[test]
    fn what_says_nothing_beside_it_is_refused_and_changes_nothing() {
        type Change = fn(&mut Report);
        let changes: [(Change, &str); 6] = [
            (|it| it.version = "9".to_owned(), "with version 9"),
            (|it| it.machine.processor = "Abacus".to_owned(), "processor is \"Abacus\""),
            (|it| it.machine.cores = 64, "cores is \"64\""),
            (|it| it.machine.memory_bytes = 1, "memory in bytes is \"1\""),
            (|it| it.machine.kernel.clear(), "kernel is \"\""),
            (|it| it.workloads[0].head = "1:00".to_owned(), "a journal 1M with the head 1:00"),
        ];
        for (change, said) in changes {
            let (mut all, mut other) = (samples::full(), samples::full());
            change(&mut other);
            let error = all.add(other).unwrap_err();
            assert!(error.contains(said), "{error}");
            assert_eq!(all, samples::full());
        }
    }

    #[test]
    fn backends_are_all_named_once() {
        let mut all = samples::full();
        let mut other = samples::full();
        other.machine.sha256_backend = "sha-ni-4".to_owned();
        for _ in 0..2 {
            all.add(other.clone()).unwrap();
        }
        assert_eq!(all.machine.sha256_backend, "avx512-16 and sha-ni-4");
    }
}
