//! Coordinations in a simulated world, one for each seed: whatever goes wrong, all come to one consistent cut, or
//! stay where they were for a reason that is told; never both, and always to an end once nothing goes wrong any
//! more. `COORDINATION_SEEDS` says how many there are; `COORDINATION_SEED` plays one alone, and tells it.

#[cfg(test)]
#[path = "coordination_simulation/counts.rs"]
mod counts;
#[cfg(test)]
#[path = "coordination_simulation/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "coordination_simulation/generate.rs"]
mod generate;
#[cfg(test)]
#[path = "coordination_simulation/model.rs"]
mod model;
#[cfg(test)]
#[path = "coordination_simulation/oracle.rs"]
mod oracle;
#[cfg(test)]
#[path = "coordination_simulation/seeds.rs"]
mod seeds;
#[cfg(test)]
#[path = "coordination_simulation/world.rs"]
mod world;
