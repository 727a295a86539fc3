//! The FUSE front end: our own session layer on `/dev/fuse` and its bridge to [`tree::Flavour`].
//!
//! [`mount::mount`] makes the mount and gives the device's descriptor, [`Session::start`] serves a flavour on it,
//! [`Session::wait`] ends when the mount is gone.
//!
//! * [`abi`] - the wire format
//! * [`decode`] - requests from bytes; any bytes
//! * [`mod@mount`] - mount and unmount, as root and as an ordinary user
//! * [`session`] - reader threads and the life of a mount
//! * [`notify`] - messages to the kernel that answer no request
//! * `channel` - replies, `parked` - requests that wait and can be interrupted, `bridge` - operations on the tree,
//!   `sweep` - forgetting the dead, `near` - on the CPU of a lone client

#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod abi;
mod bridge;
mod channel;
pub mod decode;
pub mod mount;
mod near;
pub mod notify;
mod parked;
pub mod session;
mod share;
mod sweep;

pub use mount::{mount, umount, MountError, MountOptions};
pub use notify::Notifier;
pub use session::Session;
