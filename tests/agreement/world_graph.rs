//! The world's nodes and edges, vectors and mounts.

use vexfs_replay::event::EventType as Type;
use vexfs_replay::state::{Contradiction, KeyKind};

use crate::act::{Text, Verb};
use crate::records::{Fields, Key, Rest, kind};
use crate::world::World;

fn node_key(node: u64) -> Key {
    Key::Numbered(kind::NODE, node)
}

impl World {
    pub(crate) fn node(&mut self, verb: &Verb, text: Text) {
        match *verb {
            Verb::Node(Type::NodeCreate, node, kind) => {
                let fields = Fields::Node { out: 0, into: 0, kind };
                self.make(node_key(node), KeyKind::Node, fields, Rest::Text(text));
            }
            Verb::Node(_, node, new_kind) => {
                self.change(node_key(node), KeyKind::Node, |record| {
                    record.rest = Rest::Text(text);
                    if let Fields::Node { kind, .. } = &mut record.fields {
                        *kind = new_kind;
                    }
                });
            }
            Verb::NodeDelete(node) => {
                let taken = self.take(node_key(node), KeyKind::Node);
                let tied = |out, into| out > 0 || into > 0;
                if matches!(taken, Some(Fields::Node { out, into, .. }) if tied(out, into)) {
                    self.contradicted(Contradiction::StillTied);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn edge(&mut self, verb: &Verb, text: Text) {
        let key = |edge| Key::Numbered(kind::EDGE, edge);
        match *verb {
            Verb::Edge(Type::EdgeCreate, edge, ends, kind, weight) => {
                let fields = Fields::Edge { ends, kind, weight };
                self.make(key(edge), KeyKind::Edge, fields, Rest::Text(text));
                self.tie(ends.0, |out, _| *out += 1);
                self.tie(ends.1, |_, into| *into += 1);
            }
            Verb::Edge(_, edge, new_ends, new_kind, new_weight) => {
                let mut moved = false;
                self.change(key(edge), KeyKind::Edge, |record| {
                    record.rest = Rest::Text(text);
                    if let Fields::Edge { ends, kind, weight } = &mut record.fields {
                        (*kind, *weight) = (new_kind, new_weight);
                        moved = *ends != new_ends;
                    }
                });
                if moved {
                    self.contradicted(Contradiction::OtherEnds);
                }
            }
            Verb::EdgeDelete(edge, (from, to)) => {
                self.take(key(edge), KeyKind::Edge);
                self.cut(from, |out, _| out);
                self.cut(to, |_, into| into);
            }
            _ => {}
        }
    }

    /// Counts the edges of a node up.
    fn tie(&mut self, node: u64, count: impl FnOnce(&mut u64, &mut u64)) {
        self.change(node_key(node), KeyKind::Node, |record| {
            if let Fields::Node { out, into, .. } = &mut record.fields {
                count(out, into);
            }
        });
    }

    /// Counts the edges of a node down, of which there must be one.
    fn cut(&mut self, node: u64, which: for<'c> fn(&'c mut u64, &'c mut u64) -> &'c mut u64) {
        let mut had_none = false;
        self.tie(node, |out, into| {
            let count = which(out, into);
            had_none = *count == 0;
            *count -= u64::from(!had_none);
        });
        if had_none {
            self.contradicted(Contradiction::NoSuchTie);
        }
    }

    pub(crate) fn vector(&mut self, verb: &Verb, text: Text) {
        let key = |vector| Key::Numbered(kind::VECTOR, vector);
        match *verb {
            Verb::Vector(Type::VectorCreate, vector, source, bits) => {
                let fields = Fields::Vector { source, bits, index: [0, 0], cluster: (0, 0.0) };
                self.make(key(vector), KeyKind::Vector, fields, Rest::Text(text));
            }
            Verb::Vector(_, vector, new_source, new_bits) => {
                self.change(key(vector), KeyKind::Vector, |record| {
                    record.rest = Rest::Text(text);
                    if let Fields::Vector { source, bits, .. } = &mut record.fields {
                        (*source, *bits) = (new_source, new_bits);
                    }
                });
            }
            Verb::Index(vector, number, position) => {
                self.change(key(vector), KeyKind::Vector, |record| {
                    if let Fields::Vector { index, .. } = &mut record.fields {
                        *index = [number, position];
                    }
                });
            }
            Verb::Cluster(vector, number, distance) => {
                self.change(key(vector), KeyKind::Vector, |record| {
                    if let Fields::Vector { cluster, .. } = &mut record.fields {
                        *cluster = (number, distance);
                    }
                });
            }
            Verb::VectorDelete(vector) => {
                self.take(key(vector), KeyKind::Vector);
            }
            _ => {}
        }
    }

    pub(crate) fn mount(&mut self, verb: &Verb) {
        let key = |mount| Key::Numbered(kind::MOUNT, mount);
        match *verb {
            Verb::Mount(mount, flags, places) => {
                let source_bytes = u32::try_from(places[0].len()).unwrap();
                let fields = Fields::Mount { flags, checkpoint: 0, checkpoints: 0, source_bytes };
                self.make(key(mount), KeyKind::Mount, fields, Rest::Places(places));
            }
            Verb::Checkpoint(mount, number) => {
                self.change(key(mount), KeyKind::Mount, |record| {
                    if let Fields::Mount { checkpoint, checkpoints, .. } = &mut record.fields {
                        *checkpoint = number;
                        *checkpoints += 1;
                    }
                });
            }
            Verb::Unmount(mount) => {
                self.take(key(mount), KeyKind::Mount);
            }
            _ => {}
        }
    }
}
