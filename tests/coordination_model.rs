//! Every state that a coordination of one, two or three participants can come to, with everything that can go
//! wrong between any two steps, within small budgets: never two ends of one coordination, never an end at which
//! somebody isn't where all are; and from every state, once nothing goes wrong any more, it comes to an end.

#[cfg(test)]
#[path = "coordination_model/explore.rs"]
mod explore;
#[cfg(test)]
#[path = "coordination_model/node.rs"]
mod node;
#[cfg(test)]
#[path = "coordination_model/state.rs"]
mod state;
