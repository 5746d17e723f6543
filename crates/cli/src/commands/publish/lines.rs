//! `-l`: each line of standard input is a message.

use std::io;

use martlet_tools::payload::{LineCutter, reason};

use super::{End, Publisher};
use crate::session::StandardInput;

impl Publisher<'_> {
    /// Publishes lines as they come, until the input has ended and everything is acknowledged.
    ///
    /// A slow broker makes the reading wait. While a connection is lost the lines wait, too.
    pub(super) async fn lines(&mut self, input: io::Stdin) -> Result<(), End> {
        let mut input = StandardInput::of(input).map_err(|error| End::Input(format!("Error: {error}\n")))?;
        let mut cutter = LineCutter::default();
        loop {
            match self.serve(&mut input, &mut cutter).await {
                Err(End::Lost(failure)) if !failure.is_final() => {
                    self.session.reopen().await.map_err(End::Open)?;
                }
                served => return served,
            }
        }
    }

    async fn serve(&mut self, input: &mut StandardInput, cutter: &mut LineCutter) -> Result<(), End> {
        loop {
            self.take_events()?;
            while self.session.is_connected() && self.session.has_room() {
                let Some(line) = cutter.next_line() else { break };
                self.send(line);
                self.take_events()?;
            }
            if self.session.is_connected()
                && cutter.is_exhausted()
                && self.session.unfinished_publishes() == 0
            {
                return Ok(self.session.send_all().await?);
            }
            let reads = self.session.is_connected() && self.session.has_room() && !cutter.has_ended();
            tokio::select! {
                turned = self.session.turn() => turned?,
                piece = input.next(), if reads => match piece {
                    Some(Ok(piece)) => {
                        cutter.push(&piece).map_err(|error| End::Input(format!("{error}\n")))?;
                    }
                    Some(Err(error)) => return Err(End::Input(format!("Error: {}.\n", reason(&error)))),
                    None => cutter.end(),
                },
            }
        }
    }

    fn take_events(&mut self) -> Result<(), End> {
        while let Some(event) = self.session.poll() {
            self.note(event)?;
        }
        Ok(())
    }
}
