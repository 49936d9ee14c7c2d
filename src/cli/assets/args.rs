//! The options of `takeup assets`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ipnet::IpNet;

use crate::assets::fetch::Allow;
use crate::cli::serve::key_value;
use crate::config::value;

/// The most requests a second.
const RATE_MAX: f64 = 100.0;

/// The options of `takeup assets`.
#[derive(Debug, Clone, Args)]
pub struct AssetsArgs {
    /// Print NDJSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: AssetsCommand,
}

/// What can be done with assets.
#[derive(Debug, Clone, Subcommand)]
pub enum AssetsCommand {
    /// Keep the style sheets, pictures and fonts below a folder: `DIR/css/a.css` as `URL/css/a.css`. Other files are left out.
    #[command(after_help = "Examples:\n  takeup assets push dist --project 1 --base https://shop.example/\n  \
                            takeup assets push dist --project 1 --base https://cdn.example/v7 --json | jq .kept")]
    Push(PushArgs),
    /// Fetch the style sheets, pictures and fonts that recorded pages name from the site, and keep them. Only what is allowed is asked for, and nothing of
    /// a private network. Exit code 1: something failed that may work later.
    #[command(after_help = "Examples:\n  takeup assets fetch --project 1 --allow https://shop.example/static/\n  \
                            takeup assets fetch --project 1 --allow 'https://*.shop.example/' --json | jq .fetched")]
    Fetch(FetchArgs),
    /// List what is kept.
    #[command(after_help = "Example:\n  takeup assets list --project 1")]
    List {
        /// Only what is kept for this project, by its number or key.
        #[arg(long, value_name = "ID|KEY")]
        project: Option<String>,
    },
    /// Remove what is kept for a project, or what of it has a URL that begins like this.
    #[command(after_help = "Example:\n  takeup assets remove --project 1 --prefix https://shop.example/css/")]
    Remove {
        /// The project, by its number or key.
        #[arg(long, value_name = "ID|KEY")]
        project: String,
        /// Only those whose URL begins with this.
        #[arg(long, value_name = "URL")]
        prefix: Option<String>,
    },
}

/// The options of `takeup assets push`.
#[derive(Debug, Clone, Args)]
pub struct PushArgs {
    /// A folder with files of the site.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The project whose recordings show them, by its number or key.
    #[arg(long, value_name = "ID|KEY")]
    pub project: String,
    /// Where the site has the folder.
    #[arg(long, value_name = "URL")]
    pub base: String,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it: asset_bytes_max and assets_bytes count.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// The options of `takeup assets fetch`.
#[derive(Debug, Clone, Args)]
pub struct FetchArgs {
    /// Sessions whose pages are looked through, by their numbers [default: the newest of the project].
    #[arg(value_name = "SESSION")]
    pub sessions: Vec<u64>,
    /// The project whose recordings show the assets, by its number or key.
    #[arg(long, value_name = "ID|KEY")]
    pub project: String,
    /// What may be asked for: https://HOST/PATH and all below it, or https://*.DOMAIN/PATH for all sub-domains. Can be given several times. Visitors of the
    /// site decide what pages name: allow where its files are, not where it does something.
    #[arg(long, value_name = "URL", required = true)]
    pub allow: Vec<Allow>,
    /// A network of your own that may be asked, as 10.1.0.0/16. Can be given several times. Others that are private or special are never asked.
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    pub allow_network: Vec<IpNet>,
    /// How many of the newest sessions are looked through.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value::count::<u16>, conflicts_with = "sessions")]
    pub last: u16,
    /// How many addresses are asked for at most.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub most: u64,
    /// Requests a second, up to 100; 0.5 is one every two seconds.
    #[arg(long, value_name = "N", default_value = "2", value_parser = gap)]
    pub rate: Duration,
    /// How long a request may take, answer included.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::duration)]
    pub timeout: Duration,
    /// Fetch also what is kept: a file may have changed at the same URL.
    #[arg(long)]
    pub again: bool,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it: asset_bytes_max and assets_bytes count.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// The time between two requests, of so many a second.
fn gap(text: &str) -> Result<Duration, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=RATE_MAX).contains(rate));
    rate.map(|rate: f64| Duration::from_secs_f64(1.0 / rate))
        .ok_or_else(|| format!("expected requests a second, more than 0 and at most {RATE_MAX}"))
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    match network {
        Some(network) if network.prefix_len() == 0 => Err("that is every network: name your own".to_owned()),
        Some(network) => Ok(network),
        None => Err("expected a network, as 10.1.0.0/16 or fd12::/32".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_gap_between_requests() {
        assert_eq!(gap("2").unwrap(), Duration::from_millis(500));
        assert_eq!(gap("0.5").unwrap(), Duration::from_secs(2));
        for wrong in ["0", "-1", "101", "NaN", "inf", "", "x"] {
            assert!(gap(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_network_is_one_and_not_all() {
        assert_eq!(network("10.1.0.0/16").unwrap().to_string(), "10.1.0.0/16");
        assert_eq!(network("10.1.2.3").unwrap().to_string(), "10.1.2.3/32");
        assert_eq!(network("fd12::/32").unwrap().to_string(), "fd12::/32");
        for wrong in ["0.0.0.0/0", "::/0", "shop.example", "", "10.0.0.0/33"] {
            assert!(network(wrong).is_err(), "{wrong}");
        }
    }
}
