//! Every way to the broker that it has itself.

use interop::{Mosquitto, Place};
use martlet_client::{Address, Client, ConnectError, Options, ProtocolVersion, QoS, Reconnect, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::client::{EACH_QOS, VERSIONS, connect, next, play, subscribe, within};

/// What the broker carries at once, and over WebSocket: it passes large messages on in pieces, ten a second.
const LARGE_BYTES: usize = 1 << 18;
const LARGE_WEB_SOCKET_BYTES: usize = 1 << 13;

/// Publishes messages to itself, small and large.
async fn works(large_bytes: usize, options: impl Fn() -> Options) {
    for version in VERSIONS {
        let client = connect(options().version(version).reconnect(Reconnect::never())).await;
        let mut stream = subscribe(&client, "t").await;
        for qos in EACH_QOS {
            for payload in [b"small".to_vec(), vec![7; large_bytes]] {
                within(client.publish("t", payload.clone()).qos(qos)).await.unwrap();
                assert!(next(&mut stream).await.payload() == payload);
            }
        }
        within(client.disconnect()).await.unwrap();
    }
}

async fn refused(options: Options) -> ConnectError {
    within(Client::connect(options)).await.unwrap_err()
}

#[test]
fn websocket() {
    play(|| async {
        // This version does not start without a plain listener beside.
        let broker = Mosquitto::start(|place| {
            let [port, other] = place.ports;
            format!(
                "listener {other} 127.0.0.1\nlistener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\n"
            )
        });
        works(LARGE_WEB_SOCKET_BYTES, || {
            Options::from_url(&format!("ws://127.0.0.1:{}/mqtt", broker.port())).unwrap()
        })
        .await;
    });
}

#[cfg(unix)]
#[test]
fn unix_socket() {
    play(|| async {
        let broker = Mosquitto::start(|place| {
            format!("listener 0 {}/socket\nallow_anonymous true\n", place.folder.display())
        });
        let path = broker.place().folder.join("socket");
        works(LARGE_BYTES, || Options::new(Address::Unix { path: path.clone() })).await;
    });
}

/// Writes an authority, a certificate of the broker and one of a client into the folder.
fn write_certificates(place: &Place) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "authority");
    place.write("ca.pem", &authority.self_signed(&authority_key).unwrap().pem());
    let issuer = Issuer::new(authority, authority_key);
    for name in ["localhost", "device-7"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        place.write(&format!("{name}.pem"), &params.signed_by(&key, &issuer).unwrap().pem());
        place.write(&format!("{name}.key"), &key.serialize_pem());
    }
}

#[test]
fn tls_with_the_certificate_of_a_client() {
    play(|| async {
        let broker = Mosquitto::start(|place| {
            write_certificates(place);
            let folder = place.folder.display();
            // Whoever shows a certificate is whom it names, and may do what the file says.
            place.write("acl", "user device-7\ntopic readwrite t\n");
            format!(
                "listener {} 127.0.0.1\ncafile {folder}/ca.pem\ncertfile {folder}/localhost.pem\n\
                 keyfile {folder}/localhost.key\nrequire_certificate true\nuse_identity_as_username true\n\
                 acl_file {folder}/acl\n",
                place.ports[0]
            )
        });
        let folder = &broker.place().folder;
        let options = || Options::from_url(&format!("mqtts://localhost:{}", broker.port())).unwrap();
        let trusting = || Tls::default().ca_file(folder.join("ca.pem")).unwrap();
        let (chain, key) = (folder.join("device-7.pem"), folder.join("device-7.key"));
        works(LARGE_BYTES, || options().tls(trusting().client_certificate(&chain, &key).unwrap())).await;
        let error = refused(options().tls(trusting())).await;
        assert!(matches!(error, ConnectError::Io(_) | ConnectError::Closed), "{error:?}");
        let stranger = Tls::default().ca_file(&chain).unwrap().client_certificate(&chain, &key).unwrap();
        let error = refused(options().tls(stranger)).await;
        assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
    });
}

#[test]
fn websocket_above_tls() {
    play(|| async {
        let broker = Mosquitto::start(|place| {
            write_certificates(place);
            let folder = place.folder.display();
            let [port, other] = place.ports;
            format!(
                "listener {other} 127.0.0.1\nlistener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\n\
                 certfile {folder}/localhost.pem\nkeyfile {folder}/localhost.key\n"
            )
        });
        let authority = broker.place().folder.join("ca.pem");
        let options = || Options::from_url(&format!("wss://localhost:{}/mqtt", broker.port())).unwrap();
        works(LARGE_WEB_SOCKET_BYTES, || options().tls(Tls::default().ca_file(&authority).unwrap())).await;
    });
}

#[test]
fn a_listener_of_another_kind() {
    play(|| async {
        let broker = Mosquitto::with("");
        let (port, version) = (broker.port(), ProtocolVersion::Mqtt5);
        let error =
            refused(Options::from_url(&format!("ws://127.0.0.1:{port}")).unwrap().version(version)).await;
        assert!(matches!(error, ConnectError::WebSocket(_)), "{error:?}");
        let client = connect(Options::tcp("127.0.0.1", port)).await;
        within(client.publish("t", "").qos(QoS::AtLeastOnce)).await.unwrap();
    });
}

#[cfg(feature = "psk")]
#[test]
fn tls_with_a_pre_shared_key() {
    play(|| async {
        let versions = ["tlsv1.2", "tlsv1.3"];
        for tls_version in versions {
            let broker = Mosquitto::start(|place| {
                let keys = place.write("keys", "device-7:00ab12ff\n");
                place.write("acl", "user device-7\ntopic readwrite t\n");
                format!(
                    "listener {} 127.0.0.1\npsk_hint hint\nuse_identity_as_username true\ntls_version {tls_version}\n\
                     psk_file {}\nacl_file {}/acl\n",
                    place.ports[0],
                    keys.display(),
                    place.folder.display()
                )
            });
            let options = || Options::from_url(&format!("mqtts://localhost:{}", broker.port())).unwrap();
            works(LARGE_BYTES, || options().psk("device-7", [0, 0xAB, 0x12, 0xFF])).await;
            let error = refused(options().psk("device-7", [0xAB, 0x12, 0xFF])).await;
            assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
        }
    });
}
