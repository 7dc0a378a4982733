//! `llmlogs proxy`: records what goes through a port of this machine.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use crate::args::{Global, Proxy as Args};
use crate::outcome::{CliError, Outcome};
use crate::output::out::complain;
use crate::proxy::{Proxy, Recorder, Settings, serve};

pub(crate) fn run(global: &Global, args: &Args) -> Result<Outcome, CliError> {
    if args.listen.len() > args.upstream.len() {
        return Err(CliError::Usage("--listen is given more often than --upstream".to_owned()));
    }
    if let Some(open) = args.listen.iter().find(|address| !address.ip().is_loopback()) {
        return Err(CliError::Usage(format!(
            "--listen {open}: whoever reaches that address could use the keys of others; only loopback addresses, such as \
             127.0.0.1:8080, are listened on"
        )));
    }
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let addresses = args.listen.iter().copied().chain(std::iter::repeat(free));
    let proxies = args.upstream.iter().zip(addresses);
    let proxies: Vec<Proxy> = proxies
        .map(|(upstream, address)| Proxy::bind(address, upstream.clone()))
        .collect::<Result<_, _>>()?;
    let recorder = Recorder::start(Settings::new(global, &args.recording)?)?;
    let mut stdout = std::io::stdout();
    for proxy in &proxies {
        writeln!(stdout, "{} -> {}", proxy.upstream().through(proxy.port()), proxy.upstream())?;
    }
    stdout.flush()?;
    let runtime = super::run::runtime()?;
    let client = recorder.client().clone();
    let served = runtime.block_on(async {
        let (end, ended) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            super::run::asked_to_end().await;
            end.send_replace(true);
        });
        serve(proxies, &client, args.health.as_deref(), ended).await
    });
    // What is on its way in other tasks ends with them, and is recorded as cancelled.
    drop(runtime);
    drop(client);
    let dir = recorder.finish();
    complain(&format!("recorded in {}", dir.display()));
    served?;
    Ok(Outcome::Found)
}
