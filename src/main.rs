//! The `rotator` binary.

use std::process::ExitCode;

use rotator::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::read();
    no_core_dumps();
    // The second of two installations would fail, and there is just this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(rotator::command::dispatch(cli));
            // A name look-up that hangs in its own thread must not hold the process.
            runtime.shutdown_background();
            code
        }
        Err(_) => ExitCode::from(4),
    }
}

/// A core dump would hold tokens.
fn no_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
