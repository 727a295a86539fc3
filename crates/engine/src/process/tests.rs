use super::*;
use crate::seat::Opener;
use abi::syscall::Abi;
use proptest::prelude::*;

fn one(seats: u64) -> Process {
    let mut p = Process::new(10);
    for id in 1..=seats {
        p.seats.insert(id, Seat::new("test", true, Opener::default(), None));
    }
    p
}

fn seat(p: &mut Process, id: SeatId) -> &mut Seat {
    p.seats.get_mut(&id).unwrap()
}

fn sig(signo: i32, code: i32) -> Report {
    let info = SigInfo { signo, code, ..SigInfo::default() };
    Report::Signal(info, abi::fault::of_signal(signo, code))
}

#[test]
fn stop_and_run() {
    let mut p = one(1);
    seat(&mut p, 1).hold = true;
    p.attached(10);
    p.attached(11);
    assert_eq!(p.settle(), [Action::Interrupt(10), Action::Interrupt(11)]);
    p.report(10, Report::Trap);
    assert!(p.settle().is_empty() && !p.at_rest());
    p.report(11, Report::Trap);
    assert!(p.settle().is_empty() && p.at_rest());
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Detach(10, 0), Action::Detach(11, 0)]);
}

#[test]
fn runs_only_when_no_seat_holds() {
    let mut p = one(2);
    seat(&mut p, 1).hold = true;
    seat(&mut p, 2).hold = true;
    p.attached(10);
    p.settle();
    p.report(10, Report::Trap);
    seat(&mut p, 1).hold = false;
    assert!(p.settle().is_empty());
    seat(&mut p, 2).hold = false;
    assert_eq!(p.settle(), [Action::Detach(10, 0)]);
}

#[test]
fn signal_nobody_wants_passes_on_at_once() {
    let mut p = one(1);
    seat(&mut p, 1).signals.add(2);
    p.attached(10);
    assert!(p.settle().is_empty());
    p.report(10, sig(15, 0));
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 15)]);
    p.report(10, sig(2, 0));
    assert!(p.settle().is_empty());
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 2)]);
}

#[test]
fn fault_first_then_its_signal() {
    let mut p = one(1);
    seat(&mut p, 1).faults.add(abi::fault::BOUNDS as u64);
    seat(&mut p, 1).signals.add(11);
    p.attached(10);
    p.report(10, sig(11, 1));
    assert!(p.settle().is_empty());
    assert_eq!(seat(&mut p, 1).why.as_ref().unwrap().1.word(), "fault");
    seat(&mut p, 1).hold = false;
    assert!(p.settle().is_empty());
    assert_eq!(seat(&mut p, 1).why.as_ref().unwrap().1.word(), "signal");
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 11)]);
}

#[test]
fn a_cleared_fault_has_no_signal() {
    let mut p = one(1);
    seat(&mut p, 1).faults.add(abi::fault::BOUNDS as u64);
    seat(&mut p, 1).signals.add(11);
    p.attached(10);
    p.report(10, sig(11, 1));
    p.settle();
    p.threads.get_mut(&10).unwrap().owed = 0;
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 0)]);
}

#[test]
fn group_stop_is_listened_to_never_continued() {
    let mut p = one(1);
    seat(&mut p, 1).signals.add(2);
    p.attached(10);
    p.report(10, Report::Group(libc::SIGSTOP));
    assert_eq!(p.settle(), [Action::Listen(10)]);
    seat(&mut p, 1).hold = true;
    assert_eq!(p.settle(), [Action::Interrupt(10)]);
    p.report(10, Report::Group(libc::SIGSTOP));
    assert!(p.settle().is_empty());
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Listen(10)]);
    p.report(10, Report::Trap);
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 0)]);
}

#[test]
fn an_interrupt_lost_to_another_stop_is_sent_again() {
    let mut p = one(2);
    seat(&mut p, 1).signals.add(2);
    p.attached(10);
    seat(&mut p, 2).hold = true;
    assert_eq!(p.settle(), [Action::Interrupt(10)]);
    p.report(10, sig(15, 0));
    assert!(p.settle().is_empty() && p.at_rest());
    seat(&mut p, 2).hold = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 15)]);
    seat(&mut p, 2).hold = true;
    assert_eq!(p.settle(), [Action::Interrupt(10)]);
}

