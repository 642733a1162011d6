//! The program: reads the command line and runs the command.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use driftless::cli::{
    ConfigArgs, apply, color, completions, demo, endpoints, history, iam, import, man, notify, plan, record, run,
    sandbox, scan, schema, status, validate,
};

/// Keeps S3 buckets exactly as git says and policy demands.
#[derive(Debug, Parser)]
#[command(name = "driftless", version, propagate_version = true, arg_required_else_help = true)]
struct Program {
    #[command(flatten)]
    config: ConfigArgs,
    /// When to colour the output; NO_COLOR and CLICOLOR_FORCE are respected.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    color: color::When,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Demo(demo::DemoArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Scan(scan::ScanArgs),
    Validate(validate::ValidateArgs),
    Import(Box<import::ImportArgs>),
    Record(record::RecordArgs),
    Status(status::StatusArgs),
    Endpoints(endpoints::EndpointsArgs),
    History(history::HistoryArgs),
    Notify(notify::NotifyArgs),
    Iam(iam::IamArgs),
    Schema(schema::SchemaArgs),
    Sandbox(sandbox::SandboxArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

fn main() -> ExitCode {
    // The processes that fetch, and that look through the history, are this program, started by itself;
    // they are no commands of people's.
    let first = std::env::args_os().nth(1).unwrap_or_default();
    if first == driftless::source::worker::COMMAND {
        return driftless::source::worker::serve(std::io::stdin().lock(), std::io::stdout().lock());
    }
    if first == driftless::source::worker::BLAME {
        return driftless::source::worker::serve_blame(std::io::stdin().lock(), std::io::stdout().lock());
    }
    let program = parse();
    color::choose(program.color);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the threads cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = command(&runtime, program);
    // What blocks a thread (a name server that does not answer) must not block the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}

/// Reads the command line. Help and its faults are coloured by the same decision as all else, so the
/// word about colours is looked for before the rest is read.
fn parse() -> Program {
    let words: Vec<String> = std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    let said = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--color") {
        Some("") => words.get(at + 1).cloned(),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    let when = said.and_then(|word| <color::When as clap::ValueEnum>::from_str(&word, false).ok()).unwrap_or_default();
    let choice = match when {
        color::When::Auto => clap::ColorChoice::Auto,
        color::When::Always => clap::ColorChoice::Always,
        color::When::Never => clap::ColorChoice::Never,
    };
    let matches = Program::command().color(choice).get_matches();
    Program::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn command(runtime: &tokio::runtime::Runtime, program: Program) -> ExitCode {
    let config = &program.config;
    match &program.command {
        Command::Run(args) => runtime.block_on(run::run(config, args)),
        Command::Demo(args) => runtime.block_on(demo::run(args)),
        Command::Plan(args) => runtime.block_on(plan::run(config, args)),
        Command::Apply(args) => runtime.block_on(apply::run(config, args)),
        Command::Scan(args) => runtime.block_on(scan::run(config, args)),
        Command::Validate(args) => validate::run(config, args),
        Command::Import(args) => runtime.block_on(import::run(config, args)),
        Command::Record(args) => runtime.block_on(record::run(config, args)),
        Command::Status(args) => runtime.block_on(status::run(config, args)),
        Command::Endpoints(args) => runtime.block_on(endpoints::run(config, args)),
        Command::History(args) => history_command(config, args),
        Command::Notify(args) => runtime.block_on(notify::run(config, args)),
        Command::Iam(args) => iam::run(config, args),
        Command::Schema(args) => schema::run(args),
        Command::Sandbox(args) => runtime.block_on(sandbox::run(args)),
        Command::Completions(args) => completions::run(args, Program::command()),
        Command::Man(args) => man::run(args, Program::command()),
    }
}

fn history_command(config: &ConfigArgs, args: &history::HistoryArgs) -> ExitCode {
    history::run(config, args).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
