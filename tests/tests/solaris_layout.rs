//! The C headers in `include/solaris`: the layouts that the records of `abi` have, and the numbers in `layout/`, whatever headers of
//! libc and dialects they are used with, and programs for Solaris as they are. Needs gcc for C and C++ and both data models; no
//! mount.

use pfs_tests::{bounded, TempDir, PATIENCE};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const LAYOUT: &str = include_str!("../../crates/abi/src/solaris/layout.txt");
const NUMBERS: &str = include_str!("../layout/solaris_numbers.txt");

/// What a program may include beside ours.
const HEADERS: [&str; 17] = [
    "signal.h",
    "sys/types.h",
    "sys/stat.h",
    "unistd.h",
    "fcntl.h",
    "poll.h",
    "sys/wait.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
    "errno.h",
    "pthread.h",
    "sys/ucontext.h",
    "sys/ptrace.h",
    "sys/time.h",
    "sys/resource.h",
    "thread_db.h",
];

const STANDARDS: [&str; 5] = ["c99", "c11", "gnu11", "gnu17", "c++17"];

/// Names that stay libc's with `PFS_KEEP_LIBC_TYPES`, and ours for them.
const OWN: [(&str, &str); 6] = [
    ("sigset_t", "prsigset_t"),
    ("siginfo_t", "prsiginfo_t"),
    ("stack_t", "prstack_t"),
    ("struct sigaction", "struct pr_sigaction"),
    ("prgregset_t", "pr_gregset_t"),
    ("prfpregset_t", "pr_fpregset_t"),
];

/// A way to compile.
#[derive(Clone, Copy, Debug)]
struct Dialect {
    standard: &'static str,
    bits: u32,
    gnu: bool,
    /// 64-bit files and times in 32-bit programs.
    large: bool,
    /// The names stay libc's.
    keep: bool,
}

const PLAIN: Dialect = Dialect { standard: "gnu17", bits: 64, gnu: false, large: false, keep: false };

impl Dialect {
    fn is_cxx(&self) -> bool {
        self.standard.starts_with("c++")
    }

    fn all() -> Vec<Dialect> {
        let mut all = Vec::new();
        for standard in STANDARDS {
            for mask in 0..16 {
                let bit = |n: u32| mask >> n & 1 == 1;
                let bits = if bit(0) { 32 } else { 64 };
                all.push(Dialect { standard, bits, gnu: bit(1), large: bit(2), keep: bit(3) });
            }
        }
        all
    }

    fn gcc(&self) -> Command {
        let mut gcc = Command::new("gcc");
        gcc.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]).arg(root().join("include/solaris"));
        gcc.arg(format!("-std={}", self.standard)).arg(format!("-m{}", self.bits));
        if self.is_cxx() {
            // The C++ headers around libc's are often there for one model only.
            gcc.args(["-x", "c++", "-nostdinc++"]);
        } else {
            gcc.args(["-x", "c"]);
        }
        if self.gnu && !self.is_cxx() {
            gcc.arg("-D_GNU_SOURCE");
        }
        if self.large {
            gcc.args(["-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"]);
        }
        if self.keep {
            gcc.arg("-DPFS_KEEP_LIBC_TYPES");
        }
        gcc
    }

    fn check(&self, text: &str) -> Output {
        with_input(self.gcc().args(["-fsyntax-only", "-"]), text)
    }

    fn must_compile(&self, text: &str, what: &str) {
        let out = self.check(text);
        assert!(out.status.success(), "{what}, {self:?}:\n{}", head(&out.stderr));
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn head(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().take(30).collect::<Vec<_>>().join("\n")
}

fn with_input(command: &mut Command, text: &str) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("gcc starts");
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(text.as_bytes()));
        child.wait_with_output().unwrap()
    })
}

/// On all processors.
fn each<T: Sync>(jobs: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(job);
                }
            });
        }
    });
}

fn includes(headers: &[&str]) -> String {
    headers.iter().map(|h| format!("#include <{h}>\n")).collect()
}

/// The rows of a table, in words.
fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).map(|l| l.split_whitespace().collect())
}

/// The two columns of a model behind the names of a row; None if it does not have the row.
fn column(row: &[&str], first: usize, width: usize, bits: u32) -> Option<Vec<i64>> {
    let from = if bits == 64 { first } else { first + width };
    assert_eq!(row.len(), first + 2 * width, "{row:?}");
    let number = |word: &&str| match word.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).unwrap(),
        None => word.parse().unwrap_or_else(|_| panic!("{row:?}")),
    };
    let words = &row[from..from + width];
    (words[0] != "-").then(|| words.iter().map(number).collect())
}

