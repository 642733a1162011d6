//! `driftless man`: the manual pages, one a command, from the same text as `--help`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::CANNOT_TELL;
use super::session::complain;

/// Prints the manual page of driftless, or writes those of all commands into a folder.
///
/// To read one: driftless man --out /tmp/man && man /tmp/man/driftless-plan.1
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder that all of them are written to, such as /usr/local/share/man/man1; it is made
    /// where it is not there.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Runs the command; `program` is the whole command line.
pub fn run(args: &ManArgs, program: clap::Command) -> ExitCode {
    let pages = match pages(program) {
        Ok(pages) => pages,
        Err(error) => {
            complain(format!("the manual pages cannot be made: {}", error.to_string().to_lowercase()), None);
            return ExitCode::from(CANNOT_TELL);
        }
    };
    match &args.out {
        None => {
            let (_, page) = pages.last().expect("the page of the program is the last");
            super::say(page.trim_end());
        }
        Some(folder) => {
            if let Err(error) = write(folder, &pages) {
                let said = error.to_string().to_lowercase();
                complain(format!("the manual pages cannot be written to `{}`: {said}", folder.display()), None);
                return ExitCode::from(CANNOT_TELL);
            }
            super::say(format_args!("{} manual pages written to {}", pages.len(), folder.display()));
        }
    }
    ExitCode::SUCCESS
}

/// Every page with the name of its file; that of the program itself is the last.
///
/// # Errors
/// When one cannot be made.
pub fn pages(program: clap::Command) -> std::io::Result<Vec<(String, String)>> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    let commands: Vec<clap::Command> = program.get_subcommands().filter(|it| !it.is_hide_set()).cloned().collect();
    for command in commands.into_iter().chain([program]) {
        let man =
            clap_mangen::Man::new(command).manual("driftless").source(concat!("driftless ", env!("CARGO_PKG_VERSION")));
        let mut page = Vec::new();
        man.render(&mut page)?;
        pages.push((man.get_filename(), String::from_utf8_lossy(&page).into_owned()));
    }
    Ok(pages)
}

fn write(folder: &Path, pages: &[(String, String)]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|(name, page)| std::fs::write(folder.join(name), page))
}
