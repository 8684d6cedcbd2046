//! Random histories of small trees, in which names are few, so that files, links, submodules and
//! directories take each other's places all the time.

use std::collections::BTreeMap;

use super::repository::Script;

/// A small random number generator: splitmix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) % limit as u64).unwrap()
    }

    fn path(&mut self) -> Vec<u8> {
        const NAMES: [&[u8]; 6] = [b"a", b"b", b"c", b"a b", b"a-", b"\xff\n"];
        let parts = (0..=self.below(3)).map(|_| NAMES[self.below(NAMES.len())]);
        parts.collect::<Vec<_>>().join(&b'/')
    }

    fn content(&mut self) -> Vec<u8> {
        let seed = self.below(12);
        let lines = (0..1 + 3 * seed).map(|line| format!("line {line} of text {seed}\n"));
        let mut content = lines.collect::<String>().into_bytes();
        if seed % 4 == 3 {
            content.push(0);
        }
        content
    }

    fn thing(&mut self) -> (&'static str, Vec<u8>) {
        match self.below(8) {
            0 => ("120000", self.path()),
            1 => ("160000", format!("{:040x}", self.below(5) + 1).into_bytes()),
            2 => ("100755", self.content()),
            _ => ("100644", self.content()),
        }
    }
}

type Files = BTreeMap<Vec<u8>, (&'static str, Vec<u8>)>;

/// Puts a thing at a path, and takes away what can't be in a tree beside it.
fn put(files: &mut Files, path: Vec<u8>, thing: (&'static str, Vec<u8>)) {
    let below =
        |one: &[u8], other: &[u8]| one.starts_with(other) && one.get(other.len()) == Some(&b'/');
    files.retain(|other, _| !below(other, &path) && !below(&path, other));
    files.insert(path, thing);
}

fn mutate(random: &mut Random, files: &mut Files) {
    let choose = |random: &mut Random, files: &Files| {
        files.keys().nth(random.below(files.len().max(1))).cloned()
    };
    let at = choose(random, files);
    match (random.below(10), at) {
        (0..=2, _) | (_, None) => put(files, random.path(), random.thing()),
        (3, Some(at)) => {
            files.remove(&at);
        }
        (4..=5, Some(at)) => {
            let thing = files.remove(&at).unwrap();
            put(files, random.path(), thing);
        }
        (6, Some(at)) => {
            let other = choose(random, files).unwrap();
            let (one, two) = (files[&at].clone(), files[&other].clone());
            files.insert(at, two);
            files.insert(other, one);
        }
        (7, Some(at)) => {
            let (mode, content) = files.get_mut(&at).unwrap();
            if !mode.starts_with("16") {
                content.extend_from_slice(b"one more line\n");
            }
            if *mode == "100644" {
                *mode = "100755";
            }
        }
        (8, Some(at)) => {
            // Out of its directory into the directory's place, or the other way round.
            let thing = files.remove(&at).unwrap();
            let slash = at.iter().rposition(|byte| *byte == b'/');
            let to = slash.map_or_else(|| [&at[..], b"/a"].concat(), |slash| at[..slash].to_vec());
            put(files, to, thing);
        }
        (_, Some(at)) => {
            files.insert(at, random.thing());
        }
    }
}

/// A history of `commits` commits on the branch `main`, with merges of whatever came before.
pub(super) fn history(random: &mut Random, commits: u32) -> Script {
    let (mut script, mut files) = (Script::default(), Files::new());
    let mut previous = None;
    for mark in 1..=commits {
        for _ in 0..random.below(4) + usize::from(mark == 1) {
            mutate(random, &mut files);
        }
        if random.below(40) == 0 {
            files.clear();
        }
        let mut parents: Vec<u32> = previous.into_iter().collect();
        for _ in 0..random.below(6).saturating_sub(3) {
            let other = u32::try_from(random.below(mark as usize)).unwrap();
            if other > 0 && !parents.contains(&other) && !parents.is_empty() {
                parents.push(other);
            }
        }
        // Some commits stay off the chain until one that follows merges them.
        let branch = if random.below(6) == 0 && mark > 1 { "side" } else { "main" };
        script.commit(branch, mark, format!("commit {mark}").as_bytes(), &parents);
        script.delete_all();
        for (path, (mode, content)) in &files {
            if *mode == "160000" {
                script.submodule(path, str::from_utf8(content).unwrap());
            } else {
                script.add(mode, path, content);
            }
        }
        if branch == "main" {
            previous = Some(mark);
        }
    }
    script
}
