//! `docs/s3-compatible.md` and `docs/comparing.md` name tests that are there, for every point.

use super::{names, root, text};

/// The pains of users of other tools that concern a diff: what is compared, and what is left alone.
const PAINS_OF_A_DIFF: [u32; 18] = [1, 2, 3, 5, 6, 7, 9, 10, 12, 13, 14, 15, 16, 17, 18, 21, 22, 24];

#[test]
fn every_point_of_the_page_has_tests_that_are_there() {
    let page = text("docs/s3-compatible.md");
    let mut sources = String::new();
    gather(&root().join("tests"), &mut sources);
    for point in 1..=16 {
        let beginning = format!("| {point}. ");
        let row = page.lines().find(|line| line.starts_with(&beginning));
        let row = row.unwrap_or_else(|| panic!("the page has no point {point}"));
        let cell = row.rsplit(" | ").next().expect("the row has cells");
        let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(
            tests.iter().any(|name| name.contains(&format!("{point:02}"))),
            "point {point} names no test of its own"
        );
        for name in tests {
            let there = [format!("fn {name}("), format!("def {name}(")].iter().any(|it| sources.contains(it));
            assert!(there, "point {point} names `{name}`, which is no test");
        }
    }
    // And no test for a point is left out.
    for line in sources.lines() {
        let name = line.trim().trim_start_matches("async ").strip_prefix("fn ").or(line.strip_prefix("def "));
        let Some(name) = name.and_then(|rest| rest.split('(').next()) else { continue };
        if name.trim_start_matches("test_").starts_with("point_") {
            assert!(page.contains(&format!("`{name}`")), "docs/s3-compatible.md does not name `{name}`");
        }
    }
}

#[test]
fn every_test_that_the_page_of_comparing_names_is_there_and_no_pain_is_left_out() {
    let page = text("docs/comparing.md");
    let mut sources = String::new();
    gather(&root().join("src"), &mut sources);
    gather(&root().join("tests"), &mut sources);
    let cases = names(&root().join("tests/cases"));
    for line in page.lines().filter(|line| line.starts_with("| ") && line.contains(". ")) {
        let cell = line.trim_end_matches(" |").rsplit(" | ").next().expect("the row has cells");
        let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "a row names no test: {line}");
        for name in tests {
            let there = sources.contains(&format!("fn {name}(")) || cases.iter().any(|case| case == name);
            assert!(there, "docs/comparing.md names `{name}`, which is neither a test nor a case");
        }
    }
    for pain in PAINS_OF_A_DIFF {
        let beginning = format!("| {pain}. ");
        let row = page.lines().rev().find(|line| line.starts_with(&beginning));
        assert!(row.is_some_and(|row| row.contains("pain")), "pain {pain} has no row that names a test of its own");
    }
    for case in cases.iter().filter(|case| case.starts_with("pain-")) {
        assert!(page.contains(&format!("`{case}`")), "docs/comparing.md does not name the case `{case}`");
    }
    for rule in 1..=10 {
        assert!(page.lines().any(|line| line.starts_with(&format!("| {rule}. "))), "rule {rule} has no row");
    }
    for line in sources.lines() {
        let name = line.trim().trim_start_matches("async ").strip_prefix("fn pain_");
        let Some(name) = name.and_then(|rest| rest.split('(').next()) else { continue };
        assert!(page.contains(&format!("`pain_{name}`")), "docs/comparing.md does not name `pain_{name}`");
    }
}

fn gather(folder: &std::path::Path, into: &mut String) {
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            gather(&path, into);
        } else if name.ends_with(".rs") || name.ends_with(".py") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
