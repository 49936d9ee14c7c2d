//! `takeup config`: checks the settings, and shows what is in force.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::client::geo::Geo;
use crate::client::user_agent::UserAgents;
use crate::config::{
    Config, ConfigError, Loaded, Origin, PROJECTS_FILE, SECRETS_FILE, SETTINGS, Sources, TokenSecrets, masked,
    nothing_is_gone, remembered,
};
use crate::directory::{Directory, DirectoryError};
use crate::postgres::PostgresUrl;

use super::error::CliError;
use super::output::{Out, counted, plain, warn};
use super::serve::{ServeArgs, key_value};

/// The options of `takeup config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value, global = true)]
    pub set: Vec<(String, String)>,
    /// Print NDJSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

impl ConfigArgs {
    /// The sources of the settings for this command line.
    pub fn sources(&self, data: &Path) -> Sources {
        let serve = ServeArgs { config: self.config.clone(), set: self.set.clone(), ..ServeArgs::default() };
        serve.sources(data)
    }
}

/// What can be looked at.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Tell all that is wrong: with takeup.toml, the environment, --set, projects.toml, the token secrets, and the files
    /// that settings name. The exit code is 0 when a server could start with it, 1 when not.
    #[command(after_help = "Example:\n  takeup config check --data takeup-data")]
    Check,
    /// Print the value of each setting and where it comes from; secrets are hidden.
    #[command(after_help = "Example:\n  takeup config show --changed")]
    Show {
        /// Only those that differ from the default.
        #[arg(long)]
        changed: bool,
    },
}

/// The most characters shown of a value.
const VALUE_CHARS_MAX: usize = 300;

