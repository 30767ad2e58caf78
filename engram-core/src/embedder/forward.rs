//! Word pieces to vectors.

use std::ops::Range;

use super::kernels::{Kernel, Next};
use super::matrix::{Projected, Row, View, ZERO_ROW};
use super::model::{HIDDEN_PANELS, Head, HiddenRow, Layer, Model, Norm, Panel, WIDE_PANELS};
use super::team::Team;
use crate::limits::DIMENSIONS;

/// Tokens that go through a feed-forward block together: their wide states, 0.8 MB, stay in cache.
const BLOCK: usize = 128;
/// Fewer rows than this are not split further: a kernel's tile.
const TILE: usize = 14;

/// The work space of some texts, which lie one after the other as rows.
struct Pass<'a> {
    kernel: Kernel,
    team: &'a Team,
    /// Each text's rows.
    texts: &'a [Range<usize>],
    hidden: Vec<HiddenRow>,
    /// What attention gives, and what is added to the hidden states, in panels.
    context: Vec<Row>,
    delta: Vec<Row>,
    wide: Vec<Row>,
}

/// The unit vector of each text, given as word pieces (at most 256, `[CLS]` and `[SEP]` included).
///
/// Each row of a product depends on that row alone, so no text's bits depend on the others.
pub fn embed(
    model: &Model,
    kernel: Kernel,
    team: &Team,
    texts: &[&[u32]],
) -> Vec<[f32; DIMENSIONS]> {
    let mut rows = 0;
    let ranges: Vec<_> = texts
        .iter()
        .map(|text| {
            rows += text.len();
            rows - text.len()..rows
        })
        .collect();
    let mut pass = Pass {
        kernel,
        team,
        texts: &ranges,
        hidden: texts.iter().flat_map(|text| text.iter().map(|&id| model.words.row(id))).collect(),
        context: vec![ZERO_ROW; rows * HIDDEN_PANELS],
        delta: vec![ZERO_ROW; rows * HIDDEN_PANELS],
        wide: vec![ZERO_ROW; rows.min(BLOCK) * WIDE_PANELS],
    };
    pass.add_places(model);
    for layer in &model.layers {
        pass.attention(layer);
        pass.feed_forward(layer);
    }
    ranges.iter().map(|range| kernel.pool(&pass.hidden[range.clone()])).collect()
}

impl Pass<'_> {
    fn add_places(&mut self, model: &Model) {
        let rows = self.hidden.len();
        for text in self.texts {
            for (place, row) in model.places.iter().zip(text.clone()) {
                for (panel, part) in place.iter().enumerate() {
                    self.delta[panel * rows + row] = *part;
                }
            }
        }
        self.add_and_norm(&model.first_norm);
    }

    fn attention(&mut self, layer: &Layer) {
        let (kernel, hidden, texts) = (self.kernel, &self.hidden, self.texts);
        let rows = hidden.len();
        let heads = Parts::new(HIDDEN_PANELS, rows, 1);
        self.team.each_range(&mut self.context, &heads.ranges, |head, out| {
            attend(kernel, &layer.heads[head], layer.heads.get(head + 1), hidden, texts, out);
        });
        let context = &self.context;
        linear(self.team, &layer.joined, rows, &mut self.delta, |panel, next, row, out| {
            let a = View { data: &context[row..], panel_stride: rows };
            kernel.product(a, panel, next, out);
        });
        self.add_and_norm(&layer.joined_norm);
    }

    fn feed_forward(&mut self, layer: &Layer) {
        let kernel = self.kernel;
        let rows = self.hidden.len();
        let blocks = rows.div_ceil(BLOCK);
        for block in 0..blocks {
            let (start, end) = (block * rows / blocks, (block + 1) * rows / blocks);
            let (hidden, rows) = (&self.hidden[start..end], end - start);
            let wide = &mut self.wide[..rows * WIDE_PANELS];
            linear(self.team, &layer.wide, rows, wide, |panel, next, row, out| {
                kernel.product_of_hidden(&hidden[row..], panel, next, out);
                kernel.activate(out);
            });
            let wide = &*wide;
            let delta = &mut self.delta[start * HIDDEN_PANELS..end * HIDDEN_PANELS];
            linear(self.team, &layer.narrow, rows, delta, |panel, next, row, out| {
                let a = View { data: &wide[row..], panel_stride: rows };
                kernel.product(a, panel, next, out);
            });
            add_and_norm(
                self.team,
                kernel,
                &mut self.hidden[start..end],
                delta,
                &layer.narrow_norm,
            );
        }
    }

    fn add_and_norm(&mut self, norm: &Norm) {
        add_and_norm(self.team, self.kernel, &mut self.hidden, &self.delta, norm);
    }
}

/// One head's share of the attention context, for all texts.
fn attend(
    kernel: Kernel,
    head: &Head,
    next: Option<&Head>,
    hidden: &[HiddenRow],
    texts: &[Range<usize>],
    out: &mut [Row],
) {
    let project = |panel: &Panel, next: Next<'_>| {
        let mut rows = vec![ZERO_ROW; hidden.len()];
        kernel.product_of_hidden(hidden, panel, next, &mut rows);
        rows
    };
    let q = project(&head.query, Some(&head.key));
    let k = project(&head.key, Some(&head.value));
    let v = project(&head.value, next.map(|head| &head.query));
    for text in texts {
        let head = Projected {
            queries: &q[text.clone()],
            keys: &k[text.clone()],
            values: &v[text.clone()],
        };
        kernel.attend(head, &mut out[text.clone()]);
    }
}

/// `part(panel, panel after it, first row, its rows of out)` for all of them; `out` has `rows` rows in each panel.
fn linear(
    team: &Team,
    panels: &[Panel],
    rows: usize,
    out: &mut [Row],
    part: impl Fn(&Panel, Next<'_>, usize, &mut [Row]) + Sync,
) {
    let parts = Parts::new(panels.len(), rows, team.threads());
    team.each_range(out, &parts.ranges, |index, out| {
        let panel = index / parts.groups;
        part(&panels[panel], panels.get(panel + 1), parts.ranges[index].start - panel * rows, out);
    });
}

fn add_and_norm(team: &Team, kernel: Kernel, hidden: &mut [HiddenRow], delta: &[Row], norm: &Norm) {
    let rows = hidden.len();
    let groups = (2 * team.threads()).min(rows.div_ceil(TILE));
    let parts: Vec<_> = (0..groups).map(|g| g * rows / groups..(g + 1) * rows / groups).collect();
    team.each_range(hidden, &parts, |index, hidden| {
        let delta = View { data: &delta[parts[index].start..], panel_stride: rows };
        kernel.add_and_norm(hidden, delta, norm);
    });
}

/// A matrix cut into parts: panels, and groups of rows in each.
struct Parts {
    groups: usize,
    /// Where the parts are in the matrix, whose panels lie one after the other.
    ranges: Vec<Range<usize>>,
}

impl Parts {
    /// Two parts or more for each thread, as long as they have a tile of rows.
    fn new(panels: usize, rows: usize, threads: usize) -> Self {
        let groups = (2 * threads).div_ceil(panels).min(rows.div_ceil(TILE)).max(1);
        let ranges = (0..panels * groups)
            .map(|part| {
                let (panel, group) = (part / groups, part % groups);
                let first = panel * rows;
                first + group * rows / groups..first + (group + 1) * rows / groups
            })
            .collect();
        Self { groups, ranges }
    }
}
