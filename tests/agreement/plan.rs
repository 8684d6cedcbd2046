//! Makes events of draws: sensible ones go with what lives, so that things collide, are deleted,
//! made again and renamed over each other; blind ones take any key of a small pool.
//!
//! What lives is known only roughly (as if every transaction took effect at once); the model alone
//! says what an event really does.

use vexfs_replay::event::{Class, EventType, MAX_EVENT_BYTES};

use crate::act::{Act, Entry, Verb};
use crate::script::{Draw, Sense};

const NAMES: [&str; 6] = ["", "a", "b", "c", "A", "a-name-that-is-longer-than-the-others"];

/// Numbers for blind events. Some differ in bits alone that keys of two kinds, or both ends of a
/// link, mix into one hash.
const NUMBERS: [u64; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 3 << 56, 1 << 56, 1 << 32, u64::MAX];

/// How many numbers sensible events use for new things.
const NEW_NUMBERS: u64 = 9;

/// An event header's length in bytes.
const HEADER_BYTES: usize = 32;

/// What there is, roughly.
#[derive(Debug, Default)]
pub(crate) struct Live {
    entries: Vec<(Entry, u64)>,
    inodes: Vec<u64>,
    nodes: Vec<u64>,
    edges: Vec<(u64, (u64, u64))>,
    properties: Vec<(u64, &'static str)>,
    vectors: Vec<u64>,
    mounts: Vec<u64>,
}

/// Picks one of what there is; anything where the event is blind or nothing is there.
fn pick<T: Copy>(draw: &Draw, from: &[T], which: u8, else_any: T) -> T {
    if draw.sense == Sense::Blind || from.is_empty() {
        return else_any;
    }
    from[usize::from(which) % from.len()]
}

fn any_number(pick: u8) -> u64 {
    NUMBERS[usize::from(pick) % NUMBERS.len()]
}

fn name(pick: u8) -> &'static str {
    NAMES[usize::from(pick) % NAMES.len()]
}

/// A number that none of these have; any one where the event is blind.
fn unused(draw: &Draw, used: impl Fn(u64) -> bool, which: u8) -> u64 {
    let first = u64::from(which);
    let mut numbers = (0..NEW_NUMBERS).map(|step| 1 + (first + step) % NEW_NUMBERS);
    let free = numbers.find(|&number| !used(number)).filter(|_| draw.sense == Sense::Sensible);
    free.unwrap_or_else(|| any_number(which))
}

fn small_float(pick: u8) -> f32 {
    [0.0, -0.0, 0.25, -3.5, f32::MAX, f32::INFINITY, f32::NAN][usize::from(pick) % 7]
}

impl Live {
    /// The event that a draw stands for, and notes what comes of it.
    pub(crate) fn act(&mut self, draw: &Draw) -> Act {
        let verb = match draw.event_type.family() {
            _ if draw.event_type.class() == Class::Observation => {
                Verb::Observe(draw.event_type, any_number(draw.picks[0]))
            }
            1 => self.file(draw),
            2 => self.graph(draw),
            3 => self.vector(draw),
            5 => self.mount(draw),
            _ => named(draw),
        };
        self.note(&verb);
        let mut text = draw.text;
        let mut shortest = Vec::new();
        verb.body(&[]).encode(&mut shortest);
        text.bytes = text.bytes.min(MAX_EVENT_BYTES - HEADER_BYTES - shortest.len());
        Act { verb, text }
    }

    fn file(&self, draw: &Draw) -> Verb {
        let [one, two, three, four] = draw.picks;
        let any_entry = (any_number(two), name(three));
        let inode = || pick(draw, &self.inodes, one, any_number(one));
        let (there, named) = pick(draw, &self.entries, one, (any_entry, any_number(four)));
        let taken = |entry| self.entries.iter().any(|&(other, _)| other == entry);
        let places = (0..NAMES.len()).map(|step| (any_number(two % 3), NAMES[step]));
        let free = places.cycle().skip(usize::from(three)).take(NAMES.len());
        let free: Vec<Entry> = free.filter(|&entry| !taken(entry)).take(1).collect();
        let new_entry = pick(draw, &free, 0, any_entry);
        let content = (u32::from(two), three);
        let (offset, length) = (u64::from(two) * 1000, u64::from(three));
        let any_bits = [u32::from(two), u32::from(three), u32::from(four)];
        match draw.event_type {
            EventType::FileDelete => Verb::Delete(there, named),
            EventType::DirectoryDelete => Verb::Rmdir(there, named),
            EventType::HardlinkCreate => Verb::Hardlink(new_entry, inode()),
            EventType::FileWrite if four == 0 => Verb::Write(inode(), u64::MAX, 2, content),
            EventType::FileWrite => Verb::Write(inode(), offset, length, content),
            EventType::FileTruncate => Verb::Truncate(inode(), offset, content),
            EventType::FileChmod => Verb::Chmod(inode(), any_bits[0]),
            EventType::FileChown => Verb::Chown(inode(), any_bits[0], any_bits[1]),
            EventType::FileRename if four % 2 == 0 => {
                let (to, replaced) = pick(draw, &self.entries, two, (any_entry, any_number(four)));
                Verb::Rename { from: there, to, inode: named, replaced }
            }
            EventType::FileRename => {
                Verb::Rename { from: there, to: new_entry, inode: named, replaced: 0 }
            }
            _ => {
                let number = unused(draw, |number| self.inodes.contains(&number), one);
                Verb::New(draw.event_type, new_entry, number, any_bits)
            }
        }
    }

