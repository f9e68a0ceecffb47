//! One input: what it does wrong, and a smaller one that does the same.

use super::target::{Checked, Entry};
use peak_alloc::PeakAlloc;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The bytes of memory that any input may take.
pub(super) const FREE_MEMORY: usize = 64 << 20;

/// What is wrong with the answer to an input.
#[derive(Debug)]
pub(super) enum Fault {
    /// A panic, with its place and its message.
    Panic(String),
    /// It took too long.
    Slow(Duration),
    /// It took too many bytes of memory.
    Memory(usize),
    /// The answer is wrong.
    Wrong(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(message) => write!(f, "a panic: {message}"),
            Self::Slow(time) => write!(f, "{:.1} s", time.as_secs_f64()),
            Self::Memory(bytes) => write!(f, "{} MiB", bytes >> 20),
            Self::Wrong(problem) => write!(f, "a wrong answer: {problem}"),
        }
    }
}

impl Fault {
    /// Whether the other fault probably has the same cause: of two panics, both are at the same place.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Panic(one), Self::Panic(other)) => one.lines().next() == other.lines().next(),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

thread_local! {
    /// Whether this thread tries an input.
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
    /// The last panic while this thread tried one.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Tries an input: whether it is accepted, or its fault.
///
/// What is slow or large once may be so by chance, as the first use of a table is: it is tried again.
pub(super) fn attempt(entry: &Entry, input: &[u8]) -> Result<bool, Fault> {
    let mut result = attempt_once(entry, input);
    for _ in 0..2 {
        if !matches!(result, Err(Fault::Slow(_) | Fault::Memory(_))) {
            break;
        }
        result = attempt_once(entry, input);
    }
    result
}

fn attempt_once(entry: &Entry, input: &[u8]) -> Result<bool, Fault> {
    hear_panics();
    // All threads have one count of the memory.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let stopwatch = Stopwatch::new();
    IS_TRYING.set(true);
    let checked: std::thread::Result<Checked> = catch_unwind(AssertUnwindSafe(|| (entry.check)(input)));
    IS_TRYING.set(false);
    let (time, bytes) = (stopwatch.elapsed(), ALLOCATOR.peak_usage().saturating_sub(before));
    let panic = PANIC.take();
    match checked {
        Err(_) => Err(Fault::Panic(panic.unwrap_or_default())),
        Ok(_) if time > entry.most_time => Err(Fault::Slow(time)),
        Ok(_) if bytes > FREE_MEMORY + entry.memory_per_byte * input.len() => Err(Fault::Memory(bytes)),
        // A panic that the command caught is a part of the problem.
        Ok(Err(problem)) => Err(panic.map_or(Fault::Wrong(problem), Fault::Panic)),
        Ok(Ok(is_accepted)) => Ok(is_accepted),
    }
}

/// The time that this thread has a processor: other programs do not make an input slow.
struct Stopwatch {
    start: Instant,
    busy: Option<Duration>,
}

impl Stopwatch {
    fn new() -> Self {
        Self { start: Instant::now(), busy: Self::busy() }
    }

    /// Elsewhere than on Linux, the time of the clock.
    fn elapsed(&self) -> Duration {
        let busy = self.busy.zip(Self::busy());
        busy.map_or_else(|| self.start.elapsed(), |(before, after)| after.saturating_sub(before))
    }

    fn busy() -> Option<Duration> {
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(Duration::from_nanos(statistics.split(' ').next()?.parse().ok()?))
    }
}

/// Keeps the place and the message of a panic instead of printing them, where an input is tried.
fn hear_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| match IS_TRYING.get() {
            true => PANIC.set(Some(panic.to_string())),
            false => others(panic),
        }));
    });
}

/// A smaller input with the same fault: bytes are left out as long as it stays, for a limited time.
pub(super) fn shrink(entry: &Entry, input: &[u8], fault: &Fault) -> Vec<u8> {
    let (mut input, start) = (input.to_vec(), Instant::now());
    let has_fault = |input: &[u8]| attempt(entry, input).is_err_and(|other| other.is_like(fault));
    let is_over = || start.elapsed() > Duration::from_secs(20);
    let mut size = input.len() / 2;
    while size > 0 && !is_over() {
        let mut at = 0;
        while at + size <= input.len() && !is_over() {
            let smaller = [&input[..at], &input[at + size..]].concat();
            if has_fault(&smaller) { input = smaller } else { at += size }
        }
        size /= 2;
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_TIME: Duration = Duration::from_millis(50);

    /// The fault of an entry point, and the smallest input that has it.
    fn found(check: fn(&[u8]) -> Checked) -> (Fault, Vec<u8>) {
        let entry = Entry { input: |_| Vec::new(), check, runs_in_tests: 0, memory_per_byte: 0, most_time: MOST_TIME };
        assert!(matches!(attempt(&entry, b"harmless"), Ok(true)));
        let input = b"some bytes with a ! in it";
        let fault = attempt(&entry, input).expect_err("a fault");
        let small = shrink(&entry, input, &fault);
        (fault, small)
    }

    fn is_wrong(input: &[u8]) -> bool {
        input.contains(&b'!')
    }

    #[test]
    fn faults_are_seen_and_made_smaller() {
        let (fault, small) = found(|input| if is_wrong(input) { panic!("of {} bytes", input.len()) } else { Ok(true) });
        assert!(
            matches!(fault, Fault::Panic(message) if message.contains("faults.rs") && message.ends_with("of 25 bytes"))
        );
        assert_eq!(small, b"!");
        let (fault, small) = found(|input| if is_wrong(input) { Err("no".into()) } else { Ok(true) });
        assert!(matches!(fault, Fault::Wrong(problem) if problem == "no"));
        assert_eq!(small, b"!");
        let (fault, small) = found(|input| {
            // Nothing is written: where that is slow, the fault would be the time.
            let bytes = Vec::<u8>::with_capacity(usize::from(is_wrong(input)) * (FREE_MEMORY + 1));
            Ok(std::hint::black_box(bytes).is_empty())
        });
        assert!(matches!(fault, Fault::Memory(bytes) if bytes > FREE_MEMORY));
        assert_eq!(small, b"!");
        let (fault, _) = found(|input| {
            let stopwatch = Stopwatch::new();
            while is_wrong(input) && stopwatch.elapsed() < 2 * MOST_TIME {}
            Ok(true)
        });
        assert!(matches!(fault, Fault::Slow(time) if time > MOST_TIME));
    }
}
