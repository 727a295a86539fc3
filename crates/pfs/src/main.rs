//! The command `pfs`.

fn main() -> std::process::ExitCode {
    pfs::main()
}
