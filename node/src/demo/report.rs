//! What the demo tells while it runs: each step, how long it took, and what it showed.

use std::{io::IsTerminal, time::Instant};

use serde_json::{Value, json};

/// Tells the story on the terminal, or as JSON at the end.
pub(super) struct Report {
    json: bool,
    colour: bool,
    began: Instant,
    step_began: Instant,
    steps: Vec<Value>,
    results: serde_json::Map<String, Value>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        let colour = !json && std::io::stdout().is_terminal();
        let now = Instant::now();
        let results = serde_json::Map::new();
        Self { json, colour, began: now, step_began: now, steps: Vec::new(), results }
    }

    /// A step is done.
    pub(super) fn step(&mut self, title: &str, detail: &str) {
        let ms = self.step_began.elapsed().as_millis();
        self.step_began = Instant::now();
        self.steps.push(json!({ "step": title, "detail": detail, "ms": ms }));
        if !self.json {
            let time = format!("{:>7.2} s", ms as f64 / 1000.0);
            println!("{}  {}  {detail}", self.paint("2", &time), self.paint("1", &pad(title)));
        }
    }

    /// A line under the last step.
    pub(super) fn line(&self, text: &str) {
        if !self.json {
            println!("           {}  {text}", pad(""));
        }
    }

    /// A result for programs.
    pub(super) fn result(&mut self, name: &str, value: Value) {
        self.results.insert(name.to_owned(), value);
    }

    /// The story is told.
    pub(super) fn end(&mut self) {
        let ms = self.began.elapsed().as_millis();
        if self.json {
            let all = json!({ "ok": true, "ms": ms, "steps": self.steps, "results": self.results });
            println!("{all:#}");
        } else {
            println!("{}", self.paint("2", &format!("{:>7.2} s  in all", ms as f64 / 1000.0)));
        }
    }

    /// Where each owner can look at it.
    pub(super) fn links(&self, links: &[(String, String)]) {
        if self.json {
            return;
        }
        println!("\nThe nodes stay up until Ctrl-C. Each link logs its owner in, once:");
        for (name, link) in links {
            println!("  {name:<8} {link}");
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn pad(title: &str) -> String {
    format!("{title:<10}")
}
