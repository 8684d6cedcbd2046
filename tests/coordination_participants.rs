//! Participants of a coordination, each with something real that is damaged: after it all stand at one cut, or
//! everything is as it was, whatever fails in between.

#[cfg(test)]
#[path = "coordination_participants/cuts.rs"]
mod cuts;
#[cfg(test)]
#[path = "coordination_participants/direct.rs"]
mod direct;
#[cfg(test)]
#[path = "coordination_participants/failures.rs"]
mod failures;
#[cfg(test)]
#[path = "coordination_participants/kernel.rs"]
mod kernel;
#[cfg(test)]
#[path = "coordination_participants/limited.rs"]
mod limited;
#[cfg(test)]
#[path = "coordination_participants/service.rs"]
mod service;
#[cfg(test)]
#[path = "coordination_participants/world.rs"]
mod world;
