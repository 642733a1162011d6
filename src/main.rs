//! The program.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(driftless::source::worker::COMMAND) {
        return driftless::source::worker::serve(std::io::stdin().lock(), std::io::stdout().lock());
    }
    ExitCode::FAILURE
}
