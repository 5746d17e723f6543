'use strict';
// A message that expires while it waits for a Client never reaches it; the time left of another one is told.

const { setTimeout: sleep } = require('node:timers/promises');

const { connected, run, say } = require('./common');

run(async () => {
  const publisher = await connected('expiry-publisher');
  let peer = await connected('expiry', { clean: false, expiry: 60 });
  await peer.subscribe('expiry/#', { qos: 1 });
  await peer.disconnect();
  await publisher.publish('expiry/short', 'short', { properties: { messageExpiryInterval: 1 } });
  await publisher.publish('expiry/long', 'long', { properties: { messageExpiryInterval: 60 } });
  await sleep(2000); // What is tested is that this time passes.
  peer = await connected('expiry', { clean: false, expiry: 0 });
  const message = await peer.message();
  say('got', message.payload);
  say('less', message.properties.messageExpiryInterval <= 58);
});
