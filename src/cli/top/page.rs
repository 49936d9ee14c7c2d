//! The page of metrics, taken apart.

use std::collections::BTreeMap;

/// One sample: name, labels, value.
#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// All samples of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    series: Vec<Series>,
}

impl Page {
    /// Reads the text format. Lines that are no sample are passed over.
    pub fn parse(text: &str) -> Page {
        Page { series: text.lines().filter(|line| !line.starts_with('#')).filter_map(series).collect() }
    }

    /// The sum of all samples of this name; `None` if there is none.
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.of(name).map(|series| series.value).reduce(|a, b| a + b)
    }

    /// The sums of the samples of this name by the values of a label.
    pub fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for series in self.of(name) {
            *sums.entry(series.label(label).unwrap_or_default().to_owned()).or_default() += series.value;
        }
        sums
    }

    /// The value of a label, for each sample of this name whose value is 1, by the value of another label.
    pub fn states(&self, name: &str, by: &str, state: &str) -> BTreeMap<String, String> {
        let set = self.of(name).filter(|series| series.value == 1.0);
        set.filter_map(|series| Some((series.label(by)?.to_owned(), series.label(state)?.to_owned()))).collect()
    }

    /// The value of a label in the first sample of this name.
    pub fn label(&self, name: &str, label: &str) -> Option<&str> {
        self.series.iter().find(|series| series.name == name)?.label(label)
    }

    /// The buckets of a histogram, over all its labels: upper bounds, and how many values are not above them.
    pub fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (bound, count) in self.by(&format!("{name}_bucket"), "le") {
            let bound = if bound == "+Inf" { Some(f64::INFINITY) } else { bound.parse().ok() };
            buckets.extend(bound.map(|bound: f64| (bound, count)));
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Series> {
        self.series.iter().filter(move |series| series.name == name)
    }
}

impl Series {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn series(line: &str) -> Option<Series> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Series { name: name.to_owned(), labels, value })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, behind) = unquoted(quoted)?;
        labels.push((name.to_owned(), value));
        rest = behind;
    }
}

fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

/// The value below which the part `q` of a histogram's values is, taken as evenly spread within each bucket. `None` without values.
pub fn quantile(q: f64, buckets: &[(f64, f64)]) -> Option<f64> {
    let total = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
    let rank = q * total;
    let at = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (bound, count) = buckets[at];
    let (lower, before) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
    // Above the last bound nothing is known but that bound.
    if bound.is_infinite() || count <= before {
        return Some(lower);
    }
    Some(lower + (bound - lower) * (rank - before) / (count - before))
}

/// What came into each bucket between two readings.
pub fn between(before: &[(f64, f64)], now: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let earlier = |bound: f64| before.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, count)| *count);
    now.iter().map(|&(bound, count)| (bound, (count - earlier(bound)).max(0.0))).collect()
}
