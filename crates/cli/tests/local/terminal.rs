//! A terminal with the program in it, and what a person sees and types.

use std::{
    fs::File,
    io::{Read, Write},
    process::Stdio,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use nix::{
    pty::{Winsize, openpty},
    sys::signal::Signal,
};

use crate::support::{Place, Running, Said, eventually};

/// A terminal with the program in it.
pub(crate) struct Terminal {
    keyboard: File,
    seen: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
    running: Running,
}

impl Terminal {
    /// Starts the program in a terminal of this many columns.
    pub(crate) fn start(place: &Place, columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = Winsize { ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).unwrap();
        let (master, slave) = (File::from(pair.master), File::from(pair.slave));
        let mut command = place.command(arguments);
        command.envs(environment.iter().copied());
        command.stdin(Stdio::from(slave.try_clone().unwrap())).stdout(Stdio::from(slave)).stderr(Stdio::piped());
        let running = Running::of(&mut command);
        // The program's are the only ends now, so that its end is the end of what is seen.
        drop(command);
        let seen = Arc::new(Mutex::new(String::new()));
        let (mut screen, shown) = (master.try_clone().unwrap(), seen.clone());
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { keyboard: master, seen, reader, running }
    }

    /// Everything that was shown until now.
    pub(crate) fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until this was shown.
    pub(crate) fn wait_for(&self, text: &str) {
        eventually(text, || self.seen().contains(text));
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Forgets what was shown, and types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.seen.lock().unwrap().clear();
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The end of the program, and what was shown until then.
    pub(crate) fn end(self) -> (Said, String) {
        let said = self.running.end();
        // Nobody else has the terminal open: it ends once everything is read.
        self.reader.join().unwrap();
        let seen = self.seen.lock().unwrap().clone();
        (said, seen)
    }
}
