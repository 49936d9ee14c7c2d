//! The known name that was probably meant.

/// The candidate most similar to `word`, unless none is similar at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // 0.75 lets `lisen`, `log_request` and `checkbodies` find their names and keeps unrelated words apart.
    const LIKENESS_MIN: f64 = 0.75;
    let word = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

pub(super) fn hint(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => "; `takeup serve --help` lists them all".to_owned(),
    }
}
