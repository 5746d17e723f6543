'use strict';
// Each QoS end to end, and the lower one where the subscription asks for less.

const { connected, run, say } = require('./common');

run(async () => {
  const subscriber = await connected('qos-subscriber');
  const publisher = await connected('qos-publisher');
  for (const qos of [0, 1, 2]) say('granted', await subscriber.subscribe(`qos/${qos}`, { qos }));
  say('granted', await subscriber.subscribe('qos/lower', { qos: 1 }));

  for (const qos of [0, 1, 2]) {
    await publisher.publish(`qos/${qos}`, `payload ${qos}`, { qos });
    const message = await subscriber.message();
    say('got', message.topic, message.qos, message.payload);
  }

  await publisher.publish('qos/lower', 'payload 2', { qos: 2 });
  const message = await subscriber.message();
  say('got', message.topic, message.qos, message.payload);
});
