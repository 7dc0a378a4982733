//! `llmlogs watch`: rules over what other programs record, and whom they tell.

mod webhook;

use std::io::Write;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use llmlogs_core::alert::{Machine, Rule};
use llmlogs_core::format::time::LocalTime;
use llmlogs_core::health::SteadyClock;
use llmlogs_core::notify::{AlertCommand, Channels, Notify, OnUndelivered, Pace};
use llmlogs_core::read::{Alert, AlertEvent, Event};
use llmlogs_core::store::AlertLog;

use crate::args::Watch;
use crate::env::Env;
use crate::interrupt;
use crate::outcome::{CliError, Outcome, describe};
use crate::output::format::plural;
use crate::output::out::{BAD, DIM, GOOD, complain};
use crate::output::text::one_line;

/// How long to wait between two polls.
const PAUSE: Duration = Duration::from_millis(250);

/// How long Ctrl-C waits for notices to be delivered.
const DELIVERY: Duration = Duration::from_secs(2);

/// The rules of a watch that was given none.
const RULES: [&str; 2] = ["failure_rate>20%/5m", "in_a_row>=5"];

pub(crate) fn run(env: &mut Env, args: &Watch) -> Result<Outcome, CliError> {
    let rules = rules(args)?;
    let channels = channels(args)?;
    // Started before anything is said, so that whoever hears it knows that no call is missed.
    let mut watch = env.root.watch()?;
    interrupt::guard()?;
    let clock = SteadyClock::start();
    let prefix = format!("watch_{}_{}", LocalTime::of(SystemTime::now()).stamp(), std::process::id());
    let mut machine = Machine::new(rules.clone(), &prefix, "", clock.now());
    let mut told = Told::new(env, channels)?;
    complain(&format!(
        "watching {} with {}: {}",
        env.root.path().display(),
        plural(rules.len() as u64, "rule"),
        rules.iter().map(Rule::to_string).collect::<Vec<_>>().join(", ")
    ));
    let mut unreadable = None;
    loop {
        match watch.poll() {
            Ok(events) => {
                unreadable = None;
                for event in events {
                    let Event::Finished(entry) = event else { continue };
                    let now = clock.now();
                    let call = entry.line().to_entry();
                    told.tell_all(env, machine.observe(&call, now, now))?;
                }
            }
            // It goes on when it can be read again; what is wrong is said once.
            Err(error) => {
                let what = describe(&error);
                if unreadable.as_ref() != Some(&what) {
                    complain(&format!("cannot read {what}"));
                    unreadable = Some(what);
                }
            }
        }
        let now = clock.now();
        if machine.next_tick(now).is_some_and(|tick| tick <= now) {
            told.tell_all(env, machine.tick(now))?;
        }
        told.note_undelivered();
        if interrupt::check().is_err() {
            told.end();
            return Err(CliError::Interrupted);
        }
        thread::sleep(PAUSE);
    }
}

fn rules(args: &Watch) -> Result<Vec<Rule>, CliError> {
    let texts: Vec<&str> = match args.rules.as_slice() {
        [] => RULES.to_vec(),
        given => given.iter().map(String::as_str).collect(),
    };
    let parse =
        |text: &str| text.parse().map_err(|error| CliError::Usage(format!("--rule '{text}': {error}")));
    texts.into_iter().map(parse).collect()
}

fn channels(args: &Watch) -> Result<Vec<Box<dyn Notify>>, CliError> {
    let mut channels = webhook::all(&args.webhooks).map_err(CliError::Usage)?;
    if let [program, arguments @ ..] = args.command.as_slice() {
        channels.push(Box::new(AlertCommand::new(program).args(arguments)));
    }
    Ok(channels)
}

/// Whoever is told.
struct Told {
    channels: Channels,
    undelivered: Receiver<Alert>,
    /// `None` where the root cannot be written.
    log: Option<AlertLog>,
}

impl Told {
    fn new(env: &Env, channels: Vec<Box<dyn Notify>>) -> Result<Self, CliError> {
        let (sender, undelivered) = channel();
        let sender = Mutex::new(sender);
        let on_undelivered: OnUndelivered = Arc::new(move |alert| {
            // Nobody listens any more once the command ends.
            let _ended = sender.lock().unwrap_or_else(PoisonError::into_inner).send(alert);
        });
        let channels = Channels::start(channels, Pace::default(), &on_undelivered)
            .map_err(|error| CliError::Failed(format!("cannot start a thread: {error}")))?;
        let log = match AlertLog::open(env.root.path()) {
            Ok(log) => Some(log),
            Err(error) => {
                complain(&format!(
                    "cannot write alerts.jsonl in {}: {error}; alerts are told, but llmlogs alerts will not list them",
                    env.root.path().display()
                ));
                None
            }
        };
        Ok(Told { channels, undelivered, log })
    }

    fn tell_all(&mut self, env: &mut Env, alerts: Vec<Alert>) -> Result<(), CliError> {
        for alert in alerts {
            self.write(&alert);
            self.channels.send(&alert);
            if env.json {
                env.out.json_line(&alert)?;
            } else {
                print(env, &alert)?;
            }
            env.out.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, alert: &Alert) {
        let Some(log) = &mut self.log else { return };
        if let Err(error) = log.append(alert) {
            complain(&format!("cannot write alerts.jsonl: {error}"));
        }
    }

    fn note_undelivered(&mut self) {
        while let Ok(alert) = self.undelivered.try_recv() {
            complain(&format!("not delivered to {}: {}: {}", alert.channel, alert.reason, alert.message));
            self.write(&alert);
        }
    }

    fn end(&mut self) {
        if !self.channels.wait(DELIVERY) {
            complain("not every notice was delivered");
        }
        self.note_undelivered();
    }
}

fn print(env: &mut Env, alert: &Alert) -> Result<(), CliError> {
    let time = env.out.paint(DIM, &env.clock.short(alert.timestamp));
    let rule = env.out.paint(DIM, &one_line(&alert.rule));
    let message = one_line(&alert.message);
    let what = match (alert.event, alert.notice) {
        // Its message says that it is resolved.
        (AlertEvent::Resolved, _) => env.out.paint(GOOD, &message),
        (_, 1) => format!("{}  {message}", env.out.paint(BAD, "firing")),
        _ => format!("{}  {message}", env.out.paint(BAD, "still firing")),
    };
    Ok(env.out.line(&format!("{time}  {what}  {rule}"))?)
}
