'use strict';
// A Session outlives its connection: subscriptions and messages of QoS 1 and 2 wait for the Client.

const { FIVE, Peer, connected, run, say } = require('./common');

async function resume(expiry) {
  const peer = new Peer('resume', { clean: false, expiry });
  say('present', Number((await peer.connect()).sessionPresent));
  return peer;
}

run(async () => {
  const publisher = await connected('resume-publisher');
  let peer = await resume(60);
  await peer.subscribe('resume/#', { qos: 2 });
  await peer.disconnect();

  for (const number of [0, 1, 2]) {
    await publisher.publish(`resume/${number}`, `waiting ${number}`, { qos: 1 + (number % 2) });
  }

  peer = await resume(60);
  const waiting = [];
  for (let count = 0; count < 3; count++) waiting.push(await peer.message());
  // Order is kept per Topic Name only, so sort them.
  waiting.sort((one, other) => one.topic.localeCompare(other.topic));
  for (const message of waiting) say('got', message.topic, message.qos, message.payload);
  await publisher.publish('resume/live', 'live');
  say('got', (await peer.message()).payload);

  if (FIVE) {
    await peer.disconnect({ properties: { sessionExpiryInterval: 0 } });
  } else {
    await peer.disconnect();
    await (await connected('resume', { clean: true })).disconnect();
  }
  await resume(0);
});
