//! Many independent items over the machine's cores.

use std::num::NonZero;
use std::thread;

/// Items below which another thread costs more than it saves: 256 hashes take about 0.3 ms.
const ITEMS_PER_THREAD: usize = 256;

/// `item(0)`, `item(1)`, ... `item(count - 1)`, in order.
///
/// Threads live for one call only: a pool would hang in a process forked from one that used it,
/// and Python programs fork.
///
/// # Panics
/// If `item` panics.
pub fn map<T: Send>(count: usize, item: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(count / ITEMS_PER_THREAD).max(1);
    let share = count.div_ceil(threads);
    let run = |part: usize| -> Vec<T> {
        let end = count.min((part + 1) * share);
        (part * share..end).map(&item).collect()
    };
    thread::scope(|scope| {
        let run = &run;
        let begin = |part| thread::Builder::new().spawn_scoped(scope, move || run(part));
        let others: Vec<_> = (1..threads).map(begin).collect();
        let mut items = run(0);
        for (part, other) in (1..).zip(others) {
            // Where the system had no more threads, this one does that part too.
            let some = other.map_or_else(|_| run(part), |it| it.join().expect("an item panicked"));
            items.extend(some);
        }
        items
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_at_any_count() {
        for count in [0, 1, 255, 256, 511, 512, 513, 4_099] {
            assert_eq!(map(count, |index| index), (0..count).collect::<Vec<_>>());
        }
    }
}
