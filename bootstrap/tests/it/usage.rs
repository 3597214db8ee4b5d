//! What it says about itself, and when something is wrong.

use crate::process::output;

#[test]
fn help_names_every_option_and_where_addresses_go() {
    let help = output(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for option in ["--config", "--listen", "--external", "--bootstrap", "--data-dir", "--log"] {
        assert!(text.contains(option), "{option}");
    }
    assert!(text.contains("standard output") && text.contains("Exit codes"));
}

#[test]
fn what_cannot_be_used_is_named_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let file = dir.path().join("file.toml");
    std::fs::write(&file, "listen = 5").unwrap();
    for (args, named, code) in [
        (vec!["--listen", "nonsense"], "nonsense", 1),
        (vec!["--bootstrap", "/ip4/127.0.0.1/tcp/1"], "/p2p/", 1),
        (vec!["--log", "network=loud"], "network=loud", 1),
        (vec!["--config", file.to_str().unwrap()], "file.toml", 1),
        (vec!["--frobnicate"], "--frobnicate", 2),
    ] {
        let wrong = output(&[&args[..], &["--data-dir", data]].concat());
        let text = String::from_utf8(wrong.stderr).unwrap();
        assert_eq!(wrong.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.contains(named), "{args:?}: {text}");
        assert!(wrong.stdout.is_empty());
    }
}