/// Runs the command.
pub fn run(args: &ConfigArgs, data: &Path) -> Result<ExitCode, CliError> {
    let sources = args.sources(data);
    let mut out = Out::stdout();
    let good = match args.command {
        ConfigCommand::Check => check(&sources, args.json, &mut out)?,
        ConfigCommand::Show { changed } => show(&sources, changed, args.json, &mut out)?,
    };
    out.finish()?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A finding, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Finding {
    /// `error`: a server would not start, or not work properly. `remark`: it would.
    severity: &'static str,
    file: Option<PathBuf>,
    line: Option<usize>,
    variables: Vec<String>,
    text: String,
}

impl Finding {
    fn new(severity: &'static str, text: String) -> Finding {
        Finding { severity, file: None, line: None, variables: Vec::new(), text }
    }

    fn error(text: String) -> Finding {
        Finding::new("error", text)
    }

    fn remark(text: String) -> Finding {
        Finding::new("remark", text)
    }

    fn of(fault: &ConfigError) -> Finding {
        let (file, line) = fault.place();
        let variables = fault.variables().to_vec();
        Finding { file: file.map(Path::to_owned), line, variables, ..Finding::error(fault.to_string()) }
    }
}

fn check(sources: &Sources, json: bool, out: &mut Out) -> Result<bool, CliError> {
    let findings = findings(sources);
    let errors = findings.iter().filter(|finding| finding.severity == "error").count();
    for finding in &findings {
        if json {
            out.json(finding)?;
            continue;
        }
        let line = plain(&format!("{:<6}  {}", finding.severity, finding.text), 2000);
        out.line(&if finding.severity == "error" { out.red(&line) } else { line })?;
    }
    if !json {
        let remarks = counted((findings.len() - errors) as u64, "remark");
        let errors = counted(errors as u64, "error");
        out.line(&format!("{errors}, {remarks}"))?;
    }
    Ok(errors == 0)
}

fn findings(sources: &Sources) -> Vec<Finding> {
    let sources = &Sources { remembered: remembered::read(sources), ..sources.clone() };
    let (loaded, mut faults) = Config::examine_settings(sources);
    faults.extend(nothing_is_gone(sources).err());
    let mut findings: Vec<Finding> = faults.iter().map(Finding::of).collect();
    findings.extend(secrets(sources, &loaded));
    findings.extend(match &loaded.config.postgres_string {
        Some(text) => database(sources, text.reveal(), &loaded.config),
        None => projects(sources),
    });
    if loaded.config.redis_string.is_some() && !loaded.config.redis_gets_messages() {
        let text = "redis_string gets no messages, because kafka_servers is set: with redis_beside_kafka = true they go to both";
        findings.push(Finding::remark(text.to_owned()));
    }
    findings.extend(named_files(&loaded.config));
    findings.extend(loaded.warnings.iter().cloned().map(Finding::remark));
    for variable in &loaded.old_variables {
        let Some(why) = &variable.why_not else { continue };
        // An unusable setting has been reported as an error above.
        if findings.iter().any(|finding| finding.variables.iter().any(|name| name == variable.name)) {
            continue;
        }
        let text = match &variable.origin {
            Origin::Variable(_) => format!("{} has no effect: {why}", variable.origin),
            place => format!("{place}: {} has no effect: {why}", variable.name),
        };
        findings.push(Finding { variables: vec![variable.name.to_owned()], ..Finding::remark(text) });
    }
    findings
}

/// Files that do not exist yet are created by the first start.
fn made_later(path: &Path) -> Option<Finding> {
    matches!(path.try_exists(), Ok(false))
        .then(|| Finding::remark(format!("{}: not there yet, the first start makes it", path.display())))
}

fn secrets(sources: &Sources, loaded: &Loaded) -> Vec<Finding> {
    let path = TokenSecrets::path(&sources.data);
    let from_file = loaded.old_variables.iter().all(|variable| variable.name != "TOKEN_SECRET");
    match TokenSecrets::find(sources) {
        Err(ConfigError::Io { .. }) if made_later(&path).is_some() => {
            made_later(&path).filter(|_| nothing_is_gone(sources).is_ok()).into_iter().collect()
        }
        Err(fault) => {
            let file = fault.place().0.map(Path::to_owned).or_else(|| from_file.then(|| path.clone()));
            vec![Finding { file, ..Finding::of(&fault) }]
        }
        Ok(_) if from_file => TokenSecrets::exposed(&path).iter().map(Finding::of).collect(),
        Ok(_) => Vec::new(),
    }
}

/// Projects come from Postgres. Nothing connects to it here: a server starts whether it is there or not.
fn database(sources: &Sources, text: &str, config: &Config) -> Vec<Finding> {
    let path = sources.data.join(PROJECTS_FILE);
    let unused = format!("{}: not used, because postgres_string is set", path.display());
    let mut findings: Vec<Finding> = path.exists().then(|| Finding::remark(unused)).into_iter().collect();
    match PostgresUrl::parse(text, Some(&config.service_name)) {
        Ok(url) if url.ignored().is_empty() => {}
        Ok(url) => {
            let text = format!("postgres_string: these parameters have no effect: {}", url.ignored().join(", "));
            findings.push(Finding::remark(text));
        }
        Err(error) => findings.push(Finding::error(format!("postgres_string: {error}"))),
    }
    findings
}

fn projects(sources: &Sources) -> Vec<Finding> {
    let path = sources.data.join(PROJECTS_FILE);
    if let Some(remark) = made_later(&path) {
        // In a folder that a server has used it is an error, already reported.
        return if nothing_is_gone(sources).is_ok() { vec![remark] } else { Vec::new() };
    }
    match Directory::check(&path, &sources.data) {
        Ok(_) => Vec::new(),
        Err(DirectoryError::Content { path, faults }) => {
            let finding = |fault: &crate::directory::Fault| {
                let text = format!("{}:{}: {}", path.display(), fault.line, fault.text);
                Finding { file: Some(path.clone()), line: Some(fault.line), ..Finding::error(text) }
            };
            faults.iter().map(finding).collect()
        }
        Err(error) => vec![Finding { file: Some(path), ..Finding::error(error.to_string()) }],
    }
}

/// Reads the files that settings name, as the server would.
fn named_files(config: &Config) -> Vec<Finding> {
    let agents = config.uaparser_file.as_deref().map(|path| ("uaparser_file", path, UserAgents::check(path)));
    let geo = config.maxminddb_file.as_deref().map(|path| {
        let opened = Geo::open(Some(path)).map(drop).map_err(|error| error.to_string());
        ("maxminddb_file", path, opened)
    });
    let finding = |(name, path, result): (&str, &Path, Result<(), String>)| {
        let fault = result.err()?;
        Some(Finding { file: Some(path.to_owned()), ..Finding::error(format!("{name}: {fault}")) })
    };
    agents.into_iter().chain(geo).filter_map(finding).collect()
}

/// A setting, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    setting: &'a str,
    group: &'a str,
    value: String,
    default: &'a str,
    changed: bool,
    live: bool,
    /// `default`, `file`, `environment`, `option`.
    from: &'static str,
    file: Option<&'a Path>,
    line: Option<usize>,
    variables: &'a [String],
    option: Option<&'a str>,
}

/// One of OpenReplay's variables, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Variable<'a> {
    variable: &'a str,
    value: &'a str,
    sets: &'a [&'static str],
    no_effect_because: Option<&'a str>,
}

