'use strict';
// No Local, Retain As Published and Retain Handling.

const { connected, run, say } = require('./common');

run(async () => {
  const publisher = await connected('options-publisher');
  await publisher.publish('options/kept', 'kept', { retain: true });

  const peer = await connected('options');
  await peer.subscribe('options/local', { qos: 1, nl: true });
  await peer.publish('options/local', 'own');
  await publisher.publish('options/local', 'other');
  say('local', (await peer.message()).payload);

  await peer.subscribe('options/published', { qos: 1, rap: true });
  await publisher.publish('options/published', 'flag', { retain: true });
  let message = await peer.message();
  say('published', message.payload, Number(message.retain));

  await peer.subscribe('options/kept', { qos: 1, rh: 2 });
  await publisher.publish('options/kept', 'live');
  message = await peer.message();
  say('handling 2', message.payload, Number(message.retain));
  await peer.subscribe('options/kept', { qos: 1, rh: 1 });
  await publisher.publish('options/kept', 'again');
  message = await peer.message();
  say('handling 1', message.payload, Number(message.retain));
  await peer.subscribe('options/kept', { qos: 1, rh: 0 });
  message = await peer.message();
  say('handling 0', message.payload, Number(message.retain));
  for (const topic of ['options/kept', 'options/published']) await publisher.publish(topic, '', { retain: true });
});
