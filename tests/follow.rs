//! Following a journal while another thread writes it: what is applied is durable, nothing is missed,
//! and the end is the seal.

#[cfg(test)]
#[path = "follow/standby.rs"]
mod standby;
