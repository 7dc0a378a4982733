//! `llmlogs watch`: rules over what other programs record, and whom they tell.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use llmlogs_core::alert::{Machine, Rule};
use llmlogs_core::format::time::LocalTime;
use llmlogs_core::health::SteadyClock;
use llmlogs_core::notify::{AlertCommand, Channels, Notify, OnUndelivered, Pace};
use llmlogs_core::read::{self, Alert, AlertEvent, Event};
use llmlogs_core::store::AlertLog;

use crate::args::{Global, Watch};
use crate::env;
use crate::interrupt;
use crate::outcome::{CliError, Outcome, describe};
use crate::output::format::{Clock, plural};
use crate::output::out::{BAD, DIM, GOOD, Out, complain};
use crate::output::text::one_line;
use crate::webhook;

/// How long to wait between two polls.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the end waits for notices to be delivered.
const DELIVERY: Duration = Duration::from_secs(2);

/// The rules of a watch that was given none.
const RULES: [&str; 2] = ["failure_rate>20%/5m", "in_a_row>=5"];

pub(crate) fn run(global: &Global, args: &Watch) -> Result<Outcome, CliError> {
    let rules = rules(args)?;
    let channels = channels(args)?;
    let root = env::find(global.one_root()?)?;
    // Started before anything is said, so that whoever hears it knows that no call is missed.
    let mut watch = read::Watch::new(&root)?;
    interrupt::guard()?;
    let clock = SteadyClock::start();
    let prefix = format!("watch_{}_{}", LocalTime::of(SystemTime::now()).stamp(), std::process::id());
    let mut machine = Machine::new(rules.clone(), &prefix, "", clock.now());
    let mut told = Told::new(global, root, channels)?;
    told.log.open(&told.root);
    complain(&format!(
        "watching {}{} with {}: {}",
        told.root.display(),
        if told.log.is_to_come() { ", which does not exist yet," } else { "" },
        plural(rules.len() as u64, "rule"),
        rules.iter().map(Rule::to_string).collect::<Vec<_>>().join(", ")
    ));
    let ended = watch_on(&mut watch, clock, &mut machine, &mut told);
    told.end();
    match ended {
        // It runs until it is told to end: that is no failure, and a supervisor must not take it for one.
        CliError::Interrupted => Ok(Outcome::Found),
        error => Err(error),
    }
}

/// Watches until the program is to end, or cannot go on.
fn watch_on(watch: &mut read::Watch, clock: SteadyClock, machine: &mut Machine, told: &mut Told) -> CliError {
    let mut unreadable = None;
    loop {
        if let Err(error) =
            step(watch, clock, machine, told, &mut unreadable).and_then(|()| interrupt::check())
        {
            return error;
        }
        thread::sleep(PAUSE);
    }
}

/// Looks at what has happened since the last step. `unreadable` is what could not be read then.
fn step(
    watch: &mut read::Watch,
    clock: SteadyClock,
    machine: &mut Machine,
    told: &mut Told,
    unreadable: &mut Option<String>,
) -> Result<(), CliError> {
    told.log.open(&told.root);
    match watch.poll() {
        Ok(events) => {
            *unreadable = None;
            for event in events {
                let Event::Finished(entry) = event else { continue };
                let now = clock.now();
                let call = entry.line().to_entry();
                told.tell_all(machine.observe(&call, now, now))?;
            }
        }
        // It goes on when it can be read again; what is wrong is said once.
        Err(error) => {
            let what = describe(&error);
            if unreadable.as_ref() != Some(&what) {
                complain(&format!("cannot read {what}"));
                *unreadable = Some(what);
            }
        }
    }
    let now = clock.now();
    if machine.next_tick(now).is_some_and(|tick| tick <= now) {
        told.tell_all(machine.tick(now))?;
    }
    told.note_undelivered();
    Ok(())
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
    root: PathBuf,
    out: Out,
    json: bool,
    clock: Clock,
    channels: Channels,
    undelivered: Receiver<Alert>,
    log: Log,
}

/// `alerts.jsonl` in the root.
enum Log {
    /// There is no root yet.
    ToCome,
    Open(AlertLog),
    /// It cannot be written.
    Failed,
}

impl Log {
    fn is_to_come(&self) -> bool {
        matches!(self, Log::ToCome)
    }

    /// Opens the file as soon as there is a root.
    fn open(&mut self, root: &Path) {
        if !self.is_to_come() || !root.exists() {
            return;
        }
        *self = match AlertLog::open(root) {
            Ok(log) => Log::Open(log),
            Err(error) => {
                complain(&format!(
                    "cannot write alerts.jsonl in {}: {error}; alerts are told, but llmlogs alerts will not list them",
                    root.display()
                ));
                Log::Failed
            }
        };
    }

    fn write(&mut self, alert: &Alert) {
        let Log::Open(log) = self else { return };
        if let Err(error) = log.append(alert) {
            complain(&format!("cannot write alerts.jsonl: {error}"));
        }
    }
}

impl Told {
    fn new(global: &Global, root: PathBuf, channels: Vec<Box<dyn Notify>>) -> Result<Self, CliError> {
        let (sender, undelivered) = channel();
        let sender = Mutex::new(sender);
        let on_undelivered: OnUndelivered = Arc::new(move |alert| {
            // Nobody listens any more once the command ends.
            let _ended = sender.lock().unwrap_or_else(PoisonError::into_inner).send(alert);
        });
        let channels = Channels::start(channels, Pace::default(), &on_undelivered)
            .map_err(|error| CliError::Failed(format!("cannot start a thread: {error}")))?;
        Ok(Told {
            root,
            out: Out::new(global.color, false),
            json: global.json,
            clock: Clock::new(global.utc),
            channels,
            undelivered,
            log: Log::ToCome,
        })
    }

    fn tell_all(&mut self, alerts: Vec<Alert>) -> Result<(), CliError> {
        for alert in alerts {
            self.log.write(&alert);
            self.channels.send(&alert);
            if self.json {
                self.out.json_line(&alert)?;
            } else {
                self.print(&alert)?;
            }
            self.out.flush()?;
        }
        Ok(())
    }

    fn print(&mut self, alert: &Alert) -> Result<(), CliError> {
        let Told { out, clock, .. } = self;
        let time = out.paint(DIM, &clock.short(alert.timestamp));
        let rule = out.paint(DIM, &one_line(&alert.rule));
        let message = one_line(&alert.message);
        let what = match (alert.event, alert.notice) {
            // Its message says that it is resolved.
            (AlertEvent::Resolved, _) => out.paint(GOOD, &message),
            (_, 1) => format!("{}  {message}", out.paint(BAD, "firing")),
            _ => format!("{}  {message}", out.paint(BAD, "still firing")),
        };
        Ok(out.line(&format!("{time}  {what}  {rule}"))?)
    }

    fn note_undelivered(&mut self) {
        while let Ok(alert) = self.undelivered.try_recv() {
            complain(&format!("not delivered to {}: {}: {}", alert.channel, alert.reason, alert.message));
            self.log.write(&alert);
        }
    }

    fn end(&mut self) {
        if !self.channels.wait(DELIVERY) {
            complain("not every notice was delivered");
        }
        self.note_undelivered();
    }
}
