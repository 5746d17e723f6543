'use strict';
// Many messages in a row stay in order.

const { FIVE, connected, run, say } = require('./common');

const COUNT = 500;
// In MQTT 5.0 the broker's Receive Maximum bounds the unfinished messages, and MQTT.js leaves the counting to its user.
const UNFINISHED_MAX = FIVE ? 20 : COUNT;

run(async () => {
  const subscriber = await connected('burst-subscriber');
  await subscriber.subscribe('burst/#', { qos: 2 });
  const publisher = await connected('burst-publisher');
  for (const qos of [1, 2]) {
    for (let number = 0; number < COUNT; ) {
      const sent = [];
      while (sent.length < UNFINISHED_MAX) sent.push(publisher.publish(`burst/${qos}`, String(number++), { qos }));
      await Promise.all(sent);
    }
    let inOrder = true;
    for (let number = 0; number < COUNT; number++) {
      if (Number((await subscriber.message()).payload) !== number) inOrder = false;
    }
    say('qos', qos, inOrder ? 'in order' : 'out of order');
  }
});