#[test]
fn the_kernels_own_restarts_are_hidden() {
    let mut p = one(1);
    seat(&mut p, 1).entries = abi::set::Set::ALL;
    seat(&mut p, 1).exits = abi::set::Set::ALL;
    seat(&mut p, 1).report = true;
    let stream = crate::stream::Stream::new();
    seat(&mut p, 1).stream = Some(stream.clone());
    p.attached(10);
    let call = |nr| Call { nr, abi: Abi::X86_64, args: [7; 6] };
    for r in [Report::Entry(call(35)), Report::Exit(-516), Report::Trap, Report::Entry(call(219)), Report::Exit(0)] {
        p.report(10, r);
        p.settle();
    }
    let crate::stream::Read::Bytes(b, _) = stream.read(1 << 16, false) else { panic!() };
    let text = String::from_utf8(b).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("\"entry\"") && text.contains("\"result\":0"));
}

#[test]
fn steps_are_counted_and_other_seats_still_hold() {
    let mut p = one(2);
    seat(&mut p, 1).hold = true;
    p.attached(10);
    p.settle();
    p.report(10, Report::Trap);
    p.settle();
    p.threads.get_mut(&10).unwrap().steps = Some(Steps::of(1, 2));
    assert_eq!(p.settle(), [Action::Resume(10, Go::Step, 0)]);
    p.report(10, sig(libc::SIGTRAP, 2));
    assert_eq!(p.settle(), [Action::Resume(10, Go::Step, 0)]);
    // Behind a system call the trap has another code.
    p.report(10, sig(libc::SIGTRAP, 1));
    assert!(p.settle().is_empty());
    p.threads.get_mut(&10).unwrap().steps = Some(Steps::of(1, 1));
    seat(&mut p, 2).hold = true;
    assert!(p.settle().is_empty());
}

#[test]
fn exec_leaves_one_thread_under_the_process_id() {
    let mut p = one(1);
    seat(&mut p, 1).exec = true;
    p.attached(10);
    p.attached(11);
    p.attached(12);
    p.report(10, Report::Exec(12));
    assert!(p.settle().is_empty());
    assert_eq!(p.threads.len(), 1);
    assert!(p.at_rest());
}

const GETPPID: Call = Call { nr: 110, abi: Abi::X86_64, args: [0; 6] };

/// A process whose kernel looks for the ends of getppid.
fn looked_at() -> Process {
    let mut p = one(1);
    seat(&mut p, 1).exits.add(110);
    p.attached(10);
    assert!(p.exits().is_some());
    p.kernel_exits = true;
    assert_eq!(p.settle(), [Action::Watch(10)]);
    p
}

#[test]
fn an_end_that_the_kernel_has_looked_for() {
    let mut p = looked_at();
    p.ended_call(10, GETPPID, 7);
    p.report(10, Report::Carrier);
    assert!(p.settle().is_empty());
    assert_eq!(p.threads[&10].state, State::Stopped(Stop::Exit));
    assert_eq!(seat(&mut p, 1).why, Some((10, What::Exit(Some(GETPPID), 7))));
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Exits(10), 0)]);
}

#[test]
fn the_end_of_a_call_comes_before_a_signal_that_overtook_its_carrier() {
    let mut p = looked_at();
    seat(&mut p, 1).signals.add(10);
    p.ended_call(10, GETPPID, 7);
    p.report(10, sig(10, 0));
    assert!(p.settle().is_empty());
    assert_eq!(seat(&mut p, 1).why.as_ref().unwrap().1.word(), "exit");
    seat(&mut p, 1).hold = false;
    assert!(p.settle().is_empty());
    assert_eq!(seat(&mut p, 1).why.as_ref().unwrap().1.word(), "signal");
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Exits(10), 10)]);
}

#[test]
fn nobody_is_let_go_before_its_carrier_has_come() {
    let mut p = looked_at();
    p.ended_call(10, GETPPID, 7);
    p.threads.get_mut(&10).unwrap().carrier = true;
    p.report(10, sig(10, 0));
    seat(&mut p, 1).clear();
    p.kernel_exits = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 10)]);
    // It stops again by itself.
    assert!(p.settle().is_empty());
    p.threads.get_mut(&10).unwrap().carrier = false;
    p.report(10, Report::Carrier);
    assert_eq!(p.settle(), [Action::Detach(10, 0)]);
}

#[test]
fn an_interrupted_call_is_followed_to_its_end() {
    let mut p = looked_at();
    p.report(10, Report::Trap);
    assert_eq!(p.settle(), [Action::Resume(10, Go::Exits(10), 0)]);
    p.follow_call(10, GETPPID);
    assert!(p.settle().is_empty());
    p.report(10, Report::Entry(Call { nr: 219, ..GETPPID }));
    assert_eq!(p.settle(), [Action::Resume(10, Go::Syscall, 0)]);
    p.report(10, Report::Exit(0));
    assert!(p.settle().is_empty());
    seat(&mut p, 1).hold = false;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Exits(10), 0)]);
}

