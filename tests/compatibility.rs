//! `docs/compatibility.md` and `docs/differences.md` agree with the code.
//!
//! Operators decide by these pages whether takeup can replace the old service. What can be checked of them is
//! checked here: that nothing is left out, and that the errors they promise are those a running server gives.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/compatibility/`.
mod compatibility {
    pub mod differences;
    pub mod errors;
    pub mod page;
}

use std::collections::{BTreeMap, BTreeSet};

use compatibility::page::{self, Page};
use compatibility::{differences, errors};

use takeup::api::prefix::Prefix;
use takeup::api::route::{Route, TEMPLATES, TokenRule};
use takeup::config::{Becomes, OLD_VARIABLES};

/// How an entry of the last column may begin.
const VERDICTS: [&str; 3] = ["same", "better", "not there"];

#[test]
fn every_row_says_what_is_so_here() {
    let page = Page::read();
    for table in page.tables().filter(|table| table.columns.last().is_some_and(|column| column == "Here")) {
        for row in &table.rows {
            let last = row.last().expect("a row has columns");
            let is_choice = table.heading == "Where the two releases differ";
            let begins = |word: &str| last.starts_with(word);
            let is_told =
                if is_choice { begins("as 20") || begins("both") } else { VERDICTS.iter().any(|v| begins(v)) };
            assert!(is_told, "{}: {row:?}", table.heading);
            let needs_more = begins("better") || begins("not there");
            assert!(!needs_more || last.contains(':') || last.contains(';'), "how or why? {}: {row:?}", table.heading);
        }
    }
}

#[test]
fn every_route_has_a_row() {
    let page = Page::read();
    let table = page.table("Routes", "Route");
    let rows: BTreeSet<String> = table.rows.iter().map(|row| page::code(&row[0])).collect();
    let routes: BTreeSet<String> =
        TEMPLATES.iter().filter(|template| **template != "other").map(|t| (*t).to_owned()).collect();
    assert_eq!(rows, routes);
    assert_eq!(table.rows.len(), routes.len(), "one row each");
    for row in &table.rows {
        let template = page::code(&row[0]);
        let route = Route::ALL[TEMPLATES.iter().position(|t| *t == template).expect("was compared")];
        let token = match route.token_rule() {
            TokenRule::None | TokenRule::Optional => "–",
            TokenRule::Good => "yes",
            TokenRule::Grace => "yes, or expired for less than 30 s",
            TokenRule::Late => "yes, or expired",
        };
        let in_the_path = template.contains("{token}");
        assert_eq!(row[2], if in_the_path { "in the path" } else { token }, "{template}");
        let allows = |method: &str| route.allow().split(", ").any(|allowed| allowed == method);
        assert!(row[1] == "any" || allows(&row[1]), "{template}: {} and not {}", route.allow(), row[1]);
    }
    for row in &page.table("Routes", "Alias").rows {
        let (alias, is) = (page::code(&row[0]), page::code(&row[1]));
        let (old, new) = (of(&alias), of(&is));
        assert_eq!((old.route, old.legacy, new.legacy), (new.route, true, false), "{alias}");
    }
}

fn of(path: &str) -> takeup::api::route::Matched<'_> {
    Route::of(path.as_bytes(), &Prefix::new(""))
}

#[test]
fn every_variable_of_the_old_service_has_a_row() {
    let page = Page::read();
    let mut rows: BTreeMap<String, bool> = BTreeMap::new();
    for row in &page.table("Environment", "Variable").rows {
        for name in page::codes(&row[0]) {
            assert!(rows.insert(name.clone(), row[1].starts_with("not there")).is_none(), "{name} has two rows");
        }
    }
    let known: BTreeMap<String, bool> = OLD_VARIABLES
        .iter()
        .map(|variable| (variable.name.to_owned(), matches!(variable.becomes, Becomes::Nothing(_))))
        .collect();
    assert_eq!(rows, known, "each name, and whether it has no effect");
}

#[test]
fn every_fault_of_the_old_service_has_one_row() {
    let page = Page::read();
    let numbers: Vec<&str> = page.table("Faults of the old service", "No.").rows.iter().map(|row| &*row[0]).collect();
    let all: Vec<String> = (1..=39).map(|number| format!("D{number}")).collect();
    assert_eq!(numbers, all);
}

#[test]
fn every_error_that_is_promised_is_given() {
    let page = Page::read();
    errors::ask_for_all(&page.table("Errors", "Route").rows);
}

#[test]
fn every_header_of_an_answer_has_a_row() {
    let page = Page::read();
    let rows: BTreeSet<String> = page
        .tables()
        .filter(|table| table.columns[0] == "Header")
        .flat_map(|table| &table.rows)
        .flat_map(|row| page::codes(&row[0]))
        .collect();
    let given = errors::header_names();
    let strange: Vec<&String> = given.iter().filter(|name| !rows.contains(*name)).collect();
    assert!(strange.is_empty(), "not on the page: {strange:?}");
}

#[test]
fn every_deliberate_difference_is_told_to_the_reader() {
    differences::hold_page_to_table();
}