/// What the tables say of a dialect: a C expression, its value and what it is called.
fn claims(dialect: &Dialect) -> Vec<(String, i64, String)> {
    let mut claims = Vec::new();
    for mut row in rows(LAYOUT) {
        match row.last() {
            // Only records have it.
            Some(&"R") => continue,
            Some(&"C") => drop(row.pop()),
            _ => {}
        }
        let Some(numbers) = column(&row, 2, 2, dialect.bits) else { continue };
        let mut kind = row[0].replace("struct_", "struct ");
        if dialect.keep {
            if let Some((_, own)) = OWN.iter().find(|(name, _)| *name == kind) {
                kind = (*own).to_owned();
            }
        }
        let (place, length) = match row[1] {
            "sizeof" => (format!("sizeof({kind})"), Some(format!("ALIGNOF({kind})"))),
            field => {
                let length = (numbers[1] != 0).then(|| format!("sizeof((({kind} *)0)->{field})"));
                (format!("offsetof({kind}, {field})"), length)
            }
        };
        claims.push((place, numbers[0], format!("{} {}: 1st", row[0], row[1])));
        if let Some(length) = length {
            claims.push((length, numbers[1], format!("{} {}: 2nd", row[0], row[1])));
        }
    }
    for row in rows(NUMBERS) {
        if dialect.keep && ["SA_", "SI_", "REG_"].iter().any(|own| row[0].starts_with(own)) {
            continue;
        }
        if let Some(numbers) = column(&row, 1, 1, dialect.bits) {
            claims.push((row[0].to_owned(), numbers[0], format!("{}: value", row[0])));
        }
    }
    claims
}

const ASSERT: &str = "\
#ifdef __cplusplus
#define ALIGNOF(type) alignof(type)
#define SAME(a, b, what) static_assert((long)(a) == (b), what)
#else
#define ALIGNOF(type) _Alignof(type)
#define SAME(a, b, what) __extension__ _Static_assert((long)(a) == (b), what)
#endif
";

fn asserted(claims: &[(String, i64, String)]) -> String {
    let mut text = String::from(ASSERT);
    for (expression, value, what) in claims {
        writeln!(text, "SAME({expression}, {value}, \"{what}\");").unwrap();
    }
    text
}

const OURS: [&str; 3] = ["procfs.h", "sys/sysi86.h", "stddef.h"];

#[test]
fn layouts_and_numbers_are_those_of_the_tables() {
    assert!(rows(LAYOUT).count() > 300 && rows(NUMBERS).count() > 250);
    each(&[64, 32], |bits| {
        let dialect = Dialect { bits: *bits, ..PLAIN };
        dialect.must_compile(&(includes(&OURS) + &asserted(&claims(&dialect))), "tables");
    });
}

#[test]
fn each_wrong_number_is_found() {
    for bits in [64, 32] {
        let dialect = Dialect { bits, ..PLAIN };
        let mut wrong = claims(&dialect);
        wrong.iter_mut().for_each(|claim| claim.1 += 1);
        let out = dialect.check(&(includes(&OURS) + &asserted(&wrong)));
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success());
        // Not that something else is wrong.
        let errors = said.lines().filter(|l| l.contains(" error: ")).count();
        assert_eq!(errors, wrong.len(), "{}", head(said.as_bytes()));
        for (_, _, what) in wrong {
            assert!(said.contains(&format!("error: static assertion failed: \"{what}\"")), "{what}");
        }
    }
}

#[test]
fn they_go_with_all_headers_in_any_order_in_all_dialects() {
    let mut turned: Vec<&str> = HEADERS.to_vec();
    turned.reverse();
    let orders = [
        [&OURS[..], &HEADERS[..]].concat(),
        [&HEADERS[..], &OURS[..]].concat(),
        [&turned[..8], &OURS[..], &turned[8..], &["proc_service.h", "sys/procfs.h"][..]].concat(),
    ];
    let mut jobs = Vec::new();
    for (n, dialect) in Dialect::all().into_iter().enumerate() {
        for (o, order) in orders.iter().enumerate() {
            // One order is enough where the names are left alone.
            if !dialect.keep || n % orders.len() == o {
                jobs.push((dialect, order));
            }
        }
    }
    each(&jobs, |(dialect, order)| {
        dialect.must_compile(&(includes(order) + &asserted(&claims(dialect))), &order.join(" "));
    });
}

#[test]
fn they_go_with_each_header_alone() {
    let mut jobs = Vec::new();
    for header in HEADERS.into_iter().chain(["ucontext.h", "spawn.h", "syscall.h", "sys/syscall.h", "sys/auxv.h"]) {
        for bits in [64, 32] {
            jobs.push((bits, [header, "procfs.h", header]));
            jobs.push((bits, ["procfs.h", header, "procfs.h"]));
        }
    }
    each(&jobs, |(bits, order)| {
        let rest = "pstatus_t status; siginfo_t *info = &status.pr_lwp.pr_info; long r = SYS_read;\n";
        Dialect { bits: *bits, ..PLAIN }.must_compile(&(includes(order) + rest), &order.join(" "));
    });
}

