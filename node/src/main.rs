//! The binary `conclave`: parses, runs, reports.

use std::process::ExitCode;

fn main() -> ExitCode {
    node::cli::main()
}
