//! The `llmlogs` command; everything is in the library's `cli`.

fn main() -> std::process::ExitCode {
    tracing_llmlogs::cli::main()
}