#[test]
fn each_header_of_ours_stands_alone() {
    let ours = [
        "procfs.h",
        "siginfo.h",
        "proc_service.h",
        "thread_db.h",
        "sys/auxv.h",
        "sys/fault.h",
        "sys/priv.h",
        "sys/procfs.h",
        "sys/regset.h",
        "sys/secflags.h",
        "sys/siginfo.h",
        "sys/syscall.h",
        "sys/sysi86.h",
        "sys/time_impl.h",
        "sys/types.h",
    ];
    let jobs: Vec<_> = ours.iter().flat_map(|h| STANDARDS.map(|standard| (h, standard))).collect();
    each(&jobs, |(header, standard)| {
        for bits in [64, 32] {
            let dialect = Dialect { standard, bits, ..PLAIN };
            dialect.must_compile(&(includes(&[header, header]) + "int main(void) { return 0; }\n"), header);
        }
    });
}

#[test]
fn bare_names_of_registers_are_asked_for() {
    let ask = "#define PFS_I386_REGISTER_NAMES\n";
    let use_them = "int pc[] = { EIP, UESP, EAX, CS };\n";
    let dialect = Dialect { bits: 32, ..PLAIN };
    dialect.must_compile(&(ask.to_owned() + &includes(&OURS) + use_them), "EIP");
    dialect.must_compile(&(includes(&OURS) + "enum { EIP, UESP, EAX, CS, ERR };\n"), "no EIP");
}

/// Macros after these headers that begin so: name, and what it stands for.
fn macros(dialect: &Dialect, headers: &[&str], prefix: &str) -> Vec<(String, String)> {
    let out = with_input(dialect.gcc().args(["-E", "-dM", "-"]), &includes(headers));
    assert!(out.status.success(), "{}", head(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let words = |l: &str| l.split_once(' ').map(|(name, text)| (name.to_owned(), text.to_owned()));
    text.lines().filter_map(|l| l.strip_prefix("#define ")?.strip_prefix(prefix).and_then(words)).collect()
}

#[test]
fn calls_are_linux_numbers_and_one_of_the_table_of_the_model() {
    for bits in [64, 32] {
        let dialect = Dialect { bits, ..PLAIN };
        let linux = macros(&dialect, &["asm/unistd.h"], "__NR_");
        assert!(linux.len() > 300);
        let claims: Vec<_> = linux
            .iter()
            .map(|(name, number)| (format!("SYS_{name}"), number.parse::<i64>().unwrap() + 1, name.clone()))
            .collect();
        let headers = ["sys/syscall.h", "syscall.h", "unistd.h", "sys/procfs.h"];
        dialect.must_compile(&(includes(&headers) + &asserted(&claims)), "system calls");
        // And no other that came from libc.
        let ours: BTreeSet<String> = macros(&dialect, &headers, "SYS_").into_iter().map(|(name, _)| name).collect();
        assert_eq!(ours, linux.into_iter().map(|(name, _)| name).collect());
    }
}

#[test]
fn programs_for_solaris_compile_as_they_are() {
    let mut jobs = Vec::new();
    for name in ["compile_status.c", "compile_truss.c"] {
        for standard in ["gnu99", "gnu17"] {
            for mask in 0..8 {
                let bits = if mask & 1 == 0 { 64 } else { 32 };
                jobs.push((name, Dialect { standard, bits, gnu: mask & 2 != 0, large: mask & 4 != 0, keep: false }));
            }
        }
    }
    each(&jobs, |(name, dialect)| {
        let source = std::fs::read_to_string(root().join("tests/solaris").join(name)).unwrap();
        let out = with_input(dialect.gcc().args(["-O2", "-c", "-o", "/dev/null", "-"]), &source);
        assert!(out.status.success(), "{name}, {dialect:?}:\n{}", head(&out.stderr));
    });
}

#[test]
fn names_of_libc_work_with_our_types() {
    let dir = TempDir::new();
    let source = root().join("tests/solaris/names.c");
    let mut jobs = Vec::new();
    for standard in ["c99", "gnu17", "c++17"] {
        for mask in 0..8 {
            let bits = if mask & 1 == 0 { 64 } else { 32 };
            jobs.push(Dialect { standard, bits, gnu: true, large: mask & 2 != 0, keep: mask & 4 != 0 });
        }
    }
    let count = AtomicUsize::new(0);
    each(&jobs, |dialect| {
        let binary = dir.path().join(count.fetch_add(1, Ordering::Relaxed).to_string());
        let out = dialect.gcc().args(["-O2", "-D_FORTIFY_SOURCE=2", "-o"]).arg(&binary).arg(&source).output().unwrap();
        assert!(out.status.success(), "{dialect:?}:\n{}", head(&out.stderr));
        let out = bounded(&mut Command::new(&binary), PATIENCE);
        assert!(out.status.success(), "{dialect:?}: {}\n{}", out.status, head(&out.stderr));
    });
}
