//! The agent, semantic and observability families: keys that are set whether they are there or not,
//! and never removed. Which key is of which event type follows from its number, except for agents,
//! which do all that agents do.

use vexfs_datasets::{Family, Outcome, Touch};

use super::keys::Keys;
use super::output::{Name, Output, percent};
use super::{Population, Step};
use crate::error::Error;
use crate::event::{AgentAction, Body, EventType, Link, Measure};

const AGENT: [EventType; 3] =
    [EventType::AgentDecision, EventType::AgentOrchestration, EventType::AgentLearning];

const SEMANTIC: [EventType; 3] =
    [EventType::CausalityLink, EventType::SemanticLink, EventType::IntentCapture];

const OBSERVABILITY: [EventType; 8] = [
    EventType::Metric,
    EventType::PerformanceCounter,
    EventType::ResourceUsage,
    EventType::Health,
    EventType::Status,
    EventType::Alert,
    EventType::Threshold,
    EventType::ErrorReport,
];

pub(super) struct Upserts {
    family: Family,
    /// Who holds a key is all there is to track.
    keys: Keys<()>,
}

impl Upserts {
    pub(super) fn new(family: Family, keys: u32, lanes: u16) -> Self {
        Self { family, keys: Keys::new(keys, lanes) }
    }

    fn types(&self) -> &'static [EventType] {
        match self.family {
            Family::Agent => &AGENT,
            Family::Semantic => &SEMANTIC,
            _ => &OBSERVABILITY,
        }
    }
}

fn write_action(step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
    let intends = step.event_type == EventType::IntentCapture;
    let agent = Name::new(if intends { "planner-" } else { "agent-" }, step.key);
    let agent = agent.as_bytes();
    let subject = u64::from(touch.other);
    let confidence = f32::from(u8::try_from(percent(touch.word)).unwrap_or(0)) / 100.0;
    out.append_filled(touch, |text| {
        let action = AgentAction { subject, confidence, agent, text };
        match step.event_type {
            EventType::AgentOrchestration => Body::AgentOrchestration(action),
            EventType::AgentLearning => Body::AgentLearning(action),
            EventType::IntentCapture => Body::IntentCapture(action),
            _ => Body::AgentDecision(action),
        }
    })
}

fn write_link(step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
    let from = u64::from(step.key) + 1;
    // Both ends and the kind are the link's key, so they depend on nothing else.
    let (to, kind) = (from * 31 % 65_521 + 1, step.key % 4);
    let strength = u32::try_from(percent(touch.word)).unwrap_or(0);
    let delay_ns = touch.word >> 44;
    out.append_filled(touch, |description| {
        let link = Link { from, to, kind, strength, delay_ns, description };
        match step.event_type {
            EventType::CausalityLink => Body::CausalityLink(link),
            _ => Body::SemanticLink(link),
        }
    })
}

fn write_measure(step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
    let name = Name::new("m", step.key);
    let name = name.as_bytes();
    let value = f64::from(u32::try_from(touch.word >> 44).unwrap_or(0)) / 16.0;
    out.append_filled(touch, |text| {
        let measure = Measure { value, name, text };
        match step.event_type {
            EventType::Alert => Body::Alert(measure),
            EventType::Health => Body::Health(measure),
            EventType::PerformanceCounter => Body::PerformanceCounter(measure),
            EventType::ErrorReport => Body::ErrorReport(measure),
            EventType::Status => Body::Status(measure),
            EventType::ResourceUsage => Body::ResourceUsage(measure),
            EventType::Threshold => Body::Threshold(measure),
            _ => Body::Metric(measure),
        }
    })
}

impl Population for Upserts {
    fn len(&self) -> u32 {
        self.keys.len()
    }

    fn choose(&self, key: u32, touch: &Touch) -> Step {
        let types = self.types();
        let at = match self.family {
            Family::Agent => usize::try_from(percent(touch.word)).unwrap_or(0),
            _ => key as usize,
        };
        Step::new(types[at % types.len()], key)
    }

    fn feasible(&self, step: &Step, transaction: Option<u16>) -> bool {
        let types = self.types();
        let fits = match self.family {
            Family::Agent => types.contains(&step.event_type),
            _ => types[step.key as usize % types.len()] == step.event_type,
        };
        fits && self.keys.usable(step.key, transaction)
    }

    fn write(&mut self, step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        self.keys.change(step.key, touch.transaction);
        match (self.family, step.event_type) {
            (Family::Agent, _) | (_, EventType::IntentCapture) => write_action(step, touch, out),
            (Family::Semantic, _) => write_link(step, touch, out),
            _ => write_measure(step, touch, out),
        }
    }

    fn settle(&mut self, transaction: u16, outcome: Outcome) {
        self.keys.settle(transaction, outcome);
    }
}