#[test]
fn some_calls_do_not_end_under_their_number() {
    let exits = |own: &[u64], named: &[u64]| {
        let set = |numbers: &[u64]| {
            numbers.iter().fold(Set::EMPTY, |mut set, nr| {
                set.add(*nr);
                set
            })
        };
        let exits = Exits { own: set(own), named: set(named) };
        [false, true].map(|narrow| exits.strange(narrow))
    };
    assert_eq!(exits(&[3, 59], &[3, 59]), [false, false]);
    assert_eq!(exits(&[322], &[]), [true, false]);
    assert_eq!(exits(&[2], &[]), [false, true]);
    assert_eq!(exits(&[], &[2]), [false, false]);
    assert_eq!(exits(&[], &[56]), [true, true]);
}

#[test]
fn the_kernel_is_not_to_look_where_more_is_wanted() {
    let change: [fn(&mut Seat); 3] =
        [|s| s.entries.add(1), |s| s.once = Once::Note, |s| s.signals.add(libc::SIGCONT as u64)];
    for change in change {
        let mut p = looked_at();
        change(seat(&mut p, 1));
        assert_eq!(p.exits(), None);
        p.kernel_exits = false;
        let interrupted = p.settle().contains(&Action::Interrupt(10));
        assert!(interrupted);
    }
}

#[derive(Clone, Debug)]
enum Input {
    Hold(u64, bool),
    Arm(u64, bool),
    Exits(u64, bool),
    Watch(i32),
    Report(i32, u8),
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let one = prop_oneof![
        (1u64..4, any::<bool>()).prop_map(|(s, b)| Input::Hold(s, b)),
        (1u64..4, any::<bool>()).prop_map(|(s, b)| Input::Arm(s, b)),
        (1u64..4, any::<bool>()).prop_map(|(s, b)| Input::Exits(s, b)),
        (10i32..14).prop_map(Input::Watch),
        (10i32..14, 0u8..11).prop_map(|(t, r)| Input::Report(t, r)),
    ];
    proptest::collection::vec(one, 0..200)
}

/// True if the thread is not to be let go where it stands.
fn expects(thread: &Thread) -> bool {
    thread.watched || (thread.carrier && thread.state != State::Stopped(Stop::Group))
}

fn carry(p: &mut Process, tid: Tid, carrier: bool) {
    if let Some(thread) = p.threads.get_mut(&tid) {
        thread.carrier = carrier;
    }
}

proptest! {
    /// Whatever happens in whatever order: no thread is set going while a seat holds it, every action fits the state that
    /// the kernel would have the thread in, and once nobody wants anything every thread is let go, but not with anything of ours
    /// on its way to it.
    #[test]
    fn no_thread_runs_while_held_and_all_are_let_go(script in inputs()) {
        let mut p = one(3);
        // The kernel's side: which of our threads are in a ptrace stop.
        let mut stopped = std::collections::BTreeMap::new();
        let apply = |p: &mut Process, stopped: &mut std::collections::BTreeMap<Tid, bool>| -> Result<(), TestCaseError> {
            p.kernel_exits = p.exits().is_some();
            let expecting: Vec<Tid> = p.threads.iter().filter(|(_, t)| expects(t)).map(|(tid, _)| *tid).collect();
            for a in p.settle() {
                match a {
                    Action::Interrupt(t) => { stopped.entry(t).or_insert(false); }
                    Action::End(_) => {}
                    Action::Resume(t, ..) => {
                        prop_assert_eq!(stopped.insert(t, false), Some(true));
                        // What was heard of another thread on the way may hold it: then it will stop.
                        let stops = p.threads.get(&t).is_some_and(|t| t.interrupt || t.carrier);
                        prop_assert!(!p.held(t) || stops);
                    }
                    Action::Listen(t) => { prop_assert_eq!(stopped.insert(t, false), Some(true)); }
                    Action::Detach(t, _) => {
                        prop_assert_eq!(stopped.remove(&t), Some(true));
                        prop_assert!(!expecting.contains(&t), "let go with a carrier or a trap on its way");
                    }
                    Action::Watch(t) => { prop_assert!(stopped.contains_key(&t)); }
                    Action::Options(t, _) | Action::Forge(t, _) => { prop_assert_eq!(stopped.get(&t), Some(&true)); }
                }
            }
            Ok(())
        };
        for input in script {
            match input {
                Input::Hold(s, b) => seat(&mut p, s).hold = b,
                Input::Arm(s, b) => {
                    seat(&mut p, s).signals = if b { abi::set::Set::ALL } else { abi::set::Set::EMPTY };
                    seat(&mut p, s).fork = b;
                }
                Input::Exits(s, b) => if b { seat(&mut p, s).exits.add(1) } else { seat(&mut p, s).exits = Set::EMPTY },
                Input::Watch(t) => if let Some(thread) = p.threads.get_mut(&t) { thread.watched = true },
                Input::Report(t, kind) => {
                    if p.wanted() && !p.threads.contains_key(&t) && !stopped.contains_key(&t) {
                        p.attached(t);
                        stopped.insert(t, false);
                    } else if stopped.get(&t) == Some(&false) {
                        stopped.insert(t, true);
                        let call = Call { nr: 1, abi: Abi::X86_64, args: [0; 6] };
                        if kind >= 9 {
                            p.ended_call(t, call, 0);
                            carry(&mut p, t, kind == 9);
                        }
                        p.report(t, match kind {
                            0 | 1 => Report::Trap,
                            2 => Report::Group(libc::SIGSTOP),
                            3 => sig(2, 0),
                            4 => sig(11, 1),
                            5 => Report::Entry(call),
                            6 => Report::Exit(0),
                            7 => Report::Fork { child: 99, vfork: None },
                            // Another signal has overtaken the carrier.
                            9 => sig(2, 0),
                            10 => Report::Carrier,
                            _ => Report::Other,
                        });
                    }
                }
            }
            apply(&mut p, &mut stopped)?;
        }
        for s in 1..4 {
            seat(&mut p, s).clear();
        }
        apply(&mut p, &mut stopped)?;
        let left: Vec<Tid> = p.threads.keys().copied().collect();
        for t in left {
            while stopped.get(&t) == Some(&false) {
                stopped.insert(t, true);
                let carrier = p.threads[&t].carrier;
                carry(&mut p, t, false);
                // Nothing waits behind this stop.
                p.threads.get_mut(&t).unwrap().watched &= carrier;
                p.report(t, if carrier { Report::Carrier } else { Report::Trap });
                apply(&mut p, &mut stopped)?;
            }
        }
        prop_assert!(p.threads.is_empty());
        prop_assert!(stopped.is_empty());
    }
}

