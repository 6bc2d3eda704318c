//! Runs the tests of one backend after another on one server each, and reports as cargo's own harness does. The server is stopped and its
//! files are removed at the end, which a server in a `static` would not be.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Instant;

use futures::FutureExt;

use crate::backend::Backend;

/// A test: takes the backend, panics when something is wrong.
pub type Test = for<'a> fn(&'a mut dyn Backend) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A test function as a [`Test`].
macro_rules! case {
    ($test:path) => {
        (|backend| Box::pin($test(backend))) as crate::runner::Test
    };
}

/// Test functions with their names.
macro_rules! cases {
    ($($module:ident :: $test:ident),* $(,)?) => {
        [$((stringify!($test), case!($module::$test))),*]
    };
}

pub(crate) use {case, cases};

/// The tests asked for.
pub struct Runner {
    tests: Vec<(&'static str, &'static str, Test)>,
    filters: Vec<String>,
    list_only: bool,
    filtered_out: usize,
}

impl Runner {
    /// Understands `--list` and parts of names; cargo's other flags change nothing here.
    pub fn new(arguments: &[String]) -> Runner {
        Runner {
            tests: Vec::new(),
            filters: arguments
                .iter()
                .filter(|argument| !argument.starts_with('-'))
                .cloned()
                .collect(),
            list_only: arguments.iter().any(|argument| argument == "--list"),
            filtered_out: 0,
        }
    }

    pub fn add(&mut self, backend: &'static str, name: &'static str, test: Test) {
        let full = format!("{backend}::{name}");
        if self.filters.is_empty() || self.filters.iter().any(|filter| full.contains(filter.as_str())) {
            self.tests.push((backend, name, test));
        } else {
            self.filtered_out += 1;
        }
    }

    #[expect(clippy::print_stdout, reason = "its output is what it is for")]
    pub async fn run(mut self, start: impl AsyncFn(&'static str) -> Box<dyn Backend>) -> ExitCode {
        // Stable, so that within a backend the order stays.
        self.tests.sort_by_key(|(backend, ..)| *backend);
        if self.list_only {
            self.tests
                .iter()
                .for_each(|(backend, name, _)| println!("{backend}::{name}: test"));
            return ExitCode::SUCCESS;
        }
        println!("\nrunning {} tests", self.tests.len());
        let begun = Instant::now();
        let mut failed = Vec::new();
        let mut running: Option<(&'static str, Box<dyn Backend>)> = None;
        for (backend, name, test) in &self.tests {
            let mut server = match running.take() {
                Some((running, server)) if running == *backend => server,
                _ => start(backend).await,
            };
            let started = Instant::now();
            let passed = AssertUnwindSafe(test(&mut *server)).catch_unwind().await.is_ok();
            let verdict = if passed { "ok" } else { "FAILED" };
            println!(
                "test {backend}::{name} ... {verdict} ({:.1} s)",
                started.elapsed().as_secs_f64()
            );
            if passed {
                running = Some((*backend, server));
            } else {
                // The next test gets a server in a known state.
                failed.push(format!("{backend}::{name}"));
            }
        }
        drop(running);
        if !failed.is_empty() {
            println!("\nfailures:\n    {}", failed.join("\n    "));
        }
        println!(
            "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
            if failed.is_empty() { "ok" } else { "FAILED" },
            self.tests.len() - failed.len(),
            failed.len(),
            self.filtered_out,
            begun.elapsed().as_secs_f64()
        );
        ExitCode::from(u8::from(!failed.is_empty()))
    }
}
