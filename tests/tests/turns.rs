//! One client's long message, and those of the others: all have their turns.

use pfs_tests::{Mount, Target};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Barrier;
use std::time::{Duration, Instant};

const PCSTOP: i64 = 1;
const PCDSTOP: i64 = 2;
const PCRUN: i64 = 5;
const PCWATCH: i64 = 23;
const WA_WRITE: i64 = 2;

fn opened(path: &Path) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

fn longs(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_ne_bytes()).collect()
}

/// Writes a message, and meanwhile another one to another file, again and again: the errno of the first, and how often the other was
/// carried out before it was over.
fn beside(long: (&Path, &[u8]), short: (&Path, &[u8])) -> (Option<i32>, usize) {
    let [mut longs, mut shorts] = [long.0, short.0].map(opened);
    let (begun, over) = (Barrier::new(2), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            begun.wait();
            let written = longs.write_all(long.1);
            over.store(true, SeqCst);
            written.err().and_then(|e| e.raw_os_error())
        });
        begun.wait();
        let mut times = 0;
        while !over.load(SeqCst) {
            shorts.write_all(short.1).unwrap();
            times += 1;
        }
        (writer.join().unwrap(), times)
    })
}

/// So often at least: what nobody waits for is done some hundred times meanwhile, and of those who wait until the end it is one or two.
const OFTEN: usize = 5;

#[test]
fn stops_beside_a_long_message() {
    let mount = Mount::of("solaris", "rw");
    let [one, other] = [(); 2].map(|()| Target::start("count", &[]));
    let [long, short] = [&one, &other].map(|target| mount.path(target.pid(), "ctl"));
    let message = longs(&[PCDSTOP; 20_000]);
    let (errno, times) = beside((&long, &message), (&short, &longs(&[PCSTOP, PCRUN, 0])));
    assert_eq!(errno, None);
    assert!(times > OFTEN, "{times}");
    one.stands(16);
    other.counts(16);
}

#[test]
fn the_ends_of_calls_wanted_again_and_again() {
    const PAIRS: u32 = 400;
    let mount = Mount::new();
    let [one, other] = [(); 2].map(|()| Target::start("count", &[]));
    let [long, short] = [&one, &other].map(|target| mount.path(target.pid(), "ctl"));
    let message = "trace out getpid\ntrace out none\n".repeat(PAIRS as usize);
    let since = Instant::now();
    assert_eq!(beside((&long, message.as_bytes()), (&short, b"stop\nrun")).0, None);
    assert!(since.elapsed() < Duration::from_millis(4) * PAIRS, "{:?}", since.elapsed());
    one.counts(16);
    other.counts(16);
}

#[test]
fn stops_beside_many_watched_areas() {
    const AREAS: usize = 1000;
    let mount = Mount::of("solaris", "rw");
    let (one, other) = (Target::start("paged", &["private"]), Target::start("count", &[]));
    let start = one.numbers()[0] as i64;
    let [long, short] = [one.pid(), other.pid()].map(|pid| mount.path(pid, "ctl"));
    let area = |n: usize| longs(&[PCWATCH, start + 2 * n as i64, 1, WA_WRITE]);
    let message: Vec<u8> = (0..AREAS).flat_map(area).collect();
    opened(&long).write_all(&longs(&[PCSTOP])).unwrap();
    let (errno, times) = beside((&long, &message), (&short, &longs(&[PCSTOP, PCRUN, 0])));
    assert_eq!(errno, None);
    assert_eq!(mount.read(one.pid(), "watch").unwrap().len(), AREAS * 24);
    assert!(times > OFTEN, "{times}");
}
