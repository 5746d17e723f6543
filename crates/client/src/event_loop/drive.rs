//! One connection, from its opening to its end.

use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use martlet_proto::client::Input;
use tokio::time::{Instant, Sleep};

use super::{End, EventLoop};
use crate::error::{ConnectError, Lost};
use crate::link::Link;
use crate::transport;

/// How many bytes may wait to be sent before nothing new is published.
const OUTGOING_BYTES_MAX: usize = 256 << 10;
/// How long the last words to a server may take that broke the standard, and the last words of one that hung up.
const FAREWELL: Duration = Duration::from_millis(500);
/// How long to sleep when nothing is due.
const LONG: Duration = Duration::from_hours(1);

impl EventLoop {
    /// Opens a connection and drives it to its end.
    pub(super) async fn connection(&mut self) -> End {
        let patience = self.options.connect_timeout;
        let deadline = Instant::now() + patience;
        let options = Arc::clone(&self.options);
        let dial = tokio::time::timeout_at(deadline, Box::pin(transport::dial(&options)));
        let carrier = match self.beside(dial).await {
            None => return End::Application,
            Some(Ok(Ok(carrier))) => carrier,
            Some(Ok(Err(error))) => return End::Lost(Lost::Connect(error)),
            Some(Err(_elapsed)) => {
                return End::Lost(Lost::Connect(ConnectError::Timeout { after: patience }));
            }
        };
        self.journal.try_again();
        if let Err(error) = self.begin() {
            return End::Lost(Lost::Connect(error));
        }
        let end = self.drive(Link::new(carrier), deadline).await;
        self.closed();
        end
    }

    async fn drive(&mut self, mut link: Link, handshake_deadline: Instant) -> End {
        let mut timer = core::pin::pin!(tokio::time::sleep_until(handshake_deadline));
        loop {
            self.take_events();
            self.send_waiting();
            if let Some(lost) = self.lost.take() {
                self.append_last_words(&mut link);
                link.close(FAREWELL).await;
                return End::Lost(lost);
            }
            if self.is_ready_to_close() {
                return self.close(link).await;
            }
            self.move_on(&mut link);
            let wake = self.wake_at(handshake_deadline);
            if wake < timer.deadline() {
                timer.as_mut().reset(wake);
            }
            if let Err(lost) = self.wait(&mut link, timer.as_mut(), handshake_deadline).await {
                self.lost = Some(lost);
            }
        }
    }

    /// Waits for one thing to happen, and takes it.
    async fn wait(
        &mut self,
        link: &mut Link,
        mut timer: Pin<&mut Sleep>,
        handshake_deadline: Instant,
    ) -> Result<(), Lost> {
        // Before CONNACK nothing comes that a stream has to take.
        let reads = self.gauge.has_room() || !self.protocol.is_connected();
        self.protocol.set_reading(self.clock.now(), reads);
        let mut room = self.room();
        let room_bytes = OUTGOING_BYTES_MAX.saturating_sub(self.journal.waiting_bytes());
        room.publishes &= self.protocol.outgoing().len() < room_bytes;
        tokio::select! {
            read = link.reader.read(), if reads => match read {
                Ok([]) => return Err(self.hung_up()),
                Ok(bytes) => self.protocol.handle(self.clock.now(), Input::Received(bytes)),
                Err(error) => return Err(self.failed(error)),
            },
            sent = link.writer.advance(), if link.writer.is_busy() => if let Err(error) = sent {
                self.hear_last_words(link).await;
                return Err(self.lost.take().unwrap_or_else(|| self.failed(error)));
            },
            command = self.inbox.next(room) => self.take_commands(command, |len| len < room_bytes),
            outcome = self.journal.stored(), if self.journal.is_storing() => self.batch_ended(outcome),
            () = self.gauge.drained(), if !reads => {}
            () = timer.as_mut() => {
                if !self.protocol.is_connected() && Instant::now() >= handshake_deadline {
                    let after = self.options.connect_timeout;
                    return Err(Lost::Connect(ConnectError::Timeout { after }));
                }
                self.protocol.handle(self.clock.now(), Input::WakeUp);
                timer.as_mut().reset(self.wake_at(handshake_deadline));
            }
        }
        Ok(())
    }

    /// The server does not take what is sent: what it said before may tell why.
    async fn hear_last_words(&mut self, link: &mut Link) {
        let words = async {
            while self.gauge.has_room()
                && let Ok(bytes @ [_, ..]) = link.reader.read().await
            {
                self.protocol.handle(self.clock.now(), Input::Received(bytes));
                self.take_events();
            }
        };
        let _ = tokio::time::timeout(FAREWELL, words).await;
    }

    /// The next time at which something is due.
    fn wake_at(&self, handshake_deadline: Instant) -> Instant {
        let closing = self.closing.as_ref().map(|closing| closing.deadline);
        let handshake = (!self.protocol.is_connected()).then_some(handshake_deadline);
        let protocol = self.protocol.wake_at().map(|time| self.clock.at(time));
        let earliest = [closing, handshake, protocol].into_iter().flatten().min();
        earliest.unwrap_or_else(|| Instant::now() + LONG)
    }

    fn hung_up(&self) -> Lost {
        if self.protocol.is_connected() { Lost::Closed } else { Lost::Connect(ConnectError::Closed) }
    }

    fn failed(&self, error: std::io::Error) -> Lost {
        if self.protocol.is_connected() { Lost::Io(error) } else { Lost::Connect(ConnectError::Io(error)) }
    }
}
