//! Observations: events that are counted and never applied, and so presuppose nothing.

use vexfs_datasets::{Family, Touch};

use super::output::{Name, Output, percent};
use crate::error::Error;
use crate::event::{
    AgentAction, Audit, Body, EventType, FileRead, LogLine, MountRef, Optimization, RecoveryRun,
    Search, Similarity, Span, Traversal,
};

/// An observation of the touched key's family.
pub(super) fn choose(touch: &Touch) -> EventType {
    let types: &[EventType] = match touch.family {
        Family::Filesystem => &[EventType::FileRead],
        Family::Graph => &[EventType::GraphTraverse, EventType::GraphQuery],
        Family::Vector => &[EventType::VectorSearch, EventType::VectorSimilarity],
        Family::Agent => {
            &[EventType::AgentQuery, EventType::AgentReasoning, EventType::AgentInteraction]
        }
        Family::System => {
            &[EventType::SystemSync, EventType::SystemRecovery, EventType::SystemOptimization]
        }
        Family::Semantic => &[EventType::ContextSwitch],
        Family::Observability => {
            &[EventType::Log, EventType::SpanStart, EventType::SpanEnd, EventType::AuditTrail]
        }
    };
    types[usize::try_from(percent(touch.word)).unwrap_or(0) % types.len()]
}

/// Writes an observation of this type.
pub(super) fn write(
    event_type: EventType,
    touch: &Touch,
    out: &mut Output<'_, '_>,
) -> Result<(), Error> {
    let (number, small) = (u64::from(touch.key) + 1, percent(touch.word));
    let small_u32 = u32::try_from(small).unwrap_or(0);
    let share = f32::from(u8::try_from(small).unwrap_or(0)) / 100.0;
    let body = match event_type {
        EventType::FileRead => {
            let length = u64::from(touch.payload_bytes);
            Body::FileRead(FileRead { inode: number + 1, offset: small * 4096, length })
        }
        EventType::GraphTraverse => {
            let (depth, visited) = (1 + small_u32 % 6, small_u32);
            Body::GraphTraverse(Traversal { start: number, depth, visited })
        }
        EventType::VectorSimilarity => {
            let right = u64::from(touch.other) + 1;
            Body::VectorSimilarity(Similarity { left: number, right, score: share })
        }
        EventType::SystemSync => Body::SystemSync(MountRef { mount: number }),
        EventType::SystemRecovery => {
            let duration_ns = touch.word >> 32;
            Body::SystemRecovery(RecoveryRun { events: out.generated.events, duration_ns })
        }
        _ => return write_filled(event_type, touch, out),
    };
    out.append(touch, &body)
}

/// Writes an observation of a type that has room for bytes.
fn write_filled(
    event_type: EventType,
    touch: &Touch,
    out: &mut Output<'_, '_>,
) -> Result<(), Error> {
    let (number, small) = (u64::from(touch.key) + 1, percent(touch.word));
    let level = u32::try_from(small).unwrap_or(0) % 8;
    let confidence = f32::from(u8::try_from(small).unwrap_or(0)) / 100.0;
    let name = Name::new("agent-", touch.key);
    let name = name.as_bytes();
    let span = touch.word >> 1 | 1;
    out.append_filled(touch, |text| {
        let action = AgentAction { subject: number, confidence, agent: name, text };
        let search = Search { results: small, query: text };
        match event_type {
            EventType::GraphQuery => Body::GraphQuery(search),
            EventType::VectorSearch => Body::VectorSearch(search),
            EventType::AgentQuery => Body::AgentQuery(action),
            EventType::AgentReasoning => Body::AgentReasoning(action),
            EventType::AgentInteraction => Body::AgentInteraction(action),
            EventType::SystemOptimization => {
                Body::SystemOptimization(Optimization { saved_bytes: small * 4096, text })
            }
            EventType::ContextSwitch => Body::ContextSwitch(action),
            EventType::SpanStart => Body::SpanStart(Span { span, parent: number, name: text }),
            EventType::SpanEnd => Body::SpanEnd(Span { span, parent: number, name: text }),
            EventType::AuditTrail => Body::AuditTrail(Audit { subject: number, actor: name, text }),
            _ => Body::Log(LogLine { level, text }),
        }
    })
}
