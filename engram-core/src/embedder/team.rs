//! Threads that work on one thing together, for as long as a call lasts.

#![allow(unsafe_code, reason = "threads write to parts of one slice")]

use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use super::rounding::DefaultRounding;

/// Looks at a flag before a waiting thread lets others run: some microseconds.
const SPINS: u32 = 4_000;

/// Work in numbered parts; any thread may do any of them.
type Job<'a> = &'a (dyn Fn(usize) + Sync);

/// A leader and its helpers.
pub struct Team {
    helpers: usize,
    /// What is done now, and in how many parts.
    job: Mutex<Option<(Job<'static>, usize)>>,
    /// Rises with every job, and once more at the end.
    round: AtomicUsize,
    /// The next part that nobody has taken.
    next: AtomicUsize,
    /// Helpers that have taken this job and are not done.
    busy: AtomicUsize,
    over: AtomicBool,
    panicked: AtomicBool,
}

impl Team {
    /// Run `work` in this thread, with `threads` - 1 others at its service.
    ///
    /// # Panics
    /// If `work` or a part of a job panics.
    pub fn with<R>(threads: usize, work: impl FnOnce(&Self) -> R) -> R {
        let team = Self {
            helpers: threads.saturating_sub(1),
            job: Mutex::new(None),
            round: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        };
        thread::scope(|scope| {
            let dismissal = Dismissal(&team);
            for _ in 0..team.helpers {
                // Where the system has no more threads, those that are here do all parts.
                if thread::Builder::new().spawn_scoped(scope, || team.help()).is_err() {
                    break;
                }
            }
            let result = work(&team);
            drop(dismissal);
            result
        })
    }

    /// Threads in all.
    pub fn threads(&self) -> usize {
        self.helpers + 1
    }

    /// `part(i, range i of items)` for all ranges, each by some thread; returns when all are done.
    ///
    /// # Panics
    /// If the ranges are not ascending and apart, or if a part panics.
    pub fn each_range<T: Send>(
        &self,
        items: &mut [T],
        ranges: &[Range<usize>],
        part: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let mut end = 0;
        for range in ranges {
            assert!(end <= range.start && range.start <= range.end, "ranges overlap");
            end = range.end;
        }
        assert!(end <= items.len(), "a range goes beyond the slice");
        let start = Start(items.as_mut_ptr());
        self.each(ranges.len(), &|index| {
            let range = &ranges[index];
            // SAFETY: the range is within the slice, apart from all others, and this index is
            // given out once; `items` stays borrowed until `each` returns.
            let slice = unsafe {
                std::slice::from_raw_parts_mut(start.get().add(range.start), range.len())
            };
            part(index, slice);
        });
    }

    /// `part(i, item i)` for all items, each by some thread; returns when all are done.
    ///
    /// # Panics
    /// If a part panics.
    pub fn each_item<T: Send>(&self, items: &mut [T], part: impl Fn(usize, &mut T) + Sync) {
        let single: Vec<_> = (0..items.len()).map(|index| index..index + 1).collect();
        self.each_range(items, &single, |index, item| part(index, &mut item[0]));
    }

    /// `part(0)`, ..., `part(count - 1)`, each once, in any order, by any thread.
    fn each(&self, count: usize, part: Job<'_>) {
        if self.helpers == 0 || count < 2 {
            (0..count).for_each(part);
            return;
        }
        // SAFETY: nobody uses the job after this function. `Reunion` takes it back and waits for
        // every helper that has it, also when a part panics; who comes later finds none.
        let job = unsafe { std::mem::transmute::<Job<'_>, Job<'static>>(part) };
        self.next.store(0, Ordering::Relaxed);
        *self.lock() = Some((job, count));
        let reunion = Reunion(self);
        self.round.fetch_add(1, Ordering::Release);
        self.take_parts(job, count);
        drop(reunion);
        assert!(!self.panicked.load(Ordering::Relaxed), "a part of the work panicked");
    }

    fn take_parts(&self, job: Job<'_>, count: usize) {
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            if part >= count {
                return;
            }
            job(part);
        }
    }

    /// A helper's life.
    fn help(&self) {
        let _rounding = DefaultRounding::set();
        let mut seen = 0;
        loop {
            wait_until(|| self.round.load(Ordering::Acquire) != seen);
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            seen = self.round.load(Ordering::Acquire);
            if let Some((job, count)) = self.join() {
                let _report = Report(self);
                self.take_parts(job, count);
            }
        }
    }

    /// The job of this round, unless the others have done it already.
    fn join(&self) -> Option<(Job<'static>, usize)> {
        let job = self.lock();
        if job.is_some() {
            self.busy.fetch_add(1, Ordering::Relaxed);
        }
        *job
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Job<'static>, usize)>> {
        self.job.lock().expect("no panic under this lock")
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let mut looks = 0;
    while !done() {
        looks += 1;
        if looks < SPINS {
            spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

/// A slice's start that threads may share, since each uses another part.
struct Start<T>(*mut T);

impl<T> Start<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}

// SAFETY: a thread that has the pointer only makes a `&mut [T]` of it that no other thread has,
// which is as good as sending that slice.
unsafe impl<T: Send> Sync for Start<T> {}

/// Tells helpers, when dropped, that there is no more work.
struct Dismissal<'a>(&'a Team);

impl Drop for Dismissal<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
        self.0.round.fetch_add(1, Ordering::Release);
    }
}

/// Takes the job back, when dropped, and waits for the helpers that have it.
struct Reunion<'a>(&'a Team);

impl Drop for Reunion<'_> {
    fn drop(&mut self) {
        // What nobody has taken when a part of the leader's panics is not done.
        self.0.next.fetch_add(usize::MAX / 2, Ordering::Relaxed);
        *self.0.lock() = None;
        wait_until(|| self.0.busy.load(Ordering::Acquire) == 0);
    }
}

/// Reports, when dropped, that a helper is done, or that it panicked.
struct Report<'a>(&'a Team);

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.panicked.store(true, Ordering::Relaxed);
        }
        self.0.busy.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_done_once() {
        for threads in [1, 2, 5] {
            let mut items = vec![0_usize; 1_000];
            let ranges: Vec<_> = (0..100).map(|i| 10 * i..10 * i + 9).collect();
            Team::with(threads, |team| {
                for _ in 0..50 {
                    team.each_range(&mut items, &ranges, |index, part| {
                        for item in part {
                            *item += index + 1;
                        }
                    });
                }
            });
            for (index, item) in items.iter().enumerate() {
                let expected = if index % 10 == 9 { 0 } else { 50 * (index / 10 + 1) };
                assert_eq!(*item, expected, "item {index}, {threads} threads");
            }
        }
    }

    #[test]
    #[should_panic(expected = "ranges overlap")]
    fn overlapping_ranges_are_refused() {
        Team::with(2, |team| team.each_range(&mut [0; 4], &[0..2, 1..4], |_, _| {}));
    }

    #[test]
    fn a_panic_in_any_part_reaches_the_caller() {
        for threads in [1, 3] {
            assert!(std::panic::catch_unwind(|| panicking_at(40, threads)).is_err());
        }
    }

    fn panicking_at(part: usize, threads: usize) {
        Team::with(threads, |team| {
            team.each_item(&mut [0; 64], |index, _| assert_ne!(index, part));
        });
    }
}
