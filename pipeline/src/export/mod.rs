//! Turns journals into what other programs read. One module per foreign format.

mod semj;

pub use semj::{SemjExportOptions, SemjExported, export_semj};
