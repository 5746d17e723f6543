//! Files as the versions of Mosquitto write them.

/// A file that is being written.
pub(crate) struct File {
    format: u32,
    pub(crate) bytes: Vec<u8>,
    /// Where each chunk begins.
    pub(crate) chunks: Vec<usize>,
}

/// A message; formats before 5 leave out what they do not have.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) id: u64,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) qos: u8,
    pub(crate) retain: u8,
    pub(crate) publisher: &'a str,
    pub(crate) user_name: &'a str,
    pub(crate) expires_at: i64,
    /// Behind their length.
    pub(crate) properties: &'a [u8],
}

impl<'a> Message<'a> {
    pub(crate) fn new(id: u64, topic: &'a str, payload: &'a [u8], qos: u8) -> Self {
        let (publisher, user_name, properties) = ("pub", "ann", &[][..]);
        Self { id, topic, payload, qos, retain: 0, publisher, user_name, expires_at: 0, properties }
    }
}

/// A message of a client.
#[derive(Clone, Copy)]
pub(crate) struct Delivery<'a> {
    pub(crate) client: &'a str,
    pub(crate) message: u64,
    pub(crate) packet_id: u16,
    pub(crate) qos: u8,
    pub(crate) retain: u8,
    pub(crate) dup: u8,
    pub(crate) direction: u8,
    pub(crate) state: u8,
    pub(crate) identifier: u8,
}

pub(crate) const IN: u8 = 0;
pub(crate) const OUT: u8 = 1;
pub(crate) const PUBLISH_QOS1: u8 = 2;
pub(crate) const WAIT_FOR_PUBACK: u8 = 3;
pub(crate) const WAIT_FOR_PUBREC: u8 = 5;
pub(crate) const WAIT_FOR_PUBREL: u8 = 7;
pub(crate) const WAIT_FOR_PUBCOMP: u8 = 9;
pub(crate) const QUEUED: u8 = 11;

fn field(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn len(text: &str) -> [u8; 2] {
    u16::try_from(text.len()).unwrap().to_be_bytes()
}

impl File {
    pub(crate) fn new(format: u32) -> Self {
        let mut bytes = b"\x00\xb5\x00mosquitto db\0\0\0\0".to_vec();
        bytes.extend(format.to_be_bytes());
        let mut file = Self { format, bytes, chunks: Vec::new() };
        let last = 99_u64.to_le_bytes();
        let fields = if format < 5 {
            [&[1, 8][..], &last].concat()
        } else {
            [&last[..], &[1, 8, 0, 0, 0, 0, 0, 0]].concat()
        };
        file.chunk(1, &fields);
        file
    }

    pub(crate) fn chunk(&mut self, kind: u16, content: &[u8]) {
        self.chunk_of_length(kind, content, content.len());
    }

    fn chunk_of_length(&mut self, kind: u16, content: &[u8], length: usize) {
        self.chunks.push(self.bytes.len());
        if self.format < 5 {
            self.bytes.extend(kind.to_be_bytes());
        } else {
            self.bytes.extend(u32::from(kind).to_be_bytes());
        }
        self.bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
        self.bytes.extend_from_slice(content);
    }

    pub(crate) fn message(&mut self, it: &Message<'_>) {
        let payload_len = u32::try_from(it.payload.len()).unwrap().to_be_bytes();
        let (id, publisher) = (it.id.to_le_bytes(), it.publisher.as_bytes());
        if self.format < 5 {
            let source = if self.format == 4 {
                [field(it.user_name), 1883_u16.to_be_bytes().to_vec()].concat()
            } else {
                Vec::new()
            };
            let flags = [it.qos, it.retain];
            let content = [
                &id[..],
                &field(it.publisher),
                &source,
                &[0, 1, 0, 0],
                &field(it.topic),
                &flags,
                &payload_len,
                it.payload,
            ]
            .concat();
            // Mosquitto's own count, which is wrong.
            let length = content.len() + publisher.len();
            return self.chunk_of_length(2, &content, length);
        }
        let content = [
            &id[..],
            &it.expires_at.to_le_bytes(),
            &payload_len,
            &[0, 1],
            &len(it.publisher),
            &len(it.user_name),
            &len(it.topic),
            &[7, 91, it.qos, it.retain],
            publisher,
            it.user_name.as_bytes(),
            it.topic.as_bytes(),
            it.payload,
            it.properties,
        ]
        .concat();
        self.chunk(2, &content);
    }

    /// A client whose Session ends at this time after this interval; formats before 5 know neither.
    pub(crate) fn client(&mut self, client: &str, user_name: &str, interval: u32, ends_at: i64) {
        let content = match self.format {
            2 => [field(client), vec![0, 9]].concat(),
            3 | 4 => [field(client), vec![0, 9], 1_600_000_000_i64.to_le_bytes().to_vec()].concat(),
            _ => {
                let mut fixed = ends_at.to_le_bytes().to_vec();
                fixed.extend(interval.to_be_bytes());
                fixed.extend([0, 9]);
                fixed.extend(len(client));
                if self.format == 6 {
                    fixed.extend([7, 91]);
                    fixed.extend(len(user_name));
                    fixed.extend([0; 4]);
                }
                fixed.extend_from_slice(client.as_bytes());
                if self.format == 6 {
                    fixed.extend_from_slice(user_name.as_bytes());
                }
                fixed
            }
        };
        self.chunk(6, &content);
    }

    pub(crate) fn delivery(&mut self, it: &Delivery<'_>) {
        let (message, packet_id) = (it.message.to_le_bytes(), it.packet_id.to_be_bytes());
        let content = if self.format < 5 {
            let flags = [it.qos, it.retain, it.direction, it.state, it.dup];
            [&field(it.client)[..], &message, &packet_id, &flags].concat()
        } else {
            let flags = [it.qos, it.state, it.retain << 4 | it.dup, it.direction];
            let properties = if it.identifier > 0 { vec![2, 0x0b, it.identifier] } else { Vec::new() };
            [&message[..], &packet_id, &len(it.client), &flags, it.client.as_bytes(), &properties].concat()
        };
        self.chunk(3, &content);
    }

    pub(crate) fn subscription(&mut self, client: &str, filter: &str, qos: u8, options: u8, identifier: u32) {
        let content = if self.format < 5 {
            [&field(client)[..], &field(filter), &[qos]].concat()
        } else {
            let fixed = [&identifier.to_be_bytes()[..], &len(client), &len(filter), &[qos, options, 0, 0]];
            [&fixed.concat()[..], client.as_bytes(), filter.as_bytes()].concat()
        };
        self.chunk(5, &content);
    }

    pub(crate) fn retained(&mut self, id: u64) {
        self.chunk(4, &id.to_le_bytes());
    }
}
