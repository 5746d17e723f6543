'use strict';
// What the MQTT.js scenarios share: a client whose every step waits for the broker's answer, with a deadline.
//
// A scenario is called with the port, the protocol version (4 is MQTT 3.1.1, 5 is MQTT 5.0) and, if it is not `tcp`, the
// way to the broker: `tls`, `ws` or `wss`. With TLS the file of the authority follows that is to be trusted.

const fs = require('node:fs');
const mqtt = require('mqtt');

const DEADLINE_MS = 20_000;
const PORT = Number(process.argv[2]);
const VERSION = Number(process.argv[3]);
const FIVE = VERSION === 5;
const WAY = process.argv[4] ?? 'tcp';
const AUTHORITY = process.argv[5];

function say(...words) {
  console.log(words.join(' '));
}

// Things that arrive and are waited for, in order.
class Mailbox {
  arrived = [];
  waiting = [];

  put(thing) {
    const waiter = this.waiting.shift();
    if (waiter) waiter(thing);
    else this.arrived.push(thing);
  }

  take() {
    if (this.arrived.length > 0) return Promise.resolve(this.arrived.shift());
    return within(new Promise((resolve) => this.waiting.push(resolve)));
  }
}

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing came before the deadline')), DEADLINE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Peer {
  messages = new Mailbox();
  ends = new Mailbox();

  // `clean` and `expiry` (seconds) are Clean Start and Session Expiry Interval; in 3.1.1 Clean Session.
  constructor(name, { clean = true, expiry = 0, will, properties = {} } = {}) {
    this.options = {
      protocol: { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' }[WAY],
      path: '/mqtt',
      ca: AUTHORITY && fs.readFileSync(AUTHORITY),
      host: '127.0.0.1',
      port: PORT,
      protocolVersion: VERSION,
      clientId: name,
      clean,
      reconnectPeriod: 0,
      will,
      properties: FIVE ? { sessionExpiryInterval: expiry, ...properties } : undefined,
    };
  }

  // Answers CONNACK.
  async connect() {
    this.client = mqtt.connect(this.options);
    // The packet itself lacks the Topic Name where the broker used a Topic Alias.
    this.client.on('message', (topic, payload, packet) => this.messages.put({ ...packet, topic }));
    this.client.on('disconnect', (packet) => this.ends.put(packet.reasonCode));
    this.client.on('close', () => this.ends.put('closed'));
    return within(
      new Promise((resolve, reject) => {
        this.client.once('connect', resolve);
        this.client.once('error', reject);
      }),
    );
  }

  // Answers the granted QoS, or the failure.
  async subscribe(filter, options = {}) {
    const granted = await within(this.client.subscribeAsync(filter, { qos: 0, ...options }));
    return granted[0].qos;
  }

  unsubscribe(filter) {
    return within(this.client.unsubscribeAsync(filter));
  }

  // Returns when the handshake of the QoS is over.
  publish(topic, payload, options = {}) {
    return within(this.client.publishAsync(topic, payload, { qos: 1, ...options }));
  }

  message() {
    return this.messages.take();
  }

  // Answers the Reason Code of the broker's DISCONNECT, or 'closed'.
  ended() {
    return this.ends.take();
  }

  disconnect(options = {}) {
    return within(this.client.endAsync(false, options));
  }

  // Closes the socket without a DISCONNECT, as a failing network does.
  vanish() {
    this.client.stream.destroy();
  }
}

async function connected(name, options) {
  const peer = new Peer(name, options);
  await peer.connect();
  return peer;
}

// Runs a scenario and ends the process, whatever connections are open.
function run(scenario) {
  scenario().then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

module.exports = { FIVE, Peer, connected, run, say };
