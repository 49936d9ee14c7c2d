use clap::{CommandFactory, Parser};

use crate::base::terminal::{HOSTILE, is_hostile};

use super::command::{Cli, Command};
use super::events::offset_text;
use super::output::{bytes, exact_time_us, length_ms, plain, thousands, time_us, write_json};

fn command(arguments: &[&str]) -> Result<Command, String> {
    let all = ["takeup"].iter().chain(arguments);
    Cli::try_parse_from(all).map(|cli| cli.command).map_err(|error| error.to_string())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_shows_an_example() {
    let mut cli = Cli::command();
    for command in cli.get_subcommands_mut() {
        let long = command.render_long_help().to_string();
        let short = command.render_help().to_string();
        assert!(long.contains("Example") && short.contains("Example"), "{}", command.get_name());
    }
}

#[test]
fn the_help_of_serve_lists_every_setting() {
    let mut cli = Cli::command();
    let help = cli.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
    for setting in crate::config::SETTINGS {
        assert!(help.contains(&format!("    {}=", setting.name)), "{}", setting.name);
    }
}

#[test]
fn the_data_folder_may_stand_before_or_after_the_command() {
    for arguments in [["takeup", "--data", "/d", "sessions"], ["takeup", "sessions", "--data", "/d"]] {
        assert_eq!(Cli::try_parse_from(arguments).unwrap().data, std::path::Path::new("/d"));
    }
}

#[test]
fn options_of_serve_go_before_settings_in_general() {
    let Ok(Command::Serve(args)) = command(&["serve", "--set", "ack=memory", "--set", "cores=1", "--cores", "2"])
    else {
        panic!("this is a valid command line");
    };
    let sources = args.sources("/none".as_ref());
    let options: Vec<_> = sources.options.iter().map(|(_, key, value)| format!("{key}={value}")).collect();
    assert_eq!(options, ["ack=memory", "cores=1", "cores=2"]);
    assert!(command(&["serve", "--set", "ack"]).unwrap_err().contains("KEY=VALUE"));
}

#[test]
fn bad_numbers_are_refused_in_words() {
    assert!(command(&["replay", "--to", "-", "--speed", "0"]).unwrap_err().contains("expected a number"));
    assert!(command(&["replay", "--to", "-", "--speed", "2", "--fast"]).is_err());
    assert!(command(&["replay", "--to", "-", "--connections", "0"]).is_err());
    assert!(command(&["replay"]).is_err());
    assert!(command(&["events", "not-a-number"]).is_err());
}

#[test]
fn numbers_are_written_for_people() {
    assert_eq!(
        [bytes(0), bytes(1023), bytes(1024), bytes(1_048_575), bytes(3 << 30)],
        ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "3.0 GiB"]
    );
    assert_eq!(
        [length_ms(950), length_ms(12_345), length_ms(245_000), length_ms(7_380_000)],
        ["950 ms", "12.3 s", "4m05s", "2h03m"]
    );
    assert_eq!(
        [thousands(0), thousands(999), thousands(1_000), thousands(1_234_567)],
        ["0", "999", "1,000", "1,234,567"]
    );
    assert_eq!(exact_time_us(1_710_417_074_012_345), "2024-03-14 11:51:14.012Z");
    assert_eq!([time_us(0), time_us(u64::MAX), time_us(1_710_417_074_000_000)], ["-", "-", "2024-03-14 11:51:14Z"]);
    assert_eq!(
        [offset_text(62_345), offset_text(3_600_000), offset_text(-120)],
        ["+1:02.345", "+1:00:00.000", "-0:00.120"]
    );
}

#[test]
fn texts_from_clients_cannot_drive_the_terminal() {
    assert_eq!(plain("a\u{1b}[31mb\u{202e}c", 50), "a\\u{1b}[31mb\\u{202e}c");
    assert_eq!(plain("żółty", 3), "żół…");
    let shown = plain(HOSTILE, 500);
    assert!(shown.is_ascii() && !shown.contains(is_hostile), "{shown:?}");
}

#[test]
fn json_is_harmless_on_a_terminal_and_the_same_to_who_reads_it() {
    let said = [format!("ż\"\n{HOSTILE}\\x"), "plain".to_owned()];
    let mut json = Vec::new();
    write_json(&mut json, &said).unwrap();
    let text = String::from_utf8(json).unwrap();
    assert!(!text.contains(is_hostile), "{text:?}");
    assert_eq!(serde_json::from_str::<[String; 2]>(&text).unwrap(), said);
}
