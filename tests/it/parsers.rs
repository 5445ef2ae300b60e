//! Every parser of a peer's bytes, some hundred times in every test run: the same functions that `cargo fuzz` runs for hours.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[path = "../fuzz/targets.rs"]
mod targets;

const MANIFEST: &str = include_str!("../fuzz/Cargo.toml");

#[test]
fn whatever_a_peer_sends_every_parser_keeps_its_promises() {
    for (name, target) in targets::ALL {
        // A handshake costs two signatures, two key agreements and a lattice; the others next to nothing.
        let cases = if name == "handshake" { 100 } else { 1000 };
        let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
        let run = runner.run(&vec(any::<u8>(), 0..600), |bytes| {
            target(&bytes);
            Ok(())
        });
        assert!(run.is_ok(), "{name}: {run:?}");
    }
}

#[test]
fn every_parser_can_be_fuzzed_by_its_name() {
    for (name, _) in targets::ALL {
        assert!(MANIFEST.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
    assert_eq!(MANIFEST.matches("[[bin]]").count(), targets::ALL.len());
}
