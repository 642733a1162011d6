//! The commands as users run them: exit codes, what stands on which stream, and what is asked of S3.

use std::process::{Command, Output};

use driftless::sandbox::{Answer, Fault, Operation, Options, Prepared};
use serde_json::{Value, json};

use crate::support::daemon::{SECRET_KEY, TOKEN, World, bound_by_modes, compliant, program, spec};

mod asks;
mod demo;
mod imports;
mod plans;
mod tells;
mod terminal;
mod watch;

/// What came of a command.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {}", self.out))
    }
}

/// Runs a command with nothing but a home.
fn alone(args: &[&str]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    program(home.path()).args(args).output().unwrap().into()
}

/// Runs a command in the environment of a world.
fn run(world: &World, args: &[&str]) -> Ran {
    world.program().args(args).output().unwrap().into()
}

/// Writes specs into a folder of the world, and gives its path.
fn folder(world: &World, name: &str, specs: &[(&str, &str)]) -> String {
    let path = world.path(name);
    std::fs::create_dir_all(&path).unwrap();
    for (file, text) in specs {
        std::fs::write(path.join(file), text).unwrap();
    }
    path.display().to_string()
}
