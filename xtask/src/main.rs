//! Tasks of the project: `cargo xtask test|bench|docs|man`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const USAGE: &str = "\
cargo xtask TASK

    test [ARG...]    all tests (./test)
    bench [ARG...]   the benchmarks
    docs             manual pages and completions into the target directory
    man              the same manual pages alone
";

type Result = std::result::Result<(), String>;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match task.as_str() {
        "test" => run(Command::new("./test").args(rest)),
        "bench" => run(cargo().args(["run", "--release", "--package", "pfs-benches", "--"]).args(rest)),
        "docs" => man().and_then(|()| completions()),
        "man" => man(),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprint!("xtask: unknown task {other:?}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask {task}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn run(command: &mut Command) -> Result {
    match command.current_dir(root()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{:?}: {status}", command.get_program())),
        Err(e) => Err(format!("{:?}: {e}", command.get_program())),
    }
}

fn pfs() -> std::result::Result<Command, String> {
    run(cargo().args(["build", "--quiet", "--package", "pfs"]))?;
    Ok(Command::new(target().join("debug/pfs")))
}

fn man() -> Result {
    let dir = target().join("man/man1");
    run(pfs()?.arg("man").arg(&dir))?;
    println!("{}", dir.display());
    formats()
}

/// The pages about file formats are written by hand.
fn formats() -> Result {
    let (from, to) = (root().join("docs/man"), target().join("man/man5"));
    let failed = |e: std::io::Error| format!("{}: {e}", to.display());
    std::fs::create_dir_all(&to).map_err(failed)?;
    for page in std::fs::read_dir(&from).map_err(failed)? {
        let page = page.map_err(failed)?;
        std::fs::copy(page.path(), to.join(page.file_name())).map_err(failed)?;
    }
    println!("{}", to.display());
    Ok(())
}

fn completions() -> Result {
    let dir = target().join("completions");
    let failed = |e: std::io::Error| format!("{}: {e}", dir.display());
    std::fs::create_dir_all(&dir).map_err(failed)?;
    for (shell, name) in [("bash", "pfs"), ("zsh", "_pfs"), ("fish", "pfs.fish"), ("elvish", "pfs.elv")] {
        let file = std::fs::File::create(dir.join(name)).map_err(failed)?;
        run(pfs()?.args(["completions", shell]).stdout(Stdio::from(file)))?;
    }
    println!("{}", dir.display());
    Ok(())
}
