'use strict';
// One MiB arrives as it was sent, with each QoS.

const { randomBytes } = require('node:crypto');

const { connected, run, say } = require('./common');

run(async () => {
  const peer = await connected('large');
  await peer.subscribe('large', { qos: 2 });
  const payload = randomBytes(1 << 20);
  for (const qos of [0, 1, 2]) {
    await peer.publish('large', payload, { qos });
    const message = await peer.message();
    say('got', message.qos, message.payload.length, payload.equals(message.payload) ? 'same' : 'different');
  }
});
