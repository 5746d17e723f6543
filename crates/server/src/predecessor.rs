//! A broker that was here before and is about to be gone: one that was killed holds its addresses and its files for a moment
//! longer than whoever killed it waits.

use core::time::Duration;
use std::thread;
use std::time::Instant;

/// How long it is waited for.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// How often it is looked whether it is gone.
const INTERVAL: Duration = Duration::from_millis(10);

/// Tries again what fails because somebody else has it, for half a second at most.
pub(crate) fn outwait<T, E>(
    mut attempt: impl FnMut() -> Result<T, E>,
    is_taken: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let until = Instant::now() + WAIT_MAX;
    loop {
        match attempt() {
            Err(error) if is_taken(&error) && Instant::now() < until => thread::sleep(INTERVAL),
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_after_a_moment_is_had_and_what_stays_taken_is_not() {
        let mut attempts = 0;
        let mut attempt = || {
            attempts += 1;
            if attempts < 3 { Err("taken") } else { Ok(attempts) }
        };
        assert_eq!(outwait(&mut attempt, |error| *error == "taken"), Ok(3));
        assert_eq!(outwait(|| Err::<(), _>("broken"), |error| *error == "taken"), Err("broken"));
        let started = Instant::now();
        assert_eq!(outwait(|| Err::<(), _>("taken"), |error| *error == "taken"), Err("taken"));
        assert!(started.elapsed() >= WAIT_MAX);
    }
}
