use super::escape::escaped;
use super::scale::{count_label, size_label, time_label};
use super::*;

#[test]
fn texts_of_others_are_escaped_and_stay_in_their_place() {
    assert_eq!(escaped("a<b>&\"'\u{1b}\u{ffff}\u{202e}ż"), "a&lt;b&gt;&amp;&quot;&#39;ż");
}

#[test]
fn axes_are_labelled_at_round_values_that_cover_all() {
    let scale = Scale::from_zero([3.0, 17.0].into_iter());
    assert_eq!(scale.ticks(), [0.0, 5.0, 10.0, 15.0, 20.0]);
    assert_eq!((scale.place(0.0), scale.place(20.0)), (0.0, 1.0));
    let scale = Scale::logarithmic([150.0, 90_000.0].into_iter());
    assert_eq!(scale.ticks(), [100.0, 1_000.0, 10_000.0, 100_000.0]);
    assert_eq!(Scale::logarithmic(std::iter::empty()).ticks(), [1.0, 10.0]);
    assert_eq!(Scale::from_zero(std::iter::empty()).ticks(), [0.0, 1.0]);
    let labels = |scale: Scale, label: fn(f64) -> String| scale.ticks().into_iter().map(label).collect::<Vec<_>>();
    assert_eq!(
        labels(Scale::times([250.0, 3e6].into_iter()), time_label),
        ["100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]
    );
    assert_eq!(labels(Scale::times([2e7, 9e9].into_iter()), time_label), ["10 s", "1 min", "10 min", "1 h", "10 h"]);
    for value in [0.0, 1.0, 8.64e13, 1e18] {
        let scale = Scale::times([value].into_iter());
        assert!(scale.ticks().len() >= 2 && (0.0..=1.0).contains(&scale.place(value)), "{value}");
    }
    assert_eq!(["1 µs", "20 ms", "3 s"].map(str::to_owned), [1.0, 20_000.0, 3e6].map(time_label));
    assert_eq!(["999", "12k", "30M"].map(str::to_owned), [999.0, 12_000.0, 3e7].map(count_label));
    assert_eq!(["10 B", "1 kB", "10 MB", "1 TB"].map(str::to_owned), [1e1, 1e3, 1e7, 1e12].map(size_label));
}

#[test]
fn a_name_of_any_length_and_script_stays_before_its_bar() {
    let mut page = Page::new("bars", 200.0);
    let names = ["x".repeat(10_000), "漢".repeat(300), "<script>".to_owned(), String::new()];
    let bars = names.map(|name| Bar { name, value: 1.0, shown: "1".to_owned() });
    Bars { title: "names".to_owned(), top: 10.0, bars: bars.into(), empty: "none" }.draw(&mut page);
    let svg = page.finish();
    assert!(svg.len() < 5_000 && svg.contains("&lt;script&gt;") && !svg.contains("<script>"), "{svg}");
    assert!(svg.contains(&format!(">{}…<", "x".repeat(26))) && svg.contains(&format!(">{}…<", "漢".repeat(13))));
}

#[test]
fn a_chart_of_nothing_says_so_instead_of_axes() {
    let mut page = Page::new("nothing", 600.0);
    Bars { title: "bars".to_owned(), top: 10.0, bars: Vec::new(), empty: "no bars" }.draw(&mut page);
    Chart {
        title: "lines".to_owned(),
        top: 100.0,
        x: Scale::linear(0.0, 1.0),
        x_ticks: vec![(0.0, "tick".to_owned())],
        y: Scale::from_zero(std::iter::empty()),
        y_label: count_label,
        series: vec![Series { name: "line", class: "a", points: Vec::new() }],
        column: None,
        empty: "no lines",
    }
    .draw(&mut page);
    let svg = page.finish();
    assert!(
        svg.contains("no bars") && svg.contains("no lines") && !svg.contains("tick") && !svg.contains("NaN"),
        "{svg}"
    );
}
