//! Runs scenarios with many seeds and prints a table; fails when anything was amiss.

use clap::Parser;
use simulations::{SCENARIOS, Scenario, Totals, report};

/// Runs the real engine under virtual time, with faults.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// How many seeds for each scenario.
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Only this scenario; may be given several times. All when absent.
    #[arg(long)]
    scenario: Vec<String>,
    /// Multiplies how much is said.
    #[arg(long, default_value_t = 1)]
    size: u32,
    /// Prints everything that happens.
    #[arg(long)]
    trace: bool,
    /// Lists the scenarios.
    #[arg(long)]
    list: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        for scenario in SCENARIOS {
            println!("{:12} {}", scenario.name, scenario.about);
        }
        return Ok(());
    }
    let chosen = chosen(&arguments.scenario)?;
    println!("{}", report::head());
    let mut failed = 0;
    for scenario in chosen {
        let mut totals = Totals::default();
        for seed in arguments.first..arguments.first + arguments.seeds {
            let outcome = simulations::run(scenario, seed, arguments.size, arguments.trace);
            for complaint in outcome.complaints.iter().take(8) {
                eprintln!("{} seed {seed}: {complaint}", scenario.name);
            }
            totals.add(&outcome);
        }
        println!("{}", totals.line(scenario.name));
        failed += totals.failed.len();
    }
    anyhow::ensure!(failed == 0, "{failed} runs failed; their seeds are above");
    Ok(())
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &String| {
        let found = SCENARIOS.iter().find(|scenario| scenario.name == *name);
        found.ok_or_else(|| anyhow::anyhow!("no scenario {name}; --list names them"))
    };
    names.iter().map(find).collect()
}
