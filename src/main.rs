//! The program: reads the command line and runs the command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use driftless::cli::{
    ConfigArgs, apply, demo, endpoints, history, iam, import, notify, plan, run, sandbox, scan, schema, status,
    validate,
};

/// Keeps S3 buckets exactly as git says and policy demands.
#[derive(Debug, Parser)]
#[command(name = "driftless", version, propagate_version = true, arg_required_else_help = true)]
struct Program {
    #[command(flatten)]
    config: ConfigArgs,
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
    Status(status::StatusArgs),
    Endpoints(endpoints::EndpointsArgs),
    History(history::HistoryArgs),
    Notify(notify::NotifyArgs),
    Iam(iam::IamArgs),
    Schema(schema::SchemaArgs),
    Sandbox(sandbox::SandboxArgs),
}

fn main() -> ExitCode {
    // The processes that fetch, and that look through the history, are this program, started by itself;
    // they are no commands of people's.
    if std::env::args().nth(1).as_deref() == Some(driftless::source::worker::COMMAND) {
        return driftless::source::worker::serve(std::io::stdin().lock(), std::io::stdout().lock());
    }
    if std::env::args().nth(1).as_deref() == Some(driftless::source::worker::BLAME) {
        return driftless::source::worker::serve_blame(std::io::stdin().lock(), std::io::stdout().lock());
    }
    let program = Program::parse();
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
        Command::Status(args) => runtime.block_on(status::run(args)),
        Command::Endpoints(args) => runtime.block_on(endpoints::run(config, args)),
        Command::History(_) => history_command(program.command),
        Command::Notify(args) => runtime.block_on(notify::run(config, args)),
        Command::Iam(args) => iam::run(config, args),
        Command::Schema(args) => schema::run(args),
        Command::Sandbox(args) => runtime.block_on(sandbox::run(args)),
    }
}

fn history_command(command: Command) -> ExitCode {
    let Command::History(args) = command else { return ExitCode::FAILURE };
    history::run(args).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