    fn graph(&self, draw: &Draw) -> Verb {
        let [one, two, three, four] = draw.picks;
        let node = |which| pick(draw, &self.nodes, which, any_number(which));
        let any_edge = (any_number(one), (any_number(two), any_number(three)));
        let (edge, ends) = pick(draw, &self.edges, one, any_edge);
        let (kind, weight) = (u32::from(four), small_float(four));
        match draw.event_type {
            EventType::NodeCreate => {
                let number = unused(draw, |number| self.nodes.contains(&number), one);
                Verb::Node(draw.event_type, number, kind)
            }
            EventType::NodeUpdate => Verb::Node(draw.event_type, node(one), kind),
            EventType::NodeDelete => {
                let tied =
                    |node| self.edges.iter().any(|&(_, (from, to))| from == node || to == node);
                let free: Vec<u64> = self.nodes.iter().copied().filter(|&it| !tied(it)).collect();
                Verb::NodeDelete(pick(draw, &free, one, node(one)))
            }
            EventType::EdgeCreate => {
                let taken = |number| self.edges.iter().any(|&(edge, _)| edge == number);
                let number = unused(draw, taken, one);
                Verb::Edge(draw.event_type, number, (node(two), node(three)), kind, weight)
            }
            EventType::EdgeUpdate => Verb::Edge(draw.event_type, edge, ends, kind, weight),
            EventType::EdgeDelete => Verb::EdgeDelete(edge, ends),
            EventType::PropertySet => Verb::Property(node(one), name(two)),
            _ => {
                let any = (any_number(one), name(two));
                let (node, name) = pick(draw, &self.properties, one, any);
                Verb::PropertyDelete(node, name)
            }
        }
    }

    fn vector(&self, draw: &Draw) -> Verb {
        let [one, two, three, four] = draw.picks;
        let there = pick(draw, &self.vectors, one, any_number(one));
        let (source, bits) = ([any_number(two), 7], [u32::from(three), u32::from(four)]);
        match draw.event_type {
            EventType::VectorCreate => {
                let number = unused(draw, |number| self.vectors.contains(&number), one);
                Verb::Vector(draw.event_type, number, source, bits)
            }
            EventType::VectorDelete => Verb::VectorDelete(there),
            EventType::VectorIndex => Verb::Index(there, u64::from(two), u64::from(three)),
            EventType::VectorCluster => Verb::Cluster(there, u64::from(two), small_float(three)),
            _ => Verb::Vector(draw.event_type, there, source, bits),
        }
    }

    fn mount(&self, draw: &Draw) -> Verb {
        let [one, two, three, _] = draw.picks;
        let there = pick(draw, &self.mounts, one, any_number(one));
        match draw.event_type {
            EventType::SystemMount => {
                let number = unused(draw, |number| self.mounts.contains(&number), one);
                Verb::Mount(number, any_number(two), [name(two), name(three)])
            }
            EventType::SystemUnmount => Verb::Unmount(there),
            _ => Verb::Checkpoint(there, u64::from(two)),
        }
    }

    /// Takes in what an event changes about what there is.
    fn note(&mut self, verb: &Verb) {
        match *verb {
            Verb::New(_, entry, inode, _) => {
                self.entries.push((entry, inode));
                self.inodes.push(inode);
            }
            Verb::Hardlink(entry, inode) => self.entries.push((entry, inode)),
            Verb::Delete(entry, inode) | Verb::Rmdir(entry, inode) => {
                self.entries.retain(|&(other, _)| other != entry);
                self.drop_unnamed(inode);
            }
            Verb::Rename { from, to, inode, replaced } => {
                self.entries.retain(|&(other, _)| other != from && other != to);
                self.entries.push((to, inode));
                self.drop_unnamed(replaced);
            }
            Verb::Node(EventType::NodeCreate, node, _) => self.nodes.push(node),
            Verb::NodeDelete(node) => self.nodes.retain(|&other| other != node),
            Verb::Edge(EventType::EdgeCreate, edge, ends, ..) => self.edges.push((edge, ends)),
            Verb::EdgeDelete(edge, _) => self.edges.retain(|&(other, _)| other != edge),
            Verb::Property(node, name) => self.properties.push((node, name)),
            Verb::PropertyDelete(node, name) => {
                self.properties.retain(|&other| other != (node, name));
            }
            Verb::Vector(EventType::VectorCreate, vector, ..) => self.vectors.push(vector),
            Verb::VectorDelete(vector) => self.vectors.retain(|&other| other != vector),
            Verb::Mount(mount, ..) => self.mounts.push(mount),
            Verb::Unmount(mount) => self.mounts.retain(|&other| other != mount),
            _ => {}
        }
    }

    fn drop_unnamed(&mut self, inode: u64) {
        if !self.entries.iter().any(|&(_, named)| named == inode) {
            self.inodes.retain(|&other| other != inode);
        }
    }
}

/// Agents, links and measured values: none is ever deleted, so a small pool is enough.
fn named(draw: &Draw) -> Verb {
    let [one, two, three, four] = draw.picks;
    match draw.event_type {
        EventType::CausalityLink | EventType::SemanticLink => {
            let ends = (any_number(one), any_number(two));
            let bits = [u32::from(three), u32::from(four)];
            Verb::Link(draw.event_type, ends, bits, u64::from(three))
        }
        _ if draw.event_type.family() == 8 => {
            Verb::Measure(draw.event_type, f64::from(small_float(two)), name(one))
        }
        _ => Verb::Agent(draw.event_type, any_number(two), small_float(three), name(one)),
    }
}
