'use strict';
// A retained message reaches later subscribers with RETAIN set, present ones without, until it is cleared.

const { connected, run, say } = require('./common');

run(async () => {
  const publisher = await connected('retained-publisher');
  const present = await connected('retained-present');
  await present.subscribe('retained/#', { qos: 1 });
  await publisher.publish('retained/a', 'first', { retain: true });
  await publisher.publish('retained/a', 'second', { retain: true });
  for (let count = 0; count < 2; count++) {
    const message = await present.message();
    say('present', message.payload, Number(message.retain));
  }

  const later = await connected('retained-later');
  await later.subscribe('retained/#', { qos: 1 });
  let message = await later.message();
  say('later', message.payload, Number(message.retain));

  await publisher.publish('retained/a', '', { retain: true });
  await publisher.publish('retained/b', 'marker', { retain: true });
  const last = await connected('retained-last');
  await last.subscribe('retained/#', { qos: 1 });
  message = await last.message();
  say('last', message.topic, message.payload, Number(message.retain));
  await publisher.publish('retained/b', '', { retain: true });
});
