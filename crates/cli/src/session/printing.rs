//! Messages that came, on their way to standard output and to a record.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::time::Instant;

use martlet_proto::client::Incoming;
use martlet_tools::flags;
use martlet_tools::format::{Message, Moment, Printer};
use martlet_tools::payload::reason;
use martlet_tools::record::{RecordedMessage, Writer};
use martlet_wire::PacketId;

use super::properties::of_message;
use super::{Errors, Output};

/// Prints messages as the flags want it.
pub(crate) struct Printing {
    printer: Printer,
    /// Whether the format may show properties.
    wants_properties: bool,
    recorder: Option<Recorder>,
    /// When the messages came that are printed now.
    moment: Option<Moment>,
}

impl Printing {
    pub(crate) fn new(output: &flags::Output) -> Self {
        let wants_properties = output.format.is_some();
        Self { printer: Printer::new(output.clone()), wants_properties, recorder: None, moment: None }
    }

    /// Writes the messages to a file, too.
    ///
    /// # Errors
    /// A text for the user that ends in a newline: the file cannot be written.
    pub(crate) fn record_to(&mut self, path: &Path) -> Result<(), String> {
        let failed = |error: io::Error| format!("Error: {}: {}.\n", path.display(), reason(&error));
        let file = File::create(path).map_err(failed)?;
        let writer = Writer::new(BufWriter::new(file)).map_err(failed)?;
        self.recorder = Some(Recorder { path: path.display().to_string(), writer, begin: Instant::now() });
        Ok(())
    }

    /// What is printed before everything else.
    pub(crate) fn heading(&self, host: &str) -> Vec<u8> {
        self.printer.heading(host)
    }

    /// Prints a message. Whether it should be printed at all is for the caller to say.
    pub(crate) fn print(&mut self, incoming: &Incoming, out: &mut Output, errors: Errors) {
        let is_needed = self.wants_properties || self.recorder.is_some();
        let properties =
            if is_needed { of_message(incoming.properties(), incoming.topic_alias) } else { Vec::new() };
        let message = Message {
            topic: &incoming.topic,
            payload: &incoming.payload,
            qos: incoming.qos as u8,
            retain: incoming.retain,
            packet_id: incoming.id.map_or(0, PacketId::get),
            properties: &properties,
            time: self.moment.get_or_insert_with(Moment::now),
        };
        for warning in self.printer.print(&message, out.bytes()) {
            errors.say(&format!("{warning}\n"));
        }
    }

    /// Records a message, if messages are recorded.
    ///
    /// # Errors
    /// A text for the user that ends in a newline: the file cannot be written.
    pub(crate) fn record(&mut self, incoming: &Incoming) -> Result<(), String> {
        let Some(recorder) = &mut self.recorder else { return Ok(()) };
        let written = recorder.writer.write(&RecordedMessage {
            time_micros: u64::try_from(recorder.begin.elapsed().as_micros()).unwrap_or(u64::MAX),
            topic: incoming.topic.to_string(),
            qos: incoming.qos as u8,
            retain: incoming.retain,
            payload: incoming.payload.to_vec(),
            properties: of_message(incoming.properties(), None),
        });
        written.map_err(|error| recorder.failed(&error))
    }

    /// Says that no more messages are there at the moment: the record is written, and the next message has its own time.
    ///
    /// # Errors
    /// A text for the user that ends in a newline: the file cannot be written.
    pub(crate) fn rest(&mut self) -> Result<(), String> {
        self.moment = None;
        match &mut self.recorder {
            Some(recorder) => recorder.writer.flush().map_err(|error| recorder.failed(&error)),
            None => Ok(()),
        }
    }
}

struct Recorder {
    path: String,
    writer: Writer<BufWriter<File>>,
    begin: Instant,
}

impl Recorder {
    fn failed(&self, error: &io::Error) -> String {
        format!("Error: {}: {}.\n", self.path, reason(error))
    }
}