#[test]
fn a_watched_thread_is_let_go_where_no_trap_can_come_any_more() {
    let mut p = one(1);
    seat(&mut p, 1).faults.add(u64::from(abi::fault::WATCH));
    p.attached(10);
    p.threads.get_mut(&10).unwrap().watched = true;
    assert!(p.settle().is_empty());
    p.report(10, sig(libc::SIGTRAP, abi::watch::CODE));
    assert!(p.settle().is_empty());
    // The trap is ours and goes with us; the signal of another would not.
    seat(&mut p, 1).clear();
    assert_eq!(p.settle(), [Action::Interrupt(10), Action::Resume(10, Go::Cont, 0)]);
    p.report(10, sig(15, 0));
    assert_eq!(p.settle(), [Action::Interrupt(10), Action::Resume(10, Go::Cont, 15)]);
    p.report(10, Report::Trap);
    p.threads.get_mut(&10).unwrap().watched = false;
    assert_eq!(p.settle(), [Action::Detach(10, 0)]);
}

#[test]
fn a_new_program_is_not_watched() {
    let area = crate::watch::Area { start: 0x1000, size: 8, flags: crate::watch::WRITE | crate::watch::AFTER };
    let mut p = one(1);
    let lwps = seat(&mut p, 1).lwps.insert(crate::seat::Lwps::default());
    lwps.areas.change(area, u64::MAX).unwrap();
    lwps.modes.fork = true;
    assert!(p.wanted());
    assert!(seat(&mut p, 1).for_child().unwrap().lwps.unwrap().areas.is_empty());
    p.attached(10);
    p.report(10, Report::Exec(10));
    assert!(!p.wanted());
}

#[test]
fn an_event_that_nobody_has_seen_is_not_run() {
    let mut p = one(1);
    let seat1 = seat(&mut p, 1);
    seat1.lwps = Some(crate::seat::Lwps::default());
    seat1.faults.add(u64::from(abi::fault::WATCH));
    [10, 11].into_iter().for_each(|tid| p.attached(tid));
    p.report(11, sig(libc::SIGTRAP, abi::watch::CODE));
    // The other one is asked to stop, and has not done so yet: it speaks for the process.
    assert_eq!(p.settle(), [Action::Interrupt(10)]);
    assert_eq!(p.may_run(1, None), Some(10));
    p.run_process(1, 10, false);
    assert!(p.settle().is_empty());
    p.report(10, Report::Trap);
    assert_eq!(p.may_run(1, None), Some(11));
    p.run_process(1, 11, false);
    p.threads.get_mut(&11).unwrap().owed = 0;
    assert_eq!(p.settle(), [Action::Resume(10, Go::Cont, 0), Action::Resume(11, Go::Cont, 0)]);
}
