//! Colours, completions and manual pages. What needs a terminal is in tests/outside/test_terminal.py.

use std::process::Stdio;

use super::*;

/// A plan with something of every kind in it.
fn plan(world: &World, environment: &[(&str, &str)], more: &[&str]) -> Ran {
    let dir = folder(world, "specs", &[("a.yaml", &spec("ai-data", "")), ("b.yaml", "kind: Bukket\n")]);
    let live = world.path("live.yaml");
    std::fs::write(&live, "buckets:\n  ai-data: {versioning: {status: Suspended}, tags: denied}\n").unwrap();
    let mut command = world.program();
    command.envs(environment.iter().copied()).args(["plan", &dir, "--live", live.to_str().unwrap()]).args(more);
    command.output().unwrap().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_has_no_colours_unless_somebody_asks() {
    let world = World::new(&[]).await;
    let bare = plan(&world, &[], &[]);
    assert!(!bare.out.contains('\u{1b}') && !bare.err.contains('\u{1b}'), "{bare:?}");
    assert!(bare.out.contains("  ~ versioning  asked for by policy versioned\n"), "{}", bare.out);
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let with: [Case<'_>; 3] = [
        (&[("CLICOLOR_FORCE", "1")], &[]),
        (&[], &["--color", "always"]),
        (&[("NO_COLOR", "1"), ("TERM", "dumb")], &["--color=always"]),
    ];
    for (environment, more) in with {
        let ran = plan(&world, environment, more);
        assert!(
            ran.out.contains("\u{1b}[1mai-data\u{1b}[0m (us-east-1)\n  \u{1b}[33m~\u{1b}[0m versioning"),
            "{}",
            ran.out
        );
        assert!(ran.err.starts_with("\u{1b}[31mb.yaml:1:"), "{}", ran.err);
        let without = driftless::cli::color::without;
        assert_eq!((without(&ran.out), without(&ran.err), ran.code), (bare.out.clone(), bare.err.clone(), bare.code));
    }
    let without: [Case<'_>; 3] = [
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], &[]),
        (&[("CLICOLOR_FORCE", "1")], &["--color", "never"]),
        (&[("CLICOLOR_FORCE", "0")], &[]),
    ];
    for (environment, more) in without {
        assert_eq!(plan(&world, environment, more), bare, "{environment:?} {more:?}");
    }
    // Machines never get any.
    let json = plan(&world, &[], &["--color", "always", "--output", "json"]);
    assert!(!json.out.contains('\u{1b}'), "{}", json.out);
    assert!(json.json()["buckets"].is_array());
}

#[test]
fn help_is_coloured_by_the_same_word() {
    assert!(alone(&["--color", "always", "plan", "--help"]).out.contains('\u{1b}'));
    assert!(!alone(&["--color=never", "plan", "--help"]).out.contains('\u{1b}'));
    assert!(!alone(&["plan", "--help"]).out.contains('\u{1b}'));
}

/// The names of all commands, from the help.
fn commands() -> Vec<String> {
    let help = alone(&["--help"]).out;
    let (_, list) = help.split_once("\nCommands:\n").expect("a list of commands");
    let (list, _) = list.split_once("\n\n").expect("its end");
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names: Vec<String> =
        names.map(|line| line.split(' ').next().unwrap().to_owned()).filter(|it| it != "help").collect();
    assert!(names.len() >= 15 && names.contains(&"plan".to_owned()), "{names:?}");
    names
}

#[test]
fn every_shell_gets_completions_that_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = alone(&["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        for name in commands() {
            assert!(ran.out.contains(&name), "{shell} does not know `{name}`");
        }
        assert!(!ran.out.contains('\u{fffd}'), "{shell}: nothing was replaced");
    }
    let wrong = alone(&["completions", "tcsh"]);
    assert_eq!(wrong.code, Some(2));
}

/// What bash offers after these words.
fn offered(words: &[&str]) -> Vec<String> {
    let script = "source /dev/stdin
        COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))
        $(complete -p driftless | sed 's/.*-F \\([^ ]*\\).*/\\1/') driftless \"${!#}\" \"${COMP_WORDS[COMP_CWORD-1]}\"
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).args(words);
    let mut child = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let completions = alone(&["completions", "bash"]).out;
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), completions.as_bytes()).unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{words:?}");
    ran.out.lines().map(str::to_owned).collect()
}

#[test]
fn bash_takes_the_completions_and_completes() {
    assert_eq!(offered(&["driftless", "sta"]), ["status"]);
    assert_eq!(offered(&["driftless", "validate", "--stri"]), ["--strict"]);
    assert_eq!(offered(&["driftless", "status", "--output", ""]), ["text", "json"]);
    assert_eq!(offered(&["driftless", "--color", "al"]), ["always"]);
    let all = offered(&["driftless", ""]);
    for name in commands() {
        assert!(all.contains(&name), "{name} is not offered: {all:?}");
    }
}

#[test]
fn every_command_has_a_manual_page_that_renders_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("share/man/man1");
    let ran = alone(&["man", "--out", out.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let mut expected: Vec<String> = commands().iter().map(|name| format!("driftless-{name}.1")).collect();
    expected.push("driftless.1".to_owned());
    expected.sort();
    assert_eq!(crate::docs::names(&out), expected);
    assert_eq!(ran.out, format!("{} manual pages written to {}\n", expected.len(), out.display()));
    let has_groff = Command::new("groff").arg("--version").output().is_ok();
    for name in &expected {
        let text = std::fs::read_to_string(out.join(name)).unwrap();
        for part in [".TH", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
            assert!(text.contains(part), "{name} has no {part}");
        }
        if has_groff {
            let groff = Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(out.join(name)).output().unwrap();
            let ran: Ran = groff.into();
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{name}");
            assert!(ran.out.contains("driftless") && ran.out.lines().count() > 10, "{name}: {}", ran.out);
        }
    }
    let one = alone(&["man"]);
    assert_eq!(one.out.trim_end(), std::fs::read_to_string(out.join("driftless.1")).unwrap().trim_end());
    let nowhere = alone(&["man", "--out", "/dev/null/man"]);
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.err.starts_with("the manual pages cannot be written to `/dev/null/man`: "), "{}", nowhere.err);
}

#[test]
fn make_install_puts_program_pages_and_completions_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    let ran: Ran = Command::new("make")
        .current_dir(crate::docs::root())
        .args(["--silent", "install", "CARGO=true"])
        .arg(format!("BINARY={}", env!("CARGO_BIN_EXE_driftless")))
        .arg(format!("DESTDIR={}", folder.path().display()))
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let prefix = folder.path().join("usr/local");
    let installed: Ran = Command::new(prefix.join("bin/driftless")).arg("--version").output().unwrap().into();
    assert_eq!(installed.out, format!("driftless {}\n", env!("CARGO_PKG_VERSION")));
    for file in [
        "share/man/man1/driftless.1",
        "share/man/man1/driftless-plan.1",
        "share/bash-completion/completions/driftless",
        "share/zsh/site-functions/_driftless",
        "share/fish/vendor_completions.d/driftless.fish",
    ] {
        assert!(std::fs::metadata(prefix.join(file)).is_ok_and(|it| it.len() > 500), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_never_written_into_a_pipe() {
    let weather = driftless::sandbox::Weather { latency_ms: 1200, ..driftless::sandbox::Weather::default() };
    let options = Options { weather, ..compliant(1) };
    let world = World::with(options, &[]).await;
    let dir = folder(&world, "specs", &[("a.yaml", &spec("bucket-000000", ""))]);
    let ran = run(&world, &["plan", &dir, "--endpoint", &world.s3.url()]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
}