fn show(sources: &Sources, only_changed: bool, json: bool, out: &mut Out) -> Result<bool, CliError> {
    let (loaded, faults) = Config::examine_settings(sources);
    for fault in &faults {
        warn(&fault.to_string());
    }
    let lines = lines(&loaded, only_changed);
    if json {
        lines.iter().try_for_each(|line| out.json(line))?;
        for variable in &loaded.old_variables {
            out.json(&Variable {
                variable: variable.name,
                value: &variable.value,
                sets: &variable.sets,
                no_effect_because: variable.why_not.as_deref(),
            })?;
        }
        return Ok(faults.is_empty());
    }
    table(&lines, &loaded, out)?;
    if !only_changed {
        out.line("")?;
        out.line(&out.bold("Token secrets"))?;
        out.line(&format!("  {}", secrets_line(sources, &loaded)))?;
    }
    variables(&loaded, out)?;
    Ok(faults.is_empty())
}

fn lines(loaded: &Loaded, only_changed: bool) -> Vec<Line<'_>> {
    let differ = Config::defaults(loaded.config.data.clone()).differences(&loaded.config);
    let lines = SETTINGS.iter().zip(&loaded.chosen).map(|(setting, chosen)| {
        let (file, line) = chosen.origin.place();
        Line {
            setting: setting.name,
            group: setting.group,
            value: masked(setting.name, &chosen.text),
            default: setting.default,
            changed: differ.contains(&setting.name),
            live: setting.live,
            from: match chosen.origin {
                Origin::Default => "default",
                Origin::File { .. } => "file",
                Origin::Variable(_) | Origin::VariableFile { .. } => "environment",
                Origin::Option(_) => "option",
            },
            file,
            line,
            variables: chosen.origin.variables(),
            option: if let Origin::Option(text) = &chosen.origin {
                Some(text.split_once(' ').map_or(text, |(name, _)| name))
            } else {
                None
            },
        }
    });
    lines.filter(|line| line.changed || !only_changed).collect()
}

fn table(lines: &[Line<'_>], loaded: &Loaded, out: &mut Out) -> Result<(), CliError> {
    let shown =
        |line: &Line<'_>| if line.value.is_empty() { "\"\"".to_owned() } else { plain(&line.value, VALUE_CHARS_MAX) };
    let name_width = lines.iter().map(|line| line.setting.len()).max().unwrap_or(0);
    let value_width = lines.iter().map(|line| shown(line).chars().count()).max().unwrap_or(0).min(32);
    if lines.is_empty() {
        return out.line("all settings have their defaults");
    }
    let mut group = "";
    for line in lines {
        if line.group != group {
            if !group.is_empty() {
                out.line("")?;
            }
            group = line.group;
            out.line(&out.bold(group))?;
        }
        let origin = loaded.chosen(line.setting).map(|chosen| place(&chosen.origin)).unwrap_or_default();
        let live = if line.live { "  [live]" } else { "" };
        let (name, value) = (line.setting, shown(line));
        out.line(&format!("  {name:<name_width$}  {value:<value_width$}  {origin}{live}"))?;
    }
    Ok(())
}

/// Where a value comes from, without the value itself: an option would print a secret.
fn place(origin: &Origin) -> String {
    match origin {
        Origin::Option(text) => text.split(' ').next().unwrap_or_default().to_owned(),
        other => plain(&other.to_string(), VALUE_CHARS_MAX),
    }
}

fn secrets_line(sources: &Sources, loaded: &Loaded) -> String {
    let variable = loaded.old_variables.iter().find(|variable| variable.name == "TOKEN_SECRET");
    let place = variable
        .map_or_else(|| sources.data.join(SECRETS_FILE).display().to_string(), |variable| variable.origin.to_string());
    match TokenSecrets::find(sources) {
        Ok(secrets) => format!("{} (hidden)  {place}  [live]", secrets.len()),
        Err(fault) => plain(&fault.to_string(), VALUE_CHARS_MAX),
    }
}

fn variables(loaded: &Loaded, out: &mut Out) -> Result<(), CliError> {
    if loaded.old_variables.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.line(&out.bold("Variables of OpenReplay's that are set"))?;
    let name_width = loaded.old_variables.iter().map(|variable| variable.name.len()).max().unwrap_or(0);
    for variable in &loaded.old_variables {
        let (name, value) = (variable.name, plain(&variable.value, VALUE_CHARS_MAX));
        let effect = match &variable.why_not {
            Some(why) => format!("no effect: {why}"),
            None => format!("sets {}", variable.sets.join(", ")),
        };
        out.line(&format!("  {name:<name_width$}  {value}  {}", plain(&effect, 2000)))?;
    }
    Ok(())
}
