//! Which texts go through the model together.

/// Rows of one pass: enough for the weights to be read once for many, few enough to stay in cache.
const ROWS: usize = 256;

/// The calls of one request.
pub struct Plan {
    /// Positions of the texts of each call.
    pub calls: Vec<Vec<usize>>,
    /// True: all threads work on each call. False: each thread takes calls for itself.
    pub together: bool,
}

/// Group texts of these lengths (at most 256 each) into calls for this number of threads.
pub fn plan(lengths: &[usize], threads: usize) -> Plan {
    let rows: usize = lengths.iter().sum();
    let together = threads > 1 && lengths.len() < 2 * threads;
    let shares = if together { 1 } else { threads };
    let calls = rows.div_ceil(ROWS).next_multiple_of(shares).clamp(1, lengths.len().max(1));
    Plan { calls: balanced(lengths, calls), together }
}

/// `count` groups of about equal length: the longest text that is left goes to the shortest group.
fn balanced(lengths: &[usize], count: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&position| std::cmp::Reverse(lengths[position]));
    let mut groups = vec![(0, Vec::new()); count];
    for position in order {
        let (rows, group) = groups.iter_mut().min_by_key(|(rows, _)| *rows).expect("one or more");
        *rows += lengths[position];
        group.push(position);
    }
    groups.into_iter().map(|(_, group)| group).filter(|group| !group.is_empty()).collect()
}
