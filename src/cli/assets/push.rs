//! `takeup assets push`.

use std::path::Path;

use serde::Serialize;
use url::Url;

use crate::assets::change::TooLarge;
use crate::assets::{Address, Change, Kind, Store};
use crate::base::time::wall_us;
use crate::cli::error::CliError;
use crate::cli::output::{Out, bytes, counted, plain, warn};

use super::args::PushArgs;
use super::folder;
use super::limits::limits;
use super::project::number;

/// How many files that are left out are named.
const NAMED_MAX: u64 = 10;

/// What was done, as `--json` shows it.
#[derive(Default, Serialize)]
struct Pushed {
    /// Files that are kept.
    kept: u64,
    /// Of these, those that are new or have another content than before.
    new: u64,
    /// Files that are no style sheets, pictures or fonts.
    other_types: u64,
    /// Files that are larger than they may be.
    too_large: u64,
    /// Files whose names, or whose URLs, can't be kept, and symbolic links.
    left_out: u64,
    /// Assets that had to leave because the store was full.
    evicted: u64,
}

pub(super) fn push(args: &PushArgs, json: bool, data: &Path, out: &mut Out) -> Result<(), CliError> {
    if !data.is_dir() {
        return Err(CliError::NoLog(data.to_owned()));
    }
    let project = number(&args.project, data)?;
    let base = base(&args.base)?;
    let limits = limits(args.config.as_ref(), &args.set, data)?;
    let (files, odd) = folder::files(&args.folder)?;
    let mut pushed = Pushed { left_out: odd, ..Pushed::default() };
    let mut change = Change::begin(&Store::in_data(data), limits)?;
    for file in files {
        let Some(address) = address(&base, &file.parts) else {
            pushed.left_out += 1;
            continue;
        };
        let Some(content) = folder::read(&file.path, limits.asset_bytes)? else {
            too_large(&file.path, &mut pushed.too_large);
            continue;
        };
        let Some(kind) = Kind::of(address.as_str(), &content) else {
            pushed.other_types += 1;
            continue;
        };
        match change.add(project, address, kind, &content, wall_us() / 1000)? {
            Ok(()) => pushed.kept += 1,
            Err(TooLarge::Asset | TooLarge::Store) => too_large(&file.path, &mut pushed.too_large),
        }
    }
    let changed = change.finish()?;
    (pushed.new, pushed.evicted) = (changed.added, changed.evicted);
    if json {
        return out.json(&pushed);
    }
    let Pushed { kept, new, other_types, too_large, left_out, evicted } = pushed;
    out.line(&format!("{} kept for project {project}, {new} of them new", counted(kept, "asset")))?;
    if other_types > 0 {
        out.line(&format!("{} of other types left out", counted(other_types, "file")))?;
    }
    if too_large + left_out > 0 {
        let text = "left out: larger than a limit, a symbolic link, or without a name that a URL can have";
        out.line(&format!("{} {text}", counted(too_large + left_out, "file")))?;
    }
    if evicted > 0 {
        let room = bytes(limits.store_bytes);
        out.line(&format!("{} that were added first had to leave: assets_bytes is {room}", counted(evicted, "asset")))?;
    }
    Ok(())
}

fn too_large(path: &Path, count: &mut u64) {
    *count += 1;
    if *count <= NAMED_MAX {
        warn(&format!("{}: larger than asset_bytes_max or assets_bytes", plain(&path.to_string_lossy(), 200)));
    }
}

/// Where the site has the folder.
fn base(text: &str) -> Result<Url, CliError> {
    let wrong = |why: String| CliError::Other(format!("--base {text}: {why}"));
    let address = Address::parse(text).map_err(|why| wrong(why.to_string()))?;
    let url = Url::parse(address.as_str()).map_err(|error| wrong(error.to_string()))?;
    if url.query().is_some() { Err(wrong("a folder has no query".to_owned())) } else { Ok(url) }
}

/// The address of a file below the folder; `None` if it would be too long.
fn address(base: &Url, parts: &[String]) -> Option<Address> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
    Address::of(&url).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, parts: &[&str]) -> String {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        address(&base(text).unwrap(), &parts).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_file_has_the_address_that_the_site_has_it_at() {
        assert_eq!(of("https://shop.example", &["css", "a.css"]), "https://shop.example/css/a.css");
        assert_eq!(of("https://shop.example/v7/", &["a.css"]), "https://shop.example/v7/a.css");
        assert_eq!(of("https://shop.example/v7", &["a.css"]), "https://shop.example/v7/a.css");
        // Whatever a file is called, it stays below the folder.
        assert_eq!(of("https://shop.example/v7/", &["a?b#c%2e.css"]), "https://shop.example/v7/a%3Fb%23c%252e.css");
        assert_eq!(
            of("https://shop.example/v7/", &["x", "%2e%2e", "a.css"]),
            "https://shop.example/v7/x/%252e%252e/a.css"
        );
    }

    #[test]
    fn a_base_is_an_address_of_the_web() {
        for wrong in ["dist", "file:///srv", "https://shop.example/?a=1", "https://a:b@shop.example/"] {
            assert!(base(wrong).unwrap_err().to_string().starts_with("--base"), "{wrong}");
        }
    }
}
