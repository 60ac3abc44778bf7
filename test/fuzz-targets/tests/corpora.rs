//! What the fuzzers found worth keeping, replayed.

use std::path::Path;

use ringway_fuzz_targets::{TARGETS, target};

fn corpora() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus"))
}

#[test]
fn every_corpus_is_replayed() {
    for (name, run) in TARGETS {
        let mut files: Vec<_> = corpora()
            .join(name)
            .read_dir()
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.expect("a file").path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has seeds");
        for file in files {
            run(&std::fs::read(&file).expect("readable"));
        }
    }
}

#[test]
fn every_program_has_its_target() {
    let programs = corpora().with_file_name("fuzz_targets");
    let mut names: Vec<_> = programs
        .read_dir()
        .expect("a folder")
        .map(|entry| {
            entry.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    let known: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names, known);
    for name in names {
        target(&name)(b"");
    }
}
