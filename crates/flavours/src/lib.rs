//! The flavours: one folder each, one file a node.

pub mod linux;

use std::sync::Arc;
use tree::Flavour;

/// The flavour of this name, as given to `-t`; `linux` takes its options from there. None if there is no such flavour.
pub fn by_name(name: &str, options: linux::Options, engine: engine::Engine) -> Option<Arc<dyn Flavour>> {
    match name {
        "linux" => Some(Arc::new(linux::Linux::new(options, engine))),
        _ => None,
    }
}
