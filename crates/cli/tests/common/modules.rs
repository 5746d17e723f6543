//! A server that is nothing but modules: it answers requests to `$CONTROL` topics as Mosquitto does, and no other client
//! hears of them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use martlet_client::rustls::{ServerConfig, ServerConnection, StreamOwned};
use martlet_wire::{
    Ack, ConnAck, Delivery, Packet, Properties, ProtocolVersion, Publish, QoS, ReasonCode, ReasonCodes,
    SubAck, TopicName, decode, fixed_header,
};

/// What the server says.
pub(crate) struct Modules {
    /// To CONNECT.
    pub(crate) connect: ReasonCode,
    /// To SUBSCRIBE; [`ReasonCode::Success`] is the QoS that was asked for.
    pub(crate) subscribe: ReasonCode,
    /// To PUBLISH of QoS 1.
    pub(crate) publish: ReasonCode,
    /// To a request to a module, which is the second level of the topic. Without an answer it stays silent.
    pub(crate) answer: fn(module: &str, command: &str) -> Option<String>,
}

impl Default for Modules {
    fn default() -> Self {
        let success = ReasonCode::Success;
        Self { connect: success, subscribe: success, publish: success, answer: |_, _| None }
    }
}

impl Modules {
    /// Starts the server, which lives as long as the test, and answers its port.
    pub(crate) fn start(self) -> u16 {
        self.start_with(Self::serve)
    }

    /// The same behind TLS.
    pub(crate) fn start_tls(self, config: ServerConfig) -> u16 {
        let config = Arc::new(config);
        self.start_with(move |modules, socket| {
            modules.serve(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), socket));
        })
    }

    fn start_with(self, serve: impl Fn(&Self, TcpStream) + Send + Sync + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new((self, serve));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.1(&shared.0, socket.unwrap()));
            }
        });
        port
    }

    fn serve(&self, mut socket: impl Read + Write) {
        let (mut version, mut received, mut chunk) = (None, Vec::new(), [0; 4096]);
        loop {
            let Some(header) = fixed_header(version, &received).unwrap() else {
                match socket.read(&mut chunk) {
                    Ok(0) | Err(_) => return,
                    Ok(len) => received.extend_from_slice(&chunk[..len]),
                }
                continue;
            };
            if received.len() < header.packet_len() {
                match socket.read(&mut chunk) {
                    Ok(0) | Err(_) => return,
                    Ok(len) => received.extend_from_slice(&chunk[..len]),
                }
                continue;
            }
            let rest = received.split_off(header.packet_len());
            let packet = decode(version.unwrap_or(ProtocolVersion::Mqtt5), &received).unwrap();
            if let Packet::Connect(connect) = &packet {
                version = Some(connect.version);
            }
            let mut out = Vec::new();
            self.answer_packet(version.unwrap(), &packet, &mut out);
            received = rest;
            if socket.write_all(&out).is_err() {
                return;
            }
        }
    }

    fn answer_packet(&self, version: ProtocolVersion, packet: &Packet<'_>, out: &mut Vec<u8>) {
        let mut send = |packet: Packet<'_>| packet.encode(version, out).unwrap();
        match packet {
            Packet::Connect(_) => send(Packet::ConnAck(ConnAck {
                session_present: false,
                reason: self.connect,
                properties: Properties::EMPTY,
            })),
            Packet::Subscribe(subscribe) => {
                let code = |qos| match self.subscribe {
                    ReasonCode::Success => ReasonCode::granted(qos),
                    refusal => refusal,
                };
                let codes: Vec<_> =
                    subscribe.requests.iter().map(|request| code(request.options.maximum_qos)).collect();
                let (id, codes) = (subscribe.id, ReasonCodes::list(&codes));
                send(Packet::SubAck(SubAck { id, properties: Properties::EMPTY, codes }));
            }
            Packet::Publish(publish) => {
                match publish.delivery {
                    Delivery::AtMostOnce => {}
                    Delivery::AtLeastOnce { id, .. } => {
                        send(Packet::PubAck(Ack { reason: self.publish, ..Ack::success(id) }));
                    }
                    Delivery::ExactlyOnce { id, .. } => send(Packet::PubRec(Ack::success(id))),
                }
                self.answer_request(publish, send);
            }
            Packet::PubRel(ack) => send(Packet::PubComp(Ack::success(ack.id))),
            Packet::PingReq => send(Packet::PingResp),
            _ => {}
        }
    }

    fn answer_request(&self, publish: &Publish<'_>, mut send: impl FnMut(Packet<'_>)) {
        let topic = publish.topic.unwrap().as_str();
        let module = topic.strip_prefix("$CONTROL/").and_then(|rest| rest.strip_suffix("/v1")).unwrap();
        let payload = core::str::from_utf8(publish.payload).unwrap();
        let command =
            payload.strip_prefix(r#"{"commands":["#).and_then(|rest| rest.strip_suffix("]}")).unwrap();
        if let Some(answer) = (self.answer)(module, command) {
            let topic = format!("{topic}/response");
            send(Packet::Publish(Publish {
                topic: Some(TopicName::parse(&topic).unwrap()),
                delivery: Delivery::new(QoS::AtMostOnce, false, martlet_wire::PacketId::new(1).unwrap()),
                retain: false,
                properties: Properties::EMPTY,
                payload: answer.as_bytes(),
            }));
        }
    }
}
