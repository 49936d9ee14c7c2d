//! A replay that runs while the test does something to its queue.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::common::{Home, PATIENCE, wait_for};

/// A running replay.
pub struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(home: &Home, arguments: &[&str]) -> Running {
        let mut child = home.follow(&[&["replay"], arguments].concat());
        let (mut stderr, said) = (child.stderr.take().unwrap(), Arc::<Mutex<String>>::default());
        let heard = Arc::clone(&said);
        let listener = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Running { child, said, listener: Some(listener) }
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said this.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait_for(&format!("the replay to say {text:?}"), 2 * PATIENCE, || self.said().contains(text).then_some(()));
    }

    /// Waits for its end; returns what it has said.
    #[track_caller]
    pub fn finish(mut self) -> (ExitStatus, String) {
        let status = wait_for("the replay to end", 4 * PATIENCE, || self.child.try_wait().unwrap());
        self.listener.take().unwrap().join().unwrap();
        (status, self.said())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
