//! `docs/configuration.md` shows every setting and every OpenReplay variable exactly as the tables have them.

use std::fmt::Write as _;
use std::path::Path;

use super::{Becomes, OLD_VARIABLES, SETTINGS};

/// With this variable set, the test writes the tables into the page.
const WRITE: &str = "TAKEUP_WRITE_PAGES";

fn settings() -> String {
    let mut text = String::new();
    let mut group = "";
    for setting in SETTINGS {
        if setting.group != group {
            group = setting.group;
            let _ = write!(text, "\n### {group}\n\n| setting | default | | |\n|---|---|---|---|\n");
        }
        let live = if setting.live { "live" } else { "" };
        let also = setting.also.map(|also| format!(" Also `{also}`.")).unwrap_or_default();
        let default = if setting.default.is_empty() { "empty".to_owned() } else { format!("`{}`", setting.default) };
        let help = setting.help().replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | {default} | {live} | {help}{also} |", setting.name);
    }
    text
}

fn variables() -> String {
    let mut text = String::from("\n| variable | here |\n|---|---|\n");
    for row in OLD_VARIABLES {
        let here = match row.becomes {
            Becomes::Settings(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("sets {}", names.join(", "))
            }
            Becomes::TokenSecret => "the token secret, in place of `secrets/token`".to_owned(),
            Becomes::File => "a file of more variables".to_owned(),
            Becomes::Nothing(why) => format!("no effect: {why}"),
        };
        let _ = writeln!(text, "| `{}` | {here} |", row.name);
    }
    text
}

/// The page with `table` between its two markers.
fn with_table(page: &str, mark: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {mark}: made from the source -->\n"), format!("<!-- end of {mark} -->"));
    let (head, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has no mark {begin}"));
    let (_, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("the page has no mark {end}"));
    format!("{head}{begin}{table}\n{end}{tail}")
}

#[test]
fn the_page_of_settings_tells_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let right = with_table(&with_table(&page, "settings", &settings()), "variables", &variables());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &right).unwrap();
        return;
    }
    let stale: Vec<&str> = right.lines().filter(|line| !page.lines().any(|old| old == *line)).collect();
    assert!(page == right, "docs/configuration.md lacks {stale:#?}; {WRITE}=1 cargo test --lib page_tests mends it");
}
