//! Records, keys and paths in a form for people and for JSON.

use serde_json::{Value, json};
use vexfs_replay::event::EventType;
use vexfs_replay::state::{
    AgentRecord, EdgeRecord, EntryRecord, InodeRecord, Key, KeyKind, LinkRecord, MetricRecord,
    MountRecord, NodeRecord, PropertyRecord, VectorRecord,
};

/// A path as git prints it: as it is, or in double quotes with C escapes where it has bytes that
/// are not plain.
pub(crate) fn quote_path(path: &[u8]) -> String {
    let plain = |&byte: &u8| (0x20..0x7F).contains(&byte) && byte != b'"' && byte != b'\\';
    if path.iter().all(plain) {
        return path.iter().map(|&byte| char::from(byte)).collect();
    }
    let mut quoted = String::from('"');
    for &byte in path {
        match byte {
            0x07 => quoted.push_str("\\a"),
            0x08 => quoted.push_str("\\b"),
            b'\t' => quoted.push_str("\\t"),
            b'\n' => quoted.push_str("\\n"),
            0x0B => quoted.push_str("\\v"),
            0x0C => quoted.push_str("\\f"),
            b'\r' => quoted.push_str("\\r"),
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            _ if plain(&byte) => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\{byte:03o}")),
        }
    }
    quoted.push('"');
    quoted
}

/// A record as a JSON object, its key in front.
pub(crate) fn describe(key: &Key<'_>, value: &[u8]) -> Value {
    let mut object = describe_value(key.kind, value);
    object["kind"] = json!(key.kind);
    object["id"] = json!(key.id);
    match key.kind {
        KeyKind::Link => object["to"] = json!(key.second),
        KeyKind::Metric => {
            let code = u16::try_from(key.id).unwrap_or(0);
            object["type"] = json!(EventType::from_code(code).map(EventType::name));
        }
        _ => {}
    }
    if !key.name.is_empty() {
        object["name"] = json!(String::from_utf8_lossy(key.name));
    }
    object
}

/// Bytes of any kind: as text where they are plain text, else in hexadecimal.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => json!({ "text": text }),
        _ => json!({ "hex": hex::encode(bytes) }),
    }
}

fn describe_value(kind: KeyKind, value: &[u8]) -> Value {
    match kind {
        KeyKind::Inode => {
            let it = InodeRecord::read(value);
            json!({
                "changed_lsn": it.changed_lsn, "changed_ns": it.changed_ns, "size": it.size,
                "links": it.links, "mode": format!("{:06o}", it.mode), "uid": it.uid,
                "gid": it.gid, "content_kind": it.content_kind,
                "content": hex::encode(it.content), "target": bytes(&value[InodeRecord::BYTES..]),
            })
        }
        KeyKind::Entry => {
            let it = EntryRecord::read(value);
            json!({ "changed_lsn": it.changed_lsn, "inode": it.inode })
        }
        KeyKind::Node => {
            let it = NodeRecord::read(value);
            json!({
                "changed_lsn": it.changed_lsn, "out_degree": it.out_degree,
                "in_degree": it.in_degree, "node_kind": it.kind,
                "data": bytes(&value[NodeRecord::BYTES..]),
            })
        }
        KeyKind::Edge => {
            let it = EdgeRecord::read(value);
            json!({
                "changed_lsn": it.changed_lsn, "from": it.from, "to": it.to, "edge_kind": it.kind,
                "weight": it.weight, "data": bytes(&value[EdgeRecord::BYTES..]),
            })
        }
        KeyKind::Property => {
            let it = PropertyRecord::read(value);
            let value = bytes(&value[PropertyRecord::BYTES..]);
            json!({ "changed_lsn": it.changed_lsn, "value": value })
        }
        KeyKind::Vector => {
            let it = VectorRecord::read(value);
            json!({
                "changed_lsn": it.changed_lsn, "source": it.source, "model": it.model,
                "index": it.index, "index_position": it.index_position, "cluster": it.cluster,
                "cluster_distance": it.cluster_distance, "dimensions": it.dimensions,
                "element": it.element, "data": hex::encode(&value[VectorRecord::BYTES..]),
            })
        }
        KeyKind::Agent => {
            let it = AgentRecord::read(value);
            json!({
                "changed_lsn": it.changed_lsn, "subject": it.subject, "decisions": it.decisions,
                "orchestrations": it.orchestrations, "learnings": it.learnings,
                "intents": it.intents, "confidence": it.confidence,
                "last_type": EventType::from_code(it.last_type).map(EventType::name),
                "last": bytes(&value[AgentRecord::BYTES..]),
            })
        }
        KeyKind::Mount => {
            let it = MountRecord::read(value);
            let places = &value[MountRecord::BYTES..];
            let (source, target) = places.split_at(places.len().min(it.source_bytes as usize));
            let (source, target) = (bytes(source), bytes(target));
            json!({
                "changed_lsn": it.changed_lsn, "flags": it.flags, "checkpoint": it.checkpoint,
                "checkpoints": it.checkpoints, "source": source, "target": target,
            })
        }
        KeyKind::Metric => {
            let it = MetricRecord::read(value);
            json!({
                "changed_lsn": it.changed_lsn, "changed_ns": it.changed_ns, "count": it.count,
                "value": it.value, "text": bytes(&value[MetricRecord::BYTES..]),
            })
        }
        KeyKind::Link => {
            let it = LinkRecord::read(value);
            json!({
                "changed_lsn": it.changed_lsn, "count": it.count, "delay_ns": it.delay_ns,
                "link_kind": it.kind, "strength": it.strength,
                "description": bytes(&value[LinkRecord::BYTES..]),
            })
        }
    }
}
