//! `pfs shutdown`.

use crate::cli::Shutdown;
use crate::control::{connect, Answer, Request};
use crate::runtime::Runtime;
use anyhow::{bail, Result};
use serde::Serialize;

#[derive(Serialize)]
struct Done {
    daemon: Option<u32>,
    unmounted: usize,
}

pub(super) fn run(args: &Shutdown) -> Result<()> {
    let done = match connect(&Runtime::find()?)? {
        None => Done { daemon: None, unmounted: 0 },
        Some((mut conn, pid)) => match conn.ask(&Request::Shutdown, None)? {
            Answer::Stopped { mounts } => {
                conn.wait_gone()?;
                Done { daemon: Some(pid), unmounted: mounts }
            }
            other => bail!("shutdown: the daemon answered {other:?}"),
        },
    };
    if args.json {
        return super::print_json(&done);
    }
    super::print(&match done.daemon {
        None => "no daemon runs\n".to_owned(),
        Some(pid) => format!("daemon {pid} has ended, mounts unmounted: {}\n", done.unmounted),
    })
}
